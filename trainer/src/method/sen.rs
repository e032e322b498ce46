//! SEN: a symmetric embedding network whose prediction of the transformed view must be recognised (Park et al., 2022).

use candle_core::Result;
use sextant_runtime::contract::output::EQUIVARIANT;

use super::simclr::TEMPERATURE;
use super::{
    EquivariantBranch, EquivariantMethod, MethodEntry, MethodOutput, ModelKey, Needs, Sees, Setting, Views, nt_xent,
};
use crate::nn::{Encoder, Mode, Scope};
use crate::transformation::Condition;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "sen",
    paper: "Park et al., ICML 2022, arXiv 2204.11371",
    loss: "NT-Xent between the prediction from one view and the other view's embedding; no invariance",
    reads_map_alone: false,
    needs: |config, _| Needs::by_options(config),
    labels: &[],
    options: &[
        TEMPERATURE,
        Condition::CODE,
        Condition::TRANSFORMATION,
        EquivariantBranch::PREDICTOR,
        EquivariantBranch::BIAS,
        EquivariantBranch::HIDDEN,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Sen::new(setting, scope)?)),
};

/// A projector on the whole features with a predictor.
pub struct Sen {
    temperature: f64,
    equivariant: EquivariantBranch,
}

impl Sen {
    /// With the config's projector sizes.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let temperature = setting.method.number(TEMPERATURE.key)?;
        Ok(Self { temperature, equivariant: EquivariantBranch::new(Sees::Whole, setting, scope)? })
    }
}

impl EquivariantMethod for Sen {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let equivariant = self.equivariant.embed(&features[0], Mode::Train)?;
        let target = self.equivariant.embed(&features[1], Mode::Train)?;
        let predicted = self.equivariant.predict(&equivariant, &views.actions(0, 1))?;
        let [predicted, target] = views.of_whole_batch([&predicted, &target])?;
        let terms = vec![("equivariance", 1.0, nt_xent(&[&predicted, &target], self.temperature)?)];
        MethodOutput::of(terms, features, vec![(EQUIVARIANT, equivariant)])
    }

    fn equivariant(&self) -> &EquivariantBranch {
        &self.equivariant
    }
}
