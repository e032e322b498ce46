use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::contract::metadata::{NAME, PRECISION};
use sextant_runtime::contract::run_folder::IMAGES_TENSOR;
use sextant_runtime::graph::Graph;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{self, MAGIC};

use crate::budget::{Budget, BudgetReport};
use crate::error::write_again;
use crate::golden::Golden;
use crate::quantize::{Drift, Images, LayerReport, QuantizeError, Quantizer, Requirements, of_images};
use crate::run_folder::RunFolder;
use crate::stripes;
use crate::{Error, PendingFiles, destination, model_file};

/// Writes a run's model as `.sxt`, as it is or quantised.
#[derive(Clone, Copy, Debug, Default)]
pub struct SxtExport {
    /// How to quantise; `None` keeps float32.
    pub quantizer: Option<Quantizer>,
    /// What the model may take; nothing is written when it takes more. The first layers of an int8 model are computed in
    /// stripes where its memory asks for it.
    pub budget: Option<Budget>,
    /// Whether all filters of an equivariant network are stored, and not its base filters alone. It answers the same.
    pub expand_filters: bool,
    /// Whether a file that is not ours may be replaced.
    pub overwrite: bool,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct SxtReport {
    /// The file.
    #[serde(flatten, serialize_with = "crate::json_path::path")]
    pub path: PathBuf,
    /// Whether it was written: only when the model fits the budget.
    pub written: bool,
    /// Its size.
    pub size_bytes: usize,
    /// The size of the run's own model.
    pub float_size_bytes: usize,
    /// Memory that running `encode` takes.
    pub arena_bytes: usize,
    /// The same of the run's own model.
    pub float_arena_bytes: usize,
    /// What the model takes, if a budget was given.
    pub budget: Option<BudgetReport>,
    /// What quantising cost, if it was asked for.
    pub quantization: Option<QuantizationReport>,
}

/// What quantising cost.
#[derive(Clone, Debug, Serialize)]
pub struct QuantizationReport {
    /// Images that ranges were taken from.
    pub calibration_images: usize,
    /// Golden images that the loss was measured on.
    pub test_images: usize,
    /// Whether channels were balanced between layers.
    pub equalized: bool,
    /// Against the float32 model's outputs on the golden images.
    pub drift: Drift,
    /// What speaks against the result, in words: too much is lost, calibration images say little, scales were widened.
    pub warnings: Vec<String>,
    /// One row per layer.
    pub layers: Vec<LayerReport>,
}

impl SxtExport {
    /// Writes the model to `out`.
    ///
    /// # Errors
    /// When a file of the run is missing or broken, or `out` cannot be written. Nothing is left at `out` then but what
    /// was there before.
    pub fn write(&self, run: &RunFolder, out: &Path) -> Result<SxtReport, Error> {
        let (report, files) = self.prepare(run, out)?;
        files.write()?;
        Ok(report)
    }

    /// As [`Self::write`], but nothing is written before [`PendingFiles::write`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, run: &RunFolder, out: &Path) -> Result<(SxtReport, PendingFiles), Error> {
        destination::check(out, self.overwrite, &MAGIC)?;
        let path = run.model_path();
        let float_bytes = model_file::read(&path)?;
        let model = model_file::parse(&path, &float_bytes)?;
        let mut graphs: Vec<Graph> = model.graphs().map(|graph| graph.to_graph()).collect();
        let mut metadata: BTreeMap<String, String> = model_file::metadata(&model).into_iter().collect();
        let mut quantization = None;
        if let Some(quantizer) = self.quantizer {
            let (encode, report, _) = quantize(run, &quantizer, &model_file::graph(&path, &model, ENCODE)?)?;
            graphs.iter_mut().filter(|graph| graph.name == ENCODE).for_each(|graph| *graph = encode.clone());
            metadata.insert(PRECISION.to_string(), "int8".to_string());
            quantization = Some(report);
        }
        if self.expand_filters {
            if !graphs.iter().any(Graph::has_base_filters) {
                let reason = "stores all filters already";
                return Err(Error::invalid(&path, reason, "leave --expand-filters out"));
            }
            graphs.iter_mut().for_each(|graph| *graph = graph.with_expanded_filters());
        }
        let arena = |graph: Option<model::GraphView<'_>>| graph.map_or(0, |graph| graph.arena_bytes());
        let float_arena_bytes = arena(model.graph(ENCODE));
        let refused = |error: model::WriteError| Error::invalid(&path, error.to_string(), write_again());
        let with_encode = |encode: &Graph| {
            let is_encode = |graph: &Graph| graph.name == encode.name;
            let graphs = graphs.iter().map(|graph| if is_encode(graph) { encode.clone() } else { graph.clone() });
            model::write(&metadata, &graphs.collect::<Vec<_>>()).map_err(refused)
        };
        let encode = graphs.iter().find(|graph| graph.name == ENCODE);
        let (bytes, budget) = match self.budget.zip(encode) {
            Some((budget, encode)) => {
                let (bytes, report) = stripes::fit(out, encode, budget, &with_encode)?;
                (bytes, Some(report))
            }
            None => (model::write(&metadata, &graphs).map_err(refused)?, None),
        };
        let written = budget.as_ref().is_none_or(|report| report.failure_message().is_none());
        let mut files = PendingFiles::default();
        if written {
            files.add(out, bytes.clone());
        }
        let aligned = AlignedVec::copy_of(&bytes);
        let arena_bytes = arena(model_file::parse(out, &aligned)?.graph(ENCODE));
        let report = SxtReport {
            path: out.to_path_buf(),
            written,
            size_bytes: bytes.len(),
            float_size_bytes: float_bytes.len(),
            arena_bytes,
            float_arena_bytes,
            budget,
            quantization,
        };
        Ok((report, files))
    }
}

/// The graph `encode` of a run in eight bits.
pub(crate) struct Int8Encode {
    /// The model's name.
    pub name: String,
    /// A model file with that graph alone.
    pub file: Vec<u8>,
    /// What the file takes, if a budget was given.
    pub budget: Option<BudgetReport>,
    pub report: QuantizationReport,
    pub golden: Golden,
}

/// Quantises what a device needs to look at an image, with its first layers in stripes where a budget asks for it.
///
/// # Errors
/// When a file of the run is missing or broken.
pub(crate) fn int8_encode(run: &RunFolder, quantizer: &Quantizer, budget: Option<Budget>) -> Result<Int8Encode, Error> {
    let path = run.model_path();
    let bytes = model_file::read(&path)?;
    let model = model_file::parse(&path, &bytes)?;
    let mut metadata: BTreeMap<String, String> = model_file::metadata(&model).into_iter().collect();
    metadata.insert(PRECISION.to_string(), "int8".to_string());
    let (encode, report, golden) = quantize(run, quantizer, &model_file::graph(&path, &model, ENCODE)?)?;
    let refused = |error: model::WriteError| Error::invalid(&path, error.to_string(), write_again());
    let alone = |encode: &Graph| model::write(&metadata, std::slice::from_ref(encode)).map_err(refused);
    let (file, budget) = match budget {
        Some(budget) => {
            let (file, report) = stripes::fit(&path, &encode, budget, &alone)?;
            (file, Some(report))
        }
        None => (alone(&encode)?, None),
    };
    let name = metadata.get(NAME).cloned().unwrap_or_else(|| "model".to_string());
    Ok(Int8Encode { name, file, budget, report, golden })
}

fn quantize(
    run: &RunFolder,
    quantizer: &Quantizer,
    encode: &Graph,
) -> Result<(Graph, QuantizationReport, Golden), Error> {
    let path = run.calibration_path();
    let refused = |error: QuantizeError| Error::invalid(&path, error.to_string(), write_again());
    let outputs: Vec<(String, usize)> =
        encode.outputs.iter().map(|(name, id)| (name.clone(), encode.value(*id).shape.iter().product())).collect();
    let &[height, width, _] = encode.inputs.first().map_or(&[][..], |id| &encode.value(*id).shape) else {
        return Err(refused(QuantizeError::NoImage { graph: encode.name.clone() }));
    };
    let golden = Golden::read(&run.golden_path(), [height, width], &outputs)?;
    let (pixels, count) = calibration_images(&path, [height, width])?;
    let test = Images { pixels: &golden.images, count: golden.samples };
    let calibration = Images { pixels: &pixels, count };
    let quantized = quantizer.quantize(encode, calibration, test).map_err(refused)?;
    let mut warnings: Vec<String> = Requirements::default().complaint(&quantized.drift).into_iter().collect();
    let about = of_images(calibration).into_iter().chain(quantized.warnings);
    warnings.extend(about.map(|warning| format!("{}: {warning}", path.display())));
    let report = QuantizationReport {
        calibration_images: count,
        test_images: golden.samples,
        equalized: quantized.equalized,
        drift: quantized.drift,
        warnings,
        layers: quantized.layers,
    };
    Ok((quantized.graph, report, golden))
}

/// The images `u8 [n, height, width, 3]` of a calibration file, and how many they are.
fn calibration_images(path: &Path, [height, width]: [usize; 2]) -> Result<(Vec<u8>, usize), Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
    let refused = |reason: String| Error::invalid(path, reason, write_again());
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| refused(format!("is no safetensors file: {e}")))?;
    let images = tensors.tensor(IMAGES_TENSOR).map_err(|_| refused(format!("has no tensor named {IMAGES_TENSOR}")))?;
    match (images.dtype(), images.shape()) {
        (Dtype::U8, &[count, h, w, 3]) if count > 0 && [h, w] == [height, width] => Ok((images.data().to_vec(), count)),
        (dtype, shape) => Err(refused(format!(
            "images are {dtype} {shape:?}; the model takes u8 [n, {height}, {width}, 3] with n > 0"
        ))),
    }
}
