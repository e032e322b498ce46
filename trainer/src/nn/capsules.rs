use candle_core::{D, Result, Tensor, Var};

use super::attention::softmax;
use super::{ConvNorm, ConvNormConfig, Mode, Scope};
use crate::ops::Activation;

/// Sizes of a [`CapsuleHead`].
#[derive(Clone, Copy, Debug)]
pub struct CapsuleConfig {
    /// Channels of the map that the capsules read.
    pub channels: usize,
    /// Kinds of primary capsules at each position.
    pub primary: usize,
    /// Capsules that come out.
    pub capsules: usize,
}

/// Capsules on a spatial map: each has an activation and a 3x3 pose (EquiCaps), with self-routing between the layers
/// (Hahn et al. 2019).
///
/// Votes are `W P`: a matrix on the left commutes with a rotation on the right, so where the primary poses turn by
/// `P -> P R`, the votes turn with them.
pub struct CapsuleHead {
    config: CapsuleConfig,
    primary: ConvNorm,
    /// `[primary, 9, capsules]`.
    routing: Var,
    /// `[primary, capsules, 3, 3]`.
    votes: Var,
}

/// Capsules of a batch.
#[derive(Clone, Debug)]
pub struct Capsules {
    /// `[n, capsules]`, in [0, 1], summing to 1 over the capsules.
    pub activations: Tensor,
    /// `[n, capsules, 9]`: each capsule's 3x3 matrix, rows first.
    pub poses: Tensor,
}

/// Numbers in a pose.
const POSE: usize = 9;
/// Keeps divisions by sums of activations finite.
const EPS: f64 = 1e-6;

impl CapsuleConfig {
    /// Makes the head.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<CapsuleHead> {
        let Self { channels, primary, capsules } = self;
        let convolution = ConvNormConfig::new(channels, primary * (POSE + 1), 3);
        Ok(CapsuleHead {
            config: self,
            primary: convolution.init(&mut scope.child("primary"))?,
            routing: scope.uniform_fan_in("routing", (primary, POSE, capsules), POSE)?,
            votes: scope.uniform_fan_in("votes", (primary, capsules, 3, 3), 3)?,
        })
    }
}

impl CapsuleHead {
    /// # Shapes
    /// A map `[n, h, w, channels]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, map: &Tensor, mode: Mode) -> Result<Capsules> {
        let raw = self.primary.forward(map, None, Activation::Identity, mode)?;
        let (n, height, width, _) = raw.dims4()?;
        let raw = raw.reshape((n, height * width, self.config.primary, POSE + 1))?.permute((2, 0, 1, 3))?;
        // [primary, n, positions, 9] and [primary, n, positions, 1].
        let poses = raw.narrow(D::Minus1, 0, POSE)?.contiguous()?;
        let activations = sigmoid(&raw.narrow(D::Minus1, POSE, 1)?.contiguous()?)?;
        self.route(&poses, &activations)
    }

    /// Self-routing: with `c = softmax(routing pose)`, `pose_j = sum_i c_ij a_i W_ij pose_i / sum_i c_ij a_i` and
    /// `a_j = sum_i c_ij a_i / sum_i a_i`, over all kinds and positions `i`.
    ///
    /// # Shapes
    /// `poses` is `[primary, n, positions, 9]`, `activations` is `[primary, n, positions, 1]`.
    fn route(&self, poses: &Tensor, activations: &Tensor) -> Result<Capsules> {
        let (primary, n, positions, _) = poses.dims4()?;
        let capsules = self.config.capsules;
        let logits = poses.reshape((primary, n * positions, POSE))?.matmul(&self.routing)?;
        let shares = softmax(&logits)?.reshape((primary, n, positions, capsules))?;
        let weights = shares.broadcast_mul(activations)?;
        let mass = weights.sum((0, 2))?;
        // [primary, n, capsules, 9]: poses gathered for each capsule, before its matrices.
        let gathered = weights.transpose(2, 3)?.contiguous()?.matmul(poses)?;
        let gathered = gathered.reshape((primary, n, capsules, 1, 3, 3))?;
        let votes = self.votes.reshape((primary, 1, capsules, 3, 3, 1))?.broadcast_mul(&gathered)?;
        let total = votes.sum((0, 4))?.reshape((n, capsules, POSE))?;
        Ok(Capsules {
            poses: total.broadcast_div(&(mass.unsqueeze(2)? + EPS)?)?,
            activations: mass.broadcast_div(&(activations.sum((0, 2))? + EPS)?)?,
        })
    }
}

/// `1 / (1 + exp(-x))`, finite at any `x`.
fn sigmoid(x: &Tensor) -> Result<Tensor> {
    ((x * 0.5)?.tanh()? + 1.0)? * 0.5
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::ParameterStore;
    use super::*;
    use crate::method::reference::{Case, check, matrix};

    const CONFIG: CapsuleConfig = CapsuleConfig { channels: 4, primary: 2, capsules: 3 };
    const POSITIONS: usize = 2;

    fn numbers(var: &Var) -> Vec<f64> {
        var.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
    }

    /// A weighted sum of poses and activations of one sample, by loops; inputs are `[primary, 1, positions, ..]`.
    fn by_loops(head: &CapsuleHead, poses: &[f64], activations: &[f64]) -> f64 {
        let (routing, votes) = (numbers(&head.routing), numbers(&head.votes));
        let capsules = CONFIG.capsules;
        let (mut pose, mut mass) = (vec![[0.0; POSE]; capsules], vec![0.0; capsules]);
        for i in 0..CONFIG.primary * POSITIONS {
            let (kind, own) = (i / POSITIONS, &poses[i * POSE..][..POSE]);
            let logit = |j: usize| (0..POSE).map(|k| own[k] * routing[(kind * POSE + k) * capsules + j]).sum::<f64>();
            let sum: f64 = (0..capsules).map(|j| logit(j).exp()).sum();
            for j in 0..capsules {
                let weight = logit(j).exp() / sum * activations[i];
                mass[j] += weight;
                for (row, column) in (0..POSE).map(|k| (k / 3, k % 3)) {
                    let vote = |k: usize| votes[((kind * capsules + j) * 3 + row) * 3 + k] * own[k * 3 + column];
                    pose[j][row * 3 + column] += weight * (0..3).map(vote).sum::<f64>();
                }
            }
        }
        let all: f64 = activations.iter().sum();
        (0..capsules)
            .map(|j| {
                let weighted = pose[j].iter().enumerate().map(|(k, p)| (k + 1) as f64 * p).sum::<f64>();
                weighted / (mass[j] + EPS) + (j + 1) as f64 * mass[j] / (all + EPS)
            })
            .sum()
    }

    #[test]
    fn routing_agrees_with_loops() {
        let mut store = ParameterStore::new(4, &Device::Cpu);
        let head = CONFIG.init(&mut store.root()).unwrap();
        let inputs = CONFIG.primary * POSITIONS;
        let ramp = |count: usize| Tensor::arange(1f32, (count + 1) as f32, &Device::Cpu);
        let tensors = |x: &[Tensor]| {
            let poses = x[0].reshape((CONFIG.primary, 1, POSITIONS, POSE))?;
            let activations = sigmoid(&x[1].reshape((CONFIG.primary, 1, POSITIONS, 1))?)?;
            let out = head.route(&poses, &activations)?;
            let poses = out.poses.broadcast_mul(&ramp(POSE)?)?.sum_all()?;
            poses + out.activations.broadcast_mul(&ramp(CONFIG.capsules)?)?.sum_all()?
        };
        let loops = |x: &[Vec<f64>]| {
            let activations: Vec<f64> = x[1].iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
            by_loops(&head, &x[0], &activations)
        };
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(inputs, POSE, 1), matrix(inputs, 1, 2)] });
    }

    #[test]
    fn activations_are_a_distribution() {
        let mut store = ParameterStore::new(4, &Device::Cpu);
        let head = CONFIG.init(&mut store.root()).unwrap();
        let map: Vec<f32> = (0..2 * 9 * 4).map(|i| (i as f32 * 1.3).sin() * 3.0).collect();
        let map = Tensor::from_vec(map, (2, 3, 3, 4), &Device::Cpu).unwrap();
        let out = head.forward(&map, Mode::Train).unwrap();
        assert_eq!(out.poses.dims(), [2, 3, 9]);
        for row in out.activations.to_vec2::<f32>().unwrap() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4 && row.iter().all(|a| *a >= 0.0), "{row:?}");
        }
    }
}
