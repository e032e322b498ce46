//! What is in a model file.

mod onnx_file;
mod sxt_file;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::contract::output;
use sextant_runtime::model::MAGIC;

use crate::Error;

/// What is in a model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// The file.
    #[serde(flatten, serialize_with = "crate::json_path::path")]
    pub path: PathBuf,
    /// `sxt` or `onnx`.
    pub format: &'static str,
    /// Versions of the format, by name.
    pub versions: BTreeMap<String, i64>,
    /// Size of the file.
    pub size_bytes: usize,
    /// Networks in the file.
    pub graphs: Vec<GraphSummary>,
    /// Keys and values; ours without their prefix in ONNX.
    pub metadata: BTreeMap<String, String>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GraphSummary {
    /// `encode` or `predict_latent` in our files.
    pub name: String,
    /// What the caller gives.
    pub inputs: Vec<Port>,
    /// What the caller gets.
    pub outputs: Vec<Port>,
    /// In the order in which they run.
    pub operators: Vec<OperatorSummary>,
    /// Stored numbers that the operators work with.
    pub parameters: u64,
    /// Multiply-accumulates of convolutions and of products with stored matrices, for one sample; `None` when a shape
    /// is unknown.
    pub macs: Option<u64>,
    /// Of convolutions whose filters are copies of base filters; only in .sxt files that store these alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_filters: Option<BaseFilters>,
    /// Memory for activations; only in .sxt files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arena_bytes: Option<usize>,
}

/// Filters that are copies of stored ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BaseFilters {
    /// Bytes of the base filters.
    pub stored_bytes: u64,
    /// Bytes that all filters would take.
    pub expanded_bytes: u64,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `u8`, `f32`, …
    pub data_type: String,
    /// With the batch in ONNX, without in .sxt files; `None` when the file does not tell.
    pub shape: Option<Vec<Extent>>,
}

/// One operator application.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OperatorSummary {
    /// The node's name.
    pub name: String,
    /// For example `Conv2d`.
    pub operator: String,
    /// Of its result; `None` when unknown.
    pub shape: Option<Vec<Extent>>,
    /// Stored numbers that it works with.
    pub parameters: u64,
    /// As [`GraphSummary::macs`].
    pub macs: Option<u64>,
}

/// A number of elements, or the symbol that stands for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Extent {
    /// Known when the file was written.
    Known(u64),
    /// For example `N`.
    Symbol(String),
}

/// What is in the `.sxt` or `.onnx` file; its first bytes tell which it is.
///
/// # Errors
/// When it cannot be read, is damaged, or neither of the two.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let bytes = crate::model_file::read(path)?;
    let named_sxt = path.extension().is_some_and(|extension| extension == "sxt");
    if bytes.starts_with(&MAGIC) || named_sxt {
        sxt_file::inspect(path, &bytes)
    } else {
        onnx_file::inspect(path, &bytes)
    }
}

impl Inspection {
    /// Whether `runtime predict` runs the file: a network from one image of bytes, one at a time, to outputs that it knows.
    pub fn is_image_encoder(&self) -> bool {
        let is_encoder = |graph: &GraphSummary| {
            let is_known = |port: &Port| output::is_of_encode(&port.name);
            graph.outputs.iter().any(is_known) && matches!(graph.inputs.as_slice(), [image] if self.is_image(image))
        };
        match self.format {
            "sxt" => self.graphs.iter().any(|graph| graph.name == ENCODE && is_encoder(graph)),
            _ => self.graphs.iter().any(is_encoder),
        }
    }

    /// `[h, w, 3]` in .sxt files, with a batch that may be one in ONNX.
    fn is_image(&self, input: &Port) -> bool {
        let shape = input.shape.as_deref().unwrap_or_default();
        let image = match (self.format, shape) {
            ("sxt", image) => image,
            (_, [Extent::Known(1) | Extent::Symbol(_), image @ ..]) => image,
            _ => return false,
        };
        input.data_type == "u8" && matches!(image, [Extent::Known(_), Extent::Known(_), Extent::Known(3)])
    }
}

impl GraphSummary {
    /// Sums over the operators.
    fn with_totals(self) -> Self {
        let parameters = self.operators.iter().fold(0u64, |sum, operator| sum.saturating_add(operator.parameters));
        let macs = self.operators.iter().try_fold(0u64, |sum, operator| sum.checked_add(operator.macs?));
        Self { parameters, macs, ..self }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(extent) => write!(f, "{extent}"),
            Self::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions: Vec<String> = self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        writeln!(f, "{}: {} ({}), {} bytes", self.path.display(), self.format, versions.join(", "), self.size_bytes)?;
        for graph in &self.graphs {
            write!(f, "\n{graph}")?;
        }
        if !self.metadata.is_empty() {
            writeln!(f, "\nmetadata")?;
        }
        for (key, value) in &self.metadata {
            writeln!(f, "  {key} = {}", value.escape_debug())?;
        }
        Ok(())
    }
}

impl fmt::Display for GraphSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}", self.name)?;
        for (role, ports) in [("input", &self.inputs), ("output", &self.outputs)] {
            for port in ports {
                writeln!(f, "  {role:<6} {} {} {}", port.name, port.data_type, shape_text(&port.shape))?;
            }
        }
        writeln!(f, "  {:<32} {:<18} {:<18} {:>11} {:>13}", "node", "operator", "shape", "parameters", "MACs")?;
        for OperatorSummary { name, operator, shape, parameters, macs } in &self.operators {
            let (shape, macs) = (shape_text(shape), count_text(*macs));
            writeln!(f, "  {name:<32} {operator:<18} {shape:<18} {parameters:>11} {macs:>13}")?;
        }
        writeln!(f, "  {:<70} {:>11} {:>13}", "total", self.parameters, count_text(self.macs))?;
        if let Some(BaseFilters { stored_bytes, expanded_bytes }) = self.base_filters {
            writeln!(f, "  base filters {stored_bytes} bytes; all filters would take {expanded_bytes}")?;
        }
        match self.arena_bytes {
            Some(bytes) => writeln!(f, "  arena {bytes} bytes"),
            None => Ok(()),
        }
    }
}

fn shape_text(shape: &Option<Vec<Extent>>) -> String {
    let extents = |shape: &Vec<Extent>| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    shape.as_ref().map_or_else(|| "?".to_string(), |shape| format!("[{}]", extents(shape)))
}

fn count_text(count: Option<u64>) -> String {
    count.map_or_else(|| "?".to_string(), |count| count.to_string())
}
