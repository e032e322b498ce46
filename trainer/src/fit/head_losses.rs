//! Losses of the deployed heads.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion, nearest_rotation};

use super::pose_blindness::pose_blindness;
use crate::collective::Collective;
use crate::model::Model;
use crate::nn::{
    ClassHead, HeadGradient, HeadsConfig, Mode, RotationHead, cross_entropies, cross_entropy, split_halves,
};

/// Losses of the rotation and the class head on all views, scalars; `None` of what there is not.
pub struct HeadLosses {
    /// Mean squared error of the nine numbers against the rotation matrix that looks right.
    pub rotation: Option<Tensor>,
    /// Cross-entropy of the class.
    pub class: Option<Tensor>,
    /// What [`pose_blindness`] makes of the invariant half; only where it has a weight.
    pub blindness: Option<Tensor>,
}

/// What the heads' losses know of a subject beside its views.
#[derive(Clone, Copy)]
pub(super) struct KnownSubject {
    pub symmetry: SymmetryGroup,
    /// What the losses of its views are multiplied by: 0 where its labels are not to be learned from.
    pub label_weight: f32,
}

impl KnownSubject {
    /// Whether its labels are learned from.
    pub fn is_labelled(self) -> bool {
        self.label_weight > 0.0
    }
}

/// What the heads pay on a batch of features `[n, feature_width]` of some views.
///
/// The target of an object with symmetry is the one of its equivalent rotations that is nearest to the present
/// answer: no answer that looks right is punished. `rotations` are camera-from-object.
///
/// # Errors
/// When shapes differ, or another rank has ended.
pub(super) fn head_losses(
    model: &Model,
    features: &[Tensor],
    labels: &Tensor,
    rotations: &[Vec<UnitQuaternion>],
    subjects: &[KnownSubject],
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
    let weights = row_weights(subjects, features.len(), labels.device())?;
    let rotation = |head: &RotationHead| {
        let matrices = head.forward(&seen_by_rotation, Mode::Train)?;
        let targets = rotation_targets(&matrices, rotations, subjects)?;
        let squares = (matrices - targets)?.sqr()?;
        match &weights {
            Some(weights) => squares.broadcast_mul(&weights.unsqueeze(1)?)?.mean_all(),
            None => squares.mean_all(),
        }
    };
    let class = |head: &ClassHead| {
        let (logits, labels) = (head.forward(&invariant)?, labels.repeat(features.len())?);
        match &weights {
            Some(weights) => (cross_entropies(&logits, &labels)? * weights)?.mean_all(),
            None => cross_entropy(&logits, &labels),
        }
    };
    let is_asked = heads.blindness_weight > 0.0 && gradient != HeadGradient::Detached && model.rotation_head.is_some();
    Ok(HeadLosses {
        blindness: is_asked.then(|| pose_blindness(&invariant, rotations, subjects, ranks)).transpose()?,
        rotation: model.rotation_head.as_ref().map(rotation).transpose()?,
        class: model.class_head.as_ref().map(class).transpose()?,
    })
}

/// What the loss of each view is multiplied by, `[views n]`; `None` where it is 1 for all.
fn row_weights(subjects: &[KnownSubject], views: usize, device: &Device) -> Result<Option<Tensor>> {
    if subjects.iter().all(|subject| subject.label_weight == 1.0) {
        return Ok(None);
    }
    let weights: Vec<f32> = subjects.iter().map(|subject| subject.label_weight).collect();
    Ok(Some(Tensor::from_vec(weights, subjects.len(), device)?.repeat(views)?))
}

/// For each answer `[views n, 9]` the matrix of the nearest equivalent of the true rotation, `[views n, 9]`.
fn rotation_targets(matrices: &Tensor, rotations: &[Vec<UnitQuaternion>], subjects: &[KnownSubject]) -> Result<Tensor> {
    let answers = matrices.detach().to_vec2::<f32>()?;
    let truths = rotations.iter().flatten().zip(subjects.iter().cycle());
    let targets = answers.iter().zip(truths).flat_map(|(answer, (truth, subject))| {
        let answer = nearest_rotation(&std::array::from_fn(|i| answer[i]));
        subject.symmetry.nearest_equivalent(*truth, answer).to_matrix().concat()
    });
    Tensor::from_vec(targets.collect::<Vec<f32>>(), matrices.shape(), matrices.device())
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::collective::Alone;
    use crate::config::Config;
    use crate::data::GroundTruth;
    use crate::registry::Registry;

    const PLAIN: KnownSubject = KnownSubject { symmetry: SymmetryGroup::None, label_weight: 1.0 };

    /// Four views of four objects of three classes, with a model for them.
    fn model() -> (Model, Vec<f32>, Tensor, [Vec<UnitQuaternion>; 1]) {
        let config = Config::resolve(&Registry::default(), None, None, &["data.image_size=16".into()]).unwrap();
        let model = Model::new(&config, GroundTruth::posed(3), &Device::Cpu).unwrap();
        let width = model.encoder.feature_width();
        let numbers: Vec<f32> = (0..4 * width).map(|i| (i as f32 * 0.7).sin()).collect();
        let labels = Tensor::new(&[0u32, 1, 2, 1], &Device::Cpu).unwrap();
        let turned = |angle| UnitQuaternion::from_axis_angle([0.0, 0.6, 0.8], angle);
        (model, numbers, labels, [[1.0, 0.2, 2.0, -0.5].map(turned).to_vec()])
    }

    /// The losses of the labelled ones are those of a batch that has no others.
    #[test]
    fn views_without_labels_pay_nothing() {
        let (model, numbers, labels, truths) = model();
        let width = model.encoder.feature_width();
        let heads = HeadsConfig::default();
        let losses = |rows: &[usize], weights: &[f32]| {
            let numbers: Vec<f32> = rows.iter().flat_map(|row| numbers[row * width..][..width].to_vec()).collect();
            let features = [Tensor::from_vec(numbers, (rows.len(), width), &Device::Cpu).unwrap()];
            let rows_of = Tensor::from_iter(rows.iter().map(|row| *row as u32), &Device::Cpu).unwrap();
            let labels = labels.index_select(&rows_of, 0).unwrap();
            let truths = [rows.iter().map(|row| truths[0][*row]).collect::<Vec<_>>()];
            let subjects: Vec<_> =
                weights.iter().map(|weight| KnownSubject { label_weight: *weight, ..PLAIN }).collect();
            let alone: Arc<dyn Collective> = Arc::new(Alone);
            let losses = head_losses(&model, &features, &labels, &truths, &subjects, &heads, &alone).unwrap();
            [losses.rotation, losses.class].map(|loss| loss.unwrap().to_scalar::<f32>().unwrap())
        };
        let (some, alone) = (losses(&[0, 1, 2, 3], &[0.0, 2.0, 2.0, 0.0]), losses(&[1, 2], &[1.0, 1.0]));
        for (found, expected) in some.into_iter().zip(alone) {
            assert!((found - expected).abs() < 1e-5 * expected, "{found} is not {expected}");
        }
        assert_eq!(losses(&[0, 1, 2, 3], &[0.0; 4]), [0.0; 2]);
    }

    #[test]
    fn gradients_go_where_they_are_sent() {
        let (model, numbers, labels, truths) = model();
        let width = model.encoder.feature_width();
        // Which gradient of the rotation, the class and the blindness is there, in the invariant and the equivariant half.
        let reaches = |gradient: HeadGradient| {
            let heads = HeadsConfig { gradient, blindness_weight: 1.0, ..HeadsConfig::default() };
            let features = Var::from_vec(numbers.clone(), (4, width), &Device::Cpu).unwrap();
            let seen = [features.as_tensor().clone()];
            let alone: Arc<dyn Collective> = Arc::new(Alone);
            let losses = head_losses(&model, &seen, &labels, &truths, &[PLAIN; 4], &heads, &alone).unwrap();
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
