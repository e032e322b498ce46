//! Filters of 3x3 to points, and gradients at points back to filters.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::aligned::{PooledBuffer, SharedSlice};
use super::tile::MAX_TILE_COLUMNS;
use super::winograd_transforms::{A, B, POINTS, SIDE};

/// Where the nine taps of a matrix of filters `[depth, columns]` lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterView {
    pub depth: usize,
    pub columns: usize,
    pub depth_stride: usize,
    pub column_stride: usize,
    pub tap_stride: usize,
    /// Whether the window is turned by half a turn.
    pub turned: bool,
}

impl FilterView {
    fn tap_offset(&self, tap: usize) -> usize {
        self.tap_stride * if self.turned { 8 - tap } else { tap }
    }
}

/// Rows of `G`: those of the points 0, ±A, ±B and infinity.
const G: [[f32; 3]; SIDE] = {
    let (a2, b2) = (A * A, B * B);
    let (na, nb) = (2.0 * a2 * (a2 - b2), 2.0 * b2 * (b2 - a2));
    [
        [1.0 / (a2 * b2), 0.0, 0.0],
        [1.0 / na, A / na, a2 / na],
        [1.0 / na, -A / na, a2 / na],
        [1.0 / nb, B / nb, b2 / nb],
        [1.0 / nb, -B / nb, b2 / nb],
        [0.0, 0.0, 1.0],
    ]
};

type Row = [f32; MAX_TILE_COLUMNS];

/// `U = G g G^T` in panels of `width` columns, `[point][panel][depth][width]`; `width` divides the columns.
pub(crate) fn filters_to_points(view: &FilterView, width: usize, data: &[f32]) -> PooledBuffer {
    let (panels, panel_len) = (view.columns / width, view.depth * width);
    let mut points = PooledBuffer::take(POINTS * panels * panel_len);
    let shared = SharedSlice::new(&mut points);
    (0..panels * view.depth).into_par_iter().with_min_len(16).for_each(|task| {
        let (panel, depth) = (task / view.depth, task % view.depth);
        let mut taps = [[0.0; MAX_TILE_COLUMNS]; 9];
        for (tap, row) in taps.iter_mut().enumerate() {
            let start = depth * view.depth_stride + panel * width * view.column_stride + view.tap_offset(tap);
            if view.column_stride == 1 {
                row[..width].copy_from_slice(&data[start..start + width]);
            } else {
                let column = |lane: usize| data[start + lane * view.column_stride];
                row[..width].iter_mut().enumerate().for_each(|(lane, value)| *value = column(lane));
            }
        }
        for (point, row) in expand(&taps).iter().enumerate() {
            let start = (point * panels + panel) * panel_len + depth * width;
            // SAFETY: every task writes its own row of each point's panel.
            unsafe { shared.slice(start, width) }.copy_from_slice(&row[..width]);
        }
    });
    points
}

/// `G g G^T`, lane by lane.
fn expand(taps: &[Row; 9]) -> [Row; POINTS] {
    let mut half = [[0.0; MAX_TILE_COLUMNS]; SIDE * 3];
    let mut points = [[0.0; MAX_TILE_COLUMNS]; POINTS];
    for (i, factors) in G.iter().enumerate() {
        for column in 0..3 {
            combine(&mut half[i * 3 + column], factors, [&taps[column], &taps[3 + column], &taps[6 + column]]);
        }
    }
    for i in 0..SIDE {
        for (j, factors) in G.iter().enumerate() {
            combine(&mut points[i * SIDE + j], factors, [&half[i * 3], &half[i * 3 + 1], &half[i * 3 + 2]]);
        }
    }
    points
}

fn combine(target: &mut Row, factors: &[f32; 3], rows: [&Row; 3]) {
    for lane in 0..MAX_TILE_COLUMNS {
        target[lane] = factors[0] * rows[0][lane] + factors[1] * rows[1][lane] + factors[2] * rows[2][lane];
    }
}

/// `G^T u G` of one row of columns, given as a function of the point; the nine taps in order.
pub(crate) fn points_to_taps<'a>(at: impl Fn(usize) -> &'a [f32]) -> [Row; 9] {
    let mut half = [[0.0; MAX_TILE_COLUMNS]; 3 * SIDE];
    for (row, factors) in G.iter().enumerate() {
        for column in 0..SIDE {
            let point = at(row * SIDE + column);
            for (tap, &factor) in factors.iter().enumerate() {
                add_scaled(&mut half[tap * SIDE + column], factor, point);
            }
        }
    }
    let mut taps = [[0.0; MAX_TILE_COLUMNS]; 9];
    for row in 0..3 {
        for (column, factors) in G.iter().enumerate() {
            for (tap, &factor) in factors.iter().enumerate() {
                add_scaled(&mut taps[row * 3 + tap], factor, &half[row * SIDE + column]);
            }
        }
    }
    taps
}

fn add_scaled(target: &mut Row, factor: f32, row: &[f32]) {
    target.iter_mut().zip(row).for_each(|(sum, x)| *sum += factor * x);
}
