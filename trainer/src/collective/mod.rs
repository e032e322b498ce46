//! Training on several processes: what the ranks of a job tell each other.
//!
//! Every rank holds the whole network and takes its share of each batch. Ranks must call the same operations in the
//! same order. Sums are taken in the order of ranks, so that all of them hold the same bits afterwards, in every run,
//! and the weights never have to be compared.
//!
//! The objective of a job is the mean of the ranks' losses. A term that has to see the whole batch, such as a
//! covariance, is computed by every rank on [`gather_rows`], whose gradient is the sum over ranks of what they ask for.

mod alone;
mod differentiable;
mod launch;
#[cfg(feature = "nccl")]
mod nccl;
#[cfg(feature = "mpi")]
mod processes;
mod threads;

use std::fmt::Debug;

pub use alone::Alone;
pub use differentiable::{gather_rows, mean_over_ranks};
pub use launch::{local_rank, on_device, world};
#[cfg(feature = "nccl")]
pub use nccl::Nccl;
#[cfg(feature = "mpi")]
pub use processes::Mpi;
pub use threads::Threads;

/// The ranks of a job, seen from one of them.
pub trait Collective: Debug + Send + Sync {
    /// Which of the ranks this is, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are, at least 1.
    fn size(&self) -> usize;

    /// The parts of all ranks one after the other; every rank gives as many numbers.
    ///
    /// # Errors
    /// When another rank has ended.
    fn all_gather(&self, part: &[f32]) -> Result<Vec<f32>, CollectiveError>;

    /// Replaces the numbers by their sums over all ranks.
    ///
    /// # Errors
    /// When another rank has ended.
    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError>;

    /// Replaces the numbers by their means over all ranks.
    ///
    /// # Errors
    /// When another rank has ended.
    fn all_reduce_mean(&self, values: &mut [f32]) -> Result<(), CollectiveError> {
        self.all_reduce_sum(values)?;
        let share = 1.0 / self.size() as f32;
        values.iter_mut().for_each(|value| *value *= share);
        Ok(())
    }

    /// As [`Self::all_reduce_sum`], in double precision.
    ///
    /// # Errors
    /// When another rank has ended.
    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError>;

    /// Replaces the bytes by those of rank 0, whatever their number.
    ///
    /// # Errors
    /// When another rank has ended.
    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError>;

    /// Waits until all ranks are here.
    ///
    /// # Errors
    /// When another rank has ended.
    fn barrier(&self) -> Result<(), CollectiveError>;

    /// Ends the processes of all ranks with an exit code, after an error of this one; returns where ranks are no
    /// processes of their own.
    fn abort(&self, exit_code: i32);
}

/// Why ranks can no longer work together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rank {rank} of {size}: {reason}")]
pub struct CollectiveError {
    /// The rank that noticed.
    pub rank: usize,
    /// Number of ranks.
    pub size: usize,
    /// What happened.
    pub reason: String,
}

impl From<CollectiveError> for candle_core::Error {
    fn from(error: CollectiveError) -> Self {
        Self::wrap(error)
    }
}
