//! A case in the making: a graph with values for its inputs.

use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::graph::{
    DataType, Graph, GraphBuilder, GraphError, Op, Quantization, ValueId, WeightData, WeightId,
};
use sextant_runtime::plane_group::FilterExpansion;

use super::case::{Case, Drafted, RESULT};
use crate::Tolerance;
use crate::quantize::Filters;
use crate::verify::{InputValues, Samples};

/// Collects nodes, constants and inputs; what is not given looks random and is the same each time.
pub(super) struct Draft {
    builder: GraphBuilder,
    samples: Samples,
    /// Numbers drawn so far.
    drawn: usize,
}

/// Weights of eight bits for a convolution or a linear operator.
pub(super) struct EightBitFilters<'f> {
    /// `[cout, taps..]` as float32 operators have it.
    pub shape: &'f [usize],
    /// Whether the graph wants one filter per channel, channels last.
    pub depthwise: bool,
    /// How a convolution's filters are copies of these, unless these are all.
    pub expansion: Option<FilterExpansion>,
    /// Of the operator's input.
    pub input: Quantization,
    /// What the filters of the channels are multiplied by, in turn.
    pub factors: &'f [f32],
    /// How much of the output's range the largest sum may be: more than 1 saturates.
    pub fill: f32,
    /// Of the output.
    pub zero_point: i8,
}

impl Draft {
    /// A case of that many samples.
    pub fn new(count: usize) -> Self {
        Self { builder: GraphBuilder::new(ENCODE), samples: Samples { count, inputs: vec![] }, drawn: 0 }
    }

    /// An input of numbers in [-scale, scale).
    pub fn spread(&mut self, shape: &[usize], scale: f32) -> ValueId {
        let values = self.draw(self.samples.count * shape.iter().product::<usize>());
        self.floats(shape, values.into_iter().map(|value| scale * value).collect())
    }

    /// An input of these numbers, all samples one after the other.
    pub fn floats(&mut self, shape: &[usize], values: Vec<f32>) -> ValueId {
        self.input(shape, DataType::F32, InputValues::Floats(values))
    }

    /// An input of bytes from 0 to 255.
    pub fn image(&mut self, shape: &[usize]) -> ValueId {
        let count = self.samples.count * shape.iter().product::<usize>();
        let mut bytes: Vec<u8> = self.draw(count).into_iter().map(|value| (128.0 + 128.0 * value) as u8).collect();
        bytes.iter_mut().zip([0, 255]).for_each(|(byte, end)| *byte = end);
        self.input(shape, DataType::U8, InputValues::Bytes(bytes))
    }

    /// An int8 value of numbers from -128 to 127, quantised from a float32 input that every engine rounds to them.
    pub fn numbers(&mut self, shape: &[usize], quantization: Quantization) -> Result<ValueId, GraphError> {
        let count = self.samples.count * shape.iter().product::<usize>();
        let mut numbers: Vec<i8> = self.draw(count).into_iter().map(|value| (128.0 * value).floor() as i8).collect();
        numbers.iter_mut().zip([i8::MIN, i8::MAX]).for_each(|(number, end)| *number = end);
        self.these_numbers(shape, quantization, &numbers)
    }

    /// An int8 value of these numbers.
    pub fn these_numbers(
        &mut self,
        shape: &[usize],
        quantization: Quantization,
        numbers: &[i8],
    ) -> Result<ValueId, GraphError> {
        let real = self.floats(shape, numbers.iter().map(|number| quantization.dequantize(*number)).collect());
        self.quantized(Op::Quantize, &[real], quantization)
    }

    /// A float32 constant that keeps the size of what it is multiplied with.
    pub fn weight(&mut self, shape: &[usize]) -> Result<WeightId, GraphError> {
        let values = self.weight_values(shape);
        self.constant(shape, values)
    }

    /// The same of filters that may be copies of these.
    pub fn base_weight(&mut self, shape: &[usize], expansion: Option<FilterExpansion>) -> Result<WeightId, GraphError> {
        let values = self.weight_values(shape);
        let name = self.constant_name();
        match expansion {
            Some(expansion) => self.builder.expanded_weight(&name, shape, values, expansion),
            None => self.builder.weight(&name, shape, values),
        }
    }

    fn weight_values(&mut self, shape: &[usize]) -> Vec<f32> {
        let scale = (3.0 / shape[1..].iter().product::<usize>() as f32).sqrt();
        self.draw(shape.iter().product()).into_iter().map(|value| scale * value).collect()
    }

    /// A float32 constant for each of `count` channels.
    pub fn bias(&mut self, count: usize) -> Result<WeightId, GraphError> {
        let values = self.draw(count).into_iter().map(|value| 0.3 * value).collect();
        self.constant(&[count], values)
    }

    /// A float32 constant.
    pub fn constant(&mut self, shape: &[usize], values: Vec<f32>) -> Result<WeightId, GraphError> {
        let name = self.constant_name();
        self.builder.weight(&name, shape, values)
    }

    /// Weight and bias of eight bits, each channel with a scale of its own, and what the output's numbers then stand for.
    pub fn eight_bit_filters(
        &mut self,
        filters: &EightBitFilters<'_>,
    ) -> Result<([WeightId; 2], Quantization), GraphError> {
        let &EightBitFilters { shape, depthwise, expansion, input, factors, fill, zero_point } = filters;
        let (cout, taps) = (shape[0], shape[1..].iter().product::<usize>());
        let factor = |index: usize| factors[index / taps % factors.len()];
        let values = self.draw(cout * taps).into_iter().enumerate().map(|(i, value)| factor(i) * value);
        let values: Vec<f32> = values.collect();
        let bias: Vec<f32> = (0..cout).map(|channel| factor(channel * taps) * input.scale * 5.0).collect();
        let quantized =
            Filters { values: &values, bias: &bias, input, largest_number: 127, input_means: None }.quantize();
        let largest = values.chunks(taps).map(|filter| filter.iter().map(|w| w.abs()).sum::<f32>()).fold(0.0, f32::max);
        let wanted = input.scale * largest / fill;
        let to = Quantization { scale: wanted.max(quantized.least_output_scale() as f32), zero_point };
        let (weight, bias) = quantized.into_data(to, |values| match depthwise {
            true => (0..taps * cout).map(|i| values[i % cout * taps + i / cout]).collect(),
            false => values,
        });
        let stored: Vec<usize> = match (depthwise, shape) {
            (true, &[cout, height, width, _]) => vec![1, height, width, cout],
            _ => shape.to_vec(),
        };
        let weight = match expansion {
            Some(expansion) => {
                let name = self.constant_name();
                self.builder.expanded_constant(&name, &stored, weight, expansion)?
            }
            None => self.eight_bit_constant(&stored, weight)?,
        };
        Ok(([weight, self.eight_bit_constant(&[cout], bias)?], to))
    }

    /// A constant of eight bits, or of sums of them.
    pub fn eight_bit_constant(&mut self, shape: &[usize], data: WeightData) -> Result<WeightId, GraphError> {
        let name = self.constant_name();
        self.builder.constant(&name, shape, data)
    }

    fn constant_name(&mut self) -> String {
        let name = format!("constant{}", self.drawn);
        self.drawn += 1;
        name
    }

    /// What an operator makes; of int8 values with the scale of the first input.
    pub fn node(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        let name = self.node_name(&op);
        self.builder.node(&name, op, inputs)
    }

    /// What an operator makes of eight bits.
    pub fn quantized(&mut self, op: Op, inputs: &[ValueId], to: Quantization) -> Result<ValueId, GraphError> {
        let name = self.node_name(&op);
        self.builder.quantized_node(&name, op, inputs, to)
    }

    /// The case whose result is that value, as real numbers; its own kernels and others may add in another order, or round a
    /// half the other way.
    pub fn finish(mut self, name: impl Into<String>, result: ValueId) -> Drafted {
        let quantization = self.builder.quantization(result);
        let real = match quantization {
            Some(_) => self.node(Op::Dequantize, &[result])?,
            None => result,
        };
        self.builder.output(RESULT, real);
        let others = quantization.map_or(Tolerance::Close, |to| Tolerance::Steps { count: 1, scale: to.scale });
        let ours = if quantization.is_some() { Tolerance::Exact } else { Tolerance::Close };
        let graph: Graph = self.builder.finish();
        Ok(Case { name: name.into(), graph, by_hand: None, ours, others, ignored: vec![], samples: self.samples })
    }

    fn input(&mut self, shape: &[usize], data_type: DataType, values: InputValues) -> ValueId {
        let name = format!("input{}", self.samples.inputs.len());
        self.samples.inputs.push(values);
        self.builder.input(&name, shape, data_type)
    }

    fn node_name(&mut self, op: &Op) -> String {
        self.drawn += 1;
        format!("{}{}", op.name(), self.drawn)
    }

    /// Numbers in [-1, 1) that fill it evenly.
    fn draw(&mut self, count: usize) -> Vec<f32> {
        let start = self.drawn;
        self.drawn += count;
        // Multiples of the golden ratio modulo 1; the square keeps neighbours from being alike in steps.
        let fraction = |i: usize| (i as f64 * 0.618_033_988_749_895 + (i * i % 97) as f64 / 97.0).fract();
        (start + 1..=start + count).map(|i| (2.0 * fraction(i) - 1.0) as f32).collect()
    }
}
