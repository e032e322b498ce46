//! The linear hypernetwork's product `sum_i q_i (W_i z)`, as one product of depth `k d` with `[q_1 z, …, q_k z]`.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::correlation::{Destination, correlate};
use super::panels::{MatrixView, PackedPanels};
use super::source_block::{Maps, Window};
use super::tile::TileKernels;
use super::unwritten::{Unwritten, filled};
use super::weight_gradient::{OutputGradient, WeightLayout, weight_gradient};

/// Sizes of `z [rows, inputs]`, `condition [rows, conditions]` and `weight [conditions, outputs, inputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictorShape {
    /// Samples.
    pub rows: usize,
    /// Numbers in a condition.
    pub conditions: usize,
    /// Numbers in an output.
    pub outputs: usize,
    /// Numbers in an input.
    pub inputs: usize,
}

/// Gradients by `z`, the condition and the weight.
#[derive(Clone, Debug)]
pub struct PredictorGradients {
    /// `[rows, inputs]`.
    pub z: Vec<f32>,
    /// `[rows, conditions]`.
    pub condition: Vec<f32>,
    /// `[conditions, outputs, inputs]`.
    pub weight: Vec<f32>,
}

impl PredictorShape {
    /// Multiplications (each with an addition) of one forward pass.
    pub fn multiplications(&self) -> usize {
        self.rows * self.conditions * self.outputs * self.inputs
    }

    /// Conditions as the rows of a window that covers them all.
    fn window(&self) -> Window {
        let source = Maps { height: self.conditions, width: 1, channels: self.inputs };
        Window { source, taps: [self.conditions, 1], ..Window::matrix_rows(self.inputs) }
    }

    fn output_rows(&self) -> Destination {
        Self::rows_of(self.outputs, 0)
    }

    fn rows_of(channels: usize, first_channel: usize) -> Destination {
        Destination { maps: Maps { height: 1, width: 1, channels }, first: [0, 0], step: [1, 1], first_channel }
    }

    /// `[rows, conditions, inputs]`: `condition[i] z`.
    fn weighted_inputs(&self, z: &[f32], condition: &[f32]) -> Vec<f32> {
        filled(self.rows * self.conditions * self.inputs, |weighted| {
            weighted.par_chunks_exact_mut(self.inputs).with_min_len(16).enumerate().for_each(|(i, target)| {
                let z = &z[i / self.conditions * self.inputs..][..self.inputs];
                for (target, z) in target.iter_mut().zip(z) {
                    target.write(condition[i] * z);
                }
            });
            // SAFETY: there is room for whole inputs, and each was written, as long as `z`.
            unsafe { weighted.assume_init_mut() }
        })
    }

    /// Writes `[rows, outputs]`.
    ///
    /// # Panics
    /// When a slice does not have the size that the shape says.
    pub fn forward<'o>(
        &self,
        z: &[f32],
        condition: &[f32],
        weight: &[f32],
        output: &'o mut Unwritten,
    ) -> &'o mut [f32] {
        let kernels = TileKernels::best();
        let view = MatrixView {
            data: weight,
            start: 0,
            depth_counts: [1, self.conditions, self.inputs],
            depth_strides: [0, (self.outputs * self.inputs) as isize, 1],
            columns: self.outputs,
            column_stride: self.inputs,
        };
        let panels = PackedPanels::pack(kernels, &view);
        let weighted = self.weighted_inputs(z, condition);
        correlate(kernels, self.rows, &self.window(), &weighted, &panels, &self.output_rows(), output);
        // SAFETY: the destination is all outputs of every row.
        unsafe { output.assume_init_mut() }
    }

    /// All gradients, given the gradient by the output.
    ///
    /// # Panics
    /// When a slice does not have the size that the shape says.
    pub fn backward(
        &self,
        z: &[f32],
        condition: &[f32],
        weight: &[f32],
        output_gradient: &[f32],
    ) -> PredictorGradients {
        let (z_gradient, condition_gradient) = self.input_gradients(z, condition, weight, output_gradient);
        let weighted = self.weighted_inputs(z, condition);
        let gradient =
            OutputGradient { data: output_gradient, channels: self.outputs, first_channel: 0, columns: self.outputs };
        let layout = WeightLayout { start: 0, column_stride: self.inputs, tap_row_stride: self.outputs * self.inputs };
        let kernels = TileKernels::best();
        let weight_sums = filled(self.conditions * self.outputs * self.inputs, |sums| {
            weight_gradient(kernels, self.rows, &self.window(), &weighted, &gradient, &layout, sums);
            // SAFETY: the layout is that of all weights.
            unsafe { sums.assume_init_mut() }
        });
        PredictorGradients { z: z_gradient, condition: condition_gradient, weight: weight_sums }
    }

    fn input_gradients(
        &self,
        z: &[f32],
        condition: &[f32],
        weight: &[f32],
        output_gradient: &[f32],
    ) -> (Vec<f32>, Vec<f32>) {
        let weighted_gradient = self.weighted_gradient(weight, output_gradient);
        let mut z_gradient = vec![0.0; z.len()];
        let mut condition_gradient = vec![0.0; condition.len()];
        let rows =
            z_gradient.par_chunks_exact_mut(self.inputs).zip(condition_gradient.par_chunks_exact_mut(self.conditions));
        rows.with_min_len(8).enumerate().for_each(|(row, (z_gradient, condition_gradient))| {
            let gradients = weighted_gradient[row * self.conditions * self.inputs..].chunks_exact(self.inputs);
            let (z, q) = (&z[row * self.inputs..], &condition[row * self.conditions..]);
            for ((gradient, q), q_gradient) in gradients.zip(q).zip(condition_gradient) {
                z_gradient.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += q * g);
                *q_gradient = gradient.iter().zip(z).map(|(g, z)| f64::from(g * z)).sum::<f64>() as f32;
            }
        });
        (z_gradient, condition_gradient)
    }

    /// `[rows, conditions, inputs]`: `W_i^T` times the gradient by the output.
    fn weighted_gradient(&self, weight: &[f32], output_gradient: &[f32]) -> Vec<f32> {
        let all = self.conditions * self.inputs;
        filled(self.rows * all, |target| {
            for i in 0..self.conditions {
                self.one_weighted_gradient(i, weight, output_gradient, target);
            }
            // SAFETY: each pass wrote the inputs of one condition in every row.
            unsafe { target.assume_init_mut() }
        })
    }

    /// Writes the part of [`Self::weighted_gradient`] that belongs to one condition.
    fn one_weighted_gradient(&self, i: usize, weight: &[f32], output_gradient: &[f32], target: &mut Unwritten) {
        let kernels = TileKernels::best();
        let view = MatrixView {
            data: weight,
            start: i * self.outputs * self.inputs,
            depth_counts: [1, 1, self.outputs],
            depth_strides: [0, 0, self.inputs as isize],
            columns: self.inputs,
            column_stride: 1,
        };
        let panels = PackedPanels::pack(kernels, &view);
        let destination = Self::rows_of(self.conditions * self.inputs, i * self.inputs);
        let window = Window::matrix_rows(self.outputs);
        correlate(kernels, self.rows, &window, output_gradient, &panels, &destination, target);
    }
}
