//! One way to run a model, whatever its file is and whatever computes it.

#[cfg(any(feature = "tract", feature = "ort"))]
mod caught;
mod error;
mod inventory;
mod library_fault;
mod limits;
mod native;
#[cfg(feature = "tract")]
mod onnx_constants;
#[cfg(feature = "tract")]
mod onnx_windows;
#[cfg(feature = "ort")]
mod ort;
mod provider;
mod provider_fault;
#[cfg(feature = "tract")]
mod tract;
#[cfg(feature = "tract")]
mod tract_cost;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::string::String;
#[cfg(any(feature = "tract", feature = "ort"))]
use std::string::ToString;
use std::vec::Vec;

use crate::memory::AlignedVec;
use crate::model;
use limits::Cost;

pub use error::{BackendError, Fault};
pub use inventory::{Inventory, NativeKernels, OrtInventory, Trial};
pub use library_fault::LibraryFault;
pub use limits::{Excess, Limits, Resource};
pub use provider::{NodesByProvider, Provider, RequestedProvider};
pub use provider_fault::{ProviderFault, nodes_text};

/// Every key in an ONNX file's `metadata_props` that is ours starts with this.
pub const ONNX_METADATA_PREFIX: &str = "sextant.";

/// The dimension of ONNX files that counts samples, where their number is not fixed.
pub const ONNX_BATCH_SYMBOL: &str = "N";

/// What computes a model's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendKind {
    /// This crate's own kernels; reads `.sxt`.
    Native,
    /// tract, in pure Rust; reads `.onnx`.
    Tract,
    /// ONNX Runtime, from a shared library; reads `.onnx`.
    Ort,
}

impl BackendKind {
    /// What reads a file of that name when nothing else is asked for: tract for `.onnx`, else this crate.
    pub fn for_path(path: &Path) -> Self {
        let is_onnx = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"));
        if is_onnx { Self::Tract } else { Self::Native }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Tract => "tract",
            Self::Ort => "ort",
        })
    }
}

impl FromStr for BackendKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "native" => Ok(Self::Native),
            "tract" => Ok(Self::Tract),
            "ort" => Ok(Self::Ort),
            _ => Err(std::format!("'{name}' is none of native, tract, ort")),
        }
    }
}

/// Which backend to use, and where it is.
#[derive(Clone, Debug, Default)]
pub struct BackendOptions {
    /// `None`: ONNX Runtime where a provider is asked for, else [`BackendKind::for_path`].
    pub kind: Option<BackendKind>,
    /// The shared library of ONNX Runtime; `None`: the environment's `ORT_DYLIB_PATH`. A process uses one.
    pub ort_library: Option<PathBuf>,
    /// The execution provider of ONNX Runtime that has to compute. It is an error if it does not: the model is opened
    /// only if ONNX Runtime's profile of a run says that nodes ran there ([`Encoder::nodes_by_provider`]). `None`: the CPU.
    pub provider: Option<RequestedProvider>,
    /// What the model may cost.
    pub limits: Limits,
}

/// Where a model came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelOrigin {
    /// A file.
    File(PathBuf),
    /// Bytes in memory.
    Bytes,
}

impl fmt::Display for ModelOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Bytes => f.write_str("the model in memory"),
        }
    }
}

impl BackendOptions {
    /// The backend that is asked for, or that the provider needs, or `otherwise` as suits the file.
    fn kind_or(&self, otherwise: impl Fn() -> BackendKind) -> Result<BackendKind, Fault> {
        match (self.kind, &self.provider) {
            (Some(BackendKind::Ort), _) | (None, Some(_)) => Ok(BackendKind::Ort),
            (Some(backend), Some(provider)) => Err(Fault::ProviderElsewhere { provider: provider.clone(), backend }),
            (kind, None) => Ok(kind.unwrap_or_else(otherwise)),
        }
    }
}

/// An image encoder, ready to run.
#[derive(Debug)]
pub struct Encoder {
    origin: ModelOrigin,
    kind: BackendKind,
    description: Description,
    output_names: Vec<String>,
    cost: Option<Cost>,
    engine: Engine,
    /// Of the image before.
    outputs: Vec<Output>,
}

/// What a model says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Height and width of the images that it takes.
    pub image_size: [usize; 2],
    /// `class_names` (a JSON array), `rotation_frame`, …, without the prefix that they have in ONNX files.
    pub metadata: BTreeMap<String, String>,
}

/// A file of a model, read but not looked at, and what is to compute it.
pub(crate) struct ModelBytes {
    origin: ModelOrigin,
    kind: BackendKind,
    bytes: AlignedVec,
}

impl Clone for ModelBytes {
    fn clone(&self) -> Self {
        Self { origin: self.origin.clone(), kind: self.kind, bytes: AlignedVec::copy_of(&self.bytes) }
    }
}

impl ModelBytes {
    /// Those of a file.
    ///
    /// # Errors
    /// When it cannot be read, is larger than the limits, or the options contradict each other.
    pub fn read(path: &Path, options: &BackendOptions) -> Result<Self, BackendError> {
        let origin = ModelOrigin::File(path.to_path_buf());
        let read = || {
            let kind = options.kind_or(|| BackendKind::for_path(path))?;
            let bytes = model::read_file(path, options.limits.memory_bytes).map_err(Fault::Read)?;
            Ok((kind, bytes))
        };
        match read() {
            Ok((kind, bytes)) => Ok(Self { origin, kind, bytes }),
            Err(fault) => Err(BackendError { origin, fault }),
        }
    }

    /// Those in memory.
    ///
    /// # Errors
    /// When the options contradict each other.
    pub fn copy_of(bytes: &[u8], options: &BackendOptions) -> Result<Self, BackendError> {
        let as_found = if bytes.starts_with(&model::MAGIC) { BackendKind::Native } else { BackendKind::Tract };
        match options.kind_or(|| as_found) {
            Ok(kind) => Ok(Self { origin: ModelOrigin::Bytes, kind, bytes: AlignedVec::copy_of(bytes) }),
            Err(fault) => Err(BackendError { origin: ModelOrigin::Bytes, fault }),
        }
    }
}

/// One output of a model for a batch of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// One of [`crate::contract::output`], such as `rotation_wxyz`.
    pub name: String,
    /// Numbers per image.
    pub width: usize,
    /// `[n, width]`, row-major.
    pub values: Vec<f32>,
}

impl Output {
    /// The numbers of one image.
    ///
    /// # Panics
    /// When the batch has fewer images.
    pub fn row(&self, image: usize) -> &[f32] {
        &self.values[image * self.width..(image + 1) * self.width]
    }
}

/// What each backend is to the rest: an engine for one image at a time.
trait ImageEngine: fmt::Debug + Send {
    /// Outputs of one image, `[h, w, 3]`, into those of the image before, whose memory may be used again.
    fn run(&mut self, image: &[u8], outputs: &mut Vec<Output>) -> Result<(), Fault>;

    /// What ran where, for an engine that was asked for a provider.
    fn nodes_by_provider(&self) -> Option<&NodesByProvider> {
        None
    }
}

type Engine = std::boxed::Box<dyn ImageEngine>;

/// A model that a backend has taken.
#[derive(Debug)]
struct Loaded {
    description: Description,
    output_names: Vec<String>,
    /// `None` when the backend does not tell.
    cost: Option<Cost>,
    engine: Engine,
}

impl Encoder {
    /// The model of that file.
    ///
    /// # Errors
    /// When the file cannot be read or is not a model with an input `image` u8 `[N, H, W, 3]`, asks for more than
    /// [`BackendOptions::limits`] allow, or the backend is not there.
    pub fn open(path: &Path, options: &BackendOptions) -> Result<Self, BackendError> {
        Self::of_model(ModelBytes::read(path, options)?, options)
    }

    /// The model in those bytes of a `.sxt` or `.onnx` file, which are copied. Without [`BackendOptions::kind`] they tell by
    /// themselves which it is.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(bytes: &[u8], options: &BackendOptions) -> Result<Self, BackendError> {
        Self::of_model(ModelBytes::copy_of(bytes, options)?, options)
    }

    /// The model in a file that was read.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn of_model(model: ModelBytes, options: &BackendOptions) -> Result<Self, BackendError> {
        let ModelBytes { origin, kind, bytes } = model;
        match Self::load(kind, bytes, options) {
            Ok(Loaded { description, output_names, cost, engine }) => {
                Ok(Self { origin, kind, description, output_names, cost, engine, outputs: Vec::new() })
            }
            Err(fault) => Err(BackendError { origin, fault }),
        }
    }

    fn load(kind: BackendKind, bytes: AlignedVec, options: &BackendOptions) -> Result<Loaded, Fault> {
        let is_native = bytes.starts_with(&model::MAGIC);
        let loaded = match kind {
            BackendKind::Native => native::load(bytes, &options.limits),
            _ if is_native => Err(Fault::WrongFormat { backend: kind }),
            #[cfg(feature = "tract")]
            BackendKind::Tract => tract::load(&bytes, &options.limits),
            #[cfg(feature = "ort")]
            BackendKind::Ort => ort::load(&bytes, options),
            #[cfg(not(all(feature = "tract", feature = "ort")))]
            other => {
                let _ = options;
                Err(Fault::NotCompiled { backend: other })
            }
        }?;
        match loaded.output_names.is_empty() {
            true => Err(Fault::Signature { found: "no outputs".into() }),
            false => Ok(loaded),
        }
    }

    /// Where the model came from.
    pub fn origin(&self) -> &ModelOrigin {
        &self.origin
    }

    /// Names of the outputs, in their order.
    pub fn output_names(&self) -> &[String] {
        &self.output_names
    }

    /// What computes it.
    pub fn kind(&self) -> BackendKind {
        self.kind
    }

    /// What the model says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Operations for one image, as [`crate::model::GraphView::operations`] counts them; tract counts products and
    /// elements. `None` where the backend does not tell: ONNX Runtime.
    pub fn operations(&self) -> Option<u64> {
        self.cost.map(|cost| cost.operations)
    }

    /// Bytes of the arena that activations share; `None` for ONNX files.
    pub fn arena_bytes(&self) -> Option<usize> {
        self.cost.map(|cost| cost.arena_bytes).filter(|bytes| *bytes > 0)
    }

    /// Bytes of memory for one image that [`BackendOptions::limits`] were compared with; `None` where the backend does not
    /// tell: ONNX Runtime.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.cost.map(|cost| cost.memory_bytes)
    }

    /// How many nodes of the model each execution provider of ONNX Runtime ran, as seen in the profile of a run. `None`
    /// where no provider was asked for ([`BackendOptions::provider`]).
    pub fn nodes_by_provider(&self) -> Option<&NodesByProvider> {
        self.engine.nodes_by_provider()
    }

    /// All outputs for `images`, u8 `[n, h, w, 3]`, each `[n, width]`.
    ///
    /// # Errors
    /// When `images` is not a whole number of images, or the engine fails.
    pub fn run(&mut self, images: &[u8]) -> Result<Vec<Output>, BackendError> {
        self.run_batch(images).map_err(|fault| BackendError { origin: self.origin.clone(), fault })
    }

    /// All outputs for one image, u8 `[h, w, 3]`, each `[width]`; they lie in memory that the next image uses again.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_image(&mut self, image: &[u8]) -> Result<&[Output], BackendError> {
        let expected = self.image_bytes();
        let ran = match image.len() == expected {
            true => self.engine.run(image, &mut self.outputs),
            false => Err(Fault::ImageBytes { expected, found: image.len() }),
        };
        match ran {
            Ok(()) => Ok(&self.outputs),
            Err(fault) => Err(BackendError { origin: self.origin.clone(), fault }),
        }
    }

    fn image_bytes(&self) -> usize {
        let [height, width] = self.description.image_size;
        3 * height * width
    }

    fn run_batch(&mut self, images: &[u8]) -> Result<Vec<Output>, Fault> {
        let image_bytes = self.image_bytes();
        if images.is_empty() || !images.len().is_multiple_of(image_bytes) {
            return Err(Fault::ImageBytes { expected: image_bytes, found: images.len() });
        }
        let mut batch: Vec<Output> = Vec::new();
        for image in images.chunks_exact(image_bytes) {
            self.engine.run(image, &mut self.outputs)?;
            if batch.is_empty() {
                batch = self.outputs.clone();
                continue;
            }
            for (all, one) in batch.iter_mut().zip(&self.outputs) {
                all.values.extend_from_slice(&one.values);
            }
        }
        Ok(batch)
    }
}

/// Ours among the entries of an ONNX file's `metadata_props`, without the prefix.
#[cfg(any(feature = "tract", feature = "ort"))]
fn own_metadata(entries: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    entries.filter_map(|(key, value)| Some((key.strip_prefix(ONNX_METADATA_PREFIX)?.to_string(), value))).collect()
}

/// Height and width from an input's extents `[N, H, W, 3]`; unknown ones are `None`.
#[cfg(any(feature = "tract", feature = "ort"))]
fn image_size(extents: &[Option<usize>], limits: &Limits) -> Result<[usize; 2], Fault> {
    let &[None | Some(1), Some(height), Some(width), Some(3)] = extents else {
        return Err(Fault::Signature { found: std::format!("an input of shape {}", shape_text(extents)) });
    };
    let bytes = (3u64).checked_mul(height as u64).and_then(|bytes| bytes.checked_mul(width as u64));
    if bytes.is_none_or(|bytes| bytes == 0 || bytes > limits.memory_bytes) {
        return Err(Fault::Signature { found: std::format!("an image of {height} x {width} is no image size") });
    }
    Ok([height, width])
}

/// Extents as ONNX writes them: `[N, 64, 64, 3]`.
#[cfg(any(feature = "tract", feature = "ort"))]
fn shape_text(extents: &[Option<usize>]) -> String {
    let names: Vec<String> =
        extents.iter().map(|extent| extent.map_or_else(|| "N".to_string(), |extent| extent.to_string())).collect();
    std::format!("[{}]", names.join(", "))
}

/// What a library says, on one line and without characters that a terminal obeys.
#[cfg(any(feature = "tract", feature = "ort"))]
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let shown = |c: char| if model::is_hidden(c) { c.escape_debug().collect() } else { c.to_string() };
    lines.join(" ").chars().map(shown).collect()
}

/// Refuses a name that would change what a terminal shows.
#[cfg(any(feature = "tract", feature = "ort"))]
fn check_name(backend: BackendKind, name: &str) -> Result<(), Fault> {
    match name.chars().any(model::is_hidden) {
        true => Err(Fault::Onnx { backend, reason: std::format!("the name {name:?} has hidden characters") }),
        false => Ok(()),
    }
}
