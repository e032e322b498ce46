//! Probes that learn beside the network on its detached features, to show what the features hold while they form.

use candle_core::{Device, Result, Tensor};
use sextant_runtime::rotation::UnitQuaternion;

use crate::evaluate::{PairFeatures, RotationR2, rotation_r2};
use crate::nn::{Linear, ParameterStore, cross_entropy};
use crate::ops;

/// Linear class probe on whole features, and a probe of the rotation between two views on both features.
pub struct OnlineProbes {
    class: Linear,
    rotation_hidden: Linear,
    rotation_last: Linear,
    store: ParameterStore,
}

/// Losses of the probes on a batch, scalars with gradients to the probes alone.
pub struct ProbeLosses {
    /// Cross-entropy of the class probe.
    pub class: Tensor,
    /// Squared error of the rotation probe.
    pub rotation: Tensor,
}

/// Width of the rotation probe's hidden layer: small, since it is trained at every step.
const HIDDEN: usize = 256;

impl OnlineProbes {
    /// Fresh probes for features of a width.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(feature_width: usize, classes: usize, seed: u64, device: &candle_core::Device) -> Result<Self> {
        let mut store = ParameterStore::new(seed, device);
        let mut root = store.root();
        let class = Linear::new(feature_width, classes, &mut root.child("probe.class"))?;
        let rotation_hidden = Linear::new(2 * feature_width, HIDDEN, &mut root.child("probe.rotation_hidden"))?;
        let rotation_last = Linear::new(HIDDEN, 4, &mut root.child("probe.rotation_last"))?;
        Ok(Self { class, rotation_hidden, rotation_last, store })
    }

    /// The tensors of the probes.
    pub fn parameters(&self) -> &ParameterStore {
        &self.store
    }

    /// What the probes pay on a batch of features `[n, feature_width]` of two views, which are detached here.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn losses(
        &self,
        features: [&Tensor; 2],
        labels: &Tensor,
        rotations: [&[UnitQuaternion]; 2],
    ) -> Result<ProbeLosses> {
        let detached = features.map(Tensor::detach);
        let target = relative_quaternions(rotations, labels.device())?;
        let class = (cross_entropy(&self.class.forward(&detached[0])?, labels)?
            + cross_entropy(&self.class.forward(&detached[1])?, labels)?)?;
        let rotation = (self.rotation(&detached)? - target)?.sqr()?.mean_all()?;
        Ok(ProbeLosses { class: (class * 0.5)?, rotation })
    }

    /// Share of images of both views whose class the probe gets right.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn class_top1(&self, pairs: &PairFeatures) -> Result<f64> {
        let found = self.class.forward(&Tensor::cat(&pairs.features, 0)?)?.argmax(1)?.to_vec1::<u32>()?;
        let labels = pairs.labels.iter().chain(&pairs.labels);
        let right = found.iter().zip(labels).filter(|(found, label)| found == label).count();
        Ok(right as f64 / found.len().max(1) as f64)
    }

    /// How well the probe reads the rotation between the views.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn rotation_r2(&self, pairs: &PairFeatures) -> Result<RotationR2> {
        let predicted = self.rotation(&pairs.features)?.flatten_all()?.to_vec1::<f32>()?;
        let target = relative_quaternions(pairs.rotations.each_ref().map(Vec::as_slice), pairs.features[0].device())?;
        Ok(rotation_r2(&target.flatten_all()?.to_vec1::<f32>()?, &predicted, 4))
    }

    fn rotation(&self, features: &[Tensor; 2]) -> Result<Tensor> {
        let hidden = self.rotation_hidden.forward(&Tensor::cat(features, 1)?)?;
        self.rotation_last.forward(&ops::relu(&hidden)?)
    }
}

/// `R1^-1 R2` of each pair as canonical `wxyz`, `[n, 4]`.
fn relative_quaternions([first, second]: [&[UnitQuaternion]; 2], device: &Device) -> Result<Tensor> {
    let numbers: Vec<f32> = first.iter().zip(second).flat_map(|(a, b)| a.relative_rotation(*b).wxyz()).collect();
    Tensor::from_vec(numbers, (first.len(), 4), device)
}
