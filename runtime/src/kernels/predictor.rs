use super::dot::DotProducts;

/// `sum_i condition[i] * weight[i] latent`: the linear hypernetwork predictor, without forming the weight matrix.
///
/// # Shapes
/// `latent [d]`, `condition [k]`, `weight [k, d, d]`, `output [d]`.
pub(crate) fn apply_predictor(latent: &[f32], condition: &[f32], weight: &[f32], output: &mut [f32]) {
    let d = latent.len();
    if d == 0 {
        return;
    }
    output.fill(0.0);
    for (factor, matrix) in condition.iter().zip(weight.chunks_exact((d * d).max(1))) {
        for (sum, row) in output.iter_mut().zip(matrix.chunks_exact(d)) {
            let mut product = DotProducts::<1>::new();
            product.add(latent, [row]);
            let [dot] = product.sums();
            *sum += factor * dot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_mixed_by_the_condition() {
        let weight = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        let mut output = [0.0; 2];
        apply_predictor(&[3.0, 5.0], &[2.0, -1.0], &weight, &mut output);
        assert_eq!(output, [6.0 - 5.0, 10.0 - 3.0]);
    }
}
