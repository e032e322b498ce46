//! What differs in a run that tunes another one for eight bits.

use std::path::Path;

use super::{Config, ConfigError};
use crate::registry::Registry;

/// Steps, warm-up and learning rate of the other run over those of the tuning.
const SHORTER: u64 = 10;
/// See [`SHORTER`].
const SLOWER: f64 = 10.0;

impl Config {
    /// The configuration that tunes the run in the folder `run`, whose configuration is in `file`, for eight bits: a tenth
    /// of its steps at a tenth of its learning rate, which falls to zero as a cosine; changed by `--set` arguments.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn for_qat(registry: &Registry, run: &Path, file: &Path, sets: &[String]) -> Result<Self, ConfigError> {
        let base = Self::from_file(registry, file)?;
        let tuning = [
            format!("name={}-qat", base.name),
            format!("fit.qat_from={}", run.display()),
            format!("fit.steps={}", (base.fit.steps / SHORTER).max(1)),
            format!("optimiser.lr={:?}", base.optimiser.lr / SLOWER),
            format!("schedule.warmup_steps={}", base.schedule.warmup_steps / SHORTER),
            "schedule.kind=cosine".into(),
            "schedule.final_lr_fraction=0".into(),
            "fit.ema_decay=0".into(),
        ];
        Self::resolve_in_turn(registry, None, Some(file), &[&tuning[..], sets])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuning_is_short_slow_and_changed_by_sets() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let sets = ["name=bolts", "fit.steps=4", "optimiser.lr=0.5", "schedule.kind=step", "schedule.milestones=[2]"];
        let base = Config::resolve(&Registry::default(), None, None, &sets.map(String::from)).unwrap();
        std::fs::write(&file, base.to_toml()).unwrap();
        let tuned =
            Config::for_qat(&Registry::default(), folder.path(), &file, &["optimiser.weight_decay=0.25".into()])
                .unwrap();
        assert_eq!(tuned.name, "bolts-qat");
        assert_eq!(Path::new(&tuned.fit.qat_from), folder.path());
        assert_eq!((tuned.fit.steps, tuned.optimiser.lr, tuned.optimiser.weight_decay), (1, 0.05, 0.25));
        assert!(tuned.schedule.milestones.is_empty());
        assert_eq!((tuned.data, tuned.model, tuned.heads), (base.data, base.model, base.heads));
        let longer = Config::for_qat(&Registry::default(), folder.path(), &file, &["fit.steps=9".into()]).unwrap();
        assert_eq!(longer.fit.steps, 9);
    }
}
