//! How fast training steps are on this machine, and where their time goes.
//!
//! A step is all that the fit loop does with a batch (normalise, forward, losses, backward, optimiser), on prepared
//! random images: nothing is rendered or read. Images count as in the fit loop: two for each pair of views.

mod batch;
mod exchange;
mod layer;
mod report;

use std::time::{Duration, Instant};

use candle_core::Device;
use sextant_runtime::rotation::SymmetryGroup;

use crate::config::Config;
use crate::data::{GroundTruth, ViewBatch};
use crate::fit::Training;
use crate::ops::accounting::{self, Account};
use crate::registry::Registry;

pub use exchange::write_exchange;
pub use layer::{Layer, LayerBench};
pub use report::StepReport;

/// Classes of the heads: those of 3DIEBench.
const CLASSES: usize = 55;

/// A network in training on one batch of random images.
pub struct StepBench {
    config: Config,
    training: Training,
    batch: ViewBatch,
    symmetries: Vec<SymmetryGroup>,
}

impl StepBench {
    /// An encoder as its preset configures it: `resnet18` as sie-3diebench, others as quickstart, with other image and
    /// batch sizes, and changed by `--set` arguments. `images` is the number of views in a step, twice that of pairs.
    ///
    /// # Errors
    /// When the batch is odd or smaller than 4, or the sizes are out of range.
    pub fn new(
        registry: &Registry,
        net: &str,
        changes: &[String],
        image_size: usize,
        images: usize,
    ) -> anyhow::Result<Self> {
        if images < 4 || !images.is_multiple_of(2) {
            anyhow::bail!(
                "a batch of {images} images is not two views of at least two objects: use an even number from 4"
            );
        }
        let preset = if net == "resnet18" { "sie-3diebench" } else { "quickstart" };
        let sets = [
            "data.source=procedural".to_string(),
            format!("model.encoder={net}"),
            format!("data.image_size={image_size}"),
            // What the peers train, too.
            "method.name=sie".into(),
            format!("fit.batch_size={}", images / 2),
            "schedule.kind=constant".into(),
            "schedule.warmup_steps=0".into(),
        ];
        let config = Config::resolve(registry, Some(preset), None, &[&sets[..], changes].concat())?;
        let training = Training::new(&config, GroundTruth::posed(CLASSES), &Device::Cpu)?;
        let batch = batch::random_batch(image_size, images / 2, CLASSES);
        let symmetries = vec![SymmetryGroup::None; images / 2];
        Ok(Self { config, training, batch, symmetries })
    }

    /// Images in a step.
    pub fn images(&self) -> usize {
        self.batch.transformations.len()
    }

    /// Runs some steps; the time of each.
    ///
    /// # Errors
    /// As [`Training::train_step`].
    pub fn run(&mut self, steps: usize) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(steps);
        for _ in 0..steps {
            let start = Instant::now();
            self.training.train_step(&self.batch, &self.symmetries)?;
            times.push(start.elapsed());
        }
        Ok(times)
    }

    /// Warms up, then measures some steps, and sums up.
    ///
    /// # Errors
    /// As [`Training::train_step`].
    pub fn measure(&mut self, warmup: usize, steps: usize) -> anyhow::Result<StepReport> {
        self.run(warmup)?;
        accounting::start();
        let times = self.run(steps);
        let account: Account = accounting::finish();
        Ok(StepReport::new(&self.config, self.images(), times?, account))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::ops::accounting::Kind;

    #[test]
    fn a_step_is_measured_and_its_shares_add_up() {
        let mut bench = StepBench::new(&Registry::default(), "tiny", &[], 32, 4).unwrap();
        let report = bench.measure(1, 2).unwrap();
        let json = report.to_json();
        assert_eq!(json["batch_images"], 4);
        assert_eq!(json["steps"], 2);
        let shares: f64 = json["operators"].as_array().unwrap().iter().map(|op| op["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-9, "{shares}");
        let calls = |kind: Kind| {
            let all = json["operators"].as_array().unwrap();
            let operator = all.iter().find(|op| op["name"] == kind.name());
            operator.map_or(0, |op| op["calls_per_step"].as_f64().unwrap() as u64)
        };
        // Stem, three blocks of three, squeeze and features, for each of two views.
        assert_eq!(calls(Kind::ConvForward), 24);
        assert_eq!(calls(Kind::ConvByWeight), 24);
        assert_eq!(calls(Kind::ConvByInput), 22, "nobody wants the gradient by the images");
        assert!(json["images_per_s"].as_f64().unwrap() > 0.0);
        assert!(json["gflop_per_s"].as_f64().unwrap() > 0.0);
    }

    /// Of the same multiplications, and with filters to expand.
    #[test]
    fn an_encoder_is_measured_with_its_options() {
        let sets = ["model.downsampling=strided".to_string()];
        let report = |net: &str, sets: &[String]| {
            StepBench::new(&Registry::default(), net, sets, 33, 4).unwrap().measure(0, 1).unwrap().to_json()
        };
        let (plain, equivariant) = (report("tiny", &[]), report("eqtiny-c4", &sets));
        let multiplications = |report: &Value| report["multiply_adds_per_image"].as_f64().unwrap();
        let ratio = multiplications(&equivariant) / multiplications(&plain);
        assert!((0.95..1.1).contains(&ratio), "{ratio}");
        let expands = |report: &Value| report["operators"].to_string().contains(Kind::ExpandFilters.name());
        assert!(expands(&equivariant) && !expands(&plain));
    }

    #[test]
    fn batches_that_are_no_pairs_are_refused() {
        for images in [0, 2, 7] {
            let error = StepBench::new(&Registry::default(), "tiny", &[], 16, images).err().unwrap();
            assert!(error.to_string().contains("even number"), "{error}");
        }
    }
}
