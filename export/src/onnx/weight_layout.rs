//! How a weight of the graph is stored in ONNX.

/// An order of a weight's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum WeightLayout {
    /// As in the graph.
    Plain,
    /// `[cout, kh, kw, cin]` to `[cout, cin, kh, kw]`.
    ConvNchw,
    /// `[1, kh, kw, c]`, the int8 form of a depthwise convolution, to `[c, 1, kh, kw]`.
    DepthwiseNchw,
    /// `[k, d_out, d_in]` to `[d_in, k * d_out]`, so that one product applies all `k` matrices.
    StackedColumns,
}

impl WeightLayout {
    /// Shape and values in this layout.
    pub fn arrange<T: Copy>(self, shape: &[usize], values: &[T]) -> (Vec<usize>, Vec<T>) {
        match (self, shape) {
            (Self::ConvNchw, &[cout, kh, kw, cin]) => {
                (vec![cout, cin, kh, kw], permute(values, [cout, kh, kw, cin], [0, 3, 1, 2]))
            }
            (Self::DepthwiseNchw, &[1, kh, kw, channels]) => {
                (vec![channels, 1, kh, kw], permute(values, [1, kh, kw, channels], [3, 0, 1, 2]))
            }
            (Self::StackedColumns, &[k, d_out, d_in]) => {
                (vec![d_in, k * d_out], permute(values, [1, k, d_out, d_in], [0, 3, 1, 2]))
            }
            _ => (shape.to_vec(), values.to_vec()),
        }
    }
}

/// The elements of a row-major `shape` in the order of the axes `order`.
fn permute<T: Copy>(data: &[T], shape: [usize; 4], order: [usize; 4]) -> Vec<T> {
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
    fn counting(shape: &[usize]) -> Vec<u8> {
        (0..shape.iter().product::<usize>() as u8).collect()
    }

    fn arrange(layout: WeightLayout, shape: &[usize]) -> (Vec<usize>, Vec<u8>) {
        layout.arrange(shape, &counting(shape))
    }

    #[test]
    fn convolution_channels_move_before_the_window() {
        let (shape, data) = arrange(WeightLayout::ConvNchw, &[1, 2, 2, 3]);
        assert_eq!(shape, [1, 3, 2, 2]);
        assert_eq!(data, [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    }

    #[test]
    fn a_channel_of_a_depthwise_filter_becomes_a_filter() {
        let (shape, data) = arrange(WeightLayout::DepthwiseNchw, &[1, 1, 2, 3]);
        assert_eq!(shape, [3, 1, 1, 2]);
        assert_eq!(data, [0, 3, 1, 4, 2, 5]);
    }

    #[test]
    fn stacked_matrices_become_columns() {
        let (shape, data) = arrange(WeightLayout::StackedColumns, &[2, 2, 2]);
        assert_eq!(shape, [2, 4]);
        assert_eq!(data, [0, 2, 4, 6, 1, 3, 5, 7]);
    }
}
