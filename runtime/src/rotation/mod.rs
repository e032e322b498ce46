//! Rotations in three dimensions: unit quaternions, matrices, Euler angles, projection, symmetry.
//!
//! Nothing here allocates, and nothing panics: what has no answer is `None` or a documented fallback.
//!
//! ```
//! use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion, nearest_rotation};
//!
//! // Nine numbers of a network, rows first: a quarter turn about z, scaled and noisy.
//! let rotation = nearest_rotation(&[0.02, -2.1, 0.0, 1.9, 0.01, 0.03, -0.02, 0.0, 2.0]);
//! let quarter_turn = UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], core::f32::consts::FRAC_PI_2);
//! assert!(rotation.geodesic_angle_rad(quarter_turn) < 0.03);
//!
//! // On an object that looks the same after a quarter turn, the two poses differ by less than the noise.
//! let symmetry: SymmetryGroup = "cyclic:z:4".parse()?;
//! assert!(symmetry.distance_rad(rotation, UnitQuaternion::IDENTITY) < 0.03);
//! # Ok::<(), sextant_runtime::rotation::SymmetryError>(())
//! ```

mod axis_angle;
mod euler;
mod matrix;
mod nearest;
mod quaternion;
mod sampling;
mod slerp;
mod symmetry;
mod vector;

pub use matrix::ORTHONORMALITY_TOLERANCE;
pub use nearest::{
    NEAREST_ROTATION_MOST_TRACE, NEAREST_ROTATION_SHIFT, NEAREST_ROTATION_SQUARINGS, nearest_rotation,
    unique_nearest_rotation,
};
pub use quaternion::UnitQuaternion;
pub use symmetry::{SymmetryElements, SymmetryError, SymmetryGroup};

#[cfg(test)]
mod oracle;
