use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use gltf::accessor::{DataType, Dimensions};
use gltf::mesh::Mode;
use gltf::{Accessor, Gltf, Semantic, buffer, image::Format};

use super::caught::caught;
use super::texture::shrunk_from_rgb;
use super::{CREASE_DEG, LoadedMesh, check_triangle_count, checked, malformed};
use crate::scene::mesh_edit::material_index;
use crate::scene::render::srgb_from_linear;
use crate::scene::vector::normalized;
use crate::scene::{Material, Mesh, SourceError, Texture, Triangle};

/// Nodes within nodes beyond which a file is taken for broken.
const DEEPEST_NODE: usize = 64;

/// A node's transformation, columns first as in the file.
type Matrix4 = [[f32; 4]; 4];

const IDENTITY: Matrix4 = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]];

/// The mesh in the bytes of a GLB or glTF 2.0 file, all nodes of its default scene put together with z up; `path` is
/// for messages and for files that it names.
///
/// Of materials, base colour, its texture, roughness and metalness are used. A texture that cannot be had becomes a
/// warning, and its material plain.
///
/// # Errors
/// When the bytes are not such a mesh, or hold sparse or compressed geometry.
pub fn load_glb(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    // The parser takes some things for granted; broken files must not end the program.
    caught(|| parsed(path, bytes))
        .unwrap_or_else(|| Err(malformed(path, "broken glTF: something that must be there is missing")))
}

fn parsed(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    let broken = |reason: String| malformed(path, format!("broken glTF: {reason}"));
    let Gltf { document, blob } = Gltf::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let buffers = gltf::import_buffers(&document, Some(folder), blob).map_err(|error| broken(error.to_string()))?;
    let mut builder = Builder {
        path,
        folder,
        document: &document,
        buffers,
        textures: HashMap::new(),
        warnings: Vec::new(),
        mesh: Mesh::default(),
    };
    let scene = document.default_scene().or_else(|| document.scenes().next());
    let roots: Vec<gltf::Node> = match scene {
        Some(scene) => scene.nodes().collect(),
        None => document.nodes().collect(),
    };
    for node in roots {
        builder.add_node(&node, &IDENTITY, 0)?;
    }
    // glTF has y up.
    checked(path, builder.mesh.y_up_to_z_up(), builder.warnings)
}

struct Builder<'a> {
    path: &'a Path,
    folder: &'a Path,
    document: &'a gltf::Document,
    buffers: Vec<buffer::Data>,
    /// By index of the image; none for those that cannot be had.
    textures: HashMap<usize, Option<Arc<Texture>>>,
    warnings: Vec<String>,
    mesh: Mesh,
}

impl Builder<'_> {
    fn broken(&self, reason: impl std::fmt::Display) -> SourceError {
        malformed(self.path, format!("broken glTF: {reason}"))
    }

    fn add_node(&mut self, node: &gltf::Node, parent: &Matrix4, depth: usize) -> Result<(), SourceError> {
        if depth > DEEPEST_NODE {
            return Err(self.broken(format!("nodes are nested more than {DEEPEST_NODE} deep")));
        }
        let to_scene = product(parent, &node.transform().matrix());
        for primitive in node.mesh().iter().flat_map(gltf::Mesh::primitives) {
            if matches!(primitive.mode(), Mode::Triangles | Mode::TriangleStrip | Mode::TriangleFan) {
                let part = self.primitive(&primitive)?;
                let [x, y, z, [tx, ty, tz, _]] = to_scene;
                let linear = [0, 1, 2].map(|row| [x[row], y[row], z[row]]);
                self.mesh.merge(part.transformed(&linear, [tx, ty, tz]));
                check_triangle_count(self.path, self.mesh.triangles.len())?;
            }
        }
        node.children().try_for_each(|child| self.add_node(&child, &to_scene, depth + 1))
    }

    fn primitive(&mut self, primitive: &gltf::Primitive) -> Result<Mesh, SourceError> {
        let positions =
            primitive.get(&Semantic::Positions).ok_or_else(|| self.broken("a primitive has no positions"))?;
        let positions = self.numbers::<3>(&positions)?;
        let count = positions.len();
        let mut mesh = Mesh { positions, ..Mesh::default() };
        let normals = primitive.get(&Semantic::Normals).map(|accessor| self.numbers::<3>(&accessor)).transpose()?;
        let normals: Option<Vec<_>> = normals.and_then(|all| all.into_iter().map(normalized).collect());
        let normals = normals.filter(|normals| normals.len() == count);
        let has_normals = normals.is_some();
        mesh.normals = normals.unwrap_or_else(|| vec![[0.0, 0.0, 1.0]; count]);
        let material = primitive.material();
        let channel = material.pbr_metallic_roughness().base_color_texture().map_or(0, |info| info.tex_coord());
        let uvs =
            primitive.get(&Semantic::TexCoords(channel)).map(|accessor| self.numbers::<2>(&accessor)).transpose()?;
        // glTF counts from the upper edge.
        let uvs: Option<Vec<_>> = uvs.map(|uvs| uvs.into_iter().map(|[u, v]| [u, 1.0 - v]).collect());
        mesh.uvs = uvs.filter(|uvs| uvs.len() == count).unwrap_or_else(|| vec![[0.0; 2]; count]);
        let material = self.material(&material);
        material_index(&mut mesh.materials, material);
        let indices = match primitive.indices() {
            Some(accessor) => self.indices(&accessor)?,
            None => (0..count as u32).collect(),
        };
        mesh.triangles = triangles(&indices, primitive.mode());
        // Before the next step, which follows the indices.
        mesh.validate().map_err(|error| self.broken(error))?;
        Ok(if has_normals { mesh } else { mesh.compute_normals(CREASE_DEG) })
    }

    /// The bytes of each item of an accessor.
    fn items(&self, accessor: &Accessor) -> Result<Vec<&[u8]>, SourceError> {
        if accessor.sparse().is_some() {
            return Err(self.broken("sparse accessors are not supported; export the mesh without them"));
        }
        let view = accessor
            .view()
            .ok_or_else(|| self.broken("an accessor has no data; export the mesh without compression"))?;
        let (count, item) = (accessor.count(), accessor.size());
        let stride = view.stride().unwrap_or(item);
        let buffer = self.buffers.get(view.buffer().index()).map_or(&[][..], |data| &data.0[..]);
        let end = view.offset().checked_add(view.length());
        let bytes = end.and_then(|end| buffer.get(view.offset()..end)).and_then(|view| view.get(accessor.offset()..));
        let bytes = bytes.ok_or_else(|| self.broken("an accessor lies outside of its buffer"))?;
        let needed = count.saturating_sub(1).checked_mul(stride).and_then(|bytes| bytes.checked_add(item));
        if count == 0 || stride < item || needed.is_none_or(|needed| needed > bytes.len()) {
            return Err(self.broken("an accessor reaches beyond its data"));
        }
        Ok((0..count).map(|index| &bytes[index * stride..index * stride + item]).collect())
    }

    /// Vectors of `N` numbers; integers are normalised.
    fn numbers<const N: usize>(&self, accessor: &Accessor) -> Result<Vec<[f32; N]>, SourceError> {
        let fits = matches!((accessor.dimensions(), N), (Dimensions::Vec2, 2) | (Dimensions::Vec3, 3));
        if !fits {
            return Err(self.broken("positions, normals or texture coordinates have the wrong dimension"));
        }
        let kind = accessor.data_type();
        let size = accessor.size() / N;
        let items = self.items(accessor)?;
        Ok(items
            .into_iter()
            .map(|item| std::array::from_fn(|i| number(kind, &item[i * size..(i + 1) * size])))
            .collect())
    }

    fn indices(&self, accessor: &Accessor) -> Result<Vec<u32>, SourceError> {
        if accessor.dimensions() != Dimensions::Scalar {
            return Err(self.broken("indices are not single numbers"));
        }
        let index = |item: &[u8]| match *item {
            [a] => u32::from(a),
            [a, b] => u32::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            _ => u32::MAX,
        };
        Ok(self.items(accessor)?.into_iter().map(index).collect())
    }

    fn material(&mut self, material: &gltf::Material) -> Material {
        let pbr = material.pbr_metallic_roughness();
        let unit = |value: f32| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.5 };
        let [red, green, blue, _] = pbr.base_color_factor();
        let roughness = unit(pbr.roughness_factor()).max(0.05);
        Material {
            color: [red, green, blue].map(|linear| unit(srgb_from_linear(unit(linear)))),
            specular: 0.1 + 0.4 * unit(pbr.metallic_factor()) * (1.0 - roughness),
            // Of a Blinn-Phong lobe as wide as the microfacets of that roughness (Walter et al. 2007).
            shininess: (2.0 / roughness.powi(4) - 2.0).clamp(1.0, 1000.0),
            texture: pbr.base_color_texture().and_then(|info| self.texture(info.texture().source().index())),
        }
    }

    fn texture(&mut self, image: usize) -> Option<Arc<Texture>> {
        if let Some(known) = self.textures.get(&image) {
            return known.clone();
        }
        let texture = match self.decode(image) {
            Ok(texture) => Some(Arc::new(texture)),
            Err(error) => {
                self.warnings.push(format!("{}: texture {image}: {error}", self.path.display()));
                None
            }
        };
        self.textures.insert(image, texture.clone());
        texture
    }

    fn decode(&self, image: usize) -> Result<Texture, String> {
        // Not through `gltf::Image::source`, which wants a media type.
        let image = self.document.as_json().images.get(image).ok_or("there is no such image")?;
        if let Some(view) = &image.buffer_view {
            let view = self.document.views().nth(view.value()).ok_or("there is no such view")?;
            let buffer = self.buffers.get(view.buffer().index()).map_or(&[][..], |data| &data.0[..]);
            let end = view.offset().checked_add(view.length());
            let bytes = end.and_then(|end| buffer.get(view.offset()..end)).ok_or("it lies outside of its buffer")?;
            return super::decode_texture(bytes);
        }
        let uri = image.uri.as_deref().ok_or("it has neither a view nor an address")?;
        let mime_type = image.mime_type.as_ref().map(|mime_type| mime_type.0.as_str());
        let source = gltf::image::Source::Uri { uri, mime_type };
        let data = gltf::image::Data::from_source(source, Some(self.folder), &self.buffers)
            .map_err(|error| error.to_string())?;
        shrunk_from_rgb(data.width, data.height, rgb_of(data.format, &data.pixels))
    }
}

/// Red, green and blue bytes of pixels in one of the importer's formats.
fn rgb_of(format: Format, pixels: &[u8]) -> Vec<u8> {
    let wide = |size: usize, channels: [usize; 3]| {
        pixels.chunks_exact(size).flat_map(|pixel| channels.map(|channel| pixel[channel])).collect()
    };
    match format {
        Format::R8 => wide(1, [0; 3]),
        Format::R8G8 => wide(2, [0; 3]),
        Format::R8G8B8 => pixels.to_vec(),
        Format::R8G8B8A8 => wide(4, [0, 1, 2]),
        // The upper byte of little-endian 16-bit channels.
        Format::R16 => wide(2, [1; 3]),
        Format::R16G16 => wide(4, [1; 3]),
        Format::R16G16B16 => wide(6, [1, 3, 5]),
        Format::R16G16B16A16 => wide(8, [1, 3, 5]),
        Format::R32G32B32FLOAT | Format::R32G32B32A32FLOAT => Vec::new(),
    }
}

fn number(kind: DataType, bytes: &[u8]) -> f32 {
    match (kind, bytes) {
        (DataType::F32, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
        (DataType::U8, [a]) => f32::from(*a) / 255.0,
        (DataType::I8, [a]) => f32::from(a.cast_signed()) / 127.0,
        (DataType::U16, [a, b]) => f32::from(u16::from_le_bytes([*a, *b])) / 65_535.0,
        (DataType::I16, [a, b]) => f32::from(i16::from_le_bytes([*a, *b])) / 32_767.0,
        // Refused by the mesh's validation.
        _ => f32::NAN,
    }
}

fn triangles(indices: &[u32], mode: Mode) -> Vec<Triangle> {
    let corners: Vec<[u32; 3]> = match mode {
        Mode::TriangleStrip => {
            let strip = indices.windows(3).zip(0..);
            strip.map(|(w, k): (_, usize)| if k % 2 == 0 { [w[0], w[1], w[2]] } else { [w[1], w[0], w[2]] }).collect()
        }
        Mode::TriangleFan => indices.windows(2).skip(1).map(|pair| [indices[0], pair[0], pair[1]]).collect(),
        _ => indices.as_chunks().0.to_vec(),
    };
    corners.into_iter().map(|vertices| Triangle { vertices, material: 0 }).collect()
}

/// `left * right`, both columns first.
fn product(left: &Matrix4, right: &Matrix4) -> Matrix4 {
    right.map(|column| std::array::from_fn(|row| (0..4).map(|k| left[k][row] * column[k]).sum()))
}
