//! How far two engines' answers may be from each other: a ladder of named tolerances.

use std::fmt;

use serde::{Serialize, Serializer};

/// What is allowed between two lists of numbers that should be the same.
///
/// Two numbers that are equal never differ: 0 equals -0, NaN equals NaN, infinity equals infinity. A number that is not finite
/// differs from every other one by infinity.
///
/// # Example
/// ```
/// use sextant_export::Tolerance;
///
/// let (expected, computed) = ([1.0, 100.0], [1.0, 100.001]);
/// assert!(Tolerance::Close.accepts(&expected, &computed));
/// assert!(!Tolerance::Exact.accepts(&expected, &computed));
/// assert!(Tolerance::Ulp(2).accepts(&[1.0], &[1.0 + f32::EPSILON]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// The same numbers.
    Exact,
    /// At most this many float32 numbers from one to the other.
    Ulp(u32),
    /// 1e-4 for numbers up to 1, and in proportion to the largest of larger ones: engines add in different orders.
    Close,
    /// 1e-2 in the same way: an engine computes with fewer bits, or with approximate functions.
    Approximate,
    /// At most this many steps of quantisation, a step being `scale`: engines round halves differently.
    Steps {
        /// How many.
        count: u32,
        /// Distance of two neighbouring int8 numbers.
        scale: f32,
    },
}

/// Of [`Tolerance::Close`], at unit scale.
pub const CLOSE: f32 = 1e-4;
/// Of [`Tolerance::Approximate`], at unit scale.
const APPROXIMATE: f32 = 1e-2;

impl Tolerance {
    /// Whether the numbers differ by no more than is allowed.
    pub fn accepts(self, expected: &[f32], computed: &[f32]) -> bool {
        self.difference(expected, computed) <= self.allowed(expected)
    }

    /// The largest difference, in float32 numbers for [`Self::Ulp`], in steps for [`Self::Steps`], else as it is. Infinite when
    /// there are not as many numbers.
    pub fn difference(self, expected: &[f32], computed: &[f32]) -> f32 {
        if expected.len() != computed.len() {
            return f32::INFINITY;
        }
        expected.iter().zip(computed).map(|(a, b)| self.between(*a, *b)).fold(0.0, f32::max)
    }

    /// What the difference may be to numbers of this size.
    pub fn allowed(self, expected: &[f32]) -> f32 {
        let largest = || expected.iter().filter(|v| v.is_finite()).fold(1.0f32, |largest, v| largest.max(v.abs()));
        match self {
            Self::Exact => 0.0,
            Self::Ulp(count) | Self::Steps { count, .. } => count as f32,
            Self::Close => CLOSE * largest(),
            Self::Approximate => APPROXIMATE * largest(),
        }
    }

    fn between(self, a: f32, b: f32) -> f32 {
        if a == b || (a.is_nan() && b.is_nan()) {
            return 0.0;
        }
        if !(a.is_finite() && b.is_finite()) {
            return f32::INFINITY;
        }
        match self {
            Self::Ulp(_) => (place(a) - place(b)).unsigned_abs() as f32,
            // Both are multiples of the scale, so what is not whole is rounding of float32.
            Self::Steps { scale, .. } => ((a - b) / scale).round().abs(),
            _ => (a - b).abs(),
        }
    }
}

/// The place of a finite number among all float32 numbers; both zeros are at 0.
fn place(value: f32) -> i64 {
    let magnitude = i64::from(value.to_bits() & 0x7FFF_FFFF);
    if value.is_sign_negative() { -magnitude } else { magnitude }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Ulp(count) => write!(f, "{count} ulp"),
            Self::Close => f.write_str("close"),
            Self::Approximate => f.write_str("approximate"),
            Self::Steps { count: 1, .. } => f.write_str("1 step"),
            Self::Steps { count, .. } => write!(f, "{count} steps"),
        }
    }
}

/// As it prints.
impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Tolerance = Tolerance::Steps { count: 1, scale: 0.1 };

    #[test]
    fn each_rung_takes_what_it_says() {
        let next = 1.0 + f32::EPSILON;
        for (tolerance, expected, computed, accepted) in [
            (Tolerance::Exact, 1.0, 1.0, true),
            (Tolerance::Exact, 0.0, -0.0, true),
            (Tolerance::Exact, 1.0, next, false),
            (Tolerance::Exact, f32::NAN, f32::NAN, true),
            (Tolerance::Exact, f32::INFINITY, f32::INFINITY, true),
            (Tolerance::Ulp(1), 1.0, next, true),
            (Tolerance::Ulp(1), next, 1.0 - f32::EPSILON, false),
            (Tolerance::Ulp(2), f32::from_bits(1), -f32::from_bits(1), true),
            (Tolerance::Ulp(1), f32::from_bits(1), -f32::from_bits(1), false),
            (Tolerance::Ulp(u32::MAX), 1.0, f32::NAN, false),
            (Tolerance::Close, 0.0, 9e-5, true),
            (Tolerance::Close, 0.0, 2e-4, false),
            (Tolerance::Close, 100.0, 100.005, true),
            (Tolerance::Close, 1.0, f32::NAN, false),
            (Tolerance::Close, f32::INFINITY, f32::MAX, false),
            (Tolerance::Approximate, 1.0, 1.009, true),
            (Tolerance::Approximate, 1.0, 1.02, false),
            (STEP, 0.1, 0.2, true),
            (STEP, 0.1, 0.3, false),
            (STEP, 0.1, f32::NAN, false),
        ] {
            assert_eq!(tolerance.accepts(&[expected], &[computed]), accepted, "{tolerance}: {expected} {computed}");
        }
    }

    #[test]
    fn another_number_of_numbers_is_no_answer() {
        assert_eq!(Tolerance::Approximate.difference(&[0.0, 0.0], &[0.0]), f32::INFINITY);
        // The largest number says how far all of them may be.
        assert!(Tolerance::Close.accepts(&[0.0, 1000.0], &[0.05, 1000.0]));
        assert_eq!(Tolerance::Close.allowed(&[f32::INFINITY, -2.0]), 2e-4);
    }
}
