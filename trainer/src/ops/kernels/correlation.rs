//! Dense cross-correlation as an implicit matrix product: the forward pass of convolutions and linear layers, and
//! (with turned weights) their gradient by the input.
//!
//! Output pixels of a block, of whatever row or image, are taken `tile rows` at a time; each keeps the offset of its
//! window, so no pixel is computed in vain at the end of a row. A window row is one run of consecutive numbers.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::aligned::{Scratch, SharedSlice, with_scratch};
use super::panels::PackedPanels;
use super::source_block::{Block, Maps, SourceView, Window};
use super::tile::{MAX_TILE_COLUMNS, MAX_TILE_ROWS, Segments, TileKernels};
use super::unwritten::Unwritten;

/// Output pixels per block: enough to pay for streaming a weight panel through the caches.
const BLOCK_PIXELS: usize = 560;
/// Blocks (times groups of panels) per thread below which panels are shared out as well.
const TASKS_PER_THREAD: usize = 3;

/// Where output pixels go: pixel `(row, column)` of the grid to `first + (row, column) * step`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub maps: Maps,
    pub first: [usize; 2],
    pub step: [usize; 2],
    pub first_channel: usize,
}

impl Destination {
    fn offset(&self, image: usize, row: usize, column: usize) -> usize {
        let (y, x) = (self.first[0] + row * self.step[0], self.first[1] + column * self.step[1]);
        ((image * self.maps.height + y) * self.maps.width + x) * self.maps.channels + self.first_channel
    }
}

/// `target[pixel][column] = sum over the pixel's window of source * panels[.., column]`, written for every pixel that
/// `destination` names.
///
/// # Panics
/// When the slices do not have the sizes that `window` and `destination` say.
pub(crate) fn correlate(
    kernels: &TileKernels,
    images: usize,
    window: &Window,
    source: &[f32],
    panels: &PackedPanels,
    destination: &Destination,
    target: &mut Unwritten,
) {
    if images == 0 || window.grid.contains(&0) || panels.columns == 0 {
        return;
    }
    check_sizes(images, window, source, panels, destination, target);
    let target = SharedSlice::new(target);
    let (blocks, panels_per_task) = share_out(images, window, panels.count());
    let tasks: Vec<(Block, usize)> = blocks
        .iter()
        .flat_map(|&block| (0..panels.count()).step_by(panels_per_task).map(move |panel| (block, panel)))
        .collect();
    tasks.into_par_iter().with_max_len(1).for_each(|(block, first_panel)| {
        let last_panel = panels.count().min(first_panel + panels_per_task);
        with_scratch(|scratch| {
            let job = BlockJob { kernels, window, panels, block, first_panel, last_panel };
            // SAFETY: sizes are checked above; blocks and panels write disjoint pixels and channels.
            unsafe { job.run(source, destination, target, scratch) }
        });
    });
}

fn check_sizes(
    images: usize,
    window: &Window,
    source: &[f32],
    panels: &PackedPanels,
    destination: &Destination,
    target: &Unwritten,
) {
    assert_eq!(source.len(), images * window.source.image_len());
    assert_eq!(target.len(), images * destination.maps.image_len());
    assert_eq!(panels.depth, window.taps[0] * window.run_len());
    assert!(window.first_channel + window.depth <= window.source.channels);
    assert!(destination.first_channel + panels.columns <= destination.maps.channels);
    let last = |axis: usize| destination.first[axis] + (window.grid[axis] - 1) * destination.step[axis];
    assert!(last(0) < destination.maps.height && last(1) < destination.maps.width);
}

/// Blocks, and panels per task, so that every thread has something to do.
fn share_out(images: usize, window: &Window, panels: usize) -> (Vec<Block>, usize) {
    let blocks = Block::cut(images, window, BLOCK_PIXELS);
    let wanted = rayon::current_num_threads() * TASKS_PER_THREAD;
    let groups = wanted.div_ceil(blocks.len()).clamp(1, panels);
    (blocks, panels.div_ceil(groups))
}

struct BlockJob<'a> {
    kernels: &'a TileKernels,
    window: &'a Window,
    panels: &'a PackedPanels,
    block: Block,
    first_panel: usize,
    last_panel: usize,
}

impl BlockJob<'_> {
    /// # Safety
    /// Sizes are as [`check_sizes`] wants them, and no other thread writes this block's pixels and panels' channels.
    unsafe fn run(
        &self,
        source: &[f32],
        destination: &Destination,
        target: SharedSlice<MaybeUninit<f32>>,
        scratch: &mut Scratch,
    ) {
        let Scratch { source: copy, source_offsets, target_offsets, .. } = scratch;
        let (view, data) = if self.window.reads_in_place() {
            (self.window.view_in_place(&self.block), source.as_ptr())
        } else {
            (self.window.copy_block(&self.block, source, 0, copy), copy.as_ptr())
        };
        self.list_offsets(&view, destination, source_offsets, target_offsets);
        let run_len = self.window.run_len();
        let walk = Segments {
            count: self.window.taps[0],
            len: run_len,
            stride: view.tap_row_stride,
            panel_start: 0,
            panel_stride: run_len,
        };
        let target = target.pointer().cast::<f32>();
        for panel in self.first_panel..self.last_panel {
            // SAFETY: the offsets are those of pixels inside the source copy and the target.
            unsafe { self.run_panel(panel, data, walk, source_offsets, target, target_offsets) }
        }
    }

    fn list_offsets(
        &self,
        view: &SourceView,
        destination: &Destination,
        source_offsets: &mut Vec<usize>,
        target_offsets: &mut Vec<usize>,
    ) {
        source_offsets.clear();
        target_offsets.clear();
        for image in 0..self.block.images {
            for row in 0..self.block.rows {
                let from = view.start + image * view.strides[0] + row * view.strides[1];
                let to = destination.offset(self.block.first_image + image, self.block.first_row + row, 0);
                let step = destination.step[1] * destination.maps.channels;
                source_offsets.extend((0..self.window.grid[1]).map(|column| from + column * view.strides[2]));
                target_offsets.extend((0..self.window.grid[1]).map(|column| to + column * step));
            }
        }
    }

    /// # Safety
    /// Offsets are in bounds of `data` and `target` for this panel.
    unsafe fn run_panel(
        &self,
        panel: usize,
        data: *const f32,
        walk: Segments,
        source_offsets: &[usize],
        target: *mut f32,
        target_offsets: &[usize],
    ) {
        let column = self.panels.first_column(panel);
        let tile = self.kernels.tile(self.panels.columns - column);
        let valid_columns = tile.columns.min(self.panels.columns - column);
        let weights = self.panels.panel(panel).as_ptr();
        let rows = self.kernels.rows;
        let full_tiles = if valid_columns == tile.columns { source_offsets.len() / rows } else { 0 };
        // SAFETY: in bounds by the caller's contract; partial tiles go through a buffer of their own.
        unsafe {
            for first in (0..full_tiles).map(|i| i * rows) {
                let (from, to) = (source_offsets.as_ptr().add(first), target_offsets.as_ptr().add(first));
                (tile.product)(data, from, walk, weights, target.add(column), to);
            }
            for first in (full_tiles * rows..source_offsets.len()).step_by(rows) {
                let valid_rows = rows.min(source_offsets.len() - first);
                let mut partial = [0.0f32; MAX_TILE_ROWS * MAX_TILE_COLUMNS];
                let mut from = [source_offsets[first]; MAX_TILE_ROWS];
                from[..valid_rows].copy_from_slice(&source_offsets[first..first + valid_rows]);
                let to: [usize; MAX_TILE_ROWS] = std::array::from_fn(|i| i * tile.columns);
                (tile.product)(data, from.as_ptr(), walk, weights, partial.as_mut_ptr(), to.as_ptr());
                for (i, row) in partial.chunks_exact(tile.columns).enumerate().take(valid_rows) {
                    let to = target.add(target_offsets[first + i] + column);
                    std::ptr::copy_nonoverlapping(row.as_ptr(), to, valid_columns);
                }
            }
        }
    }
}
