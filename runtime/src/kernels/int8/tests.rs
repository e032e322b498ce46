//! Convolutions against the definition, also with the output over the input; `processors` holds its kernels against them.

use std::vec;
use std::vec::Vec;

use super::convolution::{Convolution, convolve_with};
use super::depthwise::{self, Depthwise};
use super::scalar::Scalar;
use super::{Kernel, OutputScale};
use crate::kernels::window::WindowAxis;
use crate::tensor::{filter_row_bytes, requantize};

#[derive(Clone, Debug)]
pub(crate) struct Case {
    size: [usize; 2],
    cin: usize,
    cout: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    groups: usize,
}

const fn case(
    size: [usize; 2],
    cin: usize,
    cout: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    groups: usize,
) -> Case {
    Case { size, cin, cout, kernel, stride, padding, groups }
}

const CASES: [Case; 13] = [
    case([5, 6], 3, 8, [3, 3], [1, 1], [1; 4], 1),
    case([7, 5], 16, 6, [3, 3], [2, 2], [1, 1, 0, 0], 1),
    case([8, 8], 3, 5, [7, 7], [2, 2], [3; 4], 1),
    case([4, 5], 8, 12, [3, 2], [1, 2], [1, 0, 2, 1], 4),
    case([1, 1], 1, 1, [1, 1], [1, 1], [0; 4], 1),
    case([1, 1], 2, 4, [3, 3], [1, 1], [4, 4, 4, 4], 2),
    case([3, 2], 5, 7, [1, 1], [2, 1], [0; 4], 1),
    case([6, 9], 64, 33, [1, 1], [1, 1], [0; 4], 1),
    case([5, 5], 20, 9, [3, 3], [1, 1], [1; 4], 1),
    case([1, 1], 515, 10, [1, 1], [1, 1], [0; 4], 1),
    case([4, 4], 9, 9, [3, 3], [1, 1], [1; 4], 9),
    case([9, 7], 40, 40, [3, 3], [2, 2], [1, 1, 1, 1], 40),
    case([6, 6], 64, 64, [3, 3], [1, 1], [1; 4], 64),
];

const PADDING_VALUE: i8 = -7;

/// Numbers that reach both ends of the range.
fn numbers(count: usize, seed: usize) -> Vec<i8> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729 + (i * i) % 911) % 256) as u8 as i8).collect()
}

pub(crate) struct Network {
    input: Vec<i8>,
    /// `[cout][taps]`.
    filters: Vec<i8>,
    bias: Vec<i32>,
    multipliers: Vec<i32>,
}

impl Case {
    fn output(&self) -> [usize; 2] {
        [0, 1].map(|a| (self.size[a] + self.padding[a] + self.padding[a + 2] - self.kernel[a]) / self.stride[a] + 1)
    }

    fn axis(&self, a: usize) -> WindowAxis {
        WindowAxis {
            size: self.size[a],
            kernel: self.kernel[a],
            stride: self.stride[a],
            padding_before: self.padding[a],
        }
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.cin / self.groups
    }

    pub(crate) fn network(&self) -> Network {
        Network {
            input: numbers(self.size[0] * self.size[1] * self.cin, 1),
            filters: numbers(self.cout * self.taps(), 2),
            bias: (0..self.cout).map(|c| 977 * c as i32 - 3000).collect(),
            multipliers: (0..self.cout).map(|c| (1 << 30) - 33_333_333 * (c % 20) as i32).collect(),
        }
    }

    fn scale<'w>(&self, network: &'w Network) -> OutputScale<'w> {
        OutputScale {
            bias: &network.bias,
            multipliers: &network.multipliers,
            shift: (usize::BITS - self.taps().leading_zeros()) / 2 + 5,
            zero_point: 11,
            bounds: [-100, 120],
        }
    }

    /// Straight from the definition, one output at a time.
    pub(crate) fn expected(&self, network: &Network) -> Vec<i8> {
        let [height, width] = self.output();
        let (group_cin, group_cout) = (self.cin / self.groups, self.cout / self.groups);
        let scale = self.scale(network);
        let mut output = vec![];
        for (oy, ox, co) in product(height, width, self.cout) {
            let mut sum = i64::from(network.bias[co]);
            for (ky, kx, ci) in product(self.kernel[0], self.kernel[1], group_cin) {
                let y = (oy * self.stride[0] + ky) as isize - self.padding[0] as isize;
                let x = (ox * self.stride[1] + kx) as isize - self.padding[1] as isize;
                let inside = y >= 0 && x >= 0 && y < self.size[0] as isize && x < self.size[1] as isize;
                let channel = co / group_cout * group_cin + ci;
                let value = match inside {
                    true => network.input[(y as usize * self.size[1] + x as usize) * self.cin + channel],
                    false => PADDING_VALUE,
                };
                let tap = (ky * self.kernel[1] + kx) * group_cin + ci;
                sum += i64::from(value) * i64::from(network.filters[co * self.taps() + tap]);
            }
            let scaled = requantize(sum as i32, network.multipliers[co], scale.shift) + scale.zero_point;
            output.push(scaled.clamp(scale.bounds[0], scale.bounds[1]) as i8);
        }
        output
    }

    /// The same by a kernel; `gap` is how far before the input the output starts, if they overlap.
    pub(crate) fn computed<K: Kernel>(&self, network: &Network, gap: Option<usize>) -> Vec<i8> {
        let [height, width] = self.output();
        let length = height * width * self.cout;
        let from = gap.unwrap_or(length);
        let mut arena = vec![55; length.max(from + network.input.len())];
        arena[from..from + network.input.len()].copy_from_slice(&network.input);
        let (vertical, horizontal, scale) = (self.axis(0), self.axis(1), self.scale(network));
        if self.groups == self.cin && self.groups == self.cout && self.groups > 1 {
            let taps = self.taps();
            let filters: Vec<i8> =
                (0..taps).flat_map(|tap| (0..self.cout).map(move |c| network.filters[c * taps + tap])).collect();
            let options = Depthwise {
                vertical,
                horizontal,
                channels: self.cin,
                output: [height, width],
                filters: &filters,
                padding_value: PADDING_VALUE,
                scale,
            };
            depthwise::convolve_with::<K>(&options, &mut arena, from, 0);
        } else {
            let row_bytes = filter_row_bytes(self.taps());
            let mut filters = vec![0; self.cout * row_bytes];
            for (row, filter) in filters.chunks_mut(row_bytes).zip(network.filters.chunks(self.taps())) {
                row[..filter.len()].copy_from_slice(filter);
            }
            let options = Convolution {
                vertical,
                horizontal,
                input_channels: self.cin,
                output: [height, width, self.cout],
                groups: self.groups,
                filters: &filters,
                row_bytes,
                padding_value: PADDING_VALUE,
                scale,
            };
            // What was in the scratch memory before must not matter.
            convolve_with::<K>(&options, &mut arena, from, 0, &mut vec![0x5A5A; 4 * row_bytes]);
        }
        arena.truncate(length);
        arena
    }

    /// As `operators::overlap` has it.
    pub(crate) fn gap(&self) -> usize {
        let [height, width] = self.output();
        let (read, written) = (self.size[1] * self.cin, width * self.cout);
        let ahead =
            |y: usize| ((y + 1) * written).saturating_sub((y * self.stride[0]).saturating_sub(self.padding[0]) * read);
        (0..height).map(ahead).max().unwrap()
    }
}

fn product(a: usize, b: usize, c: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

/// The fixed cases by a kernel.
pub(crate) fn check<K: Kernel>(kernel: &str) {
    for (index, case) in CASES.iter().enumerate() {
        let network = case.network();
        let expected = case.expected(&network);
        assert!(expected.iter().any(|v| *v != expected[0]) || expected.len() < 2, "case {index} tests nothing");
        assert_eq!(case.computed::<K>(&network, None), expected, "{kernel}, case {index}");
        assert_eq!(case.computed::<K>(&network, Some(case.gap())), expected, "{kernel} over its input, case {index}");
    }
}

#[test]
fn scalar_agrees_with_the_definition() {
    check::<Scalar>("scalar");
}

/// Plain, grouped and depthwise convolutions whose window fits the padded map.
pub(crate) mod by_chance {
    use proptest::prelude::*;

    use super::*;

    /// A dimension of a map, small and odd more often than not.
    fn extent() -> impl Strategy<Value = usize> {
        1usize..9
    }

    prop_compose! {
        /// Plain, grouped and depthwise convolutions whose window fits the padded map.
        pub(crate) fn any_case()(
            size in [extent(), extent()],
            kernel in [1usize..5, 1usize..5],
            stride in [1usize..4, 1usize..4],
            padding in prop::array::uniform4(0usize..4),
            kind in 0..4,
            groups in 1usize..5,
            channels in [1usize..40, 1usize..40],
        ) -> Case {
            let [cin, cout] = channels;
            let (cin, cout, groups) = match kind {
                0 => (cin + 1, cin + 1, cin + 1),
                1 => (cin.div_ceil(groups) * groups, cout.div_ceil(groups) * groups, groups),
                _ => (cin, cout, 1),
            };
            let kernel = [0, 1].map(|a| kernel[a].min(size[a] + padding[a] + padding[a + 2]));
            case(size, cin, cout, kernel, stride, padding, groups)
        }
    }
}
