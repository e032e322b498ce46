//! Whether one change of all pictures keeps the inner products of their features: what CARE asks for.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::EvaluationError;
use super::measure::held_out_pairs;
use super::responses::unit_features;
use crate::config::Config;
use crate::data::{Drawing, ViewSource};
use crate::model::Model;

/// What becomes of the inner product of two held-out pictures' features, of unit length, from one augmentation that both
/// share to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct InnerProducts {
    /// Mean square of its change: CARE's L_equi on the features.
    pub squared_change: f64,
    /// That over twice the variance of the inner products: 0 where all are kept, 1 where nothing of them is.
    pub relative_change: f64,
}

/// Pictures that share an augmentation.
const BLOCK: usize = 8;
/// Most pictures that are looked at.
const MOST_PICTURES: usize = 2000;

/// Of held-out pictures as training shows them, every two of a block.
///
/// # Errors
/// When data or network fail.
pub(super) fn inner_products(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<InnerProducts, EvaluationError> {
    let (mut subjects, seed) = held_out_pairs(source.as_ref(), config);
    subjects.truncate(MOST_PICTURES.min(source.held_out_subjects().len()));
    let shown = config.shown_as(source, &Drawing::in_blocks(BLOCK))?;
    let looks = unit_features(model, &shown, &subjects, 2, seed.wrapping_add(7))?;
    Ok(InnerProducts::of(looks.chunks(BLOCK)))
}

impl InnerProducts {
    /// Of blocks of pictures, each with two looks.
    fn of<'a>(blocks: impl Iterator<Item = &'a [Vec<Vec<f32>>]>) -> Self {
        let mut products: Vec<[f64; 2]> = Vec::new();
        for block in blocks {
            for (at, first) in block.iter().enumerate() {
                products
                    .extend(block[at + 1..].iter().map(|other| [0, 1].map(|look| product(&first[look], &other[look]))));
            }
        }
        let count = products.len().max(1) as f64;
        let squared_change = products.iter().map(|[a, b]| (a - b).powi(2)).sum::<f64>() / count;
        let all = || products.iter().flatten();
        let mean = all().sum::<f64>() / (2.0 * count);
        let variance = all().map(|product| (product - mean).powi(2)).sum::<f64>() / (2.0 * count);
        Self { squared_change, relative_change: if variance > 0.0 { squared_change / (2.0 * variance) } else { 0.0 } }
    }
}

fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn unit(angle: f32) -> Vec<f32> {
        vec![angle.cos(), angle.sin()]
    }

    #[test]
    fn a_common_rotation_keeps_them_and_independent_ones_do_not() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let angles: Vec<f32> = (0..800).map(|_| rng.random_range(0.0..TAU)).collect();
        let of = |pictures: Vec<Vec<Vec<f32>>>| InnerProducts::of(pictures.chunks(8));
        let common = of(angles.iter().enumerate().map(|(at, a)| vec![unit(*a), unit(a + (at / 8) as f32)]).collect());
        assert!(common.squared_change < 1e-9 && common.relative_change < 1e-9, "{common:?}");
        let independent = of(angles.iter().map(|a| vec![unit(*a), unit(rng.random_range(0.0..TAU))]).collect());
        assert!((independent.relative_change - 1.0).abs() < 0.1, "{independent:?}");
    }

    #[test]
    fn they_are_told_by_hand() {
        // Inner products of 1 and 0: the change is 1, the variance 1/4.
        let pictures = [vec![vec![1.0, 0.0], vec![1.0, 0.0]], vec![vec![1.0, 0.0], vec![0.0, 1.0]]];
        let found = InnerProducts::of(pictures.chunks(8));
        assert_eq!(found, InnerProducts { squared_change: 1.0, relative_change: 2.0 });
        let constant = InnerProducts::of([vec![vec![1.0]; 2], vec![vec![1.0]; 2]].chunks(8));
        assert_eq!(constant, InnerProducts { squared_change: 0.0, relative_change: 0.0 });
    }
}
