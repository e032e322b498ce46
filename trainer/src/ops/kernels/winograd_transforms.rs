//! Winograd's transforms for tiles of 4x4 output pixels and windows of 3x3 (Lavin and Gray 2016), at the points
//! 0, ±5/8, ±3/2 and infinity.
//!
//! With `V = B^T d B` of 6x6 input pixels `d` and `U = G g G^T` of a filter `g`, the output is `A^T (U * V) A`: 36
//! products for 16 pixels, where the plain sum takes 144. Transposed, the same matrices give the gradient by the
//! filter: `G^T (V * (A dy A^T)) G`. Column `p` of `A^T` is `(1, p, p^2, p^3)`, row `p` of `G` is `(1, p, p^2)` over
//! `prod (p - q)`, row `p` of `B^T` has the coefficients of `prod (x - q)`, `q` running over the other finite points.
//! These points lose fewer bits than the usual 0, ±1, ±2, and all constants are exact.

#![allow(unsafe_code)]
#![expect(clippy::needless_range_loop, reason = "rows and columns of two matrices are indexed alike")]

use super::lanes::Lanes;

/// Output pixels along one side of a tile.
pub(crate) const TILE: usize = 4;
/// Input pixels along one side of a tile: also the number of points.
pub(crate) const SIDE: usize = 6;
/// Points of a tile.
pub(crate) const POINTS: usize = SIDE * SIDE;

pub(super) const A: f32 = 0.625;
pub(super) const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// Channels of a tile, in blocks: channel `c` lies at `c / block * block_stride + c % block`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Channels {
    /// A multiple of the lanes.
    pub count: usize,
    /// A multiple of the lanes.
    pub block: usize,
    pub block_stride: usize,
}

/// Pixels (36 or 16 addresses of channel vectors) to points, `point_stride` apart.
///
/// # Safety
/// Every pixel is readable for all channels, all points are writable for all blocks, and the processor has the
/// instruction set.
pub(crate) type GatherFn =
    unsafe fn(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels);

/// Points to 16 output pixels.
///
/// # Safety
/// As for [`GatherFn`], with points readable and pixels writable.
pub(crate) type ScatterFn =
    unsafe fn(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize);

/// The transforms of an instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Transforms {
    pub input: GatherFn,
    pub output: ScatterFn,
    pub gradient: GatherFn,
}

/// `B^T d`.
#[inline(always)]
fn input_line<V: Lanes>(set: V::Set, d: [V; SIDE]) -> [V; SIDE] {
    let even_a = d[2].mul_add(V::splat(set, -B2), d[4]);
    let odd_a = d[1].mul_add(V::splat(set, -B2), d[3]).mul(V::splat(set, A));
    let even_b = d[2].mul_add(V::splat(set, -A2), d[4]);
    let odd_b = d[1].mul_add(V::splat(set, -A2), d[3]).mul(V::splat(set, B));
    let at_zero = d[0].mul_add(V::splat(set, A2 * B2), d[2].mul_add(V::splat(set, -(A2 + B2)), d[4]));
    let at_infinity = d[1].mul_add(V::splat(set, A2 * B2), d[3].mul_add(V::splat(set, -(A2 + B2)), d[5]));
    [at_zero, even_a.add(odd_a), even_a.sub(odd_a), even_b.add(odd_b), even_b.sub(odd_b), at_infinity]
}

/// `A^T m`.
#[inline(always)]
fn output_line<V: Lanes>(set: V::Set, m: [V; SIDE]) -> [V; TILE] {
    let (sum_a, difference_a) = (m[1].add(m[2]), m[1].sub(m[2]));
    let (sum_b, difference_b) = (m[3].add(m[4]), m[3].sub(m[4]));
    [
        m[0].add(sum_a).add(sum_b),
        difference_a.mul_add(V::splat(set, A), difference_b.mul(V::splat(set, B))),
        sum_a.mul_add(V::splat(set, A2), sum_b.mul(V::splat(set, B2))),
        difference_a.mul_add(V::splat(set, A * A2), difference_b.mul_add(V::splat(set, B * B2), m[5])),
    ]
}

/// `A y`.
#[inline(always)]
fn gradient_line<V: Lanes>(set: V::Set, y: [V; TILE]) -> [V; SIDE] {
    let even_a = y[2].mul_add(V::splat(set, A2), y[0]);
    let odd_a = y[3].mul_add(V::splat(set, A2), y[1]).mul(V::splat(set, A));
    let even_b = y[2].mul_add(V::splat(set, B2), y[0]);
    let odd_b = y[3].mul_add(V::splat(set, B2), y[1]).mul(V::splat(set, B));
    [y[0], even_a.add(odd_a), even_a.sub(odd_a), even_b.add(odd_b), even_b.sub(odd_b), y[3]]
}

/// [`GatherFn`] for input pixels: `B^T d B`.
///
/// # Safety
/// See [`GatherFn`].
#[inline(always)]
pub(crate) unsafe fn input<V: Lanes>(
    set: V::Set,
    pixels: *const *const f32,
    points: *mut f32,
    point_stride: usize,
    channels: Channels,
) {
    // SAFETY: the caller's contract covers every address below.
    unsafe {
        for channel in (0..channels.count).step_by(V::COUNT) {
            let to = points.add(channel / channels.block * channels.block_stride + channel % channels.block);
            let mut half = [[V::splat(set, 0.0); SIDE]; SIDE];
            for column in 0..SIDE {
                let pixel = |row: usize| (*pixels.add(row * SIDE + column)).add(channel);
                let line = [0, 1, 2, 3, 4, 5].map(|row| V::load(set, pixel(row)));
                half[column] = input_line(set, line);
            }
            for row in 0..SIDE {
                let line = input_line(set, [0, 1, 2, 3, 4, 5].map(|column| half[column][row]));
                for column in 0..SIDE {
                    line[column].store(to.add((row * SIDE + column) * point_stride));
                }
            }
        }
    }
}

/// [`GatherFn`] for the gradient by output pixels: `A dy A^T`.
///
/// # Safety
/// See [`GatherFn`].
#[inline(always)]
pub(crate) unsafe fn gradient<V: Lanes>(
    set: V::Set,
    pixels: *const *const f32,
    points: *mut f32,
    point_stride: usize,
    channels: Channels,
) {
    // SAFETY: the caller's contract covers every address below.
    unsafe {
        for channel in (0..channels.count).step_by(V::COUNT) {
            let to = points.add(channel / channels.block * channels.block_stride + channel % channels.block);
            let mut half = [[V::splat(set, 0.0); SIDE]; TILE];
            for column in 0..TILE {
                let pixel = |row: usize| (*pixels.add(row * TILE + column)).add(channel);
                half[column] = gradient_line(set, [0, 1, 2, 3].map(|row| V::load(set, pixel(row))));
            }
            for row in 0..SIDE {
                let line = gradient_line(set, [0, 1, 2, 3].map(|column| half[column][row]));
                for column in 0..SIDE {
                    line[column].store(to.add((row * SIDE + column) * point_stride));
                }
            }
        }
    }
}

/// [`ScatterFn`]: `A^T m A`.
///
/// # Safety
/// See [`ScatterFn`].
#[inline(always)]
pub(crate) unsafe fn output<V: Lanes>(
    set: V::Set,
    points: *const f32,
    point_stride: usize,
    pixels: *const *mut f32,
    channels: usize,
) {
    // SAFETY: the caller's contract covers every address below.
    unsafe {
        for channel in (0..channels).step_by(V::COUNT) {
            let from = points.add(channel);
            let mut half = [[V::splat(set, 0.0); TILE]; SIDE];
            for column in 0..SIDE {
                let point = |row: usize| from.add((row * SIDE + column) * point_stride);
                half[column] = output_line(set, [0, 1, 2, 3, 4, 5].map(|row| V::load(set, point(row))));
            }
            for row in 0..TILE {
                let line = output_line(set, [0, 1, 2, 3, 4, 5].map(|column| half[column][row]));
                for column in 0..TILE {
                    line[column].store((*pixels.add(row * TILE + column)).add(channel));
                }
            }
        }
    }
}
