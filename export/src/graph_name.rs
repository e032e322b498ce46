use std::fmt;

use serde::Serialize;
use sextant_runtime::contract::graph;

/// A graph of a deployed model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphName {
    /// Image to rotation, class and both halves of the features.
    #[default]
    Encode,
    /// Equivariant features and a relative rotation to the features after it.
    PredictLatent,
}

impl GraphName {
    /// Every graph that a model can have.
    pub const ALL: [Self; 2] = [Self::Encode, Self::PredictLatent];

    /// The graph's name in the model file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encode => graph::ENCODE,
            Self::PredictLatent => graph::PREDICT_LATENT,
        }
    }
}

impl fmt::Display for GraphName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
