use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;
use sextant_runtime::backend::{
    Fault, Inventory, LibraryFault, NodesByProvider, OrtInventory, ProviderFault, Trial, nodes_text,
};
use sextant_runtime::command_line::{print_answer, tell};

use super::names::{PathName, shown};

/// Lists what this machine can run models with: the processor's kernels, tract, ONNX Runtime's library and its providers.
///
/// A small network is run on each provider that the library has. One that `runs` was seen to compute, in the profile of
/// that run; the others say why not.
#[derive(clap::Args)]
pub struct Arguments {
    /// Shared library of ONNX Runtime [default: $ORT_DYLIB_PATH].
    #[arg(long, value_name = "FILE")]
    ort_library: Option<PathBuf>,
    /// Prints one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Backends {
    native: Native,
    tract: Option<Tract>,
    ort: Option<Ort>,
}

#[derive(Serialize)]
struct Native {
    float32: &'static str,
    int8: &'static str,
}

#[derive(Serialize)]
struct Tract {
    version: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Ort {
    Usable {
        library: PathName,
        /// The path in hexadecimal, where it is not UTF-8.
        #[serde(skip_serializing_if = "Option::is_none")]
        library_bytes: Option<String>,
        version: String,
        providers: Vec<Provider>,
    },
    NotUsable {
        error: String,
    },
}

#[derive(Serialize)]
struct Provider {
    provider: String,
    runs_on: &'static str,
    usable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes_by_provider: Option<NodesByProvider>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let inventory = Inventory::take(arguments.ort_library.as_deref());
    let hint = inventory.ort.as_ref().and_then(|ort| ort.as_ref().err()).map(LibraryFault::hint);
    let backends = Backends {
        native: Native { float32: inventory.native.float32, int8: inventory.native.int8 },
        tract: inventory.tract.map(|version| Tract { version }),
        ort: inventory.ort.map(Ort::of),
    };
    print_answer(arguments.json, &backends, || describe(&backends))?;
    if let Some(hint) = hint {
        tell("hint", hint);
    }
    Ok(ExitCode::SUCCESS)
}

impl Ort {
    fn of(found: Result<OrtInventory, LibraryFault>) -> Self {
        match found {
            Ok(found) => {
                let library = PathName::of(&found.library);
                let providers = found.trials.iter().map(Provider::of).collect();
                Self::Usable { library_bytes: library.bytes.clone(), library, version: found.version, providers }
            }
            Err(fault) => Self::NotUsable { error: fault.to_string() },
        }
    }
}

impl Provider {
    fn of(trial: &Trial) -> Self {
        let (nodes_by_provider, reason) = match &trial.outcome {
            Ok(nodes) => (Some(nodes.clone()), None),
            Err(fault) => (None, Some(reason(fault))),
        };
        let provider = trial.provider.to_string();
        let runs_on = trial.provider.provider().runs_on();
        Self { provider, runs_on, usable: nodes_by_provider.is_some(), nodes_by_provider, reason }
    }
}

fn reason(fault: &Fault) -> String {
    match fault {
        Fault::Provider { fault: ProviderFault::NotCompiledIn { .. }, .. } => "not in this library".into(),
        Fault::Provider { fault, .. } => fault.to_string(),
        other => other.to_string(),
    }
}

fn describe(backends: &Backends) -> String {
    let Native { float32, int8 } = backends.native;
    let mut text = format!("native  float32 with {float32}, int8 with {int8}\n");
    text += &match &backends.tract {
        Some(Tract { version }) => format!("tract   {version}\n"),
        None => "tract   not compiled in\n".to_string(),
    };
    match &backends.ort {
        None => text += "ort     not compiled in\n",
        Some(Ort::NotUsable { error }) => text += &format!("ort     not usable: {}\n", shown(error)),
        Some(Ort::Usable { library, version, providers, .. }) => {
            text += &format!("ort     ONNX Runtime {version}, {}\n", shown(&library.text));
            providers.iter().for_each(|provider| text += &provider.line());
        }
    }
    text
}

impl Provider {
    fn line(&self) -> String {
        let outcome = match (&self.nodes_by_provider, &self.reason) {
            (Some(nodes), _) => format!("runs: {}", nodes_text(nodes)),
            (None, reason) => reason.clone().unwrap_or_default(),
        };
        format!("  {:<13} {outcome}\n", self.provider)
    }
}
