use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::data::PairBatch;

/// Pairs of views of random bytes with random latents, always the same.
pub(super) fn random_batch(image_size: usize, pairs: usize, classes: usize) -> PairBatch {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut images = || {
        let mut bytes = vec![0; pairs * image_size * image_size * 3];
        rng.fill_bytes(&mut bytes);
        bytes
    };
    let images = [images(), images()];
    let mut angle = || rng.random_range(-std::f32::consts::FRAC_PI_2..std::f32::consts::FRAC_PI_2);
    let mut latents = || (0..pairs).map(|_| [angle(), angle(), angle(), 0.5, 0.3, 0.2, 0.1]).collect();
    let latents = [latents(), latents()];
    let labels = (0..pairs).map(|_| rng.random_range(0..classes as u32)).collect();
    PairBatch { images, latents, labels, objects: (0..pairs as u32).collect() }
}
