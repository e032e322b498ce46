//! What can be known of a run's end before its first step.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::data::ViewSource;
use crate::evaluate::gallery_warning;
use crate::method::UnmetNeeds;
use crate::transformation::ROTATION;

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
    one_class.into_iter().chain(one_object).chain(gallery).collect()
}
