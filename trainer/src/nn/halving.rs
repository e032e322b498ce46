//! Steps by two.
//!
//! A window that goes by two follows quarter turns and mirror images where its places lie symmetrically on the map: where its
//! side is even on a map of even side, and odd on one of odd side.

use super::{ConvNormConfig, ReductionConfig};

/// How a network that follows motions makes its maps half as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downsampling {
    /// A convolution with stride 1, of which the largest numbers in windows of 2x2 or 3x3 stay.
    MaxPool,
    /// A convolution with stride 1, of which a binomial mean stays (Zhang 2019).
    AntiAliased,
    /// A convolution with stride 2 and a window that is symmetric to the grid, 4x4 in place of 3x3 on even maps: the cheapest.
    Strided,
}

impl Downsampling {
    /// Its names in configurations.
    pub const NAMES: [&str; 3] = ["max-pool", "anti-aliased", "strided"];
    const ALL: [Self; 3] = [Self::MaxPool, Self::AntiAliased, Self::Strided];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().position(|known| *known == name).map(|at| Self::ALL[at])
    }
}

/// How a layer makes a square map half as large, rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halving {
    /// By a convolution with stride 2 and an odd window. On a map of even side it begins in the corner, and does not end there:
    /// it follows no motion.
    OddWindow,
    /// In a way that follows quarter turns and mirror images.
    Symmetric {
        /// Which.
        downsampling: Downsampling,
        /// Side of the map that is made smaller.
        side: usize,
    },
}

impl Halving {
    /// A convolution with an odd window as it takes part in this.
    pub fn convolution(self, config: ConvNormConfig) -> ConvNormConfig {
        match self {
            Self::OddWindow => config.stride(2),
            Self::Symmetric { downsampling: Downsampling::Strided, side } => {
                let kernel = if side.is_multiple_of(2) { config.kernel + 1 } else { config.kernel };
                // The padding stays: a window of 4 begins where one of 3 did, and ends one further.
                ConvNormConfig { kernel, ..config.stride(2) }
            }
            Self::Symmetric { .. } => config,
        }
    }

    /// What makes the map smaller where no convolution does.
    pub fn reduction(self) -> Option<ReductionConfig> {
        let Self::Symmetric { downsampling, side } = self else { return None };
        let is_even = side.is_multiple_of(2);
        match downsampling {
            Downsampling::MaxPool => Some(ReductionConfig::MaxPool { kernel: if is_even { 2 } else { 3 } }),
            Downsampling::AntiAliased => Some(ReductionConfig::Blur { kernel: if is_even { 4 } else { 3 } }),
            Downsampling::Strided => None,
        }
    }
}
