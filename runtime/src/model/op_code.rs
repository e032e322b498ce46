//! Operators as bytes: one code, one activation, 44 bytes of parameters.

use super::error::Fault;
use super::layout::node::{ACTIVATION, CLAMP_BOUNDS, OPERATOR, PARAMETER_BYTES, PARAMETERS};
use super::record::Record;
use crate::graph::{Activation, Op, Padding, WeightId};

/// Operator code, activation code and parameters of a node record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpCode {
    pub operator: u8,
    pub activation: u8,
    pub parameters: [u8; PARAMETER_BYTES],
}

/// The operator of a node record.
pub(crate) fn decode(record: Record<'_>) -> Result<Op, Fault> {
    let activation = match record.u8(ACTIVATION) {
        0 => Activation::Identity,
        1 => Activation::Relu,
        2 => Activation::Relu6,
        3 => {
            let bound = |step| record.f32(PARAMETERS + CLAMP_BOUNDS + step);
            Activation::Clamp { low: bound(0), high: bound(4) }
        }
        _ => return Err(Fault::Parameters),
    };
    let f32s = |offset: usize| [0, 4, 8].map(|step| record.f32(PARAMETERS + offset + step));
    let u16s = |offset: usize| [0, 2].map(|step| record.u16(PARAMETERS + offset + step));
    let u32 = |offset: usize| record.u32(PARAMETERS + offset);
    let padding = || {
        let ([top, left], [bottom, right]) = (u16s(12), u16s(16));
        Padding { top, left, bottom, right }
    };
    let op = match record.u8(OPERATOR) {
        1 => Op::Normalize { mean: f32s(0), std: f32s(12) },
        2 => Op::Conv2d {
            weight: WeightId(u32(0)),
            bias: WeightId(u32(4)),
            stride: u16s(8),
            padding: padding(),
            groups: u32(20),
            activation,
        },
        3 => Op::Linear { weight: WeightId(u32(0)), bias: WeightId(u32(4)), activation },
        4 => Op::Add { activation },
        5 => Op::Relu,
        6 => Op::MaxPool2d { kernel: u16s(0), stride: u16s(8), padding: padding() },
        7 => Op::GlobalAveragePool,
        8 => Op::Slice { start: u32(0), end: u32(4) },
        9 => Op::Concat,
        10 => Op::ApplyPredictor { weight: WeightId(u32(0)) },
        11 => Op::NearestRotation,
        12 => Op::Mul { activation },
        13 => Op::AveragePool2d { kernel: u16s(0), stride: u16s(8), padding: padding() },
        14 => Op::Clamp { low: record.f32(PARAMETERS), high: record.f32(PARAMETERS + 4) },
        15 => Op::Sigmoid,
        16 => Op::Softmax,
        17 => Op::Reshape { shape: [0, 4, 8, 12].map(u32) },
        18 => Op::Transpose { axes: [0, 1, 2, 3].map(|step| record.u8(PARAMETERS + step)) },
        19 => Op::ReduceMean { axis: record.u8(PARAMETERS) },
        20 => Op::ReduceMax { axis: record.u8(PARAMETERS) },
        21 => Op::QuantizeImage { mean: f32s(0), std: f32s(12) },
        22 => Op::Quantize,
        23 => Op::Dequantize,
        _ => return Err(Fault::Operator),
    };
    // Whatever this version would not write, a later one may mean: refuse it.
    let canonical = encode(&op);
    let parameters = record.0.get(PARAMETERS..PARAMETERS + PARAMETER_BYTES);
    if canonical.activation != record.u8(ACTIVATION) || parameters != Some(&canonical.parameters) {
        return Err(Fault::Parameters);
    }
    Ok(op)
}

/// The bytes of an operator.
pub(crate) fn encode(op: &Op) -> OpCode {
    let mut parameters = Parameters([0; PARAMETER_BYTES]);
    let (operator, activation) = match op {
        Op::Normalize { mean, std } | Op::QuantizeImage { mean, std } => {
            parameters.put_f32s(0, mean);
            parameters.put_f32s(12, std);
            (if matches!(op, Op::Normalize { .. }) { 1 } else { 21 }, Activation::Identity)
        }
        Op::Conv2d { weight, bias, stride, padding, groups, activation } => {
            parameters.put(0, &weight.0.to_le_bytes());
            parameters.put(4, &bias.0.to_le_bytes());
            parameters.put_window(*stride, *padding);
            parameters.put(20, &groups.to_le_bytes());
            (2, *activation)
        }
        Op::Linear { weight, bias, activation } => {
            parameters.put(0, &weight.0.to_le_bytes());
            parameters.put(4, &bias.0.to_le_bytes());
            (3, *activation)
        }
        Op::Add { activation } => (4, *activation),
        Op::Relu => (5, Activation::Identity),
        Op::MaxPool2d { kernel, stride, padding } | Op::AveragePool2d { kernel, stride, padding } => {
            parameters.put_u16s(0, kernel);
            parameters.put_window(*stride, *padding);
            (if matches!(op, Op::MaxPool2d { .. }) { 6 } else { 13 }, Activation::Identity)
        }
        Op::GlobalAveragePool => (7, Activation::Identity),
        Op::Slice { start, end } => {
            parameters.put(0, &start.to_le_bytes());
            parameters.put(4, &end.to_le_bytes());
            (8, Activation::Identity)
        }
        Op::Concat => (9, Activation::Identity),
        Op::ApplyPredictor { weight } => {
            parameters.put(0, &weight.0.to_le_bytes());
            (10, Activation::Identity)
        }
        Op::NearestRotation => (11, Activation::Identity),
        Op::Mul { activation } => (12, *activation),
        Op::Clamp { low, high } => {
            parameters.put_f32s(0, &[*low, *high]);
            (14, Activation::Identity)
        }
        Op::Sigmoid => (15, Activation::Identity),
        Op::Softmax => (16, Activation::Identity),
        Op::Reshape { shape } => {
            for (index, extent) in shape.iter().enumerate() {
                parameters.put(4 * index, &extent.to_le_bytes());
            }
            (17, Activation::Identity)
        }
        Op::Transpose { axes } => {
            parameters.put(0, axes);
            (18, Activation::Identity)
        }
        Op::ReduceMean { axis } => {
            parameters.put(0, &[*axis]);
            (19, Activation::Identity)
        }
        Op::ReduceMax { axis } => {
            parameters.put(0, &[*axis]);
            (20, Activation::Identity)
        }
        Op::Quantize => (22, Activation::Identity),
        Op::Dequantize => (23, Activation::Identity),
    };
    let activation = match activation {
        Activation::Identity => 0,
        Activation::Relu => 1,
        Activation::Relu6 => 2,
        Activation::Clamp { low, high } => {
            parameters.put_f32s(CLAMP_BOUNDS, &[low, high]);
            3
        }
    };
    OpCode { operator, activation, parameters: parameters.0 }
}

struct Parameters([u8; PARAMETER_BYTES]);

impl Parameters {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(offset).zip(bytes) {
            *to = *from;
        }
    }

    fn put_f32s(&mut self, offset: usize, values: &[f32]) {
        for (index, value) in values.iter().enumerate() {
            self.put(offset + 4 * index, &value.to_bits().to_le_bytes());
        }
    }

    fn put_u16s(&mut self, offset: usize, values: &[u16]) {
        for (index, value) in values.iter().enumerate() {
            self.put(offset + 2 * index, &value.to_le_bytes());
        }
    }

    fn put_window(&mut self, stride: [u16; 2], padding: Padding) {
        self.put_u16s(8, &stride);
        self.put_u16s(12, &[padding.top, padding.left, padding.bottom, padding.right]);
    }
}
