use candle_core::{D, DType, Result, Tensor};

use crate::nn::cross_entropy;
use crate::ops::{covariance_penalty, variance_hinge};

/// Mean of `(a - b)^2` over batch and dimensions.
///
/// # Errors
/// When shapes differ.
pub fn mean_squared_error(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a - b)?.sqr()?.mean_all()
}

/// Variance and covariance terms of two views' embeddings: `[V(a) + V(b)] / 2` and `C(a) + C(b)`.
///
/// # Errors
/// When shapes differ.
pub fn vicreg_terms(a: &Tensor, b: &Tensor) -> Result<[Tensor; 2]> {
    Ok([((variance_hinge(a)? + variance_hinge(b)?)? * 0.5)?, (covariance_penalty(a)? + covariance_penalty(b)?)?])
}

/// Rows scaled to unit length.
///
/// # Errors
/// When `x` is a scalar.
pub fn unit_rows(x: &Tensor) -> Result<Tensor> {
    x.broadcast_div(&(x.sqr()?.sum_keepdim(D::Minus1)? + 1e-12)?.sqrt()?)
}

/// Mean over the rows of `1 - cos(a, b)`.
///
/// # Errors
/// When shapes differ.
pub fn mean_cosine_distance(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    1.0 - (unit_rows(a)? * unit_rows(b)?)?.sum(D::Minus1)?.mean_all()?
}

/// InfoNCE (van den Oord et al. 2018): the mean over rows `i` of
/// `-log exp(cos(q_i, k_i) / t) / sum_j exp(cos(q_i, k_j) / t)`.
///
/// # Shapes
/// `queries` and `keys` are `[n, d]`.
///
/// # Errors
/// When shapes differ.
pub fn info_nce(queries: &Tensor, keys: &Tensor, temperature: f64) -> Result<Tensor> {
    let similarity = (unit_rows(queries)?.matmul(&unit_rows(keys)?.t()?)? / temperature)?;
    let own = Tensor::arange(0, queries.dim(0)? as u32, queries.device())?;
    cross_entropy(&similarity, &own)
}

/// Added to the similarity of a vector to itself, so that it is no candidate.
const EXCLUDED: f64 = -1e9;

/// NT-Xent (SimCLR, equation 1): each of the 2n vectors has the other view as its positive and the 2n - 2 others as
/// negatives.
///
/// # Shapes
/// `a` and `b` are `[n, d]`.
///
/// # Errors
/// When shapes differ.
pub fn nt_xent(a: &Tensor, b: &Tensor, temperature: f64) -> Result<Tensor> {
    let count = a.dim(0)?;
    let both = unit_rows(&Tensor::cat(&[a, b], 0)?)?;
    let similarity = (both.matmul(&both.t()?)? / temperature)?;
    let itself = (Tensor::eye(2 * count, DType::F32, a.device())? * EXCLUDED)?;
    let positives: Vec<u32> = (0..2 * count).map(|i| ((i + count) % (2 * count)) as u32).collect();
    cross_entropy(&(similarity + itself)?, &Tensor::new(positives, a.device())?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::method::reference::{self, Case, check, matrix};

    fn scalar(t: Result<Tensor>) -> f32 {
        t.unwrap().to_scalar().unwrap()
    }

    #[test]
    fn terms_have_their_values_by_hand() {
        let z = Tensor::new(&[[1f32, 2.0], [3.0, 2.0], [5.0, -1.0]], &Device::Cpu).unwrap();
        // Columns have variances 4 and 3; their covariance is -3.
        assert!((scalar(covariance_penalty(&z)) - 9.0).abs() < 1e-5);
        assert_eq!(scalar(variance_hinge(&z)), 0.0);
        assert!((scalar(variance_hinge(&(&z * 0.1).unwrap())) - (1.0 - (0.2001 + 0.17349) / 2.0)).abs() < 1e-3);
        assert_eq!(scalar(mean_squared_error(&z, &(&z + 2.0).unwrap())), 4.0);
    }

    #[test]
    fn a_batch_of_one_has_no_variance_and_stays_finite() {
        let z = Tensor::new(&[[1f32, 2.0]], &Device::Cpu).unwrap();
        assert!((scalar(variance_hinge(&z)) - 0.99).abs() < 1e-5);
        assert_eq!(scalar(covariance_penalty(&z)), 0.0);
    }

    #[test]
    fn every_term_agrees_with_loops() {
        let ab = [matrix(5, 4, 1), matrix(5, 4, 2)];
        let case = |tensors: &dyn Fn(&[Tensor]) -> Result<Tensor>, loops: &dyn Fn(&[Vec<f64>]) -> f64| {
            check(&Case { tensors, loops, inputs: &ab });
        };
        case(&|x| mean_squared_error(&x[0], &x[1]), &|x| reference::mean_squared_error(&x[0], &x[1]));
        case(&|x| variance_hinge(&x[0])? + variance_hinge(&x[1])?, &|x| {
            reference::variance_hinge(&x[0], 4) + reference::variance_hinge(&x[1], 4)
        });
        case(&|x| covariance_penalty(&x[0])? + covariance_penalty(&x[1])?, &|x| {
            reference::covariance(&x[0], 4) + reference::covariance(&x[1], 4)
        });
        case(&|x| mean_cosine_distance(&x[0], &x[1]), &|x| reference::mean_cosine_distance(&x[0], &x[1], 4));
        case(&|x| info_nce(&x[0], &x[1], 0.3), &|x| reference::info_nce(&x[0], &x[1], 4, 0.3));
        case(&|x| nt_xent(&x[0], &x[1], 0.3), &|x| reference::nt_xent(&x[0], &x[1], 4, 0.3));
    }
}
