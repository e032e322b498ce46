use std::f64::consts::PI;

use super::{ScheduleConfig, ScheduleKind};

/// The learning rate as a pure function of the step.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    config: ScheduleConfig,
    base_lr: f64,
    steps: u64,
}

impl Schedule {
    /// The configured shape over a run of so many steps; the warm-up takes at most half of them.
    pub fn new(config: &ScheduleConfig, base_lr: f64, steps: u64) -> Self {
        let warmup_steps = config.warmup_steps.min(steps / 2);
        Self { config: ScheduleConfig { warmup_steps, ..config.clone() }, base_lr, steps }
    }

    /// The rate of a step, the first being 0.
    ///
    /// Rises as `(step + 1) / warmup_steps` first. A cosine then falls from the base rate at the end of the warm-up to
    /// `final_lr_fraction` of it when all steps are done.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let warmup = self.config.warmup_steps;
        if step < warmup {
            return self.base_lr * (step + 1) as f64 / warmup as f64;
        }
        self.base_lr
            * match self.config.kind {
                ScheduleKind::Constant => 1.0,
                ScheduleKind::Cosine => self.cosine((step - warmup) as f64),
                ScheduleKind::Step => self.config.gamma.powi(self.milestones_passed(step)),
            }
    }

    fn cosine(&self, since_warmup: f64) -> f64 {
        let length = self.steps.saturating_sub(self.config.warmup_steps).max(1) as f64;
        let falling = 0.5 * (1.0 + (PI * (since_warmup / length).min(1.0)).cos());
        self.config.final_lr_fraction + (1.0 - self.config.final_lr_fraction) * falling
    }

    fn milestones_passed(&self, step: u64) -> i32 {
        self.config.milestones.iter().filter(|&&milestone| milestone <= step).count() as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_at_chosen_steps() {
        let constant = ScheduleConfig { kind: ScheduleKind::Constant, ..Default::default() };
        let cosine = ScheduleConfig { kind: ScheduleKind::Cosine, ..Default::default() };
        let falls = ScheduleConfig { kind: ScheduleKind::Step, milestones: vec![30, 60], gamma: 0.1, ..cosine.clone() };
        let warm = |config: &ScheduleConfig| ScheduleConfig { warmup_steps: 10, ..config.clone() };
        let floored = ScheduleConfig { final_lr_fraction: 0.2, ..cosine.clone() };
        let cases = [
            (&constant, [(0, 2.0), (99, 2.0)]),
            (&warm(&constant), [(0, 0.2), (4, 1.0)]),
            (&warm(&constant), [(9, 2.0), (10, 2.0)]),
            (&cosine, [(0, 2.0), (50, 1.0)]),
            (&cosine, [(25, 1.0 + 0.5f64.sqrt()), (100, 0.0)]),
            (&warm(&cosine), [(10, 2.0), (55, 1.0)]),
            (&floored, [(50, 1.2), (100, 0.4)]),
            (&floored, [(0, 2.0), (1000, 0.4)]),
            (&falls, [(29, 2.0), (30, 0.2)]),
            (&warm(&falls), [(59, 0.2), (60, 0.02)]),
        ];
        for (config, expected) in cases {
            let schedule = Schedule::new(config, 2.0, 100);
            for (step, rate) in expected {
                let got = schedule.learning_rate(step);
                assert!((got - rate).abs() < 1e-12, "{config:?} at {step}: {got}, expected {rate}");
            }
        }
    }

    #[test]
    fn a_short_run_warms_up_for_half_of_its_steps() {
        let config = &ScheduleConfig { kind: ScheduleKind::Constant, warmup_steps: 100, ..Default::default() };
        let rates = |steps| (0..steps).map(move |step| Schedule::new(config, 1.0, steps).learning_rate(step));
        assert_eq!(rates(8).collect::<Vec<_>>(), [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(rates(1).collect::<Vec<_>>(), [1.0]);
    }
}
