use super::UnitQuaternion;
use super::vector::{cross, dot};

/// How far products of rows may be from orthonormal before [`UnitQuaternion::from_matrix`] refuses them.
pub const ORTHONORMALITY_TOLERANCE: f32 = 1e-3;

impl UnitQuaternion {
    /// The rotation matrix, rows first.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let half_turn_about_z = UnitQuaternion::from_wxyz([0.0, 0.0, 0.0, 1.0]).unwrap();
    /// assert_eq!(half_turn_about_z.to_matrix(), [[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]]);
    /// ```
    pub fn to_matrix(self) -> [[f32; 3]; 3] {
        let [w, x, y, z] = self.wxyz();
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y)],
            [2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x)],
            [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)],
        ]
    }

    /// The rotation of a rotation matrix, rows first; `None` when it is not one within [`ORTHONORMALITY_TOLERANCE`].
    ///
    /// [`nearest_rotation`](super::nearest_rotation) takes any nine numbers instead.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let mirror = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]];
    /// assert_eq!(UnitQuaternion::from_matrix(&mirror), None);
    /// ```
    pub fn from_matrix(rows: &[[f32; 3]; 3]) -> Option<Self> {
        if !is_rotation(rows) {
            return None;
        }
        Self::from_wxyz(largest_component_first(rows))
    }
}

/// Whether the rows are orthonormal and right-handed; NaN is not.
fn is_rotation(rows: &[[f32; 3]; 3]) -> bool {
    let [a, b, c] = *rows;
    let third = cross(a, b);
    let near = |value: f32, target: f32| (value - target).abs() <= ORTHONORMALITY_TOLERANCE;
    near(dot(a, a), 1.0) && near(dot(b, b), 1.0) && near(dot(a, b), 0.0) && (0..3).all(|i| near(third[i], c[i]))
}

/// Shepperd's method (1978): the row of `4 q q^T` that belongs to the largest of w², x², y², z², so that nothing cancels.
fn largest_component_first(rows: &[[f32; 3]; 3]) -> [f32; 4] {
    let [[a, b, c], [d, e, f], [g, h, i]] = *rows;
    let candidates = [
        [1.0 + a + e + i, h - f, c - g, d - b],
        [h - f, 1.0 + a - e - i, b + d, c + g],
        [c - g, b + d, 1.0 - a + e - i, f + h],
        [d - b, c + g, f + h, 1.0 - a - e + i],
    ];
    let mut largest = 0;
    for component in 1..4 {
        if candidates[component][component] > candidates[largest][largest] {
            largest = component;
        }
    }
    candidates[largest]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::UnitQuaternion;
    use crate::rotation::oracle::{any_rotation, fixed_seed, oracle_of};

    #[test]
    fn refuses_what_is_no_rotation() {
        for (name, rows) in [
            ("zeros", [[0.0; 3]; 3]),
            ("mirror", [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
            ("scaled", [[1.01, 0.0, 0.0], [0.0, 1.01, 0.0], [0.0, 0.0, 1.01]]),
            ("sheared", [[1.0, 0.0, 0.0], [0.1, 1.0, 0.0], [0.0, 0.0, 1.0]]),
            ("third row not the product", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.01, 1.0]]),
            ("NaN", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, f32::NAN]]),
            ("infinite", [[f32::INFINITY; 3]; 3]),
        ] {
            assert_eq!(UnitQuaternion::from_matrix(&rows), None, "{name}");
        }
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn matrices_agree_with_nalgebra(a in any_rotation()) {
            let expected = oracle_of(a).to_rotation_matrix();
            for (i, row) in a.to_matrix().iter().enumerate() {
                for (j, value) in row.iter().enumerate() {
                    prop_assert!((f64::from(*value) - expected[(i, j)]).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn from_matrix_inverts_to_matrix(a in any_rotation()) {
            let back = UnitQuaternion::from_matrix(&a.to_matrix()).unwrap();
            prop_assert!(back.geodesic_angle_rad(a) < 1e-6);
        }
    }
}
