//! What only moves numbers: cut, joined, reshaped, transposed.

use sextant_runtime::graph::{GraphError, Op, Quantization};

use crate::operators::case::{Case, Drafted};
use crate::operators::draft::Draft;

/// Scale and zero point of int8 inputs.
const INPUT: Quantization = Quantization { scale: 0.02, zero_point: -7 };

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let mut cases = vec![];
    for (name, shape, op) in moves() {
        cases.push(float(&format!("{}: {name}", op.name()), &[shape], op)?);
        cases.push(int8(&format!("{}, int8: {name}", op.name()), &[shape], op)?);
    }
    for (name, shapes) in [
        ("two maps", [[2, 3, 1].as_slice(), &[2, 3, 4]].as_slice()),
        ("three vectors", &[&[1], &[5], &[2]]),
        ("rank 2", &[&[3, 2], &[3, 1]]),
    ] {
        cases.push(float(&format!("Concat: {name}"), shapes, Op::Concat)?);
        cases.push(int8(&format!("Concat, int8: {name}"), shapes, Op::Concat)?);
    }
    for (name, zero_points) in [("two scales", [3, 5]), ("two scales, zero points at the ends", [127, -128])] {
        cases.push(rescaled(name, zero_points)?);
    }
    for (name, shapes) in [
        ("two maps", [[1, 3, 2].as_slice(), &[4, 3, 2]].as_slice()),
        ("three maps", &[&[2, 1, 5], &[1, 1, 5], &[3, 1, 5]]),
    ] {
        cases.push(float(&format!("ConcatRows: {name}"), shapes, Op::ConcatRows)?);
        cases.push(int8(&format!("ConcatRows, int8: {name}"), shapes, Op::ConcatRows)?);
    }
    cases.extend([sliced_by_hand()?, joined_by_hand()?, transposed_by_hand()?]);
    Ok(cases)
}

fn moves() -> [(&'static str, &'static [usize], Op); 22] {
    [
        ("first channels of a map", &[3, 2, 5], Op::Slice { start: 0, end: 2 }),
        ("last channel of a map", &[3, 2, 5], Op::Slice { start: 4, end: 5 }),
        ("all channels", &[3, 2, 5], Op::Slice { start: 0, end: 5 }),
        ("middle of a vector", &[11], Op::Slice { start: 3, end: 9 }),
        ("rank 2", &[4, 6], Op::Slice { start: 1, end: 5 }),
        ("first row", &[5, 2, 3], Op::SliceRows { start: 0, end: 1 }),
        ("last rows", &[5, 2, 3], Op::SliceRows { start: 2, end: 5 }),
        ("all rows", &[5, 2, 3], Op::SliceRows { start: 0, end: 5 }),
        ("map to vector", &[2, 3, 5], Op::Reshape { shape: [30, 0, 0, 0] }),
        ("vector to map", &[30], Op::Reshape { shape: [2, 5, 3, 0] }),
        ("map to map", &[2, 3, 5], Op::Reshape { shape: [5, 2, 3, 0] }),
        ("map to rank 2", &[2, 3, 5], Op::Reshape { shape: [6, 5, 0, 0] }),
        ("map to rank 4", &[2, 3, 4], Op::Reshape { shape: [2, 3, 2, 2] }),
        ("map of one pixel to vector", &[1, 1, 5], Op::Reshape { shape: [5, 0, 0, 0] }),
        ("rank 2", &[3, 5], Op::Transpose { axes: [1, 0, 2, 3] }),
        ("rows and columns of a map", &[3, 2, 5], Op::Transpose { axes: [1, 0, 2, 3] }),
        ("channels first", &[3, 2, 5], Op::Transpose { axes: [2, 0, 1, 3] }),
        ("channels last", &[5, 3, 2], Op::Transpose { axes: [1, 2, 0, 3] }),
        ("nothing moves", &[3, 2, 5], Op::Transpose { axes: [0, 1, 2, 3] }),
        ("rank 4, reversed", &[2, 3, 1, 4], Op::Transpose { axes: [3, 2, 1, 0] }),
        ("rank 4, two axes", &[2, 3, 4, 5], Op::Transpose { axes: [0, 2, 1, 3] }),
        ("vector", &[6], Op::Transpose { axes: [0, 1, 2, 3] }),
    ]
}

fn float(name: &str, shapes: &[&[usize]], op: Op) -> Drafted {
    let mut draft = Draft::new(2);
    let inputs: Vec<_> = shapes.iter().map(|shape| draft.spread(shape, 1.0)).collect();
    let made = draft.node(op, &inputs)?;
    Ok(draft.finish(name, made)?.exact())
}

fn int8(name: &str, shapes: &[&[usize]], op: Op) -> Drafted {
    let mut draft = Draft::new(2);
    let inputs = shapes.iter().map(|shape| draft.numbers(shape, INPUT)).collect::<Result<Vec<_>, _>>()?;
    let made = draft.node(op, &inputs)?;
    Ok(draft.finish(name, made)?.exact())
}

/// Joined numbers that are brought to another scale.
fn rescaled(name: &str, [second, result]: [i8; 2]) -> Drafted {
    let mut draft = Draft::new(2);
    let other = Quantization { scale: 0.05, zero_point: second };
    let inputs = [draft.numbers(&[2, 3, 4], INPUT)?, draft.numbers(&[2, 3, 2], other)?];
    let made = draft.quantized(Op::Concat, &inputs, Quantization { scale: 0.034, zero_point: result })?;
    draft.finish(format!("Concat, int8: {name}"), made)
}

fn sliced_by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let x = draft.floats(&[1, 2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let made = draft.node(Op::Slice { start: 1, end: 3 }, &[x])?;
    Ok(draft.finish("Slice: by hand", made)?.by_hand(&[2.0, 3.0, 5.0, 6.0]).exact())
}

fn joined_by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let x = draft.floats(&[1, 2, 2], vec![1.0, 2.0, 3.0, 4.0]);
    let made = draft.node(Op::Concat, &[x, x])?;
    Ok(draft
        .finish("Concat: a value and itself, by hand", made)?
        .by_hand(&[1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0])
        .exact())
}

fn transposed_by_hand() -> Drafted {
    let mut draft = Draft::new(1);
    let x = draft.floats(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let made = draft.node(Op::Transpose { axes: [1, 0, 2, 3] }, &[x])?;
    Ok(draft.finish("Transpose: by hand", made)?.by_hand(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]).exact())
}
