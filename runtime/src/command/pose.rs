use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;
use sextant_runtime::backend::{Encoder, NodesByProvider, Output};
use sextant_runtime::command_line::warn;
use sextant_runtime::contract::metadata::{CLASS_NAMES, CLASS_SYMMETRY, RESIZE};
use sextant_runtime::contract::output::{CLASS_LOGITS, EQUIVARIANT, INVARIANT, ROTATION_WXYZ};
use sextant_runtime::picture::PictureLimits;
use sextant_runtime::preprocess::RESIZE_RULE;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::images;
use super::names::{PathName, shown};

/// What a model says of one image.
#[derive(Serialize)]
pub struct Prediction {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invariant: Option<Vec<f32>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equivariant: Option<Vec<f32>>,
    /// What each execution provider was seen to run, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes_by_provider: Option<NodesByProvider>,
    /// What of the image's file is not in the picture that was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A model and the names of its classes.
pub struct Predictor {
    pub encoder: Encoder,
    class_names: Option<Vec<String>>,
    class_symmetry: BTreeMap<String, String>,
}

impl Predictor {
    /// Reads the names and symmetries of the classes from the model's metadata. A model that learned from pictures that
    /// were resized otherwise is warned of.
    pub fn new(encoder: Encoder) -> anyhow::Result<Self> {
        let metadata = &encoder.description().metadata;
        let path = encoder.path().display();
        let class_names = metadata.get(CLASS_NAMES).map(|json| serde_json::from_str(json)).transpose();
        let class_names =
            class_names.with_context(|| format!("{path}: the metadata 'class_names' is no JSON array of strings"))?;
        let symmetry = metadata.get(CLASS_SYMMETRY).map(|json| serde_json::from_str(json)).transpose();
        let symmetry =
            symmetry.with_context(|| format!("{path}: the metadata 'class_symmetry' is no JSON object of strings"))?;
        if let Some(rule) = metadata.get(RESIZE).filter(|rule| *rule != RESIZE_RULE) {
            warn(format_args!(
                "{path}: it learned from pictures that were resized as '{}'; here they are resized as \
                 '{RESIZE_RULE}', and errors may be larger: train it again with this version",
                shown(rule)
            ));
        }
        Ok(Self { class_names, class_symmetry: symmetry.unwrap_or_default(), encoder })
    }

    /// Looks at a picture; warns of what of its file is not in the picture.
    pub fn look_at(&mut self, path: &Path, limits: &PictureLimits) -> anyhow::Result<Prediction> {
        let image = images::load(path, self.encoder.description().image_size, limits)?;
        let name = PathName::of(path);
        for remark in &image.remarks {
            warn(format_args!("{}: {remark}", shown(&name.text)));
        }
        let warnings = image.remarks.iter().map(ToString::to_string).collect();
        Ok(Prediction { warnings, ..self.predict(name, &image.pixels)? })
    }

    /// Runs the model on one image of its size, u8 `[h, w, 3]`; `image` is its name.
    fn predict(&mut self, image: PathName, pixels: &[u8]) -> anyhow::Result<Prediction> {
        let outputs = self.encoder.run(pixels)?;
        let path = self.encoder.path().display();
        if let Some(output) = outputs.iter().find(|output| output.values.iter().any(|value| !value.is_finite())) {
            let image = shown(&image.text);
            bail!("{path}: the output '{}' for {image} is not finite: the model is broken", output.name);
        }
        let row = |name: &str| outputs.iter().find(|output| output.name == name).map(|output| output.row(0));
        let rotation = row(ROTATION_WXYZ).map(rotation).transpose().with_context(|| format!("{path}"))?;
        let class = row(CLASS_LOGITS).map(|logits| self.class(logits)).transpose()?;
        if rotation.is_none() && class.is_none() && row(INVARIANT).is_none() {
            bail!("{path}: none of the outputs {:?} is known here", names(&outputs));
        }
        let (class, class_probability) = class.unzip();
        let class_symmetry =
            class.as_ref().and_then(|class| self.class_symmetry.get(class)).filter(|group| *group != "none");
        let group: Option<SymmetryGroup> = class_symmetry.and_then(|group| group.parse().ok());
        Ok(Prediction {
            image_bytes: image.bytes.clone(),
            image,
            rotation_wxyz: rotation.map(UnitQuaternion::wxyz),
            euler_deg: rotation.map(|rotation| rotation.to_euler_extrinsic_xyz().map(f32::to_degrees)),
            class,
            class_probability,
            class_symmetry: class_symmetry.cloned(),
            equivalent_poses: group.and_then(SymmetryGroup::order),
            invariant: row(INVARIANT).map(<[f32]>::to_vec),
            equivariant: row(EQUIVARIANT).map(<[f32]>::to_vec),
            nodes_by_provider: self.encoder.nodes_by_provider().cloned(),
            warnings: vec![],
        })
    }

    /// The most probable class and its probability.
    fn class(&self, logits: &[f32]) -> anyhow::Result<(String, f32)> {
        let (index, probability) = most_probable(logits).context("no classes")?;
        match &self.class_names {
            None => Ok((index.to_string(), probability)),
            Some(names) if names.len() == logits.len() => Ok((names[index].clone(), probability)),
            Some(names) => {
                let path = self.encoder.path().display();
                bail!("{path}: {} class names for {} classes: export the run again", names.len(), logits.len())
            }
        }
    }
}

fn names(outputs: &[Output]) -> Vec<&str> {
    outputs.iter().map(|output| output.name.as_str()).collect()
}

fn rotation(wxyz: &[f32]) -> anyhow::Result<UnitQuaternion> {
    let wxyz: [f32; 4] = wxyz.try_into().context("the output 'rotation_wxyz' has not four numbers")?;
    UnitQuaternion::from_wxyz(wxyz).context("the output 'rotation_wxyz' is no rotation: all zero")
}

/// Index of the largest logit, and its softmax; `None` for no logits.
pub fn most_probable(logits: &[f32]) -> Option<(usize, f32)> {
    let (index, largest) = logits.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let sum: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    Some((index, 1.0 / sum))
}

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
}
