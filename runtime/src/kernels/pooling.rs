use super::window::WindowAxis;

/// A sliding maximum or mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pooling {
    pub vertical: WindowAxis,
    pub horizontal: WindowAxis,
    pub channels: usize,
    pub output_width: usize,
}

/// The largest value under each window; padding never wins.
///
/// # Shapes
/// `input [h, w, c]`, `output [oh, ow, c]`.
#[cfg_attr(all(target_arch = "x86_64", feature = "std"), inline(always))] // into a function that may use AVX2
pub(crate) fn max_pool(options: &Pooling, input: &[f32], output: &mut [f32]) {
    let channels = options.channels.max(1);
    for (row, output_row) in output.chunks_exact_mut((options.output_width * channels).max(1)).enumerate() {
        for (column, largest) in output_row.chunks_exact_mut(channels).enumerate() {
            let (taps_y, input_y) = options.vertical.covered(row);
            let (taps_x, input_x) = options.horizontal.covered(column);
            largest.fill(f32::NEG_INFINITY);
            for y in input_y..input_y + taps_y.len() {
                let start = (y * options.horizontal.size + input_x) * channels;
                let pixels = input.get(start..start + taps_x.len() * channels).unwrap_or(&[]);
                for pixel in pixels.chunks_exact(channels) {
                    // `f32::max` where the first is a number, in an instruction that vectors have.
                    largest.iter_mut().zip(pixel).for_each(|(a, b)| *a = if *b > *a { *b } else { *a });
                }
            }
        }
    }
}

/// The mean under each window; padding does not count.
///
/// # Shapes
/// `input [h, w, c]`, `output [oh, ow, c]`.
pub(crate) fn average_pool(options: &Pooling, input: &[f32], output: &mut [f32]) {
    let channels = options.channels.max(1);
    for (row, output_row) in output.chunks_exact_mut((options.output_width * channels).max(1)).enumerate() {
        for (column, sums) in output_row.chunks_exact_mut(channels).enumerate() {
            let (taps_y, input_y) = options.vertical.covered(row);
            let (taps_x, input_x) = options.horizontal.covered(column);
            sums.fill(0.0);
            for y in input_y..input_y + taps_y.len() {
                let start = (y * options.horizontal.size + input_x) * channels;
                let pixels = input.get(start..start + taps_x.len() * channels).unwrap_or(&[]);
                for pixel in pixels.chunks_exact(channels) {
                    sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
                }
            }
            let count = (taps_y.len() * taps_x.len()) as f32;
            sums.iter_mut().for_each(|sum| *sum /= count);
        }
    }
}

/// The mean over all positions.
///
/// # Shapes
/// `input [h, w, c]`, `output [c]`.
pub(crate) fn global_average_pool(input: &[f32], output: &mut [f32]) {
    if output.is_empty() {
        return;
    }
    let positions = (input.len() / output.len()) as f32;
    output.fill(0.0);
    for pixel in input.chunks_exact(output.len()) {
        output.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
    }
    output.iter_mut().for_each(|sum| *sum /= positions);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_maps_keep_their_largest_value_at_the_border() {
        let axis = WindowAxis { size: 3, kernel: 3, stride: 2, padding_before: 1 };
        let options = Pooling { vertical: axis, horizontal: axis, channels: 1, output_width: 2 };
        let mut output = [0.0; 4];
        max_pool(&options, &[-9.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -1.0], &mut output);
        assert_eq!(output, [-2.0, -2.0, -4.0, -1.0]);
    }

    #[test]
    fn padding_does_not_count_in_a_mean() {
        let axis = WindowAxis { size: 3, kernel: 2, stride: 2, padding_before: 1 };
        let options = Pooling { vertical: axis, horizontal: axis, channels: 1, output_width: 2 };
        let mut output = [0.0; 4];
        average_pool(&options, &[9.0, 2.0, 4.0, 4.0, 5.0, 6.0, 8.0, 7.0, 2.0], &mut output);
        assert_eq!(output, [9.0, 3.0, 6.0, 5.0]);
    }

    #[test]
    fn mean_of_each_channel() {
        let mut output = [0.0; 2];
        global_average_pool(&[1.0, 10.0, 2.0, 20.0, 3.0, 30.0, 6.0, 60.0], &mut output);
        assert_eq!(output, [3.0, 30.0]);
    }
}
