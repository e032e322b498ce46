//! The nearest rotation.

use sextant_runtime::graph::{GraphError, Op};

use crate::operators::case::{Case, Drafted};
use crate::operators::draft::Draft;

const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
const NOTHING: [f32; 4] = [f32::NAN; 4];

pub(super) fn cases() -> Result<Vec<Case>, GraphError> {
    let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let quarter = [0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
    let stretched = [2.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 3.0];
    let rows: [(&str, [f32; 9], [f32; 4]); 9] = [
        ("identity", identity, [1.0, 0.0, 0.0, 0.0]),
        ("quarter turn about z", quarter, [HALF, 0.0, 0.0, HALF]),
        ("half turn about x", [1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0], [0.0, 1.0, 0.0, 0.0]),
        ("stretched", stretched, [1.0, 0.0, 0.0, 0.0]),
        ("entries of 1e30", quarter.map(|v| 1e30 * v), [HALF, 0.0, 0.0, HALF]),
        ("entries of 1e-30", quarter.map(|v| 1e-30 * v), [HALF, 0.0, 0.0, HALF]),
        ("zeros have none", [0.0; 9], NOTHING),
        ("rank 1 has none", [1.0; 9], NOTHING),
        ("a mirror has none", identity.map(|v| -v), NOTHING),
    ];
    let by_hand = rows.into_iter().map(|(name, matrix, wxyz)| {
        let mut draft = Draft::new(1);
        let x = draft.floats(&[9], matrix.to_vec());
        let made = draft.node(Op::NearestRotation, &[x])?;
        Ok(draft.finish(format!("NearestRotation: {name}, by hand"), made)?.by_hand(&wxyz))
    });
    by_hand.chain([disturbed()]).collect()
}

/// Rotations about one axis, each entry off by as much as a network's may be.
fn disturbed() -> Drafted {
    let mut draft = Draft::new(8);
    let turned = (0..8u8).flat_map(|step| {
        let (sine, cosine) = (0.3 * f32::from(step) - 1.0).sin_cos();
        [cosine, 0.0, sine, 0.0, 1.0, 0.0, -sine, 0.0, cosine]
    });
    let values = turned.enumerate().map(|(i, v)| v + 0.2 * (i as f32 * 1.7).sin()).collect();
    let x = draft.floats(&[9], values);
    let made = draft.node(Op::NearestRotation, &[x])?;
    draft.finish("NearestRotation: disturbed matrices", made)
}
