use candle_core::{Result, Tensor, Var, bail};
use sextant_runtime::graph::{self, GraphBuilder, Op, Padding, ValueId};
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

use super::orientations::{by_field, by_orientation};
use super::{BatchNorm, Cost, EightBits, Mode, Scope};
use crate::ops::{self, Activation, Conv2dOptions};

/// Shape of a convolution with batch norm.
///
/// Over a group its filters are copies of those of the first orientation, and all orientations of a field share one norm: an
/// ordinary convolution is one over [`PlaneGroup::Identity`].
#[derive(Clone, Copy, Debug)]
pub struct ConvNormConfig {
    /// Channels in, of all orientations.
    pub channels_in: usize,
    /// Channels out, of all orientations.
    pub channels_out: usize,
    /// Side of the square window.
    pub kernel: usize,
    /// Zeros on each side of the map: `kernel / 2`, which keeps the map's size under an odd window of stride 1.
    pub padding: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Whether it ends a residual branch: a residual is added, and the norm's scale starts at 0 instead of 1.
    pub ends_branch: bool,
    /// Of which filters the others are copies; of none over [`PlaneGroup::Identity`].
    pub expansion: FilterExpansion,
}

impl ConvNormConfig {
    /// Stride 1, without a residual, over [`PlaneGroup::Identity`].
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        let expansion = FilterExpansion { group: PlaneGroup::Identity, reads: Fibre::Trivial };
        Self { channels_in, channels_out, kernel, padding: kernel / 2, stride: 1, ends_branch: false, expansion }
    }

    /// From a map over a group to another one.
    pub fn over(self, group: PlaneGroup) -> Self {
        Self { expansion: FilterExpansion { group, reads: Fibre::Regular }, ..self }
    }

    /// From a picture, or another map whose channels motions leave as they are, to a map over a group.
    pub fn lifting_to(self, group: PlaneGroup) -> Self {
        Self { expansion: FilterExpansion { group, reads: Fibre::Trivial }, ..self }
    }

    /// Without padding: the window stays inside the map.
    pub fn unpadded(self) -> Self {
        Self { padding: 0, ..self }
    }

    /// With that step.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// At the end of a residual branch.
    pub fn ending_branch(self) -> Self {
        Self { ends_branch: true, ..self }
    }

    /// Side of what it makes of a square map.
    pub fn side_of_result(&self, side: usize) -> usize {
        (side + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// What it costs on a square map.
    pub fn cost(&self, side: usize) -> Cost {
        let window = self.kernel * self.kernel * self.channels_in;
        let positions = self.side_of_result(side).pow(2);
        // Each field has a scale and a shift.
        let weights = self.fields() * (window + 2);
        Cost { weights: weights as u64, multiplications: (positions * self.channels_out * window) as u64 }
    }

    fn fields(&self) -> usize {
        self.channels_out / self.expansion.group.order()
    }

    /// Makes the layer.
    ///
    /// # Errors
    /// When its channels are no whole fields of its group, or the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<ConvNorm> {
        let Self { channels_in, channels_out, kernel, expansion, .. } = self;
        if !expansion.fits([channels_out, kernel, kernel, channels_in]) {
            let order = expansion.group.order();
            bail!("{}: {channels_in} channels in and {channels_out} out are no whole fields of {order}", scope.name());
        }
        let (fields, fan_out) = (self.fields(), channels_out * kernel * kernel);
        let name = scope.name().to_string();
        let sum = match self.ends_branch {
            true => EightBits::of(&sum_name(&name), &mut scope.child("add"))?,
            false => EightBits::off(),
        };
        Ok(ConvNorm {
            config: self,
            weight: scope.he_normal("weight", (fields, kernel, kernel, channels_in), fan_out)?,
            norm: BatchNorm::new(fields, if self.ends_branch { 0.0 } else { 1.0 }, scope)?,
            result: EightBits::of(&name, scope)?,
            sum,
            name,
        })
    }
}

/// Convolution without bias, batch norm, then optionally a residual sum and an activation.
pub struct ConvNorm {
    config: ConvNormConfig,
    name: String,
    /// Those filters that are no copies of others.
    weight: Var,
    norm: BatchNorm,
    /// What follows the norm.
    result: EightBits,
    /// What follows the sum with a residual.
    sum: EightBits,
}

/// Name of the node that adds the residual.
fn sum_name(name: &str) -> String {
    format!("{name}.add")
}

impl ConvNorm {
    /// `activation(norm(conv(x)) + residual)`.
    ///
    /// # Shapes
    /// `[n, h, w, channels_in]` to `[n, oh, ow, channels_out]` with `oh = (h + 2 padding - kernel) / stride + 1`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, residual: Option<&Tensor>, activation: Activation, mode: Mode) -> Result<Tensor> {
        let group = self.config.expansion.group;
        let residual = residual.map(|residual| by_field(residual, group)).transpose()?;
        if !self.result.is_on() {
            let y = by_field(&self.convolved(x, &self.weight)?, group)?;
            let y = self.norm.forward(&y, residual.as_ref(), activation, mode)?;
            return by_orientation(&y, group);
        }
        let (weight, bias) = self.folded()?;
        let y = ops::add_bias(&by_field(&self.convolved(x, &weight)?, group)?, &bias)?;
        let y = match residual {
            None => self.result.follow(&y, activation, mode)?,
            Some(residual) => {
                let y = self.result.follow(&y, Activation::Identity, mode)?;
                self.sum.follow_sum(&y, &residual, activation, mode)?
            }
        };
        by_orientation(&y, group)
    }

    /// The map's convolution with filters of which others are copies.
    fn convolved(&self, x: &Tensor, weight: &Tensor) -> Result<Tensor> {
        let ConvNormConfig { padding, stride, expansion, .. } = self.config;
        let options = Conv2dOptions { stride: [stride; 2], padding: [padding; 2], groups: 1 };
        ops::conv2d(x, &ops::expand_filters(weight, expansion)?, options)
    }

    /// Filters and bias of the first orientation with the norm folded in, as they are deployed: with weights that eight bits
    /// hold where the network is trained for them.
    fn folded(&self) -> Result<(Tensor, Tensor)> {
        let (weight, bias) = self.norm.fold(&self.weight)?;
        Ok((if self.result.is_on() { ops::fake_quantize_filters(&weight)? } else { weight }, bias))
    }

    /// Appends one convolution with the norm folded in, and an addition where there is a residual. Of filters of which others
    /// are copies, the graph gets those that are none.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(
        &self,
        graph: &mut GraphBuilder,
        x: ValueId,
        residual: Option<ValueId>,
        activation: graph::Activation,
    ) -> anyhow::Result<ValueId> {
        let (folded, shift) = self.folded()?;
        let (name, filters) = (format!("{}.weight", self.name), folded.flatten_all()?.to_vec1()?);
        let weight = graph.expanded_weight(&name, folded.dims(), filters, self.config.expansion)?;
        let bias = graph.weight(&format!("{}.bias", self.name), shift.dims(), shift.to_vec1()?)?;
        let pad = self.config.padding as u16;
        let op = Op::Conv2d {
            weight,
            bias,
            stride: [self.config.stride as u16; 2],
            padding: Padding { top: pad, left: pad, bottom: pad, right: pad },
            groups: 1,
            activation: if residual.is_some() { graph::Activation::Identity } else { activation },
        };
        let y = graph.node(&self.name, op, &[x])?;
        match residual {
            None => Ok(y),
            Some(residual) => Ok(graph.node(&sum_name(&self.name), Op::Add { activation }, &[y, residual])?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use candle_core::Device;

    use super::*;
    use crate::collective::{Alone, Collective, Threads};
    use crate::nn::ParameterStore;

    const GROUP: PlaneGroup = PlaneGroup::QuarterTurns;

    fn numbers(x: &Tensor) -> Vec<f32> {
        x.flatten_all().unwrap().to_vec1().unwrap()
    }

    fn assert_close(found: &[f32], expected: &[f32], what: &str) {
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-5 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
        }
    }

    /// A rank's rows of a batch of 6 behind a layer in training, and the running mean and variance of its fields.
    fn trained_on(ranks: Arc<dyn Collective>) -> [Vec<f32>; 3] {
        let (rows, rank) = (6 / ranks.size(), ranks.rank());
        let mut store = ParameterStore::among(3, &Device::Cpu, ranks);
        let layer = ConvNormConfig::new(8, 12, 3).over(GROUP).init(&mut store.root().child("layer")).unwrap();
        let all = (0..6 * 5 * 4 * 8).map(|at| (at as f32 * 0.73).sin()).collect();
        let all = Tensor::from_vec(all, (6, 5, 4, 8), &Device::Cpu).unwrap();
        let own = all.narrow(0, rank * rows, rows).unwrap().contiguous().unwrap();
        let y = layer.forward(&own, None, Activation::Relu, Mode::Train).unwrap();
        let buffer = |name: &str| numbers(&store.buffers()[&format!("layer.{name}")]);
        [numbers(&y), buffer("running_mean"), buffer("running_variance")]
    }

    #[test]
    fn ranks_share_the_norm_of_a_field_and_its_orientations() {
        let [whole, mean, variance] = trained_on(Arc::new(Alone));
        assert_eq!((whole.len(), mean.len()), (6 * 5 * 4 * 12, 3));
        let ranks: Vec<[Vec<f32>; 3]> = std::thread::scope(|scope| {
            let start = |rank: Threads| scope.spawn(move || trained_on(Arc::new(rank)));
            let threads: Vec<_> = Threads::ranks(2).into_iter().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_close(&ranks.iter().flat_map(|[y, ..]| y.clone()).collect::<Vec<_>>(), &whole, "rows of both");
        for [_, mean_of_rank, variance_of_rank] in &ranks {
            assert_close(mean_of_rank, &mean, "mean");
            assert_close(variance_of_rank, &variance, "variance");
        }
    }

    #[test]
    fn a_group_of_one_is_an_ordinary_convolution() {
        let made = |config: ConvNormConfig| {
            let mut store = ParameterStore::new(1, &Device::Cpu);
            let layer = config.init(&mut store.root().child("layer")).unwrap();
            let images = Tensor::ones((2, 6, 6, 3), candle_core::DType::F32, &Device::Cpu).unwrap();
            numbers(&layer.forward(&images, None, Activation::Identity, Mode::Train).unwrap())
        };
        let config = ConvNormConfig::new(3, 4, 3).stride(2);
        let plain = made(config);
        assert_eq!(made(config.over(PlaneGroup::Identity)), plain);
        assert_eq!(made(config.lifting_to(PlaneGroup::Identity)), plain);
    }

    #[test]
    fn channels_that_are_no_whole_fields_are_refused() {
        for config in [
            ConvNormConfig::new(8, 10, 3).over(GROUP),
            ConvNormConfig::new(6, 8, 3).over(GROUP),
            ConvNormConfig::new(3, 6, 3).lifting_to(GROUP),
        ] {
            let mut store = ParameterStore::new(1, &Device::Cpu);
            let error = config.init(&mut store.root().child("layer")).err().unwrap().to_string();
            assert!(error.contains("no whole fields of 4"), "{error}");
        }
    }

    #[test]
    fn filters_that_are_copies_are_not_deployed() {
        let mut store = ParameterStore::new(1, &Device::Cpu);
        let layer = ConvNormConfig::new(3, 8, 3).lifting_to(GROUP).init(&mut store.root().child("layer")).unwrap();
        let shifts = Tensor::new(&[0.5f32, -2.0], &Device::Cpu).unwrap();
        store.trained()["layer.shift"].set(&shifts).unwrap();
        let mut graph = GraphBuilder::new("encode");
        let image = graph.input("image", &[6, 6, 3], graph::DataType::F32);
        let map = layer.lower(&mut graph, image, None, graph::Activation::Relu).unwrap();
        assert_eq!(graph.shape(map), [6, 6, 8]);
        let graph = graph.finish();
        let [weight, bias] = [&graph.weights[0], &graph.weights[1]];
        assert_eq!((weight.shape.as_slice(), weight.floats().len()), (&[2, 3, 3, 3][..], 2 * 27));
        assert_eq!((weight.expansion, bias.floats()), (Some(layer.config.expansion), &[0.5, -2.0][..]));
        let all = graph.with_expanded_filters();
        assert_eq!(all.weights[0].shape, [8, 3, 3, 3]);
        assert_eq!(all.weights[1].floats(), [0.5, -2.0].repeat(4));
    }
}
