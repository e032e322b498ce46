//! The light that a point of a mesh sends to the camera.

use super::color::linear_from_srgb;
use super::light::{Lighting, ShadowMaps};
use super::texture::{Codec, MipCache, MippedTexture};
use super::view::Rays;
use crate::scene::vector::{Vector3, add, cross, dot, normalized, scaled, sub};
use crate::scene::{Material, Mesh};

/// A material made ready for shading.
#[derive(Clone, Debug)]
pub struct Surface {
    albedo: Vector3,
    texture: Option<MippedTexture>,
    specular: f32,
    shininess: f32,
}

impl Surface {
    pub fn new(material: &Material, mips: &MipCache, codec: &Codec) -> Self {
        Self {
            albedo: material.color.map(linear_from_srgb),
            texture: material.texture.as_ref().and_then(|texture| mips.mipped(texture, codec)),
            specular: material.specular,
            shininess: material.shininess,
        }
    }
}

/// All that shading needs of one frame; everything is in object coordinates.
pub struct Shading<'a> {
    pub mesh: &'a Mesh,
    pub surfaces: &'a [Surface],
    pub rays: &'a Rays,
    pub lighting: &'a Lighting,
    pub maps: Option<&'a ShadowMaps>,
    pub codec: &'a Codec,
}

/// Where a ray meets a triangle.
struct Hit {
    /// Weights of the corners.
    weights: Vector3,
    /// Normal of the plane, twice the triangle's area long.
    plane_normal: Vector3,
    /// Advance along the ray.
    depth: f32,
}

impl Shading<'_> {
    /// Whether two triangles of a pixel are shaded as one. At a hard edge or a seam of the texture they have no vertex
    /// in common, since a vertex has one normal and one texture coordinate.
    pub fn are_one_surface(&self, a: u32, b: u32) -> bool {
        self.mesh.triangles[a as usize].continues_in(&self.mesh.triangles[b as usize])
    }

    /// Radiance from the triangle around a place of the picture, linear; `samples` is how many it stands for.
    pub fn radiance(&self, triangle: u32, column: f32, row: f32, samples: f32) -> Vector3 {
        let triangle = self.mesh.triangles[triangle as usize];
        let corners = triangle.vertices.map(|vertex| self.mesh.positions[vertex as usize]);
        let ray = self.rays.through(column, row);
        let hit = intersect(self.rays.eye, ray, corners);
        let point = add(self.rays.eye, scaled(ray, hit.depth));
        let normal = self.normal(triangle.vertices, &hit, ray);
        let surface = &self.surfaces[triangle.material as usize];
        let albedo = self.albedo(surface, triangle.vertices, &hit, ray, samples);
        let received = self.lighting.received(point, normal, self.maps);
        let matt: Vector3 =
            std::array::from_fn(|i| albedo[i] * (received.sun + received.spot[i] + received.ambient[i]));
        if surface.specular <= 0.0 {
            return matt;
        }
        let to_eye = unit(scaled(ray, -1.0));
        let highlight = |to_light| highlight(normal, to_light, to_eye, surface.shininess);
        let sun = if received.sun > 0.0 { received.sun * highlight(self.lighting.to_sun()) } else { 0.0 };
        let spot = if received.spot != [0.0; 3] { highlight(unit(self.lighting.to_spot(point))) } else { 0.0 };
        std::array::from_fn(|i| matt[i] + surface.specular * (sun + received.spot[i] * spot))
    }

    /// The interpolated unit normal on the side of the viewer.
    fn normal(&self, vertices: [u32; 3], hit: &Hit, ray: Vector3) -> Vector3 {
        let [a, b, c] = vertices.map(|vertex| self.mesh.normals[vertex as usize]);
        let mixed = std::array::from_fn(|i| a[i] * hit.weights[0] + b[i] * hit.weights[1] + c[i] * hit.weights[2]);
        let normal = normalized(mixed).or_else(|| normalized(hit.plane_normal)).unwrap_or([0.0, 0.0, 1.0]);
        let seen_from_behind = dot(normal, hit.plane_normal) * dot(hit.plane_normal, ray) > 0.0;
        if seen_from_behind { scaled(normal, -1.0) } else { normal }
    }

    fn albedo(&self, surface: &Surface, vertices: [u32; 3], hit: &Hit, ray: Vector3, samples: f32) -> Vector3 {
        let Some(texture) = &surface.texture else { return surface.albedo };
        let [a, b, c] = vertices.map(|vertex| self.mesh.uvs[vertex as usize]);
        let uv = std::array::from_fn(|i| a[i] * hit.weights[0] + b[i] * hit.weights[1] + c[i] * hit.weights[2]);
        let uv_area = ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
        // An area dA at depth z, met under a ray d of unit advance, covers focal² |n.d| dA / z² of the picture.
        let covered = dot(hit.plane_normal, ray).abs() * self.rays.focal * self.rays.focal;
        let texels_per_sample = uv_area * texture.texels() * hit.depth * hit.depth / covered.max(1e-12);
        let texel = texture.sample(uv, texels_per_sample * samples, self.codec);
        std::array::from_fn(|i| surface.albedo[i] * texel[i])
    }
}

/// Möller and Trumbore 1997, for a ray that is known to meet the triangle (weights are kept within it).
fn intersect(eye: Vector3, ray: Vector3, [a, b, c]: [Vector3; 3]) -> Hit {
    let (side_b, side_c, from_a) = (sub(b, a), sub(c, a), sub(eye, a));
    let across = cross(ray, side_c);
    let volume = dot(side_b, across);
    let inverse = if volume.abs() > 1e-20 { 1.0 / volume } else { 0.0 };
    let around = cross(from_a, side_b);
    let weight_b = (dot(from_a, across) * inverse).clamp(0.0, 1.0);
    let weight_c = (dot(ray, around) * inverse).clamp(0.0, 1.0 - weight_b);
    Hit {
        weights: [1.0 - weight_b - weight_c, weight_b, weight_c],
        plane_normal: cross(side_b, side_c),
        depth: dot(side_c, around) * inverse,
    }
}

/// Normalised Blinn-Phong lobe with Schlick's rational power (1994), relative to a white matt surface.
fn highlight(normal: Vector3, to_light: Vector3, to_eye: Vector3, shininess: f32) -> f32 {
    let cos = dot(normal, unit(add(to_light, to_eye))).max(0.0);
    cos / (shininess - shininess * cos + cos).max(1e-6) * (shininess + 8.0) / 8.0
}

fn unit(vector: Vector3) -> Vector3 {
    scaled(vector, 1.0 / dot(vector, vector).sqrt().max(1e-20))
}
