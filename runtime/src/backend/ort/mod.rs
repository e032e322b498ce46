//! ONNX Runtime, from a shared library that is loaded when the program runs.

mod execution;
mod library;
mod log;
mod profile;
mod proven;

use std::boxed::Box;
use std::string::{String, ToString};
use std::vec::Vec;

use ::ort::session::Session;
use ::ort::session::builder::{AutoDevicePolicy, SessionBuilder};
use ::ort::value::{TensorElementType, TensorRef, ValueType};

use super::{
    BackendKind, BackendOptions, Description, Fault, ImageEngine, Limits, Loaded, NodesByProvider, Output, check_name,
    image_size, one_line, own_metadata,
};

pub(super) use library::{Library, load as load_library};

#[derive(Debug)]
struct OrtEngine {
    session: Session,
    image_size: [usize; 2],
    /// Where a provider was asked for.
    nodes_by_provider: Option<NodesByProvider>,
}

/// Without it, sums of int8 products saturate at 16 bits on x86 that has no VNNI.
const EXACT_SUMS: &str = "session.x64quantprecision";

pub(super) fn load(bytes: &[u8], options: &BackendOptions) -> Result<Loaded, Fault> {
    let library = library::load(options.ort_library.as_deref()).map_err(Fault::OrtLibrary)?;
    let engine = match &options.provider {
        None => OrtEngine::new(plain_session(bytes, &library).map_err(refused)?, &options.limits)?,
        Some(provider) => proven::engine(bytes, &library, provider, &options.limits)?,
    };
    let metadata = metadata(&engine.session).map_err(refused)?;
    let output_names: Vec<String> = engine.session.outputs().iter().map(|output| output.name().to_string()).collect();
    output_names.iter().chain(metadata.keys()).try_for_each(|name| check_name(BackendKind::Ort, name))?;
    let description = Description { image_size: engine.image_size, metadata };
    Ok(Loaded { description, output_names, cost: None, engine: Box::new(engine) })
}

fn plain_session(bytes: &[u8], library: &Library) -> ::ort::Result<Session> {
    session_builder(library)?.commit_from_memory(bytes)
}

/// What all sessions have: no provider that was not asked for, one thread, exact sums.
fn session_builder(library: &Library) -> ::ort::Result<SessionBuilder> {
    let builder = Session::builder(&library.environment)?;
    // Else ort lets ONNX Runtime choose: Core ML on macOS. A library that cannot choose refuses, and need not be told.
    let builder = builder.with_auto_device(AutoDevicePolicy::PreferCPU).unwrap_or_else(|error| error.recover());
    Ok(builder.with_intra_threads(1)?.with_config_entry(EXACT_SUMS, "1")?)
}

impl OrtEngine {
    fn new(session: Session, limits: &Limits) -> Result<Self, Fault> {
        let image_size = signature(&session, limits)?;
        Ok(Self { session, image_size, nodes_by_provider: None })
    }
}

/// Height and width of the one input.
fn signature(session: &Session, limits: &Limits) -> Result<[usize; 2], Fault> {
    let [input] = session.inputs() else {
        return Err(Fault::Signature { found: std::format!("{} inputs", session.inputs().len()) });
    };
    match input.dtype() {
        ValueType::Tensor { ty: TensorElementType::Uint8, shape, .. } => {
            let extents: Vec<Option<usize>> = shape.iter().map(|extent| usize::try_from(*extent).ok()).collect();
            image_size(&extents, limits)
        }
        other => Err(Fault::Signature { found: std::format!("an input of type {other:?}") }),
    }
}

fn metadata(session: &Session) -> ::ort::Result<std::collections::BTreeMap<String, String>> {
    let metadata = session.metadata()?;
    let keys = metadata.custom_keys()?;
    Ok(own_metadata(keys.into_iter().filter_map(|key| metadata.custom(&key).map(|value| (key, value)))))
}

fn refused(error: impl std::fmt::Display) -> Fault {
    Fault::Onnx { backend: BackendKind::Ort, reason: one_line(&error.to_string()) }
}

impl ImageEngine for OrtEngine {
    fn run(&mut self, image: &[u8], outputs: &mut Vec<Output>) -> Result<(), Fault> {
        *outputs = run(&mut self.session, self.image_size, image)
            .map_err(|error| Fault::Run { backend: BackendKind::Ort, reason: one_line(&error.to_string()) })?;
        Ok(())
    }

    fn nodes_by_provider(&self) -> Option<&NodesByProvider> {
        self.nodes_by_provider.as_ref()
    }
}

fn run(session: &mut Session, [height, width]: [usize; 2], image: &[u8]) -> ::ort::Result<Vec<Output>> {
    let input = TensorRef::from_array_view(([1, height, width, 3], image))?;
    let results = session.run(::ort::inputs![input])?;
    let outputs = results.iter().map(|(name, value)| {
        let (_, values) = value.try_extract_tensor::<f32>()?;
        Ok(Output { name: name.to_string(), width: values.len(), values: values.to_vec() })
    });
    outputs.collect()
}
