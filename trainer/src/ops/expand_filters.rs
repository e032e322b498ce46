//! Filters of a map over a group, out of those that are free.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use sextant_runtime::plane_group::{FilterExpansion, PlaneGroup};

use super::accounting::{self, Kind};
use super::composed;
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::filter_copies::FilterCopies;
use super::tape;

/// Base filters with their copies, moved and with their channels in another order, for the other orientations of a group
/// (Cohen and Welling 2016, section 7). The gradient by a base number is the sum over its copies.
///
/// # Shapes
/// `base [fields, side, side, cin]`, result `[G fields, side, side, cin]` for a group of order `G`, orientation by orientation.
///
/// # Errors
/// When the filters are not square or empty, or their channels are no whole fields.
pub fn expand_filters(base: &Tensor, expansion: FilterExpansion) -> Result<Tensor> {
    if expansion.group == PlaneGroup::Identity {
        return Ok(base.clone());
    }
    let (fields, rows, columns, channels) = base.dims4()?;
    let shape = [fields * expansion.group.order(), rows, columns, channels];
    if base.elem_count() == 0 || !expansion.fits(shape) {
        bail!("expand_filters: {:?} are no base filters of {expansion:?}", base.shape());
    }
    if !base.device().is_cpu() {
        return composed::expand_filters(base, expansion);
    }
    tape::apply1(&base.contiguous()?, ExpandFilters { copies: FilterCopies::new(expansion, shape), shape })
}

struct ExpandFilters {
    copies: FilterCopies,
    /// Of the expanded filters.
    shape: [usize; 4],
}

impl CustomOp1 for ExpandFilters {
    fn name(&self) -> &'static str {
        "expand-filters"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::ExpandFilters, 0);
        Ok(stored(self.copies.expand(numbers(storage, layout)?), &self.shape[..]))
    }

    fn bwd(&self, base: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::ExpandFilters, 0);
        let grad = grad.contiguous()?;
        tensor(self.copies.sum_over_copies(&Numbers::of(&grad)?), base.shape()).map(Some)
    }
}
