//! What can be known of a run's end before its first step.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::data::ViewSource;
use crate::evaluate::gallery_warning;
use crate::method::{HEADS_ONLY, UnmetNeeds};
use crate::nn::HeadGradient;
use crate::transformation::{Augmentation, ROTATION};

/// Nothing, when the views of `shown`, which training makes of those of `source`, have all that the method learns from.
pub(super) fn check_needs(config: &Config, source: &dyn ViewSource, shown: &dyn ViewSource) -> anyhow::Result<()> {
    let needs = config.needs()?;
    let needed = needs.transformations;
    let offered = shown.offers();
    if !needed.iter().all(|needed| offered.contains(needed)) {
        let lost = source.offers().into_iter().filter(|there| !offered.contains(there)).collect();
        return Err(UnmetNeeds { method: config.method.name.clone(), needed, offered, lost }.into());
    }
    let block = needs.drawing.block;
    let draws_something = config.data.augmentation != Augmentation::None || !config.data.transformations.is_empty();
    anyhow::ensure!(
        block == 1 || draws_something,
        "the method `{}` compares subjects under a change that they share, and nothing is drawn here that they could: set \
         data.augmentation or data.transformations",
        config.method.name
    );
    anyhow::ensure!(
        !config.data.one_picture || draws_something,
        "data.one_picture: all views of an object would be the same, since nothing is drawn of a picture: set \
         data.augmentation or data.transformations"
    );
    let micro_batch = config.fit.batch_size / config.fit.accumulate;
    anyhow::ensure!(
        config.fit.accumulate == 1 || micro_batch.is_multiple_of(block),
        "the method `{}` compares blocks of {block} subjects: {micro_batch} in a micro-batch (fit.batch_size = {}, \
         fit.accumulate = {}) are no whole blocks",
        config.method.name,
        config.fit.batch_size,
        config.fit.accumulate
    );
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
    let has_gallery = source.offers().contains(&ROTATION);
    let gallery = has_gallery.then(|| gallery_warning(source, &config.evaluation)).flatten();
    let information = without_information(config, is_labelled);
    let of_method =
        untrained_features(config).into_iter().chain(labels_of_method(config)).chain(untaught_encoder(config));
    one_class.into_iter().chain(one_object).chain(gallery).chain(information).chain(of_method).collect()
}

/// That heads whose gradient ends at the features are to teach the encoder.
fn untaught_encoder(config: &Config) -> Option<String> {
    let is_untaught = config.method.name == HEADS_ONLY.name && config.heads.gradient == HeadGradient::Detached;
    is_untaught.then(|| {
        format!(
            "nothing trains the encoder: the method `{}` has no loss, and heads.gradient is detached; set heads.gradient=routed",
            HEADS_ONLY.name
        )
    })
}

/// That a method learns from all labels, where the heads are to learn from a part of them.
fn labels_of_method(config: &Config) -> Option<String> {
    let method = config.registry().methods().find(&config.method.name)?;
    (config.heads.label_share < 1.0 && !method.labels.is_empty()).then(|| {
        format!(
            "heads.label_share is of the heads' labels: the method `{}` itself learns from those of all objects",
            method.name
        )
    })
}

/// That nothing trains the layers between the last map and the features, where that is so.
fn untrained_features(config: &Config) -> Option<String> {
    let registry = config.registry();
    let method = registry.methods().find(&config.method.name).filter(|method| method.reads_map_alone)?;
    let encoder = registry.encoders().find(&config.model.encoder).filter(|encoder| !encoder.pools_map)?;
    (config.heads.gradient == HeadGradient::Detached).then(|| {
        format!(
            "the method `{}` trains the last map, and nothing trains the layer between it and the features of `{}`: set \
             model.encoder=tiny-pooled or resnet18",
            method.name, encoder.name
        )
    })
}

/// That `evaluation.information` cannot be measured on these data, where it is asked for.
fn without_information(config: &Config, is_labelled: bool) -> Option<String> {
    if !config.evaluation.information {
        return None;
    }
    let known = config.registry().transformations();
    let mut done = config.data.transformations.iter().filter_map(|name| known.find(name));
    let has_classes = done.any(|transformation| transformation.probed_classes().is_some());
    let why = match (is_labelled, has_classes) {
        (true, true) => return None,
        (true, false) => "no transformation with classes is among data.transformations",
        (false, _) => "nothing is known of classes here",
    };
    Some(format!("evaluation.information measures nothing: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::registry::Registry;

    #[test]
    fn features_that_nothing_trains_are_said() {
        let warned = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            untrained_features(&Config::resolve(&Registry::default(), None, None, &sets).unwrap())
        };
        let (equicaps, detached) = ("method.name=equicaps", "heads.gradient=detached");
        let warning = warned(&[equicaps, detached]).unwrap();
        assert!(warning.contains("`equicaps`") && warning.contains("features of `tiny`"), "{warning}");
        for sets in [&[equicaps][..], &[detached], &[equicaps, detached, "model.encoder=tiny-pooled"]] {
            assert_eq!(warned(sets), None, "{sets:?}");
        }
    }

    #[test]
    fn labels_that_a_method_learns_from_anyway_are_said() {
        let warned = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            labels_of_method(&Config::resolve(&Registry::default(), None, None, &sets).unwrap())
        };
        let (some, supervised) = ("heads.label_share=0.1", "method.name=supervised");
        assert!(warned(&[some, supervised]).unwrap().contains("`supervised` itself learns from those of all"));
        assert_eq!([warned(&[some]), warned(&[supervised])], [None, None]);
    }

    #[test]
    fn an_encoder_that_nothing_trains_is_said() {
        let warned = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            untaught_encoder(&Config::resolve(&Registry::default(), None, None, &sets).unwrap())
        };
        let (heads, detached) = ("method.name=heads-only", "heads.gradient=detached");
        assert!(warned(&[heads, detached]).unwrap().contains("nothing trains the encoder"));
        assert_eq!([warned(&[heads]), warned(&[detached])], [None, None]);
    }

    #[test]
    fn information_that_cannot_be_measured_is_said() {
        let asked = "evaluation.information=true";
        let jigsaw = "data.transformations=[\"jigsaw\"]";
        let scale = "data.transformations=[\"hue-scale\"]";
        let cases: [(&[&str], bool, Option<&str>); 6] = [
            (&[], false, None),
            (&[jigsaw], true, None),
            (&[asked, jigsaw], true, None),
            (&[asked, scale], true, None),
            (&[asked, jigsaw], false, Some("nothing is known of classes here")),
            (&[asked], true, Some("no transformation with classes is among data.transformations")),
        ];
        for (sets, is_labelled, why) in cases {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            let config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
            let expected = why.map(|why| format!("evaluation.information measures nothing: {why}"));
            assert_eq!(without_information(&config, is_labelled), expected, "{sets:?}");
        }
    }

    #[test]
    fn blocks_need_something_to_share_and_whole_micro_batches() {
        let refusal = |more: &str| {
            let toml = format!(
                "[data]\nfamilies = [\"mug\"]\nobjects_per_family = 1\nheld_out_per_family = 1\n{more}\n[method]\nname = \"care\"\n"
            );
            let config = Config::from_toml(&Registry::default(), &toml, Origin::File("my.toml".into())).unwrap();
            let source = config.open_data().unwrap();
            let shown = config.shown(&source).unwrap();
            check_needs(&config, source.as_ref(), shown.as_ref()).err().map(|error| error.to_string())
        };
        assert!(refusal("one_picture = true").is_some_and(|why| why.contains("set data.augmentation")));
        assert!(refusal("").unwrap().contains("set data.augmentation or data.transformations"));
        assert_eq!(refusal("augmentation = \"simclr\""), None);
        let halves = "transformations = [\"blur\"]\n[fit]\nbatch_size = 24\naccumulate = 2";
        assert!(refusal(halves).unwrap().contains("12 in a micro-batch"));
        assert_eq!(refusal(&halves.replace("24", "32")), None);
    }
}
