use rayon::prelude::*;

use super::Update;
use super::slices::CHUNK;

/// SGD with momentum: `u = momentum * u + g`, then `w -= lr * u`, or `w -= lr * (g + momentum * u)` for Nesterov.
///
/// `g` includes `decay * w`.
pub(super) struct Sgd {
    pub(super) gradient_scale: f32,
    pub(super) weight_decay: f32,
    pub(super) momentum: f32,
    pub(super) nesterov: bool,
    pub(super) lr: f32,
}

impl Sgd {
    pub(super) fn new(update: &Update, weight_decay: f64) -> Self {
        Self {
            gradient_scale: update.gradient_scale as f32,
            weight_decay: weight_decay as f32,
            momentum: update.config.momentum as f32,
            nesterov: update.config.nesterov,
            lr: update.lr as f32,
        }
    }

    pub(super) fn apply(&self, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        weights
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks(CHUNK))
            .zip(velocity.par_chunks_mut(CHUNK))
            .for_each(|((weights, gradient), velocity)| self.apply_chunk(weights, gradient, velocity));
    }

    fn apply_chunk(&self, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        for ((w, &g), u) in weights.iter_mut().zip(gradient).zip(velocity) {
            let g = g * self.gradient_scale + self.weight_decay * *w;
            *u = self.momentum * *u + g;
            *w -= self.lr * if self.nesterov { g + self.momentum * *u } else { *u };
        }
    }
}
