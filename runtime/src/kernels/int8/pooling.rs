use crate::kernels::pooling::Pooling;
use crate::tensor::{Quantization, Ratio, saturate};

/// Channels that are pooled at a time.
const CHANNELS: usize = 16;

/// How the sum of `count` numbers becomes their mean in the output's scale:
/// `round((sum - count * zero_point) * (input scale / output scale / count)) + output zero point`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mean {
    input_zero_point: i32,
    output_zero_point: i32,
    quotient: f32,
}

impl Mean {
    pub fn new(input: Quantization, output: Quantization) -> Self {
        Self {
            input_zero_point: input.zero_point.into(),
            output_zero_point: output.zero_point.into(),
            quotient: input.scale / output.scale,
        }
    }

    /// Of that many numbers. `None` cannot be after parsing.
    pub fn of(self, count: usize) -> Option<impl Fn(i32) -> i8> {
        let ratio = Ratio::of(self.quotient / count as f32)?;
        let offset = (count as i32).wrapping_mul(self.input_zero_point);
        let zero_point = self.output_zero_point;
        Some(move |sum: i32| saturate(ratio.apply(sum.wrapping_sub(offset)).saturating_add(zero_point)))
    }
}

/// The largest number under each window; padding never wins. Output and input may overlap as `operators::overlap` allows.
pub(crate) fn max_pool(options: &Pooling, height: usize, arena: &mut [i8], from: usize, to: usize) -> Option<()> {
    pool(options, height, arena, from, to, i32::from(i8::MIN), i32::max, |_| Some(saturate))
}

/// The mean under each window; padding does not count.
pub(crate) fn average_pool(
    options: &Pooling,
    height: usize,
    mean: Mean,
    arena: &mut [i8],
    from: usize,
    to: usize,
) -> Option<()> {
    pool(options, height, arena, from, to, 0, i32::wrapping_add, |count| mean.of(count))
}

/// Folds the numbers under each window; `finish` makes what turns a result over that many positions into a number.
#[allow(clippy::too_many_arguments)] // a map's two places and the three parts of a fold
fn pool<F: Fn(i32) -> i8>(
    options: &Pooling,
    height: usize,
    arena: &mut [i8],
    from: usize,
    to: usize,
    start_value: i32,
    fold: impl Fn(i32, i32) -> i32,
    finish: impl Fn(usize) -> Option<F>,
) -> Option<()> {
    let channels = options.channels;
    for y in 0..height {
        let (taps_y, input_y) = options.vertical.covered(y);
        for x in 0..options.output_width {
            let (taps_x, input_x) = options.horizontal.covered(x);
            let finish = finish(taps_y.len() * taps_x.len())?;
            for first in (0..channels).step_by(CHANNELS) {
                let count = CHANNELS.min(channels - first);
                let mut folded = [start_value; CHANNELS];
                for line in 0..taps_y.len() {
                    let pixel = (input_y + line) * options.horizontal.size + input_x;
                    for step in 0..taps_x.len() {
                        let start = from + (pixel + step) * channels + first;
                        let values = arena.get(start..start + count)?;
                        folded.iter_mut().zip(values).for_each(|(sum, value)| *sum = fold(*sum, (*value).into()));
                    }
                }
                let start = to + (y * options.output_width + x) * channels + first;
                let output = arena.get_mut(start..start + count)?;
                output.iter_mut().zip(folded).for_each(|(to, folded)| *to = finish(folded));
            }
        }
    }
    Some(())
}

/// The mean over all positions.
///
/// # Shapes
/// `input [h, w, c]`, `output [c]`.
pub(crate) fn global_average_pool(mean: Mean, input: &[i8], output: &mut [i8]) -> Option<()> {
    let channels = output.len().max(1);
    let finish = mean.of(input.len() / channels)?;
    for (block, to) in output.chunks_mut(CHANNELS).enumerate() {
        let mut sums = [0i32; CHANNELS];
        for pixel in input.chunks_exact(channels) {
            let values = pixel.get(block * CHANNELS..)?;
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add((*value).into()));
        }
        to.iter_mut().zip(sums).for_each(|(to, sum)| *to = finish(sum));
    }
    Some(())
}
