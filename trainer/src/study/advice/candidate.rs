use anyhow::{bail, ensure};

use crate::study::Row;
use crate::transformation::{PoseChange, Transformation, Transformations};

/// A transformation of which it is asked whether features should be invariant or equivariant to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What the user calls it.
    pub name: String,
    /// What is done to pictures.
    pub transformation: &'static dyn Transformation,
}

/// End of the names of ordered scales, which users may leave out.
const SCALE: &str = "-scale";
/// The flip that is meant by that name.
const FLIP: (&str, &str) = ("flip", "horizontal-flip");

impl Candidate {
    /// The ordered scale `NAME-scale` where there is one, `horizontal-flip` for `flip`, else the transformation of that name.
    ///
    /// # Errors
    /// When there is none that can be done to finished pictures and has an order or finite classes.
    pub fn named(name: &str, known: &Transformations) -> anyhow::Result<Self> {
        let full = if name == FLIP.0 { FLIP.1.to_string() } else { format!("{name}{SCALE}") };
        let found = known.find(&full).or_else(|| known.find(name));
        let usable = found.filter(|found| found.on_pixels().is_some() && found.neutral().is_some());
        match usable {
            Some(transformation) => Ok(Self { name: name.into(), transformation: *transformation }),
            None => bail!("there is no transformation `{name}` to ask about; there are {}", names(known).join(", ")),
        }
    }

    /// Those of all names.
    ///
    /// # Errors
    /// When there is no name, one is unknown, or two stand for one transformation.
    pub fn of_names(names: &[String], known: &Transformations) -> anyhow::Result<Vec<Self>> {
        let candidates = names.iter().map(|name| Self::named(name, known)).collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(!candidates.is_empty(), "no transformation to ask about; there are {}", self::names(known).join(", "));
        for (at, candidate) in candidates.iter().enumerate() {
            let same = candidates[..at].iter().find(|other| other.transformation == candidate.transformation);
            if let Some(same) = same {
                bail!("`{}` and `{}` are one transformation: leave one out", same.name, candidate.name)
            }
        }
        Ok(candidates)
    }

    /// Whether its strengths have an order; else its classes are predicted.
    pub fn is_ordered(&self) -> bool {
        self.transformation.scale().is_some()
    }

    /// Whether a pose that is known of a picture is lost by it.
    pub fn loses_pose(&self) -> bool {
        self.transformation.on_pixels().is_some_and(|on_pixels| matches!(on_pixels.pose(), PoseChange::Lost))
    }
}

/// All that can be asked about: ordered scales without the end of their names, then others that no scale has the name of.
fn names(known: &Transformations) -> Vec<&'static str> {
    let scales = known.names_with_scale().into_iter().map(|name| name.strip_suffix(SCALE).unwrap_or(name));
    let mut names: Vec<&str> = scales.chain([FLIP.0]).collect();
    let others: Vec<&str> = known.names_with_classes().into_iter().filter(|name| !names.contains(name)).collect();
    names.extend(others);
    names
}

/// A row in which all candidates are done to pictures: features are equivariant to some, and invariant to the others.
pub fn row(label: &str, candidates: &[Candidate], equivariant: &[&Candidate]) -> Row {
    let listed = |is_wanted: &dyn Fn(&Candidate) -> bool| -> Vec<&str> {
        let wanted = candidates.iter().filter(|candidate| is_wanted(candidate));
        wanted.map(|candidate| candidate.transformation.name()).collect()
    };
    let all = format!("data.transformations={:?}", listed(&|_| true));
    if equivariant.is_empty() {
        return Row::new(label, &[&all, "method.name=simclr"]);
    }
    let of_form = |is_ordered: bool| {
        listed(&|candidate| equivariant.contains(&candidate) && candidate.is_ordered() == is_ordered)
    };
    Row::new(
        label,
        &[
            &all,
            "method.name=ordered-scales",
            &format!("method.ordered={:?}", of_form(true)),
            &format!("method.predicted={:?}", of_form(false)),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    fn of(names: &[&str]) -> anyhow::Result<Vec<Candidate>> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Candidate::of_names(&names, Registry::default().transformations())
    }

    #[test]
    fn names_stand_for_scales_first() {
        let found = of(&["rotation", "blur", "crop", "flip", "jigsaw", "rotations-4"]).unwrap();
        let names: Vec<&str> = found.iter().map(|candidate| candidate.transformation.name()).collect();
        assert_eq!(names, ["rotation-scale", "blur-scale", "crop-scale", "horizontal-flip", "jigsaw", "rotations-4"]);
        let kinds: Vec<bool> = found.iter().map(Candidate::is_ordered).collect();
        assert_eq!(kinds, [true, true, true, false, false, false]);
        assert_eq!([found[0].loses_pose(), found[3].loses_pose()], [false, true]);
    }

    #[test]
    fn what_cannot_be_asked_about_is_told() {
        let error = |names: &[&str]| of(names).unwrap_err().to_string();
        let unknown = error(&["rotation", "sharpness"]);
        let expected = "there is no transformation `sharpness` to ask about; there are rotation, blur, brightness, hue, crop, \
                        flip, quarter-turns, ";
        assert!(unknown.starts_with(expected), "{unknown}");
        assert!(error(&["hues"]).contains("no transformation `hues`"), "the renderer does it");
        assert_eq!(error(&["hue", "hue-scale"]), "`hue` and `hue-scale` are one transformation: leave one out");
        assert!(error(&[]).starts_with("no transformation to ask about"));
    }

    #[test]
    fn rows_say_what_is_equivariant() {
        let candidates = of(&["rotation", "hue", "flip"]).unwrap();
        let all = r#"data.transformations=["rotation-scale", "hue-scale", "horizontal-flip"]"#;
        assert_eq!(row("none", &candidates, &[]), Row::new("none", &[all, "method.name=simclr"]));
        let expected = [
            all,
            "method.name=ordered-scales",
            r#"method.ordered=["rotation-scale"]"#,
            r#"method.predicted=["horizontal-flip"]"#,
        ];
        assert_eq!(row("two", &candidates, &[&candidates[0], &candidates[2]]), Row::new("two", &expected));
    }
}
