//! From a float32 graph to an int8 one that runs on integers alone up to its heads.
//!
//! Convolutions, hidden linear layers, sums, pools and what only moves numbers become int8. The last linear layer before
//! an output or a rotation stays float32: it is small, and its result needs more than eight bits.
//!
//! 1. `equalize` balances the channels between neighbouring layers (Nagel et al., "Data-free quantization through
//!    weight equalization and bias correction", ICCV 2019, section 4.1), if that makes the result better.
//! 2. `calibration::Observer` of the runtime runs calibration images through the float32 graph, and [`Calibration`] chooses each value's range.
//! 3. `lower` writes the int8 graph, correcting biases for what rounding does to the weights (section 4.2 there).

mod equalize;
mod loss;
mod lower;
mod reveal;
mod suspicion;
mod verdict;
mod weights;

#[cfg(test)]
mod tests;

pub(crate) use loss::Noise;
pub use loss::{Drift, LayerReport};
pub(crate) use reveal::{Revealed, reveal};
pub use sextant_runtime::calibration::{Calibration, Images};
pub(crate) use suspicion::of_images;
pub use verdict::Requirements;
pub(crate) use weights::Filters;

use sextant_runtime::calibration::{CalibrationError, LARGEST_WEIGHT, Observer, SymmetricScale};
use sextant_runtime::graph::{DataType, Graph, GraphError, Node, Op};

use equalize::equalize;
use lower::{Lowering, layers};

/// How to quantise.
#[derive(Clone, Copy, Debug)]
pub struct Quantizer {
    /// How the range of a value is chosen.
    pub calibration: Calibration,
    /// Whether biases are corrected.
    pub bias_correction: bool,
    /// Whether channels are balanced first; `None` tries both and keeps what drifts less, but leaves a network as it is
    /// whose filters eight bits hold already.
    pub equalization: Option<bool>,
    /// Whether weights get seven bits, -64 to 64: x86 without VNNI adds two products with activations in 16 bits.
    pub reduce_range: bool,
}

impl Default for Quantizer {
    fn default() -> Self {
        Self {
            calibration: Calibration::MeanSquaredError,
            bias_correction: true,
            equalization: None,
            reduce_range: false,
        }
    }
}

/// An int8 graph, and what it cost.
#[derive(Clone, Debug)]
pub struct Quantized {
    /// Under the name of the float32 graph, with its outputs.
    pub graph: Graph,
    /// Whether channels were balanced.
    pub equalized: bool,
    /// In the order in which they run.
    pub layers: Vec<LayerReport>,
    /// Of the outputs, over the test images.
    pub drift: Drift,
    /// Scales that are not what was chosen, in words.
    pub warnings: Vec<String>,
}

/// Why a graph cannot be quantised.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuantizeError {
    /// It does not take exactly one image.
    #[error("graph '{graph}' takes no image of bytes, so nothing can calibrate it")]
    NoImage {
        /// The graph.
        graph: String,
    },
    /// There is nothing to calibrate with.
    #[error("no images to calibrate with")]
    NoImages,
    /// The images are of another size than the graph's.
    #[error("the images have {found} bytes each, the graph takes {expected}")]
    ImageSize {
        /// The graph's.
        expected: usize,
        /// The images'.
        found: usize,
    },
    /// A node could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The engine refused a graph.
    #[error(transparent)]
    Engine(#[from] CalibrationError),
}

impl Quantizer {
    /// Quantises `graph` with the ranges that it has on the `calibration` images, and measures on the `test` images.
    ///
    /// # Errors
    /// When the graph does not take an image, or the images do not fit it.
    pub fn quantize(
        &self,
        graph: &Graph,
        calibration: Images<'_>,
        test: Images<'_>,
    ) -> Result<Quantized, QuantizeError> {
        check_images(graph, test)?;
        let (float, mut quantized) = self.lowered(graph, calibration)?;
        quantized.drift = loss::drift(graph, &quantized.graph, test)?;
        quantized.layers = self.layer_reports(&float, &quantized.graph, calibration, test)?;
        Ok(quantized)
    }

    /// Quantises as [`Self::quantize`] does, without the reports of the layers, which take most of the time; the drift is
    /// that over the calibration images.
    ///
    /// # Errors
    /// As there.
    pub fn quantize_only(&self, graph: &Graph, calibration: Images<'_>) -> Result<Quantized, QuantizeError> {
        self.lowered(graph, calibration).map(|(_, quantized)| quantized)
    }

    /// The graph that was quantised, balanced if that was better, and what came of it.
    fn lowered(&self, graph: &Graph, calibration: Images<'_>) -> Result<(Graph, Quantized), QuantizeError> {
        check_images(graph, calibration)?;
        let tries: &[bool] = match self.equalization {
            Some(true) => &[true],
            Some(false) => &[false],
            None if has_eight_bit_filters(graph) => &[false],
            None => &[false, true],
        };
        let mut best: Option<(Graph, Quantized)> = None;
        for &equalized in tries {
            let float = if equalized { equalize(graph) } else { graph.clone() };
            let observer = Observer::watch(&float, calibration, self.calibration)?;
            let quantized = self.lowering(&float, &observer).lower(&|_| true)?;
            let drift = loss::drift(graph, &quantized, calibration)?;
            let better =
                best.as_ref().is_none_or(|(_, other)| drift.signal_to_noise_db > other.drift.signal_to_noise_db);
            if better {
                let warnings = suspicion::of_scales(&float, &quantized, &observer);
                best = Some((float, Quantized { graph: quantized, equalized, layers: vec![], drift, warnings }));
            }
        }
        best.ok_or(QuantizeError::NoImages)
    }

    fn lowering<'g>(&self, float: &'g Graph, observer: &'g Observer) -> Lowering<'g> {
        let largest_weight = if self.reduce_range { 64 } else { LARGEST_WEIGHT };
        Lowering { float, observer, bias_correction: self.bias_correction, largest_weight }
    }

    /// What each layer costs: its own noise in the whole int8 graph, and the drift of a graph in which only it is int8.
    fn layer_reports(
        &self,
        float: &Graph,
        quantized: &Graph,
        calibration: Images<'_>,
        test: Images<'_>,
    ) -> Result<Vec<LayerReport>, QuantizeError> {
        let observer = Observer::watch(float, calibration, self.calibration)?;
        let lowering = self.lowering(float, &observer);
        let noise = loss::noise_by_value(float, quantized, test)?;
        let mut reports = vec![];
        for node in layers(float) {
            let alone = lowering.lower(&|other| other == node)?;
            let drift = loss::drift(float, &alone, test)?;
            let name = float.nodes[node].name.clone();
            let signal_to_noise_db = noise.iter().find(|(value, _)| *value == name).map(|(_, db)| *db);
            reports.push(LayerReport { name, signal_to_noise_db, rotation_drift_deg: drift.rotation_median_deg });
        }
        Ok(reports)
    }
}

/// Whether the network was trained for eight bits: they hold its filters, and balanced ones would be others.
fn has_eight_bit_filters(graph: &Graph) -> bool {
    let is_held = |node: &Node| {
        let Op::Conv2d { weight, .. } = node.op else { return true };
        let weight = graph.weight(weight);
        let taps = weight.shape[1..].iter().product::<usize>().max(1);
        weight.floats().chunks_exact(taps).all(|filter| SymmetricScale::of(filter, LARGEST_WEIGHT, 0.0).holds(filter))
    };
    graph.nodes.iter().all(is_held)
}

fn check_images(graph: &Graph, images: Images<'_>) -> Result<(), QuantizeError> {
    let expected = match graph.inputs.as_slice() {
        &[image] if graph.value(image).data_type == DataType::U8 => graph.value(image).shape.iter().product::<usize>(),
        _ => return Err(QuantizeError::NoImage { graph: graph.name.clone() }),
    };
    if images.count == 0 {
        return Err(QuantizeError::NoImages);
    }
    let found = images.pixels.len() / images.count;
    if found == expected { Ok(()) } else { Err(QuantizeError::ImageSize { expected, found }) }
}
