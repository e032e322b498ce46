//! Rotations that map an object onto itself, and distances that do not tell such poses apart.

mod distance;
mod elements;
mod equivalent;
mod text;

pub use elements::SymmetryElements;
pub use text::SymmetryError;

use super::vector::{cross, direction, dot, length};

/// Unit length and right angles are kept as given when they hold to this, so that text makes the round trip.
const UNIT_TOLERANCE: f32 = 1e-6;

/// The rotations that map an object onto itself.
///
/// As text: `none`, `cyclic:AXIS:ORDER`, `dihedral:AXIS:SIDE:ORDER`, `continuous:AXIS`, `continuous-dihedral:AXIS`,
/// `tetrahedral`, `octahedral`, `icosahedral`, `full`; an axis is `x`, `y`, `z`, `-x`, `-y`, `-z` or `(1,0.5,-2)`.
///
/// ```
/// # use sextant_runtime::rotation::SymmetryGroup;
/// let table: SymmetryGroup = "cyclic:z:4".parse()?;
/// assert_eq!(Some(table), SymmetryGroup::cyclic([0.0, 0.0, 2.0], 4));
/// assert_eq!(table.order(), Some(4));
/// assert_eq!(table.to_string(), "cyclic:z:4");
/// # Ok::<(), sextant_runtime::rotation::SymmetryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SymmetryGroup {
    /// Only the identity.
    None,
    /// `order`-fold about `axis` (unit length).
    Cyclic {
        /// Unit axis in the object's frame.
        axis: [f32; 3],
        /// Number of rotations in the group, 2 or more.
        order: u16,
    },
    /// `order`-fold about `axis`, and half turns about `order` axes perpendicular to it (`side` is one of them).
    Dihedral {
        /// Unit axis of the `order`-fold rotations.
        axis: [f32; 3],
        /// Unit axis of one of the half turns, perpendicular to `axis`.
        side: [f32; 3],
        /// Number of rotations about `axis`, 2 or more.
        order: u16,
    },
    /// Every rotation about `axis` (a cone, a bottle).
    Continuous {
        /// Unit axis in the object's frame.
        axis: [f32; 3],
    },
    /// Every rotation about `axis`, and every half turn perpendicular to it (a cylinder, a torus).
    ContinuousDihedral {
        /// Unit axis in the object's frame.
        axis: [f32; 3],
    },
    /// The 12 rotations of a regular tetrahedron with vertices (1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1).
    Tetrahedral,
    /// The 24 rotations of a cube with faces perpendicular to the axes.
    Octahedral,
    /// The 60 rotations of an icosahedron with vertices at cyclic permutations of (0, ±1, ±golden ratio).
    Icosahedral,
    /// Every rotation (a sphere).
    Full,
}

impl SymmetryGroup {
    /// `order`-fold about an axis of any length; `None` when it has no direction or the order is below 2.
    pub fn cyclic(axis: [f32; 3], order: u16) -> Option<Self> {
        Some(Self::Cyclic { axis: unit(axis)?, order: order_of_two_or_more(order)? })
    }

    /// `order`-fold about an axis, with half turns; the part of `side` perpendicular to `axis` counts.
    ///
    /// `None` when an axis has no direction, `side` is parallel to `axis` or the order is below 2.
    pub fn dihedral(axis: [f32; 3], side: [f32; 3], order: u16) -> Option<Self> {
        let axis = unit(axis)?;
        let side = perpendicular(axis, unit(side)?)?;
        Some(Self::Dihedral { axis, side, order: order_of_two_or_more(order)? })
    }

    /// Every rotation about an axis of any length; `None` when it has no direction.
    pub fn continuous(axis: [f32; 3]) -> Option<Self> {
        Some(Self::Continuous { axis: unit(axis)? })
    }

    /// Every rotation about an axis of any length and every half turn perpendicular to it.
    ///
    /// `None` when the axis has no direction.
    pub fn continuous_dihedral(axis: [f32; 3]) -> Option<Self> {
        Some(Self::ContinuousDihedral { axis: unit(axis)? })
    }

    /// The number of rotations in the group; `None` when they are infinitely many.
    pub fn order(self) -> Option<u32> {
        match self {
            Self::None => Some(1),
            Self::Cyclic { order, .. } => Some(u32::from(order.max(1))),
            Self::Dihedral { order, .. } => Some(2 * u32::from(order.max(1))),
            Self::Continuous { .. } | Self::ContinuousDihedral { .. } | Self::Full => None,
            Self::Tetrahedral => Some(12),
            Self::Octahedral => Some(24),
            Self::Icosahedral => Some(60),
        }
    }
}

fn order_of_two_or_more(order: u16) -> Option<u16> {
    (order >= 2).then_some(order)
}

/// The direction of an axis; a unit axis as it is.
fn unit(axis: [f32; 3]) -> Option<[f32; 3]> {
    if (length(axis) - 1.0).abs() <= UNIT_TOLERANCE { Some(axis) } else { direction(axis) }
}

/// The direction of the part of `side` that is perpendicular to `axis`, both of unit length.
fn perpendicular(axis: [f32; 3], side: [f32; 3]) -> Option<[f32; 3]> {
    if dot(axis, side).abs() <= UNIT_TOLERANCE {
        return Some(side);
    }
    let normal = cross(axis, side);
    // Closer than this to parallel, the perpendicular part is rounding noise.
    if length(normal) < 1e-4 {
        return None;
    }
    direction(cross(normal, axis))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::SymmetryGroup;
    use crate::rotation::UnitQuaternion;
    use crate::rotation::vector::{dot, length};

    /// One group of each finite kind and several orders, with skew axes.
    pub(super) fn finite_groups() -> Vec<SymmetryGroup> {
        let mut groups = vec![
            SymmetryGroup::None,
            SymmetryGroup::Tetrahedral,
            SymmetryGroup::Octahedral,
            SymmetryGroup::Icosahedral,
        ];
        for order in [2, 3, 4, 7, 12] {
            groups.push(SymmetryGroup::cyclic([0.0, 0.0, 1.0], order).unwrap());
            groups.push(SymmetryGroup::cyclic([1.0, -2.0, 0.5], order).unwrap());
            groups.push(SymmetryGroup::dihedral([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], order).unwrap());
            groups.push(SymmetryGroup::dihedral([1.0, -2.0, 0.5], [0.3, 1.0, 1.0], order).unwrap());
        }
        groups
    }

    pub(super) fn infinite_groups() -> Vec<SymmetryGroup> {
        vec![
            SymmetryGroup::continuous([0.0, 0.0, 1.0]).unwrap(),
            SymmetryGroup::continuous([1.0, -2.0, 0.5]).unwrap(),
            SymmetryGroup::continuous_dihedral([0.0, 1.0, 0.0]).unwrap(),
            SymmetryGroup::continuous_dihedral([1.0, -2.0, 0.5]).unwrap(),
            SymmetryGroup::Full,
        ]
    }

    pub(super) fn any_group() -> impl Strategy<Value = SymmetryGroup> {
        let mut groups = finite_groups();
        groups.extend(infinite_groups());
        prop::sample::select(groups)
    }

    /// A rotation of the group, drawn by two numbers in [0, 1).
    pub(super) fn element_of(group: SymmetryGroup, u: [f32; 2]) -> UnitQuaternion {
        if let Some(mut elements) = group.elements() {
            let index = (u[0] * elements.len() as f32) as usize;
            return elements.nth(index).unwrap();
        }
        let turn = |axis| UnitQuaternion::from_axis_angle(axis, u[0] * core::f32::consts::TAU);
        match group {
            SymmetryGroup::Continuous { axis } => turn(axis),
            SymmetryGroup::ContinuousDihedral { axis } if u[1] < 0.5 => turn(axis),
            SymmetryGroup::ContinuousDihedral { axis } => {
                let least = if axis[0].abs() < 0.5 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
                let side = super::perpendicular(axis, least).unwrap();
                turn(axis) * UnitQuaternion::from_axis_angle(side, core::f32::consts::PI)
            }
            _ => UnitQuaternion::uniform([u[0], u[1], 0.25]),
        }
    }

    #[test]
    fn constructors_refuse_what_names_no_group() {
        let z = [0.0, 0.0, 1.0];
        for bad in [[0.0; 3], [f32::NAN, 0.0, 1.0], [f32::INFINITY, 0.0, 0.0]] {
            assert_eq!(SymmetryGroup::cyclic(bad, 4), None);
            assert_eq!(SymmetryGroup::dihedral(bad, z, 4), None);
            assert_eq!(SymmetryGroup::dihedral(z, bad, 4), None);
            assert_eq!(SymmetryGroup::continuous(bad), None);
            assert_eq!(SymmetryGroup::continuous_dihedral(bad), None);
        }
        assert_eq!(SymmetryGroup::dihedral(z, [0.0, 0.0, -3.0], 4), None);
        for order in [0, 1] {
            assert_eq!(SymmetryGroup::cyclic(z, order), None);
            assert_eq!(SymmetryGroup::dihedral(z, [1.0, 0.0, 0.0], order), None);
        }
    }

    #[test]
    fn dihedral_sides_are_made_perpendicular() {
        let group = SymmetryGroup::dihedral([1.0, 1.0, 0.0], [1.0, 0.2, 3.0], 5);
        let Some(SymmetryGroup::Dihedral { axis, side, .. }) = group else { panic!("{group:?}") };
        assert!(dot(axis, side).abs() < 1e-6 && (length(side) - 1.0).abs() < 1e-6 && side[2] > 0.9);
    }

    #[test]
    fn orders_count_the_elements() {
        for group in finite_groups() {
            let elements = group.elements().unwrap();
            assert_eq!(Some(elements.len() as u32), group.order(), "{group}");
            assert_eq!(elements.count() as u32, group.order().unwrap(), "{group}");
        }
        for group in infinite_groups() {
            assert!(group.order().is_none() && group.elements().is_none(), "{group}");
        }
    }
}
