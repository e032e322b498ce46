#![allow(unsafe_code)]

use core::arch::x86_64::*;
use std::vec::Vec;

use super::Lanes;
use super::float::{bounds, eight, first, store};
use super::footprint::{Footprint, REGISTER, TilingSize, frame_numbers, product};
use super::frame::Frame;
use super::tiling::{EIGHT, Tiling, kernel};
use crate::kernels::convolution::Convolution;

/// Windows at a time: as many sums as multiply-adds are under way.
const TILE: usize = 8;
/// Windows at a time of what is left over.
const SMALL_TILE: usize = 4;

/// A float32 convolution with one filter per channel, packed.
#[derive(Clone, Debug)]
pub(crate) struct FloatDepthwise {
    frame: Frame,
    tiling: Tiling,
    /// `[block of eight channels][tap]`.
    filters: Vec<Lanes<f32, EIGHT>>,
    /// One for each block.
    bias: Vec<Lanes<f32, EIGHT>>,
    channels: usize,
    bounds: Option<[f32; 2]>,
}

impl FloatDepthwise {
    /// What [`Self::new`] will allocate; `None` where it gives nothing.
    pub fn footprint(options: &Convolution, output_height: usize) -> Option<Footprint> {
        let Convolution { vertical, horizontal, output_width, output_channels: channels, .. } = *options;
        let windows = [output_height, output_width];
        let frame = Frame::new(vertical, horizontal, [channels; 2], windows)?;
        let size = TilingSize::new(kernel(vertical, horizontal), windows, [channels; 2], channels);
        let blocks = channels.div_ceil(EIGHT) as u64;
        let filters = product(&[blocks, size.segments.saturating_add(1), REGISTER]);
        let kept_bytes = size.place_bytes().saturating_add(filters);
        Some(Footprint { kept_bytes, floats: frame_numbers(&frame), ..Footprint::default() })
    }

    /// Packs filters `[c, kh, kw, 1]`; `None` when there are too few of them or of biases, and where the frame would be
    /// large ([`Frame::new`]).
    pub fn new(options: &Convolution, output_height: usize, weight: &[f32], bias: &[f32]) -> Option<Self> {
        let Convolution { vertical, horizontal, output_width, output_channels: channels, .. } = *options;
        let windows = [output_height, output_width];
        let frame = Frame::new(vertical, horizontal, [channels; 2], windows)?;
        let tiling = Tiling::new(&frame, kernel(vertical, horizontal), windows, [channels; 2], channels);
        let taps = tiling.segments.len();
        let (weight, bias) = (weight.get(..channels * taps)?, bias.get(..channels)?);
        let mut filters = Vec::with_capacity(channels.div_ceil(EIGHT) * taps);
        for block in weight.chunks(EIGHT * taps) {
            filters.extend((0..taps).map(|tap| eight(block.iter().skip(tap).step_by(taps))));
        }
        let bias = bias.chunks(EIGHT).map(eight).collect();
        Some(Self { frame, tiling, filters, bias, channels, bounds: bounds(options.activation) })
    }

    /// Numbers of scratch memory that it needs.
    pub fn scratch(&self) -> usize {
        self.frame.scratch()
    }

    /// `None` when a slice is too short. Only where [`super::is_available`].
    pub fn run(&self, input: &[f32], output: &mut [f32], scratch: &mut [f32]) -> Option<()> {
        let frame = self.frame.of(input, scratch)?;
        if frame.len() < self.tiling.reach || output.len() < self.tiling.windows.len() * self.channels {
            return None;
        }
        // SAFETY: the frame holds what all windows reach and the output all their channels, checked above; `new` packed
        // all blocks; the caller has made sure of the instructions.
        unsafe { self.run_blocks(frame.as_ptr(), output.as_mut_ptr()) };
        Some(())
    }

    /// # Safety
    /// The frame has [`Tiling::reach`] numbers, the output one for each window and channel.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_blocks(&self, frame: *const f32, output: *mut f32) {
        let count = self.tiling.windows.len();
        let mut start = 0;
        // All channels of a few windows, so that lines of the cache are read and written once.
        while start < count {
            let windows = [TILE, SMALL_TILE, 1].into_iter().find(|most| start + most <= count).unwrap_or(1);
            for block in 0..self.bias.len() {
                // SAFETY: `start` and the windows after it are below `count`; the rest as the caller keeps it.
                unsafe {
                    match windows {
                        TILE => self.run_tile::<TILE>(block, start, frame, output),
                        SMALL_TILE => self.run_tile::<SMALL_TILE>(block, start, frame, output),
                        _ => self.run_tile::<1>(block, start, frame, output),
                    }
                }
            }
            start += windows;
        }
    }

    /// # Safety
    /// As [`Self::run_blocks`], and there are `start + M` windows.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn run_tile<const M: usize>(&self, block: usize, start: usize, frame: *const f32, output: *mut f32) {
        let Tiling { windows, segments, .. } = &self.tiling;
        let channel = block * EIGHT;
        let count = self.channels - channel;
        // SAFETY: blocks, windows and taps are those that the filters and the frame hold; a block of fewer than eight
        // channels is masked.
        unsafe {
            let mut sums = [_mm256_load_ps(self.bias.as_ptr().add(block).cast()); M];
            let filters = self.filters.as_ptr().add(block * segments.len());
            let mut starts = [frame; M];
            for (m, to) in starts.iter_mut().enumerate() {
                *to = frame.add(windows.get_unchecked(start + m) + channel);
            }
            if count >= EIGHT {
                for (tap, segment) in segments.iter().enumerate() {
                    let factor = _mm256_load_ps(filters.add(tap).cast());
                    for (sum, start) in sums.iter_mut().zip(starts) {
                        *sum = _mm256_fmadd_ps(_mm256_loadu_ps(start.add(*segment)), factor, *sum);
                    }
                }
            } else {
                let mask = first(count);
                for (tap, segment) in segments.iter().enumerate() {
                    let factor = _mm256_load_ps(filters.add(tap).cast());
                    for (sum, start) in sums.iter_mut().zip(starts) {
                        *sum = _mm256_fmadd_ps(_mm256_maskload_ps(start.add(*segment), mask), factor, *sum);
                    }
                }
            }
            for (m, sum) in sums.into_iter().enumerate() {
                let mut value = sum;
                if let Some([low, high]) = self.bounds {
                    value = _mm256_min_ps(_mm256_max_ps(value, _mm256_set1_ps(low)), _mm256_set1_ps(high));
                }
                store(output.add((start + m) * self.channels + channel), count, value);
            }
        }
    }
}
