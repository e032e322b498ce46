//! Convolution of channels-last maps: forward, gradient by the input and by the weights.

#![allow(unsafe_code)]

use super::correlation::{Destination, correlate};
use super::depthwise;
use super::panels::{MatrixView, PackedPanels};
use super::source_block::{Maps, Window};
use super::tile::TileKernels;
use super::unwritten::{Unwritten, cleared};
use super::weight_gradient::{OutputGradient, WeightLayout, weight_gradient};
use super::winograd::Winograd;
use super::winograd_filters::FilterView;

/// Sizes of a convolution of `[images, height, width, input_channels]` with
/// `[output_channels, kernel[0], kernel[1], input_channels / groups]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dShape {
    /// Maps in the batch.
    pub images: usize,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
    /// Channels of the input.
    pub input_channels: usize,
    /// Channels of the output.
    pub output_channels: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Vertical and horizontal step.
    pub stride: [usize; 2],
    /// Zeros on each side of the rows and columns.
    pub padding: [usize; 2],
    /// Channel groups.
    pub groups: usize,
}

impl Conv2dShape {
    /// Rows and columns of the output; nothing when the window is larger than the padded input.
    pub fn output_size(&self) -> Option<[usize; 2]> {
        let size = |axis: usize, input: usize| {
            let room = (input + 2 * self.padding[axis]).checked_sub(self.kernel[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some([size(0, self.height)?, size(1, self.width)?])
    }

    /// Multiplications (each with an addition) of one forward pass.
    pub fn multiplications(&self) -> usize {
        self.output_len() * self.run_len() * self.kernel[0]
    }

    fn grid(&self) -> [usize; 2] {
        self.output_size().expect("checked by the caller")
    }

    /// Numbers in the input.
    pub fn input_len(&self) -> usize {
        self.images * self.height * self.width * self.input_channels
    }

    /// Numbers in the output.
    ///
    /// # Panics
    /// When there is no [`Self::output_size`].
    pub fn output_len(&self) -> usize {
        let [rows, columns] = self.grid();
        self.images * rows * columns * self.output_channels
    }

    /// Numbers in the weights.
    pub fn weight_len(&self) -> usize {
        self.output_channels * self.kernel[0] * self.run_len()
    }

    /// Refuses what is no convolution, and slices that are not those of one: kernels rely on both.
    fn assert_fits(&self, input: usize, weight: usize, output: usize) {
        assert!(self.groups > 0 && self.input_channels.is_multiple_of(self.groups), "{self:?}");
        assert!(self.output_channels.is_multiple_of(self.groups), "{self:?}");
        assert!(!self.stride.contains(&0) && self.output_size().is_some(), "{self:?}");
        assert_eq!((input, weight, output), (self.input_len(), self.weight_len(), self.output_len()), "{self:?}");
    }

    fn group_inputs(&self) -> usize {
        self.input_channels / self.groups
    }

    fn group_outputs(&self) -> usize {
        self.output_channels / self.groups
    }

    fn run_len(&self) -> usize {
        self.kernel[1] * self.group_inputs()
    }

    fn is_depthwise(&self) -> bool {
        self.groups == self.input_channels && self.groups == self.output_channels && self.groups > 1
    }

    fn input_maps(&self) -> Maps {
        Maps { height: self.height, width: self.width, channels: self.input_channels }
    }

    fn output_maps(&self) -> Maps {
        let [height, width] = self.grid();
        Maps { height, width, channels: self.output_channels }
    }

    /// The same convolution by Winograd's algorithm, where that saves work.
    fn winograd<'a>(&self, kernels: &'a TileKernels) -> Option<Winograd<'a>> {
        let suits = self.is_three_by_three();
        let job = || Winograd::new(kernels, self.images, self.input_maps(), self.output_maps(), self.padding);
        suits.then(job).flatten()
    }

    /// Its gradient by the input: a convolution of the output's gradient with the padding that is left.
    fn turned_winograd<'a>(&self, kernels: &'a TileKernels) -> Option<Winograd<'a>> {
        let suits = self.is_three_by_three();
        let padding = self.padding.map(|padding| 2 - padding.min(2));
        let job = || Winograd::new(kernels, self.images, self.output_maps(), self.input_maps(), padding);
        suits.then(job).flatten()
    }

    fn is_three_by_three(&self) -> bool {
        self.kernel == [3, 3] && self.stride == [1, 1] && self.groups == 1 && self.padding.iter().all(|&p| p <= 2)
    }

    fn window(&self, group: usize) -> Window {
        Window {
            source: self.input_maps(),
            first_channel: group * self.group_inputs(),
            depth: self.group_inputs(),
            taps: self.kernel,
            step: self.stride,
            origin: self.padding.map(|zeros| -(zeros as isize)),
            grid: self.grid(),
        }
    }
}

/// Writes the convolution of `input` with `weight` into `output`.
///
/// # Panics
/// When a slice does not have the size that `shape` says.
pub fn conv2d_forward<'o>(
    shape: &Conv2dShape,
    input: &[f32],
    weight: &[f32],
    output: &'o mut Unwritten,
) -> &'o mut [f32] {
    conv2d_forward_with(TileKernels::best(), shape, input, weight, output)
}

pub(crate) fn conv2d_forward_with<'o>(
    kernels: &TileKernels,
    shape: &Conv2dShape,
    input: &[f32],
    weight: &[f32],
    output: &'o mut Unwritten,
) -> &'o mut [f32] {
    shape.assert_fits(input.len(), weight.len(), output.len());
    if shape.is_depthwise() {
        return depthwise::forward(shape, input, weight, output);
    }
    if let Some(winograd) = shape.winograd(kernels) {
        let (depth, columns) = (shape.input_channels, shape.output_channels);
        let (depth_stride, column_stride, tap_stride) = (1, 9 * depth, depth);
        let view = FilterView { depth, columns, depth_stride, column_stride, tap_stride, turned: false };
        return winograd.correlate(input, &view, weight, output);
    }
    for group in 0..shape.groups {
        let weights = MatrixView {
            data: weight,
            start: group * shape.group_outputs() * shape.kernel[0] * shape.run_len(),
            depth_counts: [1, 1, shape.kernel[0] * shape.run_len()],
            depth_strides: [0, 0, 1],
            columns: shape.group_outputs(),
            column_stride: shape.kernel[0] * shape.run_len(),
        };
        let destination = Destination {
            maps: shape.output_maps(),
            first: [0, 0],
            step: [1, 1],
            first_channel: group * shape.group_outputs(),
        };
        let panels = PackedPanels::pack(kernels, &weights);
        correlate(kernels, shape.images, &shape.window(group), input, &panels, &destination, output);
    }
    // SAFETY: each pass wrote one group's channels of every pixel.
    unsafe { output.assume_init_mut() }
}

/// Writes the gradient by the input, given the gradient by the output.
///
/// With stride `s`, input pixels of one remainder modulo `s` meet only every `s`-th weight: each of the `s * s`
/// remainders is a correlation of its own, with step 1, of the output's gradient with those weights, turned around.
///
/// # Panics
/// When a slice does not have the size that `shape` says.
pub fn conv2d_input_gradient<'o>(
    shape: &Conv2dShape,
    weight: &[f32],
    output_gradient: &[f32],
    input_gradient: &'o mut Unwritten,
) -> &'o mut [f32] {
    conv2d_input_gradient_with(TileKernels::best(), shape, weight, output_gradient, input_gradient)
}

pub(crate) fn conv2d_input_gradient_with<'o>(
    kernels: &TileKernels,
    shape: &Conv2dShape,
    weight: &[f32],
    output_gradient: &[f32],
    input_gradient: &'o mut Unwritten,
) -> &'o mut [f32] {
    shape.assert_fits(input_gradient.len(), weight.len(), output_gradient.len());
    if shape.is_depthwise() {
        return depthwise::input_gradient(shape, weight, output_gradient, input_gradient);
    }
    if let Some(winograd) = shape.turned_winograd(kernels) {
        let (depth, columns) = (shape.output_channels, shape.input_channels);
        let (depth_stride, column_stride, tap_stride) = (9 * columns, 1, columns);
        let view = FilterView { depth, columns, depth_stride, column_stride, tap_stride, turned: true };
        return winograd.correlate(output_gradient, &view, weight, input_gradient);
    }
    for group in 0..shape.groups {
        for row in 0..shape.stride[0].min(shape.height) {
            for column in 0..shape.stride[1].min(shape.width) {
                let phase = InputPhase { shape, group, first: [row, column] };
                phase.run(kernels, weight, output_gradient, input_gradient);
            }
        }
    }
    // SAFETY: each pass wrote one group's channels of the pixels of one remainder, and there is a pass for each.
    unsafe { input_gradient.assume_init_mut() }
}

/// Input pixels `first, first + stride, …` of one channel group.
struct InputPhase<'a> {
    shape: &'a Conv2dShape,
    group: usize,
    first: [usize; 2],
}

impl InputPhase<'_> {
    /// The smallest tap that reaches these pixels; the others follow in steps of the stride.
    fn first_tap(&self, axis: usize) -> usize {
        (self.first[axis] + self.shape.padding[axis]) % self.shape.stride[axis]
    }

    fn taps(&self, axis: usize) -> usize {
        self.shape.kernel[axis].saturating_sub(self.first_tap(axis)).div_ceil(self.shape.stride[axis])
    }

    fn grid(&self) -> [usize; 2] {
        let count = |axis: usize, size: usize| (size - self.first[axis]).div_ceil(self.shape.stride[axis]);
        [count(0, self.shape.height), count(1, self.shape.width)]
    }

    /// Output row (or column) that the last tap brings to the first pixel.
    fn origin(&self, axis: usize) -> isize {
        let nearest = (self.first[axis] + self.shape.padding[axis]) / self.shape.stride[axis];
        nearest as isize - (self.taps(axis) as isize - 1)
    }

    fn run(&self, kernels: &TileKernels, weight: &[f32], output_gradient: &[f32], input_gradient: &mut Unwritten) {
        let shape = self.shape;
        let taps = [self.taps(0), self.taps(1)];
        if taps.contains(&0) {
            return self.clear(input_gradient);
        }
        let window = Window {
            source: shape.output_maps(),
            first_channel: self.group * shape.group_outputs(),
            depth: shape.group_outputs(),
            taps,
            step: [1, 1],
            origin: [self.origin(0), self.origin(1)],
            grid: self.grid(),
        };
        let destination = Destination {
            maps: shape.input_maps(),
            first: self.first,
            step: shape.stride,
            first_channel: self.group * shape.group_inputs(),
        };
        let panels = PackedPanels::pack(kernels, &self.turned_weights(weight, taps));
        correlate(kernels, shape.images, &window, output_gradient, &panels, &destination, input_gradient);
    }

    /// Depth runs over taps from the last to the first, then output channels; columns are input channels.
    fn turned_weights<'w>(&self, weight: &'w [f32], taps: [usize; 2]) -> MatrixView<'w> {
        let shape = self.shape;
        let per_output = shape.kernel[0] * shape.run_len();
        let last_tap = |axis: usize| self.first_tap(axis) + (taps[axis] - 1) * shape.stride[axis];
        let corner = last_tap(0) * shape.run_len() + last_tap(1) * shape.group_inputs();
        MatrixView {
            data: weight,
            start: self.group * shape.group_outputs() * per_output + corner,
            depth_counts: [taps[0], taps[1], shape.group_outputs()],
            depth_strides: [
                -((shape.stride[0] * shape.run_len()) as isize),
                -((shape.stride[1] * shape.group_inputs()) as isize),
                per_output as isize,
            ],
            columns: shape.group_inputs(),
            column_stride: 1,
        }
    }

    /// No tap reaches these pixels.
    fn clear(&self, input_gradient: &mut Unwritten) {
        let shape = self.shape;
        let first_channel = self.group * shape.group_inputs();
        for image in input_gradient.chunks_exact_mut(shape.input_maps().image_len()) {
            for y in (self.first[0]..shape.height).step_by(shape.stride[0]) {
                for x in (self.first[1]..shape.width).step_by(shape.stride[1]) {
                    let start = (y * shape.width + x) * shape.input_channels + first_channel;
                    cleared(&mut image[start..start + shape.group_inputs()], 0.0);
                }
            }
        }
    }
}

/// Writes the gradient by the weights, given the input and the gradient by the output.
///
/// # Panics
/// When a slice does not have the size that `shape` says.
pub fn conv2d_weight_gradient<'o>(
    shape: &Conv2dShape,
    input: &[f32],
    output_gradient: &[f32],
    weight_gradient: &'o mut Unwritten,
) -> &'o mut [f32] {
    conv2d_weight_gradient_with(TileKernels::best(), shape, input, output_gradient, weight_gradient)
}

pub(crate) fn conv2d_weight_gradient_with<'o>(
    kernels: &TileKernels,
    shape: &Conv2dShape,
    input: &[f32],
    output_gradient: &[f32],
    target: &'o mut Unwritten,
) -> &'o mut [f32] {
    shape.assert_fits(input.len(), target.len(), output_gradient.len());
    if shape.is_depthwise() {
        return depthwise::weight_gradient(shape, input, output_gradient, target);
    }
    if let Some(winograd) = shape.winograd(kernels) {
        return winograd.filter_gradient(input, output_gradient, target);
    }
    let per_output = shape.kernel[0] * shape.run_len();
    for group in 0..shape.groups {
        let gradient = OutputGradient {
            data: output_gradient,
            channels: shape.output_channels,
            first_channel: group * shape.group_outputs(),
            columns: shape.group_outputs(),
        };
        let layout = WeightLayout {
            start: group * shape.group_outputs() * per_output,
            column_stride: per_output,
            tap_row_stride: shape.run_len(),
        };
        weight_gradient(kernels, shape.images, &shape.window(group), input, &gradient, &layout, target);
    }
    // SAFETY: each pass wrote all weights of one group's filters.
    unsafe { target.assume_init_mut() }
}
