use crate::graph::Quantization;

/// How the range of a value that eight bits cover is chosen from its distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Calibration {
    /// All of it.
    MinMax,
    /// All but one of 10,000 numbers at each end.
    Percentile,
    /// The range with the least mean squared error.
    MeanSquaredError,
}

/// What is cut off at each end by [`Calibration::Percentile`].
const CUT: f64 = 1e-4;
/// Ends that [`Calibration::MeanSquaredError`] tries: so many fractions of the whole, each a hundredth less.
const FRACTIONS: usize = 96;
const BINS: usize = 2048;

/// How often a value's numbers were in each part of its range.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    low: f32,
    high: f32,
    counts: Vec<u64>,
}

impl Histogram {
    /// Empty, for numbers of that range, which is widened to hold zero.
    pub fn new(low: f32, high: f32) -> Self {
        Self { low: low.min(0.0), high: high.max(0.0), counts: vec![0; BINS] }
    }

    pub fn add(&mut self, value: f32) {
        let width = (self.high - self.low).max(f32::MIN_POSITIVE);
        let bin = ((value - self.low) / width * BINS as f32) as usize;
        self.counts[bin.min(BINS - 1)] += 1;
    }

    /// Scale and zero point for the range that the calibration chooses. Zero is exactly a number.
    pub fn quantization(&self, calibration: Calibration) -> Quantization {
        let (low, high) = match calibration {
            Calibration::MinMax => (f64::from(self.low), f64::from(self.high)),
            Calibration::Percentile => (self.percentile(CUT), self.percentile(1.0 - CUT)),
            Calibration::MeanSquaredError => self.least_error(),
        };
        covering(low, high)
    }

    fn width(&self) -> f64 {
        f64::from(self.high) - f64::from(self.low)
    }

    fn middle(&self, bin: usize) -> f64 {
        f64::from(self.low) + self.width() * (bin as f64 + 0.5) / BINS as f64
    }

    fn percentile(&self, fraction: f64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let mut seen = 0;
        for (bin, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= fraction * total as f64 {
                // The outer edge of the bin.
                let edge = if fraction < 0.5 { bin } else { bin + 1 };
                return f64::from(self.low) + self.width() * edge as f64 / BINS as f64;
            }
        }
        f64::from(self.high)
    }

    fn least_error(&self) -> (f64, f64) {
        let fractions = || (0..FRACTIONS).map(|step| 1.0 - step as f64 / 100.0);
        let (mut low, mut high) = (f64::from(self.low), f64::from(self.high));
        // Outliers are often at one end only: each end is chosen with the other one fixed, until they agree.
        for _ in 0..2 {
            high = least(fractions().map(|fraction| fraction * f64::from(self.high)), |high| {
                self.squared_error(low, high)
            });
            low =
                least(fractions().map(|fraction| fraction * f64::from(self.low)), |low| self.squared_error(low, high));
        }
        (low, high)
    }

    /// Rounding costs a twelfth of a squared step; what is outside costs its squared distance.
    fn squared_error(&self, low: f64, high: f64) -> f64 {
        let step = (high - low) / 255.0;
        let error = |bin: usize| {
            let value = self.middle(bin);
            let outside = (value - high).max(low - value).max(0.0);
            if outside > 0.0 { outside * outside } else { step * step / 12.0 }
        };
        self.counts.iter().enumerate().map(|(bin, count)| *count as f64 * error(bin)).sum()
    }
}

/// The first of the candidates with the least error.
fn least(candidates: impl Iterator<Item = f64>, error: impl Fn(f64) -> f64) -> f64 {
    let with_errors = candidates.map(|candidate| (error(candidate), candidate));
    with_errors.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, candidate)| candidate)
}

/// The numbers that cover `[low, high]`, which holds zero, with zero exactly on a number.
fn covering(low: f64, high: f64) -> Quantization {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let scale = ((high - low) / 255.0).clamp(1e-8, 1e8);
    let zero_point = (-128.0 - low / scale).round().clamp(-128.0, 127.0);
    Quantization { scale: scale as f32, zero_point: zero_point as i8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bell and one number far outside.
    fn bell() -> Histogram {
        let mut histogram = Histogram::new(-1.25, 40.0);
        for index in 0..2_000_000 {
            let uniform = |step: usize| ((index * step) % 1009) as f32 / 1009.0 - 0.5;
            histogram.add(uniform(7) + uniform(31) + uniform(101) * 0.5);
        }
        histogram.add(40.0);
        histogram
    }

    #[test]
    fn zero_is_always_a_number() {
        for (low, high) in [(0.0, 5.0), (-3.0, 0.0), (1.0, 2.0), (-0.013, 77.0), (0.0, 0.0)] {
            let quantization = covering(low, high);
            assert_eq!(quantization.dequantize(quantization.zero_point), 0.0);
            assert!(quantization.is_valid());
            let step = f64::from(quantization.scale);
            assert!((f64::from(quantization.dequantize(quantization.quantize(high as f32))) - high).abs() <= step);
        }
    }

    #[test]
    fn outliers_are_cut_unless_all_is_kept() {
        let histogram = bell();
        let scale = |calibration| histogram.quantization(calibration).scale;
        assert!((scale(Calibration::MinMax) - 41.25 / 255.0).abs() < 1e-4);
        assert!(scale(Calibration::Percentile) < 3.0 / 255.0);
        assert!(scale(Calibration::MeanSquaredError) < scale(Calibration::MinMax) / 2.0);
    }
}
