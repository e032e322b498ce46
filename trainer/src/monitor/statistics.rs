use super::symmetric::eigenvalues;

/// At most so many rows of a batch are looked at: the cost grows with their square.
const MOST_ROWS: usize = 256;

/// How well a batch of embeddings fills its space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmbeddingStatistics {
    /// Mean over the dimensions of the standard deviation over the batch; near 0 when all embeddings are one.
    pub mean_std: f64,
    /// `sum over i != j of Cov_ij^2 / D`, SIE's covariance term; large when dimensions repeat each other.
    pub covariance: f64,
    /// Exponential of the entropy of the normalised singular values of the centred batch (RankMe, Garrido et al., 2023,
    /// equation 1), between 1 and [`Self::largest_rank`]; 0 when all embeddings are one.
    pub effective_rank: f64,
    /// The rank that the batch could have: the smaller of the dimensions and of the rows looked at less one.
    pub largest_rank: usize,
}

impl EmbeddingStatistics {
    /// Statistics of the rows of `[n, dimensions]`, of the first 256 when there are more.
    ///
    /// `None` for less than two rows, and for numbers that are not finite.
    ///
    /// # Panics
    /// When the length is no multiple of `dimensions`.
    pub fn measure(embeddings: &[f32], dimensions: usize) -> Option<Self> {
        assert!(dimensions > 0 && embeddings.len().is_multiple_of(dimensions), "rows of {dimensions} numbers");
        let rows = (embeddings.len() / dimensions).min(MOST_ROWS);
        let looked_at = &embeddings[..rows * dimensions];
        if rows < 2 || !looked_at.iter().all(|x| x.is_finite()) {
            return None;
        }
        let centred = centred(looked_at, dimensions);
        let degrees_of_freedom = (rows - 1) as f64;
        let variances = sums_of_squares(&centred, dimensions).map(|sum| sum / degrees_of_freedom).collect::<Vec<_>>();
        let gram = gram(&centred, dimensions);
        // The squared entries of the covariance sum to those of the Gram matrix: both have the same eigenvalues.
        let squared_covariances = gram.iter().map(|x| x * x).sum::<f64>() / degrees_of_freedom.powi(2);
        let on_diagonal = variances.iter().map(|variance| variance * variance).sum::<f64>();
        Some(Self {
            mean_std: variances.iter().map(|variance| variance.sqrt()).sum::<f64>() / dimensions as f64,
            covariance: (squared_covariances - on_diagonal).max(0.0) / dimensions as f64,
            effective_rank: effective_rank(&eigenvalues(gram, rows)),
            largest_rank: dimensions.min(rows - 1),
        })
    }
}

impl EmbeddingStatistics {
    /// [`Self::effective_rank`] alone, of all rows: its cost grows with the cube of the smaller of rows and dimensions.
    ///
    /// # Panics
    /// When the length is no multiple of `dimensions`.
    pub fn effective_rank_of(embeddings: &[f32], dimensions: usize) -> Option<f64> {
        assert!(dimensions > 0 && embeddings.len().is_multiple_of(dimensions), "rows of {dimensions} numbers");
        let rows = embeddings.len() / dimensions;
        if rows < 2 || !embeddings.iter().all(|x| x.is_finite()) {
            return None;
        }
        let centred = centred(embeddings, dimensions);
        // Rows and columns have the same non-zero eigenvalues.
        let (sides, smaller) =
            if rows <= dimensions { (centred, rows) } else { (transposed(&centred, dimensions), dimensions) };
        let length = sides.len() / smaller;
        Some(effective_rank(&eigenvalues(gram(&sides, length), smaller)))
    }
}

fn transposed(rows: &[f64], dimensions: usize) -> Vec<f64> {
    (0..dimensions).flat_map(|d| rows.iter().skip(d).step_by(dimensions).copied()).collect()
}

fn centred(embeddings: &[f32], dimensions: usize) -> Vec<f64> {
    let rows = embeddings.chunks_exact(dimensions);
    let count = rows.len() as f64;
    let mut sums = vec![0.0; dimensions];
    for row in rows.clone() {
        sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    rows.flat_map(|row| row.iter().zip(&sums).map(|(&x, sum)| f64::from(x) - sum / count)).collect()
}

/// Per dimension.
fn sums_of_squares(rows: &[f64], dimensions: usize) -> impl Iterator<Item = f64> {
    let mut sums = vec![0.0; dimensions];
    for row in rows.chunks_exact(dimensions) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * x);
    }
    sums.into_iter()
}

/// Products of all pairs of rows, `[n, n]`.
fn gram(rows: &[f64], dimensions: usize) -> Vec<f64> {
    let n = rows.len() / dimensions;
    let row = |i: usize| &rows[i * dimensions..][..dimensions];
    let mut gram = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let product = dot(row(i), row(j));
            gram[i * n + j] = product;
            gram[j * n + i] = product;
        }
    }
    gram
}

/// In eight sums, which the compiler can keep in one register each.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(x, y)| x * y).sum();
    for (a, b) in a.zip(b) {
        (0..8).for_each(|i| sums[i] += a[i] * b[i]);
    }
    sums.iter().sum::<f64>() + rest
}

/// Singular values are the roots of the Gram matrix's eigenvalues; what is rounding in these counts as 0.
fn effective_rank(gram_eigenvalues: &[f64]) -> f64 {
    let largest = gram_eigenvalues.iter().copied().fold(0.0, f64::max);
    let rounding = largest * gram_eigenvalues.len() as f64 * f64::EPSILON;
    let above_rounding = gram_eigenvalues.iter().filter(|&&x| x > rounding);
    let singular_values: Vec<f64> = above_rounding.map(|x| x.sqrt()).collect();
    let sum: f64 = singular_values.iter().sum();
    if sum == 0.0 {
        return 0.0;
    }
    singular_values.iter().map(|x| x / sum).map(|share| -share * share.ln()).sum::<f64>().exp()
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// `[n, d]` numbers of a rank, spread around an offset.
    fn batch(n: usize, d: usize, rank: usize, offset: f32) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut draw = |count: usize| (0..count).map(|_| rng.random_range(-1.0..1.0f32)).collect::<Vec<_>>();
        let (left, right) = (draw(n * rank), draw(rank * d));
        let entry = |i: usize| {
            let (row, column) = (i / d, i % d);
            (0..rank).map(|k| left[row * rank + k] * right[k * d + column]).sum::<f32>() + offset
        };
        (0..n * d).map(entry).collect()
    }

    /// The definitions, through nalgebra.
    fn oracle(values: &[f32], d: usize) -> (f64, f64, f64) {
        let n = values.len() / d;
        let mut matrix = DMatrix::from_row_iterator(n, d, values.iter().map(|&x| f64::from(x)));
        let mean = matrix.row_mean();
        matrix.row_iter_mut().for_each(|mut row| row -= &mean);
        let covariance = matrix.transpose() * &matrix / (n - 1) as f64;
        let mean_std = covariance.diagonal().map(f64::sqrt).mean();
        let off_diagonal = covariance.norm_squared() - covariance.diagonal().norm_squared();
        let singular_values = matrix.singular_values();
        let shares = &singular_values / singular_values.sum();
        let entropy: f64 = shares.iter().filter(|&&share| share > 1e-12).map(|share| -share * share.ln()).sum();
        (mean_std, off_diagonal / d as f64, entropy.exp())
    }

    #[test]
    fn statistics_follow_their_definitions() {
        for (n, d, rank, offset) in
            [(40, 12, 12, 0.0), (12, 40, 40, 3.0), (30, 30, 5, -1.0), (2, 9, 9, 0.0), (9, 1, 1, 0.0)]
        {
            let values = batch(n, d, rank, offset);
            let got = EmbeddingStatistics::measure(&values, d).unwrap();
            let (mean_std, covariance, effective_rank) = oracle(&values, d);
            let pairs = [(got.mean_std, mean_std), (got.covariance, covariance), (got.effective_rank, effective_rank)];
            for (got, expected) in pairs {
                let error = (got - expected).abs() / expected.max(1.0);
                assert!(error < 1e-5, "{n}x{d} of rank {rank}: {got}, expected {expected}");
            }
            assert!(got.effective_rank <= got.largest_rank as f64 + 1e-9);
        }
    }

    #[test]
    fn more_rows_than_are_looked_at_change_nothing() {
        let values = batch(MOST_ROWS + 40, 6, 6, 0.0);
        let first = EmbeddingStatistics::measure(&values[..MOST_ROWS * 6], 6);
        assert_eq!(EmbeddingStatistics::measure(&values, 6), first);
    }

    #[test]
    fn one_point_has_no_spread_and_no_rank() {
        let got = EmbeddingStatistics::measure(&[0.5; 40], 4).unwrap();
        assert_eq!(got, EmbeddingStatistics { mean_std: 0.0, covariance: 0.0, effective_rank: 0.0, largest_rank: 4 });
    }

    #[test]
    fn nothing_is_said_of_one_row_or_of_nan() {
        assert_eq!(EmbeddingStatistics::measure(&[1.0, 2.0], 2), None);
        assert_eq!(EmbeddingStatistics::measure(&[], 2), None);
        assert_eq!(EmbeddingStatistics::measure(&[1.0, f32::NAN, 1.0, 1.0], 2), None);
    }
}
