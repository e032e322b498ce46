use std::path::Path;
use std::sync::Arc;

use super::training::Training;
use crate::config::Config;
use crate::data::{GroundTruth, ViewSource};
use crate::device;
use crate::model::Model;
use crate::registry::Registry;
use crate::run::{CONFIG_FILE, CheckpointSlot, RunError, RunFolder};

/// A run read back from its folder.
pub struct TrainedRun {
    /// As it was resolved, with the changes asked for.
    pub config: Config,
    /// The run's data.
    pub source: Arc<dyn ViewSource>,
    training: Training,
}

impl TrainedRun {
    /// Reads a checkpoint of a run; `sets` change its configuration.
    ///
    /// # Errors
    /// When the folder holds no run or no checkpoint, a file is broken, or the data cannot be had.
    pub fn open(
        registry: &Registry,
        run: &Path,
        slot: CheckpointSlot,
        sets: &[String],
        device: &str,
    ) -> anyhow::Result<Self> {
        let folder = RunFolder::open_to_read(run)?;
        let config = Config::resolve(registry, None, Some(&folder.file(CONFIG_FILE)), sets)?;
        let device = device::select(device)?;
        let source = config.open_data()?;
        let truth = GroundTruth::of(config.shown(&source)?.as_ref());
        let mut training = Training::new(&config, truth, &device)?;
        let Some(loaded) = folder.load_checkpoint(slot)? else {
            return Err(RunError::NoCheckpoint { path: folder.checkpoint_path(slot) }.into());
        };
        training.restore(loaded, &folder.checkpoint_path(slot))?;
        Ok(Self { config, source, training })
    }

    /// Runs `body` with the weights that are deployed.
    ///
    /// # Errors
    /// When `body` fails.
    pub fn with_deployed_weights<T>(&mut self, body: impl FnOnce(&Model) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.training.with_deployed_weights(|training| body(&training.model))
    }
}
