use std::fmt;
use std::sync::{Mutex, PoisonError};

use mpi::Threading;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Equivalence, Root};

use super::{Collective, CollectiveError};

/// Processes that an MPI launcher started; MPI ends when this is dropped.
///
/// MPI's own errors end the job, as its standard asks by default: no operation here returns one.
pub struct Mpi {
    rank: usize,
    size: usize,
    /// One operation at a time, from whichever thread: that is what MPI was asked to bear.
    world: Mutex<World>,
}

struct World {
    communicator: SimpleCommunicator,
    /// Ends MPI, so it goes after the communicator.
    _universe: Universe,
}

#[allow(unsafe_code)]
// SAFETY: the handles inside are valid in every thread of the process; MPI was started with `MPI_THREAD_SERIALIZED`,
// which allows calls from any thread as long as they do not overlap, and the mutex around this keeps them apart.
unsafe impl Send for World {}

impl Mpi {
    /// Starts MPI.
    ///
    /// # Errors
    /// When it was started before in this process, or does not bear calls from several threads one at a time.
    pub fn start() -> anyhow::Result<Self> {
        let Some((universe, level)) = mpi::initialize_with_threading(Threading::Serialized) else {
            anyhow::bail!("MPI was started before in this process")
        };
        if !matches!(level, Threading::Serialized | Threading::Multiple) {
            anyhow::bail!("this MPI offers the thread level {level:?}; at least MPI_THREAD_SERIALIZED is needed")
        }
        let communicator = universe.world();
        let (rank, size) = (communicator.rank() as usize, communicator.size() as usize);
        Ok(Self { rank, size, world: Mutex::new(World { communicator, _universe: universe }) })
    }

    fn with<R>(&self, operation: impl FnOnce(&SimpleCommunicator) -> R) -> R {
        operation(&self.world.lock().unwrap_or_else(PoisonError::into_inner).communicator)
    }

    /// Sums in the order of ranks, whichever algorithm MPI prefers for its own: each rank sums one part and hands the
    /// sums to the others, so that every number travels as often as in a ring.
    fn sum<T: Equivalence + Copy + Default + std::ops::AddAssign>(&self, values: &mut [T]) {
        let part = values.len().div_ceil(self.size).max(1);
        let mut own = vec![T::default(); part];
        self.with(|world| {
            for root in 0..self.size {
                let mut sent = vec![T::default(); part];
                let given = values.chunks(part).nth(root).unwrap_or(&[]);
                sent[..given.len()].copy_from_slice(given);
                let process = world.process_at_rank(root as i32);
                if root != self.rank {
                    process.gather_into(&sent[..]);
                    continue;
                }
                let mut parts = vec![T::default(); part * self.size];
                process.gather_into_root(&sent[..], &mut parts[..]);
                own.copy_from_slice(&parts[..part]);
                for other in parts[part..].chunks(part) {
                    own.iter_mut().zip(other).for_each(|(sum, value)| *sum += *value);
                }
            }
            let mut sums = vec![T::default(); part * self.size];
            world.all_gather_into(&own[..], &mut sums[..]);
            values.copy_from_slice(&sums[..values.len()]);
        });
    }
}

impl Collective for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn all_gather(&self, part: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        let mut all = vec![0.0; part.len() * self.size];
        self.with(|world| world.all_gather_into(part, &mut all[..]));
        Ok(all)
    }

    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError> {
        self.sum(values);
        Ok(())
    }

    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError> {
        self.sum(values);
        Ok(())
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError> {
        self.with(|world| {
            let root = world.process_at_rank(0);
            let mut len = bytes.len() as u64;
            root.broadcast_into(&mut len);
            bytes.resize(len as usize, 0);
            // MPI counts in 32 bits.
            bytes.chunks_mut(1 << 30).for_each(|chunk| root.broadcast_into(chunk));
        });
        Ok(())
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        self.with(|world| world.barrier());
        Ok(())
    }

    fn abort(&self, exit_code: i32) {
        self.with(|world| {
            world.abort(exit_code);
        });
    }
}

impl Drop for Mpi {
    /// A panic on one rank ends all: the regular end would wait for the others for ever.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.abort(101);
        }
    }
}

impl fmt::Debug for Mpi {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Mpi {{ rank: {}, size: {} }}", self.rank, self.size)
    }
}
