//! From object coordinates to a raster: perspective for the camera and the spot light, from above for the sun.

use super::CameraPose;
use super::raster::{Raster, RasterVertex, draw_clipped_triangle, draw_triangle};
use crate::scene::Mesh;
use crate::scene::vector::{Matrix3, Vector3, dot, product, sub, times, transposed};

/// What lies nearer to an eye is cut away.
const NEAR: f32 = 0.02;

/// A rule that takes points to a square raster.
pub trait View {
    /// The point on a raster.
    fn project(&self, point: Vector3) -> RasterVertex;

    /// Draws a triangle that is not wholly behind the near plane.
    fn draw_clipped(&self, raster: &mut impl Raster, corners: [Vector3; 3], triangle: u32);
}

/// An eye with a square picture.
#[derive(Clone, Debug)]
pub struct Perspective {
    /// Columns, rows and depth of a point: columns and rows in samples times depth, from the picture's centre.
    rows: [[f32; 4]; 3],
    centre: f32,
    size: f32,
}

impl Perspective {
    /// An eye at a point; `axes` are right, down and forward, `focal` is in samples.
    pub fn new(eye: Vector3, axes: &Matrix3, focal: f32, size: usize) -> Self {
        let [right, down, forward] = axes.map(|axis| [axis[0], axis[1], axis[2], -dot(axis, eye)]);
        let size = size as f32;
        Self { rows: [right.map(|v| v * focal), down.map(|v| v * focal), forward], centre: (size - 1.0) / 2.0, size }
    }

    /// The same eye for points of a turned frame.
    pub fn of_object(&self, world_from_object: &Matrix3) -> Self {
        let turned = product(&self.rows.map(|[x, y, z, _]| [x, y, z]), world_from_object);
        let rows = std::array::from_fn(|i| [turned[i][0], turned[i][1], turned[i][2], self.rows[i][3]]);
        Self { rows, ..*self }
    }

    fn in_view(&self, [x, y, z]: Vector3) -> Vector3 {
        self.rows.map(|row| row[0] * x + row[1] * y + row[2] * z + row[3])
    }
}

impl View for Perspective {
    #[inline]
    fn project(&self, point: Vector3) -> RasterVertex {
        let [x, y, depth] = self.in_view(point);
        let nearness = 1.0 / depth;
        let visible = depth > NEAR;
        let (column, row) = (x * nearness + self.centre, y * nearness + self.centre);
        RasterVertex::new(column, row, if visible { nearness } else { -1.0 }, self.size)
    }

    #[cold]
    fn draw_clipped(&self, raster: &mut impl Raster, corners: [Vector3; 3], triangle: u32) {
        draw_clipped_triangle(raster, corners.map(|corner| self.in_view(corner)), self.centre, NEAR, triangle);
    }
}

/// The view straight down on a square about the origin.
#[derive(Clone, Debug)]
pub struct Overhead {
    axes: Matrix3,
    samples_per_unit: f32,
    height_of_zero: f32,
    size: f32,
}

impl Overhead {
    /// A square from -`reach` to +`reach` whose nearness is the height above `lowest`.
    pub fn new(reach: f32, lowest: f32, size: usize) -> Self {
        let size = size as f32;
        let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        Self { axes, samples_per_unit: (size - 2.0) / (2.0 * reach), height_of_zero: -lowest, size }
    }

    /// The same view for points of a turned frame.
    pub fn of_object(&self, world_from_object: &Matrix3) -> Self {
        Self { axes: *world_from_object, ..*self }
    }

    /// Side of a sample.
    pub fn sample_side(&self) -> f32 {
        1.0 / self.samples_per_unit
    }
}

impl View for Overhead {
    #[inline]
    fn project(&self, point: Vector3) -> RasterVertex {
        let [x, y, z] = times(&self.axes, point);
        let centre = (self.size - 1.0) / 2.0;
        let (column, row) = (x * self.samples_per_unit + centre, y * self.samples_per_unit + centre);
        RasterVertex::new(column, row, z + self.height_of_zero, self.size)
    }

    /// Nothing lies before the plane of a view from infinitely far away.
    fn draw_clipped(&self, _raster: &mut impl Raster, _corners: [Vector3; 3], _triangle: u32) {}
}

/// Draws a mesh; `vertices` is room for its vertices on the raster.
pub fn draw_mesh(raster: &mut impl Raster, view: &impl View, mesh: &Mesh, vertices: &mut Vec<RasterVertex>) {
    vertices.clear();
    vertices.extend(mesh.positions.iter().map(|position| view.project(*position)));
    let vertices = vertices.as_slice();
    let in_view = vertices.iter().all(|vertex| vertex.nearness > 0.0);
    for (index, triangle) in mesh.triangles.iter().enumerate() {
        let corners = triangle.vertices.map(|vertex| &vertices[vertex as usize]);
        if in_view || corners.iter().all(|corner| corner.nearness > 0.0) {
            draw_triangle(raster, corners, index as u32);
        } else {
            let positions = triangle.vertices.map(|vertex| mesh.positions[vertex as usize]);
            view.draw_clipped(raster, positions, index as u32);
        }
    }
}

/// The camera of a scene: looks at the origin, with z up in the picture.
#[derive(Clone, Debug)]
pub struct Camera {
    /// Where it stands.
    pub eye: Vector3,
    /// Right, down and forward of its picture, as rows: takes world to OpenCV camera coordinates.
    pub axes: Matrix3,
    /// Focal length, in samples.
    pub focal: f32,
    /// Samples along each side of the picture.
    pub samples: usize,
}

impl Camera {
    pub fn new(pose: &CameraPose, samples: usize) -> Self {
        let (sin, cos) = pose.polar_deg.to_radians().sin_cos();
        let axes = [[1.0, 0.0, 0.0], [0.0, -cos, -sin], [0.0, sin, -cos]].map(|axis| pose.turned(axis));
        let focal = samples as f32 / 2.0 / (pose.fov_deg.to_radians() / 2.0).tan();
        Self { eye: pose.turned([0.0, -pose.distance * sin, pose.distance * cos]), axes, focal, samples }
    }

    pub fn perspective(&self) -> Perspective {
        Perspective::new(self.eye, &self.axes, self.focal, self.samples)
    }

    /// The eye and the rays through samples, in the frame of an object.
    pub fn rays(&self, world_from_object: &Matrix3) -> Rays {
        let object_from_world = transposed(world_from_object);
        let turned = |vector| times(&object_from_world, vector);
        let [right, down, forward] = self.axes.map(turned);
        let centre = (self.samples as f32 - 1.0) / 2.0;
        let by_column = right.map(|v| v / self.focal);
        let by_row = down.map(|v| v / self.focal);
        let corner = sub(forward, std::array::from_fn(|i| (by_column[i] + by_row[i]) * centre));
        Rays { eye: turned(self.eye), corner, by_column, by_row, focal: self.focal }
    }
}

/// Rays from an eye through the samples of its picture; each advances by 1 along the viewing direction.
#[derive(Clone, Debug)]
pub struct Rays {
    /// Where all rays start.
    pub eye: Vector3,
    corner: Vector3,
    by_column: Vector3,
    by_row: Vector3,
    /// Focal length, in samples.
    pub focal: f32,
}

impl Rays {
    /// Direction through a sample; a pixel's centre lies between samples.
    pub fn through(&self, column: f32, row: f32) -> Vector3 {
        std::array::from_fn(|i| self.corner[i] + self.by_column[i] * column + self.by_row[i] * row)
    }
}
