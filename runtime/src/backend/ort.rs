use std::boxed::Box;
use std::env;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::Mutex;
use std::vec::Vec;

use ::ort::environment::Environment;
use ::ort::session::Session;
use ::ort::value::{TensorElementType, TensorRef, ValueType};

use super::{
    BackendKind, Description, Fault, ImageEngine, Limits, Loaded, Output, check_name, image_size, one_line,
    own_metadata,
};

/// ONNX Runtime is loaded once in a process, and stays.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

#[derive(Debug)]
struct OrtEngine {
    session: Session,
    image_size: [usize; 2],
}

/// Without it, sums of int8 products saturate at 16 bits on x86 that has no VNNI.
const EXACT_SUMS: &str = "session.x64quantprecision";

pub(super) fn load(bytes: &[u8], library: Option<&Path>, limits: &Limits) -> Result<Loaded, Fault> {
    let environment = environment(library)?;
    let session = Session::builder(&environment)
        .and_then(|builder| {
            builder.with_intra_threads(1)?.with_config_entry(EXACT_SUMS, "1")?.commit_from_memory(bytes)
        })
        .map_err(refused)?;
    let image_size = signature(&session, limits)?;
    let metadata = metadata(&session).map_err(refused)?;
    let output_names: Vec<String> = session.outputs().iter().map(|output| output.name().to_string()).collect();
    output_names.iter().chain(metadata.keys()).try_for_each(|name| check_name(BackendKind::Ort, name))?;
    let engine = Box::new(OrtEngine { session, image_size });
    Ok(Loaded { description: Description { image_size, metadata }, output_names, cost: None, engine })
}

fn environment(library: Option<&Path>) -> Result<Environment, Fault> {
    let mut environment = ENVIRONMENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(environment) = environment.as_ref() {
        return Ok(environment.clone());
    }
    let path = library_path(library)?;
    let unusable = |reason: String| Fault::OrtLibrary { reason };
    let builder = ::ort::init_from(&path).map_err(|error| unusable(one_line(&error.to_string())))?;
    let built = builder.with_name("sextant").build().map_err(|error| unusable(one_line(&error.to_string())))?;
    Ok(environment.insert(built).clone())
}

fn library_path(library: Option<&Path>) -> Result<PathBuf, Fault> {
    let from_environment = || env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(path) = library.map(Path::to_path_buf).or_else(from_environment) else {
        return Err(Fault::OrtLibrary { reason: "ORT_DYLIB_PATH is not set".to_string() });
    };
    // ort looks for relative paths beside the program; people mean the current folder.
    path.canonicalize().map_err(|error| Fault::OrtLibrary { reason: std::format!("{}: {error}", path.display()) })
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
    fn run(&mut self, image: &[u8]) -> Result<Vec<Output>, Fault> {
        run(&mut self.session, self.image_size, image)
            .map_err(|error| Fault::Run { backend: BackendKind::Ort, reason: one_line(&error.to_string()) })
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
