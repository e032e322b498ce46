//! What can be known of a run's end before its first step.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::data::PairSource;
use crate::evaluate::gallery_warning;

/// What the data leave out of what the configuration asks for.
pub(super) fn warnings(config: &Config, source: &dyn PairSource) -> Vec<String> {
    let classes: BTreeSet<usize> = (0..source.object_count()).map(|object| source.label(object)).collect();
    let one_class = (classes.len() < 2).then(|| {
        "there is one class: the class head and the classification figures say nothing, only poses are learned".into()
    });
    let objects = source.training_objects().len();
    let one_object = (objects < 2).then(|| {
        "there is one object to train on: every batch shows it alone, and nothing teaches the network to tell objects apart"
            .into()
    });
    one_class.into_iter().chain(one_object).chain(gallery_warning(source, &config.evaluation)).collect()
}
