use candle_core::{D, Result, Tensor, bail};

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

/// Which keys a query must be told from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negatives {
    /// All others.
    AllViews,
    /// Those of other objects.
    OtherObjects,
}

/// InfoNCE (van den Oord et al. 2018) of several views of each object: the mean over all rows `q` of the queries of
/// `-log exp(cos(q, k_target) / t) / sum_k exp(cos(q, k) / t)`. A row of `queries[i]` has the same row of `keys[targets[i]]` as
/// its target, among the rows of all keys.
///
/// # Shapes
/// Queries and keys are `[n, d]` each: row `i` of all of them is of one object.
///
/// # Errors
/// When shapes differ.
pub fn view_nce<T: AsRef<Tensor>>(
    queries: &[T],
    targets: &[usize],
    keys: &[T],
    negatives: Negatives,
    temperature: f64,
) -> Result<Tensor> {
    let (queries, all) = (Tensor::cat(queries, 0)?, Tensor::cat(keys, 0)?);
    let (device, rows, columns) = (queries.device(), queries.dim(0)?, all.dim(0)?);
    let objects = columns / keys.len().max(1);
    let positives: Vec<usize> =
        targets.iter().flat_map(|target| (0..objects).map(move |object| target * objects + object)).collect();
    let mut similarity = (unit_rows(&queries)?.matmul(&unit_rows(&all)?.t()?)? / temperature)?;
    if negatives == Negatives::OtherObjects {
        let excluded = |(row, &positive): (usize, &usize)| {
            (0..columns).map(move |k| if k % objects == row % objects && k != positive { EXCLUDED } else { 0.0 })
        };
        let mask: Vec<f32> = positives.iter().enumerate().flat_map(excluded).collect();
        similarity = (similarity + Tensor::from_vec(mask, (rows, columns), device)?)?;
    }
    let positives: Vec<u32> = positives.into_iter().map(|key| key as u32).collect();
    cross_entropy(&similarity, &Tensor::new(positives, device)?)
}

/// `-log softmax` of each entry of rows `[n, classes]`.
///
/// # Errors
/// When it is no matrix.
pub fn negative_log_softmax(logits: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    shifted.exp()?.sum_keepdim(1)?.log()?.broadcast_sub(&shifted)
}

/// Added to the similarity of what is no candidate.
const EXCLUDED: f32 = -1e9;

/// NT-Xent: each vector has the other views of its object as its positives and all other vectors as candidates. For two
/// views it is SimCLR's (equation 1), for more the mean over the positives (Khosla et al. 2020, equation 2, with objects
/// in the place of classes).
///
/// # Shapes
/// Each view is `[n, d]`: row `i` of all of them is of one object.
///
/// # Errors
/// When shapes differ, or there are fewer than two views.
pub fn nt_xent<T: AsRef<Tensor>>(views: &[T], temperature: f64) -> Result<Tensor> {
    let both = unit_rows(&Tensor::cat(views, 0)?)?;
    let (count, device) = (both.dim(0)?, both.device());
    let objects = count / views.len().max(1);
    if views.len() < 2 {
        bail!("a contrast of views needs two of them")
    }
    let itself = |i: usize| (0..count).map(move |k| if k == i { EXCLUDED } else { 0.0 });
    let itself = Tensor::from_vec((0..count).flat_map(itself).collect(), (count, count), device)?;
    let logits = ((both.matmul(&both.t()?)? / temperature)? + itself)?;
    let share = 1.0 / ((views.len() - 1) * count) as f32;
    let positive = |i: usize| (0..count).map(move |k| if k != i && k % objects == i % objects { share } else { 0.0 });
    let positives: Vec<f32> = (0..count).flat_map(positive).collect();
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let log_shares = shifted.broadcast_sub(&shifted.exp()?.sum_keepdim(1)?.log()?)?;
    (log_shares * Tensor::from_vec(positives, (count, count), device)?)?.sum_all()?.neg()
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
        case(&|x| nt_xent(x, 0.3), &|x| reference::nt_xent(x, 4, 0.3));
    }
}
