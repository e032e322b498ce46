use candle_core::{Result, Tensor, Var};
use sextant_runtime::calibration::{Calibration, Images, Observer};
use sextant_runtime::graph::{Graph, Quantization};

use super::{EightBitValue, Mode, Scope};
use crate::ops::{self, Activation};

/// What follows an operator: its activation and, in a network that is trained for eight bits, rounding to the numbers
/// that its value is deployed with. It rounds in training only; in evaluation the network is the one of `model.sxt`.
pub struct EightBits {
    /// Scale and zero point, `[2]`; `None` where nothing is rounded.
    numbers: Option<Var>,
}

impl EightBits {
    /// For the value of a node of the lowered graph, whose numbers are a buffer of the scope; without rounding where the
    /// scope is not [for eight bits](Scope::for_eight_bits).
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn of(node: &str, scope: &mut Scope) -> Result<Self> {
        let numbers = scope.is_for_eight_bits().then(|| scope.eight_bit_numbers(node)).transpose()?;
        Ok(Self { numbers })
    }

    /// Never rounds.
    pub fn off() -> Self {
        Self { numbers: None }
    }

    /// Whether values are rounded in training.
    pub fn is_on(&self) -> bool {
        self.numbers.is_some()
    }

    /// `activation(x)`, rounded while training.
    ///
    /// # Errors
    /// When `x` is not single-precision numbers in main memory.
    pub fn follow(&self, x: &Tensor, activation: Activation, mode: Mode) -> Result<Tensor> {
        match (self.quantization(mode)?, activation) {
            (Some(quantization), _) => ops::fake_quantize(x, activation, quantization),
            (None, Activation::Relu) => ops::relu(x),
            (None, Activation::Identity) => Ok(x.clone()),
        }
    }

    /// `activation(x + residual)`, rounded while training.
    ///
    /// # Errors
    /// As [`Self::follow`], and when shapes differ.
    pub fn follow_sum(&self, x: &Tensor, residual: &Tensor, activation: Activation, mode: Mode) -> Result<Tensor> {
        match self.quantization(mode)? {
            Some(quantization) => ops::fake_quantize_sum(x, residual, activation, quantization),
            None => self.follow(&(x + residual)?, activation, mode),
        }
    }

    /// The numbers, while training.
    fn quantization(&self, mode: Mode) -> Result<Option<Quantization>> {
        let Some(numbers) = self.numbers.as_ref().filter(|_| mode == Mode::Train) else { return Ok(None) };
        let [scale, zero_point] = numbers.to_vec1::<f32>()?[..] else { candle_core::bail!("a scale and a zero point") };
        Ok(Some(Quantization { scale, zero_point: zero_point as i8 }))
    }
}

/// Chooses the numbers of values as the quantiser does for the lowered network on the same images.
///
/// # Errors
/// When the network does not make a value, or the images do not fit it.
pub fn calibrate(values: &[EightBitValue], graph: &Graph, images: Images<'_>) -> anyhow::Result<()> {
    let observer = Observer::watch(graph, images, Calibration::MeanSquaredError)?;
    for EightBitValue { node: name, numbers, .. } in values {
        let Some(node) = graph.nodes.iter().find(|node| node.name == *name) else {
            anyhow::bail!("the network has no node '{name}' to train for eight bits")
        };
        let Quantization { scale, zero_point } = observer.quantization(node.output);
        numbers.set(&Tensor::new(&[scale, f32::from(zero_point)], numbers.device())?)?;
    }
    Ok(())
}
