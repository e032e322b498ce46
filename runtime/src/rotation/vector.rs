//! Vectors of three numbers, as the rotations need them.

pub(super) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

pub(super) fn length(a: [f32; 3]) -> f32 {
    libm::sqrtf(dot(a, a))
}

/// The direction of a vector of any scale; `None` when it is zero or not finite.
pub(super) fn direction(a: [f32; 3]) -> Option<[f32; 3]> {
    // The largest entry is divided out first: its square could overflow or vanish.
    let largest = a.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
    if a.iter().any(|v| !v.is_finite()) || largest == 0.0 {
        return None;
    }
    let scaled = a.map(|v| v / largest);
    let norm = length(scaled);
    Some(scaled.map(|v| v / norm))
}
