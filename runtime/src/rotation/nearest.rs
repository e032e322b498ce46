use super::UnitQuaternion;

/// Squarings of the shifted matrix K in [`nearest_rotation`]: enough to separate a relative gap `s2 + s3` of 1e-5.
///
/// Against a double precision SVD, 20 squarings are as good as 30 down to that gap, where single precision itself
/// leaves a median error of 0.003 radians; 16 are good to 1e-3 (test `more_squarings_gain_nothing`).
pub const NEAREST_ROTATION_SQUARINGS: usize = 20;

/// Added to the diagonal of K in [`nearest_rotation`]: sqrt 3, the largest |eigenvalue| of K when `|M|_F = 1`.
pub const NEAREST_ROTATION_SHIFT: f32 = 1.732_050_8;

// For a unit quaternion q = (w, x, y, z), the entries of its matrix R are quadratic forms of q, so
//
//     tr(R^T M) = q^T K q   with Davenport's symmetric K (the "q-method", 1968; Markley and Mortari, 2000):
//
//         | a+e+i   h-f     c-g     d-b   |                   | a b c |
//     K = | h-f     a-e-i   b+d     c+g   |      where    M = | d e f |
//         | c-g     b+d     e-a-i   f+h   |                   | g h i |
//         | d-b     c+g     f+h     i-a-e |
//
// and the nearest rotation is the eigenvector of the largest eigenvalue. With M's singular values s1 >= s2 >= s3 (s3
// negative where det M < 0) the eigenvalues are s1+s2+s3, s1-s2-s3, s2-s1-s3, s3-s1-s2: the gap is 2 (s2 + s3), and
// every |eigenvalue| is at most sqrt 3 |M|_F. The exact steps, for one matrix and in single precision:
//
//     1. M <- M / max(largest |entry|, smallest normal number), M <- M / max(|M|_F, smallest normal number)
//     2. A <- K(M) + sqrt 3 I                     positive semi-definite, so the largest eigenvalue dominates
//     3. A <- A / |A|_F                           |A|_F >= 2 before: nothing to guard
//     4. NEAREST_ROTATION_SQUARINGS times: A <- A A, A <- A / |A|_F     (|A A|_F >= 1/2)
//     5. q <- the row of A with the largest diagonal entry (the first of equals) / the square root of that entry
//     6. q <- q / |q|, sign such that w >= 0
//
// After step 4, A is the projector on the dominant eigenspace divided by its Frobenius norm. With one dominant
// eigenvector that is q q^T and step 5 reads q off; with several (rank 1, some reflections) a row of the projector is
// still a maximiser. M = 0 leaves A = I / 2, and row 0 is the identity. The largest diagonal entry is at least 1/4.
// Every step is one ONNX operator or a few: Abs, ReduceMax, Max, Div, MatMul with the constant 9 x 16 matrix of K,
// Add, ReduceL2, ArgMax, Gather.
//
// Whether the answer is the only one is read off the same A. With eigenvalues l1 >= l2 >= .. of step 2 and n = 2^20, the
// ratio tr A / |A|_F is (1 + r2 + ..) / sqrt(1 + r2^2 + ..) with r2 = (l2 / l1)^n: 1 for one dominant eigenvector, sqrt 2
// for two, 2 for M = 0. The bound below is met at r2 = 0.05, where 2 (s2 + s3) = 1e-5 |M|_F at most. Single precision
// cannot tell gaps below 1e-6 from zero, and a gap of 2e-5 makes r2 < 1e-3: the bound lies between the two.

/// Largest `tr A / |A|_F` after all squarings in [`unique_nearest_rotation`]: 1 where one rotation is the nearest, 1.41 and
/// more where several are.
pub const NEAREST_ROTATION_MOST_TRACE: f32 = 1.05;

/// The rotation R nearest to nine numbers M, rows first: it maximises `tr(R^T M)`, so it minimises `|R - M|_F`.
///
/// Any scale will do, and M need not be invertible: where several rotations are equally near (rank 1, some
/// reflections) one of them is chosen, always the same. Zeros, and numbers that are not finite, give the identity: a loss
/// needs some answer. [`unique_nearest_rotation`] tells these cases apart.
/// The error is about `3e-7 / (s2 + s3)` radians, where s2 and s3 are M's smaller signed singular values over the
/// largest: that is how well the numbers determine the answer in single precision.
///
/// ```
/// # use sextant_runtime::rotation::{UnitQuaternion, nearest_rotation};
/// let rotation = UnitQuaternion::from_euler_extrinsic_xyz([0.3, -1.2, 2.5]);
/// let rows = rotation.to_matrix();
/// let nine = core::array::from_fn(|i| 17.0 * rows.as_flattened()[i]);
/// assert!(nearest_rotation(&nine).geodesic_angle_rad(rotation) < 1e-6);
/// ```
pub fn nearest_rotation(rows: &[f32; 9]) -> UnitQuaternion {
    nearest_after_squarings(rows, NEAREST_ROTATION_SQUARINGS)
}

/// The same rotation, bit for bit; `None` where it means nothing: numbers that are not finite, and matrices to which several
/// rotations are equally near. These are zeros, rank 1, and det M < 0 with equal smaller singular values.
///
/// It is what the operator `NearestRotation` computes, which makes four NaN of `None`. "Equally near" is `s2 + s3` below
/// about 4e-6 |M|_F, where single precision no longer determines the answer.
///
/// ```
/// # use sextant_runtime::rotation::{nearest_rotation, unique_nearest_rotation};
/// let turned = [0.0, -2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0];
/// assert_eq!(unique_nearest_rotation(&turned), Some(nearest_rotation(&turned)));
/// assert_eq!(unique_nearest_rotation(&[1.0; 9]), None);
/// ```
pub fn unique_nearest_rotation(rows: &[f32; 9]) -> Option<UnitQuaternion> {
    let power = projector(rows, NEAREST_ROTATION_SQUARINGS)?;
    is_of_rank_one(&power).then(|| dominant(&power))
}

fn nearest_after_squarings(rows: &[f32; 9], squarings: usize) -> UnitQuaternion {
    projector(rows, squarings).map_or(UnitQuaternion::IDENTITY, |power| dominant(&power))
}

/// Steps 1 to 4. `None` when a number is not finite.
fn projector(rows: &[f32; 9], squarings: usize) -> Option<[[f32; 4]; 4]> {
    if rows.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut power = unit_frobenius(&shifted_davenport(&unit_scale(rows)));
    for _ in 0..squarings {
        power = unit_frobenius(&squared(&power));
    }
    Some(power)
}

/// Whether a matrix of Frobenius norm 1 has one dominant eigenvector.
fn is_of_rank_one(power: &[[f32; 4]; 4]) -> bool {
    let trace: f32 = power.as_flattened().iter().step_by(5).sum();
    trace <= NEAREST_ROTATION_MOST_TRACE
}

/// Step 5.
fn dominant(power: &[[f32; 4]; 4]) -> UnitQuaternion {
    // The entries are finite and the row's largest is at least 1/2: the fallback is never taken.
    UnitQuaternion::from_wxyz(dominant_row(power)).unwrap_or(UnitQuaternion::IDENTITY)
}

/// Step 1: the matrix with Frobenius norm 1, in two steps so that no square overflows or vanishes.
fn unit_scale(rows: &[f32; 9]) -> [f32; 9] {
    let largest = rows.iter().fold(f32::MIN_POSITIVE, |largest, v| largest.max(v.abs()));
    let scaled = rows.map(|v| v / largest);
    let norm = libm::sqrtf(scaled.iter().map(|v| v * v).sum()).max(f32::MIN_POSITIVE);
    scaled.map(|v| v / norm)
}

/// Step 2: `K + sqrt 3 I`.
fn shifted_davenport(&[a, b, c, d, e, f, g, h, i]: &[f32; 9]) -> [[f32; 4]; 4] {
    let shift = NEAREST_ROTATION_SHIFT;
    [
        [a + e + i + shift, h - f, c - g, d - b],
        [h - f, a - e - i + shift, b + d, c + g],
        [c - g, b + d, e - a - i + shift, f + h],
        [d - b, c + g, f + h, i - a - e + shift],
    ]
}

/// Steps 3 and 4: a matrix over its Frobenius norm.
fn unit_frobenius(matrix: &[[f32; 4]; 4]) -> [[f32; 4]; 4] {
    let norm = libm::sqrtf(matrix.as_flattened().iter().map(|v| v * v).sum());
    matrix.map(|row| row.map(|v| v / norm))
}

/// Step 4: a symmetric matrix times itself; entry (i, j) is the product of rows i and j.
fn squared(matrix: &[[f32; 4]; 4]) -> [[f32; 4]; 4] {
    matrix.map(|left| matrix.map(|right| left.iter().zip(right).map(|(l, r)| l * r).sum()))
}

/// Step 5: the row with the largest diagonal entry, over that entry's square root.
fn dominant_row(matrix: &[[f32; 4]; 4]) -> [f32; 4] {
    let mut largest = 0;
    for i in 1..4 {
        if matrix[i][i] > matrix[largest][largest] {
            largest = i;
        }
    }
    let root = libm::sqrtf(matrix[largest][largest]);
    matrix[largest].map(|v| v / root)
}

#[cfg(test)]
mod tests {
    use nalgebra::{Matrix3, Rotation3, SVD, UnitQuaternion as Oracle};
    use proptest::prelude::*;

    use super::{
        NEAREST_ROTATION_SHIFT, NEAREST_ROTATION_SQUARINGS, UnitQuaternion, nearest_after_squarings, nearest_rotation,
        unique_nearest_rotation,
    };
    use crate::rotation::oracle::{any_rotation, fixed_seed, oracle_of};

    /// `R = U diag(1, 1, det(U V^T)) V^T` of the singular value decomposition, in double precision.
    fn svd_rotation(m: &Matrix3<f64>) -> Oracle<f64> {
        let svd = SVD::new(*m, true, true);
        let (u, v_t) = (svd.u.unwrap(), svd.v_t.unwrap());
        let mut signs = Matrix3::identity();
        signs[(2, 2)] = (u * v_t).determinant();
        Oracle::from_rotation_matrix(&Rotation3::from_matrix_unchecked(u * signs * v_t))
    }

    fn rows_of(m: &Matrix3<f64>) -> [f32; 9] {
        core::array::from_fn(|i| m[(i / 3, i % 3)] as f32)
    }

    fn oracle_matrix(rows: &[f32; 9]) -> Matrix3<f64> {
        Matrix3::from_row_slice(&rows.map(f64::from))
    }

    /// `tr(R^T M)`.
    fn alignment(rotation: UnitQuaternion, m: &Matrix3<f64>) -> f64 {
        oracle_of(rotation).to_rotation_matrix().matrix().dot(m)
    }

    /// The largest `tr(R^T M)` of any rotation: s1 + s2 ± s3.
    fn best_alignment(m: &Matrix3<f64>) -> f64 {
        let s = m.singular_values();
        s[0] + s[1] + s[2] * if m.determinant() < 0.0 { -1.0 } else { 1.0 }
    }

    /// `U diag(s) V^T` of two rotations.
    fn with_singular_values(u: UnitQuaternion, s: [f64; 3], v: UnitQuaternion) -> Matrix3<f64> {
        let matrix = |r| *oracle_of(r).to_rotation_matrix().matrix();
        matrix(u) * Matrix3::from_diagonal(&s.into()) * matrix(v).transpose()
    }

    #[test]
    fn shift_is_the_square_root_of_three() {
        assert_eq!(NEAREST_ROTATION_SHIFT, 3f32.sqrt());
    }

    #[test]
    fn zeros_and_what_is_not_finite_give_the_identity() {
        let mut with_nan = [1.0; 9];
        with_nan[4] = f32::NAN;
        for rows in [[0.0; 9], [-0.0; 9], [f32::NAN; 9], with_nan, [f32::INFINITY; 9], [f32::NEG_INFINITY; 9]] {
            assert_eq!(nearest_rotation(&rows), UnitQuaternion::IDENTITY, "{rows:?}");
            assert_eq!(unique_nearest_rotation(&rows), None, "{rows:?}");
        }
    }

    /// Rank 1, and reflections with two or three equal smallest singular values, in any position and of any size.
    #[test]
    fn matrices_with_several_nearest_rotations_have_none() {
        let degenerate = [
            [1.0, 0.0, 0.0],
            [1.0, 1e-7, 0.0],
            [1.0, 1e-7, -1e-7],
            [1.0, 0.5, -0.5],
            [1.0, 1.0, -1.0],
            [1.0, 1e-3, -1e-3],
            [1.0, 1e-3, -0.999_9e-3],
        ];
        let well_posed = [
            [1.0, 1.0, 1.0],
            [1.0, 1.0, 0.0],
            [1.0, 0.5, -0.4],
            [1.0, 3e-5, 0.0],
            [1.0, 1.0, -0.999_97],
            [1.0, 0.0, 3e-5],
        ];
        let spread = |i: u16, step: f32| (f32::from(i) * step + 0.5).fract();
        let turned = |i: u16, a, b, c| UnitQuaternion::uniform([spread(i, a), spread(i, b), spread(i, c)]);
        for (i, scale) in (0..300).zip([1.0, 1e-30, 1e30, 0.03].into_iter().cycle()) {
            let (u, v) = (turned(i, 0.865, 0.748, 0.646), turned(i, 0.559, 0.484, 0.418));
            let rows = |s| rows_of(&(with_singular_values(u, s, v) * scale));
            for s in degenerate {
                assert_eq!(unique_nearest_rotation(&rows(s)), None, "{s:?} times {scale}, {i}");
            }
            for s in well_posed {
                let rows = rows(s);
                assert_eq!(unique_nearest_rotation(&rows), Some(nearest_rotation(&rows)), "{s:?} times {scale}, {i}");
            }
        }
    }

    #[test]
    fn degenerate_matrices_reach_the_best_alignment() {
        for (name, rows) in [
            ("identity", [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
            ("all ones", [1.0; 9]),
            ("rank 1", [0.0, 0.0, 0.0, 3.0, -1.0, 2.0, 0.0, 0.0, 0.0]),
            ("one entry", [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -5.0, 0.0]),
            ("rank 2", [1.0, 2.0, 0.0, -2.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
            ("point reflection", [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0]),
            ("mirror", [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0]),
            ("half turn", [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0]),
            ("exchange", [0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
            ("skew", [0.0, -1.0, 2.0, 1.0, 0.0, -3.0, -2.0, 3.0, 0.0]),
        ] {
            let m = oracle_matrix(&rows);
            let missing = best_alignment(&m) - alignment(nearest_rotation(&rows), &m);
            assert!(missing.abs() < 2e-6 * m.norm(), "{name}: {missing}");
        }
    }

    #[test]
    fn any_scale_gives_the_same_rotation() {
        let rows = [0.3, -0.9, 0.2, 0.8, 0.4, -0.3, 0.1, 0.2, 0.9];
        let expected = nearest_rotation(&rows);
        // The last is in the subnormal numbers, which carry few digits.
        for (scale, tolerance) in [(1e-30, 1e-6), (1e-37, 1e-6), (1e38, 1e-6), (3.4e38, 1e-6), (1e-42, 2e-3)] {
            let error = nearest_rotation(&rows.map(|v| v * scale)).geodesic_angle_rad(expected);
            assert!(error < tolerance, "{scale}: {error}");
        }
    }

    /// 300 matrices with singular values 1, 0.6 gap, 0.4 gap, and the rotations nearest to them.
    fn matrices_with_gap(gap: f64) -> Vec<([f32; 9], Oracle<f64>)> {
        let spread = |i: u16, step: f32| (f32::from(i) * step + 0.5).fract();
        let turned = |i: u16, a, b, c| UnitQuaternion::uniform([spread(i, a), spread(i, b), spread(i, c)]);
        let case = |i| {
            let (u, v) = (turned(i, 0.865, 0.748, 0.646), turned(i, 0.559, 0.484, 0.418));
            let rows = rows_of(&with_singular_values(u, [1.0, 0.6 * gap, 0.4 * gap], v));
            (rows, svd_rotation(&oracle_matrix(&rows)))
        };
        (0..300).map(case).collect()
    }

    fn median_error_rad(cases: &[([f32; 9], Oracle<f64>)], squarings: usize) -> f64 {
        let error = |(rows, nearest): &_| oracle_of(nearest_after_squarings(rows, squarings)).angle_to(nearest);
        let mut errors: Vec<f64> = cases.iter().map(error).collect();
        errors.sort_by(f64::total_cmp);
        errors[errors.len() / 2]
    }

    #[test]
    fn more_squarings_gain_nothing() {
        for gap in [1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5] {
            let cases = matrices_with_gap(gap);
            let [few, ours, many] = [16, NEAREST_ROTATION_SQUARINGS, 30].map(|n| median_error_rad(&cases, n));
            assert!(ours < 1.3 * many + 1e-7 && many < 1e-6 / gap, "gap {gap}: {ours}, with 30 squarings {many}");
            assert_eq!(few > 2.0 * many + 1e-7, gap < 1e-3, "gap {gap}: {few} with 16 squarings, {many} with 30");
        }
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn agrees_with_svd_as_far_as_the_numbers_determine_it(
            u in any_rotation(), v in any_rotation(), s2 in 0.0f64..1.0, s3 in -1.0f64..1.0, exponent in -4i32..=0,
        ) {
            // The smaller two singular values shrink together: the gap goes down to 1e-5.
            let shrink = 10f64.powi(exponent);
            let m = with_singular_values(u, [1.0, s2 * shrink, s3 * s2 * shrink], v);
            let gap = (s2 + s3 * s2) * shrink;
            prop_assume!(gap > 1e-5);
            let rows = rows_of(&m);
            let error = oracle_of(nearest_rotation(&rows)).angle_to(&svd_rotation(&oracle_matrix(&rows)));
            prop_assert!(error < 2e-6 + 2e-5 / gap, "gap {gap}: {error}");
            prop_assert_eq!(unique_nearest_rotation(&rows), Some(nearest_rotation(&rows)));
        }

        #[test]
        fn nine_numbers_reach_the_best_alignment(rows in prop::array::uniform9(-1.0f32..1.0)) {
            let m = oracle_matrix(&rows);
            prop_assert!((best_alignment(&m) - alignment(nearest_rotation(&rows), &m)).abs() < 2e-6 * m.norm());
        }

        #[test]
        fn rotations_are_their_own_nearest(a in any_rotation()) {
            let rows = a.to_matrix();
            let nine = core::array::from_fn(|i| rows.as_flattened()[i]);
            prop_assert!(nearest_rotation(&nine).geodesic_angle_rad(a) < 2e-6);
            prop_assert_eq!(unique_nearest_rotation(&nine), Some(nearest_rotation(&nine)));
        }

        #[test]
        fn any_nine_numbers_give_a_unit_quaternion(bits in prop::array::uniform9(any::<u32>())) {
            let rows = bits.map(f32::from_bits);
            let norm: f32 = nearest_rotation(&rows).wxyz().iter().map(|v| v * v).sum();
            prop_assert!((norm - 1.0).abs() < 1e-6);
            prop_assert!(unique_nearest_rotation(&rows).is_none_or(|unique| unique == nearest_rotation(&rows)));
        }

        #[test]
        fn turning_the_numbers_turns_the_rotation(a in any_rotation(), rows in prop::array::uniform9(-1.0f32..1.0)) {
            let m = oracle_matrix(&rows);
            let s = m.singular_values();
            prop_assume!(s[1] + s[2] * m.determinant().signum() > 0.05);
            let turned = rows_of(&(oracle_of(a).to_rotation_matrix().matrix() * m));
            prop_assert!(nearest_rotation(&turned).geodesic_angle_rad(a * nearest_rotation(&rows)) < 5e-5);
        }
    }
}
