//! x86 with AVX2: sixteen products of 16 bits and their sums by pairs in one instruction (`VPMADDWD`), which no product of
//! two numbers of eight bits can overflow. Chosen when the program runs.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_add_epi64, _mm_blend_epi16, _mm_cvtsi32_si128, _mm_cvtsi128_si32,
    _mm_loadu_si128, _mm_max_epi32, _mm_min_epi32, _mm_mul_epi32, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi32,
    _mm_set1_epi64x, _mm_sra_epi32, _mm_srli_epi64, _mm_storeu_si128, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_cvtepi8_epi16, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_permute2x128_si256, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_storeu_si256, _mm256_unpackhi_epi16,
    _mm256_unpacklo_epi16,
};

use crate::kernels::int8::convolution::{self, Convolution};
use crate::kernels::int8::depthwise::{self, Depthwise, MOST_CHANNELS};
use crate::kernels::int8::expanded::{self, ExpandedConvolution, Orbit};
use crate::kernels::int8::scalar::Scalar;
use crate::kernels::int8::segment::{self, Segment};
use crate::kernels::int8::{BLOCK, Kernel, Operands, OutputScale, Sums, Window};

/// Numbers of 16 bits in a register.
const LANES: usize = 16;

/// The kernel; only for processors on which [`is_available`].
pub(crate) struct Avx2;

/// Whether this processor has the instructions.
pub(crate) fn is_available() -> bool {
    std::is_x86_feature_detected!("avx2")
}

/// As `processors::convolve`. Only where [`is_available`].
pub(crate) fn convolve(options: &Convolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
    #[target_feature(enable = "avx2")]
    fn inner(options: &Convolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
        convolution::convolve_with::<Avx2>(options, arena, from, to, scratch);
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, arena, from, to, scratch) }
}

/// As `processors::convolve_expanded`. Only where [`is_available`].
pub(crate) fn convolve_expanded(
    options: &ExpandedConvolution<'_>,
    arena: &mut [i8],
    from: usize,
    to: usize,
    scratch: &mut [i16],
) {
    #[target_feature(enable = "avx2")]
    fn inner(options: &ExpandedConvolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
        expanded::convolve_with::<Avx2>(options, arena, from, to, scratch);
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, arena, from, to, scratch) }
}

/// As `processors::convolve_depthwise`. Only where [`is_available`].
pub(crate) fn convolve_depthwise(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
    #[target_feature(enable = "avx2")]
    fn inner(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
        depthwise::convolve_with::<Avx2>(options, arena, from, to);
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, arena, from, to) }
}

impl Kernel for Avx2 {
    const CHANNELS: usize = MOST_CHANNELS;

    #[inline(always)]
    fn place(window: Window<'_>, at: usize, values: &[i8]) {
        Scalar::place(window, at, values);
    }

    #[inline(always)]
    fn fill(window: Window<'_>, value: i8) {
        Scalar::fill(window, value);
    }

    #[inline(always)]
    fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>) {
        Scalar::move_taps(windows, orbit);
    }

    #[inline(always)]
    fn products(operands: Operands<'_>, sums: &mut Sums) {
        let Operands { filters, windows, count, row, taps } = operands;
        let filter_count = (filters.len() / row.max(1)).min(BLOCK);
        let steps = taps.div_ceil(LANES);
        if steps * LANES > row || windows.len() < BLOCK * row || filter_count == 0 {
            return;
        }
        // Where there are fewer than four filters, the last one is taken again.
        let filter = |index: usize| filters.as_ptr().wrapping_add(index.min(filter_count - 1) * row);
        let window = |index: usize| windows.as_ptr().wrapping_add(index * row);
        // SAFETY: each filter and each of the four windows has `row` numbers, at least 16 times `steps`; the type is only
        // used on processors with AVX2.
        unsafe {
            if count == 1 {
                let of_filters = dot_one_by_four(window(0), [0, 1, 2, 3].map(filter), steps);
                sums[0] = of_filters;
                return;
            }
            for first in (0..filter_count).step_by(2) {
                let of_windows = dot_four_by_two([0, 1, 2, 3].map(window), [first, first + 1].map(filter), steps);
                for (sums, [one, other]) in sums.iter_mut().zip(of_windows) {
                    sums[first] = one;
                    sums[first + 1] = other;
                }
            }
        }
    }

    #[inline(always)]
    fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
        match segment.whole(sums, values) {
            Some(whole) => {
                // SAFETY: `whole` has made sure of what is read; the type is only used on processors with AVX2.
                unsafe { accumulate_sixteen(whole, segment, values.as_ptr()) };
            }
            None => segment::accumulate(sums, segment, values),
        }
    }

    #[inline(always)]
    fn write(scale: &OutputScale<'_>, first: usize, sums: &[i32], output: &mut [i8]) {
        // SAFETY: only registers; the type is only used on processors with AVX2.
        scale.write_by_four(first, sums, output, |sums, bias, multipliers| unsafe {
            scaled(scale, sums, bias, multipliers)
        });
    }
}

/// Sums of four registers, each over all of its numbers.
#[inline]
#[target_feature(enable = "avx2")]
fn sums_of_four([a, b, c, d]: [__m256i; 4]) -> __m128i {
    let halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves))
}

#[inline]
#[target_feature(enable = "avx2")]
fn to_array(register: __m128i) -> [i32; 4] {
    let mut numbers = [0; 4];
    // SAFETY: the array takes the register's sixteen bytes.
    unsafe { _mm_storeu_si128(numbers.as_mut_ptr().cast(), register) };
    numbers
}

/// # Safety
/// Sixteen bytes can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn widened(from: *const i8) -> __m256i {
    // SAFETY: as the caller allows.
    _mm256_cvtepi8_epi16(unsafe { _mm_loadu_si128(from.cast()) })
}

/// `[window][filter]`.
///
/// # Safety
/// Each pointer can be read for `16 * steps` numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn dot_four_by_two(windows: [*const i16; 4], filters: [*const i8; 2], steps: usize) -> [[i32; 2]; 4] {
    let mut of_filters = [[_mm256_setzero_si256(); 4]; 2];
    for step in 0..steps {
        // SAFETY: `step` is below `steps`.
        let factors = filters.map(|filter| unsafe { widened(filter.add(step * LANES)) });
        for (index, window) in windows.into_iter().enumerate() {
            // SAFETY: `step` is below `steps`.
            let values = unsafe { _mm256_loadu_si256(window.add(step * LANES).cast()) };
            of_filters[0][index] = _mm256_add_epi32(of_filters[0][index], _mm256_madd_epi16(values, factors[0]));
            of_filters[1][index] = _mm256_add_epi32(of_filters[1][index], _mm256_madd_epi16(values, factors[1]));
        }
    }
    let [first, second] = [to_array(sums_of_four(of_filters[0])), to_array(sums_of_four(of_filters[1]))];
    core::array::from_fn(|window| [first[window], second[window]])
}

/// One sum per filter.
///
/// # Safety
/// Each pointer can be read for `16 * steps` numbers.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn dot_one_by_four(window: *const i16, filters: [*const i8; 4], steps: usize) -> [i32; 4] {
    let mut sums = [_mm256_setzero_si256(); 4];
    for step in 0..steps {
        // SAFETY: `step` is below `steps`.
        let values = unsafe { _mm256_loadu_si256(window.add(step * LANES).cast()) };
        for (sum, filter) in sums.iter_mut().zip(filters) {
            // SAFETY: `step` is below `steps`.
            let factors = unsafe { widened(filter.add(step * LANES)) };
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(values, factors));
        }
    }
    to_array(sums_of_four(sums))
}

/// Two taps at a time, their numbers beside each other.
///
/// # Safety
/// Filters and values can be read for sixteen bytes at every multiple of `step` below `taps`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn accumulate_sixteen(sums: &mut [i32; LANES], segment: Segment<'_>, values: *const i8) {
    let Segment { filters, taps, step } = segment;
    let filters = filters.as_ptr();
    let (mut low, mut high) = (_mm256_setzero_si256(), _mm256_setzero_si256());
    for tap in (0..taps).step_by(2) {
        // SAFETY: both taps are below `taps`; what would be the one after the last is nothing.
        let [f0, v0] = [filters, values].map(|from| unsafe { widened(from.add(tap * step)) });
        let [f1, v1] = if tap + 1 < taps {
            // SAFETY: as above.
            [filters, values].map(|from| unsafe { widened(from.add((tap + 1) * step)) })
        } else {
            [_mm256_set1_epi16(0); 2]
        };
        let products = _mm256_madd_epi16(_mm256_unpacklo_epi16(f0, f1), _mm256_unpacklo_epi16(v0, v1));
        low = _mm256_add_epi32(low, products);
        let products = _mm256_madd_epi16(_mm256_unpackhi_epi16(f0, f1), _mm256_unpackhi_epi16(v0, v1));
        high = _mm256_add_epi32(high, products);
    }
    // `low` has channels 0 to 3 and 8 to 11, `high` the others.
    let ordered = [_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high)];
    for (half, sum) in sums.as_chunks_mut::<8>().0.iter_mut().zip(ordered) {
        // SAFETY: eight numbers of 32 bits are one register.
        unsafe {
            let before = _mm256_loadu_si256(half.as_ptr().cast());
            _mm256_storeu_si256(half.as_mut_ptr().cast(), _mm256_add_epi32(before, sum));
        }
    }
}

/// [`OutputScale::write`] for four channels.
#[inline]
#[target_feature(enable = "avx2")]
fn scaled(scale: &OutputScale<'_>, sums: &[i32; 4], bias: &[i32; 4], multipliers: &[i32; 4]) -> [i8; 4] {
    // SAFETY: four numbers of 32 bits are one register.
    let [sums, bias, multipliers] =
        [sums, bias, multipliers].map(|numbers| unsafe { _mm_loadu_si128(numbers.as_ptr().cast()) });
    let sums = _mm_add_epi32(sums, bias);
    let half = _mm_set1_epi64x(1 << 31);
    let even = _mm_add_epi64(_mm_mul_epi32(sums, multipliers), half);
    let odd = _mm_mul_epi32(_mm_srli_epi64::<32>(sums), _mm_srli_epi64::<32>(multipliers));
    let high = _mm_blend_epi16::<0b1100_1100>(_mm_srli_epi64::<32>(even), _mm_add_epi64(odd, half));
    let rounded = _mm_add_epi32(high, _mm_set1_epi32((1 << scale.shift) >> 1));
    let shifted = _mm_sra_epi32(rounded, _mm_cvtsi32_si128(scale.shift.cast_signed()));
    let [low, most] = scale.bounds.map(|bound| _mm_set1_epi32(bound));
    let moved = _mm_add_epi32(shifted, _mm_set1_epi32(scale.zero_point));
    let limited = _mm_min_epi32(_mm_max_epi32(moved, low), most);
    let packed = _mm_packs_epi16(_mm_packs_epi32(limited, limited), limited);
    _mm_cvtsi128_si32(packed).to_ne_bytes().map(u8::cast_signed)
}
