//! Means and largest values along one axis.

use sextant_runtime::graph::{GraphError, Op, Quantization};

use crate::operators::case::Case;
use crate::operators::draft::Draft;

const SHAPES: &[(&str, &[usize], u8)] = &[
    ("vector", &[7], 0),
    ("rank 2, first axis", &[4, 6], 0),
    ("rank 2, last axis", &[4, 6], 1),
    ("rows of a map", &[3, 2, 5], 0),
    ("columns of a map", &[3, 2, 5], 1),
    ("channels of a map", &[3, 2, 5], 2),
    ("rank 4", &[2, 3, 4, 5], 2),
    ("an axis of one", &[3, 1, 5], 1),
];

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let input = Quantization { scale: 0.02, zero_point: -7 };
    let mut cases = vec![];
    for (name, shape, axis) in SHAPES {
        for (op, is_exact) in [(Op::ReduceMean { axis: *axis }, false), (Op::ReduceMax { axis: *axis }, true)] {
            let mut draft = Draft::new(2);
            let x = draft.spread(shape, 1.0);
            let made = draft.node(op, &[x])?;
            let case = draft.finish(format!("{}: {name}", op.name()), made)?;
            cases.push(if is_exact { case.exact() } else { case });
            let mut draft = Draft::new(2);
            let x = draft.numbers(shape, input)?;
            let made = draft.quantized(
                op,
                &[x],
                if is_exact { input } else { Quantization { scale: 0.013, zero_point: 4 } },
            )?;
            let case = draft.finish(format!("{}, int8: {name}", op.name()), made)?;
            cases.push(if is_exact { case.exact() } else { case });
        }
    }
    for (op, expected) in [(Op::ReduceMean { axis: 0 }, [2.0, -3.0]), (Op::ReduceMax { axis: 0 }, [3.0, -2.0])] {
        let mut draft = Draft::new(1);
        let x = draft.floats(&[2, 2], vec![1.0, -2.0, 3.0, -4.0]);
        let made = draft.node(op, &[x])?;
        cases.push(draft.finish(format!("{}: by hand", op.name()), made)?.by_hand(&expected).exact());
    }
    Ok(cases)
}
