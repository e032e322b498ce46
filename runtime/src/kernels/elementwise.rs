use crate::tensor::Activation;

#[inline(always)]
pub(crate) fn activate(activation: Activation, value: f32) -> f32 {
    match activation {
        Activation::Identity => value,
        Activation::Relu => value.max(0.0),
        Activation::Relu6 => clamp(value, 0.0, 6.0),
        Activation::Clamp { low, high } => clamp(value, low, high),
    }
}

/// As `f32::clamp`, which panics when the bounds are out of order; parsing has refused such bounds.
#[inline(always)]
pub(crate) fn clamp(value: f32, low: f32, high: f32) -> f32 {
    value.max(low).min(high)
}

/// `(x / 255 - mean[c]) / std[c]`.
///
/// # Shapes
/// `image u8 [h, w, 3]`, `output [h, w, 3]`.
pub(crate) fn normalize(mean: &[f32; 3], std: &[f32; 3], image: &[u8], output: &mut [f32]) {
    let (pixels, _) = image.as_chunks::<3>();
    let (normalized, _) = output.as_chunks_mut::<3>();
    for (to, from) in normalized.iter_mut().zip(pixels) {
        for (((to, from), mean), std) in to.iter_mut().zip(from).zip(mean).zip(std) {
            *to = (f32::from(*from) / 255.0 - mean) / std;
        }
    }
}

/// `f` of each element.
#[inline(always)]
pub(crate) fn map<T: Copy, U>(input: &[T], output: &mut [U], f: impl Fn(T) -> U) {
    output.iter_mut().zip(input).for_each(|(to, from)| *to = f(*from));
}

/// `f` of each pair of elements.
#[inline(always)]
pub(crate) fn combine<T: Copy>(a: &[T], b: &[T], output: &mut [T], f: impl Fn(T, T) -> T) {
    for ((to, a), b) in output.iter_mut().zip(a).zip(b) {
        *to = f(*a, *b);
    }
}

/// `f` of each pair of elements, written over the first of them.
#[inline(always)]
pub(crate) fn combine_in_place<T: Copy>(values: &mut [T], others: &[T], f: impl Fn(T, T) -> T) {
    for (value, other) in values.iter_mut().zip(others) {
        *value = f(*value, *other);
    }
}

/// `1 / (1 + e^-x)`.
pub(crate) fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-value))
}

/// `e^x / sum e^x` of each row of `length` numbers; the largest is subtracted first, so that nothing overflows.
pub(crate) fn softmax(length: usize, input: &[f32], output: &mut [f32]) {
    if length == 0 {
        return;
    }
    for (to, from) in output.chunks_exact_mut(length).zip(input.chunks_exact(length)) {
        let largest = from.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for (to, from) in to.iter_mut().zip(from) {
            *to = libm::expf(from - largest);
            sum += *to;
        }
        to.iter_mut().for_each(|value| *value /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_scaled_then_normalised_by_channel() {
        let mut output = [0.0; 6];
        normalize(&[0.0, 0.5, 1.0], &[1.0, 0.5, 0.25], &[0, 0, 0, 255, 255, 255], &mut output);
        assert_eq!(output, [0.0, -1.0, -4.0, 1.0, 1.0, 0.0]);
    }

    #[test]
    fn activations_limit() {
        let limited = |activation| [-2.0, 0.5, 7.0].map(|value| activate(activation, value));
        assert_eq!(limited(Activation::Identity), [-2.0, 0.5, 7.0]);
        assert_eq!(limited(Activation::Relu), [0.0, 0.5, 7.0]);
        assert_eq!(limited(Activation::Relu6), [0.0, 0.5, 6.0]);
        assert_eq!(limited(Activation::Clamp { low: -1.0, high: 0.25 }), [-1.0, 0.25, 0.25]);
    }

    #[test]
    fn softmax_of_large_numbers_sums_to_one() {
        let mut output = [0.0; 4];
        softmax(2, &[1000.0, 1000.0, -5.0, 90.0], &mut output);
        assert_eq!(output[..2], [0.5, 0.5]);
        assert!(output[2] < 1e-30 && output[3] == 1.0);
        assert_eq!((sigmoid(0.0), sigmoid(200.0), sigmoid(-200.0)), (0.5, 1.0, 0.0));
    }
}
