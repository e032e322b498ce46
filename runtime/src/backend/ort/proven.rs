//! A session on an execution provider that was seen to compute.

use std::path::Path;
use std::string::ToString;
use std::vec;

use ::ort::session::Session;

use super::super::{Fault, Limits, NodesByProvider, ONNX_BATCH_SYMBOL, ProviderFault, RequestedProvider, one_line};
use super::profile::{ProfileFolder, nodes_of_file};
use super::{Library, OrtEngine, execution, log, run, session_builder};

/// Makes a node that no other provider takes an error.
const NOTHING_ON_THE_CPU: &str = "session.disable_cpu_ep_fallback";

/// The model on that provider. A black image has been run with a profile, which is closed then: later runs are not
/// slowed by it.
pub(super) fn engine(
    bytes: &[u8],
    library: &Library,
    requested: &RequestedProvider,
    limits: &Limits,
) -> Result<OrtEngine, Fault> {
    let fault = |fault| Fault::Provider { provider: requested.clone(), fault };
    let folder = ProfileFolder::new().map_err(|error| fault(no_proof(error)))?;
    let session = log::listen(|| session(bytes, library, requested, &folder), ProviderFault::because).map_err(fault)?;
    let mut engine = OrtEngine::new(session, limits)?;
    let nodes = nodes_of_a_run(&mut engine).map_err(fault)?;
    if !nodes.contains_key(requested.provider().onnx_runtime_name()) {
        return Err(fault(ProviderFault::RanNothing { nodes }));
    }
    engine.nodes_by_provider = Some(nodes);
    Ok(engine)
}

fn session(
    bytes: &[u8],
    library: &Library,
    requested: &RequestedProvider,
    folder: &ProfileFolder,
) -> Result<Session, ProviderFault> {
    if !execution::is_compiled_in(requested.provider()) {
        let Library { path, version, .. } = library.clone();
        return Err(ProviderFault::NotCompiledIn {
            library: path,
            version: version.into(),
            has: execution::compiled_in(),
        });
    }
    let not_usable = |error: ::ort::Error| ProviderFault::NotUsable { reason: one_line(&error.to_string()) };
    let builder = || {
        let builder = session_builder(library)?.with_profiling(folder.file_prefix())?;
        // Many accelerators take no network whose batch they do not know.
        let builder = builder.with_dimension_override(ONNX_BATCH_SYMBOL, 1)?;
        let on_the_cpu = if execution::forbids_the_cpu(requested) { "1" } else { "0" };
        let builder = builder.with_config_entry(NOTHING_ON_THE_CPU, on_the_cpu)?;
        Ok(builder.with_execution_providers([execution::dispatch(requested)])?)
    };
    builder().map_err(not_usable)?.commit_from_memory(bytes).map_err(refuses)
}

fn nodes_of_a_run(engine: &mut OrtEngine) -> Result<NodesByProvider, ProviderFault> {
    let [height, width] = engine.image_size;
    run(&mut engine.session, engine.image_size, &vec![0; 3 * height * width]).map_err(refuses)?;
    let file = engine.session.end_profiling().map_err(no_proof)?;
    nodes_of_file(Path::new(&file)).map_err(no_proof)
}

fn refuses(error: ::ort::Error) -> ProviderFault {
    ProviderFault::RefusesModel { reason: one_line(&error.to_string()) }
}

fn no_proof(error: impl std::fmt::Display) -> ProviderFault {
    ProviderFault::NoProof { reason: one_line(&error.to_string()) }
}
