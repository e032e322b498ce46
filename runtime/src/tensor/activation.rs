/// What a node applies to its result before it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(0, x)`.
    Relu,
    /// `min(6, max(0, x))`.
    Relu6,
    /// `min(high, max(low, x))`.
    Clamp {
        /// Least value, finite.
        low: f32,
        /// Largest value, finite, not below the least.
        high: f32,
    },
}

impl Activation {
    #[inline(never)]
    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::Clamp { low, high } => low.is_finite() && high.is_finite() && low <= high,
            _ => true,
        }
    }
}
