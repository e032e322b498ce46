use std::str::FromStr;
use std::time::{Duration, Instant};

use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

use crate::ops::kernels::conv2d::{Conv2dShape, conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient};
use crate::ops::kernels::filter_copies::FilterCopies;
use crate::ops::kernels::unwritten::filled;

/// A convolution of square maps with padding `kernel / 2`, written `SIZE,IN,OUT,KERNEL,STRIDE,GROUPS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Rows and columns of the input.
    pub size: usize,
    /// Channels in and out.
    pub channels: [usize; 2],
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Channel groups.
    pub groups: usize,
}

impl FromStr for Layer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<usize>, _> = text.split(',').map(|part| part.trim().parse::<usize>()).collect();
        let Ok(&[size, channels_in, channels_out, kernel, stride, groups]) = numbers.as_deref() else {
            return Err("expected six numbers SIZE,IN,OUT,KERNEL,STRIDE,GROUPS".into());
        };
        let all = [size, channels_in, channels_out, kernel, stride, groups];
        if all.contains(&0) || all.iter().any(|&n| n > 1 << 12) {
            return Err("each number is from 1 to 4096".into());
        }
        if !channels_in.is_multiple_of(groups) || !channels_out.is_multiple_of(groups) {
            return Err(format!("{groups} groups do not divide {channels_in} and {channels_out} channels"));
        }
        Ok(Self { size, channels: [channels_in, channels_out], kernel, stride, groups })
    }
}

/// One convolution, forward and backward, as the operator runs it.
pub struct LayerBench {
    shape: Conv2dShape,
    /// Of which filters the others are copies; all are free without.
    copies: Option<FilterCopies>,
    input: Vec<f32>,
    /// The free filters.
    weight: Vec<f32>,
    gradient: Vec<f32>,
}

/// Numbers in [-0.5, 0.5].
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1009) as f32 / 1008.0 - 0.5).collect()
}

impl LayerBench {
    /// The layer on a number of maps, which are over a group.
    ///
    /// # Errors
    /// When the window is larger than the padded map, or the channels are no whole fields of the group.
    pub fn new(layer: Layer, over: PlaneGroup, images: usize) -> anyhow::Result<Self> {
        let Layer { size, channels, kernel, stride, groups } = layer;
        let shape = Conv2dShape {
            images,
            height: size,
            width: size,
            input_channels: channels[0],
            output_channels: channels[1],
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            groups,
        };
        if images == 0 || shape.output_size().is_none() {
            anyhow::bail!("no window of {kernel} fits into {images} maps of {size} px");
        }
        let expansion = FilterExpansion { group: over, reads: Fibre::Regular };
        let filters = [channels[1], kernel, kernel, channels[0] / groups];
        let is_over_group = over != PlaneGroup::Identity;
        if is_over_group && (groups > 1 || !expansion.fits(filters)) {
            anyhow::bail!("{channels:?} channels in {groups} groups are no whole fields of {}", over.order());
        }
        let copies = is_over_group.then(|| FilterCopies::new(expansion, filters));
        let (input, weight) = (numbers(shape.input_len()), numbers(shape.weight_len() / over.order()));
        Ok(Self { shape, copies, input, weight, gradient: numbers(shape.output_len()) })
    }

    /// Runs the forward pass and both gradients some times, with fresh results as in training; the time of each.
    pub fn run(&mut self, passes: usize) -> Vec<Duration> {
        (0..passes).map(|_| self.pass()).collect()
    }

    fn pass(&self) -> Duration {
        let start = Instant::now();
        let shape = &self.shape;
        let expanded = self.copies.as_ref().map(|copies| copies.expand(&self.weight));
        let (x, weight, gradient) = (&self.input, expanded.as_ref().unwrap_or(&self.weight), &self.gradient);
        let output = filled(shape.output_len(), |y| conv2d_forward(shape, x, weight, y));
        let by_input = filled(shape.input_len(), |dx| conv2d_input_gradient(shape, weight, gradient, dx));
        let by_weight = filled(shape.weight_len(), |dw| conv2d_weight_gradient(shape, x, gradient, dw));
        let by_weight = match &self.copies {
            Some(copies) => copies.sum_over_copies(&by_weight),
            None => by_weight,
        };
        std::hint::black_box((output, by_input, by_weight));
        start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_read_and_misfits_are_told() {
        let layer: Layer = "16,64,128,1,2,1".parse().unwrap();
        assert_eq!(layer, Layer { size: 16, channels: [64, 128], kernel: 1, stride: 2, groups: 1 });
        for (text, expected) in [
            ("16,64,128", "six numbers"),
            ("16,64,128,1,2,x", "six numbers"),
            ("16,0,128,1,2,1", "from 1"),
            ("16,64,128,1,2,3", "3 groups"),
        ] {
            let message = text.parse::<Layer>().unwrap_err();
            assert!(message.contains(expected), "{text}: {message}");
        }
        for over in PlaneGroup::ALL {
            assert_eq!(LayerBench::new(layer, over, 2).unwrap().run(3).len(), 3);
        }
        assert!(LayerBench::new(layer, PlaneGroup::Identity, 0).is_err());
        let uneven = Layer { channels: [64, 66], ..layer };
        assert!(LayerBench::new(uneven, PlaneGroup::QuarterTurns, 2).is_err());
    }
}
