#![allow(unsafe_code)]

use core::arch::x86_64::*;
use std::vec::Vec;

use super::Lanes;
use super::float::{FloatConvolution, bounds, eight};
use super::footprint::{Footprint, REGISTER, TilingSize, product};
use super::frame::Frame;
use super::tiling::EIGHT;
use super::winograd_axis::{self as axis, MOST, Size};
use crate::kernels::convolution::Convolution;
use crate::kernels::window::WindowAxis;
use crate::tensor::Activation;

/// Most bytes of filters at all points: beyond, memory is slower than the multiplications that are saved.
const MOST_FILTER_BYTES: usize = 1 << 20;
/// Most numbers of a map at all points.
const MOST_POINTS: usize = 1 << 19;
/// Fewest tiles: each number of a filter is read for so many only.
const FEWEST_TILES: usize = 4;
/// Room between points beyond their numbers, so that they do not all fall into the same lines of a cache.
const SKEW: usize = 16;

/// A float32 convolution of 3x3 with step 1 by Winograd's algorithm: 4 or 2.25 times fewer multiplications.
///
/// Tiles of the map are taken to 36 or 16 points; at each point they are multiplied as a 1x1 convolution is; the
/// products are taken back to tiles of 4x4 or 2x2 outputs.
#[derive(Clone, Debug)]
pub(crate) struct FloatWinograd {
    size: Size,
    frame: Frame,
    /// The product at each point.
    points: Vec<FloatConvolution>,
    bias: Vec<Lanes<f32, EIGHT>>,
    bounds: Option<[f32; 2]>,
    channels: [usize; 2],
    output: [usize; 2],
    /// Tiles down and across.
    tiles: [usize; 2],
}

impl FloatWinograd {
    /// Points and frame; `None` for convolutions that are faster without.
    fn layout(options: &Convolution, output_height: usize) -> Option<(Size, Frame)> {
        let Convolution { vertical, horizontal, input_channels, output_width, output_channels, .. } = *options;
        let output = [output_height, output_width];
        let channels = [input_channels, output_channels];
        let suits = |axis: WindowAxis| axis.kernel == 3 && axis.stride == 1;
        let whole = channels.iter().all(|channels| *channels >= 2 * EIGHT && channels % EIGHT == 0);
        if !suits(vertical) || !suits(horizontal) || options.groups != 1 || !whole {
            return None;
        }
        let size = best(output, channels)?;
        let of_tiles = |axis: WindowAxis| WindowAxis { kernel: size.side(), stride: size.tile(), ..axis };
        let frame = Frame::new(of_tiles(vertical), of_tiles(horizontal), channels, size.tiles(output))?;
        Some((size, frame))
    }

    /// What [`Self::new`] will allocate; `None` where it gives nothing.
    pub fn footprint(options: &Convolution, output_height: usize) -> Option<Footprint> {
        let (size, frame) = Self::layout(options, output_height)?;
        let Convolution { input_channels, output_width, output_channels, .. } = *options;
        let channels = [input_channels, output_channels];
        let tiles = size.tiles([output_height, output_width]);
        let points = (size.side() * size.side()) as u64;
        let of_point = TilingSize::new([1, 1], [1, tiles[0] * tiles[1]], channels, 1);
        let registers = of_point.filter_registers(1).saturating_add(of_point.registers);
        let point_bytes =
            of_point.place_bytes() + product(&[registers, REGISTER]) + size_of::<FloatConvolution>() as u64;
        let numbers = channels.map(|channels| channels as u64);
        let skewed = numbers.iter().map(|channels| of_point.windows * channels + SKEW as u64).sum::<u64>();
        // At all points before they are packed, in vectors of their own, and biases of zero.
        let filters = product(&[numbers[0], numbers[1], size_of::<f32>() as u64]) + size_of::<Vec<f32>>() as u64;
        Some(Footprint {
            kept_bytes: points * point_bytes + product(&[numbers[1].div_ceil(EIGHT as u64), REGISTER]),
            packing_bytes: points * filters + numbers[1] * size_of::<f32>() as u64,
            floats: frame.len() as u64 + points * skewed,
            ..Footprint::default()
        })
    }

    /// `None` for convolutions that are faster without, and when there are too few filters or biases.
    pub fn new(options: &Convolution, output_height: usize, weight: &[f32], bias: &[f32]) -> Option<Self> {
        let (size, frame) = Self::layout(options, output_height)?;
        let Convolution { input_channels, output_width, output_channels, .. } = *options;
        let output = [output_height, output_width];
        let channels = [input_channels, output_channels];
        let tiles = size.tiles(output);
        let (weight, bias) = (weight.get(..output_channels * 9 * input_channels)?, bias.get(..output_channels)?);
        let point = WindowAxis { size: 1, kernel: 1, stride: 1, padding_before: 0 };
        let count = tiles[0] * tiles[1];
        let product = Convolution {
            vertical: point,
            horizontal: WindowAxis { size: count, ..point },
            output_width: count,
            activation: Activation::Identity,
            ..*options
        };
        let no_bias = std::vec![0.0; output_channels];
        let filters = filters_at_points(size, channels, weight);
        let mut points = Vec::with_capacity(filters.len());
        for filters in &filters {
            points.push(FloatConvolution::new(&product, 1, filters, &no_bias)?);
        }
        Some(Self {
            size,
            frame,
            points,
            bias: bias.chunks(EIGHT).map(eight).collect(),
            bounds: bounds(options.activation),
            channels,
            output,
            tiles,
        })
    }

    fn tile_count(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    /// Numbers from one point to the next, of the input and of the output.
    fn point_strides(&self) -> [usize; 2] {
        self.channels.map(|channels| self.tile_count() * channels + SKEW)
    }

    /// Numbers of scratch memory that it needs.
    pub fn scratch(&self) -> usize {
        self.frame.len() + self.points.len() * self.point_strides().iter().sum::<usize>()
    }

    /// `None` when a slice is too short. Only where [`super::is_available`].
    pub fn run(&self, input: &[f32], output: &mut [f32], scratch: &mut [f32]) -> Option<()> {
        let [input_stride, output_stride] = self.point_strides();
        let (frame, rest) = scratch.split_at_mut_checked(self.frame.len())?;
        let (inputs, rest) = rest.split_at_mut_checked(self.points.len() * input_stride)?;
        let outputs = rest.get_mut(..self.points.len() * output_stride)?;
        let output = output.get_mut(..self.output[0] * self.output[1] * self.channels[1])?;
        self.frame.fill(input, frame, 0.0, |value| value);
        // SAFETY: the frame covers all tiles, both scratch parts have a stride for each point, and the output is whole;
        // the caller has made sure of the instructions.
        unsafe {
            match self.size {
                Size::Two => self.to_points::<4>(frame.as_ptr(), inputs.as_mut_ptr()),
                Size::Four => self.to_points::<6>(frame.as_ptr(), inputs.as_mut_ptr()),
            }
        }
        let by_point = inputs.chunks_exact(input_stride).zip(outputs.chunks_exact_mut(output_stride));
        for (point, (from, to)) in self.points.iter().zip(by_point) {
            point.run(from, to, &mut [])?;
        }
        // SAFETY: as above.
        unsafe {
            match self.size {
                Size::Two => self.to_outputs::<4>(outputs.as_ptr(), output.as_mut_ptr()),
                Size::Four => self.to_outputs::<6>(outputs.as_ptr(), output.as_mut_ptr()),
            }
        }
        Some(())
    }

    /// # Safety
    /// The frame has all its numbers, and there is a stride for each of the `S * S` points.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn to_points<const S: usize>(&self, frame: *const f32, to: *mut f32) {
        let (channels, [stride, _], row) = (self.channels[0], self.point_strides(), self.frame.row());
        for tile in 0..self.tile_count() {
            let start = self.frame.window([tile / self.tiles[1], tile % self.tiles[1]]);
            for channel in (0..channels).step_by(EIGHT) {
                // SAFETY: as the caller keeps it; channels are whole registers.
                unsafe {
                    let from = frame.add(start + channel);
                    let to = to.add(tile * channels + channel);
                    let zero = _mm256_setzero_ps();
                    let mut lines = [[zero; MOST]; MOST];
                    for (y, line) in lines.iter_mut().enumerate().take(S) {
                        let mut pixels = [zero; MOST];
                        for (x, pixel) in pixels.iter_mut().enumerate().take(S) {
                            *pixel = _mm256_loadu_ps(from.add(y * row + x * channels));
                        }
                        *line = axis::input::<S>(pixels);
                    }
                    for x in 0..S {
                        let mut column = [zero; MOST];
                        for (pixel, line) in column.iter_mut().zip(&lines) {
                            *pixel = line[x];
                        }
                        let column = axis::input::<S>(column);
                        for (y, point) in column.iter().enumerate().take(S) {
                            _mm256_storeu_ps(to.add((y * S + x) * stride), *point);
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// There is a stride for each of the `S * S` points, and room for the whole output.
    #[target_feature(enable = "avx2,fma")]
    unsafe fn to_outputs<const S: usize>(&self, from: *const f32, output: *mut f32) {
        let (channels, [_, stride], [height, width]) = (self.channels[1], self.point_strides(), self.output);
        let side = S - 2;
        for tile in 0..self.tile_count() {
            let (top, left) = (tile / self.tiles[1] * side, tile % self.tiles[1] * side);
            for channel in (0..channels).step_by(EIGHT) {
                // SAFETY: as the caller keeps it; channels are whole registers, and pixels off the map are left out.
                unsafe {
                    let from = from.add(tile * channels + channel);
                    let bias = _mm256_load_ps(self.bias.as_ptr().add(channel / EIGHT).cast());
                    let zero = _mm256_setzero_ps();
                    let mut lines = [[zero; 4]; MOST];
                    for (y, line) in lines.iter_mut().enumerate().take(S) {
                        let mut points = [zero; MOST];
                        for (x, point) in points.iter_mut().enumerate().take(S) {
                            *point = _mm256_loadu_ps(from.add((y * S + x) * stride));
                        }
                        *line = axis::output::<S>(points);
                    }
                    for x in 0..side.min(width - left) {
                        let mut column = [zero; MOST];
                        for (point, line) in column.iter_mut().zip(&lines) {
                            *point = line[x];
                        }
                        let column = axis::output::<S>(column);
                        for (y, sum) in column.iter().enumerate().take(side.min(height - top)) {
                            let mut value = _mm256_add_ps(*sum, bias);
                            if let Some([low, high]) = self.bounds {
                                value = _mm256_min_ps(_mm256_max_ps(value, _mm256_set1_ps(low)), _mm256_set1_ps(high));
                            }
                            _mm256_storeu_ps(output.add(((top + y) * width + left + x) * channels + channel), value);
                        }
                    }
                }
            }
        }
    }
}

/// The size that multiplies least, if it is worth it.
fn best(output: [usize; 2], [cin, cout]: [usize; 2]) -> Option<Size> {
    let cost = |size: Size| {
        let tiles: usize = output.iter().map(|extent| extent.div_ceil(size.tile())).product();
        let points = size.side() * size.side();
        let fits = points * cin * cout * size_of::<f32>() <= MOST_FILTER_BYTES
            && points * tiles * cin.max(cout) <= MOST_POINTS;
        (fits && tiles >= FEWEST_TILES).then_some(points * tiles)
    };
    let direct = 9 * output[0] * output[1];
    let sizes = [Size::Two, Size::Four].into_iter().filter_map(|size| Some((cost(size)?, size)));
    let (cost, size) = sizes.min_by_key(|(cost, _)| *cost)?;
    (2 * cost <= direct).then_some(size)
}

/// `G g G^T` of each filter: for each point `[cout, cin]`.
fn filters_at_points(size: Size, [cin, cout]: [usize; 2], weight: &[f32]) -> Vec<Vec<f32>> {
    let side = size.side();
    let mut points: Vec<Vec<f32>> = (0..side * side).map(|_| std::vec![0.0; cin * cout]).collect();
    for (filter, taps) in weight.chunks_exact(9 * cin).enumerate() {
        for channel in 0..cin {
            let tap = |y: usize, x: usize| f64::from(taps[(3 * y + x) * cin + channel]);
            let lines = [0, 1, 2].map(|y| size.filter([tap(y, 0), tap(y, 1), tap(y, 2)]));
            for x in 0..side {
                let column = size.filter(lines.map(|line| line[x]));
                for (y, number) in column.iter().enumerate().take(side) {
                    points[y * side + x][filter * cin + channel] = *number as f32;
                }
            }
        }
    }
    points
}
