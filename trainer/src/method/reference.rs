//! Losses once more, as plain loops over double-precision numbers, and the check of tensor code against them.

use candle_core::{Device, Result, Tensor, Var};

/// A function of matrices written twice.
pub(crate) struct Case<'a> {
    /// With tensors, as it is trained.
    pub tensors: &'a dyn Fn(&[Tensor]) -> Result<Tensor>,
    /// With loops; each input is row-major.
    pub loops: &'a dyn Fn(&[Vec<f64>]) -> f64,
    /// Where both are compared.
    pub inputs: &'a [Matrix],
}

/// Row-major numbers that single precision holds exactly.
#[derive(Clone)]
pub(crate) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f64>,
}

/// A matrix of numbers of either sign, of size about 0.7, that repeat nowhere; `number` tells several apart.
pub(crate) fn matrix(rows: usize, columns: usize, number: usize) -> Matrix {
    let value = |i: usize| f64::from(((i * 7 + number * 13 + 1) as f32 * 0.737).sin());
    Matrix { rows, columns, values: (0..rows * columns).map(value).collect() }
}

/// Asserts that both forms have one value, and that the tensors' gradient is the loops' central difference.
///
/// Single precision carries 1e-5 of a value of order 1; differences of doubles over 2e-5 carry about 1e-9.
pub(crate) fn check(case: &Case) {
    let vars: Vec<Var> = case.inputs.iter().map(var).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let value = (case.tensors)(&tensors).unwrap();
    let mut inputs: Vec<Vec<f64>> = case.inputs.iter().map(|m| m.values.clone()).collect();
    let expected = (case.loops)(&inputs);
    let got = f64::from(value.to_scalar::<f32>().unwrap());
    assert!((got - expected).abs() < 1e-4 * expected.abs().max(1.0), "value {got}, by loops {expected}");

    let gradients = value.backward().unwrap();
    for (index, var) in vars.iter().enumerate() {
        let differences: Vec<f64> = (0..inputs[index].len())
            .map(|i| {
                let at = inputs[index][i];
                let mut shifted = |by: f64| {
                    inputs[index][i] = at + by;
                    (case.loops)(&inputs)
                };
                let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                inputs[index][i] = at;
                difference
            })
            .collect();
        let scale = differences.iter().fold(1e-3, |largest: f64, d| largest.max(d.abs()));
        let gradient = match gradients.get(var) {
            Some(gradient) => gradient.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
            None => vec![0.0; differences.len()],
        };
        for (i, (got, expected)) in gradient.iter().zip(&differences).enumerate() {
            let error = (f64::from(*got) - expected).abs();
            assert!(error < 2e-3 * scale, "input {index}, entry {i}: gradient {got}, by differences {expected}");
        }
    }
}

fn var(m: &Matrix) -> Var {
    let values: Vec<f32> = m.values.iter().map(|v| *v as f32).collect();
    Var::from_vec(values, (m.rows, m.columns), &Device::Cpu).unwrap()
}

pub(crate) fn mean_squared_error(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += (a - b) * (a - b);
    }
    sum / a.len() as f64
}

fn column(z: &[f64], width: usize, index: usize) -> Vec<f64> {
    let values: Vec<f64> = z.iter().skip(index).step_by(width).copied().collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| v - mean).collect()
}

fn column_covariance(z: &[f64], width: usize, i: usize, j: usize) -> f64 {
    let (a, b) = (column(z, width, i), column(z, width, j));
    let mut sum = 0.0;
    for row in 0..a.len() {
        sum += a[row] * b[row];
    }
    sum / (a.len() - 1) as f64
}

pub(crate) fn variance_hinge(z: &[f64], width: usize) -> f64 {
    let mut sum = 0.0;
    for d in 0..width {
        sum += (1.0 - (column_covariance(z, width, d, d) + 1e-4).sqrt()).max(0.0);
    }
    sum / width as f64
}

pub(crate) fn covariance(z: &[f64], width: usize) -> f64 {
    let mut sum = 0.0;
    for i in 0..width {
        for j in 0..width {
            if i != j {
                sum += column_covariance(z, width, i, j).powi(2);
            }
        }
    }
    sum / width as f64
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Cosine of the angle between two vectors.
pub(crate) fn cosine(a: &[f64], b: &[f64]) -> f64 {
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

pub(crate) fn mean_cosine_distance(a: &[f64], b: &[f64], width: usize) -> f64 {
    let rows = a.chunks(width).zip(b.chunks(width));
    rows.map(|(a, b)| 1.0 - cosine(a, b)).sum::<f64>() / (a.len() / width) as f64
}

pub(crate) fn nt_xent(views: &[Vec<f64>], width: usize, temperature: f64) -> f64 {
    let all: Vec<&[f64]> = views.iter().flat_map(|view| view.chunks(width)).collect();
    let objects = all.len() / views.len();
    let mut total = 0.0;
    for i in 0..all.len() {
        let term = |k: usize| (cosine(all[i], all[k]) / temperature).exp();
        let sum: f64 = (0..all.len()).filter(|k| *k != i).map(term).sum();
        for positive in (0..all.len()).filter(|k| *k != i && k % objects == i % objects) {
            total -= (term(positive) / sum).ln() / (views.len() - 1) as f64;
        }
    }
    total / all.len() as f64
}

/// Rows of two matrices side by side.
pub(crate) fn side_by_side(a: &[f64], b: &[f64], rows: usize) -> Vec<f64> {
    let (left, right) = (a.len() / rows, b.len() / rows);
    a.chunks(left).zip(b.chunks(right)).flat_map(|(a, b)| [a, b].concat()).collect()
}

/// Mean over the rows of `-log softmax(logits)[label]`.
pub(crate) fn cross_entropy(logits: &[f64], labels: &[u32], classes: usize) -> f64 {
    let mut total = 0.0;
    for (row, label) in logits.chunks(classes).zip(labels) {
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        total -= (row[*label as usize].exp() / sum).ln();
    }
    total / labels.len() as f64
}
