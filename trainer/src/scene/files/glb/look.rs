//! What primitives look like: base colour, its picture, and opacity.

use super::document::{
    Document, MaterialItem, SpecularGlossiness, TextureInfo, TextureTransform, Transmission, Whole, extension,
};
use super::placement::no_such;

/// Where texture coordinates come from.
#[derive(Clone, Debug, PartialEq)]
pub enum UvSource {
    /// There is no picture.
    None,
    /// `TEXCOORD_n`, moved by `KHR_texture_transform`.
    Channel {
        /// The n.
        channel: usize,
        /// Takes `[u, v, 1]` to u and v, both counted from the upper left corner.
        map: [[f64; 3]; 2],
    },
}

impl UvSource {
    /// A coordinate of the file as the renderer counts it: from the lower left corner.
    pub fn transformed(&self, [u, v]: [f64; 2]) -> [f64; 2] {
        let Self::Channel { map, .. } = self else { return [0.0; 2] };
        let [u, v] = map.map(|row| row[0] * u + row[1] * v + row[2]);
        [u, 1.0 - v]
    }

    fn of(info: &TextureInfo) -> Result<Self, String> {
        let transform: Option<TextureTransform> = extension(&info.extensions, "KHR_texture_transform")?;
        let transform = transform.unwrap_or_default();
        let channel = transform.tex_coord.unwrap_or(info.tex_coord).0;
        let ([sx, sy], [ox, oy]) = (transform.scale.unwrap_or([1.0; 2]), transform.offset.unwrap_or_default());
        let (sin, cos) = transform.rotation.sin_cos();
        // Counter-clockwise, where v counts downwards.
        Ok(Self::Channel { channel, map: [[cos * sx, sin * sy, ox], [-sin * sx, cos * sy, oy]] })
    }
}

/// How opacity is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlphaMode {
    /// It is not.
    Opaque,
    /// Shown where it is at least this.
    Mask(f64),
    /// Mixed with what lies behind.
    Blend,
}

/// What of a material is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// For messages.
    pub name: String,
    /// Linear red, green, blue, and opacity.
    pub base: [f64; 4],
    pub alpha_mode: AlphaMode,
    /// Strength and exponent of the highlight.
    pub specular: f32,
    pub shininess: f32,
    /// Index of the texture of the base colour.
    pub texture: Option<usize>,
    pub uv: UvSource,
    /// What of it is not drawn.
    pub warnings: Vec<String>,
}

/// The look of a primitive's material, or of none.
///
/// # Errors
/// When the material is not there, or an extension is broken.
pub fn look(document: &Document, material: Option<Whole>) -> Result<Look, String> {
    let materials = &document.materials;
    let Some(Whole(index)) = material else { return Ok(plain()) };
    let item = materials.get(index).ok_or_else(|| no_such("a primitive", "material", index, materials.len()))?;
    let name = item.name.as_ref().filter(|name| !name.is_empty());
    let name = name.map_or_else(|| index.to_string(), |name| format!("`{}`", name.escape_debug()));
    let look = match extension::<SpecularGlossiness>(&item.extensions, "KHR_materials_pbrSpecularGlossiness")? {
        Some(older) => of_specular_glossiness(&older)?,
        None => of_metallic_roughness(item)?,
    };
    with_extensions(Look { name, alpha_mode: alpha_mode(item), ..look }, item)
}

/// glTF has no look for primitives without a material but its defaults, white metal: they are drawn as other files
/// without a material are.
fn plain() -> Look {
    let crate::scene::Material { color, specular, shininess, .. } = crate::scene::Material::default();
    let [red, green, blue] = color.map(|value| f64::from(crate::scene::render::linear_from_srgb(value)));
    Look {
        name: "none".into(),
        base: [red, green, blue, 1.0],
        alpha_mode: AlphaMode::Opaque,
        specular,
        shininess,
        texture: None,
        uv: UvSource::None,
        warnings: Vec::new(),
    }
}

fn of_metallic_roughness(item: &MaterialItem) -> Result<Look, String> {
    let default = Default::default();
    let pbr = item.pbr_metallic_roughness.as_ref().unwrap_or(&default);
    let roughness = unit(pbr.roughness_factor.unwrap_or(1.0));
    let metalness = unit(pbr.metallic_factor.unwrap_or(1.0));
    let look = Look {
        base: pbr.base_color_factor.unwrap_or([1.0; 4]),
        specular: (0.1 + 0.4 * metalness * (1.0 - roughness)) as f32,
        ..plain()
    };
    with_picture(Look { shininess: shininess(roughness), ..look }, pbr.base_color_texture.as_ref())
}

fn of_specular_glossiness(older: &SpecularGlossiness) -> Result<Look, String> {
    let roughness = 1.0 - unit(older.glossiness_factor.unwrap_or(1.0));
    let [red, green, blue] = older.specular_factor.unwrap_or([1.0; 3]);
    let strength = unit((red + green + blue) / 3.0);
    let look = Look {
        base: older.diffuse_factor.unwrap_or([1.0; 4]),
        specular: (0.1 + 0.4 * strength * (1.0 - roughness)) as f32,
        shininess: shininess(roughness),
        ..plain()
    };
    with_picture(look, older.diffuse_texture.as_ref())
}

fn with_picture(look: Look, info: Option<&TextureInfo>) -> Result<Look, String> {
    let Some(info) = info else { return Ok(look) };
    Ok(Look { texture: Some(info.index.0), uv: UvSource::of(info)?, ..look })
}

/// Exponent of a Blinn-Phong lobe as wide as the microfacets of a roughness (Walter et al. 2007).
fn shininess(roughness: f64) -> f32 {
    (2.0 / roughness.max(0.05).powi(4) - 2.0).clamp(1.0, 1000.0) as f32
}

fn alpha_mode(item: &MaterialItem) -> AlphaMode {
    match item.alpha_mode.as_deref() {
        Some("BLEND") => AlphaMode::Blend,
        Some("MASK") => AlphaMode::Mask(item.alpha_cutoff.unwrap_or(0.5)),
        _ => AlphaMode::Opaque,
    }
}

/// The look with what extensions and light of its own change.
fn with_extensions(mut look: Look, item: &MaterialItem) -> Result<Look, String> {
    if item.extensions.contains_key("KHR_materials_unlit") {
        look.specular = 0.0;
    }
    if let Some(transmission) = extension::<Transmission>(&item.extensions, "KHR_materials_transmission")?
        && transmission.transmission_factor > 0.0
    {
        // What light goes through is seen through, as if it were mixed.
        let opacity = if look.alpha_mode == AlphaMode::Blend { look.base[3] } else { 1.0 };
        look.base[3] = opacity * (1.0 - unit(transmission.transmission_factor));
        look.alpha_mode = AlphaMode::Blend;
    }
    let glows = item.emissive_factor.is_some_and(|factor| factor.iter().any(|value| *value > 0.0));
    if glows {
        let what = if item.emissive_texture.is_some() { "an emissive texture" } else { "an emissive colour" };
        look.warnings.push(format!("material {} has {what}, which is not drawn", look.name));
    }
    Ok(look)
}

/// Into [0, 1].
fn unit(value: f64) -> f64 {
    value.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texture_transforms_follow_the_examples_of_their_specification() {
        let info = |json| serde_json::from_value::<TextureInfo>(json).expect("a texture");
        // The lower left quadrant, turned clockwise by a right angle.
        let quadrant = info(serde_json::json!({"index": 0, "extensions": {"KHR_texture_transform":
            {"offset": [0, 1], "rotation": std::f64::consts::FRAC_PI_2, "scale": [0.5, 0.5], "texCoord": 1}}}));
        let UvSource::Channel { channel, .. } = UvSource::of(&quadrant).expect("right") else { panic!("a channel") };
        assert_eq!(channel, 1);
        for (uv, expected) in [([0.0, 0.0], [0.0, 0.0]), ([1.0, 0.0], [0.0, 0.5]), ([0.0, 1.0], [0.5, 0.0])] {
            let got = UvSource::of(&quadrant).expect("right").transformed(uv);
            assert!((0..2).all(|i| (got[i] - expected[i]).abs() < 1e-9), "{uv:?}: {got:?}, not {expected:?}");
        }
        let plain = info(serde_json::json!({"index": 0.0, "texCoord": 2}));
        assert_eq!(UvSource::of(&plain).expect("right").transformed([0.25, 0.25]), [0.25, 0.75]);
    }
}
