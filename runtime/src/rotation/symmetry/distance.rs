use core::f32::consts::PI;

use super::SymmetryGroup;
use crate::rotation::UnitQuaternion;
use crate::rotation::vector::{cross, dot, length};

// An object with symmetry group G that is turned by R looks the same as turned by R g, for every g in G. So
//
//     d(a, b) = min over g of angle(a g, b) = min over g of angle(g, r)   with   r = a^-1 b:
//
// the distance of r from the set G. With unit quaternions, angle(g, r) = 2 acos |<g, r>|. Split r = (w, v) by an axis
// n: along = |(w, n.v)| and across = |v - (n.v) n|, along² + across² = 1.
// - Turns about n are (cos t, sin t n): the nearest of all has <g, r> = along. Of `order` turns, whose t are
//   multiples of pi / order, the nearest is off by a residue e of r's own t, and <g, r> = along cos e.
// - Half turns perpendicular to n are (0, m): the nearest of all has <g, r> = across; of `order` ones, whose axes
//   are pi / order apart, it is across cos e, with e now the residue of the angle from `side` to v's part across n.
// The angle itself comes from the arc tangent with the sine beside the cosine, which keeps it exact near 0.

impl SymmetryGroup {
    /// The smallest geodesic angle between two poses of an object of this symmetry, in [0, pi] radians.
    ///
    /// `min over g of angle(a * g, b)`: the symmetry is in the object's frame. It is a metric on poses that can be
    /// told apart. Cost: constant but for the polyhedral groups, which try each of their rotations.
    ///
    /// ```
    /// # use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};
    /// let bottle = SymmetryGroup::continuous([0.0, 0.0, 1.0]).unwrap();
    /// let pose = UnitQuaternion::from_euler_extrinsic_xyz([0.3, 0.4, 0.5]);
    /// let spun = pose * UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], 2.0);
    /// assert!(bottle.distance_rad(pose, spun) < 1e-6);
    /// assert!((SymmetryGroup::None.distance_rad(pose, spun) - 2.0).abs() < 1e-6);
    /// ```
    pub fn distance_rad(self, a: UnitQuaternion, b: UnitQuaternion) -> f32 {
        let relative = a.relative_rotation(b);
        match self {
            Self::None => relative.geodesic_angle_rad(UnitQuaternion::IDENTITY),
            Self::Full => 0.0,
            Self::Cyclic { axis, order } => Split::new(relative, axis).angle_to_turns_rad(order),
            Self::Dihedral { axis, side, order } => {
                let split = Split::new(relative, axis);
                split.angle_to_turns_rad(order).min(split.angle_to_half_turns_rad(side, order))
            }
            Self::Continuous { axis } => {
                let Split { along, across, .. } = Split::new(relative, axis);
                2.0 * libm::atan2f(across, along)
            }
            Self::ContinuousDihedral { axis } => {
                let Split { along, across, .. } = Split::new(relative, axis);
                2.0 * libm::atan2f(across.min(along), across.max(along))
            }
            Self::Tetrahedral | Self::Octahedral | Self::Icosahedral => {
                self.nearest_element(relative).geodesic_angle_rad(relative)
            }
        }
    }

    /// The smallest angle between two relative rotations `R1^-1 R2` of an object of this symmetry, in [0, pi] radians.
    ///
    /// Two views show R1 g1 as well as R1, and R2 g2 as well as R2, whatever g1 and g2 are: the relative rotation is
    /// known up to `g1^-1 r g2`, with g1 and g2 independent, and this is `min over g1, g2 of angle(g1 * a * g2, b)`.
    ///
    /// Cost: one [`Self::distance_rad`] for each rotation of a finite group; constant for the others, in closed form:
    /// with g1 and g2 free to turn about the axis n, a relative rotation is described by the tilt between n and r n
    /// alone, which is its `distance_rad` from the identity. The tilts differ by at most `angle(g1 a g2, b)` (triangle
    /// inequality on the sphere), and some g1, g2 reach that bound.
    ///
    /// ```
    /// # use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};
    /// let cube = SymmetryGroup::Octahedral;
    /// let r = UnitQuaternion::from_euler_extrinsic_xyz([0.1, 0.2, 0.3]);
    /// let quarter_turn = UnitQuaternion::from_axis_angle([1.0, 0.0, 0.0], core::f32::consts::FRAC_PI_2);
    /// assert!(cube.relative_distance_rad(r, quarter_turn * r) < 1e-6);
    /// ```
    pub fn relative_distance_rad(self, a: UnitQuaternion, b: UnitQuaternion) -> f32 {
        match self.elements() {
            Some(elements) => elements.map(|g| self.distance_rad(g * a, b)).fold(PI, f32::min),
            None => {
                let tilt = |r| self.distance_rad(UnitQuaternion::IDENTITY, r);
                (tilt(a) - tilt(b)).abs()
            }
        }
    }
}

/// A rotation seen along an axis.
pub(super) struct Split {
    pub axis: [f32; 3],
    pub vector: [f32; 3],
    /// `[w, n.v]`.
    pub turn: [f32; 2],
    /// Length of `turn`.
    pub along: f32,
    /// Length of the vector part perpendicular to the axis.
    pub across: f32,
}

impl Split {
    pub fn new(rotation: UnitQuaternion, axis: [f32; 3]) -> Self {
        let [w, x, y, z] = rotation.wxyz();
        let vector = [x, y, z];
        let turn = [w, dot(axis, vector)];
        Self { axis, vector, turn, along: libm::hypotf(turn[0], turn[1]), across: length(cross(axis, vector)) }
    }

    /// The angle to the nearest of `order` turns about the axis.
    fn angle_to_turns_rad(&self, order: u16) -> f32 {
        let off_rad = residue(libm::atan2f(self.turn[1], self.turn[0]), PI / f32::from(order.max(1)));
        let (sin, cos) = libm::sincosf(off_rad);
        2.0 * libm::atan2f(libm::hypotf(self.across, self.along * sin), self.along * cos)
    }

    /// The angle to the nearest of `order` half turns perpendicular to the axis, one of them about `side`.
    fn angle_to_half_turns_rad(&self, side: [f32; 3], order: u16) -> f32 {
        let from_side_rad = libm::atan2f(dot(cross(self.axis, side), self.vector), dot(side, self.vector));
        let (sin, cos) = libm::sincosf(residue(from_side_rad, PI / f32::from(order.max(1))));
        2.0 * libm::atan2f(libm::hypotf(self.along, self.across * sin), self.across * cos)
    }
}

/// What is left of an angle after the nearest multiple of `step_rad`.
fn residue(angle_rad: f32, step_rad: f32) -> f32 {
    angle_rad - libm::roundf(angle_rad / step_rad) * step_rad
}

pub(super) fn inner_product(a: UnitQuaternion, b: UnitQuaternion) -> f32 {
    a.wxyz().iter().zip(b.wxyz()).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use core::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};

    use proptest::prelude::*;

    use super::super::tests::{any_group, element_of, finite_groups};
    use super::{SymmetryGroup, UnitQuaternion};
    use crate::rotation::oracle::{any_rotation, fixed_seed};
    use crate::rotation::vector::dot;

    /// The definition, by trying every element.
    fn distance_by_trial(group: SymmetryGroup, a: UnitQuaternion, b: UnitQuaternion) -> f32 {
        group.elements().unwrap().map(|g| (a * g).geodesic_angle_rad(b)).fold(PI, f32::min)
    }

    /// The smallest angle between `a` turned on both sides about `axis`, and `b`: a grid, then ever finer ones.
    fn relative_by_search(axis: [f32; 3], a: UnitQuaternion, b: UnitQuaternion) -> f32 {
        let turn = |angle| UnitQuaternion::from_axis_angle(axis, angle);
        let (mut center, mut step, mut best) = ([0.0, 0.0], 2.0 * PI / 24.0, f32::MAX);
        for _ in 0..12 {
            let around = center;
            for i in -12i8..=12 {
                for j in -12i8..=12 {
                    let at = [around[0] + step * f32::from(i), around[1] + step * f32::from(j)];
                    let angle = (turn(at[0]) * a * turn(at[1])).geodesic_angle_rad(b);
                    if angle < best {
                        (best, center) = (angle, at);
                    }
                }
            }
            step /= 3.0;
        }
        best
    }

    #[test]
    fn distances_of_known_poses() {
        let turn = UnitQuaternion::from_axis_angle;
        let [x, z] = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        struct Case {
            group: &'static str,
            pose: UnitQuaternion,
            expected: f32,
        }
        for Case { group, pose, expected } in [
            Case { group: "none", pose: turn(x, PI), expected: PI },
            Case { group: "full", pose: turn(x, 2.0), expected: 0.0 },
            Case { group: "cyclic:z:4", pose: turn(z, FRAC_PI_2), expected: 0.0 },
            Case { group: "cyclic:z:4", pose: turn(z, -0.9 * FRAC_PI_2), expected: 0.1 * FRAC_PI_2 },
            Case { group: "cyclic:z:4", pose: turn(z, FRAC_PI_4), expected: FRAC_PI_4 },
            Case { group: "cyclic:z:4", pose: turn(x, PI), expected: PI },
            Case { group: "dihedral:z:x:4", pose: turn(x, PI), expected: 0.0 },
            Case { group: "dihedral:z:x:2", pose: turn(x, 3.0), expected: PI - 3.0 },
            Case { group: "continuous:z", pose: turn(z, 1.3), expected: 0.0 },
            Case { group: "continuous:z", pose: turn(x, 3.0), expected: 3.0 },
            Case { group: "continuous-dihedral:z", pose: turn(x, 3.0), expected: PI - 3.0 },
            Case { group: "octahedral", pose: turn(x, FRAC_PI_2 + 0.01), expected: 0.01 },
            Case { group: "tetrahedral", pose: turn(x, FRAC_PI_2), expected: FRAC_PI_2 },
            Case { group: "icosahedral", pose: turn([0.0, 1.0, 1.618_034], 0.4 * PI), expected: 0.0 },
        ] {
            let symmetry: SymmetryGroup = group.parse().unwrap();
            let distance = symmetry.distance_rad(UnitQuaternion::IDENTITY, pose);
            assert!((distance - expected).abs() < 1e-6, "{group} {pose:?}: {distance} is not {expected}");
        }
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn closed_forms_agree_with_trying_every_element(
            group in prop::sample::select(finite_groups()), a in any_rotation(), b in any_rotation(),
        ) {
            prop_assert!((group.distance_rad(a, b) - distance_by_trial(group, a, b)).abs() < 3e-6);
        }

        #[test]
        fn continuous_distance_is_the_angle_between_the_axes(a in any_rotation(), b in any_rotation()) {
            let axis = [0.0, 0.6, 0.8];
            let cos = dot(a.rotate(axis), b.rotate(axis)).clamp(-1.0, 1.0);
            let continuous = SymmetryGroup::continuous(axis).unwrap().distance_rad(a, b);
            let dihedral = SymmetryGroup::continuous_dihedral(axis).unwrap().distance_rad(a, b);
            prop_assert!((continuous.cos() - cos).abs() < 3e-6);
            prop_assert!((dihedral.cos() - cos.abs()).abs() < 3e-6);
        }

        #[test]
        fn distance_is_a_metric(group in any_group(), a in any_rotation(), b in any_rotation(), c in any_rotation()) {
            let d = |a, b| group.distance_rad(a, b);
            prop_assert!(d(a, a) < 1e-6);
            prop_assert!((d(a, b) - d(b, a)).abs() < 3e-6);
            prop_assert!(d(a, c) <= d(a, b) + d(b, c) + 5e-6);
            prop_assert!((0.0..=a.geodesic_angle_rad(b) + 2e-6).contains(&d(a, b)));
        }

        #[test]
        fn distance_does_not_see_the_symmetry(
            group in any_group(), a in any_rotation(), b in any_rotation(), c in any_rotation(),
            u in prop::array::uniform2(0.0f32..1.0), v in prop::array::uniform2(0.0f32..1.0),
        ) {
            let (g, h) = (element_of(group, u), element_of(group, v));
            let distance = group.distance_rad(a, b);
            prop_assert!((group.distance_rad(a * g, b * h) - distance).abs() < 5e-6);
            prop_assert!((group.distance_rad(c * a, c * b) - distance).abs() < 5e-6);
        }

        #[test]
        fn relative_distance_does_not_see_either_symmetry(
            group in any_group(), a in any_rotation(), b in any_rotation(),
            u in prop::array::uniform2(0.0f32..1.0), v in prop::array::uniform2(0.0f32..1.0),
        ) {
            let (g, h) = (element_of(group, u), element_of(group, v));
            let distance = group.relative_distance_rad(a, b);
            prop_assert!(group.relative_distance_rad(a, a) < 1e-6);
            prop_assert!((group.relative_distance_rad(g * a * h, b) - distance).abs() < 5e-6);
            prop_assert!((group.relative_distance_rad(b, a) - distance).abs() < 5e-6);
            prop_assert!(distance <= group.distance_rad(a, b) + 2e-6);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..fixed_seed() })]

        #[test]
        fn relative_closed_forms_are_the_smallest_angles(a in any_rotation(), b in any_rotation()) {
            let axis = [0.0, 0.6, 0.8];
            let half_turn = UnitQuaternion::from_wxyz([0.0, 1.0, 0.0, 0.0]).unwrap();
            let upright = relative_by_search(axis, a, b);
            let continuous = SymmetryGroup::continuous(axis).unwrap().relative_distance_rad(a, b);
            prop_assert!((continuous - upright).abs() < 1e-3, "{continuous} {upright}");
            let either_way_up = upright.min(relative_by_search(axis, half_turn * a, b));
            let dihedral = SymmetryGroup::continuous_dihedral(axis).unwrap().relative_distance_rad(a, b);
            prop_assert!((dihedral - either_way_up).abs() < 1e-3, "{dihedral} {either_way_up}");
        }
    }
}
