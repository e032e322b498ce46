//! What can be known of a run's end before its first step.

use std::collections::BTreeSet;

use crate::config::{Config, EvaluationConfig};
use crate::data::ViewSource;
use crate::evaluate::gallery_warning;
use crate::method::UnmetNeeds;
use crate::transformation::ROTATION;

/// Nothing, when the views of `shown`, which training makes of those of `source`, have all that the method learns from.
pub(super) fn check_needs(config: &Config, source: &dyn ViewSource, shown: &dyn ViewSource) -> anyhow::Result<()> {
    let needed = config.needs()?.transformations;
    let offered = shown.offers();
    if !needed.iter().all(|needed| offered.contains(needed)) {
        let lost = source.offers().into_iter().filter(|there| !offered.contains(there)).collect();
        return Err(UnmetNeeds { method: config.method.name.clone(), needed, offered, lost }.into());
    }
    anyhow::ensure!(
        !shown.class_names().is_empty() || !config.learns_classes(),
        "the method `{}` learns classes, and nothing is known of classes here: choose another method, or data whose \
         pictures lie in a folder for each class",
        config.method.name
    );
    Ok(())
}

/// What the data leave out of what the configuration asks for.
pub(super) fn warnings(config: &Config, source: &dyn ViewSource) -> Vec<String> {
    let classes: BTreeSet<usize> = (0..source.subject_count()).map(|object| source.label(object)).collect();
    let is_labelled = !source.class_names().is_empty();
    let one_class = (is_labelled && classes.len() < 2).then(|| {
        "there is one class: the class head and the classification figures say nothing, only poses are learned".into()
    });
    let objects = source.training_subjects().len();
    let one_object = (objects < 2).then(|| {
        "there is one object to train on: every batch shows it alone, and nothing teaches the network to tell objects apart"
            .into()
    });
    // A gallery is of rotations.
    let knows_rotations = source.offers().contains(&ROTATION);
    let gallery = knows_rotations.then(|| gallery_warning(source, &config.evaluation)).flatten();
    let unmeasured = unmeasured(config, knows_rotations, is_labelled);
    one_class.into_iter().chain(one_object).chain(gallery).chain(unmeasured).collect()
}

/// What is asked for and cannot be measured on these data.
fn unmeasured(config: &Config, knows_rotations: bool, is_labelled: bool) -> Vec<String> {
    let (asked, default) = (&config.evaluation, EvaluationConfig::default());
    let known = config.registry().transformations();
    let told = config.data.transformations.iter().filter_map(|name| known.find(name));
    let tells_classes = told.into_iter().any(|transformation| transformation.kind().classes().is_some());
    let information = match (asked.information, is_labelled, tells_classes) {
        (true, false, _) => Some("nothing is known of classes here"),
        (true, true, false) => Some("no transformation with classes is among data.transformations"),
        _ => None,
    };
    let information = information.map(|why| format!("evaluation.information measures nothing: {why}"));
    let of_rotations = [
        ("gallery_objects", asked.gallery_objects != 0 && asked.gallery_objects != default.gallery_objects),
        ("gallery_views", asked.gallery_views != default.gallery_views),
    ];
    let without_rotations = of_rotations.into_iter().filter(|(_, is_asked)| *is_asked && !knows_rotations);
    let of_rotations = without_rotations
        .map(|(key, _)| format!("evaluation.{key} has no effect: no rotation is known of these pictures"));
    information.into_iter().chain(of_rotations).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn what_cannot_be_measured_is_said() {
        let cases: [(&[&str], [bool; 2], &[&str]); 6] = [
            (&[], [false, false], &[]),
            (&["evaluation.gallery_objects=0"], [false, true], &[]),
            (
                &["evaluation.gallery_objects=3", "evaluation.gallery_views=9"],
                [false, true],
                &[
                    "evaluation.gallery_objects has no effect: no rotation is known of these pictures",
                    "evaluation.gallery_views has no effect: no rotation is known of these pictures",
                ],
            ),
            (&["evaluation.gallery_objects=3", "evaluation.gallery_views=9"], [true, true], &[]),
            (
                &["evaluation.information=true", "data.transformations=[\"jigsaw\"]"],
                [false, false],
                &["evaluation.information measures nothing: nothing is known of classes here"],
            ),
            (
                &["evaluation.information=true"],
                [true, true],
                &["evaluation.information measures nothing: no transformation with classes is among \
                   data.transformations"],
            ),
        ];
        for (sets, [knows_rotations, is_labelled], expected) in cases {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            let config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
            assert_eq!(unmeasured(&config, knows_rotations, is_labelled), expected, "{sets:?}");
        }
    }
}
