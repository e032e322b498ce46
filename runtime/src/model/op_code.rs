//! Operators as bytes: one code, one activation, 44 bytes of parameters.

use super::error::Fault;
use super::layout::NODE_BYTES;
#[cfg(feature = "alloc")]
use super::layout::node::PARAMETER_BYTES;
use super::layout::node::{ACTIVATION, CLAMP_BOUNDS, OPERATOR, PARAMETERS};
use super::record::Record;
use crate::graph::{Activation, Op, OperatorKind, Padding, WeightId};

/// Operator code, activation code and parameters of a node record.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpCode {
    pub operator: u8,
    pub activation: u8,
    pub parameters: [u8; PARAMETER_BYTES],
}

/// The operator of a node record.
pub(crate) fn decode(record: Record<'_, NODE_BYTES>) -> Result<Op, Fault> {
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
        21 => {
            let rows = (u32(24) != 0).then_some(u16s(24));
            Op::QuantizeImage { mean: f32s(0), std: f32s(12), rows }
        }
        22 => Op::Quantize,
        23 => Op::Dequantize,
        24 => Op::SliceRows { start: u32(0), end: u32(4) },
        25 => Op::ConcatRows,
        _ => return Err(Fault::Operator),
    };
    // Whatever this version would not write, a later one may mean: refuse it.
    let with_activation = matches!(op, Op::Conv2d { .. } | Op::Linear { .. } | Op::Add { .. } | Op::Mul { .. });
    if activation != Activation::Identity && !with_activation {
        return Err(Fault::Parameters);
    }
    let mut used = bytes_used(op.kind());
    if matches!(activation, Activation::Clamp { .. }) {
        used |= bytes(CLAMP_BOUNDS, 8);
    }
    for (index, byte) in record.0.iter().skip(PARAMETERS).enumerate() {
        if *byte != 0 && used >> index & 1 == 0 {
            return Err(Fault::Parameters);
        }
    }
    Ok(op)
}

/// A bit for each of `count` bytes from `first` on.
const fn bytes(first: usize, count: usize) -> u64 {
    ((1 << count) - 1) << first
}

/// The bytes of the parameters that an operator has, a bit each, without those of an activation.
fn bytes_used(kind: OperatorKind) -> u64 {
    match kind {
        OperatorKind::QuantizeImage => bytes(0, 28),
        OperatorKind::Normalize | OperatorKind::Conv2d => bytes(0, 24),
        OperatorKind::MaxPool2d | OperatorKind::AveragePool2d => bytes(0, 4) | bytes(8, 12),
        OperatorKind::Reshape => bytes(0, 16),
        OperatorKind::Linear | OperatorKind::Slice | OperatorKind::SliceRows | OperatorKind::Clamp => bytes(0, 8),
        OperatorKind::ApplyPredictor | OperatorKind::Transpose => bytes(0, 4),
        OperatorKind::ReduceMean | OperatorKind::ReduceMax => bytes(0, 1),
        _ => 0,
    }
}

/// The bytes of an operator.
#[cfg(feature = "alloc")]
pub(crate) fn encode(op: &Op) -> OpCode {
    let mut parameters = Parameters([0; PARAMETER_BYTES]);
    let activation = match op {
        Op::Normalize { mean, std } => {
            parameters.put_f32s(0, mean);
            parameters.put_f32s(12, std);
            Activation::Identity
        }
        Op::QuantizeImage { mean, std, rows } => {
            parameters.put_f32s(0, mean);
            parameters.put_f32s(12, std);
            parameters.put_u16s(24, &rows.unwrap_or_default());
            Activation::Identity
        }
        Op::Conv2d { weight, bias, stride, padding, groups, activation } => {
            parameters.put(0, &weight.0.to_le_bytes());
            parameters.put(4, &bias.0.to_le_bytes());
            parameters.put_window(*stride, *padding);
            parameters.put(20, &groups.to_le_bytes());
            *activation
        }
        Op::Linear { weight, bias, activation } => {
            parameters.put(0, &weight.0.to_le_bytes());
            parameters.put(4, &bias.0.to_le_bytes());
            *activation
        }
        Op::Add { activation } | Op::Mul { activation } => *activation,
        Op::MaxPool2d { kernel, stride, padding } | Op::AveragePool2d { kernel, stride, padding } => {
            parameters.put_u16s(0, kernel);
            parameters.put_window(*stride, *padding);
            Activation::Identity
        }
        Op::Slice { start, end } | Op::SliceRows { start, end } => {
            parameters.put(0, &start.to_le_bytes());
            parameters.put(4, &end.to_le_bytes());
            Activation::Identity
        }
        Op::ApplyPredictor { weight } => {
            parameters.put(0, &weight.0.to_le_bytes());
            Activation::Identity
        }
        Op::Clamp { low, high } => {
            parameters.put_f32s(0, &[*low, *high]);
            Activation::Identity
        }
        Op::Reshape { shape } => {
            for (index, extent) in shape.iter().enumerate() {
                parameters.put(4 * index, &extent.to_le_bytes());
            }
            Activation::Identity
        }
        Op::Transpose { axes } => {
            parameters.put(0, axes);
            Activation::Identity
        }
        Op::ReduceMean { axis } | Op::ReduceMax { axis } => {
            parameters.put(0, &[*axis]);
            Activation::Identity
        }
        Op::Relu
        | Op::GlobalAveragePool
        | Op::Concat
        | Op::ConcatRows
        | Op::NearestRotation
        | Op::Sigmoid
        | Op::Softmax
        | Op::Quantize
        | Op::Dequantize => Activation::Identity,
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
    OpCode { operator: op.kind() as u8, activation, parameters: parameters.0 }
}

#[cfg(feature = "alloc")]
struct Parameters([u8; PARAMETER_BYTES]);

#[cfg(feature = "alloc")]
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

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::super::layout::Section;
    use super::*;

    /// Every code and activation, with one byte of the parameters that is not zero.
    #[test]
    fn only_what_would_be_written_is_read() {
        let mut taken = 0;
        for operator in 0..=40 {
            for (activation, place) in (0..=4).flat_map(|activation| (0..=44).map(move |place| (activation, place))) {
                let mut bytes = [0; 64];
                assert_eq!(bytes.len(), Section::Nodes.record_bytes());
                (bytes[OPERATOR], bytes[ACTIVATION]) = (operator, activation);
                if let Some(byte) = bytes.get_mut(PARAMETERS + place) {
                    *byte = 1;
                }
                let parameters = bytes.as_slice().split_at(PARAMETERS).1;
                match decode(Record(&bytes)) {
                    Ok(op) => {
                        let written = encode(&op);
                        assert_eq!((written.operator, written.activation), (operator, activation), "{op:?}");
                        assert_eq!(written.parameters, parameters, "{op:?}, byte {place}");
                        taken += 1;
                    }
                    Err(fault) => assert!(matches!(fault, Fault::Operator | Fault::Parameters), "{fault:?}"),
                }
            }
        }
        // With all bytes zero: 25 operators, four of them with four activations. For each byte that means something one
        // more, for each activation; a clamp has eight more.
        let plain = 25 + 4 * 3;
        let parameters = 24 + 28 + 2 * 16 + 16 + 8 + 8 + 8 + 4 + 4 + 1 + 1 + 4 * (24 + 8) + 4 * 8;
        assert_eq!(taken, plain + parameters);
    }
}
