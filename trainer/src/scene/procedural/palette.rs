use std::sync::Arc;

use super::draw::Draw;
use super::texture;
use crate::scene::{Material, Texture};

/// The colours of one object: hues that go together, each for a role that is the same in the whole family.
#[derive(Clone, Debug)]
pub struct Palette {
    /// The largest parts.
    pub main: Material,
    /// The parts that tell the sides apart: of another hue and lightness than `main`.
    pub accent: Material,
}

impl Palette {
    /// Two-coloured schemes: complementary, split complementary, triad.
    pub fn draw(draw: &mut Draw) -> Self {
        let hue = draw.range(0.0, 1.0);
        let apart = [0.5, 0.42, 0.58, 0.33, 0.67][draw.index(5)];
        let main_is_light = draw.chance(0.5);
        let [main_value, accent_value] = if main_is_light { [0.92, 0.55] } else { [0.6, 0.95] };
        let mut shade = |hue: f32, value: f32| plastic(hsv(hue, draw.range(0.55, 0.85), value * draw.range(0.9, 1.0)));
        Self { main: shade(hue, main_value), accent: shade(hue + apart, accent_value) }
    }
}

/// Bare metal, greyish, with a strong highlight.
pub fn steel(draw: &mut Draw) -> Material {
    let value = draw.range(0.55, 0.8);
    Material { color: hsv(0.6, 0.06, value), specular: 0.7, shininess: 40.0, texture: None }
}

/// Nearly black and dull: tyres, grips, screens.
pub fn rubber(draw: &mut Draw) -> Material {
    let value = draw.range(0.08, 0.16);
    Material { color: [value; 3], specular: 0.1, shininess: 8.0, texture: None }
}

/// Nearly white: paper, enamel, pillows.
pub fn white(draw: &mut Draw) -> Material {
    let value = draw.range(0.9, 0.98);
    plastic([value, value, 0.95 * value])
}

/// Dark bluish panes.
pub fn glass(draw: &mut Draw) -> Material {
    let value = draw.range(0.2, 0.32);
    Material { color: hsv(0.58, 0.45, value), specular: 0.8, shininess: 60.0, texture: None }
}

/// Plain wood, light to dark brown, without grain.
pub fn plain_wood(draw: &mut Draw) -> Material {
    let color = hsv(draw.range(0.05, 0.1), draw.range(0.45, 0.65), draw.range(0.45, 0.8));
    Material { color, specular: 0.15, shininess: 12.0, texture: None }
}

/// Wood with its grain; only for objects without symmetry.
pub fn grained_wood(draw: &mut Draw) -> Material {
    let grain = texture::wood(draw);
    textured(plain_wood(draw), grain)
}

/// `base` with a woven pattern of stripes or checks; only for objects without symmetry.
pub fn cloth(draw: &mut Draw, base: &Material) -> Material {
    let weave = if draw.chance(0.5) { texture::stripes(draw) } else { texture::checks(draw) };
    Material { specular: 0.05, ..textured(base.clone(), weave) }
}

/// A plain saturated colour of a fixed meaning, such as a red lamp.
pub fn signal(draw: &mut Draw, hue: f32) -> Material {
    plastic(hsv(hue + draw.range(-0.02, 0.02), draw.range(0.8, 0.95), draw.range(0.85, 1.0)))
}

fn textured(base: Material, picture: Texture) -> Material {
    Material { texture: Some(Arc::new(picture)), ..base }
}

fn plastic(color: [f32; 3]) -> Material {
    Material { color, specular: 0.35, shininess: 24.0, texture: None }
}

/// sRGB of hue (any turn number), saturation and value in [0, 1].
fn hsv(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue * 6.0).rem_euclid(6.0);
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}
