use std::vec;
use std::vec::Vec;

use crate::kernels::int8::OutputScale;
use crate::kernels::int8::convolution::Convolution;
use crate::kernels::int8::expanded::ExpandedConvolution;

/// Filters, biases and multipliers of all orientations, for kernels that pack filters.
pub(crate) struct AllFilters {
    filters: Vec<i8>,
    bias: Vec<i32>,
    multipliers: Vec<i32>,
}

impl ExpandedConvolution<'_> {
    /// All filters.
    pub fn all_filters(&self) -> AllFilters {
        let Convolution { vertical, horizontal, input_channels, output, filters, row_bytes, scale, .. } = self.base;
        let shape = [output[2], vertical.kernel, horizontal.kernel, input_channels];
        let taps = shape.iter().skip(1).product::<usize>().max(1);
        let place = |index: usize| index / taps * row_bytes + index % taps;
        let mut all = vec![0; output[2] * row_bytes];
        for (index, base) in self.expansion.base_indices(shape).enumerate() {
            if let (Some(to), Some(from)) = (all.get_mut(place(index)), filters.get(place(base))) {
                *to = *from;
            }
        }
        let order = self.expansion.group.order();
        AllFilters { filters: all, bias: scale.bias.repeat(order), multipliers: scale.multipliers.repeat(order) }
    }

    /// Bytes that [`Self::all_filters`] allocates.
    pub fn all_filters_bytes(&self) -> u64 {
        let row = (self.base.row_bytes + size_of::<i32>() + size_of::<i32>()) as u64;
        row.saturating_mul(self.base.output[2] as u64)
    }

    /// The same convolution with all filters.
    pub fn with<'f>(&self, all: &'f AllFilters) -> Convolution<'f> {
        let scale = OutputScale { bias: &all.bias, multipliers: &all.multipliers, ..self.base.scale };
        Convolution { filters: &all.filters, scale, ..self.base }
    }
}
