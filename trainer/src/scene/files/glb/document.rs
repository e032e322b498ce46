//! The JSON of a glTF 2.0 file, as far as a still picture of it needs.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A whole number, as an index or a count; JSON may write 36 as 36.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Whole(pub usize);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if number.fract() == 0.0 && (0.0..=9e15).contains(&number) {
            Ok(Self(number as usize))
        } else {
            Err(D::Error::custom(format!("{number} stands where an index or a count must be")))
        }
    }
}

/// The objects of extensions, by name.
pub type Extensions = Map<String, Value>;

/// An extension of an object; none when the object does not have it.
///
/// # Errors
/// When it is there, and not as its specification says.
pub fn extension<T: DeserializeOwned>(extensions: &Extensions, name: &str) -> Result<Option<T>, String> {
    let value = extensions.get(name).filter(|value| !value.is_null());
    value.map(|value| T::deserialize(value).map_err(|error| format!("{name}: {error}"))).transpose()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Document {
    pub extensions_required: Vec<String>,
    pub scene: Option<Whole>,
    pub scenes: Vec<Scene>,
    pub nodes: Vec<Node>,
    pub meshes: Vec<MeshItem>,
    pub skins: Vec<Skin>,
    pub materials: Vec<MaterialItem>,
    pub textures: Vec<TextureItem>,
    pub samplers: Vec<Sampler>,
    pub images: Vec<Image>,
    pub accessors: Vec<Accessor>,
    pub buffer_views: Vec<BufferView>,
    pub buffers: Vec<Buffer>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Scene {
    pub name: Option<String>,
    pub nodes: Vec<Whole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    pub name: Option<String>,
    pub mesh: Option<Whole>,
    pub skin: Option<Whole>,
    pub children: Vec<Whole>,
    /// Columns first.
    pub matrix: Option<[f64; 16]>,
    pub translation: Option<[f64; 3]>,
    /// Quaternion xyzw.
    pub rotation: Option<[f64; 4]>,
    pub scale: Option<[f64; 3]>,
    pub weights: Option<Vec<f64>>,
    pub extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MeshItem {
    pub name: Option<String>,
    pub primitives: Vec<Primitive>,
    pub weights: Option<Vec<f64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Primitive {
    pub attributes: BTreeMap<String, Whole>,
    pub indices: Option<Whole>,
    pub material: Option<Whole>,
    pub mode: Option<Whole>,
    pub targets: Vec<BTreeMap<String, Whole>>,
    pub extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Skin {
    pub joints: Vec<Whole>,
    pub inverse_bind_matrices: Option<Whole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MaterialItem {
    pub name: Option<String>,
    pub pbr_metallic_roughness: Option<MetallicRoughness>,
    pub emissive_factor: Option<[f64; 3]>,
    pub emissive_texture: Option<TextureInfo>,
    pub alpha_mode: Option<String>,
    pub alpha_cutoff: Option<f64>,
    pub extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MetallicRoughness {
    pub base_color_factor: Option<[f64; 4]>,
    pub base_color_texture: Option<TextureInfo>,
    pub metallic_factor: Option<f64>,
    pub roughness_factor: Option<f64>,
}

/// `KHR_materials_pbrSpecularGlossiness`, which older files have in place of metalness and roughness.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SpecularGlossiness {
    pub diffuse_factor: Option<[f64; 4]>,
    pub diffuse_texture: Option<TextureInfo>,
    pub specular_factor: Option<[f64; 3]>,
    pub glossiness_factor: Option<f64>,
}

/// `KHR_materials_transmission`: light that goes through.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Transmission {
    pub transmission_factor: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TextureInfo {
    pub index: Whole,
    pub tex_coord: Whole,
    pub extensions: Extensions,
}

/// `KHR_texture_transform`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TextureTransform {
    pub offset: Option<[f64; 2]>,
    pub rotation: f64,
    pub scale: Option<[f64; 2]>,
    pub tex_coord: Option<Whole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TextureItem {
    pub source: Option<Whole>,
    pub sampler: Option<Whole>,
    pub extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sampler {
    pub wrap_s: Option<Whole>,
    pub wrap_t: Option<Whole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Image {
    pub name: Option<String>,
    pub uri: Option<String>,
    pub buffer_view: Option<Whole>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Accessor {
    pub buffer_view: Option<Whole>,
    pub byte_offset: Whole,
    pub component_type: Whole,
    pub normalized: bool,
    pub count: Whole,
    #[serde(rename = "type")]
    pub shape: String,
    pub sparse: Option<Sparse>,
}

#[derive(Debug, Deserialize)]
pub struct Sparse {
    pub count: Whole,
    pub indices: SparseIndices,
    pub values: SparseValues,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SparseIndices {
    pub buffer_view: Whole,
    #[serde(default)]
    pub byte_offset: Whole,
    pub component_type: Whole,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SparseValues {
    pub buffer_view: Whole,
    #[serde(default)]
    pub byte_offset: Whole,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BufferView {
    pub buffer: Whole,
    pub byte_offset: Whole,
    pub byte_length: Whole,
    pub byte_stride: Option<Whole>,
    pub extensions: Extensions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Buffer {
    pub uri: Option<String>,
}
