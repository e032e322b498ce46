use anyhow::bail;

use super::Candidate;
use crate::data::ViewSource;
use crate::evaluate::Evaluation;
use crate::transformation::{ROTATION, Transformation};

/// What the features are wanted for: a probe of it decides.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// The class of pictures as they are.
    Class,
    /// The class of pictures with all candidates.
    TransformedClass,
    /// How the object of a picture as it is is turned in space.
    Pose,
    /// What a candidate has done to a picture.
    Transformation(&'static dyn Transformation),
}

impl Target {
    /// The target of a name; without one the class where classes are known, else the rotation in space.
    ///
    /// # Errors
    /// When the data do not tell it, or no candidate has that name.
    pub fn named(name: Option<&str>, candidates: &[Candidate], source: &dyn ViewSource) -> anyhow::Result<Self> {
        let (has_classes, has_poses) = (source.class_names().len() > 1, source.offers().contains(&ROTATION));
        let of_candidate = |name: &str| {
            let found =
                candidates.iter().find(|candidate| candidate.name == name || candidate.transformation.name() == name);
            found.map(|candidate| Self::Transformation(candidate.transformation))
        };
        match name {
            None if has_classes => Ok(Self::Class),
            None if has_poses => Self::pose(candidates),
            None => bail!(
                "the data know neither classes nor rotations: name what the features are wanted for with --target, one of {}",
                names(candidates).join(", ")
            ),
            Some("class") if has_classes => Ok(Self::Class),
            Some("transformed-class") if has_classes => Ok(Self::TransformedClass),
            Some(name @ ("class" | "transformed-class")) => bail!(
                "--target {name}: the data do not know several classes: put the pictures of each class into a folder of its \
                 own, or choose one of {}",
                names(candidates).join(", ")
            ),
            Some("rotation") if has_poses => Self::pose(candidates),
            Some(name) => match of_candidate(name) {
                Some(target) => Ok(target),
                None => bail!(
                    "--target {name}: it is neither class, transformed-class nor one of the transformations that are asked \
                     about ({}); add it to --transforms",
                    names(candidates).join(", ")
                ),
            },
        }
    }

    fn pose(candidates: &[Candidate]) -> anyhow::Result<Self> {
        match candidates.iter().find(|candidate| candidate.loses_pose()) {
            None => Ok(Self::Pose),
            Some(lossy) => bail!(
                "--target rotation: after {0} no rotation is known of a picture: leave {0} out of --transforms, or choose \
                 --target class",
                lossy.name
            ),
        }
    }

    /// What it is, for people.
    pub fn words(&self) -> String {
        match self {
            Self::Class => "class of pictures as they are (top-1 of a linear probe)".into(),
            Self::TransformedClass => "class of transformed pictures (top-1 of a linear probe)".into(),
            Self::Pose => "rotation of the object in space (1 less a head's mean error in half turns)".into(),
            Self::Transformation(of) if of.scale().is_some() => {
                format!("quarter of the scale of {} (top-1 of a linear probe)", of.name())
            }
            Self::Transformation(of) => format!("class of {} (top-1 of a linear probe)", of.name()),
        }
    }

    /// Its figure of a run; `None` where it was not measured.
    pub fn read(&self, evaluation: &Evaluation) -> Option<f64> {
        match self {
            Self::Class => Some(evaluation.class.as_ref()?.class_top1),
            Self::TransformedClass => evaluation.class_top1_transformed,
            // The head learns on all pictures of the run, the probe of R2 on a few thousand pairs, which it can learn by heart.
            Self::Pose => Some(1.0 - evaluation.rotation.as_ref()?.pose.symmetric.mean_deg / 180.0),
            Self::Transformation(of) => {
                let report = evaluation.transformations.iter().find(|report| report.transformation == of.name());
                report.map(|report| report.probe_top1)
            }
        }
    }
}

fn names(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|candidate| candidate.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::registry::Registry;
    use crate::transformation::ROTATION_SCALE;

    fn candidates(names: &[&str]) -> Vec<Candidate> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Candidate::of_names(&names, Registry::default().transformations()).unwrap()
    }

    #[test]
    fn targets_are_what_the_data_know() {
        let sets = ["data.families=[\"mug\", \"car\"]", "data.objects_per_family=1", "data.held_out_per_family=1"];
        let sets = sets.map(String::from);
        let scenes = Config::resolve(&Registry::default(), None, None, &sets).unwrap().open_data().unwrap();
        let of = |name: Option<&str>, names: &[&str]| {
            Target::named(name, &candidates(names), scenes.as_ref()).map_err(|error| error.to_string())
        };
        assert_eq!(of(None, &["rotation"]), Ok(Target::Class));
        assert_eq!(of(Some("transformed-class"), &["rotation"]), Ok(Target::TransformedClass));
        assert_eq!(of(Some("rotation"), &["rotation", "hue"]), Ok(Target::Pose));
        assert!(of(Some("rotation"), &["hue", "flip"]).unwrap_err().contains("leave flip out of --transforms"));
        assert_eq!(of(Some("rotation-scale"), &["rotation"]), Ok(Target::Transformation(ROTATION_SCALE)));
        assert!(of(Some("blur"), &["rotation"]).unwrap_err().contains("add it to --transforms"));
    }

    #[test]
    fn pictures_without_classes_need_a_named_target() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d", "e"] {
            image::RgbImage::new(20, 20).save(folder.path().join(format!("{name}.png"))).unwrap();
        }
        let path = format!("data.path={:?}", folder.path().display().to_string());
        let sets = ["data.source=pictures".to_string(), path];
        let pictures = Config::resolve(&Registry::default(), None, None, &sets).unwrap().open_data().unwrap();
        let of = |name: Option<&str>| {
            Target::named(name, &candidates(&["rotation", "flip"]), pictures.as_ref())
                .map_err(|error| error.to_string())
        };
        assert!(of(None).unwrap_err().contains("with --target, one of rotation, flip"));
        assert!(of(Some("class")).unwrap_err().contains("put the pictures of each class into a folder of its own"));
        assert_eq!(of(Some("rotation")), Ok(Target::Transformation(ROTATION_SCALE)));
    }
}
