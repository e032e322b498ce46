use std::f32::consts::TAU;

use super::draw::Draw;
use crate::scene::Texture;

const SIDE: usize = 32;

/// Long grain along v, light with darker streaks; repeats without a seam.
pub fn wood(draw: &mut Draw) -> Texture {
    let streaks = [0; 3].map(|_| [draw.range(2.0, 7.0).round(), draw.range(0.0, 1.0), draw.range(0.05, 0.15)]);
    paint(|u, v| {
        let bend = 0.04 * (TAU * v).sin();
        let wave = |[count, phase, depth]: &[f32; 3]| depth * (0.5 + 0.5 * (TAU * (count * (u + bend) + phase)).sin());
        1.0 - streaks.iter().map(wave).sum::<f32>()
    })
}

/// Stripes along v.
pub fn stripes(draw: &mut Draw) -> Texture {
    let [count, width, dark] = [draw.range(1.0, 3.0).round(), draw.range(0.3, 0.6), draw.range(0.45, 0.7)];
    paint(|u, _| if (u * count).fract() < width { dark } else { 1.0 })
}

/// Squares, light and dark.
pub fn checks(draw: &mut Draw) -> Texture {
    let [count, dark] = [draw.range(1.0, 3.0).round(), draw.range(0.45, 0.7)];
    let odd = |t: f32| (2.0 * count * t) as u32 % 2 == 1;
    paint(|u, v| if odd(u) != odd(v) { dark } else { 1.0 })
}

/// A grey picture from a brightness in [0, 1] at (u, v) in [0, 1).
fn paint(brightness: impl Fn(f32, f32) -> f32) -> Texture {
    let fraction = |i: usize| (i as f32 + 0.5) / SIDE as f32;
    let texel = |i: usize| (255.0 * brightness(fraction(i % SIDE), fraction(i / SIDE)).clamp(0.0, 1.0)).round() as u8;
    Texture { width: SIDE, height: SIDE, rgb: (0..SIDE * SIDE).flat_map(|i| [texel(i); 3]).collect() }
}
