use candle_core::Result;

use super::MethodConfig;
use crate::data::Drawing;
use crate::transformation::{Condition, Transformation};

/// What a method needs of the views that it learns from.
#[derive(Clone, Debug, PartialEq)]
pub struct Needs {
    /// Views of each subject in a step, at least one.
    pub views: usize,
    /// What has to be known of each view.
    pub transformations: Vec<&'static dyn Transformation>,
    /// How what is drawn of views hangs together.
    pub drawing: Drawing,
}

impl Needs {
    /// Two views of each subject, of which nothing has to be known.
    pub const TWO_VIEWS: Self = Self { views: 2, transformations: Vec::new(), drawing: Drawing::INDEPENDENT };

    /// So many views of each subject, each by itself, of which these have to be known.
    pub fn of(views: usize, transformations: Vec<&'static dyn Transformation>) -> Self {
        Self { views, transformations, ..Self::TWO_VIEWS }
    }

    /// Two views of each subject, and what leads from one to the other as numbers.
    pub fn told(condition: Condition) -> Self {
        Self::of(2, condition.transformations().collect())
    }

    /// Two views of each subject, and what the options of [`Condition`] say.
    ///
    /// # Errors
    /// When the method does not have these options.
    pub fn by_options(config: &MethodConfig) -> Result<Self> {
        Ok(Self::told(Condition::of(config)?))
    }
}

/// A source does not offer all that is needed of its views.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the method `{method}` needs to know of each view: {}; the data offer: {}",
    listed(.needed),
    listed(.offered)
)]
pub struct UnmetNeeds {
    /// Name of the method.
    pub method: String,
    /// What is needed.
    pub needed: Vec<&'static dyn Transformation>,
    /// What there is.
    pub offered: Vec<&'static dyn Transformation>,
    /// What there would be without `data.transformations` and `data.augmentation`.
    pub lost: Vec<&'static dyn Transformation>,
}

impl UnmetNeeds {
    /// What to try.
    pub fn hint(&self) -> String {
        let missing: Vec<_> = self.needed.iter().copied().filter(|needed| !self.offered.contains(needed)).collect();
        let (addable, others): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|missing| missing.on_pixels().is_some());
        match (addable.as_slice(), others.as_slice()) {
            (addable, []) => format!("add {} to data.transformations", listed(addable)),
            (_, others) if others.iter().all(|other| self.lost.contains(other)) => format!(
                "leave out what loses {}: data.augmentation, and of data.transformations those that `trainer \
                 transformations` says so of",
                listed(others)
            ),
            (_, others) => format!("choose a data.source that offers {}, or another method", listed(others)),
        }
    }
}

/// Names, such as `rotation, hues`; `nothing` where there are none.
fn listed(transformations: &[&'static dyn Transformation]) -> String {
    match transformations {
        [] => "nothing".into(),
        some => some.iter().map(|transformation| transformation.name()).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::METHODS;
    use crate::transformation::{
        HORIZONTAL_FLIP, HUES, QUARTER_TURNS, ROTATION, ROTATION_SCALE, TRANSFORMATIONS, Transformations,
    };

    #[test]
    fn needs_follow_the_options() {
        struct Case {
            method: &'static str,
            options: &'static [(&'static str, &'static str)],
            views: usize,
            transformations: &'static [&'static dyn Transformation],
        }
        let cases = [
            Case { method: "sextant", options: &[], views: 4, transformations: &[ROTATION] },
            Case { method: "sextant", options: &[("views", "7")], views: 7, transformations: &[ROTATION] },
            Case { method: "simclr", options: &[], views: 2, transformations: &[] },
            Case { method: "sie", options: &[], views: 2, transformations: &[ROTATION] },
            Case { method: "sie", options: &[("transformation", "\"colour\"")], views: 2, transformations: &[HUES] },
            Case {
                method: "simclr-equimod",
                options: &[("transformation", "\"rotation-colour\"")],
                views: 2,
                transformations: &[ROTATION, HUES],
            },
            Case {
                method: "simclr-augself",
                options: &[("transformation", "\"quarter-turns\"")],
                views: 2,
                transformations: &[QUARTER_TURNS],
            },
            Case { method: "seq-jepa", options: &[("context_views", "5")], views: 6, transformations: &[ROTATION] },
            Case { method: "supervised", options: &[("target", "\"class\"")], views: 2, transformations: &[] },
            Case { method: "supervised", options: &[], views: 2, transformations: &[ROTATION] },
            Case { method: "predict-transform", options: &[], views: 2, transformations: &[QUARTER_TURNS] },
        ];
        let known = Transformations::new("transformation", TRANSFORMATIONS);
        for Case { method, options, views, transformations } in cases {
            let entry = METHODS.iter().find(|entry| entry.name == method).unwrap();
            let mut config = toml::Table::try_from(MethodConfig::of(entry)).unwrap();
            for (key, value) in options {
                let table: toml::Table = format!("value = {value}").parse().unwrap();
                config.insert((*key).into(), table["value"].clone());
            }
            let expected = Needs::of(views, transformations.to_vec());
            assert_eq!((entry.needs)(&config.try_into().unwrap(), &known).unwrap(), expected, "{method} {options:?}");
        }
    }

    #[test]
    fn what_hangs_together_follows_the_options() {
        let known = Transformations::new("transformation", TRANSFORMATIONS);
        let drawing = |method: &str, options: &str| {
            let entry = METHODS.iter().find(|entry| entry.name == method).unwrap();
            let mut config = toml::Table::try_from(MethodConfig::of(entry)).unwrap();
            config.extend(options.parse::<toml::Table>().unwrap());
            (entry.needs)(&config.try_into().unwrap(), &known).unwrap().drawing
        };
        assert_eq!(drawing("simclr", ""), Drawing::INDEPENDENT);
        assert_eq!(drawing("care", "block = 4"), Drawing::in_blocks(4));
        let contrasted = drawing("ordered-scales", "predicted = [\"horizontal-flip\"]").contrasted;
        assert_eq!(contrasted, [ROTATION_SCALE, HORIZONTAL_FLIP]);
    }

    #[test]
    fn what_is_missing_is_told_with_the_remedy() {
        type Some<'a> = &'a [&'static dyn Transformation];
        let unmet = |needed: Some, offered: Some, lost: Some| {
            let unmet = UnmetNeeds {
                method: "m".into(),
                needed: needed.to_vec(),
                offered: offered.to_vec(),
                lost: lost.to_vec(),
            };
            (unmet.to_string(), unmet.hint())
        };
        let (message, hint) = unmet(&[ROTATION, QUARTER_TURNS], &[ROTATION, HUES], &[]);
        assert_eq!(
            message,
            "the method `m` needs to know of each view: rotation, quarter-turns; the data offer: rotation, hues"
        );
        assert_eq!(hint, "add quarter-turns to data.transformations");
        let (message, hint) = unmet(&[ROTATION, QUARTER_TURNS], &[], &[]);
        assert!(message.ends_with("the data offer: nothing"), "{message}");
        assert_eq!(hint, "choose a data.source that offers rotation, or another method");
        let (_, hint) = unmet(&[ROTATION], &[HUES], &[ROTATION]);
        assert!(hint.starts_with("leave out what loses rotation: data.augmentation"), "{hint}");
    }
}
