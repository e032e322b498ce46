use crate::graph::Activation;

#[inline(always)]
pub(crate) fn activate(activation: Activation, value: f32) -> f32 {
    match activation {
        Activation::Identity => value,
        Activation::Relu => value.max(0.0),
    }
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

/// Element-wise sum of three slices of one length.
pub(crate) fn add(activation: Activation, a: &[f32], b: &[f32], output: &mut [f32]) {
    for ((to, a), b) in output.iter_mut().zip(a).zip(b) {
        *to = activate(activation, a + b);
    }
}

/// `max(0, x)`.
pub(crate) fn relu(input: &[f32], output: &mut [f32]) {
    for (to, from) in output.iter_mut().zip(input) {
        *to = from.max(0.0);
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
    fn activation_comes_after_the_sum() {
        let mut output = [0.0; 3];
        add(Activation::Relu, &[1.0, -2.0, 3.0], &[1.0, 1.0, -5.0], &mut output);
        assert_eq!(output, [2.0, 0.0, 0.0]);
        add(Activation::Identity, &[1.0, -2.0, 3.0], &[1.0, 1.0, -5.0], &mut output);
        assert_eq!(output, [2.0, -1.0, -2.0]);
        relu(&[-1.0, 0.0, 2.0], &mut output);
        assert_eq!(output, [0.0, 0.0, 2.0]);
    }
}
