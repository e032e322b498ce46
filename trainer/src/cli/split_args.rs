use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::config::with_home;
use crate::scene::MeshFolderSettings;

// Which meshes are held out. No documentation: it would become the command's.
#[derive(Debug, Args)]
pub(super) struct SplitArgs {
    /// Share of each class that is held out, at least one of two [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    pub held_out_share: Option<f32>,
    /// File with a line CLASS/NAME for each mesh that is held out, in place of the share
    #[arg(long, value_name = "FILE", conflicts_with = "held_out_share")]
    pub held_out_list: Option<PathBuf>,
}

impl SplitArgs {
    /// The settings of a folder of meshes that is split so.
    pub fn settings(&self, seed: u64) -> Result<MeshFolderSettings> {
        let defaults = MeshFolderSettings::default();
        let share = self.held_out_share.unwrap_or(defaults.held_out_share);
        if !(0.0..1.0).contains(&share) {
            bail!("--held-out-share {share}: must be at least 0 and below 1");
        }
        let held_out_list = self.held_out_list.as_deref().map(with_home).transpose()?;
        Ok(MeshFolderSettings { held_out_share: share, held_out_list, seed, ..defaults })
    }

    /// The options that were given.
    pub fn given(&self) -> Vec<&'static str> {
        let share = self.held_out_share.map(|_| "--held-out-share");
        share.into_iter().chain(self.held_out_list.as_ref().map(|_| "--held-out-list")).collect()
    }
}
