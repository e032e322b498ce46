use core::fmt;

use crate::contract::output::{
    CLASS_LOGITS, EQUIVARIANT, INVARIANT, ROTATION_WXYZ, TRANSFORMATION_LOGITS, is_of_encode, transformation,
};
use crate::rotation::UnitQuaternion;

/// What an encoder says of one image, read and checked: typed, where a graph has outputs with names.
///
/// Needs no `std` and no memory of its own, so a microcontroller reads its session's outputs with it.
///
/// ```
/// # use sextant_runtime::pose::EncoderOutputs;
/// let (wxyz, logits) = ([0.0, 0.0, 0.0, 2.0], [0.5, 3.0]);
/// let named = [("rotation_wxyz", &wxyz[..]), ("transformation_logits.quarter-turns", &logits[..])];
/// let outputs = EncoderOutputs::read(named)?;
/// assert_eq!(outputs.rotation().unwrap().wxyz(), [0.0, 0.0, 0.0, 1.0]);
/// let turns = outputs.transformations().next().unwrap();
/// assert_eq!((turns.name(), turns.most_probable().0), ("quarter-turns", 1));
/// # Ok::<(), sextant_runtime::pose::OutputFault>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EncoderOutputs<'o> {
    rotation: Option<UnitQuaternion>,
    class_logits: Option<&'o [f32]>,
    invariant: Option<&'o [f32]>,
    equivariant: Option<&'o [f32]>,
    /// Those that are there stand first.
    transformations: [Option<TransformationLogits<'o>>; MOST_TRANSFORMATIONS],
}

/// Transformations of one model that [`EncoderOutputs`] has room for.
pub const MOST_TRANSFORMATIONS: usize = 16;

/// What a model says of one transformation of a picture: a number for each class, one or more of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformationLogits<'o> {
    name: &'o str,
    logits: &'o [f32],
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
    /// Of the output of that index, which tells of a transformation, a number is infinite or none.
    TransformationNotFinite {
        /// Its place among the outputs.
        output: usize,
    },
    /// The output of that index tells of a transformation without classes.
    TransformationWithoutClasses {
        /// Its place among the outputs.
        output: usize,
    },
    /// There are more than [`MOST_TRANSFORMATIONS`].
    TooManyTransformations,
}

impl<'o> EncoderOutputs<'o> {
    /// From the names and numbers of the outputs for one image; other names are left alone.
    ///
    /// # Errors
    /// When a number is not finite, the rotation has no direction or not four numbers, there are no classes, there are more than
    /// [`MOST_TRANSFORMATIONS`], or no name is known.
    pub fn read(outputs: impl IntoIterator<Item = (&'o str, &'o [f32])>) -> Result<Self, OutputFault> {
        let mut read = Self::default();
        let mut places = read.transformations.iter_mut();
        let mut is_known = false;
        for (index, (name, values)) in outputs.into_iter().enumerate() {
            is_known |= is_of_encode(name);
            match name {
                ROTATION_WXYZ => read.rotation = Some(rotation(finite(ROTATION_WXYZ, values)?)?),
                CLASS_LOGITS if values.is_empty() => return Err(OutputFault::NoClasses),
                CLASS_LOGITS => read.class_logits = Some(finite(CLASS_LOGITS, values)?),
                INVARIANT => read.invariant = Some(finite(INVARIANT, values)?),
                EQUIVARIANT => read.equivariant = Some(finite(EQUIVARIANT, values)?),
                _ => {
                    let Some(name) = transformation(name) else { continue };
                    let place = places.next().ok_or(OutputFault::TooManyTransformations)?;
                    *place = Some(transformation_logits(name, index, values)?);
                }
            }
        }
        if is_known { Ok(read) } else { Err(OutputFault::NoneKnown) }
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

    /// What was done to the picture, for each transformation that the model tells of, in the order of its outputs.
    pub fn transformations(&self) -> impl Iterator<Item = TransformationLogits<'o>> + '_ {
        self.transformations.iter().flatten().copied()
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

impl<'o> TransformationLogits<'o> {
    /// Numbers for the classes of the transformation of that name; `None` where there are no classes.
    pub fn new(name: &'o str, logits: &'o [f32]) -> Option<Self> {
        (!logits.is_empty()).then_some(Self { name, logits })
    }

    /// The transformation's name, such as `quarter-turns`.
    pub fn name(&self) -> &'o str {
        self.name
    }

    /// A number for each class, before softmax.
    pub fn logits(&self) -> &'o [f32] {
        self.logits
    }

    /// Index of the most probable class, and its probability (softmax, not calibrated).
    pub fn most_probable(&self) -> (usize, f32) {
        most_probable(self.logits).unwrap_or_default()
    }

    /// The probability of a class; 0 for one that there is not.
    pub fn probability(&self, class: usize) -> f32 {
        self.logits.get(class).map_or(0.0, |logit| {
            let (largest, sum) = softmax_parts(self.logits);
            libm::expf(logit - largest) / sum
        })
    }
}

fn transformation_logits<'o>(
    name: &'o str,
    output: usize,
    values: &'o [f32],
) -> Result<TransformationLogits<'o>, OutputFault> {
    let values = finite("", values).map_err(|_| OutputFault::TransformationNotFinite { output })?;
    TransformationLogits::new(name, values).ok_or(OutputFault::TransformationWithoutClasses { output })
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
    let (index, _) = logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let (_, sum) = softmax_parts(logits);
    Some((index, 1.0 / sum))
}

/// The largest logit, and the sum of the exponentials of what all are above it.
fn softmax_parts(logits: &[f32]) -> (f32, f32) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (largest, logits.iter().map(|logit| libm::expf(logit - largest)).sum())
}

impl fmt::Display for OutputFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoneKnown => write!(
                f,
                "it has none of the outputs '{ROTATION_WXYZ}', '{CLASS_LOGITS}', '{INVARIANT}', '{EQUIVARIANT}' and \
                 '{TRANSFORMATION_LOGITS}…'"
            ),
            Self::NotFinite { output } => write!(f, "the output '{output}' is not finite: the model is broken"),
            Self::RotationWidth { found } => {
                write!(f, "the output '{ROTATION_WXYZ}' has {found} numbers, and a quaternion has four")
            }
            Self::DegenerateRotation => write!(f, "the output '{ROTATION_WXYZ}' is no rotation: all zero"),
            Self::NoClasses => write!(f, "the output '{CLASS_LOGITS}' has no numbers"),
            Self::TransformationNotFinite { output } => {
                write!(f, "the output {output}, of a transformation, is not finite: the model is broken")
            }
            Self::TransformationWithoutClasses { output } => {
                write!(f, "the output {output}, of a transformation, has no numbers")
            }
            Self::TooManyTransformations => {
                write!(f, "it tells of more than {MOST_TRANSFORMATIONS} transformations")
            }
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
        let cases: [(&str, &[f32], OutputFault); 8] = [
            ("rotation_wxyz", &zero, OutputFault::DegenerateRotation),
            ("rotation_wxyz", &four[..3], OutputFault::RotationWidth { found: 3 }),
            ("rotation_wxyz", &nan, OutputFault::NotFinite { output: "rotation_wxyz" }),
            ("class_logits", &[], OutputFault::NoClasses),
            ("class_logits", &[0.0, f32::INFINITY], OutputFault::NotFinite { output: "class_logits" }),
            ("equivariant", &nan, OutputFault::NotFinite { output: "equivariant" }),
            ("transformation_logits.hue", &nan, OutputFault::TransformationNotFinite { output: 0 }),
            ("transformation_logits.hue", &[], OutputFault::TransformationWithoutClasses { output: 0 }),
        ];
        for (name, values, want) in cases {
            assert_eq!(read(name, values), Err(want), "{name} {values:?}");
        }
        assert_eq!(EncoderOutputs::read([("depth", &nan[..])]), Err(OutputFault::NoneKnown));
        assert_eq!(read("depth", &nan).unwrap().invariant(), Some(&four[..]));
        assert_eq!(EncoderOutputs::read([("transformation_logits.", &four[..])]), Err(OutputFault::NoneKnown));
        let many = [("transformation_logits.hue", &four[..]); MOST_TRANSFORMATIONS + 1];
        assert_eq!(EncoderOutputs::read(many), Err(OutputFault::TooManyTransformations));
    }

    #[test]
    fn transformations_are_read_without_any_other_output() {
        let (turns, grey) = ([0.0, 1000.0, 1000.0, 0.0], [0.0, -2.0]);
        let named = [("transformation_logits.quarter-turns", &turns[..]), ("transformation_logits.grey", &grey[..])];
        let outputs = EncoderOutputs::read(named).unwrap();
        assert_eq!((outputs.rotation(), outputs.class(), outputs.invariant()), (None, None, None));
        let read: [TransformationLogits<'_>; 2] = {
            let mut all = outputs.transformations();
            [all.next().unwrap(), all.next().unwrap()]
        };
        assert_eq!(read.map(|one| one.name()), ["quarter-turns", "grey"]);
        assert_eq!(read[0].most_probable().1, 0.5);
        assert_eq!((read[0].probability(1), read[0].probability(0), read[0].probability(4)), (0.5, 0.0, 0.0));
        assert!((read[1].probability(1) - 0.119_203).abs() < 1e-5);
    }
}
