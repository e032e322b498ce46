use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::PairFeatures;
use crate::model::Model;
use crate::transformation::Action;

/// Errors of a learned predictor `p(z, g)`, each the mean of a norm over the norm of what is expected: 0 is perfect,
/// and 1 is what always predicting zero scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictorLaws {
    /// `|p(z, g) - z'| / |z'|`, for the other view `z'` and what leads there.
    pub equivariance_error: f64,
    /// `|p(z, e) - z| / |z|`, for the action that changes nothing.
    pub identity_error: f64,
    /// `|p(p(z, g), g^-1) - z| / |z|`: there and back again.
    pub inverse_error: f64,
    /// `|p(p(z, g), h) - p(z, g h)| / |p(z, g h)|`: two steps or one.
    pub composition_error: f64,
}

/// Errors on pairs of views; `None` when the method predicts nothing, or the pairs have no embeddings.
///
/// # Errors
/// When shapes differ.
pub fn predictor_laws(model: &Model, pairs: &PairFeatures) -> Result<Option<PredictorLaws>> {
    let Some([first, second]) = &pairs.embeddings else { return Ok(None) };
    let (Some(z), Some(other)) = (&first.equivariant, &second.equivariant) else { return Ok(None) };
    laws(&|z, actions| Ok(model.method.predict(z, actions)?.map(|t| t.detach())), z, other, &pairs.actions())
}

/// Embeddings after an action each.
type Predict<'a> = dyn Fn(&Tensor, &[Action]) -> Result<Option<Tensor>> + 'a;

fn laws(predict: &Predict, z: &Tensor, other: &Tensor, actions: &[Action]) -> Result<Option<PredictorLaws>> {
    let Some(predicted) = predict(z, actions)? else { return Ok(None) };
    let inverses: Vec<Action> = actions.iter().map(|action| action.inverse()).collect();
    // The second action of a composition is the next pair's.
    let next: Vec<Action> = actions.iter().cycle().skip(1).take(actions.len()).cloned().collect();
    let joined: Vec<Action> = actions.iter().zip(&next).map(|(g, h)| g.then(h)).collect();
    let again = |z: &Tensor, actions: &[Action]| -> Result<Tensor> {
        predict(z, actions)?.ok_or_else(|| candle_core::Error::Msg("a method stopped predicting".into()))
    };
    Ok(Some(PredictorLaws {
        equivariance_error: relative_error(&predicted, other)?,
        identity_error: relative_error(&again(z, &vec![Action::IDENTITY; actions.len()])?, z)?,
        inverse_error: relative_error(&again(&predicted, &inverses)?, z)?,
        composition_error: relative_error(&again(&predicted, &next)?, &again(z, &joined)?)?,
    }))
}

/// Mean over the rows of `|found - expected| / |expected|`.
///
/// # Errors
/// When shapes differ.
pub fn relative_error(found: &Tensor, expected: &Tensor) -> Result<f64> {
    let norm = |x: &Tensor| x.sqr()?.sum(1)?.sqrt()?.to_vec1::<f32>();
    let (errors, norms) = (norm(&(found - expected)?)?, norm(expected)?);
    let ratios = errors.iter().zip(&norms).map(|(error, norm)| f64::from(*error) / f64::from(norm.max(1e-12)));
    Ok(ratios.sum::<f64>() / errors.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use sextant_runtime::rotation::UnitQuaternion;

    use super::*;

    /// Poses as rows: the true predictor multiplies with the rotation.
    fn turned(z: &Tensor, actions: &[Action]) -> Result<Tensor> {
        let matrices: Vec<f32> = actions.iter().flat_map(|action| action.rotation().to_matrix().concat()).collect();
        let matrices = Tensor::from_vec(matrices, (actions.len(), 3, 3), z.device())?;
        z.reshape((actions.len(), 3, 3))?.matmul(&matrices)?.flatten_from(1)
    }

    fn example() -> (Tensor, Vec<Action>) {
        let rotation = |i: usize| UnitQuaternion::from_euler_extrinsic_xyz([i as f32 * 0.4, 1.0 - i as f32 * 0.3, 0.5]);
        let z: Vec<f32> = (0..6).flat_map(|i| rotation(i).to_matrix().concat()).collect();
        let actions = (0..6).map(|i| Action::of_rotation(rotation(i + 3))).collect();
        (Tensor::from_vec(z, (6, 9), &Device::Cpu).unwrap(), actions)
    }

    #[test]
    fn a_perfect_predictor_breaks_no_law() {
        let (z, actions) = example();
        let other = turned(&z, &actions).unwrap();
        let laws = laws(&|z, actions| turned(z, actions).map(Some), &z, &other, &actions).unwrap().unwrap();
        let PredictorLaws { equivariance_error, identity_error, inverse_error, composition_error } = laws;
        for error in [equivariance_error, identity_error, inverse_error, composition_error] {
            assert!(error < 1e-5, "{laws:?}");
        }
    }

    #[test]
    fn each_law_is_broken_by_a_predictor_of_its_own() {
        let (z, actions) = example();
        let other = turned(&z, &actions).unwrap();
        let zero = laws(&|z, _| Ok(Some(z.zeros_like()?)), &z, &other, &actions).unwrap().unwrap();
        assert!((zero.equivariance_error - 1.0).abs() < 1e-6 && (zero.identity_error - 1.0).abs() < 1e-6);
        let double = laws(&|z, a| Ok(Some((turned(z, a)? * 2.0)?)), &z, &other, &actions).unwrap().unwrap();
        assert!((double.identity_error - 1.0).abs() < 1e-5);
        assert!((double.inverse_error - 3.0).abs() < 1e-5);
        assert!((double.composition_error - 1.0).abs() < 1e-5);
        let constant = laws(&|z, _| Ok(Some(z.clone())), &z, &other, &actions).unwrap().unwrap();
        assert_eq!((constant.identity_error, constant.inverse_error, constant.composition_error), (0.0, 0.0, 0.0));
        assert!(constant.equivariance_error > 0.5);
    }
}
