//! The run folder: everything that a run leaves behind, written so that it can be killed at any moment.
//!
//! Every file appears whole or not at all, a checkpoint is swapped in as one folder, one process writes at a time.

mod checkpoint;
mod error;
mod events;
mod folder;
mod metrics;
mod progress;
mod tensors;

pub use checkpoint::{Checkpoint, CheckpointState};
pub use error::RunError;
pub use events::EventWriter;
pub use folder::{CheckpointSlot, RunFolder};
pub use metrics::{MetricRecord, MetricsLog, read_metrics};
pub use progress::{Figures, Progress, Surface};
pub use sextant_runtime::contract::run_folder::CONFIG as CONFIG_FILE;
pub use tensors::{read_tensors, set_parameters, words_of_tensors, write_half_tensors, write_tensors};
