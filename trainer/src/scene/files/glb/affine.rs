//! Affine maps in double precision: nodes may lie far from the origin.

use super::document::Node;

/// Takes a point `p` to `linear * p + translation`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Rows first.
    pub linear: [[f64; 3]; 3],
    pub translation: [f64; 3],
}

impl Affine {
    pub const IDENTITY: Self =
        Self { linear: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], translation: [0.0; 3] };

    /// From the sixteen numbers of a matrix, columns first; none when it is not affine.
    pub fn from_columns(columns: &[f64]) -> Option<Self> {
        let &[a, b, c, z0, d, e, f, z1, g, h, i, z2, x, y, z, one] = columns else { return None };
        let near = |value: f64, expected: f64| (value - expected).abs() < 1e-5;
        let is_affine = [z0, z1, z2].iter().all(|zero| near(*zero, 0.0)) && near(one, 1.0);
        is_affine.then_some(Self { linear: [[a, d, g], [b, e, h], [c, f, i]], translation: [x, y, z] })
    }

    /// Scaled first, then turned by the quaternion xyzw, then moved.
    pub fn from_parts(translation: [f64; 3], rotation_xyzw: [f64; 4], scale: [f64; 3]) -> Self {
        let norm = rotation_xyzw.iter().map(|v| v * v).sum::<f64>().sqrt();
        let [x, y, z, w] = if norm > 0.0 { rotation_xyzw.map(|v| v / norm) } else { [0.0, 0.0, 0.0, 1.0] };
        let rotation = [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
            [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
            [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
        ];
        Self { linear: rotation.map(|row| std::array::from_fn(|i| row[i] * scale[i])), translation }
    }

    /// What a node does to its children and its mesh.
    ///
    /// # Errors
    /// When its matrix is not affine.
    pub fn of_node(node: &Node) -> Result<Self, String> {
        match &node.matrix {
            Some(columns) => Self::from_columns(columns)
                .ok_or_else(|| "its matrix is not affine: the last row is not 0 0 0 1".to_owned()),
            None => Ok(Self::from_parts(
                node.translation.unwrap_or_default(),
                node.rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]),
                node.scale.unwrap_or([1.0; 3]),
            )),
        }
    }

    /// First `inner`, then this.
    pub fn after(&self, inner: &Self) -> Self {
        let columns: [[f64; 3]; 3] = std::array::from_fn(|column| self.vector(inner.linear.map(|row| row[column])));
        Self {
            linear: std::array::from_fn(|row| std::array::from_fn(|column| columns[column][row])),
            translation: self.point(inner.translation),
        }
    }

    pub fn point(&self, point: [f64; 3]) -> [f64; 3] {
        let moved = self.vector(point);
        std::array::from_fn(|i| moved[i] + self.translation[i])
    }

    /// A difference of points.
    pub fn vector(&self, vector: [f64; 3]) -> [f64; 3] {
        self.linear.map(|row| dot(row, vector))
    }

    /// The map for normals, up to their length: the cofactors, whose sign keeps them on their side when it mirrors.
    pub fn for_normals(&self) -> Self {
        let [a, b, c] = self.linear;
        let cofactors = [cross(b, c), cross(c, a), cross(a, b)];
        let sign = if self.mirrors() { -1.0 } else { 1.0 };
        Self { linear: cofactors.map(|row| row.map(|v| v * sign)), translation: [0.0; 3] }
    }

    /// Whether it turns a left hand into a right one.
    pub fn mirrors(&self) -> bool {
        let [a, b, c] = self.linear;
        dot(a, cross(b, c)) < 0.0
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_follow_each_other() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let quarter_about_z = Affine::from_parts([5e6, 0.0, 0.0], [0.0, 0.0, half, half], [2.0, 1.0, 1.0]);
        let moved = quarter_about_z.point([1.0, 0.0, 0.0]);
        assert!((moved[0] - 5e6).abs() < 1e-9 && (moved[1] - 2.0).abs() < 1e-12, "{moved:?}");
        let lifted = Affine { translation: [0.0, 0.0, 3.0], ..Affine::IDENTITY };
        assert_eq!(lifted.after(&quarter_about_z).point([0.0; 3]), [5e6, 0.0, 3.0]);
        let inner_first = quarter_about_z.after(&lifted).point([1.0, 0.0, 0.0]);
        assert_eq!(inner_first, [moved[0], moved[1], 3.0]);
    }

    #[test]
    fn mirrors_keep_normals_outside() {
        let mirror = Affine::from_parts([0.0; 3], [0.0, 0.0, 0.0, 1.0], [-2.0, 1.0, 1.0]);
        assert!(mirror.mirrors());
        assert_eq!(mirror.for_normals().vector([1.0, 0.0, 0.0]), [-1.0, 0.0, 0.0]);
        assert_eq!(mirror.for_normals().vector([0.0, 1.0, 0.0]), [0.0, 2.0, 0.0]);
    }

    #[test]
    fn a_matrix_with_perspective_is_none() {
        let mut columns = [0.0; 16];
        for i in [0, 5, 10, 15] {
            columns[i] = 1.0;
        }
        assert_eq!(Affine::from_columns(&columns), Some(Affine::IDENTITY));
        columns[3] = 0.5;
        assert_eq!(Affine::from_columns(&columns), None);
        assert_eq!(Affine::from_columns(&columns[..9]), None);
    }
}
