use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::PairBatch;
use crate::scene::SceneSettings;

/// Rows and columns of the patches that an image is made of.
const PATCHES: usize = 4;

/// Pairs of views of random coloured patches with a little noise, and random latents, always the same.
///
/// Noise alone would give all images nearly the same features, and gradients that hang on the last bits.
pub(super) fn random_batch(image_size: usize, pairs: usize, classes: usize) -> PairBatch {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut images = || (0..pairs).flat_map(|_| patches(image_size, &mut rng)).collect::<Vec<u8>>();
    let images = [images(), images()];
    let mut angle = || rng.random_range(-std::f32::consts::FRAC_PI_2..std::f32::consts::FRAC_PI_2);
    let mut latents = || (0..pairs).map(|_| [angle(), angle(), angle(), 0.5, 0.3, 0.2, 0.1]).collect();
    let latents = [latents(), latents()];
    let labels = (0..pairs).map(|_| rng.random_range(0..classes as u32)).collect();
    let camera_from_world = SceneSettings::default().camera_from_world();
    PairBatch { images, latents, labels, objects: (0..pairs as u32).collect(), camera_from_world }
}

/// `[size, size, 3]`.
fn patches(size: usize, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let colours: Vec<u8> = (0..PATCHES * PATCHES * 3).map(|_| rng.random_range(20..=235)).collect();
    let patch = |position: usize| position * PATCHES / size;
    let value = |i: usize| {
        let (pixel, channel) = (i / 3, i % 3);
        colours[(patch(pixel / size) * PATCHES + patch(pixel % size)) * 3 + channel]
    };
    (0..size * size * 3).map(|i| value(i) + rng.random_range(0..20u8)).collect()
}
