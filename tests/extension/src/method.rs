//! Barlow Twins: the cross-correlation of two views' embeddings is to be the identity.

use candle_core::{DType, Result, Tensor};
use sextant_trainer::method::{
    Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm,
};
use sextant_trainer::nn::{Encoded, Encoder, Mode, Projector, Scope};
use sextant_trainer::options::ConfigOption;

pub const ENTRY: MethodEntry = MethodEntry {
    name: "barlow-twins",
    paper: "Zbontar et al., ICML 2021, arXiv 2103.03230",
    loss: "squared distance of the embeddings' cross-correlation from the identity",
    reads_map_alone: false,
    labels: &[],
    needs: |_, _| Ok(Needs::TWO_VIEWS),
    options: &[REDUNDANCY],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(BarlowTwins::new(setting, scope)?)),
};

const REDUNDANCY: ConfigOption =
    ConfigOption::weight("redundancy_weight", 0.005, "correlation between different dimensions");

struct BarlowTwins {
    redundancy: f64,
    projector: Projector,
}

impl BarlowTwins {
    fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let (width, model) = (setting.feature_width, setting.model);
        let place = &mut scope.child("projector");
        let projector = Projector::new(width, model.projector_hidden, model.embedding, place)?;
        Ok(Self { redundancy: setting.method.number(REDUNDANCY.key)?, projector })
    }

    /// Equation 1 on the whole batch, divided by the width of the embedding.
    fn terms(&self, a: &Tensor, b: &Tensor) -> Result<Vec<WeightedTerm>> {
        let (rows, width) = a.dims2()?;
        let correlation = (standardised(a)?.t()?.matmul(&standardised(b)?)? / rows as f64)?;
        let identity = Tensor::eye(width, DType::F32, a.device())?;
        let error = (correlation - &identity)?.sqr()?;
        let invariance = ((&error * &identity)?.sum_all()? / width as f64)?;
        let redundancy = ((&error.sum_all()? / width as f64)? - &invariance)?;
        Ok(vec![("invariance", 1.0, invariance), ("redundancy", self.redundancy, redundancy)])
    }
}

/// Each column with mean 0 and variance 1.
fn standardised(x: &Tensor) -> Result<Tensor> {
    let centred = x.broadcast_sub(&x.mean_keepdim(0)?)?;
    let deviation = (centred.sqr()?.mean_keepdim(0)? + 1e-5)?.sqrt()?;
    centred.broadcast_div(&deviation)
}

impl Method for BarlowTwins {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let [all_a, all_b] = views.of_whole_batch([&a, &b])?;
        MethodOutput::of(self.terms(&all_a, &all_b)?, features, vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }
}
