//! What the properties of vertices and faces mean, in the spellings that programs write.

use super::header::Element;
use super::values::Scalar;

/// Red, green and blue, with names of their opacity.
const COLORS: [([&str; 3], [&str; 2]); 4] = [
    (["red", "green", "blue"], ["alpha", "opacity"]),
    (["diffuse_red", "diffuse_green", "diffuse_blue"], ["diffuse_alpha", "alpha"]),
    (["r", "g", "b"], ["a", "alpha"]),
    (["vertex_red", "vertex_green", "vertex_blue"], ["vertex_alpha", "alpha"]),
];
/// Texture coordinates of vertices.
const UVS: [[&str; 2]; 6] = [
    ["texture_u", "texture_v"],
    ["s", "t"],
    ["u", "v"],
    ["texcoord_u", "texcoord_v"],
    ["texture_s", "texture_t"],
    ["tex_u", "tex_v"],
];
/// Names with one of these are likely to be colours or textures.
const TELLING: [&str; 12] =
    ["red", "green", "blue", "color", "colour", "rgb", "alpha", "intensity", "gray", "grey", "tex", "material"];

/// Places of the properties of a colour.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorColumns {
    /// Red, green, blue.
    pub channels: [usize; 3],
    pub alpha: Option<usize>,
    /// What stands for full brightness and opacity, where the type of the numbers says so.
    full: [Option<f64>; 2],
}

impl ColorColumns {
    /// The colours of an element; none when it has none in a known spelling.
    pub fn of(element: &Element) -> Option<Self> {
        COLORS.iter().find_map(|(names, alphas)| {
            let [Some(red), Some(green), Some(blue)] = names.map(|name| element.scalar(name)) else { return None };
            let alpha = alphas.iter().find_map(|name| element.scalar(name));
            let full = [Some(red), alpha].map(|column| full_scale(element.properties[column?].value));
            Some(Self { channels: [red, green, blue], alpha, full })
        })
    }

    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.channels.into_iter().chain(self.alpha)
    }

    /// sRGB and opacity in [0, 1] of the numbers in a file.
    pub fn scaled(&self, raw: &[[f64; 4]]) -> Vec<[f32; 4]> {
        let largest = |channels: &[usize]| {
            raw.iter()
                .flat_map(|color| channels.iter().map(|c| color[*c]))
                .filter(|v| v.is_finite())
                .fold(0.0, f64::max)
        };
        // Programs write floats up to 1 and up to 255.
        let guessed = |largest: f64| if largest > 1.5 { 255.0 } else { 1.0 };
        let color = self.full[0].unwrap_or_else(|| guessed(largest(&[0, 1, 2])));
        let alpha = self.full[1].unwrap_or_else(|| guessed(largest(&[3])));
        let scale = [color, color, color, if self.alpha.is_some() { alpha } else { 1.0 }];
        raw.iter().map(|raw| std::array::from_fn(|i| (raw[i] / scale[i]).clamp(0.0, 1.0) as f32)).collect()
    }
}

/// What stands for full brightness in numbers of a type; none for those that are used both ways.
fn full_scale(scalar: Scalar) -> Option<f64> {
    match scalar {
        Scalar::U8 => Some(255.0),
        Scalar::U16 => Some(65_535.0),
        _ => None,
    }
}

/// Places of the texture coordinates of vertices.
pub fn uv_columns(element: &Element) -> Option<[usize; 2]> {
    UVS.iter().find_map(|[u, v]| Some([element.scalar(u)?, element.scalar(v)?]))
}

/// Names of the properties that look like colours or textures and are not among those that are used.
pub fn unread(element: &Element, used: &[usize]) -> Vec<String> {
    let telling = |name: &str| TELLING.iter().any(|part| name.contains(part));
    let unread =
        element.properties.iter().enumerate().filter(|(at, property)| !used.contains(at) && telling(&property.name));
    unread.map(|(_, property)| super::text::shortened(&property.name)).collect()
}
