//! Kernels of hosts with AVX2 and FMA, for filters that were packed when the model was opened.
//!
//! A convolution is a product of windows with filters. Its map is copied once into a [`frame`], padding around it, so
//! that a window's row is one contiguous segment and no tap is a special case. Filters stand in panels of 16 channels (8
//! for what is left over): the numbers of one tap next to each other, taps in the order in which a window is read. A tile
//! keeps the sums of 6 windows by 16 channels in twelve registers and walks along the taps: two loads of filters, and per
//! window one broadcast and two multiply-adds. int8 does the same with pairs of taps as 16-bit numbers (`vpmaddwd`),
//! whose sums of products are exact, or with four taps as bytes where there is AVX-512 VNNI (`vpdpbusd`). Depthwise
//! convolutions keep 8 channels of 8 windows (int8: of 4). float32 convolutions of 3x3 with step 1 go through the points of
//! [`winograd`] where that saves half of the multiplications and the filters do not grow out of the cache.
//!
//! A frame is at most a few times as large as the map and the result; where it would be larger, the kernels for every host
//! do the work. [`Footprint`] tells what a kernel will allocate.

mod all_filters;
mod depthwise_float;
mod depthwise_int8;
pub(crate) mod elementwise;
mod float;
mod footprint;
mod frame;
mod int8;
mod multiply;
mod requantize;
mod tiling;
mod winograd;
mod winograd_axis;

#[cfg(test)]
mod tests;

pub(crate) use depthwise_float::FloatDepthwise;
pub(crate) use depthwise_int8::Int8Depthwise;
pub(crate) use float::FloatConvolution;
pub(crate) use footprint::Footprint;
pub(crate) use int8::Int8Convolution;
pub(crate) use multiply::has_quads;
pub(crate) use winograd::FloatWinograd;

/// Whether this processor has the instructions that everything here is compiled for.
pub(crate) fn is_available() -> bool {
    std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
}

/// Numbers that fill a register, aligned as it is.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct Lanes<T, const N: usize>(pub [T; N]);
