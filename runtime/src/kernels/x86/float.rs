#![allow(unsafe_code)]

use core::arch::x86_64::*;
use std::vec::Vec;

use super::Lanes;
use super::footprint::{Footprint, REGISTER, TilingSize, frame_numbers, product};
use super::frame::Frame;
use super::tiling::{EIGHT, Panel, Tiling, kernel, tiles};
use crate::kernels::convolution::Convolution;
use crate::tensor::Activation;

/// Windows of a tile of 16 channels.
const TILE: usize = 6;
/// Windows of a tile of 8 channels.
const NARROW_TILE: usize = 8;

type Eight = Lanes<f32, EIGHT>;

/// A float32 convolution, not depthwise, with packed filters. A linear operator is one of a 1x1 map.
#[derive(Clone, Debug)]
pub(crate) struct FloatConvolution {
    frame: Frame,
    tiling: Tiling,
    /// `[panel][tap][register]`.
    filters: Vec<Eight>,
    /// `[panel][register]`.
    bias: Vec<Eight>,
    output_channels: usize,
    bounds: Option<[f32; 2]>,
}

/// What an activation limits its result to.
pub(super) fn bounds(activation: Activation) -> Option<[f32; 2]> {
    match activation {
        Activation::Identity => None,
        Activation::Relu => Some([0.0, f32::INFINITY]),
        Activation::Relu6 => Some([0.0, 6.0]),
        Activation::Clamp { low, high } => Some([low, high]),
    }
}

/// Up to eight numbers, filled up with zeros.
pub(super) fn eight<'n>(numbers: impl IntoIterator<Item = &'n f32>) -> Eight {
    let mut all = [0.0; EIGHT];
    all.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
    Lanes(all)
}

impl FloatConvolution {
    /// What [`Self::new`] will allocate; `None` where it gives nothing.
    pub fn footprint(options: &Convolution, output_height: usize) -> Option<Footprint> {
        let Convolution { vertical, horizontal, input_channels, output_width, output_channels, groups, .. } = *options;
        let (channels, windows) = ([input_channels, output_channels], [output_height, output_width]);
        let frame = Frame::new(vertical, horizontal, channels, windows)?;
        let size = TilingSize::new(kernel(vertical, horizontal), windows, channels, groups);
        let registers = size.filter_registers(1).saturating_add(size.registers);
        let kept_bytes = size.place_bytes().saturating_add(product(&[registers, REGISTER]));
        Some(Footprint { kept_bytes, floats: frame_numbers(&frame), ..Footprint::default() })
    }

    /// Packs filters `[cout, kh, kw, cin / groups]`; `None` when there are too few of them or of biases, and where the frame
    /// would be large ([`Frame::new`]).
    pub fn new(options: &Convolution, output_height: usize, weight: &[f32], bias: &[f32]) -> Option<Self> {
        let Convolution { vertical, horizontal, input_channels, output_width, output_channels, groups, .. } = *options;
        let windows = [output_height, output_width];
        let frame = Frame::new(vertical, horizontal, [input_channels, output_channels], windows)?;
        let kernel = kernel(vertical, horizontal);
        let tiling = Tiling::new(&frame, kernel, windows, [input_channels, output_channels], groups);
        let taps = tiling.segments.len() * tiling.length;
        if weight.len() < output_channels * taps || bias.len() < output_channels {
            return None;
        }
        let registers = tiling.registers();
        let (mut filters, mut biases) = (Vec::with_capacity(registers * taps), Vec::with_capacity(registers));
        for panel in tiling.panels() {
            let channels = |register: usize| {
                let first = panel.first + register * EIGHT;
                first..panel.first + panel.channels.min((register + 1) * EIGHT)
            };
            for tap in 0..taps {
                let of_tap = |register| eight(channels(register).map(|channel| &weight[channel * taps + tap]));
                filters.extend((0..panel.registers).map(of_tap));
            }
            biases.extend((0..panel.registers).map(|register| eight(&bias[channels(register)])));
        }
        let bounds = bounds(options.activation);
        Some(Self { frame, tiling, filters, bias: biases, output_channels, bounds })
    }

    /// Numbers of scratch memory that it needs.
    pub fn scratch(&self) -> usize {
        self.frame.scratch()
    }

    /// `None` when a slice is too short. Only where [`super::is_available`].
    pub fn run(&self, input: &[f32], output: &mut [f32], scratch: &mut [f32]) -> Option<()> {
        let frame = self.frame.of(input, scratch)?;
        if frame.len() < self.tiling.reach || output.len() < self.tiling.windows.len() * self.output_channels {
            return None;
        }
        // SAFETY: the frame holds what all windows of all groups reach and the output all their channels, checked above;
        // `new` packed the panels that `tiling` lists; the caller has made sure of the instructions.
        unsafe { self.run_panels(frame, output) };
        Some(())
    }

    /// # Safety
    /// The frame has [`Tiling::reach`] numbers, the output one for each window and channel.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_panels(&self, frame: &[f32], output: &mut [f32]) {
        let (mut filters, mut bias) = (self.filters.as_ptr(), self.bias.as_ptr());
        let taps = self.tiling.segments.len() * self.tiling.length;
        for panel in self.tiling.panels() {
            let tile = Tile { layer: self, panel, frame: frame.as_ptr(), filters, bias, output: output.as_mut_ptr() };
            let wide = panel.registers == 2;
            for (start, count) in tiles(self.tiling.windows.len(), if wide { TILE } else { NARROW_TILE }) {
                // SAFETY: `start + count` windows exist; the rest as the caller keeps it.
                unsafe {
                    match (wide, count) {
                        (true, 1) => tile.run::<1, 2, 4>(start),
                        (true, 2) => tile.run::<2, 2, 2>(start),
                        (true, 3) => tile.run::<3, 2, 2>(start),
                        (true, 4) => tile.run::<4, 2, 1>(start),
                        (true, 5) => tile.run::<5, 2, 1>(start),
                        (true, _) => tile.run::<6, 2, 1>(start),
                        (false, 1) => tile.run::<1, 1, 4>(start),
                        (false, 2) => tile.run::<2, 1, 4>(start),
                        (false, 3) => tile.run::<3, 1, 2>(start),
                        (false, 4) => tile.run::<4, 1, 2>(start),
                        (false, 5) => tile.run::<5, 1, 2>(start),
                        (false, 6) => tile.run::<6, 1, 1>(start),
                        (false, 7) => tile.run::<7, 1, 1>(start),
                        (false, _) => tile.run::<8, 1, 1>(start),
                    }
                }
            }
            // SAFETY: one past this panel's filters and biases is at most the end of all.
            unsafe {
                filters = filters.add(taps * panel.registers);
                bias = bias.add(panel.registers);
            }
        }
    }
}

/// What the tiles of a panel have in common.
struct Tile<'l> {
    layer: &'l FloatConvolution,
    panel: Panel,
    frame: *const f32,
    filters: *const Eight,
    bias: *const Eight,
    output: *mut f32,
}

impl Tile<'_> {
    /// `M` windows by `R` registers of channels; `U` taps at a time have sums of their own, so that additions need not
    /// wait for each other.
    ///
    /// # Safety
    /// As [`FloatConvolution::run_panels`], and there are `start + M` windows.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run<const M: usize, const R: usize, const U: usize>(&self, start: usize) {
        let Tiling { windows, segments, length, .. } = &self.layer.tiling;
        let length = *length;
        let zero = _mm256_setzero_ps();
        let mut all = [[[zero; R]; M]; U];
        let mut filters = self.filters;
        let mut starts = [self.frame; M];
        // SAFETY: windows, segments and taps are those that the frame and the filters hold.
        unsafe {
            for (m, to) in starts.iter_mut().enumerate() {
                *to = self.frame.add(windows.get_unchecked(start + m) + self.panel.first_input);
            }
            for segment in segments {
                let mut rows = starts;
                for row in &mut rows {
                    *row = row.add(*segment);
                }
                let whole = length - length % U;
                let mut k = 0;
                while k < whole {
                    for (u, sums) in all.iter_mut().enumerate() {
                        multiply(sums, &rows, k + u, filters.add(u * R));
                    }
                    filters = filters.add(U * R);
                    k += U;
                }
                while k < length {
                    multiply(&mut all[0], &rows, k, filters);
                    filters = filters.add(R);
                    k += 1;
                }
            }
            // A copy, so that nothing points to the sums and they stay in registers.
            let mut sums = all[0];
            for more in &all[1..] {
                for (sums, more) in sums.iter_mut().zip(more) {
                    for (sum, more) in sums.iter_mut().zip(more) {
                        *sum = _mm256_add_ps(*sum, *more);
                    }
                }
            }
            self.write(start, &sums);
        }
    }

    /// # Safety
    /// As [`Self::run`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn write<const M: usize, const R: usize>(&self, start: usize, sums: &[[__m256; R]; M]) {
        let channels = self.layer.output_channels;
        for (m, sums) in sums.iter().enumerate() {
            for (r, sum) in sums.iter().enumerate() {
                // SAFETY: a bias for each register, and of the output only the panel's channels of existing windows.
                unsafe {
                    let mut value = _mm256_add_ps(*sum, _mm256_load_ps(self.bias.add(r).cast()));
                    if let Some([low, high]) = self.layer.bounds {
                        value = _mm256_min_ps(_mm256_max_ps(value, _mm256_set1_ps(low)), _mm256_set1_ps(high));
                    }
                    let to = self.output.add((start + m) * channels + self.panel.first + r * EIGHT);
                    store(to, self.panel.channels - r * EIGHT, value);
                }
            }
        }
    }
}

/// Adds the products of one tap.
///
/// # Safety
/// The rows can be read at `k`, the filters for `R` registers.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply<const M: usize, const R: usize>(
    sums: &mut [[__m256; R]; M],
    rows: &[*const f32; M],
    k: usize,
    filters: *const Eight,
) {
    let mut factors = [_mm256_setzero_ps(); R];
    for (r, factor) in factors.iter_mut().enumerate() {
        // SAFETY: as the caller allows.
        *factor = unsafe { _mm256_load_ps(filters.add(r).cast()) };
    }
    for (sums, row) in sums.iter_mut().zip(rows) {
        // SAFETY: as the caller allows.
        let value = unsafe { _mm256_broadcast_ss(&*row.add(k)) };
        for (sum, factor) in sums.iter_mut().zip(factors) {
            *sum = _mm256_fmadd_ps(value, factor, *sum);
        }
    }
}

/// Writes the first `count` numbers, at most eight.
///
/// # Safety
/// So many can be written.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn store(to: *mut f32, count: usize, value: __m256) {
    // SAFETY: as the caller allows.
    unsafe {
        if count >= EIGHT {
            _mm256_storeu_ps(to, value);
        } else {
            _mm256_maskstore_ps(to, first(count), value);
        }
    }
}

/// A mask of the first `count` numbers of eight.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn first(count: usize) -> __m256i {
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}
