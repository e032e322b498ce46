//! The nearest rotation in plain ONNX operators against the runtime's function.

use sextant_export::onnx::Batch;
use sextant_runtime::graph::{DataType, Graph, GraphBuilder, Op};
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{Model, write};
use sextant_runtime::rotation::{UnitQuaternion, nearest_rotation};
use sextant_runtime::session::{Input, Prepared, Session};

use crate::{networks::Random, tract};

/// Nine numbers to a rotation, and nothing else.
pub fn rotation_graph() -> Graph {
    let mut b = GraphBuilder::new("encode");
    let matrix = b.input("matrix", &[9], DataType::F32);
    let rotation = b.node("rotation", Op::NearestRotation, &[matrix]).unwrap();
    b.output("rotation_wxyz", rotation);
    b.finish()
}

fn in_onnx(matrices: &[[f32; 9]]) -> Vec<[f32; 4]> {
    let rows = matrices.iter().map(|m| m.to_vec()).collect();
    let outputs = tract::run(&rotation_graph(), Batch::Dynamic, &[rows]);
    outputs[0].iter().map(|q| [q[0], q[1], q[2], q[3]]).collect()
}

/// `tr(R^T M)` in double precision, which the nearest rotation makes as large as it can be.
fn alignment(wxyz: [f32; 4], matrix: &[f32; 9]) -> f64 {
    let rotation = UnitQuaternion::from_wxyz(wxyz).unwrap().to_matrix();
    rotation.as_flattened().iter().zip(matrix).map(|(r, m)| f64::from(*r) * f64::from(*m)).sum()
}

fn assert_unit_and_canonical(wxyz: [f32; 4]) {
    let norm: f32 = wxyz.iter().map(|v| v * v).sum();
    let leading = wxyz.into_iter().find(|v| *v != 0.0).unwrap();
    assert!((norm - 1.0).abs() < 1e-5 && leading > 0.0, "{wxyz:?}");
}

/// The angle is as exact as single precision determines it: the gap is the sum of the smaller singular values.
#[test]
fn random_matrices_give_the_same_rotation() {
    let mut random = Random::seeded(5);
    let matrices: Vec<[f32; 9]> = (0..500).map(|_| std::array::from_fn(|_| random.floats(1, 2.0)[0])).collect();
    let mut compared = 0;
    for (matrix, wxyz) in matrices.iter().zip(in_onnx(&matrices)) {
        assert_unit_and_canonical(wxyz);
        let (ours, theirs) = (nearest_rotation(matrix), UnitQuaternion::from_wxyz(wxyz).unwrap());
        let gap = alignment_gap(matrix);
        if gap > 1e-2 {
            compared += 1;
            let angle_rad = ours.geodesic_angle_rad(theirs);
            assert!(angle_rad < 2e-6 + 2e-6 / gap as f32, "{matrix:?}: {angle_rad} rad at a gap of {gap}");
        }
    }
    assert!(compared > 450, "{compared}");
}

/// How much better the nearest rotation is than its half turns about the three axes, relative to the matrix.
fn alignment_gap(matrix: &[f32; 9]) -> f64 {
    let best = nearest_rotation(matrix);
    let norm = matrix.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    // S = R^T M is symmetric with eigenvalues s1, s2, ±s3; tr S - largest eigenvalue = s2 ± s3, and the largest
    // eigenvalue of S is the limit of |S^k x|.
    let rotation = best.to_matrix();
    let s: [[f64; 3]; 3] = std::array::from_fn(|i| {
        std::array::from_fn(|j| (0..3).map(|k| f64::from(rotation[k][i]) * f64::from(matrix[k * 3 + j])).sum())
    });
    let mut x = [0.6, 0.5, 0.624];
    let mut largest = 0.0;
    for _ in 0..200 {
        let y: [f64; 3] = std::array::from_fn(|i| (0..3).map(|j| s[i][j] * x[j]).sum());
        largest = y.iter().map(|v| v * v).sum::<f64>().sqrt();
        x = y.map(|v| v / largest);
    }
    (s[0][0] + s[1][1] + s[2][2] - largest) / norm
}

/// Matrices by name, and whether one rotation is the nearest.
fn table() -> Vec<(&'static str, [f32; 9], bool)> {
    let turned = [0.36, 0.48, -0.8, -0.8, 0.6, 0.0, 0.48, 0.64, 0.6];
    let rank_two = [1.0, 2.0, 0.0, -2.0, 1.0, 0.0, 0.0, 0.0, 0.0];
    let mirror = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
    let rank_one = [0.0, 0.0, 0.0, 3.0, -1.0, 2.0, 0.0, 0.0, 0.0];
    let with = |mut matrix: [f32; 9], index: usize, number| {
        matrix[index] = number;
        matrix
    };
    let skewed: [f32; 9] = std::array::from_fn(|i| [0.3, -1.7, 0.9][i / 3] * [1.1, 0.4, -2.3][i % 3]);
    vec![
        ("identity", [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], true),
        ("rotation", turned, true),
        ("half turn", [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0], true),
        ("tiny rotation", turned.map(|v| v * 1e-30), true),
        ("huge rotation", turned.map(|v| v * 1e30), true),
        ("rank two", rank_two, true),
        ("rank two, tiny", rank_two.map(|v| v * 1e-30), true),
        ("two axes exchanged", [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0], false),
        ("reflection of a long ellipsoid", [3.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, -1.0], true),
        ("nearly rank one", [1.0, 0.0, 0.0, 0.0, 1e-4, 0.0, 0.0, 0.0, 1e-4], true),
        ("skew", [0.0, -1.0, 2.0, 1.0, 0.0, -3.0, -2.0, 3.0, 0.0], true),
        ("mirror", mirror, false),
        ("mirrored rotation", turned.map(|v| -v), false),
        ("nearly a mirror", with(mirror, 4, 1.0 + 1e-6), false),
        ("point reflection", [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0], false),
        ("ellipsoid of revolution, reflected", [1.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, -0.5], false),
        ("zero", [0.0; 9], false),
        ("negative zero", [-0.0; 9], false),
        ("all ones", [1.0; 9], false),
        ("rank one", rank_one, false),
        ("rank one with rounding errors", skewed, false),
        ("rank one, tiny", rank_one.map(|v| v * 1e-30), false),
        ("rank one, huge", rank_one.map(|v| v * 1e30), false),
        ("one entry", [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -5.0, 0.0], false),
        ("NaN", [f32::NAN; 9], false),
        ("one NaN", with(turned, 4, f32::NAN), false),
        ("infinities", [f32::INFINITY; 9], false),
        ("one infinity", with(turned, 8, f32::NEG_INFINITY), false),
    ]
}

/// What this crate's engine computes, plain and prepared.
fn in_sessions(matrix: &[f32; 9]) -> [[f32; 4]; 2] {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), &[rotation_graph()]).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::zeroed(model.graph("encode").unwrap().arena_bytes());
    let mut prepared = Prepared::new(&model, "encode").unwrap();
    let (mut plain, mut packed) = ([0.0; 4], [0.0; 4]);
    Session::new(&model, "encode", &mut arena).unwrap().run(&[Input::F32(matrix)], &mut [&mut plain]).unwrap();
    let mut session = Session::with_prepared(&model, "encode", &mut arena, &mut prepared).unwrap();
    session.run(&[Input::F32(matrix)], &mut [&mut packed]).unwrap();
    [plain, packed]
}

/// Every engine gives a rotation of the same matrices and NaN of the same others.
#[test]
fn engines_agree_where_there_is_no_rotation() {
    let table = table();
    let matrices: Vec<[f32; 9]> = table.iter().map(|(_, matrix, _)| *matrix).collect();
    for ((name, matrix, is_unique), in_onnx) in table.iter().zip(in_onnx(&matrices)) {
        let [plain, packed] = in_sessions(matrix);
        for (engine, wxyz) in [("plain", plain), ("prepared", packed), ("tract", in_onnx)] {
            if !is_unique {
                assert!(wxyz.iter().all(|v| v.is_nan()), "{name} in {engine}: {wxyz:?}");
                continue;
            }
            assert_unit_and_canonical(wxyz);
            let best = alignment(nearest_rotation(matrix).wxyz(), matrix);
            let norm = matrix.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            let missing = best - alignment(wxyz, matrix);
            assert!(missing.abs() < 3e-6 * norm, "{name} in {engine}: {wxyz:?} misses {missing}");
        }
    }
}

#[test]
fn the_size_of_the_numbers_does_not_matter() {
    let rows = [0.3, -0.9, 0.2, 0.8, 0.4, -0.3, 0.1, 0.2, 0.9];
    let matrices = [1e-37, 1e-30, 1.0, 1e30, 3.4e38].map(|scale: f32| rows.map(|v| v * scale));
    for (matrix, wxyz) in matrices.iter().zip(in_onnx(&matrices)) {
        let angle_rad = UnitQuaternion::from_wxyz(wxyz).unwrap().geodesic_angle_rad(nearest_rotation(&rows));
        assert!(angle_rad < 2e-6, "{matrix:?}: {angle_rad}");
    }
}
