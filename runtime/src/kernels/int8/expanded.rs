//! Convolutions whose filters are copies of base filters, which alone are stored (`FilterExpansion`).
//!
//! Filter `(g, field)` on a window is base filter `field` on the window as `g` sees it: the number at pixel `p` of orientation
//! `h` is that at `g p` of `g h`. So a window is gathered once, and its numbers change places from one orientation to the
//! next, while filters are read where they are stored. Sums of integers do not depend on their order: results are the same
//! bits as of expanded filters.

use super::convolution::{Convolution, gather};
use super::{BLOCK, Kernel, Operands, Window};
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

/// A convolution with base filters: biases and multipliers are theirs, and the output has all channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpandedConvolution<'w> {
    pub base: Convolution<'w>,
    pub expansion: FilterExpansion,
}

/// Places in every window that neighbouring taps take in turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orbit<const N: usize> {
    /// First tap of each place: what is at one goes to the place before, and what is at the first to the last.
    pub starts: [usize; N],
    /// Taps of each.
    pub length: usize,
    /// Numbers of a window, and how many windows are filled.
    pub row: usize,
    pub count: usize,
}

/// As [`super::convolution::convolve_with`].
#[inline(always)]
pub(crate) fn convolve_with<K: Kernel>(
    options: &ExpandedConvolution<'_>,
    arena: &mut [i8],
    from: usize,
    to: usize,
    scratch: &mut [i16],
) {
    let ExpandedConvolution { base, expansion } = options;
    let ([height, width, channels], row) = (base.output, base.row_bytes);
    let (order, taps) = (expansion.group.order(), base.vertical.kernel * base.horizontal.kernel * base.input_channels);
    let fields = channels / order;
    let Some(filters) = base.filters.get(..fields * row).filter(|filters| !filters.is_empty()) else { return };
    let Some(windows) = scratch.get_mut(..BLOCK * row) else { return };
    for y in 0..height {
        for x in (0..width).step_by(BLOCK) {
            let count = BLOCK.min(width - x);
            let Some(input) = arena.get(from..) else { return };
            for index in 0..count {
                gather::<K>(base, input, [y, x + index], base.input_channels, Window { memory: windows, row, index });
            }
            let places = Places::of(options, count);
            let mut orientation = 0;
            for step in 1..=order {
                let Some(output) = arena.get_mut(to + (y * width + x) * channels + orientation * fields..) else {
                    return;
                };
                K::outputs(Operands { filters, windows, count, row, taps }, &base.scale, 0, output, channels);
                if step == order {
                    break;
                }
                // The orientations of a mirror image come after the first four.
                let motion = if step == MIRROR { MIRROR } else { TURN };
                if motion == MIRROR {
                    places.mirror::<K>(windows)
                } else {
                    places.turn::<K>(windows)
                }
                orientation = expansion.group.product(orientation, motion);
            }
        }
    }
}

/// A quarter turn; four of them move nothing.
const TURN: usize = 1;
/// Left to right; its own inverse.
const MIRROR: usize = 4;

/// The places of a window: pixels, at each of them orientations, at each of these channels.
#[derive(Clone, Copy)]
struct Places {
    group: PlaneGroup,
    side: usize,
    /// One of a picture.
    orientations: usize,
    /// Of one orientation.
    channels: usize,
    /// Numbers of a window, and how many windows are filled.
    row: usize,
    count: usize,
}

impl Places {
    fn of(ExpandedConvolution { base, expansion }: &ExpandedConvolution<'_>, count: usize) -> Self {
        let FilterExpansion { group, reads } = *expansion;
        let orientations = if matches!(reads, Fibre::Regular) { group.order() } else { 1 };
        let channels = base.input_channels / orientations.max(1);
        Self { group, side: base.vertical.kernel, orientations, channels, row: base.row_bytes, count }
    }

    /// Where there are orientations, none stays as it is.
    fn is_picture(&self) -> bool {
        self.orientations == 1
    }

    /// Moves to every place what a quarter turn takes it to. Apart from the loop over the map, which needs all registers.
    #[inline(never)]
    fn turn<K: Kernel>(&self, windows: &mut [i16]) {
        // One place of each orbit: of a picture a quarter of its pixels, and the one in the middle stays.
        let [rows, columns] =
            if self.is_picture() { [self.side / 2, self.side.div_ceil(2)] } else { [self.side, self.side] };
        for row in 0..rows {
            for column in 0..columns {
                let mut orientation = 0;
                while orientation < self.orientations {
                    self.move_orbit::<K, TURN, 4>(windows, [row, column], orientation);
                    orientation += 4;
                }
            }
        }
    }

    /// The same for the mirror image.
    #[inline(never)]
    fn mirror<K: Kernel>(&self, windows: &mut [i16]) {
        let columns = if self.is_picture() { self.side / 2 } else { self.side };
        for row in 0..self.side {
            for column in 0..columns {
                for orientation in 0..self.orientations.min(MIRROR) {
                    self.move_orbit::<K, MIRROR, 2>(windows, [row, column], orientation);
                }
            }
        }
    }

    #[inline(always)]
    fn move_orbit<K: Kernel, const MOTION: usize, const N: usize>(
        &self,
        windows: &mut [i16],
        pixel: [usize; 2],
        orientation: usize,
    ) {
        let Self { group, side, orientations, channels: length, row, count } = *self;
        let (mut pixel, mut orientation) = (pixel, orientation);
        let mut starts = [0; N];
        for start in &mut starts {
            *start = ((pixel[0] * side + pixel[1]) * orientations + orientation) * length;
            pixel = group.moved(MOTION, pixel, side);
            orientation = if self.is_picture() { 0 } else { group.product(MOTION, orientation) };
        }
        K::move_taps(windows, Orbit { starts, length, row, count });
    }
}

/// Moves `length` neighbouring numbers from each of two or four places to the one before.
#[inline(never)]
pub(crate) fn move_numbers<T: Copy, const N: usize>(memory: &mut [T], starts: [usize; N], length: usize) {
    let Ok(mut blocks) = memory.get_disjoint_mut(starts.map(|start| start..start.saturating_add(length))) else {
        return;
    };
    match blocks.as_mut_slice() {
        [a, b, c, d] => {
            // Four at a time, so that processors without vectors move whole words.
            let [(a, a_rest), (b, b_rest), (c, c_rest), (d, d_rest)] =
                [a, b, c, d].map(|block| block.as_chunks_mut::<4>());
            cycle([a, b, c, d]);
            cycle([a_rest, b_rest, c_rest, d_rest]);
        }
        [a, b] => {
            let [(a, a_rest), (b, b_rest)] = [a, b].map(|block| block.as_chunks_mut::<4>());
            a.iter_mut().zip(b).for_each(|(a, b)| core::mem::swap(a, b));
            a_rest.iter_mut().zip(b_rest).for_each(|(a, b)| core::mem::swap(a, b));
        }
        _ => {}
    }
}

#[inline(always)]
fn cycle<T: Copy>([a, b, c, d]: [&mut [T]; 4]) {
    for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
        (*a, *b, *c, *d) = (*b, *c, *d, *a);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::super::OutputScale;
    use super::super::convolution;
    use super::super::scalar::Scalar;
    use super::*;
    use crate::kernels::window::WindowAxis;
    use crate::tensor::filter_row_bytes;

    #[derive(Clone, Copy, Debug)]
    struct Case {
        size: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        /// Channels of a picture, or fields of a map over the group.
        reads: (Fibre, usize),
        fields: usize,
    }

    const fn case(
        size: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        reads: (Fibre, usize),
        fields: usize,
    ) -> Case {
        Case { size, kernel, stride, padding, reads, fields }
    }

    const CASES: [Case; 10] = [
        case([5, 6], 3, 1, 1, (Fibre::Trivial, 3), 5),
        case([8, 7], 3, 2, 1, (Fibre::Trivial, 3), 8),
        case([9, 9], 7, 2, 3, (Fibre::Trivial, 3), 2),
        case([6, 5], 2, 1, 0, (Fibre::Trivial, 4), 3),
        case([5, 5], 3, 1, 1, (Fibre::Regular, 1), 1),
        case([6, 9], 3, 1, 1, (Fibre::Regular, 8), 4),
        case([7, 6], 3, 2, 1, (Fibre::Regular, 3), 5),
        case([4, 5], 2, 1, 1, (Fibre::Regular, 4), 2),
        case([6, 6], 5, 2, 2, (Fibre::Regular, 2), 3),
        case([3, 7], 1, 1, 0, (Fibre::Regular, 16), 9),
    ];

    impl Case {
        fn axis(&self, axis: usize) -> WindowAxis {
            WindowAxis { size: self.size[axis], kernel: self.kernel, stride: self.stride, padding_before: self.padding }
        }

        /// By the base filters and by all filters.
        fn check<K: Kernel>(&self, group: PlaneGroup, kernel: &str) {
            let (reads, from) = self.reads;
            let expansion = FilterExpansion { group, reads };
            let order = group.order();
            let cin = if reads == Fibre::Regular { order * from } else { from };
            let (taps, cout) = (self.kernel * self.kernel * cin, order * self.fields);
            let row = filter_row_bytes(taps);
            let numbers = |count: usize, seed: usize| -> Vec<i8> {
                (0..count).map(|i| ((i * 7919 + seed * 104_729 + (i * i) % 911) % 256) as u8 as i8).collect()
            };
            let base = numbers(self.fields * taps, 2);
            let padded = |filters: &[i8]| -> Vec<i8> {
                let filled = |filter: &[i8]| (0..row).map(|i| filter.get(i).copied().unwrap_or(0)).collect::<Vec<_>>();
                filters.chunks(taps).flat_map(filled).collect()
            };
            let shape = [cout, self.kernel, self.kernel, cin];
            let all: Vec<i8> = expansion.base_indices(shape).map(|place| base[place]).collect();
            let (base, all) = (padded(&base), padded(&all));
            let bias: Vec<i32> = (0..self.fields).map(|field| 977 * field as i32 - 3000).collect();
            let multipliers: Vec<i32> = (0..self.fields).map(|f| (1 << 30) - 33_333_333 * (f % 20) as i32).collect();
            let (all_bias, all_multipliers) = (bias.repeat(order), multipliers.repeat(order));
            let extent = |axis: usize| (self.size[axis] + 2 * self.padding - self.kernel) / self.stride + 1;
            let options = |filters, bias, multipliers| Convolution {
                vertical: self.axis(0),
                horizontal: self.axis(1),
                input_channels: cin,
                output: [extent(0), extent(1), cout],
                groups: 1,
                filters,
                row_bytes: row,
                padding_value: -7,
                scale: OutputScale { bias, multipliers, shift: 9, zero_point: 11, bounds: [-100, 120] },
            };
            let expanded = ExpandedConvolution { base: options(&base, &bias, &multipliers), expansion };
            let length = extent(0) * extent(1) * cout;
            let arena = || {
                let mut arena = vec![55; length];
                arena.extend(numbers(self.size[0] * self.size[1] * cin, 1));
                arena
            };
            let (mut found, mut expected) = (arena(), arena());
            convolve_with::<K>(&expanded, &mut found, length, 0, &mut vec![0x5A5A; BLOCK * row]);
            let all = options(&all, &all_bias, &all_multipliers);
            let mut scratch = vec![0; BLOCK * row];
            convolution::convolve_with::<Scalar>(&all, &mut expected, length, 0, &mut scratch);
            assert!(expected[..length].iter().any(|number| *number != expected[0]), "{self:?} tests nothing");
            assert_eq!(found, expected, "{kernel}, {group:?}, {self:?}");
        }
    }

    /// Every case by a kernel.
    pub(crate) fn check<K: Kernel>(kernel: &str) {
        for case in CASES {
            PlaneGroup::ALL.iter().for_each(|group| case.check::<K>(*group, kernel));
        }
    }

    #[test]
    fn base_filters_compute_what_all_filters_do() {
        check::<Scalar>("scalar");
    }

    #[test]
    fn numbers_go_to_the_place_before() {
        let mut memory: Vec<usize> = (0..40).collect();
        move_numbers(&mut memory, [30, 0, 10, 20], 6);
        assert_eq!(memory[..7], [10, 11, 12, 13, 14, 15, 6]);
        assert_eq!(memory[10..17], [20, 21, 22, 23, 24, 25, 16]);
        assert_eq!(memory[20..27], [30, 31, 32, 33, 34, 35, 26]);
        assert_eq!(memory[30..37], [0, 1, 2, 3, 4, 5, 36]);
        move_numbers(&mut memory, [7, 17], 2);
        assert_eq!((memory[7], memory[17]), (17, 7));
    }
}
