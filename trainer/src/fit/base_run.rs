use std::path::{Path, PathBuf};

use crate::run::{Checkpoint, CheckpointSlot, RunError, RunFolder};

/// The last checkpoint of the finished run in the folder `base`, which another run at `out` starts from, and its folder.
///
/// # Errors
/// When there is no run, it has not done all its steps, or it is the one that starts.
pub(super) fn finished_checkpoint(base: &Path, out: &Path) -> anyhow::Result<(Checkpoint, PathBuf)> {
    let run = RunFolder::open_to_read(base)?;
    let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    anyhow::ensure!(!same(base, out), "{}: a run cannot start from itself: name another --out", out.display());
    let config = run.config()?;
    let path = run.checkpoint_path(CheckpointSlot::Last);
    let checkpoint = run.load_checkpoint(CheckpointSlot::Last)?;
    let step = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.state.step);
    match checkpoint {
        Some(checkpoint) if step >= config.fit.steps => Ok((checkpoint, path)),
        _ => Err(RunError::Unfinished { path: base.into(), step, steps: config.fit.steps }.into()),
    }
}
