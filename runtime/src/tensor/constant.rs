use super::Shape;
use crate::plane_group::FilterExpansion;

/// A constant where it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Constant<'m> {
    /// Of what is stored.
    pub shape: Shape,
    pub data: TensorData<'m>,
    /// Of filters whose base filters alone are stored.
    pub expansion: Option<FilterExpansion>,
}

/// The values of a constant, in place.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TensorData<'m> {
    /// Row-major.
    F32(&'m [f32]),
    /// Filters of eight bits.
    I8(QuantizedFilters<'m>),
    /// Row-major.
    I32(&'m [i32]),
}

impl<'m> TensorData<'m> {
    /// The values of a float32 tensor; none of others.
    pub fn floats(&self) -> &'m [f32] {
        match self {
            Self::F32(values) => values,
            _ => &[],
        }
    }

    /// Bytes of its numbers, with multipliers.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes = match self {
            Self::F32(values) => size_of_val(*values),
            Self::I8(filters) => filters.rows.len() + size_of_val(filters.multipliers),
            Self::I32(values) => size_of_val(*values),
        };
        bytes as u64
    }
}

/// Eight-bit filters with what brings their sums to the output's scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizedFilters<'m> {
    /// One filter after the other, each filled up with zeros to [`Self::row_bytes`].
    pub rows: &'m [i8],
    /// From one filter to the next, a multiple of 16.
    pub row_bytes: usize,
    /// One per output channel, in `[0, 2^31)`.
    pub multipliers: &'m [i32],
    /// In `[0, 30]`.
    pub shift: u32,
}

/// Bytes from one int8 filter to the next: a multiple of 16, filled up with zeros.
pub(crate) fn filter_row_bytes(taps: usize) -> usize {
    taps.div_ceil(16).saturating_mul(16)
}
