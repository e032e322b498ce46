use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use sextant_runtime::durable::{abort_point, write_synced};

use super::RunError;
use super::tensors::{decode, encode, read_bounded};

const FORMAT_VERSION: u32 = 1;
const STATE_FILE: &str = "state.json";
const MODEL_FILE: &str = "model.safetensors";
const OPTIMISER_FILE: &str = "optimizer.safetensors";
const AVERAGE_FILE: &str = "average.safetensors";
const RANDOM_STREAMS: &str = "each stream is a function of (seed, stream, step); none has further state";
const LARGEST_STATE_BYTES: u64 = 1 << 20;
/// Comes last in `state.json`, and covers the text before it.
const STATE_CRC_KEY: &str = "\"crc32\"";

/// All that a run needs to go on as if it had never stopped.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Weights and running statistics by name.
    pub model: BTreeMap<String, Tensor>,
    /// [`Optimiser::state`](crate::optimiser::Optimiser::state).
    pub optimiser: BTreeMap<String, Tensor>,
    /// [`Ema::state`](crate::optimiser::Ema::state); empty without an average.
    pub average: BTreeMap<String, Tensor>,
    /// Where the run stood.
    pub state: CheckpointState,
}

/// Where a run stood.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckpointState {
    /// Updates done.
    pub step: u64,
    /// Whole passes over the training objects.
    pub epoch: u64,
    /// `fit.seed`, from which every random stream follows together with the step.
    pub seed: u64,
    /// The figure that the best checkpoint was chosen by, at its best so far.
    pub best_metric: Option<f64>,
}

/// `state.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    format_version: u32,
    step: u64,
    epoch: u64,
    seed: u64,
    random_streams: String,
    /// As text, which reads back as the same number to the last bit.
    best_metric: Option<String>,
    /// CRC-32 of each tensor file.
    files: BTreeMap<String, u32>,
    crc32: u32,
}

impl Checkpoint {
    /// Writes the files of a checkpoint into an empty folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), RunError> {
        let mut files = BTreeMap::new();
        for (name, tensors) in self.tensor_files() {
            let path = folder.join(name);
            let bytes = encode(tensors, &path)?;
            files.insert(name.to_string(), crc32fast::hash(&bytes));
            write_synced(&path, |file| file.write_all(&bytes))?;
            abort_point("written", name);
        }
        let path = folder.join(STATE_FILE);
        let text = state_text(&self.state, files);
        Ok(write_synced(&path, |file| file.write_all(text.as_bytes()))?)
    }

    /// The checkpoint in a folder.
    ///
    /// # Errors
    /// When a file is missing, cut short, changed, of another version, from another checkpoint, or holds NaN.
    pub fn read(folder: &Path) -> Result<Self, RunError> {
        let file = read_state(&folder.join(STATE_FILE))?;
        let read = |name: &str| read_checked(folder, name, &file.files);
        let average = if file.files.contains_key(AVERAGE_FILE) { read(AVERAGE_FILE)? } else { BTreeMap::default() };
        Ok(Self {
            model: read(MODEL_FILE)?,
            optimiser: read(OPTIMISER_FILE)?,
            average,
            state: CheckpointState {
                step: file.step,
                epoch: file.epoch,
                seed: file.seed,
                best_metric: file.best_metric.and_then(|text| text.parse().ok()),
            },
        })
    }

    fn tensor_files(&self) -> impl Iterator<Item = (&'static str, &BTreeMap<String, Tensor>)> {
        let all = [(MODEL_FILE, &self.model), (OPTIMISER_FILE, &self.optimiser), (AVERAGE_FILE, &self.average)];
        all.into_iter().filter(|(name, tensors)| *name != AVERAGE_FILE || !tensors.is_empty())
    }
}

fn state_text(state: &CheckpointState, files: BTreeMap<String, u32>) -> String {
    let mut file = StateFile {
        format_version: FORMAT_VERSION,
        step: state.step,
        epoch: state.epoch,
        seed: state.seed,
        random_streams: RANDOM_STREAMS.into(),
        best_metric: state.best_metric.map(|metric| metric.to_string()),
        files,
        crc32: 0,
    };
    let text = |file: &StateFile| serde_json::to_string_pretty(file).expect("plain numbers and text");
    file.crc32 = crc_before_key(&text(&file));
    text(&file) + "\n"
}

fn crc_before_key(text: &str) -> u32 {
    crc32fast::hash(&text.as_bytes()[..text.rfind(STATE_CRC_KEY).unwrap_or(text.len())])
}

fn read_state(path: &Path) -> Result<StateFile, RunError> {
    let bytes = read_bounded(path, LARGEST_STATE_BYTES)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| RunError::malformed(path, "not a text file (UTF-8)"))?;
    let broken = |error: serde_json::Error| RunError::malformed(path, format!("cut short or changed: {error}"));
    let value: serde_json::Value = serde_json::from_str(text).map_err(broken)?;
    let version = value.get("format_version").and_then(serde_json::Value::as_u64);
    if version.is_some_and(|version| version != u64::from(FORMAT_VERSION)) {
        let found = version.unwrap_or_default();
        return Err(RunError::OtherVersion { path: path.into(), found, known: FORMAT_VERSION });
    }
    let file: StateFile = serde_json::from_value(value).map_err(broken)?;
    if file.crc32 != crc_before_key(text) {
        return Err(RunError::malformed(path, "changed since it was written (CRC-32 differs)"));
    }
    Ok(file)
}

fn read_checked(
    folder: &Path,
    name: &str,
    files: &BTreeMap<String, u32>,
) -> Result<BTreeMap<String, Tensor>, RunError> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(RunError::io(&path))?;
    let expected = files.get(name).copied();
    if expected != Some(crc32fast::hash(&bytes)) {
        let reason = format!("cut short, changed, or from another checkpoint than {STATE_FILE} (CRC-32 differs)");
        return Err(RunError::malformed(&path, reason));
    }
    decode(&bytes, &path)
}
