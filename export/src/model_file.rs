//! Reading `.sxt` files with errors that name the file and the remedy.

use std::path::Path;

use sextant_runtime::contract::run_folder::MODEL;
use sextant_runtime::graph::Graph;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{Model, ParseError};
use sextant_runtime::typed_command::Program;

use crate::Error;
use crate::error::write_again;

/// The bytes of a model file, aligned for [`parse`].
///
/// # Errors
/// When it cannot be read, or is a folder or device (which may never end).
pub(crate) fn read(path: &Path) -> Result<AlignedVec, Error> {
    if path.is_dir() {
        let example = path.join(MODEL);
        return Err(Error::invalid(path, "is a folder, not a file", format!("perhaps {}", example.display())));
    }
    if path.exists() && !path.is_file() {
        return Err(Error::invalid(path, "is a device, not a file", "give a file"));
    }
    let bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
    Ok(AlignedVec::copy_of(&bytes))
}

/// The model in the bytes of `path`.
///
/// # Errors
/// When it is damaged, of another version, or no model.
pub(crate) fn parse<'b>(path: &Path, bytes: &'b [u8]) -> Result<Model<'b>, Error> {
    Model::parse(bytes).map_err(|error| Error::invalid(path, error.to_string(), hint(&error)))
}

/// The graph of that name.
///
/// # Errors
/// When the model has none; the message lists those it has.
pub(crate) fn graph(path: &Path, model: &Model<'_>, name: &str) -> Result<Graph, Error> {
    Graph::from_model(model, name).ok_or_else(|| {
        let names: Vec<&str> = model.graphs().map(|graph| graph.name()).collect();
        let reason = format!("has no graph '{name}'");
        Error::invalid(path, reason, format!("its graphs are: {}", names.join(", ")))
    })
}

/// Keys and values, in ascending order of the keys.
pub(crate) fn metadata(model: &Model<'_>) -> Vec<(String, String)> {
    model.metadata_entries().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn hint(error: &ParseError) -> String {
    match error {
        ParseError::Version { .. } => "use the version of Sextant that wrote it, or train again with this one".into(),
        ParseError::Magic | ParseError::TooShort { .. } => {
            format!("give a {MODEL} that `{}` wrote", Program::Trainer.command("fit"))
        }
        _ => format!("copy the file again, or {}", write_again()),
    }
}
