use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use super::{PoseFault, TransformationLogits};
use crate::contract::metadata::TRANSFORMATIONS;
use crate::contract::output;
use crate::flat_json;

/// Something that can be done to a picture, of which a model tells how it was done.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformation {
    /// Its name, such as `quarter-turns`.
    pub name: Arc<str>,
    /// What its classes are called, in the order of the model's logits, such as `90°`.
    pub classes: Arc<[Arc<str>]>,
}

/// What was done to a picture, by a model's most probable class of one transformation.
///
/// ```
/// # use sextant_runtime::pose::{Transformation, TransformationPrediction};
/// let classes: [std::sync::Arc<str>; 4] = ["0°", "90°", "180°", "270°"].map(Into::into);
/// let turns = Transformation { name: "quarter-turns".into(), classes: classes.into() };
/// let prediction = TransformationPrediction::of_logits(&turns, &[2.0, 2.0, -9.0, -9.0]);
/// assert_eq!((prediction.class(), prediction.transformation.name.as_ref()), ("90°", "quarter-turns"));
/// assert!((prediction.angle_deg().unwrap() - 45.0).abs() < 0.01); // as likely not turned at all
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TransformationPrediction {
    /// What could have been done.
    pub transformation: Transformation,
    /// Place of the most probable class among the transformation's classes.
    pub index: usize,
    /// In 0 to 1: the softmax of its logit, not calibrated.
    pub probability: f32,
    /// The same of all classes, in their order; they add up to one.
    pub probabilities: Vec<f32>,
}

impl Transformation {
    /// The angles that the classes stand for, in degrees: their names are numbers with a degree sign. `None` where one is not.
    fn angles_deg(&self) -> Option<Vec<f32>> {
        let angle = |class: &Arc<str>| class.strip_suffix('°')?.parse().ok().filter(|angle: &f32| angle.is_finite());
        self.classes.iter().map(angle).collect()
    }
}

impl TransformationPrediction {
    /// What a model's numbers for each class of a transformation say.
    ///
    /// # Panics
    /// When there are no numbers, or they are not as many as the classes.
    pub fn of_logits(transformation: &Transformation, logits: &[f32]) -> Self {
        assert_eq!(logits.len(), transformation.classes.len(), "a number for each class of {}", transformation.name);
        let read = TransformationLogits::new(&transformation.name, logits).expect("there are classes");
        let (index, probability) = read.most_probable();
        let probabilities = (0..logits.len()).map(|class| read.probability(class)).collect();
        Self { transformation: transformation.clone(), index, probability, probabilities }
    }

    /// The name of the most probable class.
    pub fn class(&self) -> &str {
        &self.transformation.classes[self.index]
    }

    /// How far the picture is turned counter-clockwise in its plane, in degrees from 0 up to 360: the circular mean of the
    /// classes' angles, each weighed with its probability. `None` where the names of the classes are no angles such as `90°`,
    /// or no direction is more probable than others.
    pub fn angle_deg(&self) -> Option<f32> {
        let angles = self.transformation.angles_deg()?;
        let sum = |part: fn(f32) -> f32| -> f32 {
            angles
                .iter()
                .zip(&self.probabilities)
                .map(|(angle, probability)| probability * part(angle.to_radians()))
                .sum()
        };
        let [east, north] = [sum(libm::cosf), sum(libm::sinf)];
        let angle = libm::atan2f(north, east).to_degrees().rem_euclid(360.0);
        // A small negative angle is 360 degrees after rounding.
        (libm::hypotf(east, north) > 1e-6).then_some(if angle < 360.0 { angle } else { 0.0 })
    }
}

/// The transformations of a model's outputs, in their order, with the classes that the metadata name.
///
/// # Errors
/// When the metadata are no JSON object of arrays, or lack one of the transformations.
pub(super) fn of_metadata(
    metadata: &BTreeMap<String, String>,
    outputs: &[String],
) -> Result<Vec<Transformation>, PoseFault> {
    let expected = "JSON object from transformations to arrays of class names";
    let no_lists = PoseFault::Metadata { key: TRANSFORMATIONS, expected };
    let lists = metadata.get(TRANSFORMATIONS).map(|json| flat_json::string_lists(json).ok_or(no_lists));
    let named: BTreeMap<String, Vec<String>> = lists.transpose()?.unwrap_or_default().into_iter().collect();
    let transformation = |name: &str| {
        let classes = named.get(name).ok_or_else(|| PoseFault::UnnamedClasses { transformation: name.to_string() })?;
        Ok(Transformation { name: name.into(), classes: classes.iter().map(|class| class.as_str().into()).collect() })
    };
    outputs.iter().filter_map(|output| output::transformation(output)).map(transformation).collect()
}

/// What an output says of the transformation of its name.
///
/// # Errors
/// When the model names more or fewer classes.
pub(super) fn prediction(
    read: TransformationLogits<'_>,
    known: &[Transformation],
) -> Result<TransformationPrediction, PoseFault> {
    let unnamed = || PoseFault::UnnamedClasses { transformation: read.name().to_string() };
    let transformation = known.iter().find(|known| *known.name == *read.name()).ok_or_else(unnamed)?;
    let (names, logits) = (transformation.classes.len(), read.logits().len());
    if names != logits {
        return Err(PoseFault::TransformationClassCount { transformation: read.name().to_string(), names, logits });
    }
    Ok(TransformationPrediction::of_logits(transformation, read.logits()))
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::vec;

    use super::*;

    fn of_names(names: &[&str]) -> Transformation {
        Transformation { name: "x".into(), classes: names.iter().map(|name| (*name).into()).collect() }
    }

    fn read(json: Option<&str>, outputs: &[&str]) -> Result<Vec<Transformation>, PoseFault> {
        let metadata = json.map(|json| (TRANSFORMATIONS.to_string(), json.to_string())).into_iter().collect();
        of_metadata(&metadata, &outputs.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn transformations_come_in_the_order_of_the_outputs() {
        let json = r#"{"grey": ["no", "yes"], "quarter-turns": ["0°", "90\u00b0"], "other": ["a"]}"#;
        let outputs = ["invariant", "transformation_logits.quarter-turns", "transformation_logits.grey"];
        let read = read(Some(json), &outputs).unwrap();
        let shown: Vec<_> = read.iter().map(|t| format!("{} {:?}", t.name, t.classes)).collect();
        assert_eq!(shown, [r#"quarter-turns ["0°", "90°"]"#, r#"grey ["no", "yes"]"#]);
    }

    #[test]
    fn metadata_that_do_not_fit_are_named() {
        let outputs = ["transformation_logits.grey"];
        let no_object =
            "the metadata 'transformations' is no JSON object from transformations to arrays of class names";
        let no_names = "the metadata 'transformations' name no classes of 'grey'";
        for (json, message) in [
            (None, no_names),
            (Some("{}"), no_names),
            (Some(r#"{"hue": ["a"]}"#), no_names),
            (Some("grey"), no_object),
            (Some(r#"["grey"]"#), no_object),
            (Some(r#"{"grey": "yes"}"#), no_object),
        ] {
            assert_eq!(read(json, &outputs).unwrap_err().to_string(), message, "{json:?}");
        }
        assert_eq!(read(None, &["invariant"]).unwrap(), vec![]);
        let logits = [0.0; 3];
        let found = prediction(TransformationLogits::new("x", &logits).unwrap(), &[of_names(&["no", "yes"])]);
        assert_eq!(found.unwrap_err().to_string(), "2 class names for 3 classes of 'x'");
    }

    #[test]
    fn angles_are_circular_means() {
        let quarters = ["0°", "90°", "180°", "270°"];
        // 350 and 10 degrees are 0 degrees, not 180.
        let cases: [(&[&str], &[f32], Option<f32>); 7] = [
            (&quarters, &[0.0, 9.0, 0.0, 0.0], Some(90.0)),
            (&quarters, &[5.0, -20.0, -20.0, 5.0], Some(315.0)),
            (&["350°", "10°"], &[1.0, 1.0], Some(0.0)),
            (&["-90°", "0°"], &[9.0, -90.0], Some(270.0)),
            (&quarters, &[1.0; 4], None),
            (&["0°", "much"], &[1.0, 0.0], None),
            (&["inf°"], &[1.0], None),
        ];
        for (names, logits, expected) in cases {
            let found = TransformationPrediction::of_logits(&of_names(names), logits).angle_deg();
            match (found, expected) {
                (Some(found), Some(expected)) => {
                    let apart = (found - expected).abs();
                    assert!(apart.min(360.0 - apart) < 1e-3 && (0.0..360.0).contains(&found), "{names:?}: {found}");
                }
                _ => assert_eq!(found, expected, "{names:?} {logits:?}"),
            }
        }
    }

    #[test]
    fn probabilities_add_up_and_the_first_is_the_class() {
        let found = TransformationPrediction::of_logits(&of_names(&["no", "yes", "both"]), &[0.0, 2.0, 1.0]);
        assert_eq!((found.index, found.class()), (1, "yes"));
        assert_eq!(found.probability, found.probabilities[1]);
        assert!((found.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!((found.probability - 0.665_241).abs() < 1e-5);
    }
}
