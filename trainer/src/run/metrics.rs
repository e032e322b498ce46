use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sextant_runtime::contract::run_folder::METRICS;
use sextant_runtime::durable::abort_point;

use super::RunError;

const STEP: &str = "step";

/// Figures of one step; one line of `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// Updates done when the figures were taken.
    pub step: u64,
    /// Figures by name, with units in the name; a figure that is not finite is stored as `null` and reads as NaN.
    #[serde(flatten)]
    pub values: BTreeMap<String, f64>,
}

/// `metrics.jsonl`, open for appending.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    file: File,
}

impl MetricsLog {
    /// The file after its records up to the step that a run resumes from, or emptied for a run that starts.
    ///
    /// Later records are cut off, so that no step is there twice, and so is a torn last line.
    ///
    /// # Errors
    /// When the system refuses, or a line that is kept is broken.
    pub fn open(path: &Path, resumed_from: Option<u64>) -> Result<Self, RunError> {
        let options = File::options().create(true).truncate(false).append(true).open(path);
        let log = Self { path: path.into(), file: options.map_err(RunError::io(path))? };
        let kept_bytes = resumed_from.map_or(Ok(0), |step| bytes_up_to(step, path))?;
        log.file.set_len(kept_bytes).map_err(RunError::io(path))?;
        Ok(log)
    }

    /// Adds a line; it survives the process from then on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn append(&mut self, record: &MetricRecord) -> Result<(), RunError> {
        let line = line(record) + "\n";
        // One write, so that only a full disk or a lost machine tears a line.
        self.file.write_all(line.as_bytes()).map_err(RunError::io(&self.path))?;
        abort_point("appended", METRICS);
        Ok(())
    }

    /// Waits until the disk has all lines: before a checkpoint, so that its figures survive the machine too.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), RunError> {
        self.file.sync_data().map_err(RunError::io(&self.path))
    }
}

/// All records of a `metrics.jsonl`, without a torn last line.
///
/// # Errors
/// When the file cannot be read or a line is broken; the error names the line.
pub fn read_metrics(path: &Path) -> Result<Vec<MetricRecord>, RunError> {
    let text = read_text(path)?;
    whole_lines(&text).map(|(number, line)| parse(line, path, number)).collect()
}

/// Length of the records up to a step, which come in the order of steps.
fn bytes_up_to(last_step: u64, path: &Path) -> Result<u64, RunError> {
    let mut bytes = 0;
    for (number, line) in whole_lines(&read_text(path)?) {
        if parse(line, path, number)?.step > last_step {
            break;
        }
        bytes += line.len() as u64 + 1;
    }
    Ok(bytes)
}

fn read_text(path: &Path) -> Result<String, RunError> {
    let mut bytes = fs::read(path).map_err(RunError::io(path))?;
    // A torn last line may end within a character.
    bytes.truncate(bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1));
    String::from_utf8(bytes).map_err(|_| RunError::malformed(path, "not a text file (UTF-8)"))
}

/// Lines that end with a line feed, numbered from 1.
fn whole_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).enumerate().map(|(i, line)| (i + 1, line))
}

fn line(record: &MetricRecord) -> String {
    let mut object = Map::from_iter([(STEP.to_string(), Value::from(record.step))]);
    object.extend(record.values.iter().map(|(name, &value)| (name.clone(), Value::from(value))));
    Value::Object(object).to_string()
}

fn parse(line: &str, path: &Path, number: usize) -> Result<MetricRecord, RunError> {
    let broken = |what: &str| RunError::malformed(path, format!("line {number}: {what}"));
    let mut object: Map<String, Value> = serde_json::from_str(line).map_err(|error| broken(&error.to_string()))?;
    let step = object.remove(STEP).and_then(|step| step.as_u64()).ok_or_else(|| broken("no whole number `step`"))?;
    let value = |(name, value): (String, Value)| match value {
        Value::Null => Ok((name, f64::NAN)),
        value => value.as_f64().map(|x| (name.clone(), x)).ok_or_else(|| broken(&format!("`{name}` is no number"))),
    };
    Ok(MetricRecord { step, values: object.into_iter().map(value).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(step: u64, loss: f64) -> MetricRecord {
        MetricRecord { step, values: BTreeMap::from([("loss".into(), loss)]) }
    }

    fn file(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn records_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path, None).unwrap();
        log.append(&record(20, 0.1)).unwrap();
        log.append(&record(40, f64::NAN)).unwrap();
        log.sync().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"loss\":0.1,\"step\":20}\n{\"loss\":null,\"step\":40}\n");
        let records = read_metrics(&path).unwrap();
        assert_eq!(records[0], record(20, 0.1));
        assert!(records[1].values["loss"].is_nan());
    }

    #[test]
    fn what_lies_beyond_the_checkpoint_is_cut() {
        let whole = "{\"step\":20}\n{\"step\":40}\n{\"step\":60}\n";
        let torn = "{\"step\":20}\n{\"step\":40}\n{\"st\u{e9}";
        let cases = [
            (whole, Some(40), 2),
            (whole, Some(0), 0),
            (whole, Some(59), 2),
            (whole, Some(60), 3),
            (whole, None, 0),
            (torn, Some(60), 2),
            ("{", Some(9), 0),
        ];
        for (text, resumed_from, kept) in cases {
            // One byte less, so that the torn line ends within its last character.
            let bytes = text.as_bytes().strip_suffix(b"\xa9").unwrap_or(text.as_bytes());
            let (_folder, path) = file(bytes);
            let mut log = MetricsLog::open(&path, resumed_from).unwrap();
            assert_eq!(read_metrics(&path).unwrap().len(), kept, "{text:?} from {resumed_from:?}");
            log.append(&record(80, 1.0)).unwrap();
            assert_eq!(read_metrics(&path).unwrap().len(), kept + 1, "{text:?} from {resumed_from:?}");
        }
    }

    #[test]
    fn broken_lines_are_named() {
        let cases: [(&[u8], &str); 5] = [
            (b"{\"step\":1}\n{\"loss\":1}\n", "line 2: no whole number `step`"),
            (b"{\"step\":-1}\n", "line 1: no whole number `step`"),
            (b"{\"step\":1,\"loss\":\"x\"}\n", "line 1: `loss` is no number"),
            (b"[1]\n", "line 1: invalid type: sequence, expected a map at line 1 column 0"),
            (b"\xff\n", "not a text file (UTF-8)"),
        ];
        for (text, message) in cases {
            let (_folder, path) = file(text);
            assert_eq!(read_metrics(&path).unwrap_err().to_string(), format!("{}: {message}", path.display()));
        }
    }
}
