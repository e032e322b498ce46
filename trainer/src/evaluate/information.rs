//! What features Z and class C tell of a transformation A, in bits, from the cross-entropies of probes.
//!
//! A probe that gives probabilities q pays at least the entropy that remains, `E[-log q(A|Z)] >= H(A|Z)`, so that
//! `I(A;Z) >= H(A) - E[-log q(A|Z)]`, a lower bound. A second probe is also told the class. The difference of what both
//! pay estimates `I(C;A|Z) = H(A|Z) - H(A|Z,C)`, how much the class explains away (Wang et al., NeurIPS
//! 2024); it is a bound only where the first probe is as good as any. A is drawn without looking at the class, so `I(C;A)`
//! is 0 but for chance, and the synergy `I(C;A|Z) - I(C;A)` is the estimate.

use candle_core::{Device, Tensor, Var};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::EvaluationError;
use super::probe::Standardiser;
use super::transformations::losses_bits;
use crate::nn::{Mlp, ParameterStore, cross_entropy};
use crate::optimiser::{Optimiser, OptimiserConfig, OptimiserKind};

/// What is known of a transformation A from features Z and class C, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Information {
    /// H(A): log2 of the number of its classes, which are drawn alike.
    pub entropy_bits: f64,
    /// I(A;Z), a lower bound: how well the transformation is read from the features. Far below H(A) where it is lossy.
    pub i_a_z: Estimate,
    /// I(C;A): what the class tells of the transformation without a picture.
    pub i_c_a: Estimate,
    /// I(C;A|Z), an estimate: what the class adds to the features. Above 0 where the class is relevant.
    pub i_c_a_given_z: Estimate,
}

/// A number of bits with its spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean over test pictures and probes.
    pub bits: f64,
    /// Standard error of the mean over the test pictures.
    pub standard_error: f64,
}

impl Estimate {
    /// The mean of what each picture says.
    fn of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Self {
        let count = values.len().max(1) as f64;
        let bits = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - bits).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        Self { bits, standard_error: (variance / count).sqrt() }
    }
}

/// Pictures with what was done to each.
pub(super) struct Sample {
    /// `[n, d]`.
    pub features: Tensor,
    /// Class of the transformation.
    pub transformed: Vec<u32>,
    /// Class of the picture.
    pub class: Vec<u32>,
}

/// Probes of different seeds whose losses are averaged.
const PROBES: u64 = 3;
/// Width of the probes' hidden layer.
const HIDDEN: usize = 256;
/// Passes over the training pictures at most; the best on a part that is kept apart counts.
const EPOCHS: usize = 40;
/// Passes without a better one after which a probe stops.
const PATIENCE: usize = 5;
/// Pictures in a step.
const BATCH: usize = 256;
/// Learning rate of Adam.
const LR: f64 = 1e-3;
/// One in so many training pictures decides when a probe stops.
const KEPT_APART: usize = 5;

/// Of probes that learn on `train`, measured on `test`; `counts` are the classes of transformation and pictures.
pub(super) fn information(
    train: &Sample,
    test: &Sample,
    counts: [usize; 2],
    seed: u64,
) -> Result<Information, EvaluationError> {
    let [transformations, classes] = counts;
    let entropy_bits = (transformations as f64).log2();
    let mut paid = [vec![0.0; test.class.len()], vec![0.0; test.class.len()]];
    for (knows_class, paid) in paid.iter_mut().enumerate() {
        let input = |sample: &Sample| sample.input((knows_class == 1).then_some(classes));
        let (train_input, test_input) = (input(train)?, input(test)?);
        for probe in 0..PROBES {
            let seed = seed.wrapping_add(probe);
            let losses =
                probe_losses(&train_input, &train.transformed, &test_input, &test.transformed, transformations, seed)?;
            paid.iter_mut().zip(losses).for_each(|(sum, loss)| *sum += loss / PROBES as f64);
        }
    }
    let [without, with] = &paid;
    Ok(Information {
        entropy_bits,
        i_a_z: Estimate::of(without.iter().map(|paid| entropy_bits - paid)),
        i_c_a: of_counts(&test.class, &test.transformed, counts),
        i_c_a_given_z: Estimate::of(without.iter().zip(with).map(|(without, with)| without - with)),
    })
}

impl Sample {
    /// Features `[n, d]`, with the class as a row of `classes` numbers behind them where it is told.
    fn input(&self, classes: Option<usize>) -> candle_core::Result<Tensor> {
        let Some(classes) = classes else { return Ok(self.features.clone()) };
        let mut told = vec![0f32; self.class.len() * classes];
        self.class.iter().enumerate().for_each(|(row, class)| told[row * classes + *class as usize] = 1.0);
        let told = Tensor::from_vec(told, (self.class.len(), classes), self.features.device())?;
        Tensor::cat(&[&self.features, &told], 1)
    }
}

/// Mutual information of two lists of classes from how often they meet, less the bias of so few pictures (Miller 1955).
fn of_counts(first: &[u32], second: &[u32], [seconds, firsts]: [usize; 2]) -> Estimate {
    let count = first.len().max(1) as f64;
    let mut met = vec![0.0; firsts * seconds];
    let (mut of_first, mut of_second) = (vec![0.0; firsts], vec![0.0; seconds]);
    for (a, b) in first.iter().zip(second) {
        met[*a as usize * seconds + *b as usize] += 1.0;
        of_first[*a as usize] += 1.0;
        of_second[*b as usize] += 1.0;
    }
    let pointwise = |(a, b): (&u32, &u32)| {
        let together: f64 = met[*a as usize * seconds + *b as usize];
        (together * count / (of_first[*a as usize] * of_second[*b as usize])).log2()
    };
    let estimate = Estimate::of(first.iter().zip(second).map(pointwise));
    let bias = ((firsts.max(1) - 1) * (seconds.max(1) - 1)) as f64 / (2.0 * count * std::f64::consts::LN_2);
    Estimate { bits: estimate.bits - bias, ..estimate }
}

/// What a probe that has learned on `train` pays for each row of `test`, in bits.
fn probe_losses(
    train: &Tensor,
    train_truth: &[u32],
    test: &Tensor,
    test_truth: &[u32],
    classes: usize,
    seed: u64,
) -> Result<Vec<f64>, EvaluationError> {
    let scaling = Standardiser::of(train)?;
    let (train, test) = (scaling.apply(train)?, scaling.apply(test)?);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<u32> = (0..train_truth.len() as u32).collect();
    order.shuffle(&mut rng);
    let (apart, learned) = order.split_at(train_truth.len() / KEPT_APART);
    let pick = |rows: &[u32]| -> candle_core::Result<(Tensor, Vec<u32>)> {
        let rows_there = Tensor::new(rows, &Device::Cpu)?.to_device(train.device())?;
        Ok((train.index_select(&rows_there, 0)?, rows.iter().map(|row| train_truth[*row as usize]).collect()))
    };
    let apart = pick(apart)?;
    let mut learned = learned.to_vec();

    let mut store = ParameterStore::new(seed, train.device());
    let network = Mlp::new(&[train.dim(1)?, HIDDEN, classes], &mut store.root())?;
    let parameters: Vec<(String, Var)> = store.trained().iter().map(|(n, v)| (n.clone(), v.clone())).collect();
    let adam = OptimiserConfig { kind: OptimiserKind::Adamw, weight_decay: 1e-4, ..OptimiserConfig::default() };
    let mut optimiser = Optimiser::new(&adam, &parameters)?;
    let answers = |x: &Tensor| network.forward(x).map(|logits| logits.detach());
    let paid_apart = || -> candle_core::Result<f64> { Ok(losses_bits(&answers(&apart.0)?, &apart.1)?.iter().sum()) };
    let mut best = (paid_apart()?, losses_bits(&answers(&test)?, test_truth)?, 0);
    for epoch in 1..=EPOCHS {
        learned.shuffle(&mut rng);
        for rows in learned.chunks(BATCH) {
            let (x, truth) = pick(rows)?;
            let truth = Tensor::new(truth, &Device::Cpu)?.to_device(train.device())?;
            optimiser.step(&cross_entropy(&network.forward(&x)?, &truth)?.backward()?, LR)?;
        }
        let paid = paid_apart()?;
        if paid < best.0 {
            best = (paid, losses_bits(&answers(&test)?, test_truth)?, epoch);
        } else if epoch - best.2 >= PATIENCE {
            break;
        }
    }
    Ok(best.1)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    /// Features are class plus transformation modulo 2, with noise, or noise alone.
    fn sample(count: usize, seed: u64, hold: bool) -> Sample {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut features, mut transformed, mut class) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let (a, c) = (rng.random_range(0..2u32), rng.random_range(0..2u32));
            let sum = if hold { ((a + c) % 2) as f32 } else { 0.5 };
            features.extend([sum * 4.0 + rng.random_range(-0.5..0.5), rng.random_range(-1.0..1.0)]);
            transformed.push(a);
            class.push(c);
        }
        Sample { features: Tensor::from_vec(features, (count, 2), &Device::Cpu).unwrap(), transformed, class }
    }

    #[test]
    fn what_only_both_together_tell_is_synergy() {
        let of = |hold| information(&sample(2000, 1, hold), &sample(1000, 2, hold), [2, 2], 0).unwrap();
        let explained = of(true);
        // Of the sum alone nothing is known; with the class everything.
        assert!(explained.i_a_z.bits.abs() < 0.02, "{explained:?}");
        assert!(explained.i_c_a_given_z.bits > 0.95, "{explained:?}");
        assert!(explained.i_c_a.bits.abs() < 0.01 && explained.entropy_bits == 1.0, "{explained:?}");
        let nothing = of(false);
        assert!(nothing.i_a_z.bits.abs() < 0.02 && nothing.i_c_a_given_z.bits.abs() < 0.02, "{nothing:?}");
    }

    #[test]
    fn what_features_tell_alone_is_no_synergy() {
        let readable = |seed| {
            let mut sample = sample(1500, seed, false);
            let columns: Vec<f32> = sample.transformed.iter().flat_map(|a| [*a as f32, 0.0]).collect();
            sample.features = Tensor::from_vec(columns, (1500, 2), &Device::Cpu).unwrap();
            sample
        };
        let found = information(&readable(3), &readable(4), [2, 2], 0).unwrap();
        assert!(found.i_a_z.bits > 0.95 && found.i_c_a_given_z.bits.abs() < 0.02, "{found:?}");
    }

    #[test]
    fn counts_by_hand() {
        let same = of_counts(&[0, 1, 0, 1], &[0, 1, 0, 1], [2, 2]);
        let bias = 1.0 / (8.0 * std::f64::consts::LN_2);
        assert!((same.bits - (1.0 - bias)).abs() < 1e-9 && same.standard_error == 0.0, "{same:?}");
        let apart = of_counts(&[0, 0, 1, 1], &[0, 1, 0, 1], [2, 2]);
        assert!((apart.bits + bias).abs() < 1e-9, "{apart:?}");
    }
}
