use serde::{Deserialize, Serialize};

/// Coefficients of determination of predicted relative quaternions, in both definitions in use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationR2 {
    /// `1 - sum |t - o|^2 / sum (t - mean)^2` with one scalar mean over samples and components (SIE's code).
    pub sie: f64,
    /// The mean over components of each component's own coefficient (scikit-learn's `r2_score`).
    pub per_component: f64,
    /// What always answering the mean of each component scores under `sie`: read `sie` against this.
    pub floor: f64,
}

/// Compares predictions to targets.
///
/// # Shapes
/// Both are `[n, width]`, row-major.
///
/// # Panics
/// When the lengths differ or are not a multiple of `width`.
pub fn rotation_r2(targets: &[f32], predictions: &[f32], width: usize) -> RotationR2 {
    assert_eq!(targets.len(), predictions.len());
    let count = targets.len() / width;
    let means = component_means(targets, width);
    let constant: Vec<f32> = means.iter().copied().cycle().take(count * width).map(|m| m as f32).collect();
    RotationR2 {
        sie: scalar_mean_r2(targets, predictions),
        per_component: (0..width).map(|c| component_r2(targets, predictions, c, width)).sum::<f64>() / width as f64,
        floor: scalar_mean_r2(targets, &constant),
    }
}

fn scalar_mean_r2(targets: &[f32], predictions: &[f32]) -> f64 {
    let mean = component_means(targets, 1)[0];
    let total: f64 = targets.iter().map(|t| (f64::from(*t) - mean).powi(2)).sum();
    let error = squared_error(targets.iter(), predictions.iter());
    // As scikit-learn has it: of targets that are all the same there is nothing to explain.
    if total == 0.0 { f64::from(error == 0.0) } else { 1.0 - error / total }
}

fn component_r2(targets: &[f32], predictions: &[f32], component: usize, width: usize) -> f64 {
    let column = |values: &[f32]| values.iter().skip(component).step_by(width).copied().collect::<Vec<_>>();
    scalar_mean_r2(&column(targets), &column(predictions))
}

fn component_means(values: &[f32], width: usize) -> Vec<f64> {
    let count = (values.len() / width) as f64;
    (0..width).map(|c| values.iter().skip(c).step_by(width).map(|v| f64::from(*v)).sum::<f64>() / count).collect()
}

fn squared_error<'a>(a: impl Iterator<Item = &'a f32>, b: impl Iterator<Item = &'a f32>) -> f64 {
    a.zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use sextant_runtime::rotation::UnitQuaternion;

    use super::*;
    use crate::scene::{RotationSampling, SceneParameters};

    fn relative_quaternions(count: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draw = || SceneParameters::sample(&mut rng, RotationSampling::default()).world_from_object();
        (0..count).flat_map(|_| UnitQuaternion::relative_rotation(draw(), draw()).wxyz()).collect()
    }

    #[test]
    fn perfect_predictions_score_one() {
        let targets = relative_quaternions(100);
        let r2 = rotation_r2(&targets, &targets, 4);
        assert_eq!((r2.sie, r2.per_component), (1.0, 1.0));
    }

    #[test]
    fn the_mean_scores_the_floor_under_one_definition_and_zero_under_the_other() {
        let targets = relative_quaternions(20_000);
        let means: Vec<f32> = component_means(&targets, 4).iter().map(|m| *m as f32).collect();
        let constant: Vec<f32> = means.iter().copied().cycle().take(targets.len()).collect();
        let r2 = rotation_r2(&targets, &constant, 4);
        assert!((r2.sie - r2.floor).abs() < 1e-6);
        assert!(r2.per_component.abs() < 1e-5, "{r2:?}");
    }

    #[test]
    fn targets_that_are_all_the_same_give_numbers() {
        let identity = [1.0, 0.0, 0.0, 0.0].repeat(3);
        let right = rotation_r2(&identity, &identity, 4);
        assert_eq!((right.sie, right.per_component), (1.0, 1.0));
        let wrong = rotation_r2(&identity, &[0.5; 12], 4);
        assert_eq!(wrong.per_component, 0.0);
        assert!(wrong.sie.is_finite() && wrong.floor.is_finite(), "{wrong:?}");
    }

    #[test]
    fn numbers_by_hand() {
        // Scalar mean 1.5, total 5; errors 0.25 + 0 + 0 + 1.
        let r2 = rotation_r2(&[0.0, 1.0, 2.0, 3.0], &[0.5, 1.0, 2.0, 2.0], 2);
        assert!((r2.sie - 0.75).abs() < 1e-9);
        // Columns [0, 2] and [1, 3]: totals 2 and 2, errors 0.25 and 1.
        assert!((r2.per_component - (0.875 + 0.5) / 2.0).abs() < 1e-9);
        assert!((r2.floor - 0.2).abs() < 1e-9);
    }
}
