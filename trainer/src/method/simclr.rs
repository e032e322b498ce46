//! SimCLR: contrastive learning of two views (Chen et al., ICML 2020).

use candle_core::Result;

use super::{Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, nt_xent};
use crate::nn::{Encoded, Encoder, Mode, Projector, Scope};
use crate::options::ConfigOption;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "simclr",
    paper: "Chen et al., ICML 2020, arXiv 2002.05709",
    loss: "NT-Xent: each view finds its other view among all views of the batch",
    reads_map_alone: false,
    needs: |_, _| Ok(Needs::TWO_VIEWS),
    labels: &[],
    options: &[TEMPERATURE],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(SimClr::new(setting, scope)?)),
};

pub(super) const TEMPERATURE: ConfigOption =
    ConfigOption::number("temperature", 0.1, 1e-3, 10.0, "divides the cosines before the softmax");

/// One projector on the whole features.
pub struct SimClr {
    temperature: f64,
    projector: Projector,
}

impl SimClr {
    /// With the config's projector sizes.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let (width, model) = (setting.feature_width, setting.model);
        let place = &mut scope.child("projector");
        let projector = Projector::new(width, model.projector_hidden, model.embedding, place)?;
        Ok(Self { temperature: setting.method.number(TEMPERATURE.key)?, projector })
    }
}

impl Method for SimClr {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let [all_a, all_b] = views.of_whole_batch([&a, &b])?;
        let terms = vec![("contrast", 1.0, nt_xent(&[all_a, all_b], self.temperature)?)];
        MethodOutput::of(terms, features, vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }
}
