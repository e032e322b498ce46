use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::UnitQuaternion;

use super::of_poses::relative_quaternions;
use super::pose::{absolute_errors, pose_report};
use super::{
    EvaluationError, PairFeatures, PairProbe, PoseReport, RotationR2, fixed_objects, pair_features_and_embeddings,
    relative_error, rotation_r2,
};
use crate::config::Config;
use crate::data::{self, DataConfig};
use crate::method::Embeddings;
use crate::model::Model;
use crate::scene::RotationSampling;

/// Figures for pairs of views whose second view is turned as training never showed it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfRange {
    /// Pairs of views.
    pub pairs: usize,
    /// Errors of the deployed rotation head on the second views.
    pub pose: PoseReport,
    /// What the probe of the trained range reads of the rotation between the views.
    pub rotation_r2: RotationR2,
    /// `|p(z, g) - z'| / |z'|` of the predictor; only for methods that predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivariance_error: Option<f64>,
}

/// Measures on scenes with wider rotations; `None` when the images are not rendered here, training shows all rotations,
/// or the configuration asks for no pairs.
pub(super) fn measure(
    model: &Model,
    config: &Config,
    probe: &PairProbe,
) -> Result<Option<OutOfRange>, EvaluationError> {
    let wanted = config.evaluation.out_of_range_pairs;
    let Some(wider) = wider(config.data.rotation).filter(|_| wanted > 0 && config.is_rendered()) else {
        return Ok(None);
    };
    let source = data::open(config.registry().sources(), &DataConfig { rotation: wider, ..config.data.clone() })?;
    let seed = config.evaluation.seed;
    // Some of the wider rotations lie in the trained range.
    let objects = fixed_objects(&source.held_out_subjects(), 2 * wanted, seed.wrapping_add(4));
    let pairs = pair_features_and_embeddings(model, &source, &objects, seed.wrapping_add(5))?;
    let is_outside = |row: &usize| {
        let rotation = pairs.transformations[1][*row].rotation();
        rotation.is_some_and(|rotation| !covers(config.data.rotation, rotation))
    };
    let rows: Vec<usize> = (0..objects.len()).filter(is_outside).take(wanted).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let outside = select(&pairs, &rows)?;
    let errors = absolute_errors(&outside, source.as_ref()).split_off(rows.len());
    let truth = relative_quaternions(&outside)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(Some(OutOfRange {
        pairs: rows.len(),
        pose: pose_report(&errors)?,
        rotation_r2: rotation_r2(&truth, &probe.predict(&outside.features)?, 4),
        equivariance_error: equivariance_error(model, &outside)?,
    }))
}

fn equivariance_error(model: &Model, pairs: &PairFeatures) -> candle_core::Result<Option<f64>> {
    let Some([first, second]) = &pairs.embeddings else { return Ok(None) };
    let (Some(z), Some(other)) = (&first.equivariant, &second.equivariant) else { return Ok(None) };
    let predicted = model.method.predict(z, &pairs.actions())?;
    predicted.map(|predicted| relative_error(&predicted.detach(), other)).transpose()
}

/// All rotations of the kind; `None` when there are no further ones.
fn wider(trained: RotationSampling) -> Option<RotationSampling> {
    match trained {
        RotationSampling::Euler { limit_deg } if limit_deg < 180.0 => {
            Some(RotationSampling::Euler { limit_deg: 180.0 })
        }
        RotationSampling::Uniform { limit_deg } if limit_deg < 180.0 => {
            Some(RotationSampling::Uniform { limit_deg: 180.0 })
        }
        _ => None,
    }
}

/// Whether a world-from-object rotation can be drawn.
///
/// A rotation has two triples of Euler angles: `(x, y, z)` and `(x + 180, 180 - y, z + 180)` degrees.
fn covers(sampling: RotationSampling, rotation: UnitQuaternion) -> bool {
    // What single precision loses on the way through the quaternion.
    const TOLERANCE_DEG: f32 = 1e-2;
    match sampling {
        RotationSampling::Euler { limit_deg } => {
            let [x, y, z] = rotation.to_euler_extrinsic_xyz().map(f32::to_degrees);
            let within = |angle_deg: f32| (angle_deg + 180.0).rem_euclid(360.0) - 180.0;
            let is_drawn = |angles: [f32; 3]| angles.iter().all(|a| within(*a).abs() <= limit_deg + TOLERANCE_DEG);
            is_drawn([x, y, z]) || is_drawn([x + 180.0, 180.0 - y, z + 180.0])
        }
        RotationSampling::Uniform { limit_deg } => {
            rotation.geodesic_angle_rad(UnitQuaternion::IDENTITY).to_degrees() <= limit_deg + TOLERANCE_DEG
        }
    }
}

/// Some of the pairs.
fn select(pairs: &PairFeatures, rows: &[usize]) -> candle_core::Result<PairFeatures> {
    let indices: Vec<u32> = rows.iter().map(|row| *row as u32).collect();
    let indices = Tensor::new(indices, pairs.features[0].device())?;
    let tensors = |views: &[Tensor; 2]| -> candle_core::Result<[Tensor; 2]> {
        Ok([views[0].index_select(&indices, 0)?, views[1].index_select(&indices, 0)?])
    };
    let optional = |t: &Option<Tensor>| t.as_ref().map(|t| t.index_select(&indices, 0)).transpose();
    let embeddings = |e: &Embeddings| -> candle_core::Result<Embeddings> {
        Ok(Embeddings { invariant: optional(&e.invariant)?, equivariant: optional(&e.equivariant)? })
    };
    let embeddings = match &pairs.embeddings {
        None => None,
        Some([first, second]) => Some([embeddings(first)?, embeddings(second)?]),
    };
    Ok(PairFeatures {
        features: tensors(&pairs.features)?,
        class_logits: pairs.class_logits.as_ref().map(tensors).transpose()?,
        predicted: [0, 1].map(|view| picked(&pairs.predicted[view], rows)),
        rotations: [0, 1].map(|view| picked(&pairs.rotations[view], rows)),
        labels: picked(&pairs.labels, rows),
        objects: picked(&pairs.objects, rows),
        transformations: [0, 1].map(|view| picked(&pairs.transformations[view], rows)),
        embeddings,
    })
}

fn picked<T: Clone>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|row| values[*row].clone()).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::scene::SceneParameters;

    #[test]
    fn what_can_be_drawn_is_covered_and_three_quarters_of_all_euler_angles_are_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut share = |drawn: RotationSampling, trained: RotationSampling| {
            let mut draw = || SceneParameters::sample(&mut rng, drawn).world_from_object();
            (0..2000).filter(|_| covers(trained, draw())).count() as f64 / 2000.0
        };
        let euler = |limit_deg| RotationSampling::Euler { limit_deg };
        let uniform = |limit_deg| RotationSampling::Uniform { limit_deg };
        for sampling in [euler(90.0), euler(30.0), euler(130.0), uniform(60.0), uniform(180.0)] {
            assert_eq!(share(sampling, sampling), 1.0, "{sampling:?}");
        }
        // A half of the angles about x and z each, whatever the one about y.
        assert!((share(euler(180.0), euler(90.0)) - 0.25).abs() < 0.04);
        assert!(share(uniform(180.0), uniform(60.0)) < 0.1);
    }

    #[test]
    fn there_are_wider_rotations_but_of_all() {
        let limited = RotationSampling::Euler { limit_deg: 90.0 };
        assert_eq!(wider(limited), Some(RotationSampling::Euler { limit_deg: 180.0 }));
        assert_eq!(wider(RotationSampling::Uniform { limit_deg: 180.0 }), None);
    }
}
