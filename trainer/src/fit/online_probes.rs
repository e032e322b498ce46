//! Probes that learn beside the network on its detached features, to show what the features hold while they form.

use candle_core::{Device, Result, Tensor};
use sextant_runtime::rotation::UnitQuaternion;

use crate::data::GroundTruth;
use crate::evaluate::{PairFeatures, RotationR2, rotation_r2};
use crate::nn::{Linear, ParameterStore, Scope, cross_entropy};
use crate::ops;

/// Linear class probe on whole features, and a probe of the rotation between two views on both features; each where the
/// data know what it learns.
pub struct OnlineProbes {
    class: Option<Linear>,
    rotation: Option<RotationProbe>,
    store: ParameterStore,
}

/// Features of two views to the rotation between them.
struct RotationProbe {
    hidden: Linear,
    last: Linear,
}

/// Losses of the probes on a batch, scalars with gradients to the probes alone; `None` of a probe that there is not.
pub struct ProbeLosses {
    /// Cross-entropy of the class probe.
    pub class: Option<Tensor>,
    /// Squared error of the rotation probe.
    pub rotation: Option<Tensor>,
}

/// Width of the rotation probe's hidden layer: small, since it is trained at every step.
const HIDDEN: usize = 256;

impl OnlineProbes {
    /// Fresh probes for features of a width, of methods that see that many views of each subject.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(feature_width: usize, truth: GroundTruth, views: usize, seed: u64, device: &Device) -> Result<Self> {
        let mut store = ParameterStore::new(seed, device);
        let mut root = store.root();
        let class = (truth.classes > 0)
            .then(|| Linear::new(feature_width, truth.classes, &mut root.child("probe.class")))
            .transpose()?;
        let rotation =
            (truth.rotations && views > 1).then(|| RotationProbe::new(feature_width, &mut root)).transpose()?;
        Ok(Self { class, rotation, store })
    }

    /// The tensors of the probes.
    pub fn parameters(&self) -> &ParameterStore {
        &self.store
    }

    /// What the probes pay on a batch of features `[n, feature_width]` of its first one or two views, which are detached
    /// here.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn losses(
        &self,
        features: &[Tensor],
        labels: &Tensor,
        rotations: &[Vec<UnitQuaternion>],
    ) -> Result<ProbeLosses> {
        let detached: Vec<Tensor> = features.iter().take(2).map(Tensor::detach).collect();
        let class = |probe: &Linear| {
            let of_view = |features| cross_entropy(&probe.forward(features)?, labels);
            let losses = detached.iter().map(of_view).collect::<Result<Vec<_>>>()?;
            Tensor::stack(&losses, 0)?.mean_all()
        };
        let rotation = |probe: &RotationProbe| {
            let ([first, second], [from, to, ..]) = (detached.as_slice(), rotations) else {
                candle_core::bail!("a probe of two views is shown {}", detached.len())
            };
            let target = relative_quaternions([from, to], labels.device())?;
            (probe.forward([first, second])? - target)?.sqr()?.mean_all()
        };
        Ok(ProbeLosses {
            class: self.class.as_ref().map(class).transpose()?,
            rotation: self.rotation.as_ref().map(rotation).transpose()?,
        })
    }

    /// Share of images whose class the probe gets right; `None` where it does not know classes.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn class_top1(&self, features: &Tensor, labels: &[u32]) -> Result<Option<f64>> {
        let Some(probe) = &self.class else { return Ok(None) };
        let found = probe.forward(features)?.argmax(1)?.to_vec1::<u32>()?;
        let right = found.iter().zip(labels).filter(|(found, label)| found == label).count();
        Ok(Some(right as f64 / found.len().max(1) as f64))
    }

    /// How well the probe reads the rotation between the views; `None` where it does not know rotations.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn rotation_r2(&self, pairs: &PairFeatures) -> Result<Option<RotationR2>> {
        let Some(probe) = &self.rotation else { return Ok(None) };
        let predicted = probe.forward(pairs.features.each_ref())?.flatten_all()?.to_vec1::<f32>()?;
        let target = relative_quaternions(pairs.rotations.each_ref().map(Vec::as_slice), pairs.features[0].device())?;
        Ok(Some(rotation_r2(&target.flatten_all()?.to_vec1::<f32>()?, &predicted, 4)))
    }
}

impl RotationProbe {
    fn new(feature_width: usize, root: &mut Scope) -> Result<Self> {
        Ok(Self {
            hidden: Linear::new(2 * feature_width, HIDDEN, &mut root.child("probe.rotation_hidden"))?,
            last: Linear::new(HIDDEN, 4, &mut root.child("probe.rotation_last"))?,
        })
    }

    /// Features `[n, d]` of both views to `wxyz`, `[n, 4]`.
    fn forward(&self, features: [&Tensor; 2]) -> Result<Tensor> {
        let hidden = self.hidden.forward(&Tensor::cat(&features, 1)?)?;
        self.last.forward(&ops::relu(&hidden)?)
    }
}

/// `R1^-1 R2` of each pair as canonical `wxyz`, `[n, 4]`.
fn relative_quaternions([first, second]: [&[UnitQuaternion]; 2], device: &Device) -> Result<Tensor> {
    let numbers: Vec<f32> = first.iter().zip(second).flat_map(|(a, b)| a.relative_rotation(*b).wxyz()).collect();
    Tensor::from_vec(numbers, (first.len(), 4), device)
}
