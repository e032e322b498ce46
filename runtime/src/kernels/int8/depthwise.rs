use core::ops::Range;

use super::{Kernel, OutputScale, Segment};
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

/// As `convolution::convolve`, for one filter per channel.
pub(crate) fn convolve_depthwise(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if super::avx2::is_available() {
        return super::avx2::convolve_depthwise(options, arena, from, to);
    }
    convolve_with::<super::Native>(options, arena, from, to);
}

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

/// Where the taps of a window of three by three start; `None` for padding. The input starts at `from`.
#[cfg(any(sextant_dsp, sextant_thumb2))]
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
