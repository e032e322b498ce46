use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use sextant_runtime::backend::NodesByProvider;
use sextant_runtime::command_line::warn;
use sextant_runtime::picture::PictureLimits;
use sextant_runtime::pose::{CropBox, Prediction, Predictor, TransformationPrediction};
use sextant_runtime::preprocess::RESIZE_RULE;
use sextant_runtime::rotation::SymmetryGroup;

use super::images;
use super::names::{PathName, shown};

/// What a model says of one image, as it is printed.
#[derive(Serialize)]
pub struct Answer {
    pub image: PathName,
    /// The path in hexadecimal, where `image` is not exactly the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_bytes: Option<String>,
    /// From object coordinates to camera coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_wxyz: Option<[f32; 4]>,
    /// The same as turns about the camera's x, then y, then z (extrinsic xyz).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub euler_deg: Option<[f32; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_probability: Option<f32>,
    /// The rotations of the class that cannot be seen; not there for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_symmetry: Option<String>,
    /// How many rotations look the same; not there for one, or endlessly many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivalent_poses: Option<u32>,
    /// What was done to the picture, for each transformation that the model tells of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transformations: Vec<TransformationAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invariant: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivariant: Option<Vec<f32>>,
    /// Numbers of each half, whether they are printed or not.
    #[serde(skip)]
    pub half_widths: [Option<usize>; 2],
    /// What each execution provider was seen to run, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes_by_provider: Option<NodesByProvider>,
    /// What of the image's file is not in the picture that was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What was done to a picture, as it is printed.
#[derive(Serialize)]
pub struct TransformationAnswer {
    pub name: String,
    pub class: String,
    pub class_index: usize,
    pub probability: f32,
    /// Counter-clockwise; not there where the classes are no angles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub angle_deg: Option<f32>,
    pub class_names: Vec<String>,
    /// Of all classes, in the order of their names.
    pub probabilities: Vec<f32>,
}

impl TransformationAnswer {
    fn of(prediction: &TransformationPrediction) -> Self {
        let TransformationPrediction { transformation, index, probability, probabilities } = prediction;
        Self {
            name: transformation.name.to_string(),
            class: prediction.class().to_string(),
            class_index: *index,
            probability: *probability,
            angle_deg: prediction.angle_deg(),
            class_names: transformation.classes.iter().map(ToString::to_string).collect(),
            probabilities: probabilities.clone(),
        }
    }
}

impl Answer {
    fn new(image: PathName, prediction: &Prediction, features: bool) -> Self {
        let class = prediction.class();
        let symmetry = class.map(|class| class.class.symmetry).filter(|group| *group != SymmetryGroup::None);
        let shown_half = |half: Option<&[f32]>| half.filter(|_| features).map(<[f32]>::to_vec);
        Self {
            image_bytes: image.bytes.clone(),
            image,
            rotation_wxyz: prediction.rotation().map(|rotation| rotation.wxyz()),
            euler_deg: prediction.euler_deg(),
            class: class.map(|class| class.class.name.to_string()),
            class_probability: class.map(|class| class.probability),
            class_symmetry: symmetry.map(|group| group.to_string()),
            equivalent_poses: symmetry.and_then(SymmetryGroup::order),
            transformations: prediction.transformations().iter().map(TransformationAnswer::of).collect(),
            half_widths: [prediction.invariant(), prediction.equivariant()].map(|half| half.map(<[f32]>::len)),
            invariant: shown_half(prediction.invariant()),
            equivariant: shown_half(prediction.equivariant()),
            nodes_by_provider: None,
            warnings: vec![],
        }
    }
}

/// Warns where the model learned from pictures that were resized otherwise.
pub fn warn_of_resizing(predictor: &Predictor) {
    if let Some(rule) = predictor.other_resize_rule() {
        warn(format_args!(
            "{}: it learned from pictures that were resized as '{}'; here they are resized as '{RESIZE_RULE}', and errors \
             may be larger: train it again with this version",
            predictor.origin(),
            shown(rule)
        ));
    }
}

/// What to look at of each picture, and what to print.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub limits: PictureLimits,
    /// The part of the picture; `None` for all of it.
    pub crop: Option<CropBox>,
    /// Whether the answer has the features.
    pub features: bool,
}

/// Looks at the picture of a file; warns of what of the file is not in the picture.
pub fn look_at(predictor: &mut Predictor, path: &Path, look: &Look) -> anyhow::Result<(Answer, Prediction)> {
    let picture = images::load(path, &look.limits)?;
    let name = PathName::of(path);
    for remark in &picture.remarks {
        warn(format_args!("{}: {remark}", shown(&name.text)));
    }
    let whole = picture.view();
    let view = look.crop.map_or(Ok(whole), |crop| whole.cropped(crop));
    let view = view.with_context(|| shown(&name.text))?;
    let prediction = predictor.predict(&view).with_context(|| shown(&name.text))?;
    let warnings = picture.remarks.iter().map(ToString::to_string).collect();
    let nodes_by_provider = predictor.encoder().nodes_by_provider().cloned();
    let answer = Answer { nodes_by_provider, warnings, ..Answer::new(name, &prediction, look.features) };
    Ok((answer, prediction))
}
