use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::cuda_backend::cudarc::driver::{CudaStream, DriverError};
use candle_core::cuda_backend::cudarc::nccl::result::{NcclError, NcclStatus};
use candle_core::cuda_backend::cudarc::nccl::safe::{Comm, Id, ReduceOp};
use candle_core::{CudaDevice, cuda_backend::cudarc::nccl::safe::NcclType};

use super::{Collective, CollectiveError};

/// Sums over the ranks' GPUs by NCCL; everything else goes through the processes' own collective. Compiled, not run.
///
/// NCCL chooses its own order of summing, the same on every rank and in every run on the same machines.
pub struct Nccl {
    processes: Arc<dyn Collective>,
    stream: Arc<CudaStream>,
    communicator: Mutex<Communicator>,
}

struct Communicator(Comm);

#[allow(unsafe_code)]
// SAFETY: a communicator may be used from any thread as long as calls do not overlap, and the mutex around this keeps
// them apart.
unsafe impl Send for Communicator {}

impl Nccl {
    /// Joins the GPUs of all processes; each process gives its own, and all of them call this together.
    ///
    /// # Errors
    /// When NCCL cannot be started, such as for two processes on one GPU.
    pub fn over(processes: Arc<dyn Collective>, device: &CudaDevice) -> anyhow::Result<Self> {
        let refused =
            |error: NcclError| anyhow::anyhow!("NCCL cannot be started ({:?}): give each process a GPU", error.0);
        let mut id = Vec::new();
        if processes.rank() == 0 {
            id = Id::new().map_err(refused)?.internal().map(|byte| byte as u8).to_vec();
        }
        processes.broadcast(&mut id)?;
        let id: [u8; 128] = id.try_into().map_err(|_| anyhow::anyhow!("rank 0 gave no NCCL identifier"))?;
        let id = Id::uninit(id.map(|byte| byte as _));
        let stream = device.cuda_stream();
        let communicator = Comm::from_rank(stream.clone(), processes.rank(), processes.size(), id).map_err(refused)?;
        Ok(Self { processes, stream, communicator: Mutex::new(Communicator(communicator)) })
    }

    fn sum<T>(&self, values: &mut [T]) -> Result<(), CollectiveError>
    where
        T: NcclType + candle_core::cuda_backend::cudarc::driver::DeviceRepr,
    {
        let driver = |error: DriverError| self.error(format!("CUDA: {error}"));
        let mut on_gpu = self.stream.clone_htod(&*values).map_err(driver)?;
        let communicator = self.communicator.lock().unwrap_or_else(PoisonError::into_inner);
        match communicator.0.all_reduce_in_place(&mut on_gpu, &ReduceOp::Sum) {
            Ok(NcclStatus::Success) => {}
            Ok(_) => return Err(self.error("NCCL has not finished a sum that was to be waited for".into())),
            Err(error) => return Err(self.error(format!("NCCL: {:?}", error.0))),
        }
        self.stream.memcpy_dtoh(&on_gpu, values).map_err(driver)?;
        self.stream.synchronize().map_err(driver)
    }

    fn error(&self, reason: String) -> CollectiveError {
        CollectiveError { rank: self.rank(), size: self.size(), reason }
    }
}

impl Collective for Nccl {
    fn rank(&self) -> usize {
        self.processes.rank()
    }

    fn size(&self) -> usize {
        self.processes.size()
    }

    fn all_gather(&self, part: &[f32]) -> Result<Vec<f32>, CollectiveError> {
        self.processes.all_gather(part)
    }

    fn all_reduce_sum(&self, values: &mut [f32]) -> Result<(), CollectiveError> {
        self.sum(values)
    }

    fn all_reduce_sum_f64(&self, values: &mut [f64]) -> Result<(), CollectiveError> {
        self.processes.all_reduce_sum_f64(values)
    }

    fn broadcast(&self, bytes: &mut Vec<u8>) -> Result<(), CollectiveError> {
        self.processes.broadcast(bytes)
    }

    fn barrier(&self) -> Result<(), CollectiveError> {
        self.processes.barrier()
    }

    fn abort(&self, exit_code: i32) {
        self.processes.abort(exit_code);
    }
}

impl fmt::Debug for Nccl {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Nccl {{ rank: {}, size: {} }}", self.rank(), self.size())
    }
}
