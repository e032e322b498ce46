use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

use super::{Config, ConfigError, OptimiserKind, Problem, ScheduleKind};
use crate::method::METHODS;
use crate::scene::RotationSampling;
use crate::transformation;

/// Steps are kept in float32 by the optimisers' state, which counts exactly up to 2^24.
const MOST_STEPS: u64 = 16_000_000;
/// TOML's whole numbers are signed.
const LARGEST_SEED: u64 = i64::MAX as u64;
const LARGEST_WEIGHT: f64 = 1e6;

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
            quoted(&self.name),
            "1 to 64 of a-z A-Z 0-9 . _ -, not starting with a dot",
        );
        self.check_data(&mut checks);
        self.check_learning(&mut checks);
        self.check_optimiser(&mut checks);
        self.check_schedule(&mut checks);
        self.check_fit(&mut checks);
        self.check_evaluation(&mut checks);
        if checks.0.is_empty() { Ok(()) } else { Err(ConfigError::Problems(checks.0)) }
    }

    fn check_data(&self, checks: &mut Checks) {
        let data = &self.data;
        let path = data.path.as_deref().unwrap_or(Path::new(""));
        let has_path = !path.as_os_str().is_empty();
        checks.require(has_path || !data.source.needs_path(), "data.path", "missing", "a folder, for this data.source");
        checks.require(has_path || data.path.is_none(), "data.path", "\"\"", "a folder, or no such line");
        let distinct: BTreeSet<&String> = data.classes.iter().filter(|name| !name.is_empty()).collect();
        let are_names = distinct.len() == data.classes.len();
        checks.require(are_names, "data.classes", format!("{:?}", data.classes), "names that differ, or an empty list");
        let share = data.held_out_share;
        checks.require((0.0..1.0).contains(&share), "data.held_out_share", share, "from 0 to below 1");
        let has_list = data.held_out_list.as_ref().is_none_or(|list| !list.as_os_str().is_empty());
        checks.require(has_list, "data.held_out_list", "\"\"", "a file, or no such line");
        checks.within("data.image_size", data.image_size, 16..=1024);
        checks.within("data.objects_per_family", data.objects_per_family, 1..=1_000_000);
        checks.within("data.held_out_per_family", data.held_out_per_family, 1..=1_000_000);
        checks.within("data.seed", data.seed, 0..=LARGEST_SEED);
        checks.within("data.object_diagonal", data.object_diagonal, 0.1..=3.0);
        let (RotationSampling::Euler { limit_deg } | RotationSampling::Uniform { limit_deg }) = data.rotation;
        checks.within("data.rotation.limit_deg", limit_deg, 0.0..=180.0);
        checks.within("data.supersampling", data.supersampling, 1..=4);
        let known = transformation::names_on_pixels();
        let distinct: BTreeSet<&str> = data.transformations.iter().map(String::as_str).collect();
        let are_known =
            distinct.len() == data.transformations.len() && distinct.iter().all(|name| known.contains(name));
        let found = format!("{:?}", data.transformations);
        checks.require(are_known, "data.transformations", found, format!("a list of {}, each once", known.join(", ")));
        data.mean.iter().for_each(|&mean| checks.within("data.mean", mean, 0.0..=1.0));
        data.std.iter().for_each(|&std| checks.within("data.std", std, 1e-3..=1.0));
        checks.within("data.queue_depth", data.queue_depth, 1..=64);
    }

    fn check_learning(&self, checks: &mut Checks) {
        checks.within("model.projector_hidden", self.model.projector_hidden, 1..=16_384);
        checks.within("model.embedding", self.model.embedding, 1..=16_384);
        self.check_method(checks);
        let heads = &self.heads;
        checks.within("heads.rotation_weight", heads.rotation_weight, 0.0..=LARGEST_WEIGHT);
        checks.within("heads.class_weight", heads.class_weight, 0.0..=LARGEST_WEIGHT);
        checks.within("heads.hidden", heads.hidden, 1..=16_384);
    }

    /// The method is known, and each of its options is one that it has, with an allowed value.
    fn check_method(&self, checks: &mut Checks) {
        let method = &self.method;
        let known = METHODS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
        let Some(entry) = crate::method::find(&method.name) else {
            return checks.require(false, "method.name", quoted(&method.name), known);
        };
        for (key, value) in &method.options {
            let option = entry.options.iter().find(|option| option.key == key);
            let allowed = option.map_or_else(|| format!("no such option of {}", entry.name), |option| option.allowed());
            checks.require(
                option.is_some_and(|option| option.accepts(value)),
                &format!("method.{key}"),
                value,
                allowed,
            );
        }
        for (key, allowed) in crate::method::meaningless_options(method) {
            checks.require(false, &format!("method.{key}"), "set", allowed);
        }
    }

    fn check_optimiser(&self, checks: &mut Checks) {
        let optimiser = &self.optimiser;
        checks.within("optimiser.lr", optimiser.lr, 0.0..=1e3);
        checks.within("optimiser.weight_decay", optimiser.weight_decay, 0.0..=1.0);
        for beta in optimiser.betas {
            checks.require((0.0..1.0).contains(&beta), "optimiser.betas", beta, "from 0 to below 1");
        }
        checks.within("optimiser.eps", optimiser.eps, 1e-16..=1.0);
        let momentum = optimiser.momentum;
        checks.require((0.0..1.0).contains(&momentum), "optimiser.momentum", momentum, "from 0 to below 1");
        let nesterov_alone = optimiser.kind == OptimiserKind::Sgd && optimiser.nesterov && momentum == 0.0;
        checks.require(!nesterov_alone, "optimiser.nesterov", true, "false when optimiser.momentum is 0");
        checks.within("optimiser.trust_coefficient", optimiser.trust_coefficient, 1e-6..=1e3);
    }

    fn check_schedule(&self, checks: &mut Checks) {
        let (schedule, steps) = (&self.schedule, self.fit.steps);
        checks.within("schedule.warmup_steps", schedule.warmup_steps, 0..=MOST_STEPS);
        let milestones = &schedule.milestones;
        let ascending = milestones.is_sorted_by(|a, b| a < b) && milestones.iter().all(|&at| at < steps);
        let shown = || format!("{milestones:?}");
        checks.require(ascending, "schedule.milestones", shown(), format!("ascending steps below {steps} (fit.steps)"));
        let has_needed = schedule.kind != ScheduleKind::Step || !milestones.is_empty();
        checks.require(has_needed, "schedule.milestones", shown(), "at least one step, for schedule.kind = \"step\"");
        checks.within("schedule.gamma", schedule.gamma, 1e-6..=1.0);
        checks.within("schedule.final_lr_fraction", schedule.final_lr_fraction, 0.0..=1.0);
    }

    fn check_fit(&self, checks: &mut Checks) {
        let fit = &self.fit;
        checks.within("fit.steps", fit.steps, 1..=MOST_STEPS);
        // The variance and covariance terms divide by batch size - 1.
        checks.within("fit.batch_size", fit.batch_size, 2..=65_536);
        let fits = (1..=fit.batch_size / 2).contains(&fit.accumulate) && fit.batch_size.is_multiple_of(fit.accumulate);
        let allowed = format!("1, or a divisor of {} (fit.batch_size) that leaves at least 2 pairs", fit.batch_size);
        checks.require(fits || fit.accumulate == 1, "fit.accumulate", fit.accumulate, allowed);
        checks.within("fit.seed", fit.seed, 0..=LARGEST_SEED);
        checks.within("fit.threads", fit.threads, 0..=1024);
        checks.within("fit.checkpoint_every", fit.checkpoint_every, 1..=MOST_STEPS);
        checks.within("fit.log_every", fit.log_every, 1..=MOST_STEPS);
        checks.within("fit.probe_every", fit.probe_every, 0..=MOST_STEPS);
        checks.require((0.0..1.0).contains(&fit.ema_decay), "fit.ema_decay", fit.ema_decay, "from 0 to below 1");
        checks.within("fit.clip_norm", fit.clip_norm, 0.0..=1e9);
    }

    fn check_evaluation(&self, checks: &mut Checks) {
        let evaluation = &self.evaluation;
        checks.within("evaluation.pairs", evaluation.pairs, 2..=10_000_000);
        checks.within("evaluation.train_pairs", evaluation.train_pairs, 2..=10_000_000);
        checks.within("evaluation.probe_epochs", evaluation.probe_epochs, 1..=100_000);
        checks.within("evaluation.probe_lr", evaluation.probe_lr, 1e-9..=1e3);
        checks.within("evaluation.neighbours", evaluation.neighbours, 1..=10_000);
        checks.within("evaluation.gallery_objects", evaluation.gallery_objects, 0..=1_000_000);
        checks.within("evaluation.gallery_views", evaluation.gallery_views, 2..=1000);
        checks.within("evaluation.out_of_range_pairs", evaluation.out_of_range_pairs, 0..=1_000_000);
        checks.within("evaluation.seed", evaluation.seed, 0..=LARGEST_SEED);
    }
}

#[derive(Default)]
struct Checks(Vec<Problem>);

impl Checks {
    /// NaN is in no range.
    fn within<T: PartialOrd + Display>(&mut self, key: &str, value: T, range: RangeInclusive<T>) {
        let allowed = format!("{} to {}", range.start(), range.end());
        self.require(range.contains(&value), key, value, allowed);
    }

    fn require(&mut self, holds: bool, key: &str, value: impl Display, allowed: impl Into<String>) {
        if !holds {
            self.0.push(Problem::OutOfRange {
                key: key.into(),
                origin: None,
                value: value.to_string(),
                allowed: allowed.into(),
            });
        }
    }
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}

fn is_folder_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=64).contains(&name.len()) && !name.starts_with('.') && name.chars().all(allowed)
}
