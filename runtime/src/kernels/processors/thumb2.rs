//! What the assembly of processors with Thumb-2 needs of the int8 kernels.

use crate::kernels::int8::OutputScale;
use crate::kernels::int8::depthwise::{Covered, Depthwise, PADDED_CHANNELS};

impl OutputScale<'_> {
    /// Up to this shift a zero point, shifted left by it, leaves room for the product.
    pub const LARGEST_SHIFT: u32 = 20;

    /// `2^(shift - 1) + (zero_point << shift)`: added before the shift, it rounds and moves to the zero point.
    #[inline(always)]
    pub fn constant(&self) -> i32 {
        ((1 << self.shift) >> 1) + (self.zero_point << self.shift)
    }

    /// What saturation to eight bits has not done of an activation.
    #[inline(always)]
    pub fn limit<'o>(&self, outputs: impl Iterator<Item = &'o mut [i8]>) {
        let [low, high] = self.bounds;
        if low <= -128 && high >= 127 {
            return;
        }
        let (low, high) = (low as i8, high as i8);
        outputs.flatten().for_each(|number| *number = (*number).max(low).min(high));
    }
}

/// Where the taps of a window of three by three start; `None` for padding. The input starts at `from`.
#[inline(always)]
pub(crate) fn tap_starts(
    options: &Depthwise<'_>,
    from: usize,
    [(taps_y, input_y), (taps_x, input_x)]: Covered<'_>,
) -> Option<[[Option<usize>; 3]; 3]> {
    if [options.vertical.kernel, options.horizontal.kernel] != [3, 3] || options.channels > PADDED_CHANNELS {
        return None;
    }
    let step = options.channels;
    let row = options.horizontal.size * step;
    let first = from + input_y * row + input_x * step;
    let mut starts = [[None; 3]; 3];
    for (line, starts) in starts.iter_mut().skip(taps_y.start).take(taps_y.len()).enumerate() {
        for (column, start) in starts.iter_mut().skip(taps_x.start).take(taps_x.len()).enumerate() {
            *start = Some(first + line * row + column * step);
        }
    }
    Some(starts)
}
