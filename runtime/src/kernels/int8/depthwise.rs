use core::ops::Range;

use super::segment::Segment;
use super::{Kernel, OutputScale};
use crate::kernels::window::WindowAxis;

/// Most channels that are summed at a time.
pub(crate) const MOST_CHANNELS: usize = 16;

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

/// As `convolution::convolve_with`, for one filter per channel.
#[inline(always)]
pub(crate) fn convolve_with<K: Kernel>(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
    let [height, width] = options.output;
    let channels = options.channels;
    let padding = [options.padding_value; PADDED_CHANNELS];
    for y in 0..height {
        let rows = options.vertical.covered(y);
        for x in 0..width {
            let columns = options.horizontal.covered(x);
            let pixel = to + (y * width + x) * channels;
            K::depthwise(options, arena, [from, pixel], [&rows, &columns], &padding);
        }
    }
}

/// Channels of padding that a kernel may read as if they were on the map.
pub(crate) const PADDED_CHANNELS: usize = 256;

/// One value many times.
pub(crate) type Padding = [i8; PADDED_CHANNELS];

/// Which rows and columns of a window lie on the map, and where on the map the first one is.
pub(crate) type Covered<'c> = [&'c (Range<usize>, usize); 2];

/// The channels from `first` on of one output.
#[inline(always)]
pub(crate) fn one_output<K: Kernel>(
    options: &Depthwise<'_>,
    arena: &mut [i8],
    [from, pixel]: [usize; 2],
    covered: Covered<'_>,
    first: usize,
) {
    let most = K::CHANNELS.clamp(1, MOST_CHANNELS);
    let mut first = first;
    while first < options.channels {
        let count = most.min(options.channels - first);
        let mut sums = [0; MOST_CHANNELS];
        let (Some(input), Some(sums)) = (arena.get(from + first..), sums.get_mut(..count)) else { return };
        sum_window::<K>(options, input, covered, first, sums);
        let Some(output) = arena.get_mut(pixel + first..pixel + first + count) else { return };
        K::write(&options.scale, first, sums, output);
        first += count;
    }
}

/// Sums of a few channels over one window; `input` starts at the first of them.
#[inline(always)]
fn sum_window<K: Kernel>(
    options: &Depthwise<'_>,
    input: &[i8],
    [(taps_y, input_y), (taps_x, input_x)]: Covered<'_>,
    first: usize,
    sums: &mut [i32],
) {
    let (step, kernel_width) = (options.channels, options.horizontal.kernel);
    for tap_y in 0..options.vertical.kernel {
        let segment = |taps: Range<usize>| {
            let start = (tap_y * kernel_width + taps.start) * step + first;
            Segment { filters: options.filters.get(start..).unwrap_or(&[]), taps: taps.len(), step }
        };
        if !taps_y.contains(&tap_y) {
            K::accumulate_constant(sums, segment(0..kernel_width), options.padding_value);
            continue;
        }
        if taps_x.len() < kernel_width {
            K::accumulate_constant(sums, segment(0..taps_x.start), options.padding_value);
            K::accumulate_constant(sums, segment(taps_x.end..kernel_width), options.padding_value);
        }
        let pixel = (input_y + tap_y - taps_y.start) * options.horizontal.size + input_x;
        if let Some(values) = input.get(pixel * step..) {
            K::accumulate(sums, segment(taps_x.clone()), values);
        }
    }
}
