use sextant_runtime::calibration::SymmetricScale;
use sextant_runtime::graph::{Quantization, WeightData};

/// Float32 filters, one per output channel, and what they are applied to.
pub(crate) struct Filters<'w> {
    /// `[cout][taps]`.
    pub values: &'w [f32],
    pub bias: &'w [f32],
    /// Of the operator's input.
    pub input: Quantization,
    /// What the largest weight of a channel becomes, at most 127.
    pub largest_number: i8,
    /// Mean of the input at each tap of each channel's filter, `[cout][taps]`, when biases are to be corrected.
    pub input_means: Option<Vec<f64>>,
}

/// Eight-bit filters.
pub(crate) struct QuantizedFilters {
    /// `[cout][taps]`, symmetric.
    pub values: Vec<i8>,
    /// Less `zero_point * sum of the filter`.
    pub bias: Vec<i32>,
    /// Input scale times filter scale, per channel.
    pub sum_scales: Vec<f64>,
}

impl Filters<'_> {
    /// Symmetric, each channel with its own scale.
    pub fn quantize(&self) -> QuantizedFilters {
        let taps = (self.values.len() / self.bias.len().max(1)).max(1);
        let input_scale = f64::from(self.input.scale);
        let mut quantized = QuantizedFilters { values: vec![], bias: vec![], sum_scales: vec![] };
        for (channel, (filter, bias)) in self.values.chunks_exact(taps).zip(self.bias).enumerate() {
            // A bias far beyond what the filter does must still fit 32 bits.
            let least_step = f64::from(bias.abs()) / input_scale / f64::from(1 << 29);
            let symmetric = SymmetricScale::of(filter, self.largest_number, least_step);
            let numbers: Vec<i8> = filter.iter().map(|weight| symmetric.quantize(*weight)).collect();
            let scale = symmetric.step();
            let lost = |(tap, (weight, number)): (usize, (&f32, &i8))| {
                let mean = self.input_means.as_ref().map_or(0.0, |means| means[channel * taps + tap]);
                (f64::from(*weight) - scale * f64::from(*number)) * mean
            };
            let correction: f64 = filter.iter().zip(&numbers).enumerate().map(lost).sum();
            let sum: i64 = numbers.iter().map(|number| i64::from(*number)).sum();
            let units = ((f64::from(*bias) + correction) / (input_scale * scale)).round();
            let bias = units - (i64::from(self.input.zero_point) * sum) as f64;
            quantized.bias.push(bias.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32);
            quantized.values.extend(numbers);
            quantized.sum_scales.push(input_scale * scale);
        }
        quantized
    }
}

impl QuantizedFilters {
    /// The smallest scale that the output may have: multipliers stay below a half.
    pub fn least_output_scale(&self) -> f64 {
        2.001 * self.sum_scales.iter().fold(0.0f64, |most, scale| most.max(*scale))
    }

    /// Values in the order `arrange` gives them, with multipliers for that output.
    pub fn into_data(self, output: Quantization, arrange: impl Fn(Vec<i8>) -> Vec<i8>) -> (WeightData, WeightData) {
        let ratios: Vec<f64> = self.sum_scales.iter().map(|scale| scale / f64::from(output.scale)).collect();
        let largest = ratios.iter().fold(0.0f64, |most, ratio| most.max(*ratio));
        let fits = |shift: &u32| largest * 2f64.powi(32 + *shift as i32) < f64::from(i32::MAX);
        let shift = (0..=30).take_while(fits).last().unwrap_or(0);
        let multiplier = |ratio: &f64| (ratio * 2f64.powi(32 + shift as i32)).round().min(f64::from(i32::MAX)) as i32;
        let multipliers = ratios.iter().map(multiplier).collect();
        (WeightData::I8 { values: arrange(self.values), multipliers, shift }, WeightData::I32(self.bias))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_within_half_a_step_and_sums_come_back() {
        let values: Vec<f32> = (0..40).map(|i| ((i * 37) % 41) as f32 * 0.01 - 0.2 + (i / 20) as f32).collect();
        let bias = [0.7f32, -3.0];
        let input = Quantization { scale: 0.02, zero_point: -13 };
        let quantized =
            Filters { values: &values, bias: &bias, input, largest_number: 127, input_means: None }.quantize();
        for (channel, scale) in quantized.sum_scales.iter().map(|scale| scale / 0.02f32 as f64).enumerate() {
            for tap in 0..20 {
                let (real, number) = (values[channel * 20 + tap], quantized.values[channel * 20 + tap]);
                assert!((f64::from(real) - scale * f64::from(number)).abs() <= 0.5001 * scale);
            }
        }
        let inputs: Vec<i8> = (0..20).map(|i| (i * 13 % 256) as u8 as i8).collect();
        for channel in 0..2 {
            let filter = &quantized.values[channel * 20..][..20];
            let sum: i32 = filter.iter().zip(&inputs).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
            let found = f64::from(sum + quantized.bias[channel]) * quantized.sum_scales[channel];
            let products = values[channel * 20..].iter().zip(&inputs).map(|(w, q)| w * input.dequantize(*q));
            let real = f64::from(products.sum::<f32>() + bias[channel]);
            assert!((found - real).abs() < 0.05, "{found} for {real}");
        }
    }

    #[test]
    fn seven_bits_never_saturate_sums_of_two_products() {
        let values: Vec<f32> = (0..32).map(|i| (i as f32 * 0.7).sin()).collect();
        let input = Quantization { scale: 0.1, zero_point: 0 };
        let filters = Filters { values: &values, bias: &[0.0], input, largest_number: 64, input_means: None };
        let most = filters.quantize().values.iter().map(|number| number.unsigned_abs()).max();
        assert_eq!(most, Some(64));
        const { assert!(2 * 255 * 64 <= i16::MAX as i32) };
    }

    #[test]
    fn a_corrected_bias_removes_the_mean_error() {
        let values = [0.111f32, 0.997, -0.333, 0.5];
        let input = Quantization { scale: 0.1, zero_point: 0 };
        let means = vec![9.0, 5.0, 7.0, 11.0];
        let real: f64 = values.iter().zip(&means).map(|(w, m)| f64::from(*w) * m).sum();
        let error = |input_means: Option<Vec<f64>>| {
            let quantized =
                Filters { values: &values, bias: &[0.0], input, largest_number: 127, input_means }.quantize();
            let scale = quantized.sum_scales[0] / 0.1f32 as f64;
            let sum: f64 = quantized.values.iter().zip(&means).map(|(q, m)| scale * f64::from(*q) * m).sum();
            (sum + f64::from(quantized.bias[0]) * quantized.sum_scales[0] - real).abs()
        };
        assert!(error(Some(means.clone())) < 0.5 * 0.1 * 0.997 / 127.0 + 1e-9);
        assert!(error(None) > error(Some(means.clone())));
    }

    #[test]
    fn multipliers_bring_sums_to_the_output() {
        let filters = QuantizedFilters { values: vec![1, 2], bias: vec![0, 0], sum_scales: vec![0.001, 0.0004] };
        let output = Quantization { scale: 0.05, zero_point: 0 };
        let (WeightData::I8 { multipliers, shift, .. }, _) = filters.into_data(output, |v| v) else { panic!() };
        for (multiplier, scale) in multipliers.iter().zip([0.001, 0.0004]) {
            let ratio = f64::from(*multiplier) / 2f64.powi(32 + shift as i32);
            assert!((ratio / (scale / f64::from(0.05f32)) - 1.0).abs() < 1e-8);
        }
        assert!(multipliers[0] >= 1 << 30);
    }
}
