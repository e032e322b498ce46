#![allow(unsafe_code)]

use core::arch::x86_64::*;
use std::vec::Vec;

use super::Lanes;
use super::footprint::{Footprint, REGISTER, product};
use super::frame::{Frame, most_numbers};
use super::requantize::{Requantizer, Scale, load, store_eight};
use super::tiling::{EIGHT, places};
use crate::kernels::int8::depthwise::Depthwise;
use crate::kernels::window::WindowAxis;

/// Windows at a time.
const TILE: usize = 4;
/// Numbers of a block: eight channels of two rows.
const BLOCK: usize = 2 * EIGHT;

/// An int8 convolution with one filter per channel, packed.
///
/// Two rows of the frame are interleaved, so that a register has eight channels of a tap and of the tap below it.
#[derive(Clone, Debug)]
pub(crate) struct Int8Depthwise {
    frame: Frame,
    pairs: Pairs,
    /// The first number of each window among the pairs, in the order of the outputs.
    windows: Vec<usize>,
    /// Of each pair of taps, counted from the window's first number.
    taps: Vec<usize>,
    /// `[block of eight channels][pair of taps]`.
    filters: Vec<Lanes<i16, BLOCK>>,
    /// One for each block, as `multipliers`.
    bias: Vec<Lanes<i32, EIGHT>>,
    multipliers: Vec<Lanes<i32, EIGHT>>,
    scale: Scale,
    channels: usize,
    padding_value: i8,
    /// Numbers that the pairs must have: the end of what the last window reads.
    reach: usize,
}

/// Where pairs of rows stand.
#[derive(Clone, Copy, Debug)]
struct Pairs {
    /// From one pair's first row to the next one's.
    step: usize,
    rows: usize,
    /// Pixels of a row.
    columns: usize,
    /// Blocks of a pixel.
    blocks: usize,
}

impl Pairs {
    fn row(&self) -> usize {
        self.columns * self.blocks * BLOCK
    }

    fn len(&self) -> usize {
        self.rows * self.row()
    }

    fn at(&self, frame_row: usize, column: usize) -> usize {
        frame_row / self.step * self.row() + column * self.blocks * BLOCK
    }
}

/// Up to eight numbers, filled up with zeros.
fn eight(numbers: &[i32]) -> Lanes<i32, EIGHT> {
    let mut all = [0; EIGHT];
    all.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
    Lanes(all)
}

impl Int8Depthwise {
    /// The frame and the pairs of its rows; `None` where they would be large ([`Frame::new`]).
    fn layout(options: &Depthwise<'_>) -> Option<(Frame, Pairs)> {
        let Depthwise { vertical, horizontal, channels, output: [rows, columns], .. } = *options;
        // One row more than windows reach, for the last tap's pair.
        let pairs_down = vertical.kernel.div_ceil(2);
        let even = WindowAxis { kernel: 2 * pairs_down, ..vertical };
        let frame = Frame::new(even, horizontal, [channels; 2], [rows, columns])?;
        let step = if vertical.stride % 2 == 0 { 2 } else { 1 };
        let frame_columns = frame.row() / channels.max(1);
        let last = rows.saturating_sub(1) * vertical.stride + 2 * pairs_down.saturating_sub(1);
        let pairs = Pairs { step, rows: last / step + 1, columns: frame_columns, blocks: channels.div_ceil(EIGHT) };
        // Rows stand in two pairs each, and channels are filled up to eight.
        let numbers = |rows: usize, columns: usize| rows * columns * channels;
        let most = most_numbers(numbers(vertical.size, horizontal.size), numbers(rows, columns))?;
        (pairs.len() <= 2 * most).then_some((frame, pairs))
    }

    /// What [`Self::new`] will allocate; `None` where it gives nothing.
    pub fn footprint(options: &Depthwise<'_>) -> Option<Footprint> {
        let (frame, pairs) = Self::layout(options)?;
        let Depthwise { vertical, horizontal, output, .. } = *options;
        let taps = product(&[vertical.kernel.div_ceil(2) as u64, horizontal.kernel as u64]);
        let windows = product(&output.map(|extent| extent as u64));
        let registers = product(&[pairs.blocks as u64, taps.saturating_add(2), REGISTER]);
        let place_bytes = product(&[windows.saturating_add(taps), size_of::<usize>() as u64]);
        Some(Footprint {
            kept_bytes: registers.saturating_add(place_bytes),
            numbers: pairs.len() as u64,
            bytes: (frame.len() + EIGHT) as u64,
            ..Footprint::default()
        })
    }

    /// Packs the filters; `None` when there are too few of them, of biases or of multipliers, and where the frame would be
    /// large ([`Frame::new`]).
    pub fn new(options: &Depthwise<'_>) -> Option<Self> {
        let Depthwise { vertical, horizontal, channels, output: [rows, columns], .. } = *options;
        let kernel = [vertical.kernel, horizontal.kernel];
        let pairs_down = kernel[0].div_ceil(2);
        let (frame, pairs) = Self::layout(options)?;
        let window = |[y, x]: [usize; 2]| {
            let [start_y, start_x] = frame.position([y, x]);
            pairs.at(start_y, start_x)
        };
        let of_tap = |tap: [usize; 2], channel: usize| {
            let [y, x] = tap;
            let place = (y < kernel[0] && channel < channels).then(|| (y * kernel[1] + x) * channels + channel);
            place.map_or(0, |place| i16::from(options.filters[place]))
        };
        let count = kernel[0] * kernel[1] * channels;
        let (bias, multipliers) = (options.scale.bias.get(..channels)?, options.scale.multipliers.get(..channels)?);
        if options.filters.len() < count {
            return None;
        }
        let windows = places([rows, columns], window);
        let taps = places([pairs_down, kernel[1]], |[y, x]| pairs.at(2 * y, x));
        let mut filters = Vec::with_capacity(pairs.blocks * taps.len());
        for block in 0..pairs.blocks {
            for (y, x) in (0..pairs_down).flat_map(|y| (0..kernel[1]).map(move |x| (y, x))) {
                let number = |index: usize| of_tap([2 * y + index % 2, x], block * EIGHT + index / 2);
                filters.push(Lanes(core::array::from_fn(number)));
            }
        }
        let last = |places: &[usize]| places.iter().copied().max().unwrap_or(0);
        Some(Self {
            frame,
            pairs,
            reach: last(&windows) + last(&taps) + pairs.blocks * BLOCK,
            windows,
            taps,
            filters,
            bias: bias.chunks(EIGHT).map(eight).collect(),
            multipliers: multipliers.chunks(EIGHT).map(eight).collect(),
            scale: Scale::of(&options.scale),
            channels,
            padding_value: options.padding_value,
        })
    }

    /// 16-bit numbers of scratch memory that it needs.
    pub fn scratch(&self) -> usize {
        self.pairs.len()
    }

    /// Bytes of scratch memory that it needs: a block may read past its channels.
    pub fn scratch_bytes(&self) -> usize {
        self.frame.len() + EIGHT
    }

    /// The input starts at `arena[from]`, the output at `arena[to]`; they may overlap. `None` when a slice is too short.
    /// Only where [`super::is_available`].
    pub fn run(
        &self,
        arena: &mut [i8],
        from: usize,
        to: usize,
        scratch: &mut [i16],
        scratch_bytes: &mut [i8],
    ) -> Option<()> {
        let frame = scratch_bytes.get_mut(..self.scratch_bytes())?;
        self.frame.fill(arena.get(from..)?, frame, self.padding_value, |number| number);
        let pairs = scratch.get_mut(..self.pairs.len())?;
        let output = arena.get_mut(to..)?;
        let rows_read = (self.pairs.rows - 1) * self.pairs.step + 2;
        if rows_read * self.frame.row() > self.frame.len()
            || self.reach > pairs.len()
            || output.len() < self.windows.len() * self.channels
        {
            return None;
        }
        // SAFETY: both rows of every pair are in the frame, the pairs hold what all windows reach and the output all
        // their channels, checked above; `new` packed all blocks; the caller has made sure of the instructions.
        unsafe {
            self.interleave(frame.as_ptr(), pairs.as_mut_ptr());
            self.run_blocks(pairs.as_ptr(), output.as_mut_ptr());
        }
        Some(())
    }

    /// # Safety
    /// The frame has two rows for each pair and eight bytes more, and there is room for [`Pairs::len`] numbers.
    #[target_feature(enable = "avx2")]
    unsafe fn interleave(&self, frame: *const i8, mut to: *mut i16) {
        let Pairs { step, rows, columns, blocks } = self.pairs;
        let row = self.frame.row();
        for pair in 0..rows {
            for column in 0..columns {
                for block in 0..blocks {
                    // SAFETY: the caller keeps room for what the loops count.
                    unsafe {
                        let from = frame.add(pair * step * row + column * self.channels + block * EIGHT);
                        let upper = _mm_cvtepi8_epi16(_mm_loadl_epi64(from.cast()));
                        let lower = _mm_cvtepi8_epi16(_mm_loadl_epi64(from.add(row).cast()));
                        _mm_storeu_si128(to.cast(), _mm_unpacklo_epi16(upper, lower));
                        _mm_storeu_si128(to.add(EIGHT).cast(), _mm_unpackhi_epi16(upper, lower));
                        to = to.add(BLOCK);
                    }
                }
            }
        }
    }

    /// # Safety
    /// The pairs hold what all windows reach, the output one number for each window and channel.
    #[target_feature(enable = "avx2")]
    unsafe fn run_blocks(&self, pairs: *const i16, output: *mut i8) {
        let requantizer = Requantizer::new(self.scale);
        let count = self.windows.len();
        for start in (0..count).step_by(TILE) {
            for block in 0..self.bias.len() {
                // SAFETY: `start` is below `count`; the rest as the caller keeps it. Fewer than four windows are computed
                // with the last one again.
                unsafe { self.run_tile(&requantizer, block, [start, count], pairs, output) };
            }
        }
    }

    /// # Safety
    /// As [`Self::run_blocks`]; there are `count` windows, and more than `start`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn run_tile(
        &self,
        requantizer: &Requantizer,
        block: usize,
        [start, count]: [usize; 2],
        pairs: *const i16,
        output: *mut i8,
    ) {
        let channel = block * EIGHT;
        // SAFETY: blocks, windows and taps are those that the filters and the pairs hold.
        unsafe {
            let mut sums = [load(self.bias.as_ptr().add(block)); TILE];
            let filters = self.filters.as_ptr().add(block * self.taps.len());
            let mut starts = [pairs; TILE];
            for (m, from) in starts.iter_mut().enumerate() {
                let window = (start + m).min(count - 1);
                *from = pairs.add(self.windows.get_unchecked(window) + block * BLOCK);
            }
            for (index, tap) in self.taps.iter().enumerate() {
                let factors = _mm256_load_si256(filters.add(index).cast());
                for (sum, from) in sums.iter_mut().zip(starts) {
                    let values = _mm256_loadu_si256(from.add(*tap).cast());
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(values, factors));
                }
            }
            let sums = sums;
            let multipliers = load(self.multipliers.as_ptr().add(block));
            let channels = self.channels - channel;
            for first in (0..TILE).step_by(2) {
                let one = requantizer.scaled(sums[first], multipliers);
                let other = requantizer.scaled(sums[first + 1], multipliers);
                // The four numbers of one window and those of the other, in both halves: to one half each.
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(requantizer.halves(one, other));
                let bytes = requantizer.bytes(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256::<1>(ordered));
                let to = output.add((start + first) * self.channels + channel);
                if start + first < count {
                    store_eight(to, channels, bytes);
                }
                if start + first + 1 < count {
                    store_eight(to.add(self.channels), channels, _mm_unpackhi_epi64(bytes, bytes));
                }
            }
        }
    }
}
