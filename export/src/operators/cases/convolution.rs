//! Convolutions of float32 and of eight bits.

use sextant_runtime::graph::{Activation, GraphError, Op, Padding, Quantization};
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

use crate::operators::EngineId::CandleOnnx;
use crate::operators::case::{Case, Drafted};
use crate::operators::draft::{Draft, EightBitFilters};

/// One geometry, of float32 and, if it has factors, of eight bits.
struct Convolution {
    name: &'static str,
    samples: usize,
    size: [usize; 2],
    cin: usize,
    cout: usize,
    kernel: [usize; 2],
    stride: [u16; 2],
    /// Top, left, bottom, right.
    padding: [u16; 4],
    groups: usize,
    /// Whether the filters are copies of base filters, and how.
    expansion: Option<FilterExpansion>,
    activation: Activation,
    /// What float32 inputs are multiplied by.
    scale: f32,
    /// What the filters of each channel are multiplied by, in turn.
    factors: &'static [f32],
    /// How much of the output's range the largest sum may be.
    fill: f32,
    /// Of input and output.
    zero_points: [i8; 2],
}

const USUAL: Convolution = Convolution {
    name: "",
    samples: 2,
    size: [6, 5],
    cin: 3,
    cout: 4,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1; 4],
    groups: 1,
    expansion: None,
    activation: Activation::Identity,
    scale: 1.0,
    factors: &[1.0, 0.7, 0.4],
    fill: 3.0,
    zero_points: [-7, 5],
};

const BOTH: &[Convolution] = &[
    Convolution { name: "3 x 3", ..USUAL },
    Convolution { name: "one sample", samples: 1, ..USUAL },
    Convolution { name: "1 x 1", kernel: [1, 1], padding: [0; 4], ..USUAL },
    Convolution { name: "1 x 1, stride 2", kernel: [1, 1], padding: [0; 4], stride: [2, 2], size: [7, 6], ..USUAL },
    Convolution { name: "a map of one pixel, 1 x 1", size: [1, 1], kernel: [1, 1], padding: [0; 4], ..USUAL },
    Convolution { name: "a map of one pixel, 3 x 3", size: [1, 1], ..USUAL },
    Convolution { name: "one channel", cin: 1, cout: 1, ..USUAL },
    Convolution { name: "odd numbers of channels", cin: 17, cout: 35, ..USUAL },
    Convolution { name: "many channels, even map", size: [8, 8], cin: 16, cout: 32, ..USUAL },
    Convolution { name: "stride 2, odd map", size: [7, 5], stride: [2, 2], ..USUAL },
    Convolution { name: "stride 2, even map", size: [8, 6], stride: [2, 2], ..USUAL },
    Convolution { name: "stride 3 down, 2 across", size: [8, 7], stride: [3, 2], ..USUAL },
    Convolution { name: "stride beyond the window", size: [9, 9], kernel: [2, 2], stride: [4, 4], ..USUAL },
    Convolution { name: "padding below and right only", size: [8, 8], stride: [2, 2], padding: [0, 0, 1, 1], ..USUAL },
    Convolution { name: "padding of four sizes", padding: [2, 0, 1, 3], ..USUAL },
    Convolution { name: "no padding", padding: [0; 4], ..USUAL },
    Convolution { name: "wide window", kernel: [1, 5], padding: [0, 2, 0, 2], ..USUAL },
    Convolution { name: "tall window", kernel: [5, 1], padding: [2, 0, 2, 0], ..USUAL },
    Convolution { name: "even window", kernel: [2, 4], padding: [1, 1, 0, 2], ..USUAL },
    Convolution { name: "window as large as the map", kernel: [6, 5], padding: [0; 4], ..USUAL },
    Convolution { name: "7 x 7, stride 2", size: [9, 11], kernel: [7, 7], stride: [2, 2], padding: [3; 4], ..USUAL },
    Convolution { name: "two groups", cin: 4, cout: 6, groups: 2, ..USUAL },
    Convolution { name: "groups of one input, two filters", cin: 3, cout: 6, groups: 3, ..USUAL },
    Convolution { name: "depthwise", cin: 5, cout: 5, groups: 5, ..USUAL },
    Convolution { name: "depthwise, many channels", cin: 36, cout: 36, groups: 36, ..USUAL },
    Convolution {
        name: "depthwise, stride 2, odd map",
        size: [7, 9],
        cin: 8,
        cout: 8,
        groups: 8,
        stride: [2, 2],
        ..USUAL
    },
    Convolution {
        name: "depthwise, 5 x 5, padding of four sizes",
        cin: 4,
        cout: 4,
        groups: 4,
        kernel: [5, 5],
        padding: [2, 1, 0, 3],
        ..USUAL
    },
    Convolution { name: "relu", activation: Activation::Relu, ..USUAL },
    Convolution { name: "relu6", activation: Activation::Relu6, scale: 8.0, ..USUAL },
    Convolution { name: "clamp", activation: Activation::Clamp { low: -0.25, high: 0.5 }, ..USUAL },
    Convolution { name: "depthwise, relu", cin: 5, cout: 5, groups: 5, activation: Activation::Relu, ..USUAL },
    Convolution {
        name: "lifted to quarter turns",
        cout: 12,
        expansion: Some(FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Trivial }),
        ..USUAL
    },
    Convolution {
        name: "over quarter turns, stride 2",
        size: [8, 7],
        cin: 8,
        cout: 12,
        stride: [2, 2],
        expansion: Some(FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Regular }),
        ..USUAL
    },
    Convolution {
        name: "over turns and mirror images",
        cin: 24,
        cout: 16,
        expansion: Some(FilterExpansion { group: PlaneGroup::TurnsAndMirrors, reads: Fibre::Regular }),
        ..USUAL
    },
];

const FLOAT: &[Convolution] = &[Convolution { name: "inputs of 1e30", scale: 1e30, ..USUAL }];

const INT8: &[Convolution] = &[
    // tract took the first channel's scale for all up to 0.23.7.
    Convolution { name: "scales of channels far apart", cout: 8, factors: &[1.0, 0.25, 0.06, 2.0], ..USUAL },
    Convolution {
        name: "1 x 1, scales of channels far apart",
        cout: 8,
        kernel: [1, 1],
        padding: [0; 4],
        factors: &[1.0, 0.25, 0.06, 2.0],
        ..USUAL
    },
    Convolution {
        name: "two groups, scales of channels far apart",
        cin: 4,
        cout: 8,
        groups: 2,
        factors: &[1.0, 0.25, 0.06, 2.0],
        ..USUAL
    },
    Convolution {
        name: "depthwise, scales of channels far apart",
        cin: 8,
        cout: 8,
        groups: 8,
        factors: &[1.0, 0.25, 0.06, 2.0],
        ..USUAL
    },
    Convolution { name: "one scale for all channels", factors: &[1.0], ..USUAL },
    Convolution { name: "saturates at both ends", fill: 40.0, ..USUAL },
    Convolution { name: "zero points -128 and 127", zero_points: [-128, 127], ..USUAL },
    Convolution { name: "zero points 127 and -128", zero_points: [127, -128], ..USUAL },
    Convolution {
        name: "depthwise, zero points -128 and 127",
        cin: 5,
        cout: 5,
        groups: 5,
        zero_points: [-128, 127],
        ..USUAL
    },
    Convolution { name: "relu, zero point -128", activation: Activation::Relu, zero_points: [3, -128], ..USUAL },
];

/// Scale of int8 inputs.
const INPUT_SCALE: f32 = 0.02;

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let float = BOTH.iter().chain(FLOAT).map(Convolution::float);
    let int8 = BOTH.iter().chain(INT8).map(Convolution::int8);
    [by_hand()].into_iter().chain(float).chain(int8).collect()
}

impl Convolution {
    fn op(&self, [weight, bias]: [sextant_runtime::graph::WeightId; 2]) -> Op {
        let [top, left, bottom, right] = self.padding;
        let padding = Padding { top, left, bottom, right };
        let &Self { stride, groups, activation, .. } = self;
        Op::Conv2d { weight, bias, stride, padding, groups: groups as u32, activation }
    }

    fn map(&self) -> [usize; 3] {
        [self.size[0], self.size[1], self.cin]
    }

    /// Stored filters.
    fn fields(&self) -> usize {
        self.cout / self.expansion.map_or(1, |expansion| expansion.group.order())
    }

    /// Of those that are stored.
    fn filters(&self) -> [usize; 4] {
        [self.fields(), self.kernel[0], self.kernel[1], self.cin / self.groups]
    }

    fn float(&self) -> Drafted {
        let mut draft = Draft::new(self.samples);
        let map = draft.spread(&self.map(), self.scale);
        let constants = [draft.base_weight(&self.filters(), self.expansion)?, draft.bias(self.fields())?];
        let made = draft.node(self.op(constants), &[map])?;
        let case = draft.finish(format!("Conv2d: {}", self.name), made)?;
        Ok(match self.stride {
            [down, across] if down != across => case.ignoring(CandleOnnx, "knows one stride for both axes only"),
            _ => case,
        })
    }

    fn int8(&self) -> Drafted {
        let mut draft = Draft::new(self.samples);
        let input = Quantization { scale: INPUT_SCALE, zero_point: self.zero_points[0] };
        let map = draft.numbers(&self.map(), input)?;
        let depthwise = self.groups > 1 && self.groups == self.cin && self.cin == self.cout;
        let (constants, to) = draft.eight_bit_filters(&EightBitFilters {
            shape: &self.filters(),
            depthwise,
            expansion: self.expansion,
            input,
            factors: self.factors,
            fill: self.fill,
            zero_point: self.zero_points[1],
        })?;
        let made = draft.quantized(self.op(constants), &[map], to)?;
        draft.finish(format!("Conv2d, int8: {}", self.name), made)
    }
}

/// Sums of 2 x 2 windows of `1..=9`, the bias a half.
fn by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let map = draft.floats(&[3, 3, 1], (1u8..=9).map(f32::from).collect());
    let weight = draft.constant(&[1, 2, 2, 1], vec![1.0; 4])?;
    let bias = draft.constant(&[1], vec![0.5])?;
    let padding = Padding::default();
    let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation: Activation::Identity };
    let made = draft.node(op, &[map])?;
    Ok(draft.finish("Conv2d: sums by hand", made)?.by_hand(&[12.5, 16.5, 24.5, 28.5]).exact())
}
