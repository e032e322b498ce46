use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, Op, Padding, ValueId};

use super::{Cost, EightBits, Mode, Scope};
use crate::ops::{self, Activation, Conv2dOptions};

/// What makes a map half as large and learns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReductionConfig {
    /// Largest number of each channel in a window.
    MaxPool {
        /// Side of the window.
        kernel: usize,
    },
    /// Mean of each channel in a window, weighed as binomial coefficients; beyond the border are zeros.
    Blur {
        /// Side of the window.
        kernel: usize,
    },
}

/// A window that goes by two.
pub struct Reduction {
    name: String,
    config: ReductionConfig,
    /// `[channels, kernel, kernel, 1]` of a blur.
    filters: Option<Tensor>,
    /// What follows a blur. The largest numbers are those of before.
    result: EightBits,
}

/// The step in both directions.
const STRIDE: usize = 2;

impl ReductionConfig {
    fn kernel(self) -> usize {
        match self {
            Self::MaxPool { kernel } | Self::Blur { kernel } => kernel,
        }
    }

    /// Positions beyond each border: as many on either side, so that the window lies symmetrically on maps of its parity.
    fn padding(self) -> usize {
        (self.kernel() - 1) / 2
    }

    /// Side of what it makes of a square map.
    pub fn side_of_result(self, side: usize) -> usize {
        (side + 2 * self.padding() - self.kernel()) / STRIDE + 1
    }

    /// What it costs on a square map.
    pub fn cost(self, side: usize, channels: usize) -> Cost {
        match self {
            Self::MaxPool { .. } => Cost::default(),
            Self::Blur { kernel } => {
                let products = (self.side_of_result(side) * kernel).pow(2) * channels;
                Cost { weights: 0, multiplications: products as u64 }
            }
        }
    }

    /// What its node is called after a layer.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxPool { .. } => "max_pool",
            Self::Blur { .. } => "blur",
        }
    }

    /// Makes the layer, whose node has that name.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn init(self, name: String, channels: usize, scope: &mut Scope) -> Result<Reduction> {
        let (filters, result) = match self {
            Self::MaxPool { .. } => (None, EightBits::off()),
            Self::Blur { kernel } => {
                let result = EightBits::of(&name, &mut scope.child(self.name()))?;
                let filters = binomial_filters(kernel, channels, scope)?;
                (Some(if result.is_on() { ops::fake_quantize_filters(&filters)? } else { filters }), result)
            }
        };
        Ok(Reduction { name, config: self, filters, result })
    }
}

/// For each channel the products of binomial coefficients, which add up to 1: `[channels, side, side, 1]`.
fn binomial_filters(side: usize, channels: usize, scope: &Scope) -> Result<Tensor> {
    let coefficients = (1..side).fold(vec![1.0f32], |row, _| {
        let shifted = std::iter::once(&0.0).chain(&row);
        row.iter().chain([&0.0]).zip(shifted).map(|(a, b)| a + b).collect()
    });
    let sum: f32 = coefficients.iter().sum();
    let filter = coefficients.iter().flat_map(|a| coefficients.iter().map(move |b| a * b / (sum * sum)));
    Tensor::from_vec(filter.collect::<Vec<_>>().repeat(channels), (channels, side, side, 1), scope.device())
}

impl Reduction {
    /// # Shapes
    /// `[n, h, w, c]` to `[n, ceil(h / 2), ceil(w / 2), c]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let (kernel, padding) = (self.config.kernel(), self.config.padding());
        let Some(filters) = &self.filters else {
            return ops::max_pool2d(x, [kernel; 2], [STRIDE; 2], [padding; 2]);
        };
        let options = Conv2dOptions { stride: [STRIDE; 2], padding: [padding; 2], groups: filters.dim(0)? };
        self.result.follow(&ops::conv2d(x, filters, options)?, Activation::Identity, mode)
    }

    /// Appends the operator.
    ///
    /// # Errors
    /// When the value does not fit.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let (kernel, zeros) = (self.config.kernel() as u16, self.config.padding() as u16);
        let padding = Padding { top: zeros, left: zeros, bottom: zeros, right: zeros };
        let stride = [STRIDE as u16; 2];
        let Some(filters) = &self.filters else {
            return Ok(graph.node(&self.name, Op::MaxPool2d { kernel: [kernel; 2], stride, padding }, &[x])?);
        };
        let channels = filters.dim(0)?;
        let numbers = filters.flatten_all()?.to_vec1()?;
        let weight = graph.weight(&format!("{}.weight", self.name), filters.dims(), numbers)?;
        let bias = graph.weight(&format!("{}.bias", self.name), &[channels], vec![0.0; channels])?;
        let (groups, activation) = (channels as u32, graph::Activation::Identity);
        Ok(graph.node(&self.name, Op::Conv2d { weight, bias, stride, padding, groups, activation }, &[x])?)
    }
}
