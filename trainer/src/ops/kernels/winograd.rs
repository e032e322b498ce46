//! Convolutions of 3x3 with step 1 by Winograd's algorithm: forward, and with turned filters the gradient by the input;
//! transposed, the gradient by the filters.
//!
//! Tiles are numbered through the batch. Forward, a block of them is taken to the points, multiplied there and taken
//! back by one thread, in its own cache. The gradient by the filters takes many tiles to the points at once, then
//! shares out points: each of its sums is one thread's, in one order, however many threads there are.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::aligned::{AlignedBuffer, PooledBuffer, SharedSlice, with_scratch};
use super::source_block::Maps;
use super::tile::{PixelWalk, Segments, TileKernels};
use super::unwritten::Unwritten;
use super::winograd_filters::{FilterView, filters_to_points, points_to_taps};
use super::winograd_transforms::{Channels, POINTS, SIDE, TILE};

/// Numbers of tiles at all points that fit a core's second-level cache together with a panel of filters.
const BLOCK_LEN: usize = 112 << 10;
/// Fewest tiles of a block: filters are read once for each block.
const FEWEST_TILES: usize = 96;
/// Numbers of tiles at all points that fit the last-level cache, for the gradient by the filters.
const ROUND_LEN: usize = 3 << 20;
/// Tiles whose products are summed before the next register tile: their lines stay in the first-level cache.
const SUM_TILES: usize = 160;
/// Room between points beyond their numbers, so that they do not all fall into the same lines of a cache.
const SKEW: usize = 16;

/// A convolution of 3x3 with step 1 in numbers that suit the algorithm.
pub(crate) struct Winograd<'a> {
    kernels: &'a TileKernels,
    images: usize,
    source: Maps,
    target: Maps,
    padding: [usize; 2],
}

impl<'a> Winograd<'a> {
    /// The convolution, where the algorithm saves enough: whole panels of channels and well-filled tiles.
    pub(crate) fn new(
        kernels: &'a TileKernels,
        images: usize,
        source: Maps,
        target: Maps,
        padding: [usize; 2],
    ) -> Option<Self> {
        let width = kernels.wide.columns;
        // Miri, which is slow, takes the smallest ones too.
        let fewest = if cfg!(miri) { width } else { 2 * width.min(16) };
        let whole = |channels: usize| channels.is_multiple_of(width) && channels >= fewest;
        let job = Self { kernels, images, source, target, padding };
        let [rows, columns] = job.tiles();
        let filled = rows * columns * POINTS * 2 <= target.height * target.width * 9;
        (whole(source.channels) && whole(target.channels) && filled && images > 0).then_some(job)
    }

    /// Tiles along each axis of a map.
    fn tiles(&self) -> [usize; 2] {
        [self.target.height.div_ceil(TILE), self.target.width.div_ceil(TILE)]
    }

    fn tile_count(&self) -> usize {
        let [rows, columns] = self.tiles();
        self.images * rows * columns
    }

    /// Image, and row and column of the first output pixel of a tile.
    fn place(&self, tile: usize) -> (usize, [usize; 2]) {
        let [rows, columns] = self.tiles();
        (tile / (rows * columns), [tile / columns % rows * TILE, tile % columns * TILE])
    }

    /// Addresses of `N x N` pixels from `first` on: `inside` of their offsets, and `outside` the map.
    #[inline(always)]
    fn pixels<const N: usize, const COUNT: usize, P: Copy>(
        maps: &Maps,
        image: usize,
        first: [isize; 2],
        inside: impl Fn(usize) -> P,
        outside: P,
    ) -> [P; COUNT] {
        let mut pixels = [outside; COUNT];
        let range = |axis: usize, size: usize| {
            let start = (-first[axis]).clamp(0, N as isize) as usize;
            start..(size as isize - first[axis]).clamp(start as isize, N as isize) as usize
        };
        let columns = range(1, maps.width);
        for row in range(0, maps.height) {
            let y = image * maps.height + (first[0] + row as isize) as usize;
            for column in columns.clone() {
                let x = (first[1] + column as isize) as usize;
                pixels[row * N + column] = inside((y * maps.width + x) * maps.channels);
            }
        }
        pixels
    }

    fn input_pixels(&self, tile: usize, source: &[f32], zeros: &[f32]) -> [*const f32; POINTS] {
        let (image, [y, x]) = self.place(tile);
        let first = [y as isize - self.padding[0] as isize, x as isize - self.padding[1] as isize];
        let inside = |offset| source.as_ptr().wrapping_add(offset);
        Self::pixels::<SIDE, POINTS, _>(&self.source, image, first, inside, zeros.as_ptr())
    }

    fn output_pixels<P: Copy>(&self, tile: usize, inside: impl Fn(usize) -> P, outside: P) -> [P; TILE * TILE] {
        let (image, [y, x]) = self.place(tile);
        let first = [y as isize, x as isize];
        Self::pixels::<TILE, { TILE * TILE }, P>(&self.target, image, first, inside, outside)
    }

    /// Writes the convolution of `source` with filters; `view` has the source's channels as its depth.
    pub(crate) fn correlate<'o>(
        &self,
        source: &[f32],
        view: &FilterView,
        filters: &[f32],
        target: &'o mut Unwritten,
    ) -> &'o mut [f32] {
        assert_eq!(source.len(), self.images * self.source.image_len());
        assert_eq!(target.len(), self.images * self.target.image_len());
        assert_eq!((view.depth, view.columns), (self.source.channels, self.target.channels));
        let points = filters_to_points(view, self.kernels.wide.columns, filters);
        let shared = SharedSlice::new(target);
        let tiles = self.tile_count();
        let block = self.block_tiles().min(tiles);
        (0..tiles.div_ceil(block)).into_par_iter().with_max_len(1).for_each(|index| {
            let tiles = index * block..tiles.min((index + 1) * block);
            with_scratch(|scratch| {
                let buffers = BlockBuffers::new(self, block, &mut scratch.source, &mut scratch.panel);
                // SAFETY: sizes are checked above, and every block writes its own tiles.
                unsafe { self.correlate_block(tiles, source, &points, shared, buffers) }
            });
        });
        // SAFETY: every pixel is one of a tile's, and the blocks wrote all tiles, all channels of them.
        unsafe { target.assume_init_mut() }
    }

    /// Tiles that one thread takes at a time: a multiple of the register tile's rows.
    fn block_tiles(&self) -> usize {
        let per_tile = POINTS * (self.source.channels + self.target.channels);
        let fitting = BLOCK_LEN / per_tile;
        let tiles = if fitting * 4 >= FEWEST_TILES { fitting } else { FEWEST_TILES };
        let share = self.tile_count().div_ceil(2 * rayon::current_num_threads());
        tiles.min(share).next_multiple_of(self.kernels.rows)
    }

    /// # Safety
    /// `tiles` are tiles of the batch that no other thread writes; sizes are as [`Self::correlate`] checks them.
    unsafe fn correlate_block(
        &self,
        tiles: std::ops::Range<usize>,
        source: &[f32],
        filters: &[f32],
        target: SharedSlice<std::mem::MaybeUninit<f32>>,
        buffers: BlockBuffers,
    ) {
        let (depth, columns) = (self.source.channels, self.target.channels);
        let BlockBuffers { input, input_stride, output, output_stride, edge } = buffers;
        let (zeros, trash) = edge.split_at_mut(depth);
        zeros.fill(0.0);
        let transforms = &self.kernels.winograd;
        let channels = Channels { count: depth, block: depth, block_stride: 0 };
        let first = tiles.start;
        for tile in tiles.clone() {
            let pixels = self.input_pixels(tile, source, zeros);
            // SAFETY: pixels are inside the source or the row of zeros; the tile has its place at every point.
            unsafe {
                let to = input.as_mut_ptr().add((tile - first) * depth);
                (transforms.input)(pixels.as_ptr(), to, input_stride, channels);
            }
        }
        let rows = tiles.len().next_multiple_of(self.kernels.rows);
        let filter_len = depth * columns;
        for point in 0..POINTS {
            let (from, to) = (&input[point * input_stride..], &mut output[point * output_stride..]);
            // SAFETY: both have `rows` rows, the filters a matrix for each point.
            unsafe { self.multiply(rows, from, &filters[point * filter_len..][..filter_len], to) };
        }
        let (to, trash) = (target.pointer().cast::<f32>(), trash.as_mut_ptr());
        for tile in tiles {
            let pixels = self.output_pixels(tile, |offset| to.wrapping_add(offset), trash);
            // SAFETY: pixels are this tile's own, or the row that is thrown away.
            unsafe {
                let from = output.as_ptr().add((tile - first) * columns);
                (transforms.output)(from, output_stride, pixels.as_ptr(), columns);
            }
        }
    }

    /// `to = from filters` at one point.
    ///
    /// # Safety
    /// `from` and `to` have `rows` rows, a multiple of the register tile's, of the source's and the target's channels.
    unsafe fn multiply(&self, rows: usize, from: &[f32], filters: &[f32], to: &mut [f32]) {
        let (depth, columns) = (self.source.channels, self.target.channels);
        let (tile, tile_rows) = (&self.kernels.wide, self.kernels.rows);
        let offsets = |stride: usize| -> [usize; super::tile::MAX_TILE_ROWS] { std::array::from_fn(|i| i * stride) };
        let (from_rows, to_rows) = (offsets(depth), offsets(columns));
        for (panel, filters) in filters.chunks_exact(depth * tile.columns).enumerate() {
            for row in (0..rows).step_by(tile_rows) {
                // SAFETY: in bounds by the caller's contract.
                unsafe {
                    let from = from.as_ptr().add(row * depth);
                    let to = to.as_mut_ptr().add(row * columns + panel * tile.columns);
                    let walk = Segments::whole(depth);
                    (tile.product)(from, from_rows.as_ptr(), walk, filters.as_ptr(), to, to_rows.as_ptr());
                }
            }
        }
    }

    /// Writes the gradient by the filters, `[columns][tap][depth]`, given the source and the gradient by the target.
    pub(crate) fn filter_gradient<'o>(
        &self,
        source: &[f32],
        gradient: &[f32],
        filters: &'o mut Unwritten,
    ) -> &'o mut [f32] {
        assert_eq!(source.len(), self.images * self.source.image_len());
        assert_eq!(gradient.len(), self.images * self.target.image_len());
        assert_eq!(filters.len(), 9 * self.source.channels * self.target.channels);
        let tiles = self.tile_count();
        let round = (ROUND_LEN / (POINTS * (self.source.channels + self.target.channels))).clamp(48, tiles.max(48));
        let mut buffers = RoundBuffers::new(self, round.min(tiles));
        for first in (0..tiles).step_by(round) {
            let tiles = first..tiles.min(first + round);
            buffers.fill(self, tiles.clone(), source, gradient);
            buffers.add_products(self, tiles.len(), first == 0);
        }
        buffers.write(self, filters)
    }
}

/// What one thread works in.
struct BlockBuffers<'a> {
    input: &'a mut [f32],
    input_stride: usize,
    output: &'a mut [f32],
    output_stride: usize,
    /// A row of zeros, then one for pixels that do not exist.
    edge: &'a mut [f32],
}

impl<'a> BlockBuffers<'a> {
    fn new(job: &Winograd, tiles: usize, first: &'a mut AlignedBuffer, second: &'a mut AlignedBuffer) -> Self {
        let (depth, columns) = (job.source.channels, job.target.channels);
        let rows = tiles.next_multiple_of(job.kernels.rows);
        let (input_stride, output_stride) = (rows * depth + SKEW, rows * columns + SKEW);
        let (input, edge) = first.reserve(POINTS * input_stride + depth + columns).split_at_mut(POINTS * input_stride);
        BlockBuffers { input, input_stride, output: second.reserve(POINTS * output_stride), output_stride, edge }
    }
}

/// Many tiles at all points, and the sums of their products.
struct RoundBuffers {
    input: PooledBuffer,
    input_stride: usize,
    gradient: PooledBuffer,
    gradient_stride: usize,
    /// `[point][panel][row tile][rows][width]`.
    sums: PooledBuffer,
    round: usize,
    zeros: Vec<f32>,
}

impl RoundBuffers {
    fn new(job: &Winograd, round: usize) -> Self {
        let (depth, columns) = (job.source.channels, job.target.channels);
        let (input_stride, gradient_stride) = (round * depth + SKEW, round * columns + SKEW);
        Self {
            input: PooledBuffer::take(POINTS * input_stride),
            input_stride,
            gradient: PooledBuffer::take(POINTS * gradient_stride),
            gradient_stride,
            sums: PooledBuffer::take(POINTS * Self::sums_len(job)),
            round,
            zeros: vec![0.0; depth.max(columns)],
        }
    }

    fn row_tiles(job: &Winograd) -> usize {
        job.source.channels.div_ceil(job.kernels.rows)
    }

    /// Sums of one point.
    fn sums_len(job: &Winograd) -> usize {
        Self::row_tiles(job) * job.kernels.rows * job.target.channels
    }

    /// First channel of a row tile; the last one overlaps its neighbour.
    fn row_start(job: &Winograd, tile: usize) -> usize {
        (tile * job.kernels.rows).min(job.source.channels - job.kernels.rows)
    }

    /// Takes tiles to the points.
    fn fill(&mut self, job: &Winograd, tiles: std::ops::Range<usize>, source: &[f32], gradient: &[f32]) {
        let (depth, columns, width) = (job.source.channels, job.target.channels, job.kernels.wide.columns);
        let in_rows = Channels { count: depth, block: depth, block_stride: 0 };
        let in_panels = Channels { count: columns, block: width, block_stride: self.round * width };
        let transforms = &job.kernels.winograd;
        let (input, points) = (SharedSlice::new(&mut self.input), SharedSlice::new(&mut self.gradient));
        let (zeros, first) = (&self.zeros, tiles.start);
        tiles.into_par_iter().with_min_len(4).for_each(|tile| {
            let pixels = job.input_pixels(tile, source, zeros);
            let at = |offset| gradient.as_ptr().wrapping_add(offset);
            let gradients = job.output_pixels(tile, at, zeros.as_ptr());
            // SAFETY: pixels are inside the maps or the row of zeros; every tile has its place at every point.
            unsafe {
                let to = input.pointer().add((tile - first) * depth);
                (transforms.input)(pixels.as_ptr(), to, self.input_stride, in_rows);
                let to = points.pointer().add((tile - first) * width);
                (transforms.gradient)(gradients.as_ptr(), to, self.gradient_stride, in_panels);
            }
        });
    }

    /// Adds `input^T gradient` at every point.
    fn add_products(&mut self, job: &Winograd, tiles: usize, is_first: bool) {
        let (rows, width, depth) = (job.kernels.rows, job.kernels.wide.columns, job.source.channels);
        let (input, gradient) = (&self.input, &self.gradient);
        let (input_stride, gradient_stride, round) = (self.input_stride, self.gradient_stride, self.round);
        let len = Self::sums_len(job);
        let sums = self.sums[..POINTS * len].par_chunks_exact_mut(len);
        sums.with_max_len(1).enumerate().for_each(|(point, sums)| {
            if is_first {
                sums.fill(0.0);
            }
            for first in (0..tiles).step_by(SUM_TILES) {
                let walk = PixelWalk { counts: [1, 1, SUM_TILES.min(tiles - first)], strides: [0, 0, depth] };
                for (task, sums) in sums.chunks_exact_mut(rows * width).enumerate() {
                    let (panel, tile) = (task / Self::row_tiles(job), task % Self::row_tiles(job));
                    let a = &input[point * input_stride + first * depth + Self::row_start(job, tile)..];
                    let b = &gradient[point * gradient_stride + (panel * round + first) * width..];
                    // SAFETY: there are `tiles` rows at every point, and `sums` is one register tile.
                    unsafe { (job.kernels.wide.outer)(a.as_ptr(), walk, b.as_ptr(), sums.as_mut_ptr()) }
                }
            }
        });
    }

    /// Takes the sums back to filters.
    fn write<'o>(&self, job: &Winograd, filters: &'o mut Unwritten) -> &'o mut [f32] {
        let (rows, width, depth) = (job.kernels.rows, job.kernels.wide.columns, job.source.channels);
        let (row_tiles, len) = (Self::row_tiles(job), Self::sums_len(job));
        let panels = filters.par_chunks_exact_mut(width * 9 * depth).enumerate();
        panels.for_each(|(panel, filters)| {
            for tile in 0..row_tiles {
                for row in 0..rows {
                    let start = ((panel * row_tiles + tile) * rows + row) * width;
                    let taps = points_to_taps(|point| &self.sums[point * len + start..][..width]);
                    let channel = Self::row_start(job, tile) + row;
                    for (tap, values) in taps.iter().enumerate() {
                        for (column, value) in values[..width].iter().enumerate() {
                            filters[(column * 9 + tap) * depth + channel].write(*value);
                        }
                    }
                }
            }
        });
        // SAFETY: the panels are all filters, and each wrote every column and tap of it for every channel, as row tiles
        // cover all channels.
        unsafe { filters.assume_init_mut() }
    }
}
