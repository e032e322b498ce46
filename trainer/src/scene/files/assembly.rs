//! A surface becomes the renderer's mesh.

use std::collections::HashMap;

use super::CREASE_DEG;
use super::polygon::{Triangulator, fan};
use super::surface::{Corner, NONE, Surface};
use crate::scene::mesh_edit::material_index;
use crate::scene::render::{linear_from_srgb, srgb_from_linear};
use crate::scene::vector::{cross, length, normalized, sub};
use crate::scene::{Material, Mesh, Texture, Triangle};

/// Levels of each channel that the colours of faces are rounded to, so that few materials result.
const COLOR_LEVELS: f32 = 8.0;
/// Share of the surface that fans of crossing faces may cover beside them without a warning: bent faces cross themselves
/// a little when they are seen from one side.
const LEAST_LOST_SHARE: f64 = 0.002;
/// Vertices at one point that are looked through for an equal one.
const MOST_COMPARED: usize = 64;

/// How faces become triangles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Concave polygons keep their shape, and what a face lacks costs only itself.
    Exact,
    /// As in version 1 of the prepared furniture, which measured figures refer to: all polygons are fans, and what a
    /// face lacks costs its whole part.
    FurnitureV1,
}

/// The mesh of the faces for which `is_drawn` holds, whose corners name points that are there; `offset` is taken off
/// all points.
pub(super) fn assembled(
    surface: &mut Surface,
    shape: Shape,
    offset: [f64; 3],
    is_drawn: impl Fn(&Surface, usize) -> bool,
) -> Mesh {
    for normal in &mut surface.normals {
        *normal = normalized(*normal).unwrap_or([0.0; 3]);
    }
    let shared: &Surface = surface;
    let mut assembly = Assembly::new(shared, shape, offset);
    for part in shared.parts() {
        let faces: Vec<usize> = part.filter(|face| is_drawn(shared, *face)).collect();
        match shape {
            Shape::Exact => {
                let (with_normals, without): (Vec<_>, Vec<_>) =
                    faces.into_iter().partition(|face| assembly.has_normals(*face));
                assembly.add_part(&with_normals, true);
                assembly.add_part(&without, false);
            }
            Shape::FurnitureV1 => {
                assembly.vertices.have_uvs = faces.iter().all(|face| has_uvs(shared, *face));
                let have_normals = faces.iter().all(|face| assembly.has_normals(*face));
                assembly.add_part(&faces, have_normals);
            }
        }
    }
    let Assembly { mesh, crossing, lost_area, untextured, .. } = assembly;
    if lost_area > LEAST_LOST_SHARE * area(&mesh) {
        surface.warnings.add(format!(
            "{crossing} faces cross themselves and are not drawn exactly; triangulate them in the program that made them"
        ));
    }
    if untextured > 0 {
        surface.warnings.add(format!(
            "{untextured} faces have a texture, but no texture coordinates; they are drawn in its mean colour"
        ));
    }
    mesh
}

/// How the material of a face differs from the file's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Look {
    material: u32,
    /// Mean colour of the face, in [`COLOR_LEVELS`].
    tint: Option<[u8; 3]>,
    is_textured: bool,
}

struct Assembly<'a> {
    surface: &'a Surface,
    shape: Shape,
    offset: [f64; 3],
    triangulator: Triangulator,
    /// Indices into the mesh's materials.
    looks: HashMap<Look, u32>,
    vertices: Vertices,
    mesh: Mesh,
    /// Faces that cross themselves, and the area that their fans cover beside them.
    crossing: usize,
    lost_area: f64,
    untextured: usize,
}

impl<'a> Assembly<'a> {
    fn new(surface: &'a Surface, shape: Shape, offset: [f64; 3]) -> Self {
        Self {
            surface,
            shape,
            offset,
            triangulator: Triangulator::new(),
            looks: HashMap::new(),
            vertices: Vertices::new(surface.points.len()),
            mesh: Mesh::default(),
            crossing: 0,
            lost_area: 0.0,
            untextured: 0,
        }
    }

    fn has_normals(&self, face: usize) -> bool {
        let normals = &self.surface.normals;
        let has = |corner: &Corner| normals.get(corner.normal as usize).is_some_and(|normal| *normal != [0.0; 3]);
        self.surface.corners_of(face).iter().all(has)
    }

    /// Adds faces of one part, of which all or none have normals.
    fn add_part(&mut self, faces: &[usize], have_normals: bool) {
        let (surface, mut points, mut triangles) = (self.surface, Vec::new(), Vec::new());
        for &face in faces {
            let material = self.material(face);
            let corners = surface.corners_of(face);
            points.clear();
            points.extend(corners.iter().map(|corner| surface.point(corner)));
            let numbers = self.vertices.numbers(surface, corners, have_normals);
            let take = |triangle: [usize; 3]| {
                triangles.push(Triangle { vertices: triangle.map(|corner| numbers[corner]), material });
            };
            match self.shape {
                Shape::Exact => {
                    let lost = self.triangulator.triangulate(&points, take);
                    self.crossing += usize::from(lost > 0.0);
                    self.lost_area += lost;
                }
                Shape::FurnitureV1 => fan(points.len(), take),
            }
        }
        let mut part = self.vertices.take(surface, self.offset);
        part.triangles = triangles;
        self.append(if have_normals { part } else { part.compute_normals(CREASE_DEG) });
    }

    fn append(&mut self, part: Mesh) {
        let first = self.mesh.positions.len() as u32;
        self.mesh.positions.extend(part.positions);
        self.mesh.normals.extend(part.normals);
        self.mesh.uvs.extend(part.uvs);
        let shifted = |t: Triangle| Triangle { vertices: t.vertices.map(|vertex| vertex + first), ..t };
        self.mesh.triangles.extend(part.triangles.into_iter().map(shifted));
    }

    /// Index of what a face is made of.
    fn material(&mut self, face: usize) -> u32 {
        let (surface, material) = (self.surface, self.surface.material_of(face));
        let corners = surface.corners_of(face);
        let known = surface.materials.get(material as usize);
        let wants_texture = known.is_some_and(|known| known.look.texture.is_some());
        let is_textured = wants_texture && (self.shape == Shape::FurnitureV1 || has_uvs(surface, face));
        self.untextured += usize::from(wants_texture && !is_textured);
        let look = Look { material, tint: tint(surface, corners), is_textured };
        *self
            .looks
            .entry(look)
            .or_insert_with(|| material_index(&mut self.mesh.materials, tinted(known.map(|known| &known.look), look)))
    }
}

/// The vertices of one part: corners with the same point, normal and texture coordinate are one.
struct Vertices {
    /// By point: its first vertex.
    first_at: Vec<u32>,
    /// By vertex: what it is made of, and the next one at the same point.
    made: Vec<(Corner, u32)>,
    /// Whether texture coordinates count.
    have_uvs: bool,
    /// Scratch.
    numbers: Vec<u32>,
}

impl Vertices {
    fn new(points: usize) -> Self {
        Self { first_at: vec![NONE; points], made: Vec::new(), have_uvs: true, numbers: Vec::new() }
    }

    /// The vertices of a face's corners.
    fn numbers(&mut self, surface: &Surface, corners: &[Corner], have_normals: bool) -> &[u32] {
        self.numbers.clear();
        for corner in corners {
            let normal = if have_normals { corner.normal } else { NONE };
            let uv = if self.have_uvs && valid_uv(surface, corner.uv).is_some() { corner.uv } else { NONE };
            let number = self.number(Corner { normal, uv, color: NONE, ..*corner });
            self.numbers.push(number);
        }
        &self.numbers
    }

    fn number(&mut self, corner: Corner) -> u32 {
        let first = self.first_at[corner.point as usize];
        let mut vertex = first;
        for _ in 0..MOST_COMPARED {
            let Some((known, next)) = self.made.get(vertex as usize) else { break };
            if *known == corner {
                return vertex;
            }
            vertex = *next;
        }
        let vertex = self.made.len() as u32;
        self.made.push((corner, first));
        self.first_at[corner.point as usize] = vertex;
        vertex
    }

    /// The vertices as a mesh without triangles; none are left here.
    fn take(&mut self, surface: &Surface, offset: [f64; 3]) -> Mesh {
        let mut mesh = Mesh::default();
        for (corner, _) in self.made.drain(..) {
            self.first_at[corner.point as usize] = NONE;
            let point = surface.point(&corner);
            mesh.positions.push(std::array::from_fn(|i| (point[i] - offset[i]) as f32));
            mesh.normals.push(surface.normals.get(corner.normal as usize).copied().unwrap_or([0.0, 0.0, 1.0]));
            mesh.uvs.push(valid_uv(surface, corner.uv).unwrap_or([0.0; 2]));
        }
        mesh
    }
}

fn has_uvs(surface: &Surface, face: usize) -> bool {
    surface.corners_of(face).iter().all(|corner| valid_uv(surface, corner.uv).is_some())
}

fn valid_uv(surface: &Surface, uv: u32) -> Option<[f32; 2]> {
    surface.uvs.get(uv as usize).copied().filter(|uv| uv.iter().all(|v| v.is_finite()))
}

/// The mean colour of a face, rounded; none without colours.
fn tint(surface: &Surface, corners: &[Corner]) -> Option<[u8; 3]> {
    let colors = || {
        let all = corners.iter().filter_map(|corner| surface.colors.get(corner.color as usize));
        all.filter(|color| color.iter().all(|v| v.is_finite()))
    };
    let count = colors().count();
    let mean = |channel: usize| {
        let sum: f32 = colors().map(|color| color[channel]).sum();
        (sum / count as f32 * COLOR_LEVELS).round().clamp(0.0, COLOR_LEVELS) as u8
    };
    (count > 0).then(|| [0, 1, 2].map(mean))
}

/// A material of the file, or the plain one, in the look of a face.
fn tinted(material: Option<&Material>, look: Look) -> Material {
    let mut made = material.cloned().unwrap_or_default();
    if let Some(tint) = look.tint {
        let tint = tint.map(|level| f32::from(level) / COLOR_LEVELS);
        made.color = if material.is_some() { product(made.color, tint) } else { tint };
    }
    if !look.is_textured
        && let Some(texture) = made.texture.take()
    {
        made.color = product(made.color, mean_color(&texture));
    }
    made
}

/// The product of two sRGB colours in linear light.
fn product(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|i| match (a[i], b[i]) {
        // Exactly what the file says.
        (1.0, other) | (other, 1.0) => other,
        (a, b) => srgb_from_linear(linear_from_srgb(a) * linear_from_srgb(b)).clamp(0.0, 1.0),
    })
}

fn area(mesh: &Mesh) -> f64 {
    let corners = mesh.triangles.iter().map(|t| t.vertices.map(|vertex| mesh.positions[vertex as usize]));
    corners.map(|[a, b, c]| f64::from(length(cross(sub(b, a), sub(c, a))) / 2.0)).sum()
}

fn mean_color(texture: &Texture) -> [f32; 3] {
    let texels = texture.rgb.as_chunks::<3>().0;
    [0, 1, 2].map(|channel| {
        let sum: u64 = texels.iter().map(|texel| u64::from(texel[channel])).sum();
        sum as f32 / (texels.len().max(1) as f32 * 255.0)
    })
}
