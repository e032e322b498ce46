use super::dot::{DotProducts, LANES};
use super::elementwise::activate;
use super::window::WindowAxis;
use crate::plane_group::{Fibre, FilterExpansion};
use crate::tensor::Activation;

/// A two-dimensional convolution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution {
    pub vertical: WindowAxis,
    pub horizontal: WindowAxis,
    pub input_channels: usize,
    pub output_width: usize,
    pub output_channels: usize,
    pub groups: usize,
    pub activation: Activation,
}

impl Convolution {
    /// Whether there is one filter per channel.
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.input_channels && self.groups == self.output_channels && self.groups > 1
    }
}

/// Cross-correlation with zero padding.
///
/// # Shapes
/// `input [h, w, cin]`, `weight [cout, kh, kw, cin / groups]`, `bias [cout]`, `output [oh, ow, cout]`.
pub(crate) fn convolve(options: &Convolution, input: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
    if options.is_depthwise() {
        return convolve_depthwise(options, input, weight, bias, output);
    }
    let group_cin = options.input_channels / options.groups.max(1);
    let group_cout = options.output_channels / options.groups.max(1);
    let filter_length = options.vertical.kernel * options.horizontal.kernel * group_cin;
    if filter_length == 0 || group_cout == 0 {
        return;
    }
    for group in 0..options.groups {
        let mut first = group * group_cout;
        let end = first + group_cout;
        // Filters in the outer loop stay in the cache; four share every load of the input.
        while first < end {
            let place = Channels { first_input: group * group_cin, group_cin, first_output: first };
            if first + 4 <= end {
                convolve_filters::<4>(options, place, input, weight, bias, output);
                first += 4;
            } else {
                convolve_filters::<1>(options, place, input, weight, bias, output);
                first += 1;
            }
        }
    }
}

/// Which channels a few filters of one group read and write.
#[derive(Clone, Copy)]
struct Channels {
    first_input: usize,
    group_cin: usize,
    first_output: usize,
}

fn convolve_filters<const N: usize>(
    options: &Convolution,
    channels: Channels,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    let filter_length = options.vertical.kernel * options.horizontal.kernel * channels.group_cin;
    let filters: [&[f32]; N] = core::array::from_fn(|n| filter(weight, channels.first_output + n, filter_length));
    let Some(bias) = bias.get(channels.first_output..channels.first_output + N) else { return };
    let add = |products: &mut DotProducts<N>, start: usize, values: &[f32]| {
        products.add_fused(values, filters.map(|filter| filter.get(start..start + values.len()).unwrap_or(&[])));
    };
    each_window(options, channels, input, bias, output, add);
}

/// One filter of many.
fn filter(weight: &[f32], index: usize, length: usize) -> &[f32] {
    weight.get(index * length..).and_then(|rest| rest.get(..length)).unwrap_or(&[])
}

/// Writes the sums of `N` filters at every window, with their biases. `add` adds the products of the numbers of a window
/// from some number of the filters on.
#[inline(always)]
fn each_window<const N: usize>(
    options: &Convolution,
    channels: Channels,
    input: &[f32],
    bias: &[f32],
    output: &mut [f32],
    add: impl Fn(&mut DotProducts<N>, usize, &[f32]),
) {
    for (row, output_row) in
        output.chunks_exact_mut((options.output_width * options.output_channels).max(1)).enumerate()
    {
        for (column, pixel) in output_row.chunks_exact_mut(options.output_channels.max(1)).enumerate() {
            let sums = window_sums(options, channels, input, &add, [row, column]);
            let written = pixel.iter_mut().skip(channels.first_output);
            for ((to, sum), bias) in written.zip(sums).zip(bias) {
                *to = activate(options.activation, sum + bias);
            }
        }
    }
}

#[inline(always)]
fn window_sums<const N: usize>(
    options: &Convolution,
    channels: Channels,
    input: &[f32],
    add: &impl Fn(&mut DotProducts<N>, usize, &[f32]),
    [row, column]: [usize; 2],
) -> [f32; N] {
    let (taps_y, input_y) = options.vertical.covered(row);
    let (taps_x, input_x) = options.horizontal.covered(column);
    let mut products = DotProducts::<N>::new();
    // One group: all columns of a window's row stand next to each other, in the input and in the filter.
    let (steps, length) =
        if options.groups == 1 { (1, taps_x.len() * channels.group_cin) } else { (taps_x.len(), channels.group_cin) };
    for (line, tap_y) in taps_y.enumerate() {
        for step in 0..steps {
            let pixel = (input_y + line) * options.horizontal.size + input_x + step;
            let tap = tap_y * options.horizontal.kernel + taps_x.start + step;
            let start = pixel * options.input_channels + channels.first_input;
            let values = input.get(start..start + length).unwrap_or(&[]);
            add(&mut products, tap * channels.group_cin, values);
        }
    }
    products.sums()
}

/// [`convolve`] with filters that are copies of base filters, which alone are there. Every sum is made in the order in which
/// it is with expanded filters.
///
/// # Shapes
/// `input [h, w, cin]`, `base [fields, k, k, cin]`, `bias [fields]`, `output [oh, ow, G * fields]`.
pub(crate) fn convolve_expanded(
    options: &Convolution,
    expansion: FilterExpansion,
    input: &[f32],
    base: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    let fields = options.output_channels / expansion.group.order();
    for orientation in 0..expansion.group.order() {
        let mut field = 0;
        while field < fields {
            let expanded = ExpandedFilters { options, expansion, base, fields, orientation, field };
            if field + 4 <= fields {
                expanded.convolve::<4>(input, bias, output);
                field += 4;
            } else {
                expanded.convolve::<1>(input, bias, output);
                field += 1;
            }
        }
    }
}

/// A few filters of one orientation.
struct ExpandedFilters<'a> {
    options: &'a Convolution,
    expansion: FilterExpansion,
    base: &'a [f32],
    fields: usize,
    orientation: usize,
    /// The first one's.
    field: usize,
}

/// Numbers of a filter that are gathered at a time: whole [`LANES`], so that each gets into the lane where it belongs.
const PIECE: usize = 4 * LANES;

impl ExpandedFilters<'_> {
    fn convolve<const N: usize>(&self, input: &[f32], bias: &[f32], output: &mut [f32]) {
        let Self { options, base, field, .. } = *self;
        let length = options.vertical.kernel * options.horizontal.kernel * options.input_channels;
        let filters: [&[f32]; N] = core::array::from_fn(|n| filter(base, field + n, length));
        let Some(bias) = bias.get(field..field + N) else { return };
        let first_output = self.orientation * self.fields + field;
        let channels = Channels { first_input: 0, group_cin: options.input_channels, first_output };
        let add = |products: &mut DotProducts<N>, start: usize, values: &[f32]| {
            self.add(products, filters, start, values);
        };
        each_window(options, channels, input, bias, output, add);
    }

    #[inline(always)]
    fn add<const N: usize>(&self, products: &mut DotProducts<N>, filters: [&[f32]; N], start: usize, values: &[f32]) {
        let run = match self.expansion.reads {
            Fibre::Trivial => self.options.input_channels,
            Fibre::Regular => self.options.input_channels / self.expansion.group.order(),
        };
        let runs =
            values.chunks(run.max(1)).enumerate().map(|(index, values)| (self.base_start(start + index * run), values));
        if run.is_multiple_of(LANES) {
            for (from, values) in runs {
                products.add_fused(values, filters.map(|filter| filter.get(from..from + values.len()).unwrap_or(&[])));
            }
            return;
        }
        let (mut common, mut factors, mut filled) = ([0.0; PIECE], [[0.0; PIECE]; N], 0);
        for (from, values) in runs {
            for (index, value) in values.iter().enumerate() {
                if let Some(to) = common.get_mut(filled) {
                    *to = *value;
                }
                for (factors, filter) in factors.iter_mut().zip(filters) {
                    if let (Some(to), Some(number)) = (factors.get_mut(filled), filter.get(from + index)) {
                        *to = *number;
                    }
                }
                filled += 1;
                if filled == PIECE {
                    products.add_fused(&common, factors.each_ref().map(|factors| factors.as_slice()));
                    filled = 0;
                }
            }
        }
        let rest = common.get(..filled).unwrap_or(&[]);
        products.add_fused(rest, factors.each_ref().map(|factors| factors.get(..filled).unwrap_or(&[])));
    }

    /// Where the numbers of a filter from `start` on, which is the first channel of an orientation, stand in a base filter.
    fn base_start(&self, start: usize) -> usize {
        let Convolution { vertical, horizontal, input_channels, output_channels, .. } = *self.options;
        let shape = [output_channels, vertical.kernel, horizontal.kernel, input_channels];
        let pixel = start / input_channels.max(1);
        let (row, column) = (pixel / horizontal.kernel.max(1), pixel % horizontal.kernel.max(1));
        let place = [self.orientation * self.fields, row, column, start % input_channels.max(1)];
        self.expansion.base_index(shape, place)
    }
}

/// One filter per channel: `weight [c, kh, kw, 1]`.
fn convolve_depthwise(options: &Convolution, input: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
    let channels = options.output_channels.max(1);
    let taps = (options.vertical.kernel * options.horizontal.kernel).max(1);
    for (row, output_row) in output.chunks_exact_mut((options.output_width * channels).max(1)).enumerate() {
        for (column, sums) in output_row.chunks_exact_mut(channels).enumerate() {
            let (taps_y, input_y) = options.vertical.covered(row);
            let (taps_x, input_x) = options.horizontal.covered(column);
            sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum = *bias);
            for (line, tap_y) in taps_y.enumerate() {
                for (step, tap_x) in taps_x.clone().enumerate() {
                    let pixel = (input_y + line) * options.horizontal.size + input_x + step;
                    let values = input.get(pixel * channels..).unwrap_or(&[]);
                    let filters = weight.get(tap_y * options.horizontal.kernel + tap_x..).unwrap_or(&[]);
                    for ((sum, value), filter) in sums.iter_mut().zip(values).zip(filters.iter().step_by(taps)) {
                        *sum += value * filter;
                    }
                }
            }
            sums.iter_mut().for_each(|sum| *sum = activate(options.activation, *sum));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Straight from the definition, one output at a time.
    fn reference(options: &Convolution, input: &[f32], weight: &[f32], bias: &[f32], output_height: usize) -> Vec<f32> {
        let (v, h) = (options.vertical, options.horizontal);
        let (group_cin, group_cout) =
            (options.input_channels / options.groups, options.output_channels / options.groups);
        let mut output = Vec::new();
        for (oy, ox) in (0..output_height).flat_map(|y| (0..options.output_width).map(move |x| (y, x))) {
            for (co, bias) in bias.iter().enumerate() {
                let mut sum = *bias;
                for (ky, kx) in (0..v.kernel).flat_map(|y| (0..h.kernel).map(move |x| (y, x))) {
                    let y = (oy * v.stride + ky) as isize - v.padding_before as isize;
                    let x = (ox * h.stride + kx) as isize - h.padding_before as isize;
                    if y < 0 || x < 0 || y >= v.size as isize || x >= h.size as isize {
                        continue;
                    }
                    for ci in 0..group_cin {
                        let pixel = y as usize * h.size + x as usize;
                        let channel = co / group_cout * group_cin + ci;
                        sum += input[pixel * options.input_channels + channel]
                            * weight[((co * v.kernel + ky) * h.kernel + kx) * group_cin + ci];
                    }
                }
                output.push(if options.activation == Activation::Relu { sum.max(0.0) } else { sum });
            }
        }
        output
    }

    #[test]
    fn agrees_with_the_definition() {
        struct Case {
            size: [usize; 2],
            cin: usize,
            cout: usize,
            kernel: [usize; 2],
            stride: [usize; 2],
            padding: [usize; 4],
            groups: usize,
        }
        let case = |size, cin, cout, kernel, stride, padding, groups| Case {
            size,
            cin,
            cout,
            kernel,
            stride,
            padding,
            groups,
        };
        let cases = [
            case([5, 6], 3, 8, [3, 3], [1, 1], [1; 4], 1),
            case([7, 5], 16, 6, [3, 3], [2, 2], [1, 1, 0, 0], 1),
            case([8, 8], 3, 5, [7, 7], [2, 2], [3; 4], 1),
            case([4, 4], 9, 9, [3, 3], [1, 1], [1; 4], 9),
            case([4, 5], 8, 12, [3, 2], [1, 2], [1, 0, 2, 1], 4),
            case([1, 1], 1, 1, [1, 1], [1, 1], [0; 4], 1),
            case([1, 1], 2, 4, [3, 3], [1, 1], [4, 4, 4, 4], 2),
            case([3, 2], 5, 7, [1, 1], [2, 1], [0; 4], 1),
        ];
        for (index, c) in cases.iter().enumerate() {
            let axis = |a: usize| WindowAxis {
                size: c.size[a],
                kernel: c.kernel[a],
                stride: c.stride[a],
                padding_before: c.padding[a],
            };
            let out = |a: usize| (c.size[a] + c.padding[a] + c.padding[a + 2] - c.kernel[a]) / c.stride[a] + 1;
            let numbers = |count: usize, seed: usize| -> Vec<f32> {
                (0..count).map(|i| ((i * 37 + seed * 11) % 23) as f32 / 7.0 - 1.5).collect()
            };
            for activation in [Activation::Identity, Activation::Relu] {
                let options = Convolution {
                    vertical: axis(0),
                    horizontal: axis(1),
                    input_channels: c.cin,
                    output_width: out(1),
                    output_channels: c.cout,
                    groups: c.groups,
                    activation,
                };
                let input = numbers(c.size[0] * c.size[1] * c.cin, 1);
                let weight = numbers(c.cout * c.kernel[0] * c.kernel[1] * c.cin / c.groups, 2);
                let bias = numbers(c.cout, 3);
                let mut output = std::vec![f32::NAN; out(0) * out(1) * c.cout];
                convolve(&options, &input, &weight, &bias, &mut output);
                let expected = reference(&options, &input, &weight, &bias, out(0));
                assert_eq!(output.len(), expected.len(), "case {index}");
                for (got, want) in output.iter().zip(&expected) {
                    assert!((got - want).abs() < 1e-3, "case {index}: {got} for {want}");
                }
            }
        }
    }
}
