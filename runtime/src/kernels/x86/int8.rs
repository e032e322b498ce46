#![allow(unsafe_code)]

use core::arch::x86_64::*;
use std::vec::Vec;

use super::Lanes;
use super::frame::Frame;
use super::requantize::{Requantizer, Scale, load, store_eight};
use super::tiling::{EIGHT, Panel, Tiling, kernel, tiles};
use crate::kernels::int8::convolution::Convolution;

/// Windows of a tile of 16 channels.
const TILE: usize = 6;
/// Windows of a tile of 8 channels.
const NARROW_TILE: usize = 8;
/// Filters of more numbers than this stay bytes, and are widened whenever they are read: memory is what limits them.
const LARGE: usize = 1 << 17;

type Eight = Lanes<i32, EIGHT>;

/// An int8 convolution, not depthwise, with packed filters. A linear operator is one of a 1x1 map.
#[derive(Clone, Debug)]
pub(crate) struct Int8Convolution {
    frame: Frame,
    tiling: Tiling,
    filters: Filters,
    /// `[panel][register]`, as `multipliers`.
    bias: Vec<Eight>,
    multipliers: Vec<Eight>,
    scale: Scale,
    output_channels: usize,
    padding_value: i16,
}

/// `[panel][pair of taps][register]`; a register has the pairs of eight channels.
#[derive(Clone, Debug)]
enum Filters {
    Numbers(Vec<Lanes<i16, 16>>),
    Bytes(Vec<Lanes<i8, 16>>),
}

/// Which of a panel's channels stands in which lane: packing two registers of sums restores their order.
fn channel(registers: usize, register: usize, lane: usize) -> usize {
    match registers {
        2 => lane / 4 * EIGHT + register * 4 + lane % 4,
        _ => lane,
    }
}

impl Int8Convolution {
    /// Packs the filters; `None` when there are too few of them, of biases or of multipliers.
    pub fn new(options: &Convolution<'_>) -> Option<Self> {
        let Convolution { vertical, horizontal, input_channels, output: [rows, columns, channels], .. } = *options;
        let windows = [rows, columns];
        let frame = Frame::new(vertical, horizontal, input_channels, windows)?;
        let kernel = kernel(vertical, horizontal);
        let tiling = Tiling::new(&frame, kernel, windows, [input_channels, channels], options.groups);
        let taps = tiling.segments.len() * tiling.length;
        let row = options.row_bytes;
        let enough = options.scale.bias.len() >= channels && options.scale.multipliers.len() >= channels;
        if row < taps || options.filters.len() < channels * row || !enough {
            return None;
        }
        let (mut filters, mut bias, mut multipliers) = (Vec::new(), Vec::new(), Vec::new());
        for panel in tiling.panels() {
            let Panel { first, channels, registers, .. } = panel;
            let lane = |register, lane| Some(channel(registers, register, lane)).filter(|c| *c < channels);
            for pair in tiling.pairs() {
                for register in 0..registers {
                    let mut numbers = [0i8; 16];
                    for (index, to) in numbers.iter_mut().enumerate() {
                        let place = lane(register, index / 2).zip(pair[index % 2]);
                        *to = place.map_or(0, |(channel, tap)| options.filters[(first + channel) * row + tap]);
                    }
                    filters.push(Lanes(numbers));
                }
            }
            for register in 0..registers {
                let of_channels = |numbers: &[i32]| {
                    Lanes(core::array::from_fn(|index| lane(register, index).map_or(0, |c| numbers[first + c])))
                };
                bias.push(of_channels(options.scale.bias));
                multipliers.push(of_channels(options.scale.multipliers));
            }
        }
        let filters = match filters.len() * 16 > LARGE {
            true => Filters::Bytes(filters),
            false => Filters::Numbers(filters.iter().map(|bytes| Lanes(bytes.0.map(i16::from))).collect()),
        };
        let (scale, padding_value) = (Scale::of(&options.scale), options.padding_value.into());
        Some(Self { frame, tiling, filters, bias, multipliers, scale, output_channels: channels, padding_value })
    }

    /// Numbers of scratch memory that it needs. A pair may read one past the frame, and multiply it with zero.
    pub fn scratch(&self) -> usize {
        self.frame.len() + 1
    }

    /// The input starts at `arena[from]`, the output at `arena[to]`; they may overlap. `None` when a slice is too short.
    /// Only where [`super::is_available`].
    pub fn run(&self, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) -> Option<()> {
        let frame = scratch.get_mut(..self.scratch())?;
        // SAFETY: the caller has made sure of the instructions.
        unsafe { fill(&self.frame, arena.get(from..)?, frame, self.padding_value) };
        let output = arena.get_mut(to..)?;
        if frame.len() <= self.tiling.reach() || output.len() < self.tiling.windows.len() * self.output_channels {
            return None;
        }
        // SAFETY: the frame holds what all windows of all groups reach and the output all their channels, checked above;
        // `new` packed the panels that `tiling` lists; the caller has made sure of the instructions.
        unsafe {
            match &self.filters {
                Filters::Numbers(filters) => self.run_panels::<false>(filters.as_ptr().cast(), frame, output),
                Filters::Bytes(filters) => self.run_panels::<true>(filters.as_ptr().cast(), frame, output),
            }
        }
        Some(())
    }

    /// `BYTES` says what the filters are.
    ///
    /// # Safety
    /// The frame has one number more than [`Tiling::reach`], the output one for each window and channel.
    #[target_feature(enable = "avx2")]
    unsafe fn run_panels<const BYTES: bool>(&self, filters: *const u8, frame: &[i16], output: &mut [i8]) {
        let (mut filters, mut register) = (filters, 0);
        let pairs = self.tiling.segments.len() * self.tiling.length.div_ceil(2);
        let requantizer = Requantizer::new(self.scale);
        for panel in self.tiling.panels() {
            // SAFETY: `register` counts the registers of the panels before this one.
            let [bias, multipliers] = unsafe { [&self.bias, &self.multipliers].map(|all| all.as_ptr().add(register)) };
            let (frame, output) = (frame.as_ptr(), output.as_mut_ptr());
            let tile = Tile { layer: self, requantizer, panel, frame, filters, bias, multipliers, output };
            let wide = panel.registers == 2;
            for (start, count) in tiles(self.tiling.windows.len(), if wide { TILE } else { NARROW_TILE }) {
                // SAFETY: `start + count` windows exist; the rest as the caller keeps it.
                unsafe {
                    match (wide, count) {
                        (true, 1) => tile.run::<1, 2, BYTES>(start),
                        (true, 2) => tile.run::<2, 2, BYTES>(start),
                        (true, 3) => tile.run::<3, 2, BYTES>(start),
                        (true, 4) => tile.run::<4, 2, BYTES>(start),
                        (true, 5) => tile.run::<5, 2, BYTES>(start),
                        (true, _) => tile.run::<6, 2, BYTES>(start),
                        (false, 1) => tile.run::<1, 1, BYTES>(start),
                        (false, 2) => tile.run::<2, 1, BYTES>(start),
                        (false, 3) => tile.run::<3, 1, BYTES>(start),
                        (false, 4) => tile.run::<4, 1, BYTES>(start),
                        (false, 5) => tile.run::<5, 1, BYTES>(start),
                        (false, 6) => tile.run::<6, 1, BYTES>(start),
                        (false, 7) => tile.run::<7, 1, BYTES>(start),
                        (false, _) => tile.run::<8, 1, BYTES>(start),
                    }
                }
            }
            register += panel.registers;
            // SAFETY: one past this panel's filters is at most the end of all.
            filters = unsafe { filters.add(pairs * panel.registers * step::<BYTES>()) };
        }
    }
}

/// Widens the map into its frame.
#[target_feature(enable = "avx2")]
fn fill(frame: &Frame, map: &[i8], to: &mut [i16], padding: i16) {
    frame.fill(map, to, padding, i16::from);
}

/// Bytes of a register's filters.
const fn step<const BYTES: bool>() -> usize {
    if BYTES { 16 } else { 32 }
}

/// What the tiles of a panel have in common.
struct Tile<'l> {
    layer: &'l Int8Convolution,
    requantizer: Requantizer,
    panel: Panel,
    frame: *const i16,
    filters: *const u8,
    bias: *const Eight,
    multipliers: *const Eight,
    output: *mut i8,
}

impl Tile<'_> {
    /// `M` windows by `R` registers of channels.
    ///
    /// # Safety
    /// As [`Int8Convolution::run_panels`], and there are `start + M` windows.
    #[target_feature(enable = "avx2")]
    unsafe fn run<const M: usize, const R: usize, const BYTES: bool>(&self, start: usize) {
        let Tiling { windows, segments, length, .. } = &self.layer.tiling;
        let pairs = length.div_ceil(2);
        let mut filters = self.filters;
        let mut starts = [self.frame; M];
        // SAFETY: windows, segments and taps are those that the frame and the filters hold, and a register has a bias.
        unsafe {
            let mut sums = [[_mm256_setzero_si256(); R]; M];
            for r in 0..R {
                let bias = load(self.bias.add(r));
                for sums in &mut sums {
                    sums[r] = bias;
                }
            }
            for m in 0..M {
                starts[m] = self.frame.add(windows.get_unchecked(start + m) + self.panel.first_input);
            }
            for segment in segments {
                let mut rows = starts;
                for row in &mut rows {
                    *row = row.add(*segment);
                }
                for pair in 0..pairs {
                    let mut factors = [_mm256_setzero_si256(); R];
                    for (r, factor) in factors.iter_mut().enumerate() {
                        let from = filters.add(r * step::<BYTES>());
                        *factor = match BYTES {
                            true => _mm256_cvtepi8_epi16(_mm_load_si128(from.cast())),
                            false => _mm256_load_si256(from.cast()),
                        };
                    }
                    for (sums, row) in sums.iter_mut().zip(&rows) {
                        let values = _mm256_set1_epi32(row.add(2 * pair).cast::<i32>().read_unaligned());
                        for (sum, factor) in sums.iter_mut().zip(factors) {
                            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(values, factor));
                        }
                    }
                    filters = filters.add(R * step::<BYTES>());
                }
            }
            // A copy, so that nothing points to the sums and they stay in registers.
            let sums = sums;
            self.write(start, &sums);
        }
    }

    /// # Safety
    /// As [`Self::run`].
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn write<const M: usize, const R: usize>(&self, start: usize, sums: &[[__m256i; R]; M]) {
        let Panel { first, channels, .. } = self.panel;
        for (m, sums) in sums.iter().enumerate() {
            // SAFETY: a multiplier for each register, and of the output only the panel's channels of existing windows.
            unsafe {
                let scaled = |r: usize| self.requantizer.scaled(sums[r], load(self.multipliers.add(r)));
                let to = self.output.add((start + m) * self.layer.output_channels + first);
                let [one, two] = [scaled(0), scaled(R - 1)];
                let halves = self.requantizer.halves(one, two);
                let (low, high) = (_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
                if R == 1 {
                    let eight = _mm_unpacklo_epi64(low, high);
                    store_eight(to, channels, self.requantizer.bytes(eight, eight));
                } else {
                    let bytes = self.requantizer.bytes(low, high);
                    if channels >= 2 * EIGHT {
                        _mm_storeu_si128(to.cast(), bytes);
                    } else {
                        store_eight(to, EIGHT, bytes);
                        store_eight(to.add(EIGHT), channels - EIGHT, _mm_unpackhi_epi64(bytes, bytes));
                    }
                }
            }
        }
    }
}
