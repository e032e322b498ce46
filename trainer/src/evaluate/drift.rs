use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};

use super::PairFeatures;
use crate::nn::split_halves;

/// How far the features of two views of one object lie apart, as a multiple of how far views of two objects do:
/// 0 for perfect invariance, 1 where views of one object are as different as those of any two.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Of the whole features.
    pub features: f64,
    /// Of the invariant half.
    pub invariant: f64,
    /// Of the equivariant half.
    pub equivariant: f64,
}

impl Drift {
    /// Over pairs of views.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn of(pairs: &PairFeatures) -> Result<Self> {
        let [first, second] = &pairs.features;
        let ((a, b), (c, d)) = (split_halves(first)?, split_halves(second)?);
        Ok(Self {
            features: relative_drift(first, second, &pairs.objects)?,
            invariant: relative_drift(&a, &c, &pairs.objects)?,
            equivariant: relative_drift(&b, &d, &pairs.objects)?,
        })
    }
}

/// Mean distance of the two views of each pair, over the mean distance of the first view to the second view of the next
/// pair of another object; 0 where all distances are 0.
///
/// # Shapes
/// Both views are `[n, d]`, with the object of each pair.
///
/// # Errors
/// When shapes differ.
pub fn relative_drift(first: &Tensor, second: &Tensor, objects: &[usize]) -> Result<f64> {
    let count = objects.len();
    let other = |i: usize| (1..count).map(|k| (i + k) % count).find(|j| objects[*j] != objects[i]).unwrap_or(i) as u32;
    let others = Tensor::from_vec((0..count).map(other).collect::<Vec<_>>(), count, first.device())?;
    let mean_distance = |a: &Tensor, b: &Tensor| -> Result<f64> {
        let distances = (a - b)?.sqr()?.sum(1)?.sqrt()?.to_vec1::<f32>()?;
        Ok(distances.iter().map(|d| f64::from(*d)).sum::<f64>() / count.max(1) as f64)
    };
    let between_objects = mean_distance(first, &second.index_select(&others, 0)?)?;
    let between_views = mean_distance(first, second)?;
    Ok(if between_objects > 0.0 { between_views / between_objects } else { between_views })
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn drift_by_hand() {
        let tensor =
            |rows: &[[f32; 2]]| Tensor::from_slice(rows.as_flattened(), (rows.len(), 2), &Device::Cpu).unwrap();
        let first = tensor(&[[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]]);
        // Two pairs of object 7 and one of object 9: the others of 0 and 1 are pair 2, the other of 2 is pair 0.
        let objects = [7, 7, 9];
        assert_eq!(relative_drift(&first, &first, &objects).unwrap(), 0.0);
        let second = tensor(&[[0.0, 1.0], [0.0, 2.0], [3.0, 4.0]]);
        // Between views 1, 2, 0; between objects 5, 5 and |(3, 4) - (0, 1)|.
        let expected = 3.0 / (10.0 + 18f64.sqrt());
        assert!((relative_drift(&first, &second, &objects).unwrap() - expected).abs() < 1e-6);
        assert_eq!(relative_drift(&first, &second, &[1, 1, 1]).unwrap(), 1.0, "one object has no other");
    }
}
