use std::time::Duration;
use std::vec::Vec;

use super::{Class, TransformationPrediction};
use crate::rotation::UnitQuaternion;

/// What a model says of one picture. What it has no head for is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    pub(super) rotation: Option<UnitQuaternion>,
    pub(super) class: Option<ClassPrediction>,
    pub(super) transformations: Vec<TransformationPrediction>,
    pub(super) invariant: Option<Vec<f32>>,
    pub(super) equivariant: Option<Vec<f32>>,
    pub(super) timing: Option<Timing>,
}

/// The most probable class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassPrediction {
    /// Its place among the model's classes.
    pub index: usize,
    /// Its name and symmetry. Where objects look the same from several sides, the rotation is one of several that cannot be
    /// told apart: `class.symmetry` is about the object's own axes.
    pub class: Class,
    /// In 0 to 1: the softmax of its logit, not calibrated.
    pub probability: f32,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the picture to the image that the model takes.
    pub preprocess: Duration,
    /// From the image to the outputs.
    pub model: Duration,
}

impl Prediction {
    /// `camera_from_object`: from coordinates of the object to those of the camera (x right, y down, z forward).
    pub fn rotation(&self) -> Option<UnitQuaternion> {
        self.rotation
    }

    /// The same as turns about the camera's fixed axes x, then y, then z (extrinsic xyz), in degrees.
    pub fn euler_deg(&self) -> Option<[f32; 3]> {
        self.rotation.map(|rotation| rotation.to_euler_extrinsic_xyz().map(f32::to_degrees))
    }

    /// The most probable class.
    pub fn class(&self) -> Option<&ClassPrediction> {
        self.class.as_ref()
    }

    /// What was done to the picture: one for each transformation that the model tells of, in the order of its outputs.
    pub fn transformations(&self) -> &[TransformationPrediction] {
        &self.transformations
    }

    /// The half of the features that does not change when the object turns.
    pub fn invariant(&self) -> Option<&[f32]> {
        self.invariant.as_deref()
    }

    /// The half of the features that turns with the object.
    pub fn equivariant(&self) -> Option<&[f32]> {
        self.equivariant.as_deref()
    }

    /// How long it took, where [`timings`](super::PredictorOptions::timings) are asked for.
    pub fn timing(&self) -> Option<Timing> {
        self.timing
    }
}
