//! What a trained network is worth: probes on frozen features and errors of the deployed heads, on held-out objects.

mod angles;
mod deployed;
mod display;
mod drift;
mod equivariance;
mod features;
mod figures;
mod gallery;
mod information;
mod inner_products;
mod knn;
mod laws;
mod linear_map;
mod measure;
mod of_pictures;
mod of_poses;
mod out_of_range;
mod parts;
mod pose;
mod probe;
mod r_squared;
mod rank;
mod references;
mod report;
mod responses;
mod retrieval;
mod split;
mod transformations;

pub use angles::{AngleBin, by_relative_angle};
pub use deployed::{DeployedComparison, DeployedError, DeployedEvaluation, compare_deployed};
pub use drift::{Drift, relative_drift};
pub use equivariance::{EquivarianceReport, Halves, MotionReport, Rows, equivariance};
pub use features::{
    EvaluationError, ImageFeatures, PairFeatures, fixed_objects, image_features, pair_features,
    pair_features_and_embeddings,
};
pub use figures::{Better, DeployedFigure, FIGURES, Figure, Group, Unit, figure};
pub use gallery::{Gallery, gallery_warning, views_of_object};
pub use information::{Estimate, Information};
pub use inner_products::InnerProducts;
pub use knn::knn_top1;
pub use laws::{PredictorLaws, predictor_laws, relative_error};
pub use measure::evaluate;
pub(crate) use measure::{images_of, probe_settings};
pub use out_of_range::OutOfRange;
pub use parts::{FEATURES, PARTS, PartName};
pub use pose::{GeodesicError, PoseErrors, PoseReport};
pub use probe::{ClassProbe, PairProbe, ProbeSettings};
pub use r_squared::{RotationR2, rotation_r2};
pub use rank::effective_rank;
pub use references::References;
pub use report::{ClassFigures, ClassReport, Evaluation, RotationFigures};
pub use responses::ResponseReport;
pub use retrieval::{Retrieval, RetrievalFigures, RetrievalOfSome, retrieval};
pub use split::{ByObjects, HalfReport, Split};
pub use transformations::TransformationReport;
use transformations::of_transformed;
