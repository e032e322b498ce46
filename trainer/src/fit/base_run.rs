use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::run::{Checkpoint, CheckpointSlot, RunError, RunFolder};

/// The last checkpoint of the finished run that a run at `out` with this configuration starts from, and its folder.
///
/// # Errors
/// When there is no run, it has not done all its steps, it has other classes, or it is the one that starts.
pub(super) fn finished_checkpoint(config: &Config, out: &Path) -> anyhow::Result<(Checkpoint, PathBuf)> {
    let base = Path::new(&config.fit.qat_from);
    let run = RunFolder::open_to_read(base)?;
    let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    anyhow::ensure!(!same(base, out), "{}: a run cannot start from itself: name another --out", out.display());
    let of_base = run.config(config.registry())?;
    let (learned, asked) = (&of_base.data.classes, &config.data.classes);
    anyhow::ensure!(
        learned.is_empty() || learned == asked,
        "{}: the run has learned the classes {}, not {}: leave data.classes out",
        base.display(),
        learned.join(", "),
        asked.join(", ")
    );
    let path = run.checkpoint_path(CheckpointSlot::Last);
    let checkpoint = run.load_checkpoint(CheckpointSlot::Last)?;
    let step = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.step);
    match checkpoint {
        Some(checkpoint) if step >= of_base.fit.steps => Ok((checkpoint, path)),
        _ => Err(RunError::Unfinished { path: base.into(), step, steps: of_base.fit.steps }.into()),
    }
}
