//! Self-supervised methods: each is one file that implements [`Method`] and one line of [`METHODS`].

mod loss;
mod sie;

use candle_core::Tensor;
use sextant_runtime::graph::Graph;
use sextant_runtime::rotation::UnitQuaternion;

use crate::config::Config;
use crate::nn::{Encoder, Scope};

pub use loss::{covariance, mean_squared_error, variance_hinge};
pub use sie::Sie;

/// Two views of a batch of objects, ready for a network.
pub struct Views {
    /// Normalised images of each view, `[n, h, w, 3]`.
    pub images: [Tensor; 2],
    /// World-from-object rotation of each view.
    pub rotations: [Vec<UnitQuaternion>; 2],
}

/// What a method makes of a batch.
pub struct MethodOutput {
    /// Scalar to minimise.
    pub loss: Tensor,
    /// The unweighted terms of the loss, scalars, by name.
    pub terms: Vec<(&'static str, Tensor)>,
    /// The encoder's features of each view, `[n, feature_width]`, with their gradient.
    pub features: [Tensor; 2],
    /// Embeddings of the first view that can collapse, `[n, d]`, by name.
    pub embeddings: Vec<(&'static str, Tensor)>,
}

/// One way to learn features from pairs of views.
pub trait Method {
    /// The loss of a batch, in training mode.
    ///
    /// # Errors
    /// When shapes differ.
    fn loss(&self, encoder: &Encoder, views: &Views) -> candle_core::Result<MethodOutput>;

    /// Whether the loss on each of several ranks is that of the whole batch, or a mean over rows; a method that does
    /// not say so trains on one rank only.
    fn spans_ranks(&self) -> bool {
        false
    }

    /// The deployed predictor: a graph from `equivariant` and `condition` to `predicted_embedding`, and from
    /// `equivariant` alone to `embedding`; `None` when the method predicts nothing.
    ///
    /// # Errors
    /// When a folded weight is not finite.
    fn lower_predictor(&self, equivariant_width: usize) -> anyhow::Result<Option<Graph>>;
}

/// Makes a method's networks for features of a width.
pub type BuildMethod = fn(&Config, usize, &mut Scope) -> candle_core::Result<Box<dyn Method>>;

/// A method as users see it.
pub struct MethodEntry {
    /// The value of `method.name`.
    pub name: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// Its loss in one line.
    pub loss: &'static str,
    /// Makes it.
    pub build: BuildMethod,
}

/// Every method there is.
pub const METHODS: &[MethodEntry] = &[sie::ENTRY];

/// The method of that name.
pub fn find(name: &str) -> Option<&'static MethodEntry> {
    METHODS.iter().find(|entry| entry.name == name)
}
