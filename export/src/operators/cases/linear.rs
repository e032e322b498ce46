//! Products with a matrix, and with the sum of several.

use sextant_runtime::graph::{Activation, GraphError, Op, Quantization};

use crate::operators::case::{Case, Drafted};
use crate::operators::draft::{Draft, EightBitFilters};

struct Linear {
    name: &'static str,
    samples: usize,
    cin: usize,
    cout: usize,
    activation: Activation,
    /// What float32 inputs are multiplied by.
    scale: f32,
    factors: &'static [f32],
    fill: f32,
    zero_points: [i8; 2],
}

const USUAL: Linear = Linear {
    name: "",
    samples: 3,
    cin: 12,
    cout: 7,
    activation: Activation::Identity,
    scale: 1.0,
    factors: &[1.0, 0.7, 0.4],
    fill: 3.0,
    zero_points: [-7, 5],
};

const BOTH: &[Linear] = &[
    Linear { name: "12 to 7", ..USUAL },
    Linear { name: "one sample", samples: 1, ..USUAL },
    Linear { name: "one number to one", cin: 1, cout: 1, ..USUAL },
    Linear { name: "odd numbers of channels", cin: 67, cout: 33, ..USUAL },
    Linear { name: "relu", activation: Activation::Relu, ..USUAL },
    Linear { name: "relu6", activation: Activation::Relu6, scale: 8.0, ..USUAL },
    Linear { name: "clamp", activation: Activation::Clamp { low: -0.1, high: 0.3 }, ..USUAL },
];

const INT8: &[Linear] = &[
    // tract took the first channel's scale for all up to 0.23.7.
    Linear { name: "scales of channels far apart", cout: 8, factors: &[1.0, 0.25, 0.06, 2.0], ..USUAL },
    Linear { name: "one scale for all channels", factors: &[1.0], ..USUAL },
    Linear { name: "saturates at both ends", fill: 40.0, ..USUAL },
    Linear { name: "zero points -128 and 127", zero_points: [-128, 127], ..USUAL },
    Linear { name: "zero points 127 and -128", zero_points: [127, -128], ..USUAL },
];

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let float = BOTH.iter().map(Linear::float);
    let int8 = BOTH.iter().chain(INT8).map(Linear::int8);
    let predictors = [predictor("4 matrices", 16, 4), predictor("one matrix", 3, 1), predictor("one number", 1, 4)];
    [by_hand()].into_iter().chain(float).chain(int8).chain([predictor_by_hand()]).chain(predictors).collect()
}

impl Linear {
    fn float(&self) -> Drafted {
        let mut draft = Draft::new(self.samples);
        let vector = draft.spread(&[self.cin], self.scale);
        let (weight, bias) = (draft.weight(&[self.cout, self.cin])?, draft.bias(self.cout)?);
        let made = draft.node(Op::Linear { weight, bias, activation: self.activation }, &[vector])?;
        draft.finish(format!("Linear: {}", self.name), made)
    }

    fn int8(&self) -> Drafted {
        let mut draft = Draft::new(self.samples);
        let input = Quantization { scale: 0.02, zero_point: self.zero_points[0] };
        let vector = draft.numbers(&[self.cin], input)?;
        let ([weight, bias], to) = draft.eight_bit_filters(&EightBitFilters {
            shape: &[self.cout, self.cin],
            depthwise: false,
            expansion: None,
            input,
            factors: self.factors,
            fill: self.fill,
            zero_point: self.zero_points[1],
        })?;
        let made = draft.quantized(Op::Linear { weight, bias, activation: self.activation }, &[vector], to)?;
        draft.finish(format!("Linear, int8: {}", self.name), made)
    }
}

fn by_hand() -> Drafted {
    let mut draft = Draft::new(2);
    let vector = draft.floats(&[2], vec![1.0, 2.0, -3.0, 0.5]);
    let weight = draft.constant(&[3, 2], vec![1.0, 0.0, 0.0, 1.0, 2.0, -2.0])?;
    let bias = draft.constant(&[3], vec![0.0, 0.25, 1.0])?;
    let made = draft.node(Op::Linear { weight, bias, activation: Activation::Identity }, &[vector])?;
    Ok(draft.finish("Linear: by hand", made)?.by_hand(&[1.0, 2.25, -1.0, -3.0, 0.75, -6.0]).exact())
}

fn predictor(name: &str, width: usize, matrices: usize) -> Drafted {
    let mut draft = Draft::new(3);
    let (latent, condition) = (draft.spread(&[width], 1.0), draft.spread(&[matrices], 1.0));
    let weight = draft.weight(&[matrices, width, width])?;
    let made = draft.node(Op::ApplyPredictor { weight }, &[latent, condition])?;
    draft.finish(format!("ApplyPredictor: {name}"), made)
}

/// Twice the identity less three times the exchange of two numbers.
fn predictor_by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let (latent, condition) = (draft.floats(&[2], vec![1.0, 10.0]), draft.floats(&[2], vec![2.0, -3.0]));
    let weight = draft.constant(&[2, 2, 2], vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0])?;
    let made = draft.node(Op::ApplyPredictor { weight }, &[latent, condition])?;
    Ok(draft.finish("ApplyPredictor: by hand", made)?.by_hand(&[-28.0, 17.0]).exact())
}
