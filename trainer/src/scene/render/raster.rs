//! Triangles to samples: who is nearest at each sample centre.
//!
//! Sample centres lie at whole coordinates. Depth is stored so that larger is nearer (1/z for perspective views).
//! Both sides of a triangle are drawn. An edge function of a shared edge is the exact negative for the neighbour, so
//! that neighbours leave no gap; where depths are equal, the triangle drawn first stays.

use crate::scene::vector::{Vector3, cross, dot};

/// A vertex on the raster.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RasterVertex {
    /// Column, in samples.
    pub x: f32,
    /// Row, in samples.
    pub y: f32,
    /// Larger is nearer; not positive when the vertex lies before the near plane.
    pub nearness: f32,
    /// `[x, y]` rounded up, within the raster.
    rounded_up: [i16; 2],
}

impl RasterVertex {
    pub fn new(x: f32, y: f32, nearness: f32, size: f32) -> Self {
        Self { x, y, nearness, rounded_up: [rounded_up(x, size), rounded_up(y, size)] }
    }
}

fn rounded_up(coordinate: f32, size: f32) -> i16 {
    let within = coordinate.max(0.0).min(size);
    let truncated = within as i32;
    (truncated + i32::from((truncated as f32) < within)) as i16
}

/// Samples of a row that are tested together: the width of the narrowest vector units.
const LANES: usize = 4;

/// A square of samples that keeps what is nearest.
pub trait Raster {
    /// Samples along each side.
    fn size(&self) -> usize;

    /// Shows a triangle at [`LANES`] samples from an index on, where it is nearer than what is there; NaN is nowhere.
    fn offer(&mut self, first: usize, nearness: [f32; LANES], triangle: u32);
}

/// From a sample to the one below: rows are longer than they are wide, so that a block may start at any sample.
fn stride(size: usize) -> usize {
    size + LANES
}

/// Nearness of the nearest surface at each sample.
#[derive(Debug, Default)]
pub struct DepthMap {
    size: usize,
    nearness: Vec<f32>,
}

impl DepthMap {
    /// An empty map.
    pub fn clear(&mut self, size: usize) {
        self.size = size;
        self.nearness.clear();
        self.nearness.resize(stride(size) * size, 0.0);
    }

    /// A map of given nearness by column and row.
    pub fn from_fn(size: usize, nearness: impl Fn(usize, usize) -> f32) -> Self {
        let all = (0..stride(size) * size).map(|sample| nearness(sample % stride(size), sample / stride(size)));
        Self { size, nearness: all.collect() }
    }

    /// Samples along each side.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Nearness at a column and row within the map.
    #[inline]
    pub fn at(&self, column: usize, row: usize) -> f32 {
        self.nearness[row * stride(self.size) + column]
    }
}

impl Raster for DepthMap {
    fn size(&self) -> usize {
        self.size
    }

    #[inline]
    fn offer(&mut self, first: usize, nearness: [f32; LANES], _triangle: u32) {
        let Some(stored) = self.nearness[first..].first_chunk_mut::<LANES>() else { return };
        let before = *stored;
        *stored = std::array::from_fn(|lane| larger(nearness[lane], before[lane]));
    }
}

/// The nearest triangle at each sample.
#[derive(Debug, Default)]
pub struct VisibilityBuffer {
    size: usize,
    nearness: Vec<f32>,
    triangles: Vec<u32>,
}

impl VisibilityBuffer {
    /// Stands for "no triangle".
    pub const NOTHING: u32 = u32::MAX;

    /// A buffer without triangles, in front of a background.
    pub fn clear(&mut self, background: &DepthMap) {
        self.size = background.size;
        self.nearness.clone_from(&background.nearness);
        self.triangles.clear();
        self.triangles.resize(background.nearness.len(), Self::NOTHING);
    }

    /// Triangle at each sample of one row.
    pub fn row(&self, row: usize) -> &[u32] {
        let start = row * stride(self.size);
        &self.triangles[start..start + self.size]
    }
}

impl Raster for VisibilityBuffer {
    fn size(&self) -> usize {
        self.size
    }

    #[inline]
    fn offer(&mut self, first: usize, nearness: [f32; LANES], triangle: u32) {
        let stored = self.nearness[first..].first_chunk_mut::<LANES>();
        let triangles = self.triangles[first..].first_chunk_mut::<LANES>();
        let (Some(stored), Some(triangles)) = (stored, triangles) else { return };
        // Whole blocks are read before any is written: then the compiler may use vectors.
        let (before, shown) = (*stored, *triangles);
        let nearer: [u32; LANES] =
            std::array::from_fn(|lane| 0_u32.wrapping_sub(u32::from(nearness[lane] > before[lane])));
        *stored = std::array::from_fn(|lane| larger(nearness[lane], before[lane]));
        *triangles = std::array::from_fn(|lane| (triangle & nearer[lane]) | (shown[lane] & !nearer[lane]));
    }
}

/// The larger; the second when the first is NaN.
#[inline(always)]
fn larger(candidate: f32, stored: f32) -> f32 {
    if candidate > stored { candidate } else { stored }
}

/// Positive on the inner side of a directed edge.
#[derive(Clone, Copy)]
struct Edge {
    dx: f32,
    dy: f32,
    constant: f32,
}

impl Edge {
    #[inline]
    fn new(from: &RasterVertex, to: &RasterVertex) -> Self {
        Self { dx: from.y - to.y, dy: to.x - from.x, constant: from.x * to.y - from.y * to.x }
    }

    #[inline]
    fn in_row(self, row: f32) -> f32 {
        self.dy * row + self.constant
    }
}

/// Draws one triangle, all of whose vertices lie behind the near plane.
#[inline]
pub fn draw_triangle(raster: &mut impl Raster, [a, b, c]: [&RasterVertex; 3], triangle: u32) {
    let corners = [a.rounded_up, b.rounded_up, c.rounded_up];
    let [left, top] = [0, 1].map(|i| corners[0][i].min(corners[1][i]).min(corners[2][i]));
    let [right, bottom] = [0, 1].map(|i| corners[0][i].max(corners[1][i]).max(corners[2][i]));
    // Most small triangles lie between sample centres.
    if (left >= right) | (top >= bottom) {
        return;
    }
    let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
    let [b, c] = if area < 0.0 { [c, b] } else { [b, c] };
    let edges = [Edge::new(b, c), Edge::new(c, a), Edge::new(a, b)];
    let nearness = [a.nearness, b.nearness, c.nearness];
    let stride = stride(raster.size());
    // Signed 32-bit numbers become floats in one instruction.
    for row in i32::from(top)..i32::from(bottom) {
        let in_row = edges.map(|edge| edge.in_row(row as f32));
        let start = row as usize * stride;
        let mut column = i32::from(left);
        while column < i32::from(right) {
            let nearness = nearness_in_block(&edges, &in_row, &nearness, column as f32);
            raster.offer(start + column as usize, nearness, triangle);
            column += LANES as i32;
        }
    }
}

/// Nearness at the samples of a block; NaN outside of the triangle.
///
/// Written so that it compiles to vector instructions: one array per step, and signs in place of comparisons (an edge
/// function of -0 is outside; its neighbour's is +0).
#[inline(always)]
fn nearness_in_block(edges: &[Edge; 3], in_row: &[f32; 3], nearness: &[f32; 3], column: f32) -> [f32; LANES] {
    let [a, b, c]: [[f32; LANES]; 3] =
        std::array::from_fn(|i| std::array::from_fn(|lane| edges[i].dx * (column + lane as f32) + in_row[i]));
    // A mean of the three, however thin the triangle is.
    let mean: [f32; LANES] = std::array::from_fn(|lane| {
        (a[lane] * nearness[0] + b[lane] * nearness[1] + c[lane] * nearness[2]) / (a[lane] + b[lane] + c[lane])
    });
    std::array::from_fn(|lane| {
        let signs = a[lane].to_bits() | b[lane].to_bits() | c[lane].to_bits();
        let all_ones_outside = (signs.cast_signed() >> 31).cast_unsigned();
        f32::from_bits(mean[lane].to_bits() | all_ones_outside)
    })
}

/// Draws the part behind the near plane of a triangle that reaches before it, in homogeneous coordinates (Olano and
/// Greer 1997): no new vertices are made.
///
/// `corners` are in view coordinates whose ray through a sample is `(column - centre, row - centre, 1)`.
pub fn draw_clipped_triangle(raster: &mut impl Raster, [a, b, c]: [Vector3; 3], centre: f32, near: f32, triangle: u32) {
    let volume = dot(a, cross(b, c));
    if !(volume != 0.0 && volume.is_finite()) {
        return;
    }
    let planes = [cross(b, c), cross(c, a), cross(a, b)].map(|plane| plane.map(|v| v / volume));
    let size = raster.size();
    for (row, column) in (0..size).flat_map(|row| (0..size).step_by(LANES).map(move |column| (row, column))) {
        let nearness = std::array::from_fn(|lane| {
            let ray = [(column + lane) as f32 - centre, row as f32 - centre, 1.0];
            let weights = planes.map(|plane| dot(plane, ray));
            let nearness = weights.iter().sum::<f32>();
            let seen = weights.iter().all(|weight| *weight >= 0.0) && nearness * near <= 1.0;
            if seen { nearness } else { f32::NAN }
        });
        raster.offer(row * stride(size) + column, nearness, triangle);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIZE: usize = 37;

    fn vertex([x, y, nearness]: [f32; 3]) -> RasterVertex {
        RasterVertex::new(x, y, nearness, SIZE as f32)
    }

    fn drawn(triangles: &[[RasterVertex; 3]]) -> VisibilityBuffer {
        let mut buffer = VisibilityBuffer::default();
        buffer.clear(&DepthMap::from_fn(SIZE, |_, _| 0.0));
        for (index, [a, b, c]) in triangles.iter().enumerate() {
            draw_triangle(&mut buffer, [a, b, c], index as u32);
        }
        buffer
    }

    proptest! {
        /// A square cut into four triangles at any inner point covers all of its samples.
        #[test]
        fn neighbours_leave_no_gap(x in 0.5_f32..35.0, y in 0.5_f32..35.0, turn in any::<bool>()) {
            let outer = [[-3.0, -3.0, 1.0], [40.0, -3.0, 1.0], [40.0, 40.0, 1.0], [-3.0, 40.0, 1.0]].map(vertex);
            let inner = vertex([x, y, 1.0]);
            let corners = |i: usize| if turn { [outer[(i + 1) % 4], outer[i], inner] } else { [outer[i], outer[(i + 1) % 4], inner] };
            let buffer = drawn(&[0, 1, 2, 3].map(corners));
            for row in 0..SIZE {
                prop_assert!(buffer.row(row).iter().all(|triangle| *triangle != VisibilityBuffer::NOTHING), "row {row}");
            }
        }

        /// A sample well inside of a triangle is covered, one well outside is not.
        #[test]
        fn samples_inside_are_covered(points in prop::array::uniform3(prop::array::uniform2(-5.0_f32..42.0))) {
            let buffer = drawn(&[points.map(|[x, y]| vertex([x, y, 1.0]))]);
            let area = |a: [f32; 2], b: [f32; 2], p: [f32; 2]| (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]);
            let [a, b, c] = points;
            let sign = area(a, b, c).signum();
            for (row, column) in (0..SIZE).flat_map(|row| (0..SIZE).map(move |column| (row, column))) {
                let p = [column as f32, row as f32];
                let least = [area(a, b, p), area(b, c, p), area(c, a, p)].into_iter().map(|v| v * sign).fold(f32::MAX, f32::min);
                let covered = buffer.row(row)[column] == 0;
                prop_assert!(least.abs() < 0.01 || covered == (least > 0.0), "{p:?}: covered {covered}, inside by {least}");
            }
        }
    }

    #[test]
    fn the_nearest_stays_in_any_order() {
        let square = |nearness| [[-9.0, -9.0, nearness], [90.0, -9.0, nearness], [-9.0, 90.0, nearness]].map(vertex);
        for (order, nearest) in [([0.5, 0.7], 1), ([0.7, 0.5], 0), ([0.5, 0.5], 0)] {
            let buffer = drawn(&order.map(square));
            assert!((0..SIZE).all(|row| buffer.row(row).iter().all(|triangle| *triangle == nearest)), "{order:?}");
        }
    }

    #[test]
    fn numbers_that_are_not_finite_draw_nothing_and_do_not_panic() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let buffer = drawn(&[[[bad, 3.0, 1.0], [4.0, bad, 1.0], [9.0, 9.0, bad]].map(vertex)]);
            let mut map = DepthMap::default();
            map.clear(SIZE);
            draw_clipped_triangle(&mut map, [[bad, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, -1.0]], 18.0, 0.1, 0);
            assert!(buffer.row(0).len() == SIZE && (0..SIZE).all(|row| map.at(0, row).is_finite()), "{bad}");
        }
    }
}
