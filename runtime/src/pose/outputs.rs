use core::fmt;

use crate::contract::output::{CLASS_LOGITS, EQUIVARIANT, INVARIANT, ROTATION_WXYZ};
use crate::rotation::UnitQuaternion;

/// What an encoder says of one image, read and checked: typed, where a graph has outputs with names.
///
/// Needs no `std` and no memory of its own, so a microcontroller reads its session's outputs with it.
///
/// ```
/// # use sextant_runtime::pose::EncoderOutputs;
/// let (wxyz, logits) = ([0.0, 0.0, 0.0, 2.0], [0.5, 3.0]);
/// let outputs = EncoderOutputs::read([("rotation_wxyz", &wxyz[..]), ("class_logits", &logits[..])])?;
/// assert_eq!(outputs.rotation().unwrap().wxyz(), [0.0, 0.0, 0.0, 1.0]);
/// assert_eq!(outputs.class().unwrap().0, 1);
/// # Ok::<(), sextant_runtime::pose::OutputFault>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EncoderOutputs<'o> {
    rotation: Option<UnitQuaternion>,
    class_logits: Option<&'o [f32]>,
    invariant: Option<&'o [f32]>,
    equivariant: Option<&'o [f32]>,
}

/// Why outputs are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputFault {
    /// No output has a name of [`crate::contract::output`].
    NoneKnown,
    /// A number is infinite or none.
    NotFinite {
        /// The output's name.
        output: &'static str,
    },
    /// The rotation has not four numbers.
    RotationWidth {
        /// How many there are.
        found: usize,
    },
    /// The rotation is all zeros: no direction is nearer than another.
    DegenerateRotation,
    /// The classes are none.
    NoClasses,
}

impl<'o> EncoderOutputs<'o> {
    /// From the names and numbers of the outputs for one image; other names are left alone.
    ///
    /// # Errors
    /// When a number is not finite, the rotation has no direction or not four numbers, there are no classes, or no name is
    /// known.
    pub fn read(outputs: impl IntoIterator<Item = (&'o str, &'o [f32])>) -> Result<Self, OutputFault> {
        let mut read = Self::default();
        for (name, values) in outputs {
            match name {
                ROTATION_WXYZ => read.rotation = Some(rotation(finite(ROTATION_WXYZ, values)?)?),
                CLASS_LOGITS if values.is_empty() => return Err(OutputFault::NoClasses),
                CLASS_LOGITS => read.class_logits = Some(finite(CLASS_LOGITS, values)?),
                INVARIANT => read.invariant = Some(finite(INVARIANT, values)?),
                EQUIVARIANT => read.equivariant = Some(finite(EQUIVARIANT, values)?),
                _ => {}
            }
        }
        if read == Self::default() { Err(OutputFault::NoneKnown) } else { Ok(read) }
    }

    /// `camera_from_object`: from coordinates of the object to those of the camera. `None` where the model has no such
    /// head, as below.
    pub fn rotation(&self) -> Option<UnitQuaternion> {
        self.rotation
    }

    /// Index of the most probable class, and its probability (softmax).
    pub fn class(&self) -> Option<(usize, f32)> {
        most_probable(self.class_logits?)
    }

    /// A number for each class, before softmax.
    pub fn class_logits(&self) -> Option<&'o [f32]> {
        self.class_logits
    }

    /// The half of the features that does not change when the object turns.
    pub fn invariant(&self) -> Option<&'o [f32]> {
        self.invariant
    }

    /// The half of the features that turns with the object.
    pub fn equivariant(&self) -> Option<&'o [f32]> {
        self.equivariant
    }
}

fn finite<'o>(output: &'static str, values: &'o [f32]) -> Result<&'o [f32], OutputFault> {
    // The bits of sizes have the sizes' order, and a loop over integers takes many at once.
    let largest = values.iter().fold(0, |largest, value| value.abs().to_bits().max(largest));
    if largest < f32::INFINITY.to_bits() { Ok(values) } else { Err(OutputFault::NotFinite { output }) }
}

fn rotation(wxyz: &[f32]) -> Result<UnitQuaternion, OutputFault> {
    let wxyz = wxyz.try_into().map_err(|_| OutputFault::RotationWidth { found: wxyz.len() })?;
    UnitQuaternion::from_wxyz(wxyz).ok_or(OutputFault::DegenerateRotation)
}

/// Index of the largest logit, and its softmax; `None` for no logits.
fn most_probable(logits: &[f32]) -> Option<(usize, f32)> {
    let (index, largest) = logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let sum: f32 = logits.iter().map(|logit| libm::expf(logit - largest)).sum();
    Some((index, 1.0 / sum))
}

impl fmt::Display for OutputFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneKnown => write!(
                f,
                "it has none of the outputs '{ROTATION_WXYZ}', '{CLASS_LOGITS}', '{INVARIANT}' and '{EQUIVARIANT}'"
            ),
            Self::NotFinite { output } => write!(f, "the output '{output}' is not finite: the model is broken"),
            Self::RotationWidth { found } => {
                write!(f, "the output '{ROTATION_WXYZ}' has {found} numbers, and a quaternion has four")
            }
            Self::DegenerateRotation => write!(f, "the output '{ROTATION_WXYZ}' is no rotation: all zero"),
            Self::NoClasses => write!(f, "the output '{CLASS_LOGITS}' has no numbers"),
        }
    }
}

impl core::error::Error for OutputFault {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_the_largest_logit() {
        assert_eq!(most_probable(&[]), None);
        assert_eq!(most_probable(&[5.0]), Some((0, 1.0)));
        assert_eq!(most_probable(&[1000.0, 1000.0]).map(|(_, p)| p), Some(0.5));
        let (index, probability) = most_probable(&[0.0, 2.0, 1.0]).unwrap();
        assert_eq!(index, 1);
        assert!((probability - 0.665_241).abs() < 1e-5);
    }

    #[test]
    fn outputs_that_are_no_answer_are_refused() {
        let (nan, zero, four) = ([f32::NAN], [0.0; 4], [1.0, 0.0, 0.0, 0.0]);
        let read = |name: &'static str, values| EncoderOutputs::read([(name, values), ("invariant", &four[..])]);
        let cases: [(&str, &[f32], OutputFault); 6] = [
            ("rotation_wxyz", &zero, OutputFault::DegenerateRotation),
            ("rotation_wxyz", &four[..3], OutputFault::RotationWidth { found: 3 }),
            ("rotation_wxyz", &nan, OutputFault::NotFinite { output: "rotation_wxyz" }),
            ("class_logits", &[], OutputFault::NoClasses),
            ("class_logits", &[0.0, f32::INFINITY], OutputFault::NotFinite { output: "class_logits" }),
            ("equivariant", &nan, OutputFault::NotFinite { output: "equivariant" }),
        ];
        for (name, values, want) in cases {
            assert_eq!(read(name, values), Err(want), "{name} {values:?}");
        }
        assert_eq!(EncoderOutputs::read([("depth", &nan[..])]), Err(OutputFault::NoneKnown));
        assert_eq!(read("depth", &nan).unwrap().invariant(), Some(&four[..]));
    }
}
