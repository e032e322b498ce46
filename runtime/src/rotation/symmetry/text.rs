use core::error::Error;
use core::fmt;
use core::str::FromStr;

use super::SymmetryGroup;

/// Why a text names no symmetry group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SymmetryError {
    /// The first word is no kind of group.
    UnknownKind,
    /// The kind takes another number of parts.
    WrongParts,
    /// An axis is neither a letter nor three finite numbers that are not all zero.
    BadAxis,
    /// The side axis is parallel to the main axis.
    ParallelAxes,
    /// The order is no whole number in 2..=65535.
    BadOrder,
}

impl fmt::Display for SymmetryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownKind => {
                "unknown symmetry; known are none, cyclic:AXIS:ORDER, dihedral:AXIS:SIDE:ORDER, continuous:AXIS, \
                 continuous-dihedral:AXIS, tetrahedral, octahedral, icosahedral, full"
            }
            Self::WrongParts => {
                "wrong number of parts; the forms are cyclic:AXIS:ORDER, dihedral:AXIS:SIDE:ORDER, continuous:AXIS, \
                 continuous-dihedral:AXIS, and a single word for the others"
            }
            Self::BadAxis => "an axis is x, y, z, -x, -y, -z, or three numbers that are not all zero, as (1,0.5,-2)",
            Self::ParallelAxes => "the axis and the side of a dihedral symmetry must not be parallel",
            Self::BadOrder => "the order of a symmetry is a whole number from 2 to 65535",
        })
    }
}

impl Error for SymmetryError {}

impl fmt::Display for SymmetryGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::None => f.write_str("none"),
            Self::Cyclic { axis, order } => write!(f, "cyclic:{}:{order}", Axis(axis)),
            Self::Dihedral { axis, side, order } => write!(f, "dihedral:{}:{}:{order}", Axis(axis), Axis(side)),
            Self::Continuous { axis } => write!(f, "continuous:{}", Axis(axis)),
            Self::ContinuousDihedral { axis } => write!(f, "continuous-dihedral:{}", Axis(axis)),
            Self::Tetrahedral => f.write_str("tetrahedral"),
            Self::Octahedral => f.write_str("octahedral"),
            Self::Icosahedral => f.write_str("icosahedral"),
            Self::Full => f.write_str("full"),
        }
    }
}

impl FromStr for SymmetryGroup {
    type Err = SymmetryError;

    fn from_str(text: &str) -> Result<Self, SymmetryError> {
        let mut split = text.trim().split(':');
        let kind = split.next().unwrap_or_default();
        let parts = [split.next(), split.next(), split.next(), split.next()];
        match (kind, parts) {
            ("none", [None, ..]) => Ok(Self::None),
            ("tetrahedral", [None, ..]) => Ok(Self::Tetrahedral),
            ("octahedral", [None, ..]) => Ok(Self::Octahedral),
            ("icosahedral", [None, ..]) => Ok(Self::Icosahedral),
            ("full", [None, ..]) => Ok(Self::Full),
            ("cyclic", [Some(axis), Some(order), None, _]) => {
                Self::cyclic(parse_axis(axis)?, parse_order(order)?).ok_or(SymmetryError::BadAxis)
            }
            ("dihedral", [Some(axis), Some(side), Some(order), None]) => {
                Self::dihedral(parse_axis(axis)?, parse_axis(side)?, parse_order(order)?)
                    .ok_or(SymmetryError::ParallelAxes)
            }
            ("continuous", [Some(axis), None, ..]) => Self::continuous(parse_axis(axis)?).ok_or(SymmetryError::BadAxis),
            ("continuous-dihedral", [Some(axis), None, ..]) => {
                Self::continuous_dihedral(parse_axis(axis)?).ok_or(SymmetryError::BadAxis)
            }
            ("none" | "tetrahedral" | "octahedral" | "icosahedral" | "full", _)
            | ("cyclic" | "dihedral" | "continuous" | "continuous-dihedral", _) => Err(SymmetryError::WrongParts),
            _ => Err(SymmetryError::UnknownKind),
        }
    }
}

/// The six axes that have names.
const NAMED_AXES: [(&str, [f32; 3]); 6] = [
    ("x", [1.0, 0.0, 0.0]),
    ("y", [0.0, 1.0, 0.0]),
    ("z", [0.0, 0.0, 1.0]),
    ("-x", [-1.0, 0.0, 0.0]),
    ("-y", [0.0, -1.0, 0.0]),
    ("-z", [0.0, 0.0, -1.0]),
];

/// An axis as text: its name, or its numbers in the fewest digits that read back as the same.
struct Axis([f32; 3]);

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(axis) = self;
        match NAMED_AXES.iter().find(|(_, named)| named == axis) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "({},{},{})", axis[0], axis[1], axis[2]),
        }
    }
}

fn parse_axis(text: &str) -> Result<[f32; 3], SymmetryError> {
    if let Some((_, axis)) = NAMED_AXES.iter().find(|(name, _)| *name == text) {
        return Ok(*axis);
    }
    let numbers = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).ok_or(SymmetryError::BadAxis)?;
    let mut axis = [0.0; 3];
    let mut split = numbers.split(',');
    for value in &mut axis {
        *value = split.next().and_then(|n| n.trim().parse().ok()).ok_or(SymmetryError::BadAxis)?;
    }
    let has_direction = axis.iter().all(|v: &f32| v.is_finite()) && axis != [0.0; 3];
    if split.next().is_none() && has_direction { Ok(axis) } else { Err(SymmetryError::BadAxis) }
}

fn parse_order(text: &str) -> Result<u16, SymmetryError> {
    text.parse().ok().filter(|order| *order >= 2).ok_or(SymmetryError::BadOrder)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::any_group;
    use super::{SymmetryError, SymmetryGroup};
    use crate::rotation::oracle::fixed_seed;

    #[test]
    fn every_form_reads_and_writes() {
        for text in [
            "none",
            "cyclic:z:4",
            "cyclic:-y:65535",
            "cyclic:(0.6,0,0.8):2",
            "dihedral:z:x:6",
            "continuous:z",
            "continuous-dihedral:(0,-0.6,0.8)",
            "tetrahedral",
            "octahedral",
            "icosahedral",
            "full",
        ] {
            assert_eq!(text.parse::<SymmetryGroup>().map(|group| group.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(" cyclic:(0, 0, 5):4\n".parse(), Ok(SymmetryGroup::cyclic([0.0, 0.0, 1.0], 4).unwrap()));
    }

    #[test]
    fn bad_texts_say_what_is_wrong() {
        for (text, expected) in [
            ("", SymmetryError::UnknownKind),
            ("Cyclic:z:4", SymmetryError::UnknownKind),
            ("cubic", SymmetryError::UnknownKind),
            ("none:", SymmetryError::WrongParts),
            ("cyclic", SymmetryError::WrongParts),
            ("cyclic:z", SymmetryError::WrongParts),
            ("cyclic:z:4:5", SymmetryError::WrongParts),
            ("dihedral:z:4", SymmetryError::WrongParts),
            ("dihedral:z:x:4:9", SymmetryError::WrongParts),
            ("continuous:z:4", SymmetryError::WrongParts),
            ("cyclic:w:4", SymmetryError::BadAxis),
            ("cyclic:(0,0,0):4", SymmetryError::BadAxis),
            ("cyclic:(1,2):4", SymmetryError::BadAxis),
            ("cyclic:(1,2,3,4):4", SymmetryError::BadAxis),
            ("cyclic:(1,2,NaN):4", SymmetryError::BadAxis),
            ("continuous:(inf,0,0)", SymmetryError::BadAxis),
            ("continuous:(1,0,0", SymmetryError::BadAxis),
            ("dihedral:z:-z:4", SymmetryError::ParallelAxes),
            ("cyclic:z:1", SymmetryError::BadOrder),
            ("cyclic:z:-4", SymmetryError::BadOrder),
            ("cyclic:z:65536", SymmetryError::BadOrder),
            ("dihedral:z:x:four", SymmetryError::BadOrder),
        ] {
            assert_eq!(text.parse::<SymmetryGroup>(), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn errors_name_the_forms() {
        assert!(SymmetryError::UnknownKind.to_string().contains("dihedral:AXIS:SIDE:ORDER"));
        assert!(SymmetryError::BadAxis.to_string().contains("(1,0.5,-2)"));
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn text_makes_the_round_trip(group in any_group()) {
            prop_assert_eq!(group.to_string().parse::<SymmetryGroup>(), Ok(group));
        }

        #[test]
        fn any_axis_makes_the_round_trip(
            axis in prop::array::uniform3(-9.0f32..9.0), side in prop::array::uniform3(-9.0f32..9.0), order in 2u16..,
        ) {
            let Some(group) = SymmetryGroup::dihedral(axis, side, order) else { return Ok(()) };
            prop_assert_eq!(group.to_string().parse::<SymmetryGroup>(), Ok(group));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a-z:(),.0-9-]{0,40}") {
            if let Ok(group) = text.parse::<SymmetryGroup>() {
                prop_assert_eq!(group.to_string().parse::<SymmetryGroup>(), Ok(group));
            }
        }
    }
}
