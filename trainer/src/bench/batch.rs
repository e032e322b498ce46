use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use sextant_runtime::rotation::UnitQuaternion;

use crate::data::ViewBatch;
use crate::scene::CameraPose;
use crate::transformation::Parameters;

/// Rows and columns of the patches that an image is made of.
const PATCHES: usize = 4;

/// Two views each of random coloured patches with a little noise, and random rotations, always the same.
///
/// Noise alone would give all images nearly the same features, and gradients that hang on the last bits.
pub(super) fn random_batch(image_size: usize, subjects: usize, classes: usize) -> ViewBatch {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let images = (0..2 * subjects).flat_map(|_| patches(image_size, &mut rng)).collect();
    let mut angle_rad = || rng.random_range(-std::f32::consts::FRAC_PI_2..std::f32::consts::FRAC_PI_2);
    let mut view = || {
        let rotation = UnitQuaternion::from_euler_extrinsic_xyz([(); 3].map(|()| angle_rad()));
        Parameters::NONE.with_rotation(rotation).with_hues([0.5, 0.1])
    };
    let transformations = (0..2 * subjects).map(|_| view()).collect();
    let labels = (0..subjects).map(|_| rng.random_range(0..classes as u32)).collect();
    let camera_from_world = CameraPose::default().camera_from_world();
    ViewBatch { images, transformations, labels, subjects: (0..subjects as u32).collect(), camera_from_world }
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
