use candle_core::{Result, Tensor};

/// Mean over the batch of `-log softmax(logits)[label]`.
///
/// # Shapes
/// `logits` is `[n, classes]`, `labels` is `u32 [n]`.
///
/// # Errors
/// When shapes differ or a label is not below `classes`.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    cross_entropies(logits, labels)?.mean_all()
}

/// `-log softmax(logits)[label]` of each row, `[n]`; shapes and errors as those of [`cross_entropy`].
///
/// # Errors
/// As [`cross_entropy`].
pub fn cross_entropies(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let shifted = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?;
    let log_sum = shifted.exp()?.sum_keepdim(1)?.log()?;
    let own = shifted.gather(&labels.unsqueeze(1)?, 1)?;
    (log_sum - own)?.squeeze(1)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn value_and_gradient_by_hand() {
        let logits = Var::new(&[[0f32, 3f32.ln()], [900.0, 900.0]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1u32, 0], &Device::Cpu).unwrap();
        let loss = cross_entropy(&logits, &labels).unwrap();
        let expected = ((4f32 / 3.0).ln() + 2f32.ln()) / 2.0;
        assert!((loss.to_scalar::<f32>().unwrap() - expected).abs() < 1e-6);
        let gradient = loss.backward().unwrap().get(&logits).unwrap().to_vec2::<f32>().unwrap();
        assert!((gradient[0][0] - 0.125).abs() < 1e-6 && (gradient[0][1] + 0.125).abs() < 1e-6);
        assert!((gradient[1][0] + 0.25).abs() < 1e-6 && (gradient[1][1] - 0.25).abs() < 1e-6);
    }
}
