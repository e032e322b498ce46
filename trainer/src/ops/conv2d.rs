//! Convolution of channels-last maps.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::accounting::{self, Kind};
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::cuda_conv2d;
use super::kernels::conv2d::{Conv2dShape, conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient};
use super::kernels::unwritten::filled;
use super::tape::{self, wants_gradient};

/// How a convolution's window moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Vertical and horizontal step.
    pub stride: [usize; 2],
    /// Zeros above and below, and left and right.
    pub padding: [usize; 2],
    /// Channel groups; as many as channels is a depthwise convolution.
    pub groups: usize,
}

impl Default for Conv2dOptions {
    /// Step 1, no padding, one group.
    fn default() -> Self {
        Conv2dOptions { stride: [1, 1], padding: [0, 0], groups: 1 }
    }
}

/// Cross-correlation of every map with every filter, without bias.
///
/// The gradient by `x` is computed only where something that it depends on is a variable.
///
/// # Shapes
/// `x [n, h, w, cin]`, `weight [cout, kh, kw, cin / groups]`, result `[n, oh, ow, cout]` with
/// `oh = (h + 2 padding[0] - kh) / stride[0] + 1`.
///
/// # Errors
/// When shapes and options do not fit each other.
pub fn conv2d(x: &Tensor, weight: &Tensor, options: Conv2dOptions) -> Result<Tensor> {
    let shape = check(x.dims4()?, weight.dims4()?, options)?;
    if !x.device().is_cpu() {
        return cuda_conv2d::conv2d(x, weight, options);
    }
    tape::apply2(&x.contiguous()?, &weight.contiguous()?, Conv2d { shape })
}

type Dims4 = (usize, usize, usize, usize);

fn check(x: Dims4, weight: Dims4, options: Conv2dOptions) -> Result<Conv2dShape> {
    let (images, height, width, input_channels) = x;
    let (output_channels, kernel_height, kernel_width, group_inputs) = weight;
    let Conv2dOptions { stride, padding, groups } = options;
    if groups == 0 || stride.contains(&0) {
        bail!("conv2d needs at least one group and steps of at least 1, got {options:?}");
    }
    if [images, height, width, input_channels, output_channels, kernel_height, kernel_width].contains(&0) {
        bail!("conv2d of an empty tensor: x {x:?}, weight {weight:?}");
    }
    if group_inputs * groups != input_channels || output_channels % groups != 0 {
        bail!("conv2d: {input_channels} channels in {groups} groups do not fit weight {weight:?}");
    }
    let kernel = [kernel_height, kernel_width];
    let shape = Conv2dShape { images, height, width, input_channels, output_channels, kernel, stride, padding, groups };
    if shape.output_size().is_none() {
        bail!("conv2d: window {kernel:?} is larger than the map {height}x{width} with padding {padding:?}");
    }
    Ok(shape)
}

struct Conv2d {
    shape: Conv2dShape,
}

impl Conv2d {
    /// Charges time to a pass; on maps of one pixel a convolution is a linear layer.
    fn enter(&self, pass: Kind) -> accounting::Scope {
        let shape = &self.shape;
        let kind = match (shape.height * shape.width, pass) {
            (1, Kind::ConvForward) => Kind::LinearForward,
            (1, _) => Kind::LinearBackward,
            _ => pass,
        };
        accounting::enter(kind, shape.multiplications())
    }
}

impl CustomOp2 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d-nhwc"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = self.enter(Kind::ConvForward);
        let shape = &self.shape;
        let (x, weight) = (numbers(s1, l1)?, numbers(s2, l2)?);
        let output = filled(shape.output_len(), |y| conv2d_forward(shape, x, weight, y));
        let [rows, columns] = shape.output_size().expect("checked before");
        Ok(stored(output, (shape.images, rows, columns, shape.output_channels)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let grad = Numbers::of(&grad)?;
        let by_input = || {
            let _scope = self.enter(Kind::ConvByInput);
            let weight = Numbers::of(weight)?;
            let dx = filled(self.shape.input_len(), |dx| conv2d_input_gradient(&self.shape, &weight, &grad, dx));
            tensor(dx, x.shape())
        };
        let by_weight = || {
            let _scope = self.enter(Kind::ConvByWeight);
            let x = Numbers::of(x)?;
            let dw = filled(self.shape.weight_len(), |dw| conv2d_weight_gradient(&self.shape, &x, &grad, dw));
            tensor(dw, weight.shape())
        };
        Ok((wants_gradient(x).then(by_input).transpose()?, wants_gradient(weight).then(by_weight).transpose()?))
    }
}
