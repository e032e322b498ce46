//! Optimiser steps as one pass over all parameters.

use rayon::prelude::*;

use super::channel_sums::CHUNK_LEN;
use super::vectorised::vectorised;

/// Hyper-parameters of one AdamW step (Loshchilov and Hutter 2019, algorithm 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamWStep {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay, multiplied by the learning rate.
    pub weight_decay: f32,
    /// Steps taken, this one included: 1 at first.
    pub step: u64,
}

/// Updates parameters and both moments.
///
/// # Panics
/// When the slices differ in length.
pub fn adamw_step(params: &mut [f32], grads: &[f32], m: &mut [f32], v: &mut [f32], hyper: &AdamWStep) {
    assert!(grads.len() == params.len() && m.len() == params.len() && v.len() == params.len());
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(hyper.step as f64);
    let scaled_lr = (f64::from(hyper.lr) / correction(hyper.beta1)) as f32;
    let root_correction = (1.0 / correction(hyper.beta2).sqrt()) as f32;
    let parts = params
        .par_chunks_mut(CHUNK_LEN)
        .zip(grads.par_chunks(CHUNK_LEN))
        .zip(m.par_chunks_mut(CHUNK_LEN).zip(v.par_chunks_mut(CHUNK_LEN)));
    parts.for_each(|((params, grads), (m, v))| {
        adamw_chunk(params, grads, m, v, hyper, scaled_lr, root_correction);
    });
}

/// Hyper-parameters of one step of stochastic gradient descent with momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the velocity.
    pub momentum: f32,
    /// Multiple of the parameters added to the gradient.
    pub weight_decay: f32,
    /// Factor on gradient and weight decay before they enter the velocity: LARS's trust ratio, else 1.
    pub gradient_scale: f32,
}

/// `velocity = momentum velocity + scale (gradient + weight_decay params)`, `params -= lr velocity`.
///
/// # Panics
/// When the slices differ in length.
pub fn sgd_step(params: &mut [f32], grads: &[f32], velocity: &mut [f32], hyper: &SgdStep) {
    assert!(grads.len() == params.len() && velocity.len() == params.len());
    let parts =
        params.par_chunks_mut(CHUNK_LEN).zip(grads.par_chunks(CHUNK_LEN)).zip(velocity.par_chunks_mut(CHUNK_LEN));
    parts.for_each(|((params, grads), velocity)| sgd_chunk(params, grads, velocity, hyper));
}

/// Euclidean norm, summed in double precision in an order that does not depend on threads.
pub fn l2_norm(x: &[f32]) -> f32 {
    squared_l2_norm(x).sqrt() as f32
}

/// The square of [`l2_norm`].
pub(super) fn squared_l2_norm(x: &[f32]) -> f64 {
    let chunks: Vec<f64> = x.par_chunks(CHUNK_LEN).map(square_sum).collect();
    chunks.iter().sum()
}

/// LARS's factor on the gradient, `eta |w| / (|g| + weight_decay |w|)` (You et al. 2017, eq. 6); 1 where either norm
/// is 0.
pub fn lars_trust_ratio(param_norm: f32, grad_norm: f32, weight_decay: f32, eta: f32) -> f32 {
    if param_norm > 0.0 && grad_norm > 0.0 { eta * param_norm / (grad_norm + weight_decay * param_norm) } else { 1.0 }
}

vectorised! {
    fn adamw_chunk(
        params: &mut [f32],
        grads: &[f32],
        m: &mut [f32],
        v: &mut [f32],
        hyper: &AdamWStep,
        scaled_lr: f32,
        root_correction: f32,
    ) {
        let keep = 1.0 - hyper.lr * hyper.weight_decay;
        let (beta1, beta2, eps) = (hyper.beta1, hyper.beta2, hyper.eps);
        for (((w, g), m), v) in params.iter_mut().zip(grads).zip(m).zip(v) {
            *m = beta1 * *m + (1.0 - beta1) * g;
            *v = beta2 * *v + (1.0 - beta2) * g * g;
            *w = *w * keep - scaled_lr * *m / (v.sqrt() * root_correction + eps);
        }
    }

    fn sgd_chunk(params: &mut [f32], grads: &[f32], velocity: &mut [f32], hyper: &SgdStep) {
        for ((w, g), velocity) in params.iter_mut().zip(grads).zip(velocity) {
            *velocity = hyper.momentum * *velocity + hyper.gradient_scale * (g + hyper.weight_decay * *w);
            *w -= hyper.lr * *velocity;
        }
    }

    fn square_sum(x: &[f32]) -> f64 {
        let mut sums = [0.0f64; 16];
        for x in x.chunks(16) {
            for (sum, x) in sums.iter_mut().zip(x) {
                *sum += f64::from(*x) * f64::from(*x);
            }
        }
        sums.iter().sum()
    }
}
