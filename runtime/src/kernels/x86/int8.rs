#![allow(unsafe_code)]

use core::arch::x86_64::*;
use std::vec::Vec;

use super::Lanes;
use super::footprint::{Footprint, REGISTER, TilingSize, product};
use super::frame::Frame;
use super::multiply::{Multiply, NarrowPairs, Pairs, Quads, has_quads};
use super::requantize::{Requantizer, Scale, load, store_eight};
use super::tiling::{EIGHT, Panel, Tiling, kernel, tiles};
use crate::kernels::int8::convolution::Convolution;

/// Windows of a tile of 16 channels.
const TILE: usize = 6;
/// Windows of a tile of 8 channels.
const NARROW_TILE: usize = 8;
/// More filters than this stay bytes, and are widened whenever they are read: memory is what limits them. Tests have both.
const LARGE: usize = if cfg!(test) { 1 << 11 } else { 1 << 17 };

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
    padding_value: i8,
}

/// `[panel][taps][register]`; a register has two or four taps of eight channels.
#[derive(Clone, Debug)]
enum Filters {
    Pairs(Vec<Lanes<i16, 16>>),
    /// Two registers' filters in each: alone they would be filled up to its alignment.
    NarrowPairs(Vec<Lanes<i8, 32>>),
    Quads(Vec<Lanes<i8, 32>>),
}

fn side_by_side(registers: &[Lanes<i8, 16>]) -> Lanes<i8, 32> {
    Lanes(core::array::from_fn(|index| registers.get(index / 16).map_or(0, |register| register.0[index % 16])))
}

/// Which of a panel's channels stands in which lane: packing two registers of sums restores their order.
fn channel(registers: usize, register: usize, lane: usize) -> usize {
    match registers {
        2 => lane / 4 * EIGHT + register * 4 + lane % 4,
        _ => lane,
    }
}

impl Int8Convolution {
    /// What [`Self::new`] will allocate; `None` where it gives nothing.
    pub fn footprint(options: &Convolution<'_>) -> Option<Footprint> {
        let Convolution { vertical, horizontal, input_channels, output: [rows, columns, channels], .. } = *options;
        let (channels, windows) = ([input_channels, channels], [rows, columns]);
        let frame = Frame::new(vertical, horizontal, channels, windows)?;
        let size = TilingSize::new(kernel(vertical, horizontal), windows, channels, options.groups);
        let kept = size.place_bytes().saturating_add(product(&[size.registers, 2, REGISTER]));
        let length = frame.len() as u64;
        if has_quads() {
            let filters = product(&[size.filter_registers(Quads::TAPS as u64), REGISTER]);
            let bytes = length + Quads::TAPS as u64 - 1;
            return Some(Footprint { kept_bytes: kept.saturating_add(filters), bytes, ..Footprint::default() });
        }
        // First as bytes, 16 in a register; then widened, or two in a register.
        let narrow = size.filter_registers(Pairs::TAPS as u64);
        let packing_bytes = product(&[narrow, REGISTER / 2]);
        let is_large = packing_bytes > LARGE as u64;
        let filters = if is_large { product(&[narrow.div_ceil(2), REGISTER]) } else { product(&[narrow, REGISTER]) };
        let numbers = length + Pairs::TAPS as u64 - 1;
        Some(Footprint { kept_bytes: kept.saturating_add(filters), packing_bytes, numbers, ..Footprint::default() })
    }

    /// Packs the filters; `None` when there are too few of them, of biases or of multipliers, and where the frame would be
    /// large ([`Frame::new`]).
    pub fn new(options: &Convolution<'_>) -> Option<Self> {
        Self::packed(options, has_quads())
    }

    /// The same for processors with or without [`Quads`].
    pub(super) fn packed(options: &Convolution<'_>, quads: bool) -> Option<Self> {
        let Convolution { vertical, horizontal, input_channels, output: [rows, columns, channels], .. } = *options;
        let windows = [rows, columns];
        let frame = Frame::new(vertical, horizontal, [input_channels, channels], windows)?;
        let kernel = kernel(vertical, horizontal);
        let tiling = Tiling::new(&frame, kernel, windows, [input_channels, channels], options.groups);
        let (row, taps) = (options.row_bytes, tiling.segments.len() * tiling.length);
        let enough = options.scale.bias.len() >= channels && options.scale.multipliers.len() >= channels;
        if row < taps || options.filters.len() < channels * row || !enough {
            return None;
        }
        let registers = tiling.registers();
        let (mut bias, mut multipliers) = (Vec::with_capacity(registers), Vec::with_capacity(registers));
        let corrected = |channel: usize| {
            let weights = options.filters[channel * row..].iter().take(taps);
            let sum = weights.fold(0i32, |sum, weight| sum.wrapping_add((*weight).into()));
            let bias = options.scale.bias[channel];
            // Values without a sign are 128 more.
            if quads { bias.wrapping_sub(sum.wrapping_mul(128)) } else { bias }
        };
        for panel in tiling.panels() {
            for register in 0..panel.registers {
                let of_channels = |number: &dyn Fn(usize) -> i32| {
                    Lanes(core::array::from_fn(|lane| place(&panel, register, lane).map_or(0, number)))
                };
                bias.push(of_channels(&corrected));
                multipliers.push(of_channels(&|channel| options.scale.multipliers[channel]));
            }
        }
        let filters = match quads {
            true => Filters::Quads(pack::<4, 32>(options, &tiling)),
            false => {
                let filters = pack::<2, 16>(options, &tiling);
                match filters.len() * 16 > LARGE {
                    true => Filters::NarrowPairs(filters.chunks(2).map(side_by_side).collect()),
                    false => Filters::Pairs(filters.iter().map(|narrow| Lanes(narrow.0.map(i16::from))).collect()),
                }
            }
        };
        let (scale, padding_value) = (Scale::of(&options.scale), options.padding_value);
        Some(Self { frame, tiling, filters, bias, multipliers, scale, output_channels: channels, padding_value })
    }

    /// Numbers of scratch memory that it needs, of 16 and of eight bits. The last taps that are read at a time may lie
    /// past the frame, and are multiplied with zero.
    pub fn scratch(&self) -> [usize; 2] {
        match self.filters {
            Filters::Quads(_) => [0, self.frame.len() + Quads::TAPS - 1],
            _ => [self.frame.len() + Pairs::TAPS - 1, 0],
        }
    }

    /// The input starts at `arena[from]`, the output at `arena[to]`; they may overlap. `None` when a slice is too short.
    /// Only where [`super::is_available`].
    pub fn run(&self, arena: &mut [i8], from: usize, to: usize, numbers: &mut [i16], bytes: &mut [i8]) -> Option<()> {
        if let Filters::Quads(filters) = &self.filters {
            if !has_quads() {
                return None;
            }
            let tiles = self.unsigned_tiles(filters, arena, from, to, bytes)?;
            // SAFETY: the processor has the instructions.
            unsafe { run_quads(&tiles) };
            return Some(());
        }
        let frame = numbers.get_mut(..self.scratch()[0])?;
        // SAFETY: the caller has made sure of the instructions.
        unsafe { widen(&self.frame, arena.get(from..)?, frame, self.padding_value) };
        let output = self.output(arena, to)?;
        let frame = self.reached::<Pairs>(frame)?;
        // SAFETY: the caller has made sure of the instructions.
        unsafe {
            match &self.filters {
                Filters::Pairs(filters) => run_pairs::<Pairs>(&self.tiles(filters, frame, output)),
                Filters::NarrowPairs(filters) => run_pairs::<NarrowPairs>(&self.tiles(filters, frame, output)),
                Filters::Quads(_) => return None,
            }
        }
        Some(())
    }

    /// Which multiplications its filters are packed for.
    #[cfg(test)]
    pub(super) fn multiplies(&self) -> &'static str {
        match self.filters {
            Filters::Pairs(_) => "vpmaddwd of 16 bits",
            Filters::NarrowPairs(_) => "vpmaddwd of 8 bits, widened",
            Filters::Quads(_) => "vpdpbusd (AVX-512 VNNI)",
        }
    }

    /// As [`Self::run`] for filters packed as quads, without the instruction.
    #[cfg(test)]
    pub(super) fn run_model(&self, arena: &mut [i8], from: usize, to: usize, bytes: &mut [i8]) -> Option<()> {
        let Filters::Quads(filters) = &self.filters else { return None };
        let tiles = self.unsigned_tiles(filters, arena, from, to, bytes)?;
        // SAFETY: the caller has made sure of the instructions.
        unsafe { run_pairs::<super::multiply::ModelOfQuads>(&tiles) };
        Some(())
    }

    /// The tiles over a frame of bytes without a sign.
    fn unsigned_tiles(
        &self,
        filters: &[Lanes<i8, 32>],
        arena: &mut [i8],
        from: usize,
        to: usize,
        bytes: &mut [i8],
    ) -> Option<Tiles<'_>> {
        let frame = bytes.get_mut(..self.scratch()[1])?;
        let unsigned = |number: i8| number ^ i8::MIN;
        self.frame.fill(arena.get(from..)?, frame, unsigned(self.padding_value), unsigned);
        let output = self.output(arena, to)?;
        Some(self.tiles(filters, self.reached::<Quads>(frame)?, output))
    }

    /// The output, if there is room for all of it.
    fn output(&self, arena: &mut [i8], to: usize) -> Option<*mut i8> {
        let output = arena.get_mut(to..)?.get_mut(..self.tiling.windows.len() * self.output_channels)?;
        Some(output.as_mut_ptr())
    }

    /// The frame, if it holds all that is read of it.
    fn reached<X: Multiply>(&self, frame: &[impl Copy]) -> Option<*const u8> {
        (frame.len() >= self.tiling.reach + X::TAPS - 1).then_some(frame.as_ptr().cast())
    }

    fn tiles<T>(&self, filters: &[T], frame: *const u8, output: *mut i8) -> Tiles<'_> {
        Tiles { layer: self, filters: filters.as_ptr().cast(), frame, output }
    }
}

/// Which of the output's channels stands in a lane of a panel's register.
fn place(panel: &Panel, register: usize, lane: usize) -> Option<usize> {
    let channel = channel(panel.registers, register, lane);
    (channel < panel.channels).then_some(panel.first + channel)
}

/// `N` numbers for each register: `TAPS` of eight channels.
fn pack<const TAPS: usize, const N: usize>(options: &Convolution<'_>, tiling: &Tiling) -> Vec<Lanes<i8, N>> {
    let steps = tiling.segments.len() * tiling.length.div_ceil(TAPS);
    let mut filters = Vec::with_capacity(tiling.registers() * steps);
    for panel in tiling.panels() {
        for taps in tiling.taps::<TAPS>() {
            for register in 0..panel.registers {
                let number = |index: usize| {
                    let place = place(&panel, register, index / TAPS).zip(taps[index % TAPS]);
                    place.map_or(0, |(channel, tap)| options.filters[channel * options.row_bytes + tap])
                };
                filters.push(Lanes(core::array::from_fn(number)));
            }
        }
    }
    filters
}

/// Widens the map into its frame.
#[target_feature(enable = "avx2")]
fn widen(frame: &Frame, map: &[i8], to: &mut [i16], padding: i8) {
    frame.fill(map, to, padding.into(), i16::from);
}

/// # Safety
/// The tiles' filters are packed for `X`, whose instructions AVX2 is enough for.
#[target_feature(enable = "avx2")]
unsafe fn run_pairs<X: Multiply>(tiles: &Tiles<'_>) {
    // SAFETY: as the caller keeps it.
    unsafe { tiles.run::<X>() }
}

/// # Safety
/// The tiles' filters are packed as quads.
#[target_feature(enable = "avx2,avx512f,avx512vl,avx512vnni")]
unsafe fn run_quads(tiles: &Tiles<'_>) {
    // SAFETY: as the caller keeps it.
    unsafe { tiles.run::<Quads>() }
}

/// What is multiplied: made by [`Int8Convolution::tiles`] of a frame and an output that are long enough.
struct Tiles<'l> {
    layer: &'l Int8Convolution,
    filters: *const u8,
    frame: *const u8,
    output: *mut i8,
}

impl Tiles<'_> {
    /// # Safety
    /// The filters are packed for `X`; inlined into a function with its instructions and AVX2.
    #[inline(always)]
    unsafe fn run<X: Multiply>(&self) {
        let Self { layer, frame, output, .. } = *self;
        let (mut filters, mut register) = (self.filters, 0);
        let taps = layer.tiling.segments.len() * layer.tiling.length.div_ceil(X::TAPS);
        // SAFETY: the caller has made sure of the instructions.
        let requantizer = unsafe { Requantizer::new(layer.scale) };
        for panel in layer.tiling.panels() {
            // SAFETY: `register` counts the registers of the panels before this one.
            let (bias, multipliers) =
                unsafe { (layer.bias.as_ptr().add(register), layer.multipliers.as_ptr().add(register)) };
            let tile = Tile { layer, requantizer, panel, frame, filters, bias, multipliers, output };
            let wide = panel.registers == 2;
            for (start, count) in tiles(layer.tiling.windows.len(), if wide { TILE } else { NARROW_TILE }) {
                // SAFETY: `start + count` windows exist; the rest as the caller keeps it.
                unsafe {
                    match (wide, count) {
                        (true, 1) => tile.run::<1, 2, X>(start),
                        (true, 2) => tile.run::<2, 2, X>(start),
                        (true, 3) => tile.run::<3, 2, X>(start),
                        (true, 4) => tile.run::<4, 2, X>(start),
                        (true, 5) => tile.run::<5, 2, X>(start),
                        (true, _) => tile.run::<6, 2, X>(start),
                        (false, 1) => tile.run::<1, 1, X>(start),
                        (false, 2) => tile.run::<2, 1, X>(start),
                        (false, 3) => tile.run::<3, 1, X>(start),
                        (false, 4) => tile.run::<4, 1, X>(start),
                        (false, 5) => tile.run::<5, 1, X>(start),
                        (false, 6) => tile.run::<6, 1, X>(start),
                        (false, 7) => tile.run::<7, 1, X>(start),
                        (false, _) => tile.run::<8, 1, X>(start),
                    }
                }
            }
            register += panel.registers;
            // SAFETY: one past this panel's filters is at most the end of all.
            filters = unsafe { filters.add(taps * panel.registers * X::FILTER_BYTES) };
        }
    }
}

/// What the tiles of a panel have in common.
struct Tile<'l> {
    layer: &'l Int8Convolution,
    requantizer: Requantizer,
    panel: Panel,
    frame: *const u8,
    filters: *const u8,
    bias: *const Eight,
    multipliers: *const Eight,
    output: *mut i8,
}

impl Tile<'_> {
    /// `M` windows by `R` registers of channels.
    ///
    /// # Safety
    /// As [`Tiles::run`], and there are `start + M` windows.
    #[inline(always)]
    unsafe fn run<const M: usize, const R: usize, X: Multiply>(&self, start: usize) {
        let Tiling { windows, segments, length, .. } = &self.layer.tiling;
        let steps = length.div_ceil(X::TAPS);
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
            for (m, to) in starts.iter_mut().enumerate() {
                let first = windows.get_unchecked(start + m) + self.panel.first_input;
                *to = self.frame.add(first * X::NUMBER_BYTES);
            }
            for segment in segments {
                let mut rows = starts;
                for row in &mut rows {
                    *row = row.add(*segment * X::NUMBER_BYTES);
                }
                for step in 0..steps {
                    let mut factors = [_mm256_setzero_si256(); R];
                    for (r, factor) in factors.iter_mut().enumerate() {
                        *factor = X::factors(filters.add(r * X::FILTER_BYTES));
                    }
                    for (sums, row) in sums.iter_mut().zip(&rows) {
                        let values = _mm256_set1_epi32(row.cast::<i32>().add(step).read_unaligned());
                        for (sum, factor) in sums.iter_mut().zip(factors) {
                            *sum = X::add(*sum, values, factor);
                        }
                    }
                    filters = filters.add(R * X::FILTER_BYTES);
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
                let to = self.output.add((start + m) * self.layer.output_channels + first);
                let one = self.requantizer.scaled(sums[0], load(self.multipliers));
                let two = self.requantizer.scaled(sums[R - 1], load(self.multipliers.add(R - 1)));
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
