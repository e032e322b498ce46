use serde::{Deserialize, Serialize};

/// `[fit]`: length, batches and book-keeping of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// Finished run whose weights are tuned for eight bits, as `trainer fit --qat RUN` sets it; empty for a run that
    /// starts from fresh weights.
    pub qat_from: String,
    /// Finished run, or safetensors file of one, whose encoder's weights a run begins with; heads and the method's own layers begin
    /// anew. Empty for an encoder with fresh weights.
    pub encoder_from: String,
    /// Updates of the weights (2000).
    pub steps: u64,
    /// Objects in a step, each in as many views as the method needs, on all processes together (128).
    pub batch_size: usize,
    /// Micro-batches of a step, whose gradients are averaged before the weights move: less memory for as large a batch
    /// (1). Batch norm with its running averages, and every term in which rows of a batch meet (variance, covariance,
    /// negatives), see one micro-batch at a time; only means over rows are those of the whole batch.
    pub accumulate: usize,
    /// Type of the encoder's activations while it trains; `bf16` needs a GPU (`f32`).
    pub precision: Precision,
    /// Seed of initial weights, batches and scenes (0).
    pub seed: u64,
    /// Threads; 0 for one on each core (0).
    pub threads: usize,
    /// Steps between checkpoints (500).
    pub checkpoint_every: u64,
    /// Steps between lines of metrics (20).
    pub log_every: u64,
    /// Steps between probes of the features; 0 for none (500).
    pub probe_every: u64,
    /// Decay of the moving average of the weights; 0 for none (0).
    pub ema_decay: f64,
    /// Largest norm of the gradient, longer ones are scaled down; 0 for no limit (0).
    pub clip_norm: f64,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            qat_from: String::new(),
            encoder_from: String::new(),
            steps: 2000,
            batch_size: 128,
            accumulate: 1,
            precision: Precision::F32,
            seed: 0,
            threads: 0,
            checkpoint_every: 500,
            log_every: 20,
            probe_every: 500,
            ema_decay: 0.0,
            clip_norm: 0.0,
        }
    }
}

impl FitConfig {
    /// Whether weights and activations are rounded to eight bits while the network trains.
    pub fn is_for_eight_bits(&self) -> bool {
        !self.qat_from.is_empty()
    }
}

/// Type of the encoder's activations while it trains; weights, statistics, heads and losses are single precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    F32,
    /// bfloat16, on GPUs only: half the memory, and the matrix units' fast type.
    Bf16,
}

/// `[evaluation]`: what is measured on held-out objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvaluationConfig {
    /// Fixed pairs of views of held-out objects; held-out pictures, where no rotation is known (2000).
    pub pairs: usize,
    /// Pairs of views of training objects that the probes learn from; training pictures, where no rotation is known (8000).
    pub train_pairs: usize,
    /// Passes of the probes over their training pairs (100).
    pub probe_epochs: usize,
    /// Learning rate of the probes (1e-3).
    pub probe_lr: f64,
    /// Neighbours that vote in the k-NN classification (20).
    pub neighbours: usize,
    /// Whether a classifier with two hidden layers is trained beside the linear one (true).
    pub mlp_probe: bool,
    /// Whether rotation is also read from each half of the features and from the method's embeddings (true).
    pub part_probes: bool,
    /// Whether the differences of the hues of floor and light are read, too (true).
    pub colour_probe: bool,
    /// Held-out objects whose views are predicted and retrieved; 0 for none (200).
    pub gallery_objects: usize,
    /// Views of each of them (50, as 3DIEBench has).
    pub gallery_views: usize,
    /// Views of each of these objects whose poses are given, and tell those of its other views; at most half of them, 0 for none (10).
    pub reference_views: usize,
    /// Pairs of views with rotations outside the trained range; 0 for none (400).
    pub out_of_range_pairs: usize,
    /// Whether it is estimated what features and class tell of each transformation, in bits (false).
    pub information: bool,
    /// Whether the class is also read from pictures with `data.transformations` (false).
    pub transformed_class: bool,
    /// Transformations of finished pictures of which it is measured how far they move the features, and whether more of an
    /// ordered one moves them farther (empty).
    pub responses: Vec<String>,
    /// Whether it is measured if the inner products of pictures' features stay the same from one augmentation that all share to
    /// another (false).
    pub inner_products: bool,
    /// Seed of the pairs and of the probes' weights (0).
    pub seed: u64,
}

impl Default for EvaluationConfig {
    fn default() -> Self {
        Self {
            pairs: 2000,
            train_pairs: 8000,
            probe_epochs: 100,
            probe_lr: 1e-3,
            neighbours: 20,
            mlp_probe: true,
            part_probes: true,
            colour_probe: true,
            gallery_objects: 200,
            gallery_views: 50,
            reference_views: 10,
            out_of_range_pairs: 400,
            information: false,
            transformed_class: false,
            responses: Vec::new(),
            inner_products: false,
            seed: 0,
        }
    }
}
