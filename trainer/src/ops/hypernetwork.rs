//! The linear hypernetwork predictor.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::accounting::{self, Kind};
use super::composed;
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::predictor::PredictorShape;
use super::kernels::unwritten::filled;

/// `sum_i condition[i] (weight[i] z)`: the predictor whose weights a linear hypernetwork makes from the condition,
/// without ever building those weights per sample.
///
/// # Shapes
/// `z [n, d]`, `condition [n, k]`, `weight [k, d_out, d]`, result `[n, d_out]`.
///
/// # Errors
/// When shapes do not fit each other or are empty.
pub fn apply_hypernetwork(z: &Tensor, condition: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (rows, inputs) = z.dims2()?;
    let (conditions, outputs, depth) = weight.dims3()?;
    if depth != inputs || condition.dims2()? != (rows, conditions) {
        let (z, q, w) = (z.shape(), condition.shape(), weight.shape());
        bail!("apply_hypernetwork: z {z:?}, condition {q:?} and weight {w:?} do not fit");
    }
    if [rows, inputs, conditions, outputs].contains(&0) {
        bail!("apply_hypernetwork of an empty tensor: z {:?}, weight {:?}", z.shape(), weight.shape());
    }
    if !z.device().is_cpu() {
        return composed::apply_hypernetwork(z, condition, weight);
    }
    let shape = PredictorShape { rows, conditions, outputs, inputs };
    z.contiguous()?.apply_op3(&condition.contiguous()?, &weight.contiguous()?, ApplyHypernetwork { shape })
}

struct ApplyHypernetwork {
    shape: PredictorShape,
}

impl CustomOp3 for ApplyHypernetwork {
    fn name(&self) -> &'static str {
        "apply-hypernetwork"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Hypernetwork, self.shape.multiplications());
        let (z, condition, weight) = (numbers(s1, l1)?, numbers(s2, l2)?, numbers(s3, l3)?);
        let PredictorShape { rows, outputs, .. } = self.shape;
        Ok(stored(filled(rows * outputs, |y| self.shape.forward(z, condition, weight, y)), (rows, outputs)))
    }

    fn bwd(
        &self,
        z: &Tensor,
        condition: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let _scope = accounting::enter(Kind::Hypernetwork, 2 * self.shape.multiplications());
        let grad = grad.contiguous()?;
        let gradients = self.shape.backward(
            &Numbers::of(z)?,
            &Numbers::of(condition)?,
            &Numbers::of(weight)?,
            &Numbers::of(&grad)?,
        );
        let of = |arg: &Tensor, data| arg.track_op().then(|| tensor(data, arg.shape())).transpose();
        Ok((of(z, gradients.z)?, of(condition, gradients.condition)?, of(weight, gradients.weight)?))
    }
}
