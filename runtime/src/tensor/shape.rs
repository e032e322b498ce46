use core::fmt;

use crate::plane_group::FilterExpansion;

/// The most axes a value or a weight can have.
pub const MAX_RANK: usize = 4;

/// One to four extents, each at least one; their product fits `u32`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    // Axes past `rank` are 1, so that equal shapes are equal structs.
    extents: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The shape of those extents; `None` when there are none or more than four, or one is zero, or their
    /// product is beyond `u32`.
    pub fn new(extents: &[usize]) -> Option<Self> {
        let elements = extents.iter().try_fold(1usize, |product, extent| product.checked_mul(*extent))?;
        if extents.is_empty() || elements == 0 || u32::try_from(elements).is_err() {
            return None;
        }
        let mut all = [1; MAX_RANK];
        all.get_mut(..extents.len())?.copy_from_slice(extents);
        Some(Self { extents: all, rank: extents.len() })
    }

    /// The extents, outermost first.
    pub fn extents(&self) -> &[usize] {
        self.extents.get(..self.rank).unwrap_or(&[])
    }

    /// The product of the extents.
    pub fn elements(&self) -> usize {
        self.extents.iter().product()
    }

    /// Of the filters that base filters of this shape expand to; `None` when they cannot.
    pub(crate) fn expanded(&self, expansion: FilterExpansion) -> Option<Self> {
        Self::new(&expansion.expanded_shape(*self.extents().first_chunk::<4>()?)?)
    }

    /// All but the last extent, and the last: the channels.
    pub(crate) fn split_channels(&self) -> (&[usize], usize) {
        match self.extents() {
            [outer @ .., channels] => (outer, *channels),
            [] => (&[], 1),
        }
    }

    /// The same with another last extent.
    pub(crate) fn with_channels(&self, channels: usize) -> Option<Self> {
        let mut extents = self.extents;
        if let Some(last) = extents.get_mut(self.rank.saturating_sub(1)) {
            *last = channels;
        }
        Self::new(extents.get(..self.rank).unwrap_or(&[]))
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.extents().fmt(f)
    }
}
