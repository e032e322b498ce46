//! Variance and covariance of a batch of vectors, and the terms of VICReg's loss that are made of them.

use super::conv2d::{Conv2dShape, conv2d_forward, conv2d_weight_gradient};
use super::optimizer::squared_l2_norm;
use super::unwritten::filled;

/// Added to a variance before its square root is taken.
const VARIANCE_EPS: f32 = 1e-4;

/// A batch `[rows, columns]` with every column's mean taken off.
pub(crate) struct Centred {
    data: Vec<f32>,
    rows: usize,
    columns: usize,
}

/// A matrix product on the kernels of convolutions: maps of one pixel.
fn product_shape(rows: usize, depth: usize, columns: usize) -> Conv2dShape {
    Conv2dShape {
        images: rows,
        height: 1,
        width: 1,
        input_channels: depth,
        output_channels: columns,
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0, 0],
        groups: 1,
    }
}

impl Centred {
    /// `z [rows, columns]`, neither zero.
    pub(crate) fn new(z: &[f32], columns: usize) -> Self {
        let rows = z.len() / columns;
        let mut means = vec![0.0f64; columns];
        for row in z.chunks_exact(columns) {
            means.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let means: Vec<f32> = means.iter().map(|sum| (sum / rows as f64) as f32).collect();
        let mut data = Vec::with_capacity(z.len());
        for row in z.chunks_exact(columns) {
            data.extend(row.iter().zip(&means).map(|(value, mean)| value - mean));
        }
        Self { data, rows, columns }
    }

    /// One over the degrees of freedom; a batch of one counts as two.
    fn scale(&self) -> f32 {
        1.0 / (self.rows - 1).max(1) as f32
    }

    /// Unbiased variance of each column.
    fn variances(&self) -> Vec<f32> {
        let mut sums = vec![0.0f64; self.columns];
        for row in self.data.chunks_exact(self.columns) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value * value));
        }
        sums.iter().map(|&sum| (sum * f64::from(self.scale())) as f32).collect()
    }

    /// Whether products of rows are fewer than products of columns.
    fn is_wide(&self) -> bool {
        self.rows <= self.columns
    }

    /// `X X^T` where the batch is wide, else `X^T X`; both have the same Frobenius norm.
    fn gram(&self) -> Vec<f32> {
        let side = self.rows.min(self.columns);
        filled(side * side, |gram| {
            if self.is_wide() {
                conv2d_forward(&product_shape(self.rows, self.columns, side), &self.data, &self.data, gram)
            } else {
                conv2d_weight_gradient(&product_shape(self.rows, side, side), &self.data, &self.data, gram)
            }
        })
    }

    /// `X X^T X`, whichever of the two products [`Self::gram`] is.
    fn times_gram(&self, gram: &[f32]) -> Vec<f32> {
        filled(self.data.len(), |result| {
            if self.is_wide() {
                // The gradient of a product by its weights multiplies by a transposed matrix: the Gram matrix is
                // symmetric.
                conv2d_weight_gradient(&product_shape(self.rows, self.columns, self.rows), &self.data, gram, result)
            } else {
                conv2d_forward(&product_shape(self.rows, self.columns, self.columns), &self.data, gram, result)
            }
        })
    }

    /// `sum_{i != j} Cov_ij^2 / columns`, with `|Cov|^2 = |X X^T|^2 / (n - 1)^2`.
    pub(crate) fn covariance_penalty(&self) -> f32 {
        let scale = f64::from(self.scale());
        let all = squared_l2_norm(&self.gram()) * scale * scale;
        let diagonal: f64 = self.variances().iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        ((all - diagonal) / self.columns as f64) as f32
    }

    /// Gradient of `weight` times [`Self::covariance_penalty`] by the batch: `4 (X X^T X / (n - 1)^2 - X diag(v) /
    /// (n - 1)) / columns`. Its columns have no mean, as those of `X` have none.
    pub(crate) fn covariance_penalty_gradient(&self, weight: f32) -> Vec<f32> {
        let variances = self.variances();
        let mut gradient = self.times_gram(&self.gram());
        let scale = self.scale();
        let factor = 4.0 * weight * scale / self.columns as f32;
        for (to, x) in gradient.chunks_exact_mut(self.columns).zip(self.data.chunks_exact(self.columns)) {
            for ((to, &x), &variance) in to.iter_mut().zip(x).zip(&variances) {
                *to = factor * (*to * scale - x * variance);
            }
        }
        gradient
    }

    /// `mean_d max(0, 1 - sqrt(v_d + 1e-4))`.
    pub(crate) fn variance_hinge(&self) -> f32 {
        let hinge = |variance: &f32| f64::from((1.0 - (variance + VARIANCE_EPS).sqrt()).max(0.0));
        (self.variances().iter().map(hinge).sum::<f64>() / self.columns as f64) as f32
    }

    /// Gradient of `weight` times [`Self::variance_hinge`] by the batch.
    pub(crate) fn variance_hinge_gradient(mut self, weight: f32) -> Vec<f32> {
        let factor = -weight * self.scale() / self.columns as f32;
        let of_column = |variance: &f32| {
            let deviation = (variance + VARIANCE_EPS).sqrt();
            if deviation < 1.0 { factor / deviation } else { 0.0 }
        };
        let factors: Vec<f32> = self.variances().iter().map(of_column).collect();
        for row in self.data.chunks_exact_mut(self.columns) {
            row.iter_mut().zip(&factors).for_each(|(x, factor)| *x *= factor);
        }
        self.data
    }
}
