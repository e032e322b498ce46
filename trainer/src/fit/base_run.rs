use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;

use crate::config::Config;
use crate::registry::Registry;
use crate::run::{Checkpoint, CheckpointSlot, RunError, RunFolder};

/// A finished run that another one starts from.
pub(super) struct BaseRun {
    /// What it was trained with.
    pub config: Config,
    /// Its last checkpoint.
    pub checkpoint: Checkpoint,
    /// Where that is.
    pub path: PathBuf,
}

impl BaseRun {
    /// The run in the folder `base`, for one at `out`.
    ///
    /// # Errors
    /// When there is no run, it has not done all its steps, or it is the one that starts.
    pub fn open(registry: &Registry, base: &Path, out: &Path) -> anyhow::Result<Self> {
        let run = RunFolder::open_to_read(base)?;
        let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
        anyhow::ensure!(!same(base, out), "{}: a run cannot start from itself: name another --out", out.display());
        let config = run.config(registry)?;
        let checkpoint = run.load_checkpoint(CheckpointSlot::Last)?;
        let step = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.step);
        match checkpoint {
            Some(checkpoint) if step >= config.fit.steps => {
                Ok(Self { config, checkpoint, path: run.checkpoint_path(CheckpointSlot::Last) })
            }
            _ => Err(RunError::Unfinished { path: base.into(), step, steps: config.fit.steps }.into()),
        }
    }

    /// The weights that it deploys, by their names, and the folder that they are from.
    pub fn deployed_tensors(self) -> (BTreeMap<String, Tensor>, PathBuf) {
        let Checkpoint { average, model, .. } = self.checkpoint;
        (if average.is_empty() { model } else { average }, self.path)
    }
}

/// The last checkpoint of the finished run that a run at `out` with this configuration tunes for eight bits, and its folder.
///
/// # Errors
/// As [`BaseRun::open`], and when it has other classes.
pub(super) fn checkpoint_for_eight_bits(config: &Config, out: &Path) -> anyhow::Result<(Checkpoint, PathBuf)> {
    let folder = Path::new(&config.fit.qat_from);
    let base = BaseRun::open(config.registry(), folder, out)?;
    let (learned, asked) = (&base.config.data.classes, &config.data.classes);
    anyhow::ensure!(
        learned.is_empty() || learned == asked,
        "{}: the run has learned the classes {}, not {}: leave data.classes out",
        folder.display(),
        learned.join(", "),
        asked.join(", ")
    );
    Ok((base.checkpoint, base.path))
}
