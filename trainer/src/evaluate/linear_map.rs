//! The best linear map from features of pictures to features of moved pictures.

use super::equivariance::Rows;

/// Of the diagonal's mean, added to it so that features that copy each other leave one answer.
const RIDGE: f64 = 1e-8;

/// Least squares from rows at even places, with a constant; rows at odd places tell how good the map is.
pub(super) struct LinearMap {
    /// Cholesky factor of the normal equations, lower triangle, row-major; `None` where nothing varies.
    factor: Option<Vec<f64>>,
    width: usize,
    mean: Vec<f64>,
}

impl LinearMap {
    /// Prepares maps from these rows.
    pub fn from(rows: &Rows) -> Self {
        let (width, mean) = (rows.width, mean(rows));
        let mut gram = vec![0.0; width * width];
        for row in learned(rows) {
            let centred = centred(row, &mean);
            for (i, line) in gram.chunks_exact_mut(width).enumerate() {
                line[..=i].iter_mut().zip(&centred).for_each(|(sum, x)| *sum += centred[i] * x);
            }
        }
        let scale = (0..width).map(|i| gram[i * width + i]).sum::<f64>() / width as f64;
        (0..width).for_each(|i| gram[i * width + i] += RIDGE * scale);
        Self { factor: (scale > 0.0).then(|| cholesky(gram, width)), width, mean }
    }

    /// Fits the map to `to` and measures it on the other rows: the root of the share of variance that it leaves.
    pub fn error(&self, from: &Rows, to: &Rows) -> Option<f64> {
        let factor = self.factor.as_ref()?;
        let (width, target_mean) = (self.width, mean(to));
        // Column by column of the answer: coefficients `[width, to.width]`.
        let mut coefficients = vec![0.0; width * to.width];
        for (x, y) in learned(from).zip(learned(to)) {
            let (x, y) = (centred(x, &self.mean), centred(y, &target_mean));
            for (line, x) in coefficients.chunks_exact_mut(to.width).zip(&x) {
                line.iter_mut().zip(&y).for_each(|(sum, y)| *sum += x * y);
            }
        }
        solve(factor, width, &mut coefficients, to.width);
        let (mut left, mut all) = (0.0, 0.0);
        for (x, y) in kept(from).zip(kept(to)) {
            let (x, y) = (centred(x, &self.mean), centred(y, &target_mean));
            let mut answer = vec![0.0; to.width];
            for (line, x) in coefficients.chunks_exact(to.width).zip(&x) {
                answer.iter_mut().zip(line).for_each(|(sum, coefficient)| *sum += coefficient * x);
            }
            left += answer.iter().zip(&y).map(|(answer, y)| (answer - y).powi(2)).sum::<f64>();
            all += y.iter().map(|y| y * y).sum::<f64>();
        }
        (all > 0.0).then(|| (left / all).sqrt())
    }
}

fn learned(rows: &Rows) -> impl Iterator<Item = &[f32]> {
    rows.iter().step_by(2)
}

fn kept(rows: &Rows) -> impl Iterator<Item = &[f32]> {
    rows.iter().skip(1).step_by(2)
}

/// Of the rows that are learned from.
fn mean(rows: &Rows) -> Vec<f64> {
    let (mut sums, mut count) = (vec![0.0; rows.width], 0.0f64);
    for row in learned(rows) {
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        count += 1.0;
    }
    sums.into_iter().map(|sum| sum / count.max(1.0)).collect()
}

fn centred(row: &[f32], mean: &[f64]) -> Vec<f64> {
    row.iter().zip(mean).map(|(x, mean)| f64::from(*x) - mean).collect()
}

/// The lower triangle L of a positive matrix with L L^T equal to it.
fn cholesky(mut matrix: Vec<f64>, width: usize) -> Vec<f64> {
    for i in 0..width {
        for j in 0..=i {
            let product: f64 = (0..j).map(|k| matrix[i * width + k] * matrix[j * width + k]).sum();
            let rest = matrix[i * width + j] - product;
            // Rounding can leave nothing of a feature that others tell.
            matrix[i * width + j] =
                if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / matrix[j * width + j] };
        }
    }
    matrix
}

/// Replaces `values`, `[width, columns]`, by the solution of L L^T x = values.
fn solve(factor: &[f64], width: usize, values: &mut [f64], columns: usize) {
    let mut eliminate = |i: usize, others: &mut dyn Iterator<Item = (usize, f64)>| {
        for (k, coefficient) in others {
            for column in 0..columns {
                values[i * columns + column] -= coefficient * values[k * columns + column];
            }
        }
        (0..columns).for_each(|column| values[i * columns + column] /= factor[i * width + i]);
    };
    for i in 0..width {
        eliminate(i, &mut (0..i).map(|k| (k, factor[i * width + k])));
    }
    for i in (0..width).rev() {
        eliminate(i, &mut (i + 1..width).map(|k| (k, factor[k * width + i])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(width: usize, number: impl Fn(usize, usize) -> f64) -> Rows {
        let numbers = (0..60).flat_map(|row| (0..width).map(move |column| (row, column)));
        Rows { width, numbers: numbers.map(|(row, column)| number(row, column) as f32).collect() }
    }

    fn x(row: usize, column: usize) -> f64 {
        ((row * 13 + column * 7 + row * row * (column + 1)) % 29) as f64 - 14.0
    }

    #[test]
    fn a_linear_map_leaves_nothing_and_another_leaves_what_it_cannot_tell() {
        let from = rows(3, x);
        type Target = fn(usize, usize) -> f64;
        let cases: [(Target, std::ops::Range<f64>); 3] = [
            (|row, column| 2.0 * x(row, (column + 1) % 3) - 0.5 * x(row, 0) + 7.0, 0.0..1e-4),
            (|row, column| x(row, column) + if row % 3 == 0 { 8.0 } else { -4.0 }, 0.3..0.8),
            (|row, column| ((row * 31 + column * 17) * (row + 5) % 23) as f64, 0.8..1.4),
        ];
        for (to, expected) in cases {
            let error = LinearMap::from(&from).error(&from, &rows(3, to)).unwrap();
            assert!(expected.contains(&error), "{error} is not in {expected:?}");
        }
    }

    #[test]
    fn copies_and_constants_among_features_do_no_harm() {
        let from = rows(4, |row, column| if column == 3 { 5.0 } else { x(row, column % 2) });
        let to = rows(1, |row, _| 3.0 * x(row, 1));
        assert!(LinearMap::from(&from).error(&from, &to).unwrap() < 1e-3);
    }
}
