//! Losses of the deployed heads.

use std::sync::Arc;

use candle_core::{Result, Tensor};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion, nearest_rotation};

use super::pose_blindness::pose_blindness;
use crate::collective::Collective;
use crate::model::Model;
use crate::nn::{ClassHead, HeadGradient, HeadsConfig, Mode, RotationHead, cross_entropy, split_halves};

/// Losses of the rotation and the class head on all views, scalars; `None` of what there is not.
pub struct HeadLosses {
    /// Mean squared error of the nine numbers against the rotation matrix that looks right.
    pub rotation: Option<Tensor>,
    /// Cross-entropy of the class.
    pub class: Option<Tensor>,
    /// What [`pose_blindness`] makes of the invariant half; only where it has a weight.
    pub blindness: Option<Tensor>,
}

/// What the heads pay on a batch of features `[n, feature_width]` of some views.
///
/// The target of an object with symmetry is the one of its equivalent rotations that is nearest to the present
/// answer: no answer that looks right is punished. `rotations` are camera-from-object.
///
/// # Errors
/// When shapes differ, or another rank has ended.
pub fn head_losses(
    model: &Model,
    features: &[Tensor],
    labels: &Tensor,
    rotations: &[Vec<UnitQuaternion>],
    symmetries: &[SymmetryGroup],
    heads: &HeadsConfig,
    ranks: &Arc<dyn Collective>,
) -> Result<HeadLosses> {
    let gradient = heads.gradient;
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
    let is_asked = heads.blindness_weight > 0.0 && gradient != HeadGradient::Detached && model.rotation_head.is_some();
    Ok(HeadLosses {
        blindness: is_asked.then(|| pose_blindness(&invariant, rotations, symmetries, ranks)).transpose()?,
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

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::collective::Alone;
    use crate::config::Config;
    use crate::data::GroundTruth;
    use crate::registry::Registry;

    #[test]
    fn gradients_go_where_they_are_sent() {
        let config = Config::resolve(&Registry::default(), None, None, &["data.image_size=16".into()]).unwrap();
        let model = Model::new(&config, GroundTruth::posed(3), &Device::Cpu).unwrap();
        let width = model.encoder.feature_width();
        let numbers: Vec<f32> = (0..4 * width).map(|i| (i as f32 * 0.7).sin()).collect();
        let labels = Tensor::new(&[0u32, 1, 2, 1], &Device::Cpu).unwrap();
        let turned = |angle| UnitQuaternion::from_axis_angle([0.0, 0.6, 0.8], angle);
        let truths = [[1.0, 0.2, 2.0, -0.5].map(turned).to_vec()];
        // Which gradient of the rotation, the class and the blindness is there, in the invariant and the equivariant half.
        let reaches = |gradient: HeadGradient| {
            let heads = HeadsConfig { gradient, blindness_weight: 1.0, ..HeadsConfig::default() };
            let features = Var::from_vec(numbers.clone(), (4, width), &Device::Cpu).unwrap();
            let seen = [features.as_tensor().clone()];
            let alone: Arc<dyn Collective> = Arc::new(Alone);
            let symmetries = [SymmetryGroup::None; 4];
            let losses = head_losses(&model, &seen, &labels, &truths, &symmetries, &heads, &alone).unwrap();
            [losses.rotation, losses.class, losses.blindness].map(|loss| {
                let Some(loss) = loss else { return [false; 2] };
                let gradients = loss.backward().unwrap();
                let Some(gradient) = gradients.get(features.as_tensor()) else { return [false; 2] };
                let (invariant, equivariant) = split_halves(gradient).unwrap();
                [invariant, equivariant]
                    .map(|half| half.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap() > 0.0)
            })
        };
        assert_eq!(reaches(HeadGradient::Joint), [[true, true], [true, false], [true, false]]);
        assert_eq!(reaches(HeadGradient::Routed), [[false, true], [true, false], [true, false]]);
        assert_eq!(reaches(HeadGradient::Detached), [[false; 2]; 3]);
    }
}
