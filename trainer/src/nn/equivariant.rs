use candle_core::{Result, Tensor, bail};
use sextant_runtime::graph::{GraphBuilder, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use super::matched::{Matched, whole_fields};
use super::split::{Positions, Split, SplitConfig};
use super::trunk::{Motions, Trunk, TrunkConfig};
use super::{Cost, Downsampling, Encoded, Encoder, EncoderSetting, Mode, Scope};
use crate::options::ConfigOption;

/// The keys that such encoders have in `[model]`.
pub(super) const OPTIONS: [ConfigOption; 2] = [
    ConfigOption::choice(
        MATCHED,
        &Matched::NAMES,
        "what it has in common with the plain encoder: channels, or about as many weights or multiply-adds",
    ),
    ConfigOption::choice(
        DOWNSAMPLING,
        &Downsampling::NAMES,
        "how it halves maps: behind a convolution without stride by max-pool or by blur, or with stride, which is cheapest",
    ),
];

const MATCHED: &str = "matched";
const DOWNSAMPLING: &str = "downsampling";

/// A plain encoder of which there is one that follows motions.
#[derive(Clone, Copy)]
pub(super) struct Plain {
    /// The layers that make the last map of square images of a size, for motions that they follow and for as many channels as
    /// stand for those of the plain encoder.
    pub trunk: fn(Motions, usize, &dyn Fn(usize) -> usize) -> TrunkConfig,
    /// How features come from the map.
    pub positions: Positions,
    /// Numbers in a feature vector.
    pub feature_width: usize,
    /// What the plain encoder costs on square images of a size.
    pub cost: fn(usize) -> Cost,
}

impl Plain {
    /// The encoder that follows the motions of a group, as its options say.
    ///
    /// # Errors
    /// When an option is missing, or the device has no memory for it.
    pub fn over(&self, group: PlaneGroup, setting: EncoderSetting, scope: &mut Scope) -> Result<Equivariant> {
        self.config(group, setting)?.init(scope)
    }

    /// The shape of that encoder.
    ///
    /// # Errors
    /// When an option is missing.
    pub fn config(&self, group: PlaneGroup, setting: EncoderSetting) -> Result<EquivariantConfig> {
        let EncoderSetting { image_size, options, .. } = setting;
        let (matched, downsampling) = (options.choice(MATCHED)?, options.choice(DOWNSAMPLING)?);
        let Some(matched) = Matched::named(&matched) else { bail!("no encoder is matched by '{matched}'") };
        let Some(downsampling) = Downsampling::named(&downsampling) else {
            bail!("no maps are halved by '{downsampling}'")
        };
        let motions = Motions { group, downsampling: Some(downsampling) };
        let by_factor = |factor: f64| {
            let channels = |plain: usize| whole_fields(factor * plain as f64, group.order());
            EquivariantConfig {
                group,
                image_size,
                trunk: (self.trunk)(motions, image_size, &channels),
                positions: self.positions,
                feature_width: self.feature_width,
            }
        };
        Ok(by_factor(matched.factor((self.cost)(image_size), |factor| by_factor(factor).cost())))
    }
}

/// Shape of an encoder that follows motions.
#[derive(Clone, Debug)]
pub(super) struct EquivariantConfig {
    group: PlaneGroup,
    image_size: usize,
    trunk: TrunkConfig,
    positions: Positions,
    feature_width: usize,
}

impl EquivariantConfig {
    fn split(&self) -> SplitConfig {
        SplitConfig {
            group: self.group,
            channels_in: self.trunk.channels_out(),
            side: self.trunk.side_of_result(self.image_size),
            half_width: self.feature_width / 2,
            positions: self.positions,
        }
    }

    /// What the network costs.
    pub fn cost(&self) -> Cost {
        self.trunk.cost(self.image_size) + self.split().cost()
    }

    fn init(self, scope: &mut Scope) -> Result<Equivariant> {
        let Self { group, image_size, feature_width, .. } = self;
        let (map_channels, split) = (self.trunk.channels_out(), self.split());
        let trunk = self.trunk.init(scope)?;
        let split = split.init(&mut scope.child("features"))?;
        Ok(Equivariant { group, image_size, feature_width, map_channels, trunk, split })
    }
}

/// An encoder that follows the motions of a group whatever its weights are (Cohen and Welling 2016): when a picture moves, the
/// first half of its features stays as it is, and the orientations in the second half change places as
/// [`sextant_runtime::plane_group`] says.
pub struct Equivariant {
    group: PlaneGroup,
    image_size: usize,
    feature_width: usize,
    map_channels: usize,
    trunk: Trunk,
    split: Split,
}

impl Encoder for Equivariant {
    fn feature_width(&self) -> usize {
        self.feature_width
    }

    fn map_channels(&self) -> usize {
        self.map_channels
    }

    fn equivariant_to(&self) -> PlaneGroup {
        self.group
    }

    /// The last map and its split into halves.
    ///
    /// # Shapes
    /// `[n, s, s, 3]` to a map `[n, h, h, map_channels]` with its orientations one after the other, and features
    /// `[n, feature_width]`.
    ///
    /// # Errors
    /// When the images are of another size: the windows are made for maps whose sides are even, or odd, in each layer.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        let (_, height, width, _) = images.dims4()?;
        if [height, width] != [self.image_size; 2] {
            bail!("the encoder is made for square images of {} pixels, not for {height}x{width}", self.image_size);
        }
        let map = self.trunk.forward(images, mode)?;
        Ok(Encoded { features: self.split.forward(&map, mode)?, map })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let shape = graph.shape(images);
        anyhow::ensure!(
            shape.get(..2) == Some(&[self.image_size; 2]),
            "the encoder is made for square images of {} pixels, not for {shape:?}",
            self.image_size
        );
        let map = self.trunk.lower(graph, images)?;
        self.split.lower(graph, map)
    }
}
