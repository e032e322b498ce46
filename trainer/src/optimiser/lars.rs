use super::Update;
use super::sgd::Sgd;
use super::slices::sum_of_squares;

/// LARS (You et al., 2017, algorithm 1): SGD with momentum on gradients scaled, layer by layer, by
/// `trust * |w| / (|g| + decay * |w|)`.
///
/// The learning rate multiplies the velocity rather than what enters it, so that a change of rate acts at once.
pub(super) struct Lars {
    sgd: Sgd,
    trust_coefficient: f64,
    adapts: bool,
}

impl Lars {
    pub(super) fn new(update: &Update, weight_decay: f64, adapts: bool) -> Self {
        let sgd = Sgd { nesterov: false, ..Sgd::new(update, weight_decay) };
        Self { sgd, trust_coefficient: update.config.trust_coefficient, adapts }
    }

    pub(super) fn apply(&self, weights: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let trust = if self.adapts { self.trust_ratio(weights, gradient) as f32 } else { 1.0 };
        let scaled = Sgd {
            gradient_scale: self.sgd.gradient_scale * trust,
            weight_decay: self.sgd.weight_decay * trust,
            ..self.sgd
        };
        scaled.apply(weights, gradient, velocity);
    }

    /// 1 where weights or gradient are all zero, so that training can leave that point.
    fn trust_ratio(&self, weights: &[f32], gradient: &[f32]) -> f64 {
        let weight_norm = sum_of_squares(weights).sqrt();
        let gradient_norm = sum_of_squares(gradient).sqrt() * f64::from(self.sgd.gradient_scale);
        if weight_norm == 0.0 || gradient_norm == 0.0 {
            return 1.0;
        }
        self.trust_coefficient * weight_norm / (gradient_norm + f64::from(self.sgd.weight_decay) * weight_norm)
    }
}
