//! What a trained network is worth: probes on frozen features and errors of the deployed heads, on held-out objects.

mod features;
mod knn;
mod pose;
mod probe;
mod r_squared;
mod report;

pub use features::{EvaluationError, PairFeatures, camera_from_object, fixed_objects, pair_features};
pub use knn::knn_top1;
pub use pose::{PoseErrors, PoseReport};
pub use probe::{LinearProbe, ProbeSettings, RotationProbe};
pub use r_squared::{RotationR2, rotation_r2};
pub use report::{ClassReport, Evaluation, evaluate};
