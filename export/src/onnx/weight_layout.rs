//! How a weight of the graph is stored in ONNX.

use sextant_runtime::graph::Weight;

/// An order of a weight's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum WeightLayout {
    /// As in the graph.
    Plain,
    /// `[cout, kh, kw, cin]` to `[cout, cin, kh, kw]`.
    ConvNchw,
    /// `[k, d_out, d_in]` to `[d_in, k * d_out]`, so that one product applies all `k` matrices.
    StackedColumns,
}

impl WeightLayout {
    /// Shape and values in this layout.
    pub fn arrange(self, weight: &Weight) -> (Vec<usize>, Vec<f32>) {
        match (self, weight.shape.as_slice()) {
            (Self::ConvNchw, &[cout, kh, kw, cin]) => {
                let data = permute(weight.floats(), [cout, kh, kw, cin], [0, 3, 1, 2]);
                (vec![cout, cin, kh, kw], data)
            }
            (Self::StackedColumns, &[k, d_out, d_in]) => {
                let data = permute(weight.floats(), [1, k, d_out, d_in], [0, 3, 1, 2]);
                (vec![d_in, k * d_out], data)
            }
            _ => (weight.shape.clone(), weight.floats().to_vec()),
        }
    }
}

/// The elements of a row-major `shape` in the order of the axes `order`.
fn permute(data: &[f32], shape: [usize; 4], order: [usize; 4]) -> Vec<f32> {
    let stride = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1];
    let [extents, steps] = [order.map(|axis| shape[axis]), order.map(|axis| stride[axis])];
    let mut permuted = Vec::with_capacity(data.len());
    for a in 0..extents[0] {
        for b in 0..extents[1] {
            for c in 0..extents[2] {
                let start = a * steps[0] + b * steps[1] + c * steps[2];
                permuted.extend((0..extents[3]).map(|d| data[start + d * steps[3]]));
            }
        }
    }
    permuted
}

#[cfg(test)]
mod tests {
    use super::*;
    use sextant_runtime::graph::WeightData;

    fn counting(shape: &[usize]) -> Weight {
        let count: usize = shape.iter().product();
        Weight {
            name: "w".into(),
            shape: shape.to_vec(),
            data: WeightData::F32((0..count).map(|v| v as f32).collect()),
        }
    }

    #[test]
    fn convolution_channels_move_before_the_window() {
        let (shape, data) = WeightLayout::ConvNchw.arrange(&counting(&[1, 2, 2, 3]));
        assert_eq!(shape, [1, 3, 2, 2]);
        assert_eq!(data, [0., 3., 6., 9., 1., 4., 7., 10., 2., 5., 8., 11.]);
    }

    #[test]
    fn stacked_matrices_become_columns() {
        let (shape, data) = WeightLayout::StackedColumns.arrange(&counting(&[2, 2, 2]));
        assert_eq!(shape, [2, 4]);
        assert_eq!(data, [0., 2., 4., 6., 1., 3., 5., 7.]);
    }
}
