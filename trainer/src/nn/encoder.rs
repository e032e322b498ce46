use candle_core::{DType, Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use super::invariant_head::WithInvariantHead;
use super::{Mode, Scope, eqresnet18, eqtiny, resnet18, tiny};
use crate::ops::tape;
use crate::options::{ConfigOption, Named, Options};

/// Every encoder of this project.
pub const ENCODERS: [EncoderEntry; 8] = [
    tiny::ENTRY,
    tiny::POOLED_ENTRY,
    resnet18::ENTRY,
    resnet18::CIFAR_ENTRY,
    eqtiny::C4_ENTRY,
    eqtiny::D4_ENTRY,
    eqresnet18::C4_ENTRY,
    eqresnet18::D4_ENTRY,
];

/// Images to feature vectors, whose first half is invariant and whose second half is equivariant.
///
/// In main memory [`Self::encode`] may be recorded in training: everything between the images and what it returns has to be
/// operators of [`crate::ops`], or such as [`tape`] tells how to make.
pub trait Encoder {
    /// Numbers in a feature vector, even.
    fn feature_width(&self) -> usize;

    /// Channels of the last spatial map.
    fn map_channels(&self) -> usize;

    /// The motions of a picture that map and features follow, whatever the weights. The map of a moved picture is the moved map,
    /// with its channels in the order of moved orientations; the invariant half stays as it is; and the equivariant half has an
    /// orientation of its fields for each motion, as the channels of a map over the group
    /// ([`sextant_runtime::plane_group`]).
    fn equivariant_to(&self) -> PlaneGroup {
        PlaneGroup::Identity
    }

    /// The last spatial map with the features.
    ///
    /// # Shapes
    /// Normalised images `[n, h, w, 3]` to a map `[n, h', w', map_channels]` and features `[n, feature_width]`.
    ///
    /// # Errors
    /// When the image does not fit the network.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded>;

    /// Appends the network's operators from the normalised images to the features.
    ///
    /// # Errors
    /// When the image does not fit, or a folded weight is not finite.
    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId>;

    /// The features alone.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn forward(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.encode(images, mode)?.features)
    }
}

/// What an encoder is made for.
#[derive(Clone, Copy, Debug)]
pub struct EncoderSetting<'a> {
    /// Rows and columns of an image.
    pub image_size: usize,
    /// What its own keys of `[model]` are set to.
    pub options: &'a Options,
    /// Width of the hidden layers that only the invariant half goes through; 0 without such layers.
    pub invariant_head: usize,
}

/// Makes an encoder with fresh weights for square images of a size.
pub type BuildEncoder = fn(EncoderSetting, &mut Scope) -> Result<Box<dyn Encoder>>;

/// An encoder as users see it.
#[derive(Clone, Copy, Debug)]
pub struct EncoderEntry {
    /// The value of `model.encoder`.
    pub name: &'static str,
    /// Whether its features are the mean over its last map, with no layer between.
    pub pools_map: bool,
    /// What it is, in one line.
    pub description: &'static str,
    /// The keys that it alone has in `[model]`.
    pub options: &'static [ConfigOption],
    /// Makes it; [`Self::init`] is what to call.
    pub build: BuildEncoder,
}

impl Named for EncoderEntry {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl EncoderEntry {
    /// Makes the network for square images of a size, recorded where a recording is on.
    ///
    /// # Errors
    /// When an option of it is missing, or the device has no memory for it.
    pub fn init(&self, setting: EncoderSetting, scope: &mut Scope) -> Result<Box<dyn Encoder>> {
        let encoder = Box::new(Recorded((self.build)(setting, scope)?));
        Ok(match setting.invariant_head {
            0 => encoder,
            hidden => Box::new(WithInvariantHead::new(encoder, hidden, scope)?),
        })
    }

    /// As [`Self::init`], with all options at their defaults.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn init_by_default(&self, image_size: usize, scope: &mut Scope) -> Result<Box<dyn Encoder>> {
        let options = &Options::defaults(self.options);
        self.init(EncoderSetting { image_size, options, invariant_head: 0 }, scope)
    }
}

/// An encoder whose operators a recording notes.
struct Recorded(Box<dyn Encoder>);

impl Encoder for Recorded {
    fn feature_width(&self) -> usize {
        self.0.feature_width()
    }

    fn map_channels(&self) -> usize {
        self.0.map_channels()
    }

    fn equivariant_to(&self) -> PlaneGroup {
        self.0.equivariant_to()
    }

    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        let encode = || self.0.encode(images, mode);
        if !images.device().is_cpu() {
            // Whatever reads the map is in single precision, as the features are.
            let Encoded { map, features } = encode()?;
            return Ok(Encoded { map: map.to_dtype(DType::F32)?, features });
        }
        if mode != Mode::Train {
            return encode();
        }
        let [map, features] = tape::record(|| encode().map(|Encoded { map, features }| [map, features]))?;
        Ok(Encoded { map, features })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        self.0.lower(graph, images)
    }
}

/// What an encoder makes of images.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Last spatial map, `[n, h, w, map_channels]`.
    pub map: Tensor,
    /// What the encoder makes of the map, `[n, feature_width]`: what is deployed.
    pub features: Tensor,
}

/// The invariant half and the equivariant half of features `[n, d]`, each `[n, d / 2]`.
///
/// # Errors
/// When the features are not a matrix.
pub fn split_halves(features: &Tensor) -> Result<(Tensor, Tensor)> {
    let half = features.dim(1)? / 2;
    Ok((features.narrow(1, 0, half)?.contiguous()?, features.narrow(1, half, half)?.contiguous()?))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::nn::ParameterStore;
    use crate::ops;

    /// Gradients of a loss of two views' maps and features by every weight, with and without a recording.
    fn gradients(entry: EncoderEntry, for_eight_bits: bool, recorded: bool) -> Vec<(String, Vec<f32>)> {
        let mut store = ParameterStore::new(1, &Device::Cpu);
        let encoder = entry.init_by_default(32, &mut store.root().for_eight_bits(for_eight_bits)).unwrap();
        for value in store.eight_bit_values() {
            value.numbers.set(&Tensor::new(&[0.03f32, -30.0], &Device::Cpu).unwrap()).unwrap();
        }
        let images = |phase: f64| {
            let waves = (Tensor::arange(0u32, 3 * 32 * 32 * 3, &Device::Cpu)?.to_dtype(DType::F32)? * 0.37)?;
            (waves + phase)?.sin()?.reshape((3, 32, 32, 3))
        };
        let recording = recorded.then(tape::Recording::start);
        let views = [0.3, 1.1].map(|phase| encoder.encode(&images(phase).unwrap(), Mode::Train).unwrap());
        let [a, b] = &views;
        let apart = (&a.features - &b.features).unwrap().sqr().unwrap().sum_all().unwrap();
        let large = (a.map.sqr().unwrap().mean_all().unwrap() * 3.0).unwrap();
        let mut gradients = (apart + large).unwrap().backward().unwrap();
        if let Some(recording) = recording {
            recording.finish(&mut gradients).unwrap();
        }
        let numbers = |var: &Tensor| gradients.get(var).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        store.trained().iter().map(|(name, var)| (name.clone(), numbers(var))).collect()
    }

    #[test]
    fn recorded_gradients_are_those_of_candle() {
        for (entry, for_eight_bits) in ENCODERS.into_iter().flat_map(|entry| [(entry, false), (entry, true)]) {
            let [candle, recorded] = [false, true].map(|recorded| gradients(entry, for_eight_bits, recorded));
            assert!(candle.len() > 20);
            for ((name, a), (_, b)) in candle.iter().zip(&recorded) {
                let largest = a.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
                for (a, b) in a.iter().zip(b) {
                    assert!((a - b).abs() <= 1e-5 * largest, "{name}: {a} is not {b}, of {largest}");
                }
            }
        }
    }

    #[test]
    fn an_encoder_for_eight_bits_rounds_in_training_and_keeps_its_statistics() {
        let mut store = ParameterStore::new(1, &Device::Cpu);
        let encoder = tiny::ENTRY.init_by_default(32, &mut store.root().for_eight_bits(true)).unwrap();
        let step = 0.5f32;
        for value in store.eight_bit_values() {
            value.numbers.set(&Tensor::new(&[step, -100.0], &Device::Cpu).unwrap()).unwrap();
        }
        let numbers = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let buffers = || store.buffers().values().map(|var| numbers(var)).collect::<Vec<_>>();
        let before = buffers();
        let images = (Tensor::arange(0u32, 2 * 32 * 32 * 3, &Device::Cpu).unwrap().to_dtype(DType::F32).unwrap()
            * 0.37)
            .and_then(|waves| waves.sin()?.reshape((2, 32, 32, 3)))
            .unwrap();
        let is_rounded = |mode: Mode| {
            let features = numbers(&encoder.forward(&images, mode).unwrap());
            assert!(features.iter().any(|x| *x != 0.0));
            features.iter().all(|x| (x / step).fract() == 0.0)
        };
        assert!(is_rounded(Mode::Train) && !is_rounded(Mode::Evaluate));
        assert_eq!(buffers(), before);
    }

    #[test]
    fn operators_that_are_not_ours_are_refused_in_a_recording() {
        let mut store = ParameterStore::new(1, &Device::Cpu);
        let weight = store.root().he_normal("weight", (2, 2), 2).unwrap();
        let recording = tape::Recording::start();
        let foreign = tape::record(|| Ok([weight.sqr()?])).unwrap_err().to_string();
        assert!(foreign.contains("not made by a recorded operator"), "{foreign}");
        let mixed = tape::record(|| Ok([ops::relu(&weight.sqr()?)?])).unwrap_err().to_string();
        assert!(mixed.contains("that is not recorded"), "{mixed}");
        drop(recording);
    }
}
