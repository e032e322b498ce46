//! Max-pooling and global average pooling.

use std::sync::OnceLock;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::accounting::{self, Kind};
use super::composed;
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::cuda_precision::single_precision;
use super::kernels::pooling::{self, PoolShape};
use super::kernels::unwritten::filled;
use super::tape;

/// Largest value under each window; padding never wins, the first of equals gets the gradient.
///
/// # Shapes
/// `x [n, h, w, c]`, result `[n, oh, ow, c]` with `oh = (h + 2 padding[0] - kernel[0]) / stride[0] + 1`.
///
/// # Errors
/// When the window is empty, has more than 255 positions, may lie in the padding alone or is larger than the padded
/// map.
pub fn max_pool2d(x: &Tensor, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Result<Tensor> {
    let (images, height, width, channels) = x.dims4()?;
    let shape = PoolShape { images, height, width, channels, kernel, stride, padding };
    check(&shape)?;
    if !x.device().is_cpu() {
        return composed::max_pool2d(x, kernel, stride, padding);
    }
    tape::apply1(&x.contiguous()?, MaxPool2d { shape, positions: OnceLock::new() })
}

fn check(shape: &PoolShape) -> Result<()> {
    let PoolShape { kernel, stride, padding, .. } = *shape;
    if kernel.contains(&0) || stride.contains(&0) || kernel[0].saturating_mul(kernel[1]) > 255 {
        bail!("max_pool2d needs steps of at least 1 and 1 to 255 positions, got window {kernel:?}, stride {stride:?}");
    }
    if padding[0] >= kernel[0] || padding[1] >= kernel[1] {
        bail!("max_pool2d: padding {padding:?} must be smaller than the window {kernel:?}");
    }
    if shape.images * shape.height * shape.width * shape.channels == 0 || shape.output_size().is_none() {
        bail!("max_pool2d: no window fits into {shape:?}");
    }
    Ok(())
}

struct MaxPool2d {
    shape: PoolShape,
    /// Which window position held each maximum, kept for the backward pass.
    positions: OnceLock<Vec<u8>>,
}

impl CustomOp1 for MaxPool2d {
    fn name(&self) -> &'static str {
        "max-pool2d-nhwc"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Pooling, 0);
        let [rows, columns] = self.shape.output_size().expect("checked before");
        let dims = (self.shape.images, rows, columns, self.shape.channels);
        let len = dims.0 * rows * columns * dims.3;
        let (x, mut positions) = (numbers(storage, layout)?, vec![0; len]);
        let output = filled(len, |y| pooling::max_pool2d(&self.shape, x, y, &mut positions));
        self.positions.get_or_init(|| positions);
        Ok(stored(output, dims))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::Pooling, 0);
        let Some(positions) = self.positions.get() else { bail!("max_pool2d: backward without forward") };
        let grad = grad.contiguous()?;
        let grad = Numbers::of(&grad)?;
        let dx = filled(x.elem_count(), |dx| pooling::max_pool2d_gradient(&self.shape, positions, &grad, dx));
        tensor(dx, x.shape()).map(Some)
    }
}

/// Mean over all positions of a map.
///
/// # Shapes
/// `x [n, h, w, c]`, result `[n, c]`.
///
/// # Errors
/// When the maps are empty.
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    if x.elem_count() == 0 {
        bail!("global_average_pool of an empty tensor {:?}", x.shape());
    }
    if !x.device().is_cpu() {
        return composed::global_average_pool(&single_precision(x)?);
    }
    x.dims4()?;
    tape::apply1(&x.contiguous()?, GlobalAveragePool)
}

struct GlobalAveragePool;

impl CustomOp1 for GlobalAveragePool {
    fn name(&self) -> &'static str {
        "global-average-pool-nhwc"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Pooling, 0);
        let (images, height, width, channels) = layout.shape().dims4()?;
        let x = numbers(storage, layout)?;
        let means = filled(images * channels, |y| pooling::global_average_pool(x, height * width, channels, y));
        Ok(stored(means, (images, channels)))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::Pooling, 0);
        let (_, height, width, channels) = x.dims4()?;
        let grad = grad.contiguous()?;
        let grad = Numbers::of(&grad)?;
        let dx =
            filled(x.elem_count(), |dx| pooling::global_average_pool_gradient(&grad, height * width, channels, dx));
        tensor(dx, x.shape()).map(Some)
    }
}
