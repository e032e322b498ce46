//! Textures at the resolution at which they are seen.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use super::color::{SrgbEncoder, linear_of_bytes};
use crate::scene::Texture;
use crate::scene::vector::Vector3;

/// Forgotten textures are swept out when this many are known.
const SWEEP_AT: usize = 256;

/// The halvings of a texture, down to one pixel.
#[derive(Debug)]
pub struct MipChain {
    halvings: Vec<Texture>,
}

impl MipChain {
    /// Halves a texture, averaging light, until one pixel is left.
    fn new(texture: &Texture, codec: &Codec) -> Self {
        let mut halvings: Vec<Texture> = Vec::new();
        while let Some(finest) = Some(halvings.last().unwrap_or(texture)).filter(|t| t.width.max(t.height) > 1) {
            let halved = halve(finest, codec);
            halvings.push(halved);
        }
        Self { halvings }
    }
}

/// A texture that is ready to be sampled.
#[derive(Clone, Debug)]
pub struct MippedTexture {
    finest: Arc<Texture>,
    chain: Arc<MipChain>,
}

impl MippedTexture {
    /// Texels of the finest level.
    pub fn texels(&self) -> f32 {
        (self.finest.width * self.finest.height) as f32
    }

    /// Linear light at a texture coordinate, for samples whose area in texels of the finest level is given.
    pub fn sample(&self, [u, v]: [f32; 2], texels_per_sample: f32, codec: &Codec) -> Vector3 {
        // Half the binary logarithm, rounded: the level at which a sample is about one texel.
        let doubled = (texels_per_sample * 2.0).clamp(1.0, 1e30);
        let level = ((doubled.to_bits() >> 23).saturating_sub(127) as usize / 2).min(self.chain.halvings.len());
        let texture = level.checked_sub(1).map_or(&*self.finest, |halving| &self.chain.halvings[halving]);
        bilinear(texture, u, v, codec)
    }
}

/// Between sRGB bytes and linear light.
pub struct Codec {
    pub linear: [f32; 256],
    pub encoder: SrgbEncoder,
}

impl Codec {
    pub fn new() -> Self {
        Self { linear: linear_of_bytes(), encoder: SrgbEncoder::new() }
    }
}

fn halve(texture: &Texture, codec: &Codec) -> Texture {
    let (width, height) = (texture.width.div_ceil(2), texture.height.div_ceil(2));
    let mut rgb = Vec::with_capacity(width * height * 3);
    for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
        let columns = [2 * column, (2 * column + 1).min(texture.width - 1)];
        let rows = [2 * row, (2 * row + 1).min(texture.height - 1)];
        for channel in 0..3 {
            let light = |row: usize, column: usize| {
                codec.linear[usize::from(texture.rgb[(row * texture.width + column) * 3 + channel])]
            };
            let sum: f32 = rows.iter().flat_map(|row| columns.map(|column| light(*row, column))).sum();
            rgb.push(codec.encoder.encode(sum / 4.0));
        }
    }
    Texture { width, height, rgb }
}

fn bilinear(texture: &Texture, u: f32, v: f32, codec: &Codec) -> Vector3 {
    let (left, right, x) = neighbours(u, texture.width);
    let (upper, lower, y) = neighbours(1.0 - v, texture.height);
    let texel = |row: usize, column: usize| {
        let at = (row * texture.width + column) * 3;
        [texture.rgb[at], texture.rgb[at + 1], texture.rgb[at + 2]].map(|byte| codec.linear[usize::from(byte)])
    };
    let corners = [texel(upper, left), texel(upper, right), texel(lower, left), texel(lower, right)];
    let weights = [(1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y];
    std::array::from_fn(|channel| (0..4).map(|i| corners[i][channel] * weights[i]).sum())
}

/// The texels on both sides of a coordinate that repeats with period 1, and the weight of the second.
fn neighbours(coordinate: f32, texels: usize) -> (usize, usize, f32) {
    let truncated = coordinate - (coordinate as i32) as f32;
    let repeated = if truncated < 0.0 { truncated + 1.0 } else { truncated };
    let position = repeated * texels as f32 + texels as f32 - 0.5;
    let first = position as i32 as usize;
    let wrapped = |texel: usize| if texel >= texels { (texel - texels).min(texels - 1) } else { texel };
    (wrapped(first), wrapped(wrapped(first) + 1), position - first as f32)
}

/// The `Weak` keeps the texture's address from being given to another one.
type CachedChain = (Weak<Texture>, Arc<MipChain>);

/// Mip chains of the textures that have been seen; shared by all threads.
#[derive(Debug, Default)]
pub struct MipCache {
    by_address: RwLock<HashMap<usize, CachedChain>>,
}

impl MipCache {
    /// The texture with its chain, which is made on first sight; none for a texture without pixels.
    pub fn mipped(&self, texture: &Arc<Texture>, codec: &Codec) -> Option<MippedTexture> {
        let texels = texture.width.saturating_mul(texture.height);
        if texels == 0 || texels.checked_mul(3) != Some(texture.rgb.len()) {
            return None;
        }
        let address = Arc::as_ptr(texture) as usize;
        let known =
            self.by_address.read().unwrap_or_else(PoisonError::into_inner).get(&address).map(|(_, c)| c.clone());
        let chain = known.unwrap_or_else(|| self.insert(address, texture, codec));
        Some(MippedTexture { finest: texture.clone(), chain })
    }

    fn insert(&self, address: usize, texture: &Arc<Texture>, codec: &Codec) -> Arc<MipChain> {
        let chain = Arc::new(MipChain::new(texture, codec));
        let mut chains = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        if chains.len() >= SWEEP_AT {
            chains.retain(|_, (texture, _)| texture.strong_count() > 0);
        }
        chains.insert(address, (Arc::downgrade(texture), chain.clone()));
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkerboard(side: usize) -> Arc<Texture> {
        let rgb = (0..side * side).flat_map(|i| [if (i % side + i / side).is_multiple_of(2) { 255 } else { 0 }; 3]);
        Arc::new(Texture { width: side, height: side, rgb: rgb.collect() })
    }

    #[test]
    fn seen_from_afar_a_texture_is_its_mean_light() {
        let (codec, cache) = (Codec::new(), MipCache::default());
        let board = cache.mipped(&checkerboard(32), &codec).expect("it has pixels");
        for texels_per_sample in [16.0, 100.0, 1e9, f32::INFINITY] {
            let light = board.sample([0.3, 0.7], texels_per_sample, &codec);
            assert!(light.iter().all(|v| (v - 0.5).abs() < 0.01), "{texels_per_sample}: {light:?}");
        }
        let nearby = board.sample([0.5 / 32.0, 1.0 - 0.5 / 32.0], 1.0, &codec);
        assert!(nearby.iter().all(|v| *v > 0.999), "{nearby:?}");
    }

    #[test]
    fn coordinates_repeat() {
        let (codec, cache) = (Codec::new(), MipCache::default());
        let rgb = vec![255, 0, 0, 0, 255, 0, 0, 0, 255];
        let texture = cache.mipped(&Arc::new(Texture { width: 3, height: 1, rgb }), &codec).expect("it has pixels");
        for shift in [-7.0, -1.0, 0.0, 1.0, 12.0] {
            let light = texture.sample([0.5 + shift, 0.5 - shift], 1.0, &codec);
            assert!(light[1] > 0.99 && light[0] < 0.01, "{shift}: {light:?}");
        }
        for wild in [f32::MAX, f32::NAN, f32::NEG_INFINITY] {
            assert!(texture.sample([wild, wild], wild, &codec).len() == 3, "no panic");
        }
    }

    #[test]
    fn forgotten_textures_are_swept_out() {
        let (codec, cache) = (Codec::new(), MipCache::default());
        for _ in 0..3 * SWEEP_AT {
            cache.mipped(&checkerboard(2), &codec);
        }
        assert!(cache.by_address.read().expect("not poisoned").len() <= SWEEP_AT);
    }

    #[test]
    fn textures_without_pixels_are_refused() {
        let (codec, cache) = (Codec::new(), MipCache::default());
        for (width, height, bytes) in [(0, 0, 0), (2, 0, 0), (2, 2, 11), (usize::MAX, 2, 3)] {
            let texture = Arc::new(Texture { width, height, rgb: vec![0; bytes] });
            assert!(cache.mipped(&texture, &codec).is_none(), "{width} x {height}, {bytes} bytes");
        }
    }
}
