//! Choices for the graphs of property tests, so that failures shrink.

use alloc::vec::Vec;

use crate::tensor::{Activation, Quantization};

/// Numbers that decide; all zero once they are used up.
pub(crate) struct Choices(pub Vec<u32>);

impl Choices {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.pop().unwrap_or(0) as usize % bound.max(1)
    }

    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn activation(&mut self) -> Activation {
        let clamp = Activation::Clamp { low: -0.5, high: 1.25 };
        [Activation::Identity, Activation::Relu, Activation::Relu6, clamp][self.below(4)]
    }

    pub fn quantization(&mut self) -> Quantization {
        Quantization { scale: [0.01, 0.02, 0.5, 0.013][self.below(4)], zero_point: self.below(256) as u8 as i8 }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<i8> {
        let seed = self.below(1000);
        (0..count).map(|index| ((index * 7919 + seed * 104_729) % 251) as u8 as i8).collect()
    }

    pub fn numbers(&mut self, count: usize) -> Vec<f32> {
        let seed = self.below(1000);
        (0..count).map(|index| ((index * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
    }
}
