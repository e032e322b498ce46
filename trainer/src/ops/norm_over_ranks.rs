//! Batch normalisation with the moments of all ranks' batches together.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::activation::{Activation, relu};
use super::batch_norm::{BatchNormOptions, BatchStatistics};
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::cuda_precision::in_single_precision;
use super::kernels::batch_norm::{self as kernel, BatchNormBackward};
use crate::collective::{Collective, mean_over_ranks};

/// As [`super::batch_norm`], with the moments of the whole batch of which every rank holds as many rows.
///
/// # Shapes
/// `x [n, h, w, c]` or `[n, c]`, the same on every rank; `gamma` and `beta` `[c]`, `residual` and the result like `x`.
///
/// # Errors
/// When shapes do not fit each other, or another rank has ended.
pub fn batch_norm_over_ranks(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    residual: Option<&Tensor>,
    options: BatchNormOptions,
    collective: &Arc<dyn Collective>,
) -> Result<(Tensor, BatchStatistics)> {
    let channels = gamma.dims1()?;
    if x.dims().last() != Some(&channels) || beta.dims1()? != channels || x.elem_count() == 0 {
        bail!("{:?} does not fit {channels} scales and {:?} shifts, or is empty", x.shape(), beta.shape());
    }
    let (y, statistics) = if x.device().is_cpu() {
        with_kernels(x, gamma, beta, options.eps, collective)?
    } else {
        in_single_precision(x, None, |x, _| composed(x, gamma, beta, options.eps, collective))?
    };
    let y = match residual {
        Some(residual) => (y + residual)?,
        None => y,
    };
    let y = if options.activation == Activation::Relu { relu(&y)? } else { y };
    Ok((y, statistics))
}

fn with_kernels(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    collective: &Arc<dyn Collective>,
) -> Result<(Tensor, BatchStatistics)> {
    let x = x.contiguous()?;
    let statistics = moments_over_ranks(&Numbers::of(&x)?, gamma.dims1()?, collective.as_ref())?;
    let deviation = |&variance: &f32| (1.0 / (f64::from(variance) + eps).sqrt()) as f32;
    let op = NormOverRanks {
        mean: statistics.mean.clone(),
        inverse_deviation: statistics.variance.iter().map(deviation).collect(),
        collective: collective.clone(),
    };
    Ok((x.apply_op2(&Tensor::stack(&[gamma, beta], 0)?, op)?, statistics))
}

/// Moments of equally many pixels on each rank: means of the means and of the squared deviations about them
/// (Chan, Golub and LeVeque 1983, eq. 2.1).
fn moments_over_ranks(x: &[f32], channels: usize, collective: &dyn Collective) -> Result<BatchStatistics> {
    let own = kernel::channel_moments(x, channels);
    let all = collective.all_gather(&[own.mean, own.variance].concat())?;
    let ranks = collective.size() as f64;
    let over_ranks = |value: &dyn Fn(&[f32]) -> f64| all.chunks(2 * channels).map(value).sum::<f64>() / ranks;
    let mean: Vec<f64> = (0..channels).map(|c| over_ranks(&|rank| f64::from(rank[c]))).collect();
    let variance = (0..channels)
        .map(|c| over_ranks(&|rank| f64::from(rank[channels + c]) + (f64::from(rank[c]) - mean[c]).powi(2)) as f32);
    Ok(BatchStatistics {
        variance: variance.collect(),
        mean: mean.iter().map(|&mean| mean as f32).collect(),
        count: own.count * collective.size(),
    })
}

/// The same from candle's operators, for devices without kernels of ours.
fn composed(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f64,
    collective: &Arc<dyn Collective>,
) -> Result<(Tensor, BatchStatistics)> {
    let pixels = x.reshape(((), gamma.dims1()?))?;
    let mean = mean_over_ranks(&pixels.mean_keepdim(0)?, collective)?;
    let centred = pixels.broadcast_sub(&mean)?;
    let variance = mean_over_ranks(&centred.sqr()?.mean_keepdim(0)?, collective)?;
    let normalised = centred.broadcast_div(&(&variance + eps)?.sqrt()?)?;
    let y = normalised.broadcast_mul(gamma)?.broadcast_add(beta)?.reshape(x.shape())?;
    let numbers_of = |x: &Tensor| x.detach().flatten_all()?.to_vec1::<f32>();
    let count = pixels.dim(0)? * collective.size();
    Ok((y, BatchStatistics { mean: numbers_of(&mean)?, variance: numbers_of(&variance)?, count }))
}

struct NormOverRanks {
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
    collective: Arc<dyn Collective>,
}

impl CustomOp2 for NormOverRanks {
    fn name(&self) -> &'static str {
        "batch-norm-over-ranks"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, gamma_beta) = (numbers(s1, l1)?, numbers(s2, l2)?);
        let (gamma, beta) = gamma_beta.split_at(self.mean.len());
        let scale: Vec<f32> = gamma.iter().zip(&self.inverse_deviation).map(|(gamma, by)| gamma * by).collect();
        let terms = beta.iter().zip(&self.mean).zip(&scale);
        let shift: Vec<f32> = terms.map(|((beta, mean), scale)| beta - mean * scale).collect();
        let mut output = vec![0.0; x.len()];
        kernel::channel_affine(x, &scale, &shift, None, false, &mut output);
        Ok(stored(output, l1.shape()))
    }

    /// The parameters get this rank's part of their gradient; the input's takes the sums over all ranks.
    fn bwd(
        &self,
        x: &Tensor,
        gamma_beta: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let (x_numbers, grad_numbers, gamma_beta_numbers) =
            (Numbers::of(x)?, Numbers::of(&grad)?, Numbers::of(gamma_beta)?);
        let channels = self.mean.len();
        let backward = BatchNormBackward {
            x: &x_numbers,
            rectified: None,
            output_gradient: &grad_numbers,
            mean: &self.mean,
            inverse_deviation: &self.inverse_deviation,
            gamma: &gamma_beta_numbers[..channels],
        };
        let (by_gamma, by_beta) = backward.parameter_gradients();
        let own = [by_gamma, by_beta].concat();
        // The kernel divides by this rank's pixels, and all ranks together have `size` times as many.
        let mut shared = own.clone();
        self.collective.all_reduce_sum(&mut shared)?;
        let share = 1.0 / self.collective.size() as f32;
        shared.iter_mut().for_each(|sum| *sum *= share);
        let mut by_input = vec![0.0; x_numbers.len()];
        backward.input_gradient(&shared[..channels], &shared[channels..], &mut by_input, None);
        let by_input = x.track_op().then(|| tensor(by_input, x.shape())).transpose()?;
        let by_parameters = gamma_beta.track_op().then(|| tensor(own, gamma_beta.shape())).transpose()?;
        Ok((by_input, by_parameters))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::collective::Threads;
    use crate::ops;

    const OPTIONS: BatchNormOptions = BatchNormOptions { eps: 1e-5, activation: Activation::Relu };

    /// Output, statistics and the gradients by input, scale, shift and residual, all flat.
    type Parts = [Vec<f32>; 7];

    fn wave(len: usize, offset: f32) -> Vec<f32> {
        (0..len).map(|i| (i as f32 * 0.73 + offset).sin() * 2.0 + 0.3).collect()
    }

    fn flat(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Rows `from..to` of a batch of 6, through `norm`.
    fn parts(
        [from, to]: [usize; 2],
        norm: impl Fn(&Tensor, &Tensor, &Tensor, &Tensor) -> (Tensor, BatchStatistics),
    ) -> Parts {
        let (row, device) = (3 * 2 * 5, Device::Cpu);
        let rows = |offset: f32| {
            let all = Tensor::from_vec(wave(6 * row, offset), (6, 3, 2, 5), &device).unwrap();
            Var::from_tensor(&all.narrow(0, from, to - from).unwrap().contiguous().unwrap()).unwrap()
        };
        let (x, residual, wanted) = (rows(0.0), rows(1.0), rows(2.0));
        let (gamma, beta) =
            (Var::from_vec(wave(5, 3.0), 5, &device).unwrap(), Var::zeros(5, x.dtype(), &device).unwrap());
        let (y, statistics) = norm(&x, &gamma, &beta, &residual);
        let loss = (&y * wanted.as_tensor()).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let gradient = |var: &Var| flat(gradients.get(var).unwrap());
        let by_parameters = [gradient(&gamma), gradient(&beta)];
        let [by_gamma, by_beta] = by_parameters;
        [flat(&y), statistics.mean, statistics.variance, gradient(&x), gradient(&residual), by_gamma, by_beta]
    }

    fn assert_close(got: &[f32], expected: &[f32], what: &str) {
        assert_eq!(got.len(), expected.len(), "{what}");
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-4 * expected.abs().max(1.0), "{what}: {got}, expected {expected}");
        }
    }

    #[test]
    fn ranks_together_normalise_as_one() {
        type Norm = fn(&Tensor, &Tensor, &Tensor, f64, &Arc<dyn Collective>) -> Result<(Tensor, BatchStatistics)>;
        let whole =
            parts([0, 6], |x, gamma, beta, residual| ops::batch_norm(x, gamma, beta, Some(residual), OPTIONS).unwrap());
        for (name, norm) in [("kernels", with_kernels as Norm), ("composed", composed as Norm)] {
            for size in [2, 3] {
                let ranks: Vec<Parts> = std::thread::scope(|scope| {
                    let start = |rank: Threads| {
                        scope.spawn(move || {
                            let rows = 6 / rank.size();
                            let range = [rank.rank() * rows, (rank.rank() + 1) * rows];
                            let collective: Arc<dyn Collective> = Arc::new(rank);
                            parts(range, |x, gamma, beta, residual| {
                                let (y, statistics) = norm(x, gamma, beta, OPTIONS.eps, &collective).unwrap();
                                ((y + residual).unwrap().relu().map(|y| (y, statistics))).unwrap()
                            })
                        })
                    };
                    let threads: Vec<_> = Threads::ranks(size).into_iter().map(start).collect();
                    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
                });
                for (index, what) in ["output", "", "", "by input", "by residual"].into_iter().enumerate() {
                    if !what.is_empty() {
                        let together: Vec<f32> = ranks.iter().flat_map(|parts| parts[index].clone()).collect();
                        assert_close(&together, &whole[index], &format!("{name}, {size} ranks, {what}"));
                    }
                }
                for (index, what) in [(1, "mean"), (2, "variance")] {
                    for parts in &ranks {
                        assert_close(&parts[index], &whole[index], &format!("{name}, {size} ranks, {what}"));
                    }
                }
                for (index, what) in [(5, "by scale"), (6, "by shift")] {
                    let sum = |c: usize| ranks.iter().map(|parts| parts[index][c]).sum::<f32>();
                    let sums: Vec<f32> = (0..5).map(sum).collect();
                    assert_close(&sums, &whole[index], &format!("{name}, {size} ranks, {what}"));
                }
            }
        }
    }
}
