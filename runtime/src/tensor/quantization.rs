//! What eight-bit numbers stand for, and the fixed-point arithmetic that every target repeats bit for bit.
//!
//! All of it is integer arithmetic, and IEEE single precision where a scale is turned into a multiplier: the same bits
//! on a microcontroller without a floating-point unit as on a host. `docs/model-format.md` has the same definitions.

use super::Activation;

/// Scales outside of this range are refused, so that no quotient of two is infinite or subnormal.
const SCALE_RANGE: core::ops::RangeInclusive<f32> = 1e-9..=1e9;

/// What an int8 number `q` stands for: `scale * (q - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantization {
    /// Distance of two neighbouring numbers, in `[1e-9, 1e9]`.
    pub scale: f32,
    /// The number that stands for 0.
    pub zero_point: i8,
}

impl Quantization {
    /// Whether the scale is one that arithmetic can use.
    pub fn is_valid(&self) -> bool {
        SCALE_RANGE.contains(&self.scale)
    }

    /// `scale * (q - zero_point)`.
    ///
    /// # Example
    /// ```
    /// use sextant_runtime::graph::Quantization;
    /// let quantization = Quantization { scale: 0.5, zero_point: -3 };
    /// assert_eq!(quantization.dequantize(1), 2.0);
    /// assert_eq!(quantization.quantize(2.2), 1);
    /// assert_eq!(quantization.quantize(1e30), 127);
    /// ```
    #[inline]
    pub fn dequantize(&self, number: i8) -> f32 {
        (i32::from(number) - i32::from(self.zero_point)) as f32 * self.scale
    }

    /// The number nearest to `value`, halves upwards, within -128 to 127: `floor(value / scale + 1/2) + zero_point`.
    #[inline]
    pub fn quantize(&self, value: f32) -> i8 {
        let steps = round_half_up(value / self.scale);
        saturate(steps.saturating_add(i32::from(self.zero_point)))
    }

    /// The least and the largest number that an activation lets through.
    pub fn bounds(&self, activation: Activation) -> [i32; 2] {
        let [low, high] = match activation {
            Activation::Identity => [f32::NEG_INFINITY, f32::INFINITY],
            Activation::Relu => [0.0, f32::INFINITY],
            Activation::Relu6 => [0.0, 6.0],
            Activation::Clamp { low, high } => [low, high],
        };
        [low, high].map(|bound| i32::from(self.quantize(bound)))
    }
}

/// `floor(value + 1/2)`, saturated to 32 bits; 0 for what is not a number.
#[inline]
pub(crate) fn round_half_up(value: f32) -> i32 {
    let shifted = value + 0.5;
    let truncated = shifted as i32;
    if (truncated as f32) > shifted { truncated.saturating_sub(1) } else { truncated }
}

#[inline]
pub(crate) fn saturate(number: i32) -> i8 {
    number.clamp(-128, 127) as i8
}

/// From an accumulator of 32 bits to an output's scale: `h = (accumulator * multiplier + 2^31) >> 32`, then
/// `(h + 2^(shift - 1)) >> shift` (for `shift = 0`: `h`).
///
/// The first step is Arm's `SMMULR`. The multiplier stands for `scale * 2^(32 + shift)` and is in `[0, 2^31)`; the shift
/// is in `[0, 30]`.
#[inline(always)]
pub(crate) fn requantize(accumulator: i32, multiplier: i32, shift: u32) -> i32 {
    let high = ((i64::from(accumulator) * i64::from(multiplier) + (1 << 31)) >> 32) as i32;
    (high + ((1 << shift) >> 1)) >> shift
}

/// Largest shift of [`requantize`].
pub(crate) const MAX_SHIFT: u32 = 30;

/// A positive factor as an exact fraction: a float32's 24 bits over a power of two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    mantissa: i64,
    shift: u32,
}

impl Ratio {
    /// `None` unless the factor is between 2^-39 and 2^23.
    pub fn of(factor: f32) -> Option<Self> {
        let bits = factor.to_bits();
        // 1.fraction times 2^(exponent - 127) is (2^23 + fraction) over 2^(150 - exponent).
        let shift = 150u32.checked_sub(bits >> 23)?;
        let mantissa = i64::from((bits & 0x7F_FFFF) | 0x80_0000);
        (1..=62).contains(&shift).then_some(Self { mantissa, shift })
    }

    /// `number * factor`, rounded once, halves upwards.
    #[inline(always)]
    pub fn apply(self, number: i32) -> i32 {
        let product = i64::from(number) * self.mantissa;
        let rounded = (product + ((1i64 << self.shift) >> 1)) >> self.shift;
        rounded.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
    }
}

/// A sum of two numbers of different scales, in a third one:
/// `(a * multiplier_a + b * multiplier_b + offset) >> shift`, plus the zero point.
///
/// `shift` is chosen so that the larger multiplier has 21 bits: nothing is beyond 32 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Blend {
    pub multipliers: [i32; 2],
    pub offset: i32,
    pub shift: u32,
    pub zero_point: i32,
}

impl Blend {
    /// `None` when a scale is more than 2^20 times the result's.
    pub fn of(inputs: [Quantization; 2], output: Quantization) -> Option<Self> {
        let factors = inputs.map(|input| input.scale / output.scale);
        let largest = factors[0].max(factors[1]);
        let exponent = (largest.to_bits() >> 23) as i32 - 127;
        let shift = u32::try_from((20 - exponent).min(30)).ok().filter(|shift| *shift > 0)?;
        let multipliers = factors.map(|factor| round_half_up(factor * (1u32 << shift) as f32));
        let [za, zb] = inputs.map(|input| i32::from(input.zero_point));
        let offset = ((1 << shift) >> 1) - za * multipliers[0] - zb * multipliers[1];
        Some(Self { multipliers, offset, shift, zero_point: output.zero_point.into() })
    }

    /// The same of the second number and the first.
    pub fn swapped(self) -> Self {
        let [first, second] = self.multipliers;
        Self { multipliers: [second, first], ..self }
    }

    /// The sum, not yet saturated.
    #[inline(always)]
    pub fn apply(&self, a: i8, b: i8) -> i32 {
        let [ma, mb] = self.multipliers;
        let sum = (i32::from(a).wrapping_mul(ma)).wrapping_add(i32::from(b).wrapping_mul(mb));
        (sum.wrapping_add(self.offset) >> self.shift).wrapping_add(self.zero_point)
    }
}

/// One number in another scale: `((q - zero_point) * multiplier + 2^(shift - 1)) >> shift`, as [`Blend`] with nothing.
pub(crate) fn rescale(input: Quantization, output: Quantization) -> Option<Blend> {
    let nothing = Quantization { scale: output.scale * 1e-9, zero_point: 0 };
    Blend::of([input, nothing], output).map(|blend| Blend { multipliers: [blend.multipliers[0], 0], ..blend })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requantizing_rounds_halves_upwards_twice() {
        // A multiplier of 2^30 is a quarter of 2^32.
        for (accumulator, shift, expected) in [
            (8, 0, 2),
            (6, 0, 2),
            (-6, 0, -1),
            (5, 0, 1),
            (-7, 0, -2),
            (8, 1, 1),
            (4, 1, 1),
            (-4, 1, 0),
            (i32::MAX, 0, 1 << 29),
        ] {
            assert_eq!(requantize(accumulator, 1 << 30, shift), expected, "{accumulator} >> {shift}");
        }
        assert_eq!(requantize(i32::MIN, i32::MAX, 0), -(1 << 30) + 1);
        assert_eq!(requantize(i32::MAX, i32::MAX, 30), 1);
    }

    #[test]
    fn ratios_are_exact() {
        for factor in [1.0f32, 0.5, 0.1, 3.7, 1e-6, 1000.0, 0.333_333_34] {
            let ratio = Ratio::of(factor).unwrap();
            for number in [-70_000, -255, -1, 0, 1, 2, 3, 100, 65_025] {
                let exact = f64::from(number) * f64::from(factor);
                assert_eq!(f64::from(ratio.apply(number)), (exact + 0.5).floor(), "{number} * {factor}");
            }
        }
        assert_eq!(Ratio::of(0.0), None);
        assert_eq!(Ratio::of(-1.0), None);
        assert_eq!(Ratio::of(f32::INFINITY), None);
    }

    #[test]
    fn sums_are_within_half_a_step_and_the_multipliers_rounding() {
        let steps = [1e-3f32, 0.017, 0.5, 1.0, 2.3, 40.0];
        let count = steps.len();
        for index in 0..count * count * count {
            let [sa, sb, so] = [index / count / count, index / count % count, index % count].map(|i| steps[i]);
            let inputs = [Quantization { scale: sa, zero_point: -128 }, Quantization { scale: sb, zero_point: 17 }];
            let output = Quantization { scale: so, zero_point: 3 };
            let blend = Blend::of(inputs, output).unwrap();
            for (a, b) in [(-128i8, -128i8), (127, 127), (0, 0), (5, -90), (-128, 127)] {
                let real =
                    (f64::from(inputs[0].dequantize(a)) + f64::from(inputs[1].dequantize(b))) / f64::from(so) + 3.0;
                let found = f64::from(blend.apply(a, b));
                // Each multiplier is off by half a unit at most.
                let tolerance = 0.501 + 255.0 / f64::from(1u32 << blend.shift);
                assert!((found - real).abs() <= tolerance, "{a} {b} {sa} {sb} {so}: {found} for {real}");
            }
        }
    }

    #[test]
    fn numbers_come_back_within_half_a_step() {
        for scale in [1e-6f32, 0.013, 1.0, 55.0] {
            let quantization = Quantization { scale, zero_point: 40 };
            for number in -128..=127i8 {
                assert_eq!(quantization.quantize(quantization.dequantize(number)), number);
            }
            for step in -160..=80 {
                let value = (step as f32 + 0.3) * scale;
                let back = quantization.dequantize(quantization.quantize(value));
                assert!((back - value).abs() <= 0.500_01 * scale, "{value}: {back}");
            }
        }
    }

    #[test]
    fn activations_are_bounds() {
        let quantization = Quantization { scale: 0.1, zero_point: -100 };
        assert_eq!(quantization.bounds(Activation::Identity), [-128, 127]);
        assert_eq!(quantization.bounds(Activation::Relu), [-100, 127]);
        assert_eq!(quantization.bounds(Activation::Relu6), [-100, -40]);
        assert_eq!(quantization.bounds(Activation::Clamp { low: -1.0, high: 1.0 }), [-110, -90]);
    }
}
