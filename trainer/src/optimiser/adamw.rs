use rayon::prelude::*;

use super::Update;
use super::slices::CHUNK;

/// AdamW (Loshchilov and Hutter, 2019, algorithm 2): `w -= lr * (m_hat / (sqrt(v_hat) + eps) + decay * w)`.
///
/// The decay is decoupled from the moments, unlike that of the Adam in the SIE paper; at its 1e-6 the two hardly differ.
pub(super) struct AdamW {
    gradient_scale: f32,
    beta1: f32,
    beta2: f32,
    /// `1 - beta`, rounded once: float32 loses digits near 1.
    rest1: f32,
    rest2: f32,
    /// `lr / (1 - beta1^t)`.
    rate: f32,
    /// `1 / sqrt(1 - beta2^t)`.
    second_root_scale: f32,
    eps: f32,
    /// `1 - lr * decay`.
    keep: f32,
}

impl AdamW {
    pub(super) fn at_step(update: &Update, weight_decay: f64) -> Self {
        let [beta1, beta2] = update.config.betas;
        let unbias = |beta: f64| 1.0 - beta.powf(update.steps as f64);
        Self {
            gradient_scale: update.gradient_scale as f32,
            beta1: beta1 as f32,
            beta2: beta2 as f32,
            rest1: (1.0 - beta1) as f32,
            rest2: (1.0 - beta2) as f32,
            rate: (update.lr / unbias(beta1)) as f32,
            second_root_scale: (1.0 / unbias(beta2).sqrt()) as f32,
            eps: update.config.eps as f32,
            keep: (1.0 - update.lr * weight_decay) as f32,
        }
    }

    pub(super) fn apply(&self, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        weights
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks(CHUNK))
            .zip(first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)))
            .for_each(|((weights, gradient), (first, second))| self.apply_chunk(weights, gradient, first, second));
    }

    fn apply_chunk(&self, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        for (((w, &g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
            let g = g * self.gradient_scale;
            *m = self.beta1 * *m + self.rest1 * g;
            *v = self.beta2 * *v + self.rest2 * g * g;
            *w = *w * self.keep - self.rate * *m / (v.sqrt() * self.second_root_scale + self.eps);
        }
    }
}
