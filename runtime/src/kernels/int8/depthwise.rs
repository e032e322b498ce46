use super::scalar::Scalar;
use super::{Kernel, OutputScale};
use crate::kernels::window::WindowAxis;

/// Channels that are summed at a time.
const CHANNELS: usize = 16;

/// A two-dimensional int8 convolution with one filter per channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depthwise<'w> {
    pub vertical: WindowAxis,
    pub horizontal: WindowAxis,
    pub channels: usize,
    /// Height and width.
    pub output: [usize; 2],
    /// `[kh, kw, channels]`.
    pub filters: &'w [i8],
    /// Taps of padding read as this: the input's zero point.
    pub padding_value: i8,
    pub scale: OutputScale<'w>,
}

/// As `convolution::convolve`, for one filter per channel.
pub(crate) fn convolve_depthwise(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
    convolve_with::<Scalar>(options, arena, from, to);
}

pub(crate) fn convolve_with<K: Kernel>(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
    let [height, width] = options.output;
    let channels = options.channels;
    for y in 0..height {
        for x in 0..width {
            for first in (0..channels).step_by(CHANNELS) {
                let count = CHANNELS.min(channels - first);
                let mut sums = [0; CHANNELS];
                let Some(input) = arena.get(from + first..) else { return };
                sum_window::<K>(options, input, [y, x], first, sums.get_mut(..count).unwrap_or_default());
                let start = to + (y * width + x) * channels + first;
                let Some(output) = arena.get_mut(start..start + count) else { return };
                options.scale.write(first, &sums, output);
            }
        }
    }
}

/// Sums of a few channels over one window; `input` starts at the first of them.
#[inline(always)]
fn sum_window<K: Kernel>(options: &Depthwise<'_>, input: &[i8], [y, x]: [usize; 2], first: usize, sums: &mut [i32]) {
    let (taps_y, input_y) = options.vertical.covered(y);
    let (taps_x, input_x) = options.horizontal.covered(x);
    let (channels, count) = (options.channels, sums.len());
    for tap_y in 0..options.vertical.kernel {
        for tap_x in 0..options.horizontal.kernel {
            let start = (tap_y * options.horizontal.kernel + tap_x) * channels + first;
            let Some(filter) = options.filters.get(start..start + count) else { return };
            if !taps_y.contains(&tap_y) || !taps_x.contains(&tap_x) {
                K::accumulate(sums, filter, &[options.padding_value; CHANNELS]);
                continue;
            }
            let pixel = (input_y + tap_y - taps_y.start) * options.horizontal.size + input_x + tap_x - taps_x.start;
            let start = pixel * channels;
            if let Some(values) = input.get(start..start + count) {
                K::accumulate(sums, filter, values);
            }
        }
    }
}
