//! Where an engine goes wrong: the first operator, in the order of the graph, whose result differs.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;
use sextant_runtime::graph::{DataType, Graph, Node, Op, ValueId};

use super::parity::{Measure, largest_difference, tolerance};
use super::{Samples, ort, run_graph, run_ort, run_tract};
use crate::Tolerance;
use crate::onnx::proto::ModelProto;
use crate::onnx::{self, Batch};

/// What came of looking at every value of a network, after its outputs have differed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "search", rename_all = "snake_case")]
pub enum FirstOperator {
    /// An operator's result differs, and that of none before it.
    Differs(OperatorDifference),
    /// No operator's result does, where all of them are looked at.
    NoneDiffers {
        /// Whose outputs have differed.
        backend: &'static str,
        /// Whose values theirs were compared with.
        against: &'static str,
    },
    /// The values cannot be seen.
    NotSeen {
        /// Whose outputs have differed.
        backend: &'static str,
        /// Why, for people.
        reason: String,
    },
}

/// An operator whose result differs in two engines.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatorDifference {
    /// Whose outputs have differed: `native`, `tract` or `ort`.
    pub backend: &'static str,
    /// Whose values theirs were compared with.
    pub against: &'static str,
    /// The operator's name in the graph.
    pub node: String,
    /// For example `Conv2d`.
    pub operator: &'static str,
    /// Without the batch axis.
    pub input_shapes: Vec<Vec<usize>>,
    /// On the sample on which the outputs differ most.
    pub largest_difference: f32,
    /// What the difference may be.
    pub tolerance: f32,
    /// What the difference is.
    pub measure: Measure,
}

/// A file in which every value can be looked at.
pub(super) struct Watched<'f> {
    pub graph: &'f Graph,
    /// The ONNX form of the graph, as it is on the disk.
    pub file: &'f ModelProto,
    pub batch: Batch,
    /// The one sample that is computed.
    pub sample: Samples,
}

impl Watched<'_> {
    /// Compares every value of the file in `backend`, tract or ONNX Runtime, with our own engine's; of our own engine those of
    /// the file that `export onnx` would write with tract's.
    pub fn search(&self, backend: &'static str) -> FirstOperator {
        let against = if backend == "native" { "tract" } else { "native" };
        match self.first_difference(backend, against) {
            Ok(Some(difference)) => FirstOperator::Differs(difference),
            Ok(None) => FirstOperator::NoneDiffers { backend, against },
            Err(reason) => FirstOperator::NotSeen { backend, reason },
        }
    }

    fn first_difference(
        &self,
        backend: &'static str,
        against: &'static str,
    ) -> Result<Option<OperatorDifference>, String> {
        let written = match backend {
            "native" => &onnx::from_graph(self.graph, &[], self.batch).map_err(|error| error.to_string())?,
            _ => self.file,
        };
        let watched = self.watched(written)?;
        let outputs = watched.iter().map(|(value, _, name)| (name.clone(), *value)).collect();
        let graph = Graph { outputs, ..self.graph.clone() };
        let revealed = onnx::to_bytes(&onnx::with_outputs(written, self.graph, &watched));
        let revealed = revealed.map_err(|error| error.to_string())?;
        let ours = run_graph(&graph, &self.sample)?;
        let theirs = match backend {
            "ort" => self.in_ort(&graph, &revealed)?,
            _ => run_tract(&revealed, &graph, self.batch, &self.sample)?,
        };
        let maker = |value: &ValueId| self.graph.nodes.iter().find(|node| node.output == *value);
        let compared = watched.iter().filter_map(|(value, ..)| maker(value)).zip(ours.iter().zip(&theirs));
        let mut differences = compared.filter_map(|(node, (ours, theirs))| {
            let (largest_difference, measure, tolerance) = difference(node, ours, theirs)?;
            Some(OperatorDifference {
                backend,
                against,
                node: node.name.clone(),
                operator: node.op.name(),
                input_shapes: node.inputs.iter().map(|id| self.graph.value(*id).shape.clone()).collect(),
                largest_difference,
                tolerance,
                measure,
            })
        });
        Ok(differences.next())
    }

    /// The values of nodes in their order, each with its tensor of the file, if it has one, and a name as an output.
    fn watched(&self, file: &ModelProto) -> Result<Vec<(ValueId, String, String)>, String> {
        let made: HashSet<&String> = file.graph.iter().flat_map(|graph| &graph.node).flat_map(|n| &n.output).collect();
        let all = onnx::tensors_of_values(self.graph).map_err(|error| error.to_string())?;
        let is_float = |value: ValueId| self.graph.value(value).data_type == DataType::F32;
        let there = all.into_iter().filter(|(value, tensor)| is_float(*value) && made.contains(tensor));
        let watched: Vec<_> = there.map(|(value, tensor)| (value, tensor, format!("watched{}", value.0))).collect();
        if watched.is_empty() { Err("the file has none of the graph's values".to_string()) } else { Ok(watched) }
    }

    fn in_ort(&self, graph: &Graph, revealed: &[u8]) -> Result<Vec<Vec<f32>>, String> {
        let file = tempfile::Builder::new().suffix(".onnx").tempfile().map_err(|error| error.to_string())?;
        std::fs::write(file.path(), revealed).map_err(|error| error.to_string())?;
        let names: Vec<&str> = graph.outputs.iter().map(|(name, _)| name.as_str()).collect();
        run_ort(file.path(), &ort::on_the_processor(), &names, &self.sample)
    }
}

/// How far the result of a node is off, if it is.
fn difference(node: &Node, ours: &[f32], theirs: &[f32]) -> Option<(f32, Measure, f32)> {
    if Tolerance::Close.accepts(ours, theirs) {
        return None;
    }
    let measure = if node.op == Op::NearestRotation { Measure::AngleRad } else { Measure::Absolute };
    let (largest, _) = largest_difference(measure, ours, theirs, ours.len());
    let tolerance = tolerance(measure, ours);
    (largest > tolerance).then_some((largest, measure, tolerance))
}

/// Extents as people write them: `[16, 16, 3]`, or `[16] and [4]`.
pub(super) fn shapes_text(shapes: &[Vec<usize>]) -> String {
    let texts: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
    texts.join(" and ")
}

fn whose(engine: &str) -> &str {
    if engine == "native" { "our own engine" } else { engine }
}

impl fmt::Display for FirstOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(OperatorDifference {
                against,
                node,
                operator,
                input_shapes,
                largest_difference,
                tolerance,
                measure,
                ..
            }) => write!(
                f,
                "the first operator that differs is '{node}' ({operator} of {}): by {largest_difference:.3e}{} from {}'s \
                 (allowed: {tolerance:.1e})",
                shapes_text(input_shapes),
                measure.unit(),
                whose(against)
            ),
            Self::NoneDiffers { against, .. } => write!(f, "every operator alone agrees with {}'s", whose(against)),
            Self::NotSeen { reason, .. } => write!(f, "which operator differs cannot be seen: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use sextant_runtime::graph::{Activation, GraphBuilder, Padding};

    use super::*;
    use crate::onnx::proto::{GraphProto, TensorProto};

    /// Two convolutions, a pool, a linear layer and a rotation.
    fn network() -> Graph {
        let mut b = GraphBuilder::new("encode");
        let mut numbers = (1..).map(|i| (i as f32 * 1.7).sin() * 0.4);
        let mut weight = |b: &mut GraphBuilder, name: &str, shape: &[usize]| {
            b.weight(name, shape, numbers.by_ref().take(shape.iter().product()).collect()).unwrap()
        };
        let image = b.input("image", &[8, 8, 3], DataType::U8);
        let normalize = Op::Normalize { mean: [0.5; 3], std: [0.25; 3] };
        let mut x = b.node("normalize", normalize, &[image]).unwrap();
        for (name, cin, stride) in [("first", 3, 2), ("second", 4, 1)] {
            let weight_id = weight(&mut b, &format!("{name}.weight"), &[4, 3, 3, cin]);
            let bias = weight(&mut b, &format!("{name}.bias"), &[4]);
            let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
            let activation = Activation::Relu;
            let op = Op::Conv2d { weight: weight_id, bias, stride: [stride; 2], padding, groups: 1, activation };
            x = b.node(name, op, &[x]).unwrap();
        }
        let pooled = b.node("pool", Op::GlobalAveragePool, &[x]).unwrap();
        let (matrix, bias) = (weight(&mut b, "matrix.weight", &[9, 4]), weight(&mut b, "matrix.bias", &[9]));
        let linear = Op::Linear { weight: matrix, bias, activation: Activation::Identity };
        let nine = b.node("matrix", linear, &[pooled]).unwrap();
        let rotation = b.node("rotation", Op::NearestRotation, &[nine]).unwrap();
        b.output("rotation_wxyz", rotation);
        b.output("invariant", pooled);
        b.finish()
    }

    fn constant<'g>(graph: &'g mut GraphProto, name: &str) -> &'g mut TensorProto {
        graph.initializer.iter_mut().find(|tensor| tensor.name == name).unwrap()
    }

    fn double(tensor: &mut TensorProto) {
        tensor.raw_data.as_chunks_mut::<4>().0.iter_mut().for_each(|bytes| {
            *bytes = (2.0 * f32::from_le_bytes(*bytes)).to_le_bytes();
        });
    }

    fn attribute(graph: &mut GraphProto, node: &str, name: &str, values: &[i64]) {
        let node = graph.node.iter_mut().find(|found| found.name == node).unwrap();
        node.attribute.iter_mut().find(|attribute| attribute.name == name).unwrap().ints = values.to_vec();
    }

    /// The damaged file's first operator that differs in an engine.
    fn found(graph: &Graph, batch: Batch, engine: &'static str, damage: impl Fn(&mut GraphProto)) -> FirstOperator {
        let mut file = onnx::from_graph(graph, &[], batch).unwrap();
        damage(file.graph.as_mut().unwrap());
        Watched { graph, file: &file, batch, sample: Samples::spread(graph, 1) }.search(engine)
    }

    #[test]
    fn a_file_that_is_damaged_somewhere_is_named_there() {
        type Damage = fn(&mut GraphProto);
        let cases: [(&str, &str, &str, Damage); 6] = [
            ("first", "Conv2d", "[8, 8, 3]", |g| double(constant(g, "first.weight"))),
            ("second", "Conv2d", "[4, 4, 4]", |g| double(constant(g, "second.bias"))),
            ("second", "Conv2d", "[4, 4, 4]", |g| attribute(g, "second", "pads", &[2, 1, 0, 1])),
            ("normalize", "Normalize", "[8, 8, 3]", |g| double(constant(g, "normalize/scale"))),
            ("matrix", "Linear", "[4]", |g| double(constant(g, "matrix.weight"))),
            ("rotation", "NearestRotation", "[9]", |g| constant(g, "rotation/order").raw_data.fill(0)),
        ];
        let graph = network();
        for batch in [Batch::Dynamic, Batch::Fixed(2)] {
            for (node, operator, shapes, damage) in cases {
                let found = found(&graph, batch, "tract", damage);
                let FirstOperator::Differs(difference) = &found else { panic!("{node}: {found:?}") };
                assert_eq!((difference.node.as_str(), difference.operator), (node, operator), "{found}");
                assert!(difference.largest_difference > difference.tolerance, "{found}");
                assert!(found.to_string().contains(&format!("'{node}' ({operator} of {shapes}): by ")), "{found}");
            }
        }
    }

    #[test]
    fn a_whole_file_has_no_operator_that_differs() {
        let graph = network();
        let none = FirstOperator::NoneDiffers { backend: "tract", against: "native" };
        assert_eq!(found(&graph, Batch::Dynamic, "tract", |_| {}), none);
        let file = ModelProto::default();
        let watched = Watched { graph: &graph, file: &file, batch: Batch::Dynamic, sample: Samples::spread(&graph, 1) };
        assert_eq!(watched.search("native"), FirstOperator::NoneDiffers { backend: "native", against: "tract" });
        assert!(matches!(watched.search("tract"), FirstOperator::NotSeen { .. }));
    }

    /// `./test operators` runs it.
    #[test]
    #[ignore = "needs a library of ONNX Runtime, which ORT_DYLIB_PATH names"]
    fn onnx_runtime_is_looked_into() {
        let graph = network();
        let whole = found(&graph, Batch::Dynamic, "ort", |_| {});
        assert_eq!(whole, FirstOperator::NoneDiffers { backend: "ort", against: "native" });
        let damaged = found(&graph, Batch::Dynamic, "ort", |g| double(constant(g, "second.weight")));
        assert!(matches!(&damaged, FirstOperator::Differs(found) if found.node == "second"), "{damaged}");
    }

    #[test]
    fn shapes_of_several_inputs_are_listed() {
        assert_eq!(shapes_text(&[vec![16], vec![4]]), "[16] and [4]");
    }
}
