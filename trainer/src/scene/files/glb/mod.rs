//! GLB and glTF 2.0: a document of nodes, meshes and materials, and buffers of numbers.

mod accessor;
mod affine;
mod container;
mod document;
mod extensions;
mod look;
mod morph;
mod pictures;
mod placement;
mod primitive;
mod resource;
mod skin;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use self::accessor::Data;
use self::affine::Affine;
use self::document::{Document, Node, Primitive, Whole, extension};
use self::look::{AlphaMode, Look, look};
use self::pictures::Pictures;
use self::placement::{Placement, no_such};
use self::primitive::{Part, Way, drawn_otherwise, instances, weights};
use self::skin::Pose;
use super::opacity::SeeThrough;
use super::surface::{Corner, NONE, Surface, SurfaceMaterial};
use super::{LoadedMesh, malformed};
use crate::scene::render::srgb_from_linear;
use crate::scene::{Material, SourceError};

/// The mesh in the bytes of a GLB or glTF 2.0 file, all nodes of its default scene put together with z up; `path` is
/// for messages and for files that it names.
///
/// Of materials, base colour, its texture and opacity, roughness and metalness are used, and vertex colours. Skins and
/// morph targets are drawn as the file poses them; animations are not. A texture that cannot be had becomes a warning,
/// and its material plain.
///
/// # Errors
/// When the bytes are not such a mesh, or hold compressed geometry.
pub fn load_glb(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    let broken = |reason: String| malformed(path, format!("broken glTF: {reason}"));
    let (document, binary) = container::open(bytes).map_err(broken)?;
    extensions::check_required(&document.extensions_required).map_err(|reason| malformed(path, reason))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let data = Data::new(&document, folder, binary);
    let placement = Placement::of(&document).map_err(broken)?;
    let mut builder = Builder {
        path,
        document: &document,
        data: &data,
        pictures: Pictures::new(&document, &data),
        materials: HashMap::new(),
        surface: Surface::new(path),
    };
    placement.warnings.iter().for_each(|warning| builder.surface.warnings.add(warning));
    for &node in &placement.shown {
        builder.add_node(node, &placement)?;
    }
    if !placement.shown.iter().any(|node| document.nodes[*node].mesh.is_some()) {
        return Err(malformed(path, "there is no triangle in it: no node of its scene has a mesh"));
    }
    builder.surface.into_loaded(SeeThrough::Drawn)
}

/// The attributes of `EXT_mesh_gpu_instancing`.
#[derive(serde::Deserialize)]
struct Instancing {
    attributes: BTreeMap<String, Whole>,
}

struct Builder<'a> {
    path: &'a Path,
    document: &'a Document,
    data: &'a Data<'a>,
    pictures: Pictures<'a>,
    /// Indices into the surface's materials, by material and whether there are vertex colours.
    materials: HashMap<(Option<Whole>, bool), u32>,
    surface: Surface,
}

impl Builder<'_> {
    fn broken(&self, reason: impl std::fmt::Display) -> SourceError {
        malformed(self.path, format!("broken glTF: {reason}"))
    }

    fn add_node(&mut self, index: usize, placement: &Placement) -> Result<(), SourceError> {
        let node = &self.document.nodes[index];
        let Some(Whole(mesh)) = node.mesh else { return Ok(()) };
        let meshes = &self.document.meshes;
        let mesh = meshes.get(mesh).ok_or_else(|| self.broken(no_such("a node", "mesh", mesh, meshes.len())))?;
        let pose = node
            .skin
            .map(|skin| Pose::of(self.document, self.data, &placement.scene_from_node, skin))
            .transpose()
            .map_err(|error| self.broken(error))?;
        let weights = weights(node.weights.as_ref(), mesh.weights.as_ref());
        for scene_from_mesh in self.copies(node, &placement.scene_from_node[index])? {
            for primitive in &mesh.primitives {
                let way = match &pose {
                    Some(pose) => Way::Skin { pose, node: scene_from_mesh },
                    None => Way::Node(scene_from_mesh),
                };
                self.add_primitive(primitive, weights, &way)?;
            }
        }
        Ok(())
    }

    /// Where a node's mesh is drawn: once, unless it has instances.
    fn copies(&self, node: &Node, scene_from_node: &Affine) -> Result<Vec<Affine>, SourceError> {
        let instancing = extension::<Instancing>(&node.extensions, "EXT_mesh_gpu_instancing");
        let Some(Instancing { attributes }) = instancing.map_err(|error| self.broken(error))? else {
            return Ok(vec![*scene_from_node]);
        };
        let instances = instances(&attributes, self.data).map_err(|error| self.broken(error))?;
        Ok(instances.iter().map(|instance| scene_from_node.after(instance)).collect())
    }

    fn add_primitive(&mut self, primitive: &Primitive, weights: &[f64], way: &Way) -> Result<(), SourceError> {
        if let Some(what) = drawn_otherwise(primitive).map_err(|error| self.broken(error))? {
            self.surface.warnings.add(format!("its {what} are not drawn, only triangles are"));
            return Ok(());
        }
        let look = look(self.document, primitive.material).map_err(|error| self.broken(error))?;
        let part = primitive::read(primitive, weights, &look.uv, way, self.data);
        let part = part.map_err(|error| self.broken(error))?;
        part.warnings.iter().for_each(|warning| self.surface.warnings.add(warning));
        self.warn_of_wrapping(&look, &part);
        let material = self.material(primitive.material, &look, part.colors.is_some());
        self.append(&part, &look, material)
    }

    fn append(&mut self, part: &Part, look: &Look, material: u32) -> Result<(), SourceError> {
        let surface = &mut self.surface;
        let (point, normal) = (surface.points.len() as u32, surface.normals.len() as u32);
        let (uv, color) = (surface.uvs.len() as u32, surface.colors.len() as u32);
        surface.begin_part();
        surface.points.extend(&part.positions);
        surface.normals.extend(part.normals.iter().flatten().map(|normal| unit_vector(*normal)));
        surface.uvs.extend(part.uvs.iter().flatten().map(|uv| uv.map(|v| v as f32)));
        surface.colors.extend(part.colors.iter().flatten().map(|color| color_of(*color, look)));
        let shifted = |first: u32, vertex: u32, is_there: bool| if is_there { first + vertex } else { NONE };
        for triangle in &part.triangles {
            let corners = triangle.map(|vertex| Corner {
                point: point + vertex,
                normal: shifted(normal, vertex, part.normals.is_some()),
                uv: shifted(uv, vertex, part.uvs.is_some()),
                color: shifted(color, vertex, part.colors.is_some()),
            });
            surface.add_face(&corners, material)?;
        }
        Ok(())
    }

    /// Index of a primitive's material in the surface.
    fn material(&mut self, material: Option<Whole>, look: &Look, has_colors: bool) -> u32 {
        if let Some(known) = self.materials.get(&(material, has_colors)) {
            return *known;
        }
        look.warnings.iter().for_each(|warning| self.surface.warnings.add(warning));
        let texture = look.texture.and_then(|texture| self.pictures.texture(texture, look, &mut self.surface.warnings));
        let [red, green, blue, alpha] = look.base.map(|value| value.clamp(0.0, 1.0) as f32);
        // Without a material, vertex colours are all there is.
        let color = if material.is_none() && has_colors { [1.0; 3] } else { [red, green, blue].map(srgb) };
        let made = Material { color, specular: look.specular, shininess: look.shininess, texture };
        let opacity = opacity(f64::from(alpha), look.alpha_mode);
        self.surface.materials.push(SurfaceMaterial { name: look.name.clone(), look: made, opacity });
        let index = self.surface.materials.len() as u32 - 1;
        self.materials.insert((material, has_colors), index);
        index
    }

    /// The renderer repeats every texture.
    fn warn_of_wrapping(&mut self, look: &Look, part: &Part) {
        let (Some(texture), Some(uvs)) = (look.texture, &part.uvs) else { return };
        let repeats = self.pictures.repeats(texture);
        let leaves = |axis: usize| uvs.iter().any(|uv| !(-0.02..=1.02).contains(&uv[axis]));
        if (0..2).any(|axis| !repeats[axis] && leaves(axis)) {
            self.surface.warnings.add(format!(
                "the texture of material {} is repeated, where the file wants its edge or its mirror image",
                look.name
            ));
        }
    }
}

fn opacity(alpha: f64, mode: AlphaMode) -> f32 {
    match mode {
        AlphaMode::Opaque => 1.0,
        AlphaMode::Mask(cutoff) => f32::from(u8::from(alpha >= cutoff)),
        AlphaMode::Blend => alpha as f32,
    }
}

/// A vertex colour of a file, in linear light, as sRGB with the opacity that it means.
fn color_of([red, green, blue, alpha]: [f64; 4], look: &Look) -> [f32; 4] {
    let [red, green, blue] = [red, green, blue].map(|v| srgb(v.clamp(0.0, 1.0) as f32));
    let opacity = match look.alpha_mode {
        // Vertices are hidden by the product.
        AlphaMode::Mask(cutoff) => opacity(alpha.clamp(0.0, 1.0) * look.base[3], AlphaMode::Mask(cutoff)),
        mode => opacity(alpha.clamp(0.0, 1.0), mode),
    };
    [red, green, blue, opacity]
}

/// Exact at both ends: full brightness changes nothing that it multiplies.
fn srgb(linear: f32) -> f32 {
    if linear >= 1.0 { 1.0 } else { srgb_from_linear(linear).clamp(0.0, 1.0) }
}

fn unit_vector(vector: [f64; 3]) -> [f32; 3] {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length > 0.0 && length.is_finite() { vector.map(|v| (v / length) as f32) } else { [0.0; 3] }
}
