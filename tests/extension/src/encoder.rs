//! Convolutions whose filters look the same from four sides, so that the map turns with the picture.

use candle_core::{Result, Tensor, Var};
use sextant_runtime::graph::{Activation, GraphBuilder, Op, Padding, ValueId};
use sextant_trainer::nn::{Encoded, Encoder, EncoderEntry, Mode, Scope};
use sextant_trainer::ops::{self, Conv2dOptions, tape};

pub const ENTRY: EncoderEntry = EncoderEntry {
    name: "four-sided",
    pools_map: false,
    description: "three convolutions with filters that quarter turns leave as they are, 64 features",
    options: &[],
    build: |_, scope| Ok(Box::new(FourSided::new(scope)?)),
};

const CHANNELS: [usize; 4] = [3, 16, 32, 64];

/// Name, filters `[cout, 3, 3, cin]` and bias `[cout]` of each layer, which a pool that halves the map follows.
struct FourSided(Vec<(String, Var, Var)>);

impl FourSided {
    fn new(scope: &mut Scope) -> Result<Self> {
        let layer = |(index, channels): (usize, &[usize])| {
            let scope = &mut scope.child(&format!("layer{index}"));
            let weight = scope.he_normal("weight", (channels[1], 3, 3, channels[0]), 3 * channels[1])?;
            Ok((scope.name().to_string(), weight, scope.constant("bias", channels[1], 0.0)?))
        };
        Ok(Self(CHANNELS.windows(2).enumerate().map(layer).collect::<Result<_>>()?))
    }
}

/// The mean of filters and what quarter turns make of them: an operator that Sextant does not have.
fn from_four_sides(weight: &Tensor) -> Result<Tensor> {
    tape::differentiated(&[weight], |x| {
        let turned = |x: &Tensor| x.transpose(1, 2)?.contiguous()?.flip(&[1]);
        let quarter = turned(&x[0])?;
        let half = turned(&quarter)?;
        ((&x[0] + &quarter)? + (&half + turned(&half)?)?)? / 4.0
    })
}

impl Encoder for FourSided {
    fn feature_width(&self) -> usize {
        CHANNELS[3]
    }

    fn map_channels(&self) -> usize {
        CHANNELS[3]
    }

    fn encode(&self, images: &Tensor, _mode: Mode) -> Result<Encoded> {
        let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
        let map = self.0.iter().try_fold(images.clone(), |x, (_, weight, bias)| {
            let y = ops::conv2d(&x, &from_four_sides(weight)?, options)?;
            ops::max_pool2d(&ops::relu(&ops::add_bias(&y, bias)?)?, [2, 2], [2, 2], [0, 0])
        })?;
        Ok(Encoded { features: ops::global_average_pool(&map)?, map })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let pad = |zeros| Padding { top: zeros, left: zeros, bottom: zeros, right: zeros };
        let map = self.0.iter().try_fold(images, |x, (name, weight, bias)| -> anyhow::Result<ValueId> {
            let filters = from_four_sides(weight)?;
            let weight = graph.weight(&format!("{name}.weight"), filters.dims(), filters.flatten_all()?.to_vec1()?)?;
            let bias = graph.weight(&format!("{name}.bias"), bias.dims(), bias.to_vec1()?)?;
            let (stride, groups, activation) = ([1, 1], 1, Activation::Relu);
            let op = Op::Conv2d { weight, bias, stride, padding: pad(1), groups, activation };
            let y = graph.node(name, op, &[x])?;
            let pool = Op::MaxPool2d { kernel: [2, 2], stride: [2, 2], padding: pad(0) };
            Ok(graph.node(&format!("{name}.pool"), pool, &[y])?)
        })?;
        Ok(graph.node("average_pool", Op::GlobalAveragePool, &[map])?)
    }
}
