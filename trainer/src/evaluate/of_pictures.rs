//! Figures of pictures of which no rotation in space is known: of single images, and of what was done to them.

use std::sync::Arc;

use super::inner_products::inner_products;
use super::measure::{LabelledFeatures, class_figures, held_out_pairs, per_class, ranks};
use super::parts::parts;
use super::responses::{mean_tau, response_reports};
use super::{
    Drift, Evaluation, EvaluationError, ImageFeatures, fixed_objects, image_features, of_transformed,
    pair_features_and_embeddings, predictor_laws,
};
use crate::config::Config;
use crate::data::ViewSource;
use crate::model::Model;

/// Pairs of views by which drift and ranks are measured.
const MOST_PAIRS: usize = 2000;

/// Measures a network without a rotation head: classes on pictures as they are, the rest on views as training shows them.
pub(super) fn evaluate(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<Evaluation, EvaluationError> {
    let evaluation = &config.evaluation;
    let training = source.training_subjects();
    let train_subjects = fixed_objects(&training, evaluation.train_pairs.min(training.len()), evaluation.seed);
    let (mut test_subjects, test_seed) = held_out_pairs(source.as_ref(), config);
    let held_out = source.held_out_subjects().len();
    // A second look at a picture that is shown as it is would show nothing else.
    test_subjects.truncate(held_out);

    let plain = config.untransformed(source)?;
    let test = image_features(model, &plain, &test_subjects, test_seed)?;
    let class = match &test.outputs.class_logits {
        None => None,
        Some(logits) => {
            let train = image_features(model, &plain, &train_subjects, evaluation.seed.wrapping_add(2))?;
            Some(class_figures(&labelled(&train), &labelled(&test), logits, evaluation)?)
        }
    };
    let transformed_pictures = of_transformed(model, source, config)?;
    let responses = response_reports(model, source, config)?;
    let inner_products = evaluation.inner_products.then(|| inner_products(model, source, config)).transpose()?;
    let shown = config.shown(source)?;
    let some = &test_subjects[..test_subjects.len().min(MOST_PAIRS)];
    let pairs = pair_features_and_embeddings(model, &shown, some, test_seed)?;
    Ok(Evaluation {
        objects: held_out,
        pairs: test_subjects.len(),
        rotation: None,
        colour_r2: Default::default(),
        transformation_top1: transformed_pictures.top1,
        transformations: transformed_pictures.reports,
        class_top1_transformed: transformed_pictures.class_top1,
        order_tau: mean_tau(&responses, |report| report.tau),
        order_tau_augmented: mean_tau(&responses, |report| report.tau_augmented),
        responses,
        inner_products,
        references: None,
        retrieval: None,
        predictor: predictor_laws(model, &pairs)?,
        drift: Drift::of(&pairs)?,
        effective_rank: ranks(&pairs, &parts(&pairs)?)?,
        out_of_range: None,
        per_class: match &class {
            Some(class) => per_class(&test.labels, &class.probed, None, source.class_names())?,
            None => Vec::new(),
        },
        class: class.map(|class| class.figures),
    })
}

fn labelled(images: &ImageFeatures) -> LabelledFeatures {
    LabelledFeatures { features: images.outputs.features.clone(), labels: images.labels.clone() }
}
