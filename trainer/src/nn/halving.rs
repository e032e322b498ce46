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

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Tensor};

    use super::*;
    use crate::nn::{Mode, ParameterStore};
    use crate::ops;

    /// A quarter turn of square maps.
    fn turned(maps: &Tensor) -> Tensor {
        maps.transpose(1, 2).unwrap().contiguous().unwrap().flip(&[1]).unwrap()
    }

    /// Largest difference between the halved map of a turned map and the turned halved map.
    fn error(halving: Halving, side: usize) -> f32 {
        let mut store = ParameterStore::new(2, &Device::Cpu);
        let scope = &mut store.root();
        // Of one number in each place of the window, so that only where it lies can break the symmetry.
        let config = halving.convolution(ConvNormConfig::new(4, 4, 3));
        let filters = Tensor::ones((4, config.kernel, config.kernel, 4), DType::F32, &Device::Cpu).unwrap();
        let reduction = halving.reduction().map(|config| config.init("reduction".into(), 4, scope).unwrap());
        let halved = |maps: &Tensor| {
            let options = ops::Conv2dOptions { stride: [config.stride; 2], padding: [config.padding; 2], groups: 1 };
            let y = ops::conv2d(maps, &filters, options).unwrap();
            reduction.as_ref().map_or_else(|| y.clone(), |reduction| reduction.forward(&y, Mode::Evaluate).unwrap())
        };
        let waves: Vec<f32> = (0..side * side * 4).map(|at| (at as f32 * 0.9).sin()).collect();
        let maps = Tensor::from_vec(waves, (1, side, side, 4), &Device::Cpu).unwrap();
        let (of_turned, expected) = (halved(&turned(&maps)), turned(&halved(&maps)));
        assert_eq!(expected.dims(), [1, side.div_ceil(2), side.div_ceil(2), 4], "{halving:?} of {side}");
        (of_turned - expected).unwrap().abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn symmetric_windows_follow_turns_on_even_and_odd_maps() {
        for (downsampling, side) in Downsampling::ALL.into_iter().flat_map(|kind| (1..=9).map(move |side| (kind, side)))
        {
            let error = error(Halving::Symmetric { downsampling, side }, side);
            assert!(error < 1e-4, "{downsampling:?} of {side}: {error}");
        }
        for side in [5, 6] {
            let error = error(Halving::OddWindow, side);
            assert_eq!(error < 1e-4, side == 5, "{side}: {error}");
        }
    }

    #[test]
    fn a_blur_leaves_what_is_the_same_everywhere() {
        for side in [8, 9] {
            let halving = Halving::Symmetric { downsampling: Downsampling::AntiAliased, side };
            let reduction = halving.reduction().unwrap();
            let mut store = ParameterStore::new(2, &Device::Cpu);
            let layer = reduction.init("blur".into(), 2, &mut store.root()).unwrap();
            let maps = Tensor::ones((1, side, side, 2), DType::F32, &Device::Cpu).unwrap();
            let blurred = layer.forward(&maps, Mode::Evaluate).unwrap();
            // Away from the border, beyond which are zeros.
            let centre = blurred.get(0).unwrap().get(2).unwrap().get(2).unwrap().to_vec1::<f32>().unwrap();
            assert!(centre.iter().all(|number| (number - 1.0).abs() < 1e-6), "{centre:?}");
        }
    }

    #[test]
    fn names_are_those_of_configurations() {
        for (name, downsampling) in Downsampling::NAMES.into_iter().zip(Downsampling::ALL) {
            assert_eq!(Downsampling::named(name), Some(downsampling));
        }
        assert_eq!(Downsampling::named("nearest"), None);
    }
}
