//! What operators with filters, convolutions and linear ones, have in common.

use super::{ArenaNode, Constants, Operands, ShapeError, WeightId, WeightInfo};
use crate::kernels::int8::OutputScale;
use crate::kernels::int8::convolution::Convolution;
use crate::kernels::int8::depthwise::Depthwise;
use crate::kernels::int8::expanded::ExpandedConvolution;
use crate::kernels::processors::{convolve, convolve_depthwise, convolve_expanded};
use crate::memory::{as_i8_mut, as_i16_mut};
use crate::tensor::{Activation, DataType, Quantization, QuantizedFilters, Shape, TensorData, filter_row_bytes};

/// Whether an int8 convolution's weight is `[1, kh, kw, c]`: one filter per channel, channels last.
pub(crate) fn is_depthwise(groups: u32, weight: Shape) -> bool {
    match weight.extents() {
        &[1, _, _, channels] => groups > 1 && groups as usize == channels,
        _ => false,
    }
}

/// float32 operators take float32 constants; int8 ones an int8 weight and an int32 bias. There is a bias for each stored
/// filter, and a multiplier of int8.
pub(super) fn check_types(
    reads: DataType,
    weight: WeightInfo,
    bias: Option<WeightInfo>,
    output_channels: usize,
) -> Result<(), ShapeError> {
    let stored = output_channels / weight.orientations();
    if weight.data_type != reads || (reads == DataType::I8 && weight.requantized_channels != stored) {
        return Err(ShapeError::Weight);
    }
    let bias_type = if reads == DataType::I8 { DataType::I32 } else { DataType::F32 };
    match bias {
        Some(bias) if bias.shape.extents() == [stored] && bias.data_type == bias_type => Ok(()),
        _ => Err(ShapeError::Bias),
    }
}

/// Four windows of an int8 convolution, or one input of a linear operator, as 16-bit numbers.
pub(super) fn scratch_bytes(weight: Option<WeightInfo>) -> usize {
    let Some(WeightInfo { shape, data_type: DataType::I8, .. }) = weight else { return 0 };
    let filter = shape.extents().get(1..).unwrap_or_default();
    filter_row_bytes(filter.iter().product()).saturating_mul(8)
}

/// Numbers of a weight, filters as int8 stores them: each filled up to whole vectors.
pub(super) fn stored_numbers(operands: &impl Operands, weight: WeightId) -> u64 {
    operands.weight(weight).map_or(0, |weight| {
        let [filters, filter @ ..] = weight.shape.extents() else { return 0 };
        (*filters as u64).saturating_mul(filter_row_bytes(filter.iter().product()) as u64)
    })
}

/// A product of windows with int8 filters.
pub(crate) enum Windows<'m> {
    Convolution(Convolution<'m>),
    Expanded(ExpandedConvolution<'m>),
    Depthwise(Depthwise<'m>),
}

/// Filters and bias of an int8 operator, and the scale of its output.
pub(super) fn filters<'m>(
    constants: &impl Constants<'m>,
    weight: WeightId,
    bias: WeightId,
    activation: Activation,
    output: Quantization,
) -> Option<(QuantizedFilters<'m>, OutputScale<'m>)> {
    let TensorData::I8(filters) = constants.constant(weight)?.data else { return None };
    let TensorData::I32(bias) = constants.constant(bias)?.data else { return None };
    let QuantizedFilters { multipliers, shift, .. } = filters;
    let (zero_point, bounds) = (output.zero_point.into(), output.bounds(activation));
    Some((filters, OutputScale { bias, multipliers, shift, zero_point, bounds }))
}

impl Windows<'_> {
    /// Multiplies an input that starts at byte `from`, the result of `node` being over it where `Operator::overlap` allows it.
    #[inline(always)]
    pub fn run<'m>(&self, node: &mut impl ArenaNode<'m>, from: usize) -> Option<()> {
        let to = node.place().start;
        let (activations, scratch) = node.memory()?;
        let activations = as_i8_mut(activations);
        match self {
            Self::Convolution(options) => convolve(options, activations, from, to, as_i16_mut(scratch)?),
            Self::Expanded(options) => convolve_expanded(options, activations, from, to, as_i16_mut(scratch)?),
            Self::Depthwise(options) => convolve_depthwise(options, activations, from, to),
        }
        Some(())
    }
}
