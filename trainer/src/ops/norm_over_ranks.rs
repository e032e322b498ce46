//! What batch normalisation needs for the moments of all ranks' batches together.

use std::sync::Arc;

use candle_core::{Result, Tensor};

use super::batch_norm::{BatchNormOptions, BatchStatistics};
use super::composed;
use super::kernels::batch_norm::ChannelMoments;
use crate::collective::{self, Collective};

/// Moments of equally many numbers on each rank: means of the means and of the squared deviations about them
/// (Chan, Golub and LeVeque 1983, eq. 2.1).
pub(super) fn moments_over_ranks(own: &ChannelMoments, ranks: &dyn Collective) -> Result<ChannelMoments> {
    let (channels, size) = (own.mean.len(), ranks.size());
    let all = ranks.all_gather(&[own.mean.as_slice(), &own.variance].concat())?;
    let over_ranks = |of: &dyn Fn(&[f32]) -> f64| all.chunks(2 * channels).map(of).sum::<f64>() / size as f64;
    let mean: Vec<f64> = (0..channels).map(|c| over_ranks(&|rank| f64::from(rank[c]))).collect();
    let variance = (0..channels)
        .map(|c| over_ranks(&|rank| f64::from(rank[channels + c]) + (f64::from(rank[c]) - mean[c]).powi(2)) as f32);
    Ok(ChannelMoments {
        variance: variance.collect(),
        mean: mean.iter().map(|&mean| mean as f32).collect(),
        count: own.count * size,
    })
}

/// Means over all ranks of the sums by which the input's gradient is centred: the kernel divides them by this rank's
/// numbers, and all ranks together have as many times more as there are ranks.
pub(super) fn centring_sums_over_ranks(sums: [&[f32]; 2], ranks: &dyn Collective) -> Result<[Vec<f32>; 2]> {
    let mut all = sums.concat();
    ranks.all_reduce_mean(&mut all)?;
    let second = all.split_off(sums[0].len());
    Ok([all, second])
}

/// The operator from candle's own, for devices without kernels of ours.
pub(super) fn composed_over_ranks(
    x: &Tensor,
    [gamma, beta]: [&Tensor; 2],
    residual: Option<&Tensor>,
    options: BatchNormOptions,
    ranks: &Arc<dyn Collective>,
) -> Result<(Tensor, BatchStatistics)> {
    let mean = |x: &Tensor| collective::mean_over_ranks(&x.mean_keepdim(0)?, ranks);
    let (y, mut statistics) = composed::batch_norm_by(mean, x, [gamma, beta], residual, options)?;
    statistics.count *= ranks.size();
    Ok((y, statistics))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::collective::Threads;
    use crate::ops::{self, Activation};

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

    type Norm = fn(&Tensor, [&Tensor; 2], Option<&Tensor>, &Arc<dyn Collective>) -> Result<(Tensor, BatchStatistics)>;

    const NORMS: [(&str, Norm); 2] = [
        ("kernels", |x, [gamma, beta], residual, ranks| {
            ops::batch_norm_over_ranks(x, gamma, beta, residual, OPTIONS, ranks)
        }),
        ("composed", |x, parameters, residual, ranks| composed_over_ranks(x, parameters, residual, OPTIONS, ranks)),
    ];

    fn on_ranks(size: usize, norm: Norm) -> Vec<Parts> {
        let of_rank = |rank: Threads| {
            let rows = 6 / rank.size();
            let range = [rank.rank() * rows, (rank.rank() + 1) * rows];
            let ranks: Arc<dyn Collective> = Arc::new(rank);
            parts(range, |x, gamma, beta, residual| norm(x, [gamma, beta], Some(residual), &ranks).unwrap())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                Threads::ranks(size).into_iter().map(|rank| scope.spawn(move || of_rank(rank))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn ranks_together_normalise_as_one() {
        let whole =
            parts([0, 6], |x, gamma, beta, residual| ops::batch_norm(x, gamma, beta, Some(residual), OPTIONS).unwrap());
        for ((name, norm), size) in NORMS.into_iter().flat_map(|norm| [2, 3].map(|size| (norm, size))) {
            let ranks = on_ranks(size, norm);
            let on = |what: &str| format!("{name}, {size} ranks, {what}");
            for (index, what) in [(0, "output"), (3, "by input"), (4, "by residual")] {
                let together: Vec<f32> = ranks.iter().flat_map(|parts| parts[index].clone()).collect();
                assert_close(&together, &whole[index], &on(what));
            }
            for (index, what) in [(1, "mean"), (2, "variance")] {
                ranks.iter().for_each(|parts| assert_close(&parts[index], &whole[index], &on(what)));
            }
            for (index, what) in [(5, "by scale"), (6, "by shift")] {
                let sum = |c: usize| ranks.iter().map(|parts| parts[index][c]).sum::<f32>();
                assert_close(&Vec::from_iter((0..5).map(sum)), &whole[index], &on(what));
            }
        }
    }
}
