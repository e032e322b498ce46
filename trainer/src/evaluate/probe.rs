//! Probes: small networks trained on frozen features to read out what they hold.

use candle_core::{Device, Tensor, Var};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::EvaluationError;
use crate::nn::{Mlp, ParameterStore, cross_entropy};
use crate::optimiser::Optimiser;
use crate::optimiser::{OptimiserConfig, OptimiserKind};

/// How a probe is trained: Adam at a constant rate over reshuffled epochs.
#[derive(Clone, Copy, Debug)]
pub struct ProbeSettings {
    /// Passes over the training features.
    pub epochs: usize,
    /// Learning rate.
    pub lr: f64,
    /// Decides weights and order.
    pub seed: u64,
}

/// Features in a batch of probe training.
const BATCH: usize = 256;
/// Width of hidden layers (SIE's evaluation).
const HIDDEN: usize = 1024;

/// A classifier on frozen features.
pub struct ClassProbe(Probe);

impl ClassProbe {
    /// Trains one linear layer.
    ///
    /// # Shapes
    /// `features` is `[n, d]`, with `n` labels below `classes`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn linear(
        features: &Tensor,
        labels: &[u32],
        classes: usize,
        settings: ProbeSettings,
    ) -> Result<Self, EvaluationError> {
        Self::train(&["probe"], features, labels, classes, settings)
    }

    /// Trains two hidden layers of 1024 (SIE, section 5).
    ///
    /// # Shapes
    /// As of [`Self::linear`].
    ///
    /// # Errors
    /// When shapes differ.
    pub fn mlp(
        features: &Tensor,
        labels: &[u32],
        classes: usize,
        settings: ProbeSettings,
    ) -> Result<Self, EvaluationError> {
        Self::train(&["probe.layer0", "probe.layer1", "probe.layer2"], features, labels, classes, settings)
    }

    fn train(
        layers: &[&str],
        features: &Tensor,
        labels: &[u32],
        classes: usize,
        settings: ProbeSettings,
    ) -> Result<Self, EvaluationError> {
        let labels = Tensor::new(labels, features.device())?;
        let loss = |logits: &Tensor, rows: &Tensor| cross_entropy(logits, &labels.index_select(rows, 0)?);
        Ok(Self(Probe::train(layers, features, classes, settings, loss)?))
    }

    /// The class of each feature vector.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn classes(&self, features: &Tensor) -> Result<Vec<u32>, EvaluationError> {
        Ok(self.0.answers(features)?.argmax(1)?.to_vec1()?)
    }
}

/// Two features to numbers about their views, such as the quaternion of the rotation between them: two hidden layers of
/// 1024 (SIE, section 5).
pub struct PairProbe(Probe);

impl PairProbe {
    /// Trains on frozen features of pairs.
    ///
    /// # Shapes
    /// `features` are `[n, d]` each, `targets` is `[n, width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn train(features: &[Tensor; 2], targets: &Tensor, settings: ProbeSettings) -> Result<Self, EvaluationError> {
        let loss = |answers: &Tensor, rows: &Tensor| (answers - targets.index_select(rows, 0)?)?.sqr()?.mean_all();
        let pairs = Tensor::cat(features, 1)?;
        Ok(Self(Probe::train(&["first", "second", "last"], &pairs, targets.dim(1)?, settings, loss)?))
    }

    /// Predicted numbers, row-major `[n, width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn predict(&self, features: &[Tensor; 2]) -> Result<Vec<f32>, EvaluationError> {
        Ok(self.0.answers(&Tensor::cat(features, 1)?)?.flatten_all()?.to_vec1()?)
    }
}

/// A network on standardised features.
struct Probe {
    scaling: Standardiser,
    network: Mlp,
}

impl Probe {
    /// A layer for each name, from which its initial weights follow. `loss` is given answers and their rows.
    fn train(
        layers: &[&str],
        features: &Tensor,
        width_out: usize,
        settings: ProbeSettings,
        loss: impl Fn(&Tensor, &Tensor) -> candle_core::Result<Tensor>,
    ) -> Result<Self, EvaluationError> {
        let scaling = Standardiser::of(features)?;
        let features = scaling.apply(features)?;
        let mut widths = vec![HIDDEN; layers.len() + 1];
        (widths[0], widths[layers.len()]) = (features.dim(1)?, width_out);
        let mut store = ParameterStore::new(settings.seed, features.device());
        let network = Mlp::named(layers, &widths, &mut store.root())?;
        minimise(&store, features.dim(0)?, settings, |rows| {
            loss(&network.forward(&features.index_select(rows, 0)?)?, rows)
        })?;
        Ok(Self { scaling, network })
    }

    fn answers(&self, features: &Tensor) -> candle_core::Result<Tensor> {
        self.network.forward(&self.scaling.apply(features)?)
    }
}

/// Shifts and scales features to mean 0 and variance 1 over the training set.
pub(super) struct Standardiser {
    mean: Tensor,
    std: Tensor,
}

impl Standardiser {
    /// Of training features `[n, d]`.
    pub(super) fn of(features: &Tensor) -> candle_core::Result<Self> {
        let mean = features.mean_keepdim(0)?;
        let std = (features.broadcast_sub(&mean)?.sqr()?.mean_keepdim(0)? + 1e-8)?.sqrt()?;
        Ok(Self { mean, std })
    }

    /// The same shift and scale for any features of that width.
    pub(super) fn apply(&self, features: &Tensor) -> candle_core::Result<Tensor> {
        features.broadcast_sub(&self.mean)?.broadcast_div(&self.std)
    }
}

/// Adam over reshuffled epochs; `loss` is given the rows of a batch.
fn minimise(
    store: &ParameterStore,
    count: usize,
    settings: ProbeSettings,
    loss: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
) -> Result<(), EvaluationError> {
    let parameters: Vec<(String, Var)> = store.trained().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
    let mut optimiser = Optimiser::new(&adam(), &parameters)?;
    let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
    let mut order: Vec<u32> = (0..count as u32).collect();
    for _ in 0..settings.epochs {
        order.shuffle(&mut rng);
        for rows in order.chunks(BATCH) {
            let gradients = loss(&Tensor::new(rows, &Device::Cpu)?.to_device(store.device())?)?.backward()?;
            optimiser.step(&gradients, settings.lr)?;
        }
    }
    Ok(())
}

/// Adam without weight decay.
fn adam() -> OptimiserConfig {
    OptimiserConfig { kind: OptimiserKind::Adamw, weight_decay: 0.0, ..OptimiserConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: ProbeSettings = ProbeSettings { epochs: 60, lr: 3e-3, seed: 5 };

    /// 240 points whose class and "quaternion" are simple functions of them.
    fn points() -> (Tensor, Vec<u32>) {
        let values: Vec<[f32; 2]> =
            (0..240).map(|i| [(i % 16) as f32 - 7.5, (i / 16) as f32 * 100.0 - 700.0]).collect();
        let labels = values.iter().map(|[x, y]| u32::from(*x > 0.0) + 2 * u32::from(*y > 50.0)).collect();
        (Tensor::from_vec(values.concat(), (240, 2), &Device::Cpu).unwrap(), labels)
    }

    #[test]
    fn linear_probe_separates_what_is_separable_at_any_scale() {
        let (features, labels) = points();
        let probe =
            ClassProbe::linear(&features, &labels, 4, ProbeSettings { epochs: 200, lr: 0.03, seed: 1 }).unwrap();
        let found = probe.classes(&features).unwrap();
        let right = found.iter().zip(&labels).filter(|(a, b)| a == b).count();
        assert!(right >= 235, "{right} of 240");
    }

    #[test]
    fn an_mlp_separates_what_no_line_separates() {
        let values: Vec<[f32; 2]> = (0..200).map(|i| [(i % 20) as f32 - 9.5, (i / 20) as f32 - 4.5]).collect();
        let labels: Vec<u32> = values.iter().map(|[x, y]| u32::from((*x > 0.0) == (*y > 0.0))).collect();
        let features = Tensor::from_vec(values.concat(), (200, 2), &Device::Cpu).unwrap();
        let share = |found: Vec<u32>| found.iter().zip(&labels).filter(|(a, b)| a == b).count();
        let linear = ClassProbe::linear(&features, &labels, 2, SETTINGS).unwrap().classes(&features).unwrap();
        let mlp = ClassProbe::mlp(&features, &labels, 2, SETTINGS).unwrap().classes(&features).unwrap();
        assert!(share(linear) < 140);
        assert!(share(mlp) > 190);
    }

    #[test]
    fn rotation_probe_learns_a_function_of_both_views() {
        let (features, _) = points();
        let other = features.flip(&[0]).unwrap();
        let targets = ((features.narrow(1, 0, 1).unwrap() - other.narrow(1, 0, 1).unwrap()).unwrap() / 15.0).unwrap();
        let targets = Tensor::cat(&[&targets, &targets, &targets, &targets], 1).unwrap();
        let pair = [features, other];
        let probe = PairProbe::train(&pair, &targets, SETTINGS).unwrap();
        let predicted = probe.predict(&pair).unwrap();
        let truth: Vec<f32> = targets.flatten_all().unwrap().to_vec1().unwrap();
        let r2 = crate::evaluate::rotation_r2(&truth, &predicted, 4);
        assert!(r2.sie > 0.95, "{r2:?}");
    }
}
