//! The run folder: everything that a run leaves behind, written so that it can be killed at any moment.
//!
//! Every file appears whole or not at all, a checkpoint is swapped in as one folder, one process writes at a time.

mod abort_point;
mod atomic;
mod checkpoint;
mod error;
mod events;
mod folder;
mod metrics;
mod progress;
mod swap;
mod tensors;

pub use atomic::{write_atomically, write_atomically_with};
pub use checkpoint::{Checkpoint, CheckpointState};
pub use error::RunError;
pub use events::EventWriter;
pub use folder::{CONFIG_FILE, CheckpointSlot, RunFolder};
pub use metrics::{MetricRecord, MetricsLog, read_metrics};
pub use progress::{Figures, Progress, Surface};
pub use tensors::{read_tensors, set_parameters, write_tensors};
