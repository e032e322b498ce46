use core::f32::consts::{FRAC_1_SQRT_2, PI};
use core::iter::FusedIterator;

use super::SymmetryGroup;
use crate::rotation::UnitQuaternion;
use crate::rotation::vector::cross;

/// The golden ratio's half, and half its reciprocal.
const HALF_GOLDEN: f32 = 0.809_017;
const HALF_GOLDEN_INVERSE: f32 = 0.309_017;

/// The even permutations of four places.
const EVEN_PERMUTATIONS: [[usize; 4]; 12] = [
    [0, 1, 2, 3],
    [0, 2, 3, 1],
    [0, 3, 1, 2],
    [1, 0, 3, 2],
    [1, 2, 0, 3],
    [1, 3, 2, 0],
    [2, 0, 1, 3],
    [2, 1, 3, 0],
    [2, 3, 0, 1],
    [3, 0, 2, 1],
    [3, 1, 0, 2],
    [3, 2, 1, 0],
];

/// The two components of a quarter turn or a diagonal half turn that are not zero.
const COMPONENT_PAIRS: [[usize; 2]; 6] = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];

/// The rotations of a finite group, the identity first.
#[derive(Clone, Debug)]
pub struct SymmetryElements {
    group: SymmetryGroup,
    next: u32,
    order: u32,
}

impl SymmetryGroup {
    /// Every rotation of the group once, the identity first; `None` when they are infinitely many.
    ///
    /// ```
    /// # use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};
    /// let mut rotations = SymmetryGroup::Octahedral.elements().unwrap();
    /// assert_eq!(rotations.next(), Some(UnitQuaternion::IDENTITY));
    /// assert_eq!(rotations.len(), 23);
    /// ```
    pub fn elements(self) -> Option<SymmetryElements> {
        Some(SymmetryElements { group: self, next: 0, order: self.order()? })
    }
}

impl Iterator for SymmetryElements {
    type Item = UnitQuaternion;

    fn next(&mut self) -> Option<UnitQuaternion> {
        if self.next >= self.order {
            return None;
        }
        let index = self.next;
        self.next += 1;
        Some(element(self.group, index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.order - self.next) as usize;
        (left, Some(left))
    }
}

impl ExactSizeIterator for SymmetryElements {}
impl FusedIterator for SymmetryElements {}

/// Element `index` of a finite group.
fn element(group: SymmetryGroup, index: u32) -> UnitQuaternion {
    match group {
        SymmetryGroup::Cyclic { axis, order } => turn(axis, index, order),
        SymmetryGroup::Dihedral { axis, order, .. } if index < u32::from(order) => turn(axis, index, order),
        SymmetryGroup::Dihedral { axis, side, order } => half_turn(axis, side, index - u32::from(order), order),
        SymmetryGroup::Tetrahedral => tetrahedral(index),
        SymmetryGroup::Octahedral if index >= 12 => octahedral_only(index - 12),
        SymmetryGroup::Octahedral => tetrahedral(index),
        SymmetryGroup::Icosahedral if index >= 12 => icosahedral_only(index - 12),
        SymmetryGroup::Icosahedral => tetrahedral(index),
        // The infinite groups give no iterator.
        SymmetryGroup::None
        | SymmetryGroup::Continuous { .. }
        | SymmetryGroup::ContinuousDihedral { .. }
        | SymmetryGroup::Full => UnitQuaternion::IDENTITY,
    }
}

/// `index` of `order` steps of a whole turn.
fn turn(axis: [f32; 3], index: u32, order: u16) -> UnitQuaternion {
    UnitQuaternion::from_axis_angle(axis, 2.0 * PI * index as f32 / f32::from(order.max(1)))
}

/// The half turn about `side` turned by `index` steps of `pi / order`.
fn half_turn(axis: [f32; 3], side: [f32; 3], index: u32, order: u16) -> UnitQuaternion {
    let third = cross(axis, side);
    let (sin, cos) = libm::sincosf(PI * index as f32 / f32::from(order.max(1)));
    let [x, y, z] = core::array::from_fn(|i| cos * side[i] + sin * third[i]);
    UnitQuaternion::from_wxyz([0.0, x, y, z]).unwrap_or(UnitQuaternion::IDENTITY)
}

/// The identity, three half turns, and (±1 ± i ± j ± k) / 2.
fn tetrahedral(index: u32) -> UnitQuaternion {
    let mut wxyz = [0.0; 4];
    if index < 4 {
        wxyz[index as usize] = 1.0;
    } else {
        wxyz = [0.5, signed(0.5, index, 0), signed(0.5, index, 1), signed(0.5, index, 2)];
    }
    UnitQuaternion::from_unit_wxyz(wxyz)
}

/// The 12 rotations of a cube that are none of the tetrahedron's: (1 ± i) / sqrt 2, (i ± j) / sqrt 2, and so on.
fn octahedral_only(index: u32) -> UnitQuaternion {
    let [first, second] = COMPONENT_PAIRS[(index / 2) as usize % COMPONENT_PAIRS.len()];
    let mut wxyz = [0.0; 4];
    wxyz[first] = FRAC_1_SQRT_2;
    wxyz[second] = signed(FRAC_1_SQRT_2, index, 0);
    UnitQuaternion::from_unit_wxyz(wxyz)
}

/// The 48 rotations of an icosahedron that are none of the tetrahedron's: even permutations of the components of
/// the fifth of a turn about (0, 1, golden ratio), (golden ratio, 0, ±1 / golden ratio, ±1) / 2.
fn icosahedral_only(index: u32) -> UnitQuaternion {
    let parts = [HALF_GOLDEN, 0.0, signed(HALF_GOLDEN_INVERSE, index, 0), signed(0.5, index, 1)];
    let places = EVEN_PERMUTATIONS[(index / 4) as usize % EVEN_PERMUTATIONS.len()];
    UnitQuaternion::from_unit_wxyz(places.map(|place| parts[place]))
}

/// The value, negative where the bit is set.
fn signed(value: f32, bits: u32, bit: u32) -> f32 {
    if bits >> bit & 1 == 1 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::super::tests::finite_groups;
    use super::{SymmetryGroup, UnitQuaternion};
    use crate::rotation::vector::dot;

    fn contains(group: SymmetryGroup, rotation: UnitQuaternion) -> bool {
        group.elements().unwrap().any(|g| g.geodesic_angle_rad(rotation) < 1e-5)
    }

    #[test]
    fn finite_groups_are_closed_and_hold_inverses() {
        for group in finite_groups() {
            assert_eq!(group.elements().unwrap().next(), Some(UnitQuaternion::IDENTITY), "{group}");
            for a in group.elements().unwrap() {
                assert!(contains(group, a.inverse()), "{group}: inverse of {a:?}");
                for b in group.elements().unwrap() {
                    assert!(contains(group, a * b), "{group}: {a:?} * {b:?}");
                }
            }
        }
    }

    #[test]
    fn elements_are_distinct_and_unit() {
        for group in finite_groups() {
            for (i, a) in group.elements().unwrap().enumerate() {
                let norm: f32 = a.wxyz().iter().map(|v| v * v).sum();
                assert!((norm - 1.0).abs() < 1e-6, "{group}: {a:?}");
                let smallest = group.elements().unwrap().skip(i + 1).map(|b| a.geodesic_angle_rad(b));
                assert!(smallest.fold(4.0, f32::min) > 0.5, "{group}: element {i} comes twice");
            }
        }
    }

    #[test]
    fn polyhedra_are_mapped_onto_themselves() {
        let golden = 1.618_034;
        let tetrahedron = vec![[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0f32]];
        let octahedron = (0..6).map(|i| {
            let mut vertex = [0.0; 3];
            vertex[i / 2] = if i % 2 == 0 { 1.0 } else { -1.0 };
            vertex
        });
        let icosahedron = (0..12).map(|i| {
            let (one, long) = (if i & 1 == 0 { 1.0 } else { -1.0 }, if i & 2 == 0 { golden } else { -golden });
            let mut vertex = [0.0, one, long];
            vertex.rotate_right(i / 4);
            vertex
        });
        for (group, vertices) in [
            (SymmetryGroup::Tetrahedral, tetrahedron),
            (SymmetryGroup::Octahedral, octahedron.collect()),
            (SymmetryGroup::Icosahedral, icosahedron.collect::<Vec<_>>()),
        ] {
            for rotation in group.elements().unwrap() {
                for vertex in &vertices {
                    let turned = rotation.rotate(*vertex);
                    let onto_a_vertex = vertices.iter().any(|v| dot(*v, turned) > dot(*v, *v) - 1e-4);
                    assert!(onto_a_vertex, "{group}: {rotation:?} takes {vertex:?} to {turned:?}");
                }
            }
        }
    }

    #[test]
    fn dihedral_half_turns_hold_the_side() {
        let group = SymmetryGroup::dihedral([0.0, 0.0, 1.0], [1.0, 0.0, 0.0], 3).unwrap();
        let about_the_side = UnitQuaternion::from_wxyz([0.0, 1.0, 0.0, 0.0]).unwrap();
        let across = UnitQuaternion::from_wxyz([0.0, 0.0, 1.0, 0.0]).unwrap();
        assert!(contains(group, about_the_side) && !contains(group, across));
    }
}
