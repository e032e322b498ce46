//! Convolution as one matrix product, from candle's operators: the path for GPUs, where candle's own has a slow
//! backward pass.
//!
//! The patches under all windows are laid out side by side, which costs `kh kw` times the map's memory, and candle goes
//! back through each step: shifts, concatenation and product. Works on every device, so the tests need no GPU.

use candle_core::{D, Result, Tensor};

use super::conv2d::Conv2dOptions;

/// See [`super::conv2d()`]. In half precision, the weight is rounded to the type of `x`.
pub(super) fn conv2d(x: &Tensor, weight: &Tensor, options: Conv2dOptions) -> Result<Tensor> {
    let (outputs, kernel_height, kernel_width, group_inputs) = weight.dims4()?;
    let weight = weight.to_dtype(x.dtype())?;
    let windows = Windows::new(x, [kernel_height, kernel_width], options)?;
    if group_inputs == 1 && outputs == options.groups {
        return windows.weighted_sum(&weight);
    }
    let (groups, group_outputs) = (options.groups, outputs / options.groups);
    let of_group = |group: usize| {
        let patches = windows.patches(group * group_inputs, group_inputs)?;
        let weight = weight.narrow(0, group * group_outputs, group_outputs)?.flatten_from(1)?;
        patches.matmul(&weight.t()?)
    };
    let y = Tensor::cat(&(0..groups).map(of_group).collect::<Result<Vec<_>>>()?, D::Minus1)?;
    y.reshape((x.dim(0)?, windows.size[0], windows.size[1], outputs))
}

/// A padded map and where windows lie on it.
struct Windows {
    /// `[n, h', w', c]`, large enough for `size stride` steps from every position of the window.
    padded: Tensor,
    kernel: [usize; 2],
    stride: [usize; 2],
    /// Windows below and beside each other.
    size: [usize; 2],
}

impl Windows {
    fn new(x: &Tensor, kernel: [usize; 2], options: Conv2dOptions) -> Result<Self> {
        let Conv2dOptions { stride, padding, .. } = options;
        let (mut padded, mut size) = (x.clone(), [0; 2]);
        for axis in [0, 1] {
            let len = x.dim(axis + 1)?;
            size[axis] = (len + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1;
            let reached = kernel[axis] - 1 + size[axis] * stride[axis];
            let behind = padding[axis].max(reached.saturating_sub(len + padding[axis]));
            padded = padded.pad_with_zeros(axis + 1, padding[axis], behind)?;
        }
        Ok(Self { padded, kernel, stride, size })
    }

    /// What each window sees at one of its positions, `[n, oh, ow, c]`.
    fn at(&self, map: &Tensor, position: [usize; 2]) -> Result<Tensor> {
        let mut seen = map.clone();
        for axis in [0, 1] {
            let (size, stride) = (self.size[axis], self.stride[axis]);
            seen = seen.narrow(axis + 1, position[axis], size * stride)?;
            if stride > 1 {
                let mut dims = seen.dims().to_vec();
                dims[axis + 1] = size;
                dims.insert(axis + 2, stride);
                seen = seen.contiguous()?.reshape(dims)?.narrow(axis + 2, 0, 1)?.squeeze(axis + 2)?;
            }
        }
        seen.contiguous()
    }

    fn positions(&self) -> impl Iterator<Item = [usize; 2]> {
        let [height, width] = self.kernel;
        (0..height).flat_map(move |down| (0..width).map(move |right| [down, right]))
    }

    /// One row for each window, `[n oh ow, kh kw channels]`, in the order of a filter's weights.
    fn patches(&self, first_channel: usize, channels: usize) -> Result<Tensor> {
        let map = self.padded.narrow(3, first_channel, channels)?;
        let seen = self.positions().map(|position| self.at(&map, position)).collect::<Result<Vec<_>>>()?;
        let rows = seen[0].elem_count() / channels;
        Tensor::cat(&seen, 3)?.reshape((rows, seen.len() * channels))
    }

    /// Depthwise: one filter `[c, kh, kw, 1]` for each channel.
    fn weighted_sum(&self, weight: &Tensor) -> Result<Tensor> {
        let mut sum: Option<Tensor> = None;
        for position in self.positions() {
            let factor = weight.narrow(1, position[0], 1)?.narrow(2, position[1], 1)?.flatten_all()?;
            let term = self.at(&self.padded, position)?.broadcast_mul(&factor)?;
            sum = Some(match sum {
                Some(sum) => (sum + term)?,
                None => term,
            });
        }
        sum.ok_or_else(|| candle_core::Error::Msg("conv2d with an empty window".into()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::ops;

    fn variable(dims: [usize; 4], offset: f32) -> Var {
        let len: usize = dims.iter().product();
        let values = (0..len).map(|i| (i as f32 * 0.61 + offset).sin()).collect();
        Var::from_vec(values, dims.to_vec(), &Device::Cpu).unwrap()
    }

    /// Output and gradients by map and weight.
    fn parts(
        conv2d: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
        x: &Var,
        weight: &Var,
    ) -> candle_core::Result<[Tensor; 3]> {
        let y = conv2d(x, weight)?;
        let gradients = y.sqr()?.sum_all()?.backward()?;
        Ok([y, gradients.get(x).unwrap().clone(), gradients.get(weight).unwrap().clone()])
    }

    #[test]
    fn agrees_with_the_kernels_forward_and_backward() {
        // Map, filters, stride, padding, groups.
        let cases = [
            ([2, 8, 8, 3], [5, 3, 3, 3], [1, 1], [1, 1], 1),
            ([2, 9, 7, 4], [6, 3, 3, 4], [2, 2], [1, 1], 1),
            ([1, 11, 10, 3], [4, 7, 7, 3], [2, 2], [3, 3], 1),
            ([3, 5, 6, 4], [7, 1, 1, 4], [1, 1], [0, 0], 1),
            ([2, 6, 6, 4], [8, 1, 1, 4], [2, 2], [0, 0], 1),
            ([2, 7, 5, 6], [4, 3, 5, 3], [1, 2], [0, 2], 2),
            ([2, 6, 7, 5], [5, 3, 3, 1], [2, 1], [1, 1], 5),
            ([1, 1, 1, 1], [1, 1, 1, 1], [1, 1], [0, 0], 1),
            ([1, 1, 1, 2], [3, 3, 3, 2], [1, 1], [1, 1], 1),
            ([2, 5, 5, 2], [4, 2, 2, 1], [3, 3], [0, 0], 2),
        ];
        for (map, filters, stride, padding, groups) in cases {
            let options = Conv2dOptions { stride, padding, groups };
            let (x, weight) = (variable(map, 0.0), variable(filters, 1.0));
            let expected = parts(|x, weight| ops::conv2d(x, weight, options), &x, &weight).unwrap();
            let found = parts(|x, weight| conv2d(x, weight, options), &x, &weight).unwrap();
            for (what, (found, expected)) in ["output", "by map", "by filters"].iter().zip(found.iter().zip(&expected))
            {
                assert_eq!(found.dims(), expected.dims(), "{map:?} {filters:?}: {what}");
                let scale = expected.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap().max(1e-3);
                let error = (found - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(error <= 1e-5 * scale, "{map:?} {filters:?} {options:?}: {what} is off by {error} of {scale}");
            }
        }
    }
}
