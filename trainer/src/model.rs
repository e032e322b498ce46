//! The network of a run: encoder, heads and the method's own layers, with every tensor they hold.

use std::sync::Arc;

use candle_core::{Device, Result, Tensor};
use rayon::prelude::*;
use sextant_runtime::calibration::Images;
use sextant_runtime::contract::{self, output};
use sextant_runtime::graph::{DataType, Graph, GraphBuilder, Op};
use sextant_runtime::rotation::{UnitQuaternion, nearest_rotation};

use crate::collective::{Alone, Collective};
use crate::config::Config;
use crate::data::GroundTruth;
use crate::method::{LoweredFeatures, Method, Setting, TransformationLogits};
use crate::nn::{
    ClassHead, EightBits, Encoded, Encoder, EncoderSetting, Mode, ParameterStore, RotationHead, calibrate, split_halves,
};
use crate::ops::Activation;
use crate::transformation::Transformation;

/// Node of the lowered graph that normalises images.
const NORMALIZE: &str = "normalize";
/// Bytes that a thread normalises at a time: whole pixels.
const NORMALISED_TOGETHER: usize = 3 << 14;

/// Everything that is trained and saved.
pub struct Model {
    /// Images to features.
    pub encoder: Box<dyn Encoder>,
    /// Features to nine numbers of a rotation matrix; `None` where the data know no rotations.
    pub rotation_head: Option<RotationHead>,
    /// Invariant half to class logits; `None` where the data know no classes.
    pub class_head: Option<ClassHead>,
    /// The self-supervised objective with its projectors and predictor.
    pub method: Box<dyn Method>,
    store: ParameterStore,
    normaliser: Normaliser,
    /// What follows the normalisation.
    image: EightBits,
}

/// Bytes of images to what the encoder takes, on the encoder's device.
#[derive(Clone, Debug)]
pub struct Normaliser {
    mean: [f32; 3],
    std: [f32; 3],
    image_size: usize,
    device: Device,
}

/// What the deployed network makes of images.
pub struct Outputs {
    /// `[n, feature_width]`.
    pub features: Tensor,
    /// Camera-from-object rotation of each image; `None` without a rotation head.
    pub rotations: Option<Vec<UnitQuaternion>>,
    /// `[n, classes]`; `None` without a class head.
    pub class_logits: Option<Tensor>,
    /// What the method says was done to each image.
    pub transformation_logits: Vec<TransformationLogits>,
}

impl Normaliser {
    /// Where images go.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// See [`Model::normalise`].
    ///
    /// # Errors
    /// When the bytes do not fill whole images.
    pub fn normalise(&self, images: &[u8]) -> Result<Tensor> {
        let size = self.image_size;
        let table: Vec<[f32; 256]> =
            (0..3).map(|c| std::array::from_fn(|byte| (byte as f32 / 255.0 - self.mean[c]) / self.std[c])).collect();
        let mut values = vec![0.0; images.len()];
        let chunks = values.par_chunks_mut(NORMALISED_TOGETHER).zip(images.par_chunks(NORMALISED_TOGETHER));
        chunks.for_each(|(values, bytes)| {
            for (rgb, bytes) in values.as_chunks_mut::<3>().0.iter_mut().zip(bytes.as_chunks::<3>().0) {
                *rgb = [0, 1, 2].map(|c| table[c][usize::from(bytes[c])]);
            }
        });
        Tensor::from_vec(values, (images.len() / (size * size * 3), size, size, 3), &self.device)
    }
}

impl Model {
    /// A network with fresh weights from the config's seed.
    ///
    /// # Errors
    /// When the encoder or the method is unknown or the device has no memory for it.
    pub fn new(config: &Config, truth: GroundTruth, device: &Device) -> Result<Self> {
        Self::among(config, truth, device, Arc::new(Alone))
    }

    /// As [`Self::new`], for a network that the ranks of a job train together.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn among(config: &Config, truth: GroundTruth, device: &Device, ranks: Arc<dyn Collective>) -> Result<Self> {
        let mut store = ParameterStore::among(config.fit.seed, device, ranks);
        let eight_bits = config.fit.is_for_eight_bits();
        let image = EightBits::of(NORMALIZE, &mut store.root().child("image").for_eight_bits(eight_bits))?;
        let image_size = config.data.image_size;
        let registry = config.registry();
        let Some(encoder_entry) = registry.encoders().find(&config.model.encoder) else {
            candle_core::bail!("there is no encoder '{}'", config.model.encoder)
        };
        let setting =
            EncoderSetting { image_size, options: &config.model.options, invariant_head: config.model.invariant_head };
        let encoder = encoder_entry.init(setting, &mut store.root().child("encoder").for_eight_bits(eight_bits))?;
        let width = encoder.feature_width();
        let rotation_head = truth.rotations.then(|| {
            let mut root = store.root();
            RotationHead::new(width, config.heads.hidden, &mut root.child("rotation_head").for_eight_bits(eight_bits))
        });
        let rotation_head = rotation_head.transpose()?;
        let class_head = (truth.classes > 0)
            .then(|| ClassHead::new(width / 2, truth.classes, &mut store.root().child("class_head")))
            .transpose()?;
        let Some(entry) = registry.methods().find(&config.method.name) else {
            candle_core::bail!("there is no method '{}'", config.method.name)
        };
        let map_channels = encoder.map_channels();
        let setting = Setting {
            method: &config.method,
            model: &config.model,
            encoder: encoder_entry,
            image_size,
            feature_width: width,
            map_channels,
            classes: truth.classes,
            transformations: registry.transformations(),
        };
        let method = (entry.build)(setting, &mut store.root().child("method"))?;
        let (mean, std) = (config.data.mean, config.data.std);
        let normaliser = Normaliser { mean, std, image_size, device: device.clone() };
        Ok(Self { encoder, rotation_head, class_head, method, store, normaliser, image })
    }

    /// The tensors of the network.
    pub fn parameters(&self) -> &ParameterStore {
        &self.store
    }

    /// Normalised images: `(x / 255 - mean) / std` for each channel.
    ///
    /// # Shapes
    /// `images` is `u8 [n, size, size, 3]`, row-major; the result is `f32` of that shape.
    ///
    /// # Errors
    /// When the bytes do not fill whole images.
    pub fn normalise(&self, images: &[u8]) -> Result<Tensor> {
        self.normaliser.normalise(images)
    }

    /// What [`Self::normalise`] does, for another thread.
    pub fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// Normalised images as the encoder sees them in training: rounded where it is trained for eight bits.
    ///
    /// # Errors
    /// When they are not in main memory.
    pub fn as_trained_on(&self, images: &Tensor) -> Result<Tensor> {
        self.image.follow(images, Activation::Identity, Mode::Train)
    }

    /// Chooses the eight-bit numbers of every value that is rounded in training, as the quantiser does for the deployed
    /// network on the same images `u8 [n, size, size, 3]`.
    ///
    /// # Errors
    /// When a folded weight is not finite, or the bytes do not fill whole images.
    pub fn calibrate(&self, images: &[u8]) -> anyhow::Result<()> {
        let graph = &self.lower()?[0];
        let images = Images { pixels: images, count: images.len() / (self.normaliser.image_size.pow(2) * 3) };
        calibrate(self.store.eight_bit_values(), graph, images)
    }

    /// Last map and features of normalised images `[n, size, size, 3]`, in evaluation mode and without gradient.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn encode(&self, images: &Tensor) -> Result<Encoded> {
        let Encoded { map, features } = self.encoder.encode(images, Mode::Evaluate)?;
        Ok(Encoded { map: map.detach(), features: features.detach() })
    }

    /// What the deployed network makes of normalised images `[n, size, size, 3]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn evaluate(&self, images: &Tensor) -> Result<Outputs> {
        self.outputs(&self.encode(images)?)
    }

    /// What the deployed heads make of encoded images.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn outputs(&self, encoded: &Encoded) -> Result<Outputs> {
        let features = encoded.features.clone();
        let (invariant, _) = split_halves(&features)?;
        let class_logits = |head: &ClassHead| head.forward(&invariant).map(|logits| logits.detach());
        Ok(Outputs {
            rotations: self.rotation_head.as_ref().map(|head| rotations(head, &features)).transpose()?,
            class_logits: self.class_head.as_ref().map(class_logits).transpose()?,
            transformation_logits: self.method.transformation_logits(&features)?,
            features,
        })
    }

    /// The deployable graphs: `encode`, and `predict_latent` where the method has a predictor.
    ///
    /// # Errors
    /// When a folded weight is not finite.
    pub fn lower(&self) -> anyhow::Result<Vec<Graph>> {
        let width = self.encoder.feature_width();
        let mut graph = GraphBuilder::new(contract::graph::ENCODE);
        let size = self.normaliser.image_size;
        let image = graph.input(contract::input::IMAGE, &[size, size, 3], DataType::U8);
        let normalised =
            graph.node(NORMALIZE, Op::Normalize { mean: self.normaliser.mean, std: self.normaliser.std }, &[image])?;
        let features = self.encoder.lower(&mut graph, normalised)?;
        let features = LoweredFeatures::of(&mut graph, features)?;
        let rotation = self.rotation_head.as_ref().map(|head| head.lower(&mut graph, features.whole)).transpose()?;
        let class_logits =
            self.class_head.as_ref().map(|head| head.lower(&mut graph, features.invariant)).transpose()?;
        let outputs = [
            (output::ROTATION_WXYZ, rotation),
            (output::CLASS_LOGITS, class_logits),
            (output::INVARIANT, Some(features.invariant)),
            (output::EQUIVARIANT, Some(features.equivariant)),
        ];
        for (name, value) in outputs {
            value.into_iter().for_each(|value| graph.output(name, value));
        }
        for (transformation, value) in self.method.lower_transformation_logits(&mut graph, features)? {
            graph.output(&transformation_output(transformation), value);
        }
        let predictor = self.method.lower_predictor(width / 2)?;
        Ok(std::iter::once(graph.finish()).chain(predictor).collect())
    }
}

fn rotations(head: &RotationHead, features: &Tensor) -> Result<Vec<UnitQuaternion>> {
    let matrices = head.forward(features, Mode::Evaluate)?.detach().to_vec2::<f32>()?;
    Ok(matrices.iter().map(|m| nearest_rotation(&std::array::from_fn(|i| m[i]))).collect())
}

/// The deployed output that says what a transformation did to an image.
pub fn transformation_output(transformation: &dyn Transformation) -> String {
    format!("{}{}", output::TRANSFORMATION_LOGITS, transformation.name())
}

#[cfg(test)]
mod tests {
    use sextant_runtime::graph::Node;

    use super::*;
    use crate::registry::Registry;

    /// Multiply-accumulates of a node on one sample.
    fn macs(graph: &Graph, node: &Node) -> usize {
        let made: usize = graph.value(node.output).shape.iter().product();
        match &node.op {
            Op::Conv2d { weight, .. } => made * graph.weight(*weight).shape[1..].iter().product::<usize>(),
            Op::Linear { weight, .. } => graph.weight(*weight).floats().len(),
            _ => 0,
        }
    }

    #[test]
    fn the_small_network_fits_microcontrollers() {
        // Without the layers that only the invariant half goes through, and with a small head.
        let sets = ["data.image_size=64", "model.invariant_head=0", "heads.hidden=128"].map(String::from);
        let config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
        let graphs = Model::new(&config, GroundTruth::posed(64), &Device::Cpu).unwrap().lower().unwrap();
        let encode = &graphs[0];
        let macs: usize = encode.nodes.iter().map(|node| macs(encode, node)).sum();
        assert!(macs > 9_000_000 && macs <= 12_000_000, "{macs} multiply-accumulates");
        let weights = encode.weights.iter().filter(|weight| weight.shape.len() > 1).map(|w| w.floats().len());
        let weights = weights.sum::<usize>();
        assert!(weights <= 256 * 1024, "{weights} weights of one byte each");
    }
}
