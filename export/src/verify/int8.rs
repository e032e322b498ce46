//! Eight-bit networks in other engines against our own, in steps of quantisation.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use sextant_runtime::graph::{Graph, Node, ValueId};

use super::first_operator::shapes_text;
use super::one_by_one::one_by_one;
use super::parity::{Measure, largest_difference, name_width};
use super::{Expected, InputValues, Samples, on_the_processor, run_graph, run_ort, run_tract};
use crate::Error;
use crate::golden::GoldenOutput;
use crate::onnx::{self, Batch, Numbers};
use crate::quantize::{Noise, Revealed, reveal};

/// Samples on which every value of the network is compared.
const WATCHED_SAMPLES: usize = 8;
/// What an operator alone may differ by: engines round what is half way between two numbers differently.
const ALLOWED_STEPS: f32 = 1.0;
/// What those roundings add to an output is less than half of it, even of a network of random weights.
const LEAST_SIGNAL_TO_NOISE_DB: f64 = 6.0;

/// How far other engines are from ours on an eight-bit network.
///
/// An operator alone differs by a step where rounding was a close call, and what comes after it then differs too. So an
/// operator is checked on our own engine's inputs, and outputs are only checked for noise far beyond that.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Int8Parity {
    /// How many inputs the outputs were compared on.
    pub samples: usize,
    /// The written file's outputs, engine by engine.
    pub outputs: Vec<OutputNoise>,
    /// What tract makes of each int8 operator alone, on our own engine's inputs.
    pub operators: Vec<ValueSteps>,
    /// Every int8 value of the whole network, engine by engine.
    pub values: Vec<ValueSteps>,
}

/// One output of one engine against ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutputNoise {
    /// `tract` or `ort`.
    pub backend: &'static str,
    /// The output's name.
    pub output: String,
    /// Over all samples.
    pub largest_difference: f32,
    /// What that difference is.
    pub measure: Measure,
    /// Of all samples together; `None` when nothing differs.
    pub signal_to_noise_db: Option<f64>,
}

/// One int8 value in one engine against ours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ValueSteps {
    /// `tract` or `ort`.
    pub backend: &'static str,
    /// The value's name.
    pub value: String,
    /// The operator that makes it, for example `Conv2d`; empty for an input.
    pub operator: &'static str,
    /// What the operator reads, without the batch axis.
    pub input_shapes: Vec<Vec<usize>>,
    /// Over all samples.
    pub largest_steps: f32,
    /// Root of the mean square.
    pub root_mean_square_steps: f64,
    /// Numbers that are not the same.
    pub differing_percent: f64,
}

/// An engine's name, and what it makes of each output.
type Answers = (&'static str, Vec<Vec<f32>>);

impl Int8Parity {
    /// Runs `onnx`, the ONNX form of the int8 `graph` of the file `path`, in every engine that is there.
    ///
    /// # Errors
    /// When an engine cannot run it.
    pub(crate) fn measure(
        path: &Path,
        graph: &Graph,
        (onnx, batch, numbers): (&[u8], Batch, Numbers),
        samples: &Samples,
    ) -> Result<Self, Error> {
        let engines = Engines { path, numbers, with_ort: super::ort_is_there() };
        let expected = engines.native(graph, samples)?;
        let mut outputs = vec![];
        for (backend, computed) in engines.others(graph, &expected, onnx, batch, samples)? {
            let rows = expected.iter().zip(&computed);
            outputs.extend(rows.map(|(expected, computed)| OutputNoise::between(backend, expected, computed)));
        }
        let watched = samples.first(WATCHED_SAMPLES, graph);
        let values = engines.revealed(graph, &watched)?;
        Ok(Self {
            samples: samples.count,
            outputs,
            operators: engines.alone(graph, &values, &watched)?,
            values: engines.together(graph, &values, &watched)?,
        })
    }

    /// What differs too much, for people.
    pub fn failure_message(&self) -> Option<String> {
        let operator = self.operators.iter().find(|row| row.largest_steps > ALLOWED_STEPS).map(|row| {
            let ValueSteps { backend, value, operator, input_shapes, largest_steps, .. } = row;
            let shapes = shapes_text(input_shapes);
            format!(
                "'{value}' ({operator} of {shapes}) of {backend} differs from our own engine's by {largest_steps} steps on \
                 the same inputs"
            )
        });
        let noisy =
            |row: &&OutputNoise| row.signal_to_noise_db.is_some_and(|db| db.is_nan() || db < LEAST_SIGNAL_TO_NOISE_DB);
        let output = || {
            let row = self.outputs.iter().find(noisy)?;
            let decibels = row.signal_to_noise_db.unwrap_or_default();
            Some(format!(
                "{} of {} is {decibels:.1} dB above its difference to our own engine's",
                row.output, row.backend
            ))
        };
        operator.or_else(output)
    }
}

impl OutputNoise {
    pub(super) fn between(backend: &'static str, expected: &GoldenOutput, computed: &[f32]) -> Self {
        let measure = Measure::of(&expected.name);
        let (largest_difference, _) = largest_difference(measure, &expected.values, computed, expected.width);
        let mut noise = Noise::default();
        for (a, b) in expected.values.chunks(expected.width).zip(computed.chunks(expected.width)) {
            // A quaternion and its negative are one rotation.
            let opposite = a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() < 0.0;
            let same: Vec<f32> =
                if measure == Measure::AngleRad && opposite { b.iter().map(|v| -v).collect() } else { b.to_vec() };
            noise.add(a, &same);
        }
        Self {
            backend,
            output: expected.name.clone(),
            largest_difference,
            measure,
            signal_to_noise_db: noise.decibels(),
        }
    }
}

impl ValueSteps {
    fn between(backend: &'static str, graph: &Graph, value: ValueId, expected: &[f32], computed: &[f32]) -> Self {
        let maker = graph.nodes.iter().find(|node| node.output == value);
        let shapes_of = |node: &Node| node.inputs.iter().map(|id| graph.value(*id).shape.clone()).collect();
        let value = graph.value(value);
        let scale = value.quantization.map_or(1.0, |quantization| quantization.scale);
        let steps: Vec<f32> = expected.iter().zip(computed).map(|(a, b)| ((a - b) / scale).round().abs()).collect();
        let count = steps.len().max(1) as f64;
        let squares: f64 = steps.iter().map(|steps| f64::from(*steps) * f64::from(*steps)).sum();
        let largest = |most: f32, steps: &f32| if steps.is_nan() { f32::INFINITY } else { most.max(*steps) };
        Self {
            backend,
            value: value.name.clone(),
            operator: maker.map_or("", |node| node.op.name()),
            input_shapes: maker.map(shapes_of).unwrap_or_default(),
            largest_steps: steps
                .iter()
                .fold(if expected.len() == computed.len() { 0.0 } else { f32::INFINITY }, largest),
            root_mean_square_steps: (squares / count).sqrt(),
            differing_percent: 100.0 * steps.iter().filter(|steps| **steps != 0.0).count() as f64 / count,
        }
    }
}

/// What our own engine makes of every int8 value: its id in the graph, and what the numbers stand for.
pub(super) type Values = Vec<(ValueId, GoldenOutput)>;

struct Engines<'p> {
    path: &'p Path,
    numbers: Numbers,
    with_ort: bool,
}

impl Engines<'_> {
    fn failed(&self, backend: &'static str, reason: impl fmt::Display) -> Error {
        Error::Backend { path: self.path.to_path_buf(), backend, reason: reason.to_string() }
    }

    fn onnx(&self, graph: &Graph) -> Result<Vec<u8>, Error> {
        let model = onnx::from_graph_as(graph, &[], Batch::Dynamic, self.numbers);
        model
            .and_then(|model| onnx::to_bytes(&model))
            .map_err(|source| Error::Onnx { path: self.path.to_path_buf(), source })
    }

    fn native(&self, graph: &Graph, samples: &Samples) -> Result<Expected, Error> {
        let computed = run_graph(graph, samples).map_err(|reason| self.failed("native", reason))?;
        let named = graph.outputs.iter().zip(computed).map(|((name, id), values)| {
            let width = graph.value(*id).shape.iter().product();
            GoldenOutput { name: name.clone(), width, values }
        });
        Ok(named.collect())
    }

    /// Answers of tract, and of ONNX Runtime when it is there.
    fn others(
        &self,
        graph: &Graph,
        expected: &Expected,
        onnx: &[u8],
        batch: Batch,
        samples: &Samples,
    ) -> Result<Vec<Answers>, Error> {
        let tract = run_tract(onnx, graph, batch, samples).map_err(|reason| self.failed("tract", reason))?;
        let mut answers = vec![("tract", tract)];
        if self.with_ort {
            let failed = |source| Error::io(&std::env::temp_dir(), "write", source);
            let file = tempfile::Builder::new().suffix(".onnx").tempfile().map_err(failed)?;
            std::fs::write(file.path(), onnx).map_err(failed)?;
            let names: Vec<&str> = expected.iter().map(|output| output.name.as_str()).collect();
            let ort = run_ort(file.path(), &on_the_processor(), &names, samples);
            let ort = ort.map_err(|reason| self.failed("ort", reason))?;
            answers.push(("ort", ort));
        }
        Ok(answers)
    }

    fn revealed(&self, graph: &Graph, samples: &Samples) -> Result<Values, Error> {
        let (revealed, ids) = self.with_all_outputs(graph)?;
        let values = self.native(&revealed, samples)?;
        Ok(ids.iter().map(|revealed| revealed.int8).zip(values).collect())
    }

    fn with_all_outputs(&self, graph: &Graph) -> Result<(Graph, Vec<Revealed>), Error> {
        let (mut revealed, ids) = reveal(graph).map_err(|error| self.failed("native", error))?;
        revealed.outputs = ids.iter().map(|id| (format!("value{}", id.int8.0), id.real)).collect();
        Ok((revealed, ids))
    }

    fn alone(&self, graph: &Graph, values: &Values, samples: &Samples) -> Result<Vec<ValueSteps>, Error> {
        let (operators, fed, made) = one_by_one(graph).map_err(|error| self.failed("native", error))?;
        let of = |id: &ValueId| values.iter().find(|(value, _)| value == id).map(|(_, output)| &output.values);
        let numbers = fed.iter().filter_map(of).map(|values| InputValues::Floats(values.clone()));
        let samples = Samples { count: samples.count, inputs: samples.inputs.iter().cloned().chain(numbers).collect() };
        let onnx = self.onnx(&operators)?;
        let computed =
            run_tract(&onnx, &operators, Batch::Dynamic, &samples).map_err(|reason| self.failed("tract", reason))?;
        let rows = made.iter().zip(&computed);
        Ok(rows.filter_map(|(id, found)| Some(ValueSteps::between("tract", graph, *id, of(id)?, found))).collect())
    }

    fn together(&self, graph: &Graph, values: &Values, samples: &Samples) -> Result<Vec<ValueSteps>, Error> {
        let (revealed, _) = self.with_all_outputs(graph)?;
        let onnx = self.onnx(&revealed)?;
        let expected: Expected = values.iter().map(|(_, output)| output.clone()).collect();
        let mut rows = vec![];
        for (backend, computed) in self.others(&revealed, &expected, &onnx, Batch::Dynamic, samples)? {
            let found = values.iter().zip(&computed);
            rows.extend(
                found.map(|((id, output), found)| ValueSteps::between(backend, graph, *id, &output.values, found)),
            );
        }
        Ok(rows)
    }
}

impl fmt::Display for Int8Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&table(&self.outputs))?;
        writeln!(f, "int8 values against our own engine's, in steps of quantisation:")?;
        worst(f, "each operator alone", "tract", &self.operators)?;
        for backend in ["tract", "ort"] {
            worst(f, "the whole network", backend, &self.values)?;
        }
        Ok(())
    }
}

/// One row per output.
pub(super) fn table(rows: &[OutputNoise]) -> String {
    let width = name_width(rows.iter().map(|row| row.output.as_str()));
    let mut text = format!("{:<8} {:<width$} {:>14} {:>10}\n", "backend", "output", "max difference", "SNR dB");
    for OutputNoise { backend, output, largest_difference, measure, signal_to_noise_db } in rows {
        let unit = if *measure == Measure::AngleRad { "rad" } else { "   " };
        let difference = format!("{largest_difference:.2e} {unit}");
        let decibels = signal_to_noise_db.map_or("-".to_string(), |db| format!("{db:.1}"));
        text += &format!("{backend:<8} {output:<width$} {difference:>14} {decibels:>10}\n");
    }
    text
}

fn worst(f: &mut fmt::Formatter<'_>, what: &str, backend: &str, rows: &[ValueSteps]) -> fmt::Result {
    let of_backend = || rows.iter().filter(|row| row.backend == backend);
    let Some(largest) = of_backend().max_by(|a, b| a.largest_steps.total_cmp(&b.largest_steps)) else { return Ok(()) };
    let noisiest = of_backend().map(|row| row.root_mean_square_steps).fold(0.0, f64::max);
    let ValueSteps { value, largest_steps, .. } = largest;
    writeln!(f, "  {backend:<8} {what}: at most {largest_steps} ({value}), root mean square at most {noisiest:.2}")
}

#[cfg(test)]
mod tests {
    use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op, Padding, Quantization, WeightData, WeightId};

    use super::*;

    fn scale(scale: f32, zero_point: i8) -> Quantization {
        Quantization { scale, zero_point }
    }

    /// Filters that look random, with another scale for each channel.
    fn filters(b: &mut GraphBuilder, name: &str, shape: &[usize], cout: usize) -> [WeightId; 2] {
        let count: usize = shape.iter().product();
        let values =
            (0..count).map(|i| ((i * 7919 + name.len() * 131) % 251) as u8 as i8).map(|v| v.max(-127)).collect();
        let multipliers = (0..cout).map(|channel| (1 << 30) - 97_777_777 * (channel % 8) as i32).collect();
        let shift = (count / cout).ilog2().min(6);
        let data = WeightData::I8 { values, multipliers, shift };
        let biases = WeightData::I32((0..cout).map(|channel| 900 * channel as i32 - 2500).collect());
        let weight = b.constant(&format!("{name}.weight"), shape, data).unwrap();
        [weight, b.constant(&format!("{name}.bias"), &[cout], biases).unwrap()]
    }

    /// Every operator that has an int8 form, and those around them.
    fn network() -> Graph {
        let mut b = GraphBuilder::new("encode");
        let image = b.input("image", &[9, 8, 3], DataType::U8);
        let op = Op::QuantizeImage { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3], rows: None };
        let mut x = b.quantized_node("image/int8", op, &[image], scale(0.02, -7)).unwrap();
        let odd = Padding { top: 1, left: 0, bottom: 2, right: 1 };
        let clamp = Activation::Clamp { low: -0.7, high: 0.9 };
        for (name, shape, groups, activation) in [
            ("conv", [8, 3, 2, 3], 1, Activation::Relu6),
            ("depthwise", [1, 3, 3, 8], 8, clamp),
            ("grouped", [6, 1, 2, 4], 2, Activation::Relu),
        ] {
            let cout = if groups == 8 { 8 } else { shape[0] };
            let [weight, bias] = filters(&mut b, name, &shape, cout);
            let op = Op::Conv2d { weight, bias, stride: [1, 1], padding: odd, groups, activation };
            x = b.quantized_node(name, op, &[x], scale(0.03, -20)).unwrap();
        }
        let kernel = [3, 2];
        let (stride, padding) = ([2, 1], Padding { top: 1, left: 1, bottom: 0, right: 0 });
        let largest = b.node("max_pool", Op::MaxPool2d { kernel, stride, padding }, &[x]).unwrap();
        let average = Op::AveragePool2d { kernel, stride, padding };
        let average = b.quantized_node("average_pool", average, &[x], scale(0.025, 3)).unwrap();
        let add = Op::Add { activation: Activation::Relu };
        let sum = b.quantized_node("sum", add, &[largest, average], scale(0.04, -128)).unwrap();
        let rows = b.shape(sum)[0] as u32;
        let upper = b.node("upper", Op::SliceRows { start: 0, end: 1 }, &[sum]).unwrap();
        let lower = b.node("lower", Op::SliceRows { start: 1, end: rows }, &[sum]).unwrap();
        let sum = b.node("stacked", Op::ConcatRows, &[lower, upper]).unwrap();
        let op = Op::QuantizeImage { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3], rows: Some([2, 7]) };
        let seen = b.quantized_node("image/rows", op, &[image], scale(0.02, -7)).unwrap();
        let product = Op::Mul { activation: clamp };
        let product = b.quantized_node("product", product, &[sum, average], scale(0.011, 9)).unwrap();
        let joined = b.quantized_node("joined", Op::Concat, &[product, largest], scale(0.035, 1)).unwrap();
        let part = b.node("part", Op::Slice { start: 2, end: 11 }, &[joined]).unwrap();
        let part = b.node("relu", Op::Relu, &[part]).unwrap();
        let part = b.node("clamp", Op::Clamp { low: 0.1, high: 1.5 }, &[part]).unwrap();
        let turned = b.node("turned", Op::Transpose { axes: [2, 0, 1, 3] }, &[part]).unwrap();
        let most = b.node("most", Op::ReduceMax { axis: 1 }, &[turned]).unwrap();
        let mean = b.quantized_node("mean", Op::ReduceMean { axis: 0 }, &[turned], scale(0.01, 0)).unwrap();
        let pooled = b.quantized_node("pooled", Op::GlobalAveragePool, &[joined], scale(0.01, -100)).unwrap();
        let count = b.shape(mean).iter().product::<usize>();
        let flat = b.node("flat", Op::Reshape { shape: [count as u32, 0, 0, 0] }, &[mean]).unwrap();
        let again = b.node("again", Op::Reshape { shape: [7, 1, (count / 7) as u32, 0] }, &[flat]).unwrap();
        let again = b.node("again.turned", Op::Transpose { axes: [1, 0, 2, 3] }, &[again]).unwrap();
        let [weight, bias] = filters(&mut b, "linear", &[7, count], 7);
        let linear = Op::Linear { weight, bias, activation: Activation::Identity };
        let linear = b.quantized_node("linear", linear, &[flat], scale(0.05, 5)).unwrap();
        let outputs = [("most", most), ("linear", linear), ("pooled", pooled), ("again", again), ("seen", seen)];
        for (name, value) in outputs {
            let real = b.node(&format!("{name}/real"), Op::Dequantize, &[value]).unwrap();
            let last = match name {
                "linear" => b.node("softmax", Op::Softmax, &[real]).unwrap(),
                "pooled" => b.node("sigmoid", Op::Sigmoid, &[real]).unwrap(),
                _ => real,
            };
            b.output(&format!("{name}.output"), last);
        }
        b.finish()
    }

    fn measure(graph: &Graph, written: &Graph, batch: Batch, numbers: Numbers) -> Int8Parity {
        let onnx = onnx::to_bytes(&onnx::from_graph_as(written, &[], batch, numbers).unwrap()).unwrap();
        let samples = Samples::spread(graph, 6);
        Int8Parity::measure(Path::new("model.sxt"), graph, (&onnx, batch, numbers), &samples).unwrap()
    }

    #[test]
    fn every_operator_is_within_a_step_of_our_own() {
        let graph = network();
        for (batch, numbers) in [(Batch::Dynamic, Numbers::Uint8), (Batch::Fixed(2), Numbers::Int8)] {
            let parity = measure(&graph, &graph, batch, numbers);
            let int8 = graph.values.iter().filter(|value| value.data_type == DataType::I8).count();
            assert_eq!((parity.operators.len(), parity.samples), (int8, 6));
            assert_eq!(parity.failure_message(), None, "{parity}");
        }
    }

    #[test]
    fn an_operator_that_differs_is_named_with_what_it_reads() {
        let graph = network();
        let mut parity = measure(&graph, &graph, Batch::Dynamic, Numbers::Uint8);
        for row in parity.operators.iter_mut().filter(|row| ["sum", "linear"].contains(&row.value.as_str())) {
            row.largest_steps = 3.0;
        }
        let message = parity.failure_message().unwrap();
        let expected = "'sum' (Add of [7, 7, 6] and [7, 7, 6]) of tract differs from our own engine's by 3 steps";
        assert!(message.starts_with(expected), "{message}");
    }
}
