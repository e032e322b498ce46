//! Weights laid out for the register tiles: panels of columns, all depths of a panel one after the other.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::aligned::{PooledBuffer, SharedSlice};
use super::tile::TileKernels;

/// A matrix `[depth, columns]` inside a slice; the depth index has up to three levels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MatrixView<'a> {
    pub data: &'a [f32],
    pub start: usize,
    pub depth_counts: [usize; 3],
    pub depth_strides: [isize; 3],
    pub columns: usize,
    pub column_stride: usize,
}

impl MatrixView<'_> {
    pub(crate) fn depth(&self) -> usize {
        self.depth_counts.iter().product()
    }

    fn offset(&self, index: [usize; 3]) -> usize {
        let shift: isize = index.iter().zip(self.depth_strides).map(|(&i, stride)| i as isize * stride).sum();
        self.start.checked_add_signed(shift).expect("inside the matrix")
    }
}

/// A matrix in panels; the last panel may be narrow, and is filled up with zeros.
pub(crate) struct PackedPanels {
    pub depth: usize,
    pub columns: usize,
    data: PooledBuffer,
    wide_columns: usize,
}

impl PackedPanels {
    /// Packs the matrix for the tiles of an instruction set.
    pub(crate) fn pack(kernels: &TileKernels, matrix: &MatrixView) -> Self {
        let (depth, wide) = (matrix.depth(), kernels.wide.columns);
        let panels = matrix.columns.div_ceil(wide);
        let mut data = PooledBuffer::take(panels * depth * wide);
        let shared = SharedSlice::new(&mut data);
        let pack_one = |panel: usize| {
            let width = kernels.tile(matrix.columns - panel * wide).columns;
            // SAFETY: every panel has its own part.
            let target = unsafe { shared.slice(panel * wide * depth, width * depth) };
            pack_panel(matrix, panel * wide, width, target);
        };
        if panels * depth * wide < 1 << 14 {
            (0..panels).for_each(pack_one);
        } else {
            (0..panels).into_par_iter().for_each(pack_one);
        }
        PackedPanels { depth, columns: matrix.columns, data, wide_columns: wide }
    }

    /// Number of panels.
    pub(crate) fn count(&self) -> usize {
        self.columns.div_ceil(self.wide_columns)
    }

    /// First column of a panel.
    pub(crate) fn first_column(&self, panel: usize) -> usize {
        panel * self.wide_columns
    }

    /// A panel's numbers, `[depth, tile columns]`; after a narrow last panel some that mean nothing.
    pub(crate) fn panel(&self, panel: usize) -> &[f32] {
        &self.data[panel * self.wide_columns * self.depth..][..self.wide_columns * self.depth]
    }
}

/// `target[k][c] = matrix[k][first + c]`, zero beyond the last column.
fn pack_panel(matrix: &MatrixView, first: usize, width: usize, target: &mut [f32]) {
    let valid = width.min(matrix.columns - first);
    if valid < width {
        target.fill(0.0);
    }
    let [outer, middle, inner] = matrix.depth_counts;
    for (run, target) in target.chunks_exact_mut(inner * width).enumerate().take(outer * middle) {
        let start = matrix.offset([run / middle, run % middle, 0]) + first * matrix.column_stride;
        if matrix.depth_strides[2] == 1 {
            transpose_run(&matrix.data[start..], matrix.column_stride, valid, width, target);
        } else {
            let step = matrix.depth_strides[2].unsigned_abs();
            for (k, row) in target.chunks_exact_mut(width).enumerate() {
                let from = start + k * step;
                if matrix.column_stride == 1 {
                    row[..valid].copy_from_slice(&matrix.data[from..from + valid]);
                    continue;
                }
                for (c, value) in row[..valid].iter_mut().enumerate() {
                    *value = matrix.data[from + c * matrix.column_stride];
                }
            }
        }
    }
}

/// `target[k][c] = source[c][k]`, in blocks that stay in the first-level cache.
fn transpose_run(source: &[f32], column_stride: usize, valid: usize, width: usize, target: &mut [f32]) {
    const BLOCK: usize = 16;
    let depth = target.len() / width;
    for k in (0..depth).step_by(BLOCK) {
        let rows = BLOCK.min(depth - k);
        for c in 0..valid {
            let from = &source[c * column_stride + k..][..rows];
            for (row, &value) in from.iter().enumerate() {
                target[(k + row) * width + c] = value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_both_orders_alike_and_fills_with_zeros() {
        let (depth, columns) = (37, 21);
        let by_column: Vec<f32> = (0..depth * columns).map(|i| i as f32).collect();
        let by_depth: Vec<f32> = (0..depth * columns).map(|i| ((i % columns) * depth + i / columns) as f32).collect();
        let view = |data, depth_stride, column_stride| MatrixView {
            data,
            start: 0,
            depth_counts: [1, 1, depth],
            depth_strides: [0, 0, depth_stride],
            columns,
            column_stride,
        };
        for kernels in TileKernels::available() {
            let first = PackedPanels::pack(kernels, &view(&by_column, 1, depth));
            let second = PackedPanels::pack(kernels, &view(&by_depth, columns as isize, 1));
            for panel in 0..first.count() {
                let from = first.first_column(panel);
                let width = kernels.tile(columns - from).columns;
                assert_eq!(
                    first.panel(panel)[..depth * width],
                    second.panel(panel)[..depth * width],
                    "{:?}",
                    kernels.instruction_set
                );
                for k in 0..depth {
                    for c in 0..width {
                        let expected = if from + c < columns { ((from + c) * depth + k) as f32 } else { 0.0 };
                        let found = first.panel(panel)[k * width + c];
                        assert_eq!(found, expected, "{:?}", kernels.instruction_set);
                    }
                }
            }
        }
    }
}
