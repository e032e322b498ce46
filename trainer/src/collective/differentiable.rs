//! Exchange between ranks that gradients go back through.
//!
//! With the objective `sum_r L_r` over ranks, the gradient of an exchange sums what every rank's loss asks for.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor, bail};

use super::Collective;

/// The rows of all ranks below each other, in the order of ranks.
///
/// # Shapes
/// `x` is `[n, ..]` with the same `n` on every rank, the result `[ranks n, ..]`.
///
/// # Errors
/// When another rank has ended.
pub fn gather_rows(x: &Tensor, collective: &Arc<dyn Collective>) -> Result<Tensor> {
    exchange(x, collective, Exchange::GatherRows)
}

/// The mean over all ranks of tensors of one shape.
///
/// # Errors
/// When another rank has ended.
pub fn mean_over_ranks(x: &Tensor, collective: &Arc<dyn Collective>) -> Result<Tensor> {
    exchange(x, collective, Exchange::Mean)
}

/// Through main memory, where the ranks' numbers meet.
fn exchange(x: &Tensor, collective: &Arc<dyn Collective>, exchange: Exchange) -> Result<Tensor> {
    if collective.size() == 1 {
        return Ok(x.clone());
    }
    let op = Exchanged { collective: collective.clone(), exchange };
    x.to_device(&Device::Cpu)?.contiguous()?.apply_op1(op)?.to_device(x.device())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Exchange {
    GatherRows,
    Mean,
}

struct Exchanged {
    collective: Arc<dyn Collective>,
    exchange: Exchange,
}

impl Exchanged {
    fn mean(&self, values: &[f32]) -> Result<Vec<f32>> {
        let mut values = values.to_vec();
        self.collective.all_reduce_mean(&mut values)?;
        Ok(values)
    }

    /// The sum over ranks of what they ask of this rank's rows.
    fn own_rows(&self, gradient: &[f32]) -> Result<Vec<f32>> {
        let mut gradient = gradient.to_vec();
        self.collective.all_reduce_sum(&mut gradient)?;
        let part = gradient.len() / self.collective.size();
        Ok(gradient[self.collective.rank() * part..][..part].to_vec())
    }
}

impl CustomOp1 for Exchanged {
    fn name(&self) -> &'static str {
        match self.exchange {
            Exchange::GatherRows => "gather-rows",
            Exchange::Mean => "mean-over-ranks",
        }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("{}: not contiguous", self.name()) };
        let values = &storage.as_slice::<f32>()?[start..end];
        let mut dims = layout.dims().to_vec();
        let result = match self.exchange {
            Exchange::Mean => self.mean(values)?,
            Exchange::GatherRows => {
                dims[0] *= self.collective.size();
                self.collective.all_gather(values)?
            }
        };
        Ok((CpuStorage::F32(result), dims.into()))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
        let by_x = match self.exchange {
            Exchange::Mean => self.mean(&gradient)?,
            Exchange::GatherRows => self.own_rows(&gradient)?,
        };
        Tensor::from_vec(by_x, x.shape(), x.device()).map(Some)
    }
}
