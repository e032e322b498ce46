//! Vectors and 3x3 matrices (rows first) as plain arrays.

/// A point or a direction.
pub type Vector3 = [f32; 3];
/// Rows first.
pub type Matrix3 = [[f32; 3]; 3];

pub fn add(a: Vector3, b: Vector3) -> Vector3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

pub fn sub(a: Vector3, b: Vector3) -> Vector3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub fn scaled(a: Vector3, factor: f32) -> Vector3 {
    [a[0] * factor, a[1] * factor, a[2] * factor]
}

pub fn dot(a: Vector3, b: Vector3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub fn cross(a: Vector3, b: Vector3) -> Vector3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub fn length(a: Vector3) -> f32 {
    dot(a, a).sqrt()
}

/// The vector at unit length; `None` when it has no direction.
pub fn normalized(a: Vector3) -> Option<Vector3> {
    let norm = length(a);
    (norm > 1e-20 && norm.is_finite()).then(|| scaled(a, 1.0 / norm))
}

pub fn times(matrix: &Matrix3, a: Vector3) -> Vector3 {
    [dot(matrix[0], a), dot(matrix[1], a), dot(matrix[2], a)]
}

pub fn transposed(matrix: &Matrix3) -> Matrix3 {
    let [a, b, c] = *matrix;
    [[a[0], b[0], c[0]], [a[1], b[1], c[1]], [a[2], b[2], c[2]]]
}

pub fn product(left: &Matrix3, right: &Matrix3) -> Matrix3 {
    let columns = transposed(right);
    left.map(|row| columns.map(|column| dot(row, column)))
}
