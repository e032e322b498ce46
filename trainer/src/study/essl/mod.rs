//! The studies of "Understanding the Role of Equivariance in Self-supervised Learning" (Wang et al., NeurIPS 2024).

mod augmentations;
mod class_information;
pub(super) mod columns;
mod equivariant_networks;
mod fine_grained;
mod multivariate;
mod transforms;

use super::{Question, Row};

/// All of them.
pub const QUESTIONS: [Question; 6] = [
    transforms::QUESTION,
    augmentations::QUESTION,
    class_information::QUESTION,
    fine_grained::QUESTION,
    multivariate::QUESTION,
    equivariant_networks::QUESTION,
];

const PAPER: &str = "Wang et al. 2024";

/// A row that predicts transformations of finished pictures.
fn predicting(label: &str, transforms: &[&str]) -> Row {
    Row::new(label, &[&format!("data.transformations={transforms:?}"), &format!("method.transforms={transforms:?}")])
}

/// The encoder whose weights stay as they were drawn; how well turns are read from it is told beside it.
fn random_encoder() -> Row {
    Row::new("random-encoder", &["method.name=random-encoder", "data.transformations=[\"quarter-turns\"]"])
}
