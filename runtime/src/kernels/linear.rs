use super::dot::DotProducts;
use super::elementwise::activate;
use crate::tensor::Activation;

/// `weight input + bias`.
///
/// # Shapes
/// `input [cin]`, `weight [cout, cin]`, `bias [cout]`, `output [cout]`.
pub(crate) fn linear(activation: Activation, input: &[f32], weight: &[f32], bias: &[f32], output: &mut [f32]) {
    if input.is_empty() {
        return;
    }
    for ((to, row), bias) in output.iter_mut().zip(weight.chunks_exact(input.len())).zip(bias) {
        let mut product = DotProducts::<1>::new();
        product.add(input, [row]);
        let [sum] = product.sums();
        *to = activate(activation, sum + bias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_weight_make_the_outputs() {
        let mut output = [0.0; 2];
        let weight = [1.0, 2.0, 3.0, -1.0, 0.0, 1.0];
        linear(Activation::Identity, &[1.0, 1.0, -2.0], &weight, &[0.5, 0.0], &mut output);
        assert_eq!(output, [-2.5, -3.0]);
        linear(Activation::Relu, &[1.0, 1.0, 2.0], &weight, &[0.5, -2.0], &mut output);
        assert_eq!(output, [9.5, 0.0]);
    }
}
