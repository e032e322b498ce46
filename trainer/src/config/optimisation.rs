use serde::{Deserialize, Serialize};

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
