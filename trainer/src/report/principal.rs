//! Principal components, for maps in two dimensions.

use candle_core::{Result, Tensor};

/// Iterations of the power method; the error falls with the ratio of the eigenvalues to that power.
const ITERATIONS: usize = 100;

/// Coordinates of rows along their first two principal components.
///
/// # Shapes
/// `rows` is `[n, d]`; the result has `n` points.
///
/// # Errors
/// When `rows` is no matrix.
pub fn two_components(rows: &Tensor) -> Result<Vec<(f64, f64)>> {
    let (count, width) = rows.dims2()?;
    let centred = rows.broadcast_sub(&rows.mean_keepdim(0)?)?;
    let numbers: Vec<f64> = centred.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect();
    let mut covariance = vec![0.0; width * width];
    for row in numbers.chunks_exact(width) {
        for (i, a) in row.iter().enumerate() {
            covariance[i * width..][..width].iter_mut().zip(row).for_each(|(c, b)| *c += a * b / count as f64);
        }
    }
    let first = leading(&covariance, width);
    let eigenvalue: f64 = product(&covariance, &first).iter().zip(&first).map(|(a, b)| a * b).sum();
    for i in 0..width {
        for j in 0..width {
            covariance[i * width + j] -= eigenvalue * first[i] * first[j];
        }
    }
    let second = leading(&covariance, width);
    let along = |row: &[f64], axis: &[f64]| row.iter().zip(axis).map(|(a, b)| a * b).sum::<f64>();
    Ok(numbers.chunks_exact(width).map(|row| (along(row, &first), along(row, &second))).collect())
}

/// The eigenvector of the largest eigenvalue, unit length, by the power method from a fixed start.
fn leading(matrix: &[f64], width: usize) -> Vec<f64> {
    let mut vector: Vec<f64> = (0..width).map(|i| 1.0 + (i as f64 * 0.618).fract()).collect();
    for _ in 0..ITERATIONS {
        let next = product(matrix, &vector);
        let norm = next.iter().map(|v| v * v).sum::<f64>().sqrt();
        if norm < 1e-30 {
            break;
        }
        vector = next.into_iter().map(|v| v / norm).collect();
    }
    vector
}

fn product(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(vector.len()).map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum()).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn components_of_a_flat_cloud() {
        // Spread 3 along (1, 1, 0) and 1 along (1, -1, 0).
        let rows: Vec<[f32; 3]> = (0..40)
            .map(|i| {
                let (a, b) = ((i as f32 * 0.9).sin() * 3.0, (i as f32 * 2.3).cos());
                [a + b, a - b, 7.0]
            })
            .collect();
        let points =
            two_components(&Tensor::from_slice(rows.as_flattened(), (rows.len(), 3), &Device::Cpu).unwrap()).unwrap();
        let spread = |of: fn(&(f64, f64)) -> f64| points.iter().map(|p| of(p).powi(2)).sum::<f64>() / 40.0;
        let (first, second) = (spread(|p| p.0), spread(|p| p.1));
        assert!(first > 4.0 * second && second > 0.5, "{first} {second}");
        let total: f64 = {
            let mean = |c: usize| rows.iter().map(|r| f64::from(r[c])).sum::<f64>() / 40.0;
            (0..3).map(|c| rows.iter().map(|r| (f64::from(r[c]) - mean(c)).powi(2)).sum::<f64>() / 40.0).sum()
        };
        assert!((first + second - total).abs() < 1e-3 * total, "nothing lies outside the plane");
    }
}
