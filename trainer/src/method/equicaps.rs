//! EquiCaps: capsules whose 3x3 poses are multiplied by the rotation itself, without a predictor (Konstantinou et al.,
//! 2025).

use candle_core::{Result, Tensor};

use super::MethodConfig;
use super::{
    Embeddings, Method, MethodEntry, MethodOutput, Needs, Setting, Views, WeightedTerm, mean_squared_error, unit_rows,
    vicreg_terms,
};
use crate::nn::{CapsuleConfig, CapsuleHead, Capsules, Encoded, Encoder, Mode, Scope, turned};
use crate::options::ConfigOption;
use crate::transformation::{Action, Condition};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "equicaps",
    paper: "Konstantinou et al., 2025, arXiv 2506.09895",
    loss: "poses times the rotation meet the other view's poses + activations agree and spread + variance and covariance",
    reads_map_alone: true,
    needs: |_, _| Ok(Needs::told(Condition::MATRIX)),
    labels: &[],
    options: &[
        ConfigOption::weight("equivariance_weight", 5.0, "distance between turned and true poses"),
        ConfigOption::weight("invariance_weight", 0.1, "cross-entropy between the activations of both views"),
        ConfigOption::weight("mean_entropy_weight", 1.0, "entropy of the mean activations, which is to be large"),
        ConfigOption::weight("variance_weight", 10.0, "hinge on each dimension's standard deviation"),
        ConfigOption::weight("covariance_weight", 1.0, "squared covariance between dimensions"),
        ConfigOption::count("capsules", 32, 2, 1024, "capsules that come out, each with an activation and a 3x3 pose"),
        ConfigOption::count("primary_capsules", 16, 1, 256, "kinds of primary capsules at each position of the map"),
    ],
    model_keys: &[],
    build: |setting, scope| Ok(Box::new(EquiCaps::new(setting, scope)?)),
};

/// A capsule head on the encoder's last map.
pub struct EquiCaps {
    weights: Weights,
    head: CapsuleHead,
}

#[derive(Clone, Copy, Debug)]
struct Weights {
    equivariance: f64,
    invariance: f64,
    mean_entropy: f64,
    variance: f64,
    covariance: f64,
}

/// Numbers in a pose.
const POSE: usize = 9;
/// Keeps the logarithm of an activation finite.
const EPS: f64 = 1e-6;

impl EquiCaps {
    /// With the options' numbers of capsules.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let method = setting.method;
        let config = CapsuleConfig {
            channels: setting.map_channels,
            primary: method.count("primary_capsules")?,
            capsules: method.count("capsules")?,
        };
        Ok(Self { weights: Weights::of(method)?, head: config.init(&mut scope.child("capsules"))? })
    }
}

impl Weights {
    fn of(config: &MethodConfig) -> Result<Self> {
        Ok(Self {
            equivariance: config.number("equivariance_weight")?,
            invariance: config.number("invariance_weight")?,
            mean_entropy: config.number("mean_entropy_weight")?,
            variance: config.number("variance_weight")?,
            covariance: config.number("covariance_weight")?,
        })
    }
}

/// Each pose `P` as `P R / |P R|` (Frobenius): the object's own frame is turned on the right.
///
/// # Shapes
/// `poses` is `[n, capsules, 9]`, `rotations` is `[n, 9]`, rows first; the result is `[n, capsules, 9]`.
fn turned_poses(poses: &Tensor, rotations: &Tensor) -> Result<Tensor> {
    unit_rows(&turned(&poses.flatten_from(1)?, rotations)?.reshape(poses.shape())?)
}

fn log(x: &Tensor) -> Result<Tensor> {
    (x + EPS)?.log()
}

/// `CE(a, b) / 2 + CE(b, a) / 2` for distributions `[n, capsules]`: views of one object agree.
fn disagreement(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    ((a * log(b)?)? + (b * log(a)?)?)?.sum(1)?.mean_all()? * -0.5
}

/// `-H(mean a) - H(mean b)`: the capsules are to share the objects among them.
fn negative_mean_entropy(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let of = |x: &Tensor| {
        let mean = x.mean(0)?;
        (&mean * log(&mean)?)?.sum_all()
    };
    of(a)? + of(b)?
}

/// Variance and covariance are of the activations beside the poses as they are compared: turned and of unit norm.
fn terms([a, b]: [&Capsules; 2], rotations: &Tensor, weights: Weights) -> Result<Vec<WeightedTerm>> {
    let (turned, shown) = (turned_poses(&a.poses, rotations)?, unit_rows(&b.poses)?);
    let joined = |activations: &Tensor, poses: &Tensor| Tensor::cat(&[activations, &poses.flatten_from(1)?], 1);
    let [variance, covariance] = vicreg_terms(&joined(&a.activations, &turned)?, &joined(&b.activations, &shown)?)?;
    Ok(vec![
        ("equivariance", weights.equivariance, mean_squared_error(&turned, &shown)?),
        ("invariance", weights.invariance, disagreement(&a.activations, &b.activations)?),
        ("mean_entropy", weights.mean_entropy, negative_mean_entropy(&a.activations, &b.activations)?),
        ("variance", weights.variance, variance),
        ("covariance", weights.covariance, covariance),
    ])
}

impl Method for EquiCaps {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let encoded = [encoder.encode(first, Mode::Train)?, encoder.encode(second, Mode::Train)?];
        let a = self.head.forward(&encoded[0].map, Mode::Train)?;
        let b = self.head.forward(&encoded[1].map, Mode::Train)?;
        let rotations = Condition::MATRIX.rows(&views.actions(0, 1), views.device())?;
        let rows = [&a.activations, &a.poses, &b.activations, &b.poses, &rotations];
        let [activations, poses, activations_other, poses_other, rotations] = views.of_whole_batch(rows)?;
        let all = [Capsules { activations, poses }, Capsules { activations: activations_other, poses: poses_other }];
        let terms = terms([&all[0], &all[1]], &rotations, self.weights)?;
        // Shares of so many capsules, in multiples of an equal one: what has collapsed shows as in other embeddings.
        let shares = (&a.activations * a.activations.dim(1)? as f64)?;
        let embeddings = vec![("activations", shares), ("poses", a.poses.flatten_from(1)?)];
        MethodOutput::of(terms, encoded.map(|encoded| encoded.features), embeddings)
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let capsules = self.head.forward(&encoded.map, Mode::Evaluate)?;
        let poses = unit_rows(&capsules.poses)?.flatten_from(1)?;
        Ok(Embeddings { invariant: Some(capsules.activations), equivariant: Some(poses) })
    }

    fn predict(&self, equivariant: &Tensor, actions: &[Action]) -> Result<Option<Tensor>> {
        let (n, width) = equivariant.dims2()?;
        let rotations = Condition::MATRIX.rows(actions, equivariant.device())?;
        let turned = turned_poses(&equivariant.reshape((n, width / POSE, POSE))?, &rotations)?;
        Ok(Some(turned.flatten_from(1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{self, Case, Matrix, check, matrix, side_by_side};
    use crate::method::weighted_sum;

    const N: usize = 4;
    const CAPSULES: usize = 2;

    fn unit(pose: &[f64]) -> Vec<f64> {
        let norm = (pose.iter().map(|p| p * p).sum::<f64>() + 1e-12).sqrt();
        pose.iter().map(|p| p / norm).collect()
    }

    fn turned_by_loops(pose: &[f64], rotation: &[f64]) -> Vec<f64> {
        let entry = |i: usize| (0..3).map(|k| pose[i / 3 * 3 + k] * rotation[k * 3 + i % 3]).sum::<f64>();
        unit(&(0..POSE).map(entry).collect::<Vec<_>>())
    }

    fn entropy_of_mean(activations: &[f64]) -> f64 {
        (0..CAPSULES)
            .map(|j| {
                let mean = (0..N).map(|i| activations[i * CAPSULES + j]).sum::<f64>() / N as f64;
                -mean * (mean + EPS).ln()
            })
            .sum()
    }

    fn cross_entropy(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| -a * (b + EPS).ln()).sum::<f64>() / N as f64
    }

    /// Positive numbers.
    fn shares(number: usize) -> Matrix {
        let m = matrix(N, CAPSULES, number);
        Matrix { values: m.values.iter().map(|v| f64::from((v * v + 0.1) as f32)).collect(), ..m }
    }

    #[test]
    fn the_loss_agrees_with_loops() {
        let weights =
            Weights { equivariance: 5.0, invariance: 0.7, mean_entropy: 0.3, variance: 10.0, covariance: 1.0 };
        let tensors = |x: &[Tensor]| {
            let capsules = |activations: &Tensor, poses: &Tensor| {
                candle_core::Result::Ok(Capsules {
                    activations: activations.clone(),
                    poses: poses.reshape((N, CAPSULES, POSE))?,
                })
            };
            let (a, b) = (capsules(&x[0], &x[2])?, capsules(&x[1], &x[3])?);
            weighted_sum(&terms([&a, &b], &x[4], weights)?)
        };
        let loops = |x: &[Vec<f64>]| {
            let width = CAPSULES * (POSE + 1);
            let rotation = |i: usize| &x[4][i / CAPSULES * POSE..][..POSE];
            let poses = x[2].chunks(POSE).enumerate();
            let turned: Vec<f64> = poses.flat_map(|(i, pose)| turned_by_loops(pose, rotation(i))).collect();
            let shown: Vec<f64> = x[3].chunks(POSE).flat_map(unit).collect();
            let (a, b) = (side_by_side(&x[0], &turned, N), side_by_side(&x[1], &shown, N));
            5.0 * reference::mean_squared_error(&turned, &shown)
                + 0.35 * (cross_entropy(&x[0], &x[1]) + cross_entropy(&x[1], &x[0]))
                - 0.3 * (entropy_of_mean(&x[0]) + entropy_of_mean(&x[1]))
                + 5.0 * (reference::variance_hinge(&a, width) + reference::variance_hinge(&b, width))
                + reference::covariance(&a, width)
                + reference::covariance(&b, width)
        };
        let poses = |number| matrix(N, CAPSULES * POSE, number);
        let inputs = [shares(1), shares(2), poses(3), poses(4), matrix(N, POSE, 5)];
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }
}
