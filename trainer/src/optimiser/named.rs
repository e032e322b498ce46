use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use candle_core::{DType, Tensor, Var};

use super::OptimiserError;

/// Name and dimensions of a tensor that a state has to hold.
pub(crate) type NamedShape = (String, Vec<usize>);

/// Problems that are spelled out; the rest is counted.
const SHOWN: usize = 5;

/// A stored state that belongs to another run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", path.display(), shown(problems))]
pub struct StateError {
    /// The file it was read from.
    pub path: PathBuf,
    /// Everything that does not fit.
    pub problems: Vec<String>,
}

impl StateError {
    pub(super) fn new(path: &Path, problems: Vec<String>) -> Self {
        Self { path: path.into(), problems }
    }
}

fn shown(problems: &[String]) -> String {
    let listed = problems.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    let more = problems.len().saturating_sub(SHOWN);
    if more == 0 { listed } else { format!("{listed}; and {more} more") }
}

/// The values of exactly the expected tensors.
pub(crate) fn read_named(
    state: &BTreeMap<String, Tensor>,
    expected: &[NamedShape],
    path: &Path,
) -> Result<BTreeMap<String, Vec<f32>>, StateError> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (name, dims) in expected {
        match read_one(state, name, dims) {
            Ok(tensor) => {
                values.insert(name.clone(), tensor);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let known: HashSet<_> = expected.iter().map(|(name, _)| name).collect();
    problems.extend(state.keys().filter(|name| !known.contains(name)).map(|name| format!("unknown tensor `{name}`")));
    if problems.is_empty() { Ok(values) } else { Err(StateError::new(path, problems)) }
}

fn read_one(state: &BTreeMap<String, Tensor>, name: &str, dims: &[usize]) -> Result<Vec<f32>, String> {
    let tensor = state.get(name).ok_or_else(|| format!("no tensor `{name}`"))?;
    if tensor.dims() != dims {
        return Err(format!("tensor `{name}` has shape {:?}, expected {dims:?}", tensor.dims()));
    }
    tensor.flatten_all().and_then(|flat| flat.to_vec1()).map_err(|error| format!("tensor `{name}`: {error}"))
}

/// Nothing, when names are unique and each parameter is a contiguous float32 tensor, there only once.
pub(super) fn check_parameters(parameters: &[(String, Var)]) -> Result<(), OptimiserError> {
    let (mut names, mut ids) = (HashSet::new(), HashSet::new());
    for (name, var) in parameters {
        let reason = if !names.insert(name) {
            "the name is there twice".to_string()
        } else if !ids.insert(var.id()) {
            "the tensor is there under another name too".into()
        } else if var.dtype() != DType::F32 || !var.is_contiguous() {
            format!("expected contiguous float32, not {:?}", var.dtype())
        } else {
            continue;
        };
        return Err(OptimiserError::Parameter { name: name.clone(), reason });
    }
    Ok(())
}
