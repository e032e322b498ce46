//! Gradients of a step: summed over its micro-batches and over the ranks.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

use crate::collective::Collective;
use crate::ops::tape::add_gradient;

/// Adds the parameters' gradients of one more micro-batch; what else `newest` holds is dropped.
pub(super) fn add_gradients<'a>(
    sum: Option<GradStore>,
    mut newest: GradStore,
    parameters: impl Iterator<Item = &'a Var>,
) -> Result<GradStore> {
    let Some(mut sum) = sum else { return Ok(newest) };
    for var in parameters {
        if let Some(gradient) = newest.remove(var) {
            add_gradient(&mut sum, var, gradient)?;
        }
    }
    Ok(sum)
}

/// Replaces the parameters' gradients by their sums over all ranks, in one exchange.
///
/// The same parameters have gradients on every rank, since all compute the same loss.
pub(super) fn sum_over_ranks<'a>(
    gradients: &mut GradStore,
    parameters: impl Iterator<Item = &'a Var> + Clone,
    ranks: &dyn Collective,
) -> Result<()> {
    if ranks.size() == 1 {
        return Ok(());
    }
    let mut all = Vec::new();
    for gradient in parameters.clone().filter_map(|var| gradients.get(var)) {
        all.extend(gradient.flatten_all()?.to_vec1::<f32>()?);
    }
    ranks.all_reduce_sum(&mut all)?;
    let mut rest = all.as_slice();
    for var in parameters {
        if gradients.get(var).is_some() {
            let (own, others) = rest.split_at(var.elem_count());
            rest = others;
            gradients.insert(var, Tensor::from_slice(own, var.shape(), var.device())?);
        }
    }
    Ok(())
}
