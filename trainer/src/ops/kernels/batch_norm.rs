//! Batch normalisation with an optional residual and rectifier, forward and backward, in two passes each.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::channel_sums::{add_pixels, chunk_len, fold, sum_in_order, wide_len, widen};
use super::unwritten::Unwritten;
use super::vectorised::vectorised;

/// Mean and biased variance of each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMoments {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Mean squared deviation of each channel.
    pub variance: Vec<f32>,
    /// Pixels that were averaged.
    pub count: usize,
}

/// Moments of each channel of `[pixels, channels]`.
///
/// Each chunk is read twice, for its mean and for the squared deviations from it; chunks are combined in order, in
/// double precision (Chan, Golub and LeVeque 1983, eq. 2.1).
pub fn channel_moments(x: &[f32], channels: usize) -> ChannelMoments {
    let len = chunk_len(channels);
    let chunks: Vec<(Vec<f32>, Vec<f32>)> = x.par_chunks(len).map(|chunk| chunk_moments(chunk, channels)).collect();
    let (mut count, mut mean, mut squares) = (0.0, vec![0.0f64; channels], vec![0.0f64; channels]);
    for (chunk, (chunk_mean, chunk_squares)) in x.chunks(len).zip(&chunks) {
        let pixels = (chunk.len() / channels) as f64;
        let share = pixels / (count + pixels);
        for c in 0..channels {
            let delta = f64::from(chunk_mean[c]) - mean[c];
            mean[c] += delta * share;
            squares[c] += f64::from(chunk_squares[c]) + delta * delta * count * share;
        }
        count += pixels;
    }
    ChannelMoments {
        mean: mean.iter().map(|&mean| mean as f32).collect(),
        variance: squares.iter().map(|&sum| (sum / count) as f32).collect(),
        count: x.len() / channels,
    }
}

/// Mean and sum of squared deviations.
fn chunk_moments(chunk: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    let mut wide = vec![0.0; wide_len(channels)];
    add_pixels(chunk, &mut wide);
    let pixels = (chunk.len() / channels) as f32;
    let mean: Vec<f32> = fold(&wide, channels).iter().map(|sum| sum / pixels).collect();
    wide.fill(0.0);
    add_squared_deviations(chunk, &widen(&mean), &mut wide);
    (mean, fold(&wide, channels))
}

/// `output = activation(x * scale + shift + residual)`, per channel.
///
/// # Panics
/// When maps, or scales and shifts, differ in length, or there are no channels.
pub fn channel_affine<'o>(
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    residual: Option<&[f32]>,
    rectify: bool,
    output: &'o mut Unwritten,
) -> &'o mut [f32] {
    assert!(scale.len() == shift.len() && x.len() == output.len());
    assert!(residual.is_none_or(|residual| residual.len() == output.len()));
    let (len, scale, shift) = (chunk_len(scale.len()), widen(scale), widen(shift));
    let lowest = if rectify { 0.0 } else { f32::NEG_INFINITY };
    let chunks = output.par_chunks_mut(len).zip(x.par_chunks(len));
    match residual {
        None => chunks.for_each(|(output, x)| affine_chunk(x, &scale, &shift, lowest, output)),
        Some(residual) => chunks.zip(residual.par_chunks(len)).for_each(|((output, x), residual)| {
            affine_residual_chunk(x, residual, &scale, &shift, lowest, output);
        }),
    }
    // SAFETY: chunks cover the slice, have as many inputs as outputs, and all of each is written.
    unsafe { output.assume_init_mut() }
}

/// What the backward pass of batch norm reads.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormBackward<'a> {
    /// Input of the forward pass.
    pub x: &'a [f32],
    /// Output of the forward pass, when it was rectified.
    pub rectified: Option<&'a [f32]>,
    /// Gradient by the output.
    pub output_gradient: &'a [f32],
    /// Mean of each channel.
    pub mean: &'a [f32],
    /// `1 / sqrt(variance + eps)` of each channel.
    pub inverse_deviation: &'a [f32],
    /// Scale of each channel.
    pub gamma: &'a [f32],
}

impl BatchNormBackward<'_> {
    fn channels(&self) -> usize {
        self.mean.len()
    }

    /// The chunk's part of the output, or its gradient (a mask that lets everything pass needs none).
    fn chunk(&self, index: usize) -> ChunkInputs<'_> {
        let len = chunk_len(self.channels());
        let part = |all| -> &[f32] { nth_chunk(all, index, len) };
        ChunkInputs { x: part(self.x), rectified: self.rectified.map(part), gradient: part(self.output_gradient) }
    }

    /// Gradients by gamma and by beta.
    pub fn parameter_gradients(&self) -> (Vec<f32>, Vec<f32>) {
        let channels = self.channels();
        let mean = widen(self.mean);
        let chunks = self.x.len().div_ceil(chunk_len(channels));
        let (sums, products): (Vec<_>, Vec<_>) = (0..chunks)
            .into_par_iter()
            .map(|index| {
                let (mut sums, mut products) = (vec![0.0; mean.len()], vec![0.0; mean.len()]);
                let chunk = self.chunk(index);
                match chunk.rectified {
                    None => add_gradients(chunk.x, chunk.gradient, &mean, &mut sums, &mut products),
                    Some(y) => add_masked_gradients(chunk.x, y, chunk.gradient, &mean, &mut sums, &mut products),
                }
                (fold(&sums, channels), fold(&products, channels))
            })
            .unzip();
        let beta = sum_in_order(&sums, channels).into_iter().map(|sum| sum as f32).collect();
        let gamma = sum_in_order(&products, channels)
            .into_iter()
            .zip(self.inverse_deviation)
            .map(|(sum, &inverse)| (sum * f64::from(inverse)) as f32)
            .collect();
        (gamma, beta)
    }

    /// Gradient by the input: `gamma / sigma * (g - mean(g) - x_hat mean(g x_hat))` (Ioffe and Szegedy 2015, section
    /// 3), given those by gamma and beta.
    ///
    /// # Panics
    /// When slices differ in length.
    pub fn input_gradient<'o>(
        &self,
        [gamma_gradient, beta_gradient]: [&[f32]; 2],
        target: &'o mut Unwritten,
    ) -> &'o mut [f32] {
        self.assert_lengths(target);
        let factors = self.factors(gamma_gradient, beta_gradient);
        let targets = target.par_chunks_mut(chunk_len(self.channels())).enumerate();
        targets.for_each(|(index, dx)| self.chunk(index).input_gradient(&factors, dx));
        // SAFETY: chunks cover the slice, have as many inputs as outputs, and all of each is written.
        unsafe { target.assume_init_mut() }
    }

    /// Gradients by the input, as [`Self::input_gradient`], and by the residual.
    ///
    /// # Panics
    /// When slices differ in length.
    pub fn input_and_residual_gradients<'o>(
        &self,
        [gamma_gradient, beta_gradient]: [&[f32]; 2],
        [target, residual]: [&'o mut Unwritten; 2],
    ) -> [&'o mut [f32]; 2] {
        self.assert_lengths(target);
        self.assert_lengths(residual);
        let factors = self.factors(gamma_gradient, beta_gradient);
        let len = chunk_len(self.channels());
        let targets = target.par_chunks_mut(len).zip(residual.par_chunks_mut(len)).enumerate();
        targets.for_each(|(index, (dx, residual))| {
            let chunk = self.chunk(index);
            let gradient = chunk.residual_gradient(residual);
            ChunkInputs { x: chunk.x, rectified: None, gradient }.input_gradient(&factors, dx);
        });
        // SAFETY: as in `input_gradient`, of both slices.
        unsafe { [target.assume_init_mut(), residual.assume_init_mut()] }
    }

    fn assert_lengths(&self, target: &Unwritten) {
        let inputs = [Some(self.x), Some(self.output_gradient), self.rectified];
        assert!(inputs.into_iter().flatten().all(|input| input.len() == target.len()));
    }

    fn factors(&self, gamma_gradient: &[f32], beta_gradient: &[f32]) -> GradientFactors {
        let channels = self.channels();
        let pixels = (self.x.len() / channels) as f32;
        let per_channel = |value: &dyn Fn(usize) -> f32| widen(&(0..channels).map(value).collect::<Vec<_>>());
        let scale = |c: usize| self.gamma[c] * self.inverse_deviation[c];
        GradientFactors {
            mean: widen(self.mean),
            gradient: per_channel(&scale),
            deviation: per_channel(&|c| -scale(c) * self.inverse_deviation[c] * gamma_gradient[c] / pixels),
            constant: per_channel(&|c| -scale(c) * beta_gradient[c] / pixels),
        }
    }
}

fn nth_chunk(all: &[f32], index: usize, len: usize) -> &[f32] {
    &all[index * len..all.len().min((index + 1) * len)]
}

/// `dx = gradient * g + deviation * (x - mean) + constant`.
struct GradientFactors {
    mean: Vec<f32>,
    gradient: Vec<f32>,
    deviation: Vec<f32>,
    constant: Vec<f32>,
}

struct ChunkInputs<'a> {
    x: &'a [f32],
    rectified: Option<&'a [f32]>,
    gradient: &'a [f32],
}

impl ChunkInputs<'_> {
    fn input_gradient(&self, factors: &GradientFactors, dx: &mut Unwritten) {
        let GradientFactors { mean, gradient, deviation, constant } = factors;
        match self.rectified {
            None => gradient_chunk(self.x, self.gradient, mean, gradient, deviation, constant, dx),
            Some(y) => masked_gradient_chunk(self.x, y, self.gradient, mean, gradient, deviation, constant, dx),
        }
    }

    fn residual_gradient<'o>(&self, target: &'o mut Unwritten) -> &'o mut [f32] {
        let Some(y) = self.rectified else { return target.write_copy_of_slice(self.gradient) };
        assert!(y.len() == target.len() && self.gradient.len() == target.len());
        super::elementwise::mask_chunk(y, self.gradient, target);
        // SAFETY: the lengths are equal, so that all of it was written.
        unsafe { target.assume_init_mut() }
    }
}

vectorised! {
    fn add_squared_deviations(x: &[f32], mean: &[f32], wide: &mut [f32]) {
        for pixels in x.chunks(wide.len()) {
            for ((sum, x), mean) in wide.iter_mut().zip(pixels).zip(mean) {
                let deviation = x - mean;
                *sum += deviation * deviation;
            }
        }
    }

    /// Writes all of `output` where the other slices are as long; so do those below with theirs.
    fn affine_chunk(x: &[f32], scale: &[f32], shift: &[f32], lowest: f32, output: &mut Unwritten) {
        for (output, x) in output.chunks_mut(scale.len()).zip(x.chunks(scale.len())) {
            for (((y, x), scale), shift) in output.iter_mut().zip(x).zip(scale).zip(shift) {
                let value = x * scale + shift;
                y.write(if value < lowest { lowest } else { value });
            }
        }
    }

    fn affine_residual_chunk(
        x: &[f32],
        residual: &[f32],
        scale: &[f32],
        shift: &[f32],
        lowest: f32,
        output: &mut Unwritten,
    ) {
        let len = scale.len();
        for ((output, x), residual) in output.chunks_mut(len).zip(x.chunks(len)).zip(residual.chunks(len)) {
            for ((((y, x), residual), scale), shift) in output.iter_mut().zip(x).zip(residual).zip(scale).zip(shift) {
                let value = x * scale + shift + residual;
                y.write(if value < lowest { lowest } else { value });
            }
        }
    }

    fn add_gradients(x: &[f32], gradient: &[f32], mean: &[f32], sums: &mut [f32], products: &mut [f32]) {
        let len = mean.len();
        for (x, gradient) in x.chunks(len).zip(gradient.chunks(len)) {
            let pixels = x.iter().zip(gradient).zip(mean);
            for (((x, g), mean), (sum, product)) in pixels.zip(sums.iter_mut().zip(products.iter_mut())) {
                *sum += g;
                *product += g * (x - mean);
            }
        }
    }

    fn add_masked_gradients(
        x: &[f32],
        y: &[f32],
        gradient: &[f32],
        mean: &[f32],
        sums: &mut [f32],
        products: &mut [f32],
    ) {
        let len = mean.len();
        for ((x, y), gradient) in x.chunks(len).zip(y.chunks(len)).zip(gradient.chunks(len)) {
            let pixels = x.iter().zip(y).zip(gradient).zip(mean);
            for ((((x, y), g), mean), (sum, product)) in pixels.zip(sums.iter_mut().zip(products.iter_mut())) {
                let g = if *y > 0.0 { *g } else { 0.0 };
                *sum += g;
                *product += g * (x - mean);
            }
        }
    }

    fn gradient_chunk(
        x: &[f32],
        gradient: &[f32],
        mean: &[f32],
        factor: &[f32],
        deviation: &[f32],
        constant: &[f32],
        dx: &mut Unwritten,
    ) {
        let len = mean.len();
        for ((dx, x), gradient) in dx.chunks_mut(len).zip(x.chunks(len)).zip(gradient.chunks(len)) {
            let channels = mean.iter().zip(factor).zip(deviation).zip(constant);
            for (((dx, x), g), (((mean, factor), deviation), constant)) in dx.iter_mut().zip(x).zip(gradient).zip(channels) {
                dx.write(factor * g + deviation * (x - mean) + constant);
            }
        }
    }

    fn masked_gradient_chunk(
        x: &[f32],
        y: &[f32],
        gradient: &[f32],
        mean: &[f32],
        factor: &[f32],
        deviation: &[f32],
        constant: &[f32],
        dx: &mut Unwritten,
    ) {
        let len = mean.len();
        let pixels = x.chunks(len).zip(y.chunks(len)).zip(gradient.chunks(len));
        for (dx, ((x, y), gradient)) in dx.chunks_mut(len).zip(pixels) {
            let channels = mean.iter().zip(factor).zip(deviation).zip(constant);
            let pixels = x.iter().zip(y).zip(gradient).zip(channels);
            for (dx, (((x, y), g), (((mean, factor), deviation), constant))) in dx.iter_mut().zip(pixels) {
                let g = if *y > 0.0 { *g } else { 0.0 };
                dx.write(factor * g + deviation * (x - mean) + constant);
            }
        }
    }
}
