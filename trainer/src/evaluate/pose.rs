use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::{EvaluationError, PairFeatures};
use crate::data::ViewSource;

/// Geodesic errors of a set of rotations, in degrees and shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoseErrors {
    /// Half of the errors are at most this.
    pub median_deg: f64,
    /// Arithmetic mean.
    pub mean_deg: f64,
    /// Nine in ten errors are at most this.
    pub p90_deg: f64,
    /// Share of errors of at most 15 degrees, in [0, 1].
    pub acc15: f64,
    /// Share of errors of at most 30 degrees, in [0, 1].
    pub acc30: f64,
}

impl PoseErrors {
    /// Summary of errors given in degrees; `None` when there are none.
    pub fn of(errors_deg: &[f32]) -> Option<Self> {
        let mut sorted = errors_deg.to_vec();
        sorted.sort_by(f32::total_cmp);
        let within = |limit: f32| sorted.partition_point(|e| *e <= limit) as f64 / sorted.len() as f64;
        (!sorted.is_empty()).then(|| Self {
            median_deg: quantile(&sorted, 0.5),
            mean_deg: sorted.iter().map(|e| f64::from(*e)).sum::<f64>() / sorted.len() as f64,
            p90_deg: quantile(&sorted, 0.9),
            acc15: within(15.0),
            acc30: within(30.0),
        })
    }
}

/// Plain errors, with those that forgive the object's symmetry beside them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoseReport {
    /// Against the rotation that was rendered.
    #[serde(flatten)]
    pub plain: PoseErrors,
    /// Against the nearest rotation that looks the same.
    pub symmetric: PoseErrors,
}

/// The value below which that share of the sorted values lies, interpolated linearly.
pub(super) fn quantile(sorted: &[f32], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (low, high) = (position.floor() as usize, position.ceil() as usize);
    let fraction = position - low as f64;
    f64::from(sorted[low]) * (1.0 - fraction) + f64::from(sorted[high]) * fraction
}

/// Geodesic error of one answer in degrees: plain, and against the nearest rotation that looks the same.
#[derive(Clone, Copy, Debug)]
pub struct GeodesicError {
    /// Against the rotation that was rendered.
    pub plain_deg: f32,
    /// Against the nearest rotation that looks the same.
    pub symmetric_deg: f32,
}

impl GeodesicError {
    /// Of an answer about an object of that symmetry.
    pub fn of(symmetry: SymmetryGroup, truth: UnitQuaternion, answer: UnitQuaternion) -> Self {
        Self {
            plain_deg: truth.geodesic_angle_rad(answer).to_degrees(),
            symmetric_deg: symmetry.distance_rad(truth, answer).to_degrees(),
        }
    }
}

/// Errors of what is said of one image of each subject.
pub(super) fn errors_of(
    subjects: &[usize],
    truths: &[UnitQuaternion],
    answers: &[UnitQuaternion],
    source: &dyn ViewSource,
) -> Vec<GeodesicError> {
    let of_image = |((subject, truth), answer): ((&usize, &UnitQuaternion), &UnitQuaternion)| {
        GeodesicError::of(source.symmetry(*subject), *truth, *answer)
    };
    subjects.iter().zip(truths).zip(answers).map(of_image).collect()
}

/// Errors of each image's rotation: all first views, then all second views.
pub fn absolute_errors(pairs: &PairFeatures, source: &dyn ViewSource) -> Vec<GeodesicError> {
    let view = |v: usize| errors_of(&pairs.objects, &pairs.rotations[v], &pairs.predicted[v], source);
    [view(0), view(1)].concat()
}

/// Errors of each pair's relative rotation.
pub fn relative_errors(pairs: &PairFeatures, source: &dyn ViewSource) -> Vec<GeodesicError> {
    let symmetries = symmetries(pairs, source);
    let errors = (0..symmetries.len()).map(|i| {
        let truth = [pairs.rotations[0][i], pairs.rotations[1][i]];
        let answer = [pairs.predicted[0][i], pairs.predicted[1][i]];
        let [truth, answer] =
            [truth, answer].map(|[first, second]: [UnitQuaternion; 2]| first.relative_rotation(second));
        GeodesicError {
            plain_deg: truth.geodesic_angle_rad(answer).to_degrees(),
            symmetric_deg: symmetries[i].relative_distance_rad(truth, answer).to_degrees(),
        }
    });
    errors.collect()
}

pub(super) fn symmetries(pairs: &PairFeatures, source: &dyn ViewSource) -> Vec<SymmetryGroup> {
    pairs.objects.iter().map(|object| source.symmetry(*object)).collect()
}

/// Summary of errors, plain and symmetry-aware.
///
/// # Errors
/// When there are none.
pub fn pose_report(errors: &[GeodesicError]) -> Result<PoseReport, EvaluationError> {
    let summary = |pick: fn(&GeodesicError) -> f32| PoseErrors::of(&errors.iter().map(pick).collect::<Vec<_>>());
    match (summary(|e| e.plain_deg), summary(|e| e.symmetric_deg)) {
        (Some(plain), Some(symmetric)) => Ok(PoseReport { plain, symmetric }),
        _ => Err(EvaluationError::Empty("there is no image to measure rotations on".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_by_hand() {
        let errors = PoseErrors::of(&[40.0, 10.0, 15.0, 20.0, 30.0]).unwrap();
        assert_eq!((errors.median_deg, errors.mean_deg), (20.0, 23.0));
        assert_eq!((errors.acc15, errors.acc30), (0.4, 0.8));
        assert!((errors.p90_deg - 36.0).abs() < 1e-9);
        assert_eq!(PoseErrors::of(&[]), None);
    }
}
