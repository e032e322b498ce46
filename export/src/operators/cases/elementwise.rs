//! Operators on one number, or on one of each of two values.

use sextant_runtime::graph::{Activation, GraphError, Op, Quantization};

use crate::Tolerance;
use crate::operators::case::{Case, Drafted};
use crate::operators::draft::Draft;

const CLAMP: Activation = Activation::Clamp { low: -0.25, high: 0.5 };

/// Operators on a number of each of two values.
const OF_TWO_VALUES: [fn(Activation) -> Op; 2] =
    [|activation| Op::Add { activation }, |activation| Op::Mul { activation }];

/// Numbers at which a function bends, ends or changes its sign.
const CORNERS: [f32; 12] = [0.0, -0.0, 1.0, -1.0, 0.5, 6.0, 6.5, -6.5, 1e-30, -1e-30, 1e30, -1e30];

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let mut cases = vec![];
    pairs(&mut cases)?;
    eight_bit_pairs(&mut cases)?;
    single_numbers(&mut cases)?;
    cases.push(sigmoid()?);
    softmax(&mut cases)?;
    Ok(cases)
}

fn pairs(cases: &mut Vec<Case>) -> Result<(), GraphError> {
    for op in OF_TWO_VALUES {
        let operator = op(Activation::Identity).name();
        for (name, shape, activation) in [
            ("map", [4, 3, 5].as_slice(), Activation::Identity),
            ("vector", &[37], Activation::Identity),
            ("rank 4", &[2, 3, 1, 4], Activation::Identity),
            ("relu", &[4, 3, 5], Activation::Relu),
            ("relu6", &[4, 3, 5], Activation::Relu6),
            ("clamp", &[9], CLAMP),
        ] {
            let mut draft = Draft::new(2);
            let (a, b) = (draft.spread(shape, 4.0), draft.spread(shape, 3.0));
            let made = draft.node(op(activation), &[a, b])?;
            cases.push(draft.finish(format!("{operator}: {name}"), made)?.exact());
        }
        let mut draft = Draft::new(1);
        let a = draft.floats(&[CORNERS.len()], CORNERS.to_vec());
        let made = draft.node(op(Activation::Identity), &[a, a])?;
        let expected = match op(Activation::Identity) {
            Op::Add { .. } => CORNERS.map(|v| v + v),
            _ => CORNERS.map(|v| v * v),
        };
        cases.push(draft.finish(format!("{operator}: a value and itself, by hand"), made)?.by_hand(&expected).exact());
    }
    Ok(())
}

fn eight_bit_pairs(cases: &mut Vec<Case>) -> Result<(), GraphError> {
    struct Pair {
        name: &'static str,
        scales: [f32; 3],
        zero_points: [i8; 3],
        activation: Activation,
    }
    let usual =
        |name| Pair { name, scales: [0.02, 0.031, 0.04], zero_points: [-7, 3, 5], activation: Activation::Identity };
    let pairs = [
        usual("two scales"),
        Pair { scales: [0.02, 0.02, 0.02], zero_points: [0, 0, 0], ..usual("one scale") },
        Pair { scales: [0.001, 1.0, 0.9], ..usual("scales far apart") },
        Pair { scales: [0.02, 0.03, 0.003], ..usual("saturates at both ends") },
        Pair { zero_points: [-128, -128, -128], ..usual("zero points of -128") },
        Pair { zero_points: [127, -128, 127], ..usual("zero points at the other ends") },
        Pair { activation: Activation::Relu, ..usual("relu") },
        Pair { activation: Activation::Relu6, scales: [0.1, 0.1, 0.06], ..usual("relu6") },
        Pair { activation: CLAMP, ..usual("clamp") },
    ];
    for op in OF_TWO_VALUES {
        let operator = op(Activation::Identity).name();
        for Pair { name, scales, zero_points, activation } in &pairs {
            let [a, b, to] = [0, 1, 2].map(|i| Quantization { scale: scales[i], zero_point: zero_points[i] });
            let mut draft = Draft::new(2);
            let inputs = [draft.numbers(&[4, 3, 5], a)?, draft.numbers(&[4, 3, 5], b)?];
            let made = draft.quantized(op(*activation), &inputs, to)?;
            cases.push(draft.finish(format!("{operator}, int8: {name}"), made)?);
        }
    }
    Ok(())
}

/// Functions of one number, of float32 and of eight bits.
fn single_numbers(cases: &mut Vec<Case>) -> Result<(), GraphError> {
    type ByHand = fn(f32) -> f32;
    let rows: [(&str, Op, ByHand); 3] = [
        ("", Op::Relu, |v| v.max(0.0)),
        ("", Op::Clamp { low: -0.25, high: 0.5 }, |v| v.clamp(-0.25, 0.5)),
        ("to one number, ", Op::Clamp { low: 0.5, high: 0.5 }, |_| 0.5),
    ];
    for (name, op, by_hand) in rows {
        let mut draft = Draft::new(1);
        let x = draft.floats(&[CORNERS.len()], CORNERS.to_vec());
        let made = draft.node(op, &[x])?;
        let expected = CORNERS.map(by_hand);
        cases.push(draft.finish(format!("{}: {name}corners, by hand", op.name()), made)?.by_hand(&expected).exact());
        let mut draft = Draft::new(2);
        let x = draft.spread(&[4, 3, 5], 1.0);
        let made = draft.node(op, &[x])?;
        cases.push(draft.finish(format!("{}: {name}map", op.name()), made)?.exact());
        for (at, zero_point) in [("-7", -7), ("-128", -128), ("127", 127)] {
            let mut draft = Draft::new(2);
            let x = draft.numbers(&[4, 3, 5], Quantization { scale: 0.02, zero_point })?;
            let made = draft.node(op, &[x])?;
            cases.push(draft.finish(format!("{}, int8: {name}zero point {at}", op.name()), made)?);
        }
    }
    Ok(())
}

fn sigmoid() -> Drafted {
    let mut draft = Draft::new(1);
    let x = draft.floats(&[9], vec![0.0, -0.0, 1.0, -1.0, 4.0, 20.0, -20.0, 200.0, -200.0]);
    let made = draft.node(Op::Sigmoid, &[x])?;
    let e = std::f32::consts::E;
    let one = 1.0 / (1.0 + 1.0 / e);
    let expected = [0.5, 0.5, one, 1.0 - one, 0.982_013_8, 1.0, 2.061_153_6e-9, 1.0, 0.0];
    let case = draft.finish("Sigmoid: corners, by hand", made)?.by_hand(&expected);
    Ok(Case { others: Tolerance::Close, ours: Tolerance::Close, ..case })
}

fn softmax(cases: &mut Vec<Case>) -> Result<(), GraphError> {
    let third = 1.0 / 3.0;
    let rows: [(&str, [f32; 3], [f32; 3]); 5] = [
        ("equal numbers", [1.0; 3], [third; 3]),
        ("numbers of 1000", [1000.0, 1000.0, -1000.0], [0.5, 0.5, 0.0]),
        ("numbers of 1e30", [1e30, -1e30, 1e30], [0.5, 0.0, 0.5]),
        ("all far below zero", [-1e4; 3], [third; 3]),
        ("zeros of both signs", [0.0, -0.0, 0.0], [third; 3]),
    ];
    for (name, numbers, expected) in rows {
        let mut draft = Draft::new(1);
        let x = draft.floats(&[3], numbers.to_vec());
        let made = draft.node(Op::Softmax, &[x])?;
        let case = draft.finish(format!("Softmax: {name}, by hand"), made)?.by_hand(&expected);
        cases.push(case.within(Tolerance::Ulp(4)));
    }
    for (name, shape) in
        [("vector", [41].as_slice()), ("map", &[3, 2, 5]), ("one channel", &[2, 2, 1]), ("rank 2", &[4, 6])]
    {
        let mut draft = Draft::new(2);
        let x = draft.spread(shape, 5.0);
        let made = draft.node(Op::Softmax, &[x])?;
        cases.push(draft.finish(format!("Softmax: {name}"), made)?);
    }
    Ok(())
}
