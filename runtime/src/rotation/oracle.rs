//! The same rotations in nalgebra's double precision, and random ones for properties.

use nalgebra::{Quaternion, UnitQuaternion as Oracle};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::UnitQuaternion;

/// nalgebra's rotation of the same four numbers.
pub(super) fn oracle_of(rotation: UnitQuaternion) -> Oracle<f64> {
    let [w, x, y, z] = rotation.wxyz().map(f64::from);
    Oracle::from_quaternion(Quaternion::new(w, x, y, z))
}

/// The same cases in every run.
pub(super) fn fixed_seed() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(2026), failure_persistence: None, ..ProptestConfig::default() }
}

/// Uniform rotations, and rotations close to the special ones (small angles, half and quarter turns).
pub(super) fn any_rotation() -> impl Strategy<Value = UnitQuaternion> {
    let uniform = prop::array::uniform3(0.0f32..1.0).prop_map(UnitQuaternion::uniform);
    let special =
        (prop::array::uniform4(-1i8..=1), prop::array::uniform4(-1e-5f32..1e-5)).prop_map(|(units, noise)| {
            let wxyz = core::array::from_fn(|i| f32::from(units[i]) + noise[i]);
            UnitQuaternion::from_wxyz(wxyz).unwrap_or(UnitQuaternion::IDENTITY)
        });
    prop_oneof![3 => uniform, 1 => special]
}
