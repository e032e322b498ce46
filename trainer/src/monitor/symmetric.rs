/// Iterations for one eigenvalue; three are usual.
const MOST_ITERATIONS: usize = 60;

/// Eigenvalues of a symmetric matrix `[n, n]`, in no order; negative ones of a Gram matrix are rounding.
///
/// Householder's reduction to tridiagonal form, then implicit QL (Golub and Van Loan, sections 8.3.1 and 8.3.3).
pub(super) fn eigenvalues(mut matrix: Vec<f64>, n: usize) -> Vec<f64> {
    let (mut diagonal, mut off_diagonal) = tridiagonal(&mut matrix, n);
    for first in 0..n {
        for _ in 0..MOST_ITERATIONS {
            let last = block_end(&diagonal, &off_diagonal, first);
            if last == first {
                break;
            }
            ql_step(&mut diagonal, &mut off_diagonal, first, last);
        }
    }
    diagonal
}

/// Diagonal, and the entries beside it (the last one 0), of a similar tridiagonal matrix.
fn tridiagonal(matrix: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut off_diagonal = vec![0.0; n];
    for k in 0..n.saturating_sub(2) {
        let column: Vec<f64> = (k + 1..n).map(|i| matrix[i * n + k]).collect();
        let (reflector, entry) = householder(column);
        off_diagonal[k] = entry;
        if let Some(v) = reflector {
            reflect_both_sides(matrix, n, k + 1, &v);
        }
    }
    if n >= 2 {
        off_diagonal[n - 2] = matrix[(n - 1) * n + n - 2];
    }
    ((0..n).map(|i| matrix[i * n + i]).collect(), off_diagonal)
}

/// The `v` of `H = I - 2 v v^T / (v^T v)`, scaled to `v^T v = 2`, with `H x = (entry, 0, ...)`; none where x is so already.
fn householder(mut x: Vec<f64>) -> (Option<Vec<f64>>, f64) {
    let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    if x[1..].iter().all(|&x| x == 0.0) {
        return (None, x[0]);
    }
    let entry = if x[0] > 0.0 { -norm } else { norm };
    x[0] -= entry;
    let scale = (2.0 / x.iter().map(|x| x * x).sum::<f64>()).sqrt();
    x.iter_mut().for_each(|x| *x *= scale);
    (Some(x), entry)
}

/// `H A H` on the trailing block from row `start`: `A - v w^T - w v^T` with `w = A v - (v^T A v / 2) v`.
fn reflect_both_sides(matrix: &mut [f64], n: usize, start: usize, v: &[f64]) {
    let row_of = |i: usize| (start + i) * n + start..(start + i + 1) * n;
    let mut w: Vec<f64> = (0..v.len()).map(|i| matrix[row_of(i)].iter().zip(v).map(|(a, v)| a * v).sum()).collect();
    let half = 0.5 * w.iter().zip(v).map(|(w, v)| w * v).sum::<f64>();
    w.iter_mut().zip(v).for_each(|(w, v)| *w -= half * v);
    for i in 0..v.len() {
        let row = matrix[row_of(i)].iter_mut();
        row.zip(v.iter().zip(&w)).for_each(|(a, (vj, wj))| *a -= v[i] * wj + w[i] * vj);
    }
}

/// End of the block from `first` that no negligible entry splits.
fn block_end(diagonal: &[f64], off_diagonal: &[f64], first: usize) -> usize {
    let is_split = |&i: &usize| {
        let size = diagonal[i].abs() + diagonal[i + 1].abs();
        off_diagonal[i].abs() <= f64::EPSILON * size
    };
    (first..diagonal.len() - 1).find(is_split).unwrap_or(diagonal.len() - 1)
}

/// One implicit QL step with Wilkinson's shift on rows `first..=last`, which chases a bulge upwards.
fn ql_step(diagonal: &mut [f64], off_diagonal: &mut [f64], first: usize, last: usize) {
    let half_gap = (diagonal[first + 1] - diagonal[first]) / (2.0 * off_diagonal[first]);
    let shift = diagonal[first] - off_diagonal[first] / (half_gap + half_gap.hypot(1.0).copysign(half_gap));
    let (mut sine, mut cosine, mut carried) = (1.0, 1.0, 0.0);
    let mut bulge = diagonal[last] - shift;
    for i in (first..last).rev() {
        let (out, inner) = (sine * off_diagonal[i], cosine * off_diagonal[i]);
        let radius = out.hypot(bulge);
        off_diagonal[i + 1] = radius;
        if radius == 0.0 {
            // The block has come apart here: the next step sees two.
            diagonal[i + 1] -= carried;
            off_diagonal[last] = 0.0;
            return;
        }
        (sine, cosine) = (out / radius, bulge / radius);
        let rest = diagonal[i + 1] - carried;
        let turned = (diagonal[i] - rest) * sine + 2.0 * cosine * inner;
        carried = sine * turned;
        diagonal[i + 1] = rest + carried;
        bulge = cosine * turned - inner;
    }
    diagonal[first] -= carried;
    off_diagonal[first] = bulge;
    off_diagonal[last] = 0.0;
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_by(f64::total_cmp);
        values
    }

    #[test]
    fn known_spectra() {
        let cases: [(&[f64], &[f64]); 5] = [
            (&[5.0], &[5.0]),
            (&[2.0, 1.0, 1.0, 2.0], &[1.0, 3.0]),
            (&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[0.0, 0.0, 3.0]),
            (&[0.0; 9], &[0.0; 3]),
            (&[0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], &[-(2f64.sqrt()), 0.0, 2f64.sqrt()]),
        ];
        for (matrix, expected) in cases {
            let got = sorted(eigenvalues(matrix.to_vec(), expected.len()));
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{matrix:?}: {got:?}");
        }
    }

    proptest! {
        #[test]
        fn as_nalgebra(n in 1usize..24, entries in proptest::collection::vec(-3i8..4, 24 * 24)) {
            // Small whole numbers: many repeated and zero eigenvalues.
            let matrix = DMatrix::from_fn(n, n, |i, j| f64::from(entries[i.max(j) * 24 + i.min(j)]));
            let expected = sorted(matrix.symmetric_eigenvalues().iter().copied().collect());
            let got = sorted(eigenvalues(matrix.as_slice().to_vec(), n));
            for (a, b) in got.iter().zip(&expected) {
                prop_assert!((a - b).abs() < 1e-9, "{:?} expected {:?}", got, expected);
            }
        }
    }
}
