use std::iter::Sum;
use std::ops::Add;

/// What layers hold, and what they do with one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Numbers that are trained.
    pub weights: u64,
    /// Multiplications, each with an addition, of filters with a picture's maps.
    pub multiplications: u64,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let Self { weights, multiplications } = other;
        Self { weights: self.weights + weights, multiplications: self.multiplications + multiplications }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}
