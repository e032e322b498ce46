use super::{Config, ConfigError, EvaluationConfig, FitConfig, Problem};
use crate::optimiser::MOST_STEPS;
use crate::options::{Checks, LARGEST_SEED, OutOfRange};
use crate::transformation::Transformations;

impl Config {
    /// Nothing, when every value is in its range and they go together.
    ///
    /// # Errors
    /// With all problems at once, each naming key, value and allowed range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut checks = Checks::default();
        checks.require(
            is_folder_name(&self.name),
            "name",
            format!("{:?}", self.name),
            "1 to 64 of a-z A-Z 0-9 . _ -, not starting with a dot",
        );
        self.data.check(self.registry.sources(), self.registry.transformations(), &mut checks);
        self.model.check(self.registry.encoders(), &mut checks);
        self.method.check(self.registry.methods(), self.registry.transformations(), &mut checks);
        self.heads.check(&mut checks);
        self.optimiser.check(&mut checks);
        self.schedule.check(self.fit.steps, &mut checks);
        self.fit.check(&mut checks);
        self.evaluation.check(self.registry.transformations(), &mut checks);
        let problems: Vec<Problem> = checks.found().into_iter().map(Problem::from).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigError::Problems(problems)) }
    }
}

impl From<OutOfRange> for Problem {
    fn from(OutOfRange { key, value, allowed }: OutOfRange) -> Self {
        Self::OutOfRange { key, origin: None, value, allowed }
    }
}

impl FitConfig {
    fn check(&self, checks: &mut Checks) {
        checks.within("fit.steps", self.steps, 1..=MOST_STEPS);
        // The variance and covariance terms divide by batch size - 1.
        checks.within("fit.batch_size", self.batch_size, 2..=65_536);
        let fits =
            (1..=self.batch_size / 2).contains(&self.accumulate) && self.batch_size.is_multiple_of(self.accumulate);
        let allowed = format!("1, or a divisor of {} (fit.batch_size) that leaves at least 2 pairs", self.batch_size);
        checks.require(fits || self.accumulate == 1, "fit.accumulate", self.accumulate, allowed);
        checks.within("fit.seed", self.seed, 0..=LARGEST_SEED);
        checks.within("fit.threads", self.threads, 0..=1024);
        checks.within("fit.checkpoint_every", self.checkpoint_every, 1..=MOST_STEPS);
        checks.within("fit.log_every", self.log_every, 1..=MOST_STEPS);
        checks.within("fit.probe_every", self.probe_every, 0..=MOST_STEPS);
        checks.require((0.0..1.0).contains(&self.ema_decay), "fit.ema_decay", self.ema_decay, "from 0 to below 1");
        checks.within("fit.clip_norm", self.clip_norm, 0.0..=1e9);
    }
}

impl EvaluationConfig {
    fn check(&self, transformations: &Transformations, checks: &mut Checks) {
        checks.within("evaluation.pairs", self.pairs, 2..=10_000_000);
        checks.within("evaluation.train_pairs", self.train_pairs, 2..=10_000_000);
        checks.within("evaluation.probe_epochs", self.probe_epochs, 1..=100_000);
        checks.within("evaluation.probe_lr", self.probe_lr, 1e-9..=1e3);
        checks.within("evaluation.neighbours", self.neighbours, 1..=10_000);
        checks.within("evaluation.gallery_objects", self.gallery_objects, 0..=1_000_000);
        checks.within("evaluation.gallery_views", self.gallery_views, 2..=1000);
        checks.within("evaluation.reference_views", self.reference_views, 0..=500);
        checks.within("evaluation.out_of_range_pairs", self.out_of_range_pairs, 0..=1_000_000);
        checks.names_among("evaluation.responses", &self.responses, &transformations.names_on_pixels());
        checks.within("evaluation.seed", self.seed, 0..=LARGEST_SEED);
    }
}

fn is_folder_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(allowed)
}
