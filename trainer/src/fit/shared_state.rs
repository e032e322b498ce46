//! Gives every rank what rank 0 has read: the configuration and, on resuming, the checkpoint.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};

use super::Training;
use crate::collective::Collective;
use crate::config::{Config, Origin};
use crate::registry::Registry;
use crate::run::{Checkpoint, CheckpointState};

/// Tells the other ranks the configuration.
pub(super) fn announce_config(config: &Config, ranks: &dyn Collective) -> anyhow::Result<()> {
    Ok(ranks.broadcast(&mut config.to_toml().into_bytes())?)
}

/// The configuration that rank 0 announces.
pub(super) fn announced_config(registry: &Registry, ranks: &dyn Collective) -> anyhow::Result<Config> {
    let mut text = Vec::new();
    ranks.broadcast(&mut text)?;
    let origin = Origin::File("the configuration of rank 0".into());
    Ok(Config::from_toml(registry, &String::from_utf8(text)?, origin)?)
}

/// Tells the other ranks where rank 0's training stands, `None` for the beginning.
pub(super) fn announce_state(
    training: &Training,
    state: Option<&CheckpointState>,
    ranks: &dyn Collective,
) -> anyhow::Result<()> {
    if ranks.size() == 1 {
        return Ok(());
    }
    let mut bytes = Vec::new();
    if let Some(state) = state {
        bytes.extend([state.step, state.epoch].map(u64::to_le_bytes).concat());
        let checkpoint = training.checkpoint(state.epoch, state.best_metric)?;
        for tensor in
            [&checkpoint.model, &checkpoint.optimiser, &checkpoint.average].into_iter().flat_map(BTreeMap::values)
        {
            bytes.extend(tensor.flatten_all()?.to_vec1::<f32>()?.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    Ok(ranks.broadcast(&mut bytes)?)
}

/// Brings this rank to where rank 0's training stands, and gives back the epoch.
pub(super) fn follow_state(training: &mut Training, ranks: &dyn Collective) -> anyhow::Result<u64> {
    let mut bytes = Vec::new();
    ranks.broadcast(&mut bytes)?;
    let Some((step, rest)) = bytes.split_first_chunk() else { return Ok(0) };
    let Some((epoch, values)) = rest.split_first_chunk() else { anyhow::bail!("rank 0 announced half a state") };
    let (step, epoch) = (u64::from_le_bytes(*step), u64::from_le_bytes(*epoch));
    let mut values = values.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let mut checkpoint = training.checkpoint(epoch, None)?;
    checkpoint.state.step = step;
    let Checkpoint { model, optimiser, average, .. } = &mut checkpoint;
    for tensor in [model, optimiser, average].into_iter().flat_map(BTreeMap::values_mut) {
        let own: Vec<f32> = values.by_ref().take(tensor.elem_count()).collect();
        *tensor = Tensor::from_vec(own, tensor.shape(), &Device::Cpu)?;
    }
    training.restore(checkpoint, "the state of rank 0".as_ref())?;
    Ok(epoch)
}
