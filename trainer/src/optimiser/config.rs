use serde::{Deserialize, Serialize};

use crate::options::{Checks, UnusedKey};

/// Steps are kept in float32 by the optimisers' state, which counts exactly up to 2^24.
pub const MOST_STEPS: u64 = 16_000_000;

/// `[optimiser]`: how gradients change the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimiserConfig {
    /// The update rule (`adamw`).
    pub kind: OptimiserKind,
    /// Base learning rate, which the schedule scales (1e-3).
    pub lr: f64,
    /// Decay of the weights; biases and batch-norm parameters are spared (1e-6).
    pub weight_decay: f64,
    /// AdamW: decay of the first and second moment (0.9, 0.999).
    pub betas: [f64; 2],
    /// AdamW: added to the root of the second moment (1e-8).
    pub eps: f64,
    /// SGD and LARS: decay of the velocity (0.9).
    pub momentum: f64,
    /// SGD: Nesterov's form of the momentum (true).
    pub nesterov: bool,
    /// LARS: ratio of a layer's update to its weights (1e-3).
    pub trust_coefficient: f64,
}

impl Default for OptimiserConfig {
    fn default() -> Self {
        Self {
            kind: OptimiserKind::Adamw,
            lr: 1e-3,
            weight_decay: 1e-6,
            betas: [0.9, 0.999],
            eps: 1e-8,
            momentum: 0.9,
            nesterov: true,
            trust_coefficient: 1e-3,
        }
    }
}

impl OptimiserConfig {
    /// Notes every value that is out of its range.
    pub fn check(&self, checks: &mut Checks) {
        checks.within("optimiser.lr", self.lr, 0.0..=1e3);
        checks.within("optimiser.weight_decay", self.weight_decay, 0.0..=1.0);
        for beta in self.betas {
            checks.require((0.0..1.0).contains(&beta), "optimiser.betas", beta, "from 0 to below 1");
        }
        checks.within("optimiser.eps", self.eps, 1e-16..=1.0);
        let momentum = self.momentum;
        checks.require((0.0..1.0).contains(&momentum), "optimiser.momentum", momentum, "from 0 to below 1");
        let nesterov_alone = self.kind == OptimiserKind::Sgd && self.nesterov && momentum == 0.0;
        checks.require(!nesterov_alone, "optimiser.nesterov", true, "false when optimiser.momentum is 0");
        checks.within("optimiser.trust_coefficient", self.trust_coefficient, 1e-6..=1e3);
    }

    /// The keys that the chosen rule has no use for.
    pub fn unused_keys(&self) -> Vec<UnusedKey> {
        use OptimiserKind::{Adamw, Lars, Sgd};
        let keys = [
            ("betas", self.kind == Adamw, "optimiser.kind = adamw"),
            ("eps", self.kind == Adamw, "optimiser.kind = adamw"),
            ("momentum", self.kind != Adamw, "optimiser.kind = sgd or lars"),
            ("nesterov", self.kind == Sgd, "optimiser.kind = sgd"),
            ("trust_coefficient", self.kind == Lars, "optimiser.kind = lars"),
        ];
        let unless = |(key, applies, goes_with): (&str, bool, &str)| {
            UnusedKey::unless(applies, &format!("optimiser.{key}"), "optimiser.kind", goes_with)
        };
        keys.into_iter().filter_map(unless).collect()
    }
}

/// Update rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimiserKind {
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    Adamw,
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Layer-wise adaptive rates (You et al., 2017), for very large batches.
    Lars,
}

/// `[schedule]`: how the learning rate changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// Shape after the warm-up (`cosine`).
    pub kind: ScheduleKind,
    /// Steps over which the rate rises linearly from near 0; a run shorter than twice as many warms up for half of
    /// its steps (0).
    pub warmup_steps: u64,
    /// Step: the rate is multiplied by `gamma` from each of these steps on (none).
    pub milestones: Vec<u64>,
    /// Step: factor at each milestone (0.1).
    pub gamma: f64,
    /// Cosine: fraction of the base rate that it has fallen to when all steps are done (0).
    pub final_lr_fraction: f64,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { kind: ScheduleKind::Cosine, warmup_steps: 0, milestones: Vec::new(), gamma: 0.1, final_lr_fraction: 0.0 }
    }
}

impl ScheduleConfig {
    /// Notes every value that is out of its range, for a run of so many steps.
    pub fn check(&self, steps: u64, checks: &mut Checks) {
        checks.within("schedule.warmup_steps", self.warmup_steps, 0..=MOST_STEPS);
        let milestones = &self.milestones;
        let ascending = milestones.is_sorted_by(|a, b| a < b) && milestones.iter().all(|&at| at < steps);
        let shown = || format!("{milestones:?}");
        checks.require(ascending, "schedule.milestones", shown(), format!("ascending steps below {steps} (fit.steps)"));
        let has_needed = self.kind != ScheduleKind::Step || !milestones.is_empty();
        checks.require(has_needed, "schedule.milestones", shown(), "at least one step, for schedule.kind = \"step\"");
        checks.within("schedule.gamma", self.gamma, 1e-6..=1.0);
        checks.within("schedule.final_lr_fraction", self.final_lr_fraction, 0.0..=1.0);
    }

    /// The keys that the chosen shape has no use for.
    pub fn unused_keys(&self) -> Vec<UnusedKey> {
        let keys = [
            ("milestones", ScheduleKind::Step, "schedule.kind = step"),
            ("gamma", ScheduleKind::Step, "schedule.kind = step"),
            ("final_lr_fraction", ScheduleKind::Cosine, "schedule.kind = cosine"),
        ];
        let unless = |(key, kind, goes_with): (&str, ScheduleKind, &str)| {
            UnusedKey::unless(self.kind == kind, &format!("schedule.{key}"), "schedule.kind", goes_with)
        };
        keys.into_iter().filter_map(unless).collect()
    }
}

/// Shapes of the learning rate over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// The base rate throughout.
    Constant,
    /// Half a cosine from the base rate to the final one.
    Cosine,
    /// Falls at milestones.
    Step,
}
