use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};

use super::{Mode, ResNet18, Scope, Tiny};
use crate::config::EncoderKind;

/// Images to feature vectors, whose first half is invariant and whose second half is equivariant.
pub enum Encoder {
    /// [`EncoderKind::Tiny`].
    Tiny(Box<Tiny>),
    /// [`EncoderKind::Resnet18`].
    ResNet18(ResNet18),
}

impl Encoder {
    /// Makes the network for square images of a size.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(kind: EncoderKind, image_size: usize, scope: &mut Scope) -> Result<Self> {
        Ok(match kind {
            EncoderKind::Tiny => Self::Tiny(Box::new(Tiny::new(image_size, scope)?)),
            EncoderKind::Resnet18 => Self::ResNet18(ResNet18::new(scope)?),
        })
    }

    /// Numbers in a feature vector, even.
    pub fn feature_width(&self) -> usize {
        match self {
            Self::Tiny(_) => Tiny::FEATURES,
            Self::ResNet18(_) => ResNet18::FEATURES,
        }
    }

    /// Channels of the last spatial map.
    pub fn map_channels(&self) -> usize {
        match self {
            Self::Tiny(_) => Tiny::MAP_CHANNELS,
            Self::ResNet18(_) => ResNet18::FEATURES,
        }
    }

    /// # Shapes
    /// Normalised images `[n, h, w, 3]` to features `[n, feature_width]`.
    ///
    /// # Errors
    /// When the image is too small for the network.
    pub fn forward(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        Ok(self.encode(images, mode)?.features)
    }

    /// The last spatial map with the features.
    ///
    /// # Errors
    /// When the image is too small for the network.
    pub fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        match self {
            Self::Tiny(network) => network.encode(images, mode),
            Self::ResNet18(network) => network.encode(images, mode),
        }
    }

    /// Appends the network's operators.
    ///
    /// # Errors
    /// When the image does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        match self {
            Self::Tiny(network) => network.lower(graph, images),
            Self::ResNet18(network) => network.lower(graph, images),
        }
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
