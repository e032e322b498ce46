//! Finds out what the program was started as.

use std::sync::Arc;

use candle_core::Device;

use super::{Alone, Collective};

/// What launchers tell each process: how many there are.
const SIZES: [&str; 3] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"];
/// Which of the processes on its machine a process is.
const LOCAL_RANKS: [&str; 4] = ["OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMI_LOCAL_RANK", "SLURM_LOCALID"];

/// The ranks that this process was started with, such as by `mpirun -n 2`; [`Alone`] where it was started by itself.
///
/// # Errors
/// When it is one of several and was built without the feature `mpi`, or MPI refuses to start.
pub fn world() -> anyhow::Result<Arc<dyn Collective>> {
    match number(&SIZES) {
        None | Some(0 | 1) => Ok(Arc::new(Alone)),
        Some(size) => several(size),
    }
}

#[cfg(feature = "mpi")]
fn several(_size: usize) -> anyhow::Result<Arc<dyn Collective>> {
    Ok(Arc::new(super::Mpi::start()?))
}

#[cfg(not(feature = "mpi"))]
fn several(size: usize) -> anyhow::Result<Arc<dyn Collective>> {
    anyhow::bail!(
        "started as one of {size} processes, but built without MPI: build it with `cargo build --release --package \
         sextant-trainer --features mpi`"
    )
}

/// The ranks, with sums over their GPUs where `device` is one and the program was built with the feature `nccl`.
///
/// # Errors
/// When NCCL cannot be started.
pub fn on_device(ranks: Arc<dyn Collective>, device: &Device) -> anyhow::Result<Arc<dyn Collective>> {
    match device {
        #[cfg(feature = "nccl")]
        Device::Cuda(gpu) if ranks.size() > 1 => Ok(Arc::new(super::Nccl::over(ranks, gpu)?)),
        _ => Ok(ranks),
    }
}

/// Which of the job's processes on this machine this one is, from 0: the GPU that is its own.
pub fn local_rank() -> usize {
    number(&LOCAL_RANKS).unwrap_or(0)
}

fn number(names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok())
}
