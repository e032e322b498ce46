//! Losses of the deployed heads.

use candle_core::{Result, Tensor};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion, nearest_rotation};

use crate::model::Model;
use crate::nn::HeadGradient;
use crate::nn::{ClassHead, Mode, RotationHead, cross_entropy, split_halves};

/// Losses of the rotation and the class head on all views, scalars; `None` of a head that there is not.
pub struct HeadLosses {
    /// Mean squared error of the nine numbers against the rotation matrix that looks right.
    pub rotation: Option<Tensor>,
    /// Cross-entropy of the class.
    pub class: Option<Tensor>,
}

/// What the heads pay on a batch of features `[n, feature_width]` of some views.
///
/// The target of an object with symmetry is the one of its equivalent rotations that is nearest to the present
/// answer: no answer that looks right is punished. `rotations` are camera-from-object.
///
/// # Errors
/// When shapes differ.
pub fn head_losses(
    model: &Model,
    features: &[Tensor],
    labels: &Tensor,
    rotations: &[Vec<UnitQuaternion>],
    symmetries: &[SymmetryGroup],
    gradient: HeadGradient,
) -> Result<HeadLosses> {
    let all = Tensor::cat(features, 0)?;
    let all = if gradient == HeadGradient::Detached { all.detach() } else { all };
    let (invariant, equivariant) = split_halves(&all)?;
    let seen_by_rotation = match gradient {
        HeadGradient::Routed => Tensor::cat(&[invariant.detach(), equivariant], 1)?,
        HeadGradient::Joint | HeadGradient::Detached => all,
    };
    let rotation = |head: &RotationHead| {
        let matrices = head.forward(&seen_by_rotation, Mode::Train)?;
        let targets = rotation_targets(&matrices, rotations, symmetries)?;
        (matrices - targets)?.sqr()?.mean_all()
    };
    let class = |head: &ClassHead| cross_entropy(&head.forward(&invariant)?, &labels.repeat(features.len())?);
    Ok(HeadLosses {
        rotation: model.rotation_head.as_ref().map(rotation).transpose()?,
        class: model.class_head.as_ref().map(class).transpose()?,
    })
}

/// For each answer `[views n, 9]` the matrix of the nearest equivalent of the true rotation, `[views n, 9]`.
fn rotation_targets(
    matrices: &Tensor,
    rotations: &[Vec<UnitQuaternion>],
    symmetries: &[SymmetryGroup],
) -> Result<Tensor> {
    let answers = matrices.detach().to_vec2::<f32>()?;
    let truths = rotations.iter().flatten().zip(symmetries.iter().cycle());
    let targets = answers.iter().zip(truths).flat_map(|(answer, (truth, symmetry))| {
        let answer = nearest_rotation(&std::array::from_fn(|i| answer[i]));
        symmetry.nearest_equivalent(*truth, answer).to_matrix().concat()
    });
    Tensor::from_vec(targets.collect::<Vec<f32>>(), matrices.shape(), matrices.device())
}
