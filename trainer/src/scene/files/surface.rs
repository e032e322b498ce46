//! What every format's reader hands over: faces of any number of corners, as the file has them, in double precision.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::assembly::{Shape, assembled};
use super::opacity::{SeeThrough, materials_left_out};
use super::warnings::Warnings;
use super::{LoadedMesh, check_triangle_count, checked, malformed};
use crate::scene::{Material, SourceError};

/// In place of an index: there is none.
pub(super) const NONE: u32 = u32::MAX;
/// Beyond this, squares of distances overflow.
const LARGEST_COORDINATE: f64 = 1e15;
/// A mesh that lies more of its diagonals from the origin is moved there, before its numbers become single precision.
const FAR_DIAGONALS: f64 = 16.0;

/// One corner of a face, as indices into the lists of a [`Surface`]; all but `point` may be [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Corner {
    pub point: u32,
    pub normal: u32,
    pub uv: u32,
    pub color: u32,
}

impl Corner {
    /// A corner of which only the place is known.
    pub fn at(point: u32) -> Self {
        Self { point, normal: NONE, uv: NONE, color: NONE }
    }
}

/// A material, as a file describes it.
#[derive(Clone, Debug)]
pub(super) struct SurfaceMaterial {
    /// For warnings.
    pub name: String,
    /// Valid: all its numbers are in their ranges.
    pub look: Material,
    /// 1 for opaque, 0 for invisible.
    pub opacity: f32,
}

/// A mesh on its way from a file to the renderer.
///
/// Readers push to the lists and add faces; [`Self::into_loaded`] does what all formats need: it cuts polygons into
/// triangles, leaves out vertices that no face names, computes normals where the file has none, turns colours into
/// materials, and moves meshes far from the origin before rounding. An attribute that is missing or not finite at a
/// corner costs its own face that attribute.
pub(super) struct Surface {
    path: PathBuf,
    /// With z up, unless the file has y up and nothing tells so.
    pub points: Vec<[f64; 3]>,
    /// Of any length.
    pub normals: Vec<[f32; 3]>,
    /// Origin at the lower left corner of the picture.
    pub uvs: Vec<[f32; 2]>,
    /// sRGB and opacity, each in [0, 1]. The mean over a face is rounded and multiplies the face's material, in linear
    /// light; without a material, it is the colour.
    pub colors: Vec<[f32; 4]>,
    pub materials: Vec<SurfaceMaterial>,
    pub warnings: Warnings,
    corners: Vec<Corner>,
    faces: Vec<Face>,
    /// First face of each part.
    parts: Vec<usize>,
    triangles: usize,
}

struct Face {
    /// Behind its last corner.
    end: u32,
    /// May be [`NONE`].
    material: u32,
}

impl Surface {
    /// Without anything; `path` is for messages.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            points: Vec::new(),
            normals: Vec::new(),
            uvs: Vec::new(),
            colors: Vec::new(),
            materials: Vec::new(),
            warnings: Warnings::new(path),
            corners: Vec::new(),
            faces: Vec::new(),
            parts: vec![0],
            triangles: 0,
        }
    }

    /// Adds a face, counter-clockwise seen from outside; faces of fewer than 3 corners are ignored.
    ///
    /// # Errors
    /// When there are too many.
    pub fn add_face(&mut self, corners: &[Corner], material: u32) -> Result<(), SourceError> {
        if corners.len() < 3 {
            return Ok(());
        }
        self.triangles += corners.len() - 2;
        check_triangle_count(&self.path, self.triangles)?;
        self.corners.extend_from_slice(corners);
        self.faces.push(Face { end: self.corners.len() as u32, material });
        Ok(())
    }

    /// The faces that follow share no smooth edge with those before.
    pub fn begin_part(&mut self) {
        if self.parts.last() != Some(&self.faces.len()) {
            self.parts.push(self.faces.len());
        }
    }

    pub fn face_count(&self) -> usize {
        self.faces.len()
    }

    /// Index of a face's material, or [`NONE`].
    pub fn material_of(&self, face: usize) -> u32 {
        self.faces[face].material
    }

    /// Gives each material `m` of a face the index `indices[m]`.
    pub fn renumber_materials(&mut self, indices: &[u32]) {
        for face in &mut self.faces {
            face.material = indices.get(face.material as usize).copied().unwrap_or(NONE);
        }
    }

    pub fn corners_of(&self, face: usize) -> &[Corner] {
        &self.corners[self.corner_range(face)]
    }

    pub fn corners_of_mut(&mut self, face: usize) -> &mut [Corner] {
        let range = self.corner_range(face);
        &mut self.corners[range]
    }

    fn corner_range(&self, face: usize) -> Range<usize> {
        let start = if face == 0 { 0 } else { self.faces[face - 1].end as usize };
        start..self.faces[face].end as usize
    }

    /// Faces of each part.
    pub fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let ends = self.parts.iter().skip(1).copied().chain([self.faces.len()]);
        self.parts.iter().copied().zip(ends).map(|(start, end)| start..end)
    }

    /// Where a corner lies; the point is there.
    pub fn point(&self, corner: &Corner) -> [f64; 3] {
        self.points[corner.point as usize]
    }

    /// The mesh, valid and not empty.
    ///
    /// # Errors
    /// When there is no face, a face names a vertex that is not there or not finite, or nothing has an extent.
    pub fn into_loaded(self, see_through: SeeThrough) -> Result<LoadedMesh, SourceError> {
        self.into_loaded_by(see_through, Shape::Exact)
    }

    /// As [`Self::into_loaded`].
    ///
    /// # Errors
    /// As [`Self::into_loaded`].
    pub fn into_loaded_by(mut self, see_through: SeeThrough, shape: Shape) -> Result<LoadedMesh, SourceError> {
        if self.faces.is_empty() {
            return Err(malformed(&self.path, "there is no triangle in it"));
        }
        self.check_points()?;
        let left_out = materials_left_out(&mut self, see_through);
        let is_drawn = |surface: &Self, face: usize| {
            left_out.get(surface.material_of(face) as usize).is_none_or(|left_out| !left_out)
        };
        let Some(bounds) = self.bounds((0..self.face_count()).filter(|face| is_drawn(&self, *face))) else {
            return Err(malformed(&self.path, "there is no triangle in it"));
        };
        if bounds.diagonal() <= 0.0 {
            return Err(malformed(&self.path, "all its vertices lie in one point"));
        }
        let mesh = assembled(&mut self, shape, bounds.offset(), is_drawn);
        // They draw nothing, and must not decide where the middle is.
        let mesh = if shape == Shape::Exact { mesh.without_flat_triangles() } else { mesh };
        if mesh.triangles.is_empty() {
            return Err(malformed(&self.path, "none of its triangles has an area"));
        }
        checked(&self.path, mesh, self.warnings.into_lines())
    }

    /// Of the vertices that faces name; others do not matter.
    fn check_points(&self) -> Result<(), SourceError> {
        let broken = |reason: String| Err(malformed(&self.path, reason));
        for corner in &self.corners {
            let vertex = corner.point;
            let Some(point) = self.points.get(vertex as usize) else {
                return broken(format!("a face names vertex {vertex}, but there are {}", self.points.len()));
            };
            if point.iter().any(|coordinate| !coordinate.is_finite()) {
                return broken(format!("vertex {vertex} has a position that is not finite"));
            }
            if point.iter().any(|coordinate| coordinate.abs() > LARGEST_COORDINATE) {
                return broken("a coordinate is larger than 1e15".into());
            }
        }
        Ok(())
    }

    /// The box around some faces; none around none.
    pub fn bounds(&self, faces: impl Iterator<Item = usize>) -> Option<Bounds> {
        let points = faces.flat_map(|face| self.corners_of(face)).map(|corner| self.point(corner));
        points.fold(None, |bounds, point| {
            Some(bounds.map_or(Bounds { min: point, max: point }, |b: Bounds| b.with(point)))
        })
    }
}

/// A box along the axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub min: [f64; 3],
    pub max: [f64; 3],
}

impl Bounds {
    fn with(self, point: [f64; 3]) -> Self {
        Self {
            min: std::array::from_fn(|i| self.min[i].min(point[i])),
            max: std::array::from_fn(|i| self.max[i].max(point[i])),
        }
    }

    fn diagonal(&self) -> f64 {
        (0..3).map(|i| (self.max[i] - self.min[i]).powi(2)).sum::<f64>().sqrt()
    }

    /// Whether another box lies within this one.
    pub fn encloses(&self, other: &Self) -> bool {
        (0..3).all(|i| self.min[i] <= other.min[i] && self.max[i] >= other.max[i])
    }

    /// What is taken off all points: nothing near the origin, so that meshes there keep their very numbers.
    fn offset(&self) -> [f64; 3] {
        let farthest = self.min.iter().chain(&self.max).fold(0.0_f64, |most, v| most.max(v.abs()));
        if farthest <= FAR_DIAGONALS * self.diagonal() {
            return [0.0; 3];
        }
        std::array::from_fn(|i| f64::midpoint(self.min[i], self.max[i]))
    }
}
