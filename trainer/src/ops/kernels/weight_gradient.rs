//! Gradient of a dense cross-correlation by its weights, as sums of outer products over output pixels.
//!
//! The batch is cut into chunks that depend on sizes alone, each with sums of its own that are added in a fixed
//! order: the result does not depend on the number of threads.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::aligned::{PooledBuffer, Scratch, SharedSlice, with_scratch};
use super::source_block::{Block, SourceView, Window};
use super::tile::{PixelWalk, TileKernels};
use super::unwritten::Unwritten;

/// Output pixels per block: its gradient panel stays in the first-level cache.
const BLOCK_PIXELS: usize = 256;
/// Tasks (chunks times groups of panels) aimed at.
const TASKS: usize = 8;
/// Room for the chunks' sums.
const SUMS_BYTES: usize = 12 << 20;

/// Channels `first_channel..first_channel + columns` of the gradient by the output, `[images, grid, channels]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputGradient<'a> {
    pub data: &'a [f32],
    pub channels: usize,
    pub first_channel: usize,
    pub columns: usize,
}

/// Where the weight of a column, window row and position in that row's run is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightLayout {
    pub start: usize,
    pub column_stride: usize,
    pub tap_row_stride: usize,
}

/// Tiles that the sums are made of.
#[derive(Clone, Copy)]
struct SumLayout {
    run_len: usize,
    tile_rows: usize,
    tap_rows: usize,
    wide_columns: usize,
}

impl SumLayout {
    fn row_tiles(&self) -> usize {
        self.run_len.div_ceil(self.tile_rows)
    }

    /// First position of a row tile; the last one overlaps its neighbour rather than reach past the run.
    fn tile_start(&self, tile: usize) -> usize {
        (tile * self.tile_rows).min(self.run_len.saturating_sub(self.tile_rows))
    }

    fn panel_len(&self) -> usize {
        self.tap_rows * self.row_tiles() * self.tile_rows * self.wide_columns
    }

    /// Where a tile's sums are in those of a panel.
    fn tile_offset(&self, tap_row: usize, tile: usize, columns: usize) -> usize {
        (tap_row * self.row_tiles() + tile) * self.tile_rows * columns
    }
}

/// Writes the gradient by the weights of [`correlate`](super::correlation::correlate): all weights that `layout` names.
///
/// # Panics
/// When the slices do not have the sizes that the other arguments say.
pub(crate) fn weight_gradient(
    kernels: &TileKernels,
    images: usize,
    window: &Window,
    source: &[f32],
    gradient: &OutputGradient,
    layout: &WeightLayout,
    target: &mut Unwritten,
) {
    let [rows, columns] = window.grid;
    assert_eq!(source.len(), images * window.source.image_len());
    assert_eq!(gradient.data.len(), images * rows * columns * gradient.channels);
    assert!(gradient.first_channel + gradient.columns <= gradient.channels);
    assert!(window.first_channel + window.depth <= window.source.channels);
    let sums = SumLayout {
        run_len: window.run_len(),
        tile_rows: kernels.rows,
        tap_rows: window.taps[0],
        wide_columns: kernels.wide.columns,
    };
    let job = Job { kernels, window, source, gradient, sums };
    let total = job.sum_chunks(images);
    job.write(&total, layout, SharedSlice::new(target));
}

struct Job<'a> {
    kernels: &'a TileKernels,
    window: &'a Window,
    source: &'a [f32],
    gradient: &'a OutputGradient<'a>,
    sums: SumLayout,
}

impl Job<'_> {
    fn panels(&self) -> usize {
        self.gradient.columns.div_ceil(self.sums.wide_columns)
    }

    /// All panels' sums over the whole batch.
    fn sum_chunks(&self, images: usize) -> PooledBuffer {
        let blocks = Block::cut(images, self.window, BLOCK_PIXELS);
        let chunk_len = self.panels() * self.sums.panel_len();
        let chunks = (SUMS_BYTES / (4 * chunk_len)).clamp(1, TASKS).min(blocks.len().max(1));
        let panels_per_task = self.panels().div_ceil((TASKS / chunks).clamp(1, self.panels()));
        let mut sums = PooledBuffer::take(chunks * chunk_len);
        let shared = SharedSlice::new(&mut sums);
        let groups = self.panels().div_ceil(panels_per_task);
        (0..chunks * groups).into_par_iter().with_max_len(1).for_each(|task| {
            let (chunk, first_panel) = (task / groups, task % groups * panels_per_task);
            let panels = panels_per_task.min(self.panels() - first_panel);
            let part = |of: usize| of * blocks.len() / chunks;
            let start = chunk * chunk_len + first_panel * self.sums.panel_len();
            // SAFETY: every task has panels of a chunk of its own.
            let sums = unsafe { shared.slice(start, panels * self.sums.panel_len()) };
            sums.fill(0.0);
            with_scratch(|scratch| self.sum_blocks(&blocks[part(chunk)..part(chunk + 1)], first_panel, sums, scratch));
        });
        add_chunks(&mut sums, chunk_len, chunks);
        sums
    }

    fn sum_blocks(&self, blocks: &[Block], first_panel: usize, sums: &mut [f32], scratch: &mut Scratch) {
        let in_place = self.window.reads_in_place() && self.sums.run_len >= self.sums.tile_rows;
        let Scratch { source: copy, panel: packed, .. } = scratch;
        for block in blocks {
            let (view, data) = if in_place {
                (self.window.view_in_place(block), self.source)
            } else {
                (self.window.copy_block(block, self.source, self.sums.tile_rows, copy), &copy[..])
            };
            for (i, sums) in sums.chunks_exact_mut(self.sums.panel_len()).enumerate() {
                let column = (first_panel + i) * self.sums.wide_columns;
                let width = self.kernels.tile(self.gradient.columns - column).columns;
                let packed = packed.reserve(block.pixels(self.window) * width);
                self.pack_gradient(block, column, width, packed);
                self.sum_panel(block, &view, data, packed, width, sums);
            }
        }
    }

    /// The block's gradient, `width` channels from `column` on, zero beyond the last.
    fn pack_gradient(&self, block: &Block, column: usize, width: usize, packed: &mut [f32]) {
        let [grid_rows, grid_columns] = self.window.grid;
        let first_pixel = (block.first_image * grid_rows + block.first_row) * grid_columns;
        let valid = width.min(self.gradient.columns - column);
        let pixels = self.gradient.data[first_pixel * self.gradient.channels..].chunks_exact(self.gradient.channels);
        let first = self.gradient.first_channel + column;
        for (target, pixel) in packed.chunks_exact_mut(width).zip(pixels).take(block.pixels(self.window)) {
            target[..valid].copy_from_slice(&pixel[first..first + valid]);
            target[valid..].fill(0.0);
        }
    }

    fn sum_panel(
        &self,
        block: &Block,
        view: &SourceView,
        data: &[f32],
        packed: &[f32],
        width: usize,
        sums: &mut [f32],
    ) {
        let outer = self.kernels.tile(width).outer;
        let walk = PixelWalk { counts: [block.images, block.rows, self.window.grid[1]], strides: view.strides };
        for tap_row in 0..self.sums.tap_rows {
            for tile in 0..self.sums.row_tiles() {
                let from = view.start + tap_row * view.tap_row_stride + self.sums.tile_start(tile);
                let to = &mut sums[self.sums.tile_offset(tap_row, tile, width)..][..self.sums.tile_rows * width];
                // SAFETY: windows of the block's pixels lie inside `data`, which has a tile's rows of slack where a
                // run is shorter than a tile; `packed` holds a row per pixel, `to` a whole tile.
                unsafe { outer(data.as_ptr().add(from), walk, packed.as_ptr(), to.as_mut_ptr()) }
            }
        }
    }

    /// Brings the sums into the order of the weights.
    fn write(&self, sums: &[f32], layout: &WeightLayout, target: SharedSlice<MaybeUninit<f32>>) {
        let tap_rows = self.sums.tap_rows;
        (0..self.panels() * tap_rows).into_par_iter().with_max_len(1).for_each(|task| {
            let (panel, tap_row) = (task / tap_rows, task % tap_rows);
            let sums = &sums[panel * self.sums.panel_len()..];
            for tile in 0..self.sums.row_tiles() {
                // SAFETY: every panel and window row has weights of its own.
                unsafe { self.write_tile(sums, panel, tap_row, tile, layout, target) }
            }
        });
    }

    /// # Safety
    /// No other thread writes weights of this panel and window row.
    unsafe fn write_tile(
        &self,
        sums: &[f32],
        panel: usize,
        tap_row: usize,
        tile: usize,
        layout: &WeightLayout,
        target: SharedSlice<MaybeUninit<f32>>,
    ) {
        let first_column = panel * self.sums.wide_columns;
        let left = self.gradient.columns - first_column;
        let width = self.kernels.tile(left).columns;
        let rows = &sums[self.sums.tile_offset(tap_row, tile, width)..];
        let (first, valid) = (self.sums.tile_start(tile), self.sums.tile_rows.min(self.sums.run_len));
        let start = layout.start + tap_row * layout.tap_row_stride + first;
        for column in 0..width.min(left) {
            // SAFETY: by the caller's promise.
            let weights = unsafe { target.slice(start + (first_column + column) * layout.column_stride, valid) };
            for (weight, row) in weights.iter_mut().zip(rows.chunks_exact(width)) {
                weight.write(row[column]);
            }
        }
    }
}

/// Adds all chunks to the first, in order.
fn add_chunks(sums: &mut [f32], chunk_len: usize, chunks: usize) {
    const PART: usize = 1 << 14;
    let (first, rest) = sums.split_at_mut(chunk_len);
    first.par_chunks_mut(PART).enumerate().for_each(|(part, first)| {
        for chunk in rest.chunks_exact(chunk_len).take(chunks - 1) {
            for (sum, value) in first.iter_mut().zip(&chunk[part * PART..]) {
                *sum += value;
            }
        }
    });
}
