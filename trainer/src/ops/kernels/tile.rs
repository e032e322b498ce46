//! Register tiles: the two inner loops that every convolution, linear layer and their gradients run in.

#![allow(unsafe_code)]

use std::sync::OnceLock;

use super::compiled_tiles::compiled_tiles;
use super::instruction_set::InstructionSet;
use super::lanes::Lanes;
use super::winograd_transforms::Transforms;

/// Most rows a tile of any instruction set has.
pub(crate) const MAX_TILE_ROWS: usize = 16;
/// Most columns a tile of any instruction set has.
pub(crate) const MAX_TILE_COLUMNS: usize = 32;

/// Where the numbers of a dot product lie: `count` runs of `len` consecutive ones, `stride` apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments {
    pub count: usize,
    pub len: usize,
    pub stride: usize,
    /// First row of the panel that is used, and rows from segment to segment.
    pub panel_start: usize,
    pub panel_stride: usize,
}

impl Segments {
    /// One run of as many numbers as the panel has rows.
    pub(crate) fn whole(len: usize) -> Self {
        Segments { count: 1, len, stride: 0, panel_start: 0, panel_stride: 0 }
    }
}

/// Pixels of a block: `counts` and `strides` of images, rows and pixels in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PixelWalk {
    pub counts: [usize; 3],
    pub strides: [usize; 3],
}

/// `c[i][..] = sum_k a[a_offset[i] + k] * b[k][..]`, `k` running over segments, for all rows of a tile.
///
/// # Safety
/// Every offset and segment stays inside `a`, `b` holds a full panel, every row of `c` has room for all columns of
/// the tile, and the processor has the instruction set: whoever has the [`TileKernels`] has proof of that.
pub(crate) type ProductFn = unsafe fn(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
);

/// `c[i][..] += sum_p a[p][i] * b[p][..]`, `p` running over pixels; `b` and `c` are dense.
///
/// # Safety
/// As for [`ProductFn`]; `a` is readable for all rows of the tile at every pixel.
pub(crate) type OuterFn = unsafe fn(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32);

/// The tiles of one width.
#[derive(Clone, Copy)]
pub(crate) struct Tile {
    pub columns: usize,
    pub product: ProductFn,
    pub outer: OuterFn,
}

/// The tiles of one instruction set.
#[derive(Clone, Copy)]
pub(crate) struct TileKernels {
    /// Proof that the functions below may be called.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is there to be had; tests say which set failed"))]
    pub instruction_set: InstructionSet,
    pub rows: usize,
    pub wide: Tile,
    /// Half as wide, for the last panel.
    pub narrow: Tile,
    /// Winograd's transforms.
    pub winograd: Transforms,
}

impl TileKernels {
    /// The widest instruction set of this machine.
    pub(crate) fn best() -> &'static TileKernels {
        &Self::available()[0]
    }

    /// Every instruction set of this machine, best first; the scalar twin is always last.
    pub(crate) fn available() -> &'static [TileKernels] {
        static ALL: OnceLock<Vec<TileKernels>> = OnceLock::new();
        ALL.get_or_init(Self::detect)
    }

    fn detect() -> Vec<TileKernels> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use super::instruction_set::{Avx2, Avx512};
            all.extend(Avx512::detect().map(super::avx512::tiles));
            all.extend(Avx2::detect().map(super::avx2::tiles));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(super::instruction_set::Neon::detect().map(super::neon::tiles));
        all.push(SCALAR);
        all
    }

    /// The tile that covers the next panel when `columns` are left.
    pub(crate) fn tile(&self, columns: usize) -> &Tile {
        if columns > self.narrow.columns { &self.wide } else { &self.narrow }
    }
}

const SCALAR: TileKernels =
    compiled_tiles!(f32, InstructionSet::Scalar, proof: (), rows: 4, registers_in_a_row: [4, 2]);

/// Writes a loop over at most [`MAX_TILE_ROWS`] rows out: left to the compiler, that depends on the optimisation level,
/// and sums that are not in registers cost a factor of ten.
macro_rules! unroll {
    ($i:ident in 0..$rows:ident $body:block) => {
        unroll!(@ $i $rows $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
    };
    (@ $i:ident $rows:ident $body:block $($row:literal)*) => {
        $(if $row < $rows {
            let $i: usize = $row;
            $body
        })*
    };
}

/// The body of [`ProductFn`] for `ROWS` rows and `VECTORS` registers per row.
///
/// # Safety
/// See [`ProductFn`].
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "rows and registers of a tile are told by index")]
pub(crate) unsafe fn product<V: Lanes, const ROWS: usize, const VECTORS: usize>(
    set: V::Set,
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller's contract covers every address below.
    unsafe {
        let mut rows = [a; ROWS];
        unroll!(i in 0..ROWS {
            rows[i] = a.add(*a_offsets.add(i));
        });
        let mut sums = [[V::splat(set, 0.0); VECTORS]; ROWS];
        for segment in 0..walk.count {
            let start = segment * walk.stride;
            let mut b = b.add((walk.panel_start + segment * walk.panel_stride) * VECTORS * V::COUNT);
            for k in start..start + walk.len {
                let mut right = [V::splat(set, 0.0); VECTORS];
                for (v, right) in right.iter_mut().enumerate() {
                    *right = V::load(set, b.add(v * V::COUNT));
                }
                b = b.add(VECTORS * V::COUNT);
                unroll!(i in 0..ROWS {
                    let left = V::splat(set, *rows[i].add(k));
                    for v in 0..VECTORS {
                        sums[i][v] = left.mul_add(right[v], sums[i][v]);
                    }
                });
            }
        }
        unroll!(i in 0..ROWS {
            let row = c.add(*c_offsets.add(i));
            for v in 0..VECTORS {
                sums[i][v].store(row.add(v * V::COUNT));
            }
        });
    }
}

/// The body of [`OuterFn`] for `ROWS` rows and `VECTORS` registers per row.
///
/// # Safety
/// See [`OuterFn`].
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "rows and registers of a tile are told by index")]
pub(crate) unsafe fn outer<V: Lanes, const ROWS: usize, const VECTORS: usize>(
    set: V::Set,
    a: *const f32,
    walk: PixelWalk,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: the caller's contract covers every address below.
    unsafe {
        let mut sums = [[V::splat(set, 0.0); VECTORS]; ROWS];
        unroll!(i in 0..ROWS {
            for v in 0..VECTORS {
                sums[i][v] = V::load(set, c.add((i * VECTORS + v) * V::COUNT));
            }
        });
        let mut b = b;
        for image in 0..walk.counts[0] {
            for row in 0..walk.counts[1] {
                let mut left = a.add(image * walk.strides[0] + row * walk.strides[1]);
                for _ in 0..walk.counts[2] {
                    let mut right = [V::splat(set, 0.0); VECTORS];
                    for (v, right) in right.iter_mut().enumerate() {
                        *right = V::load(set, b.add(v * V::COUNT));
                    }
                    b = b.add(VECTORS * V::COUNT);
                    unroll!(i in 0..ROWS {
                        let broadcast = V::splat(set, *left.add(i));
                        for v in 0..VECTORS {
                            sums[i][v] = broadcast.mul_add(right[v], sums[i][v]);
                        }
                    });
                    // Past the last pixel this may leave the buffer, where it is not read.
                    left = left.wrapping_add(walk.strides[2]);
                }
            }
        }
        unroll!(i in 0..ROWS {
            for v in 0..VECTORS {
                sums[i][v].store(c.add((i * VECTORS + v) * V::COUNT));
            }
        });
    }
}
