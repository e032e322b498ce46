/// What the largest weight of a channel becomes.
pub const LARGEST_WEIGHT: i8 = 127;

/// The numbers `-largest ..= largest` of one output channel's weights, with 0 for 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SymmetricScale {
    step: f64,
    largest: i8,
}

impl SymmetricScale {
    /// The numbers whose largest stands for the filter's largest weight; neighbours are at least `least_step` apart.
    pub fn of(filter: &[f32], largest: i8, least_step: f64) -> Self {
        let most = filter.iter().fold(0.0f64, |most, weight| most.max(f64::from(weight.abs())));
        Self { step: (most / f64::from(largest)).max(least_step).max(1e-12), largest }
    }

    /// Distance of two neighbours.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// The number nearest to a weight.
    #[inline]
    pub fn quantize(&self, weight: f32) -> i8 {
        let limit = f64::from(self.largest);
        (f64::from(weight) / self.step).round().clamp(-limit, limit) as i8
    }

    /// Whether the numbers hold every weight of a filter, but for single precision.
    pub fn holds(&self, filter: &[f32]) -> bool {
        let distance = |weight: &f32| f64::from((weight - self.dequantize(self.quantize(*weight))).abs());
        filter.iter().all(|weight| distance(weight) <= 1e-4 * self.step)
    }

    /// What a number stands for.
    #[inline]
    pub fn dequantize(&self, number: i8) -> f32 {
        (self.step * f64::from(number)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_were_rounded_are_rounded_to_themselves() {
        let filter: Vec<f32> = (0..300).map(|i| (i as f32 * 0.7).sin() * 10f32.powi(i % 7 - 3)).collect();
        for largest in [LARGEST_WEIGHT, 64] {
            let scale = SymmetricScale::of(&filter, largest, 0.0);
            let numbers: Vec<i8> = filter.iter().map(|weight| scale.quantize(*weight)).collect();
            assert_eq!(numbers.iter().map(|number| number.abs()).max(), Some(largest));
            let rounded: Vec<f32> = numbers.iter().map(|number| scale.dequantize(*number)).collect();
            let again = SymmetricScale::of(&rounded, largest, 0.0);
            assert!(again.holds(&rounded) && !scale.holds(&filter));
            assert_eq!(rounded.iter().map(|weight| again.quantize(*weight)).collect::<Vec<_>>(), numbers);
        }
    }

    #[test]
    fn a_filter_of_zeros_has_numbers() {
        let scale = SymmetricScale::of(&[0.0; 4], LARGEST_WEIGHT, 0.0);
        assert_eq!(scale.dequantize(scale.quantize(0.0)), 0.0);
    }
}
