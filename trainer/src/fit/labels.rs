//! Which subjects' labels the heads learn, and how often these subjects come.

use crate::config::Config;
use crate::data::{ViewSource, share_of_classes};

/// Share of all views that are of labelled subjects, where the others teach something too.
const LABELLED_VIEWS: f64 = 0.5;

/// What `heads.label_share` makes of the training subjects.
pub(super) struct Labels {
    /// Subjects of an epoch; labelled ones several times where they are few.
    pub stream: Vec<usize>,
    /// Of each subject, what the heads' losses of its views are multiplied by, so that their mean over all views is that over the
    /// labelled ones; empty where all are labelled.
    pub weights: Vec<f32>,
    /// How many subjects' labels the heads learn; `None` where these are all.
    pub labelled: Option<usize>,
}

impl Labels {
    /// Which ones the run's seed decides. Where the method itself learns nothing, the stream holds labelled subjects alone.
    pub fn of(config: &Config, source: &dyn ViewSource) -> Self {
        let training = source.training_subjects();
        let share = config.heads.label_share;
        if share >= 1.0 || training.is_empty() {
            return Self { stream: training, weights: Vec::new(), labelled: None };
        }
        let labelled = share_of_classes(source, share, config.fit.seed, |count| usize::from(count > 0)..=count);
        let (others, count) = (training.len() - labelled.len(), Some(labelled.len()));
        let entry = config.registry().methods().find(&config.method.name);
        if others == 0 || !entry.is_some_and(|entry| entry.has_loss()) {
            return Self { stream: labelled, weights: Vec::new(), labelled: count };
        }
        let times = (LABELLED_VIEWS / (1.0 - LABELLED_VIEWS) * others as f64 / labelled.len() as f64).round().max(1.0);
        let mut stream = training;
        (1..times as usize).for_each(|_| stream.extend_from_slice(&labelled));
        let views_of_labelled = times * labelled.len() as f64;
        let weight = (stream.len() as f64 / views_of_labelled) as f32;
        let mut weights = vec![0.0; source.subject_count()];
        labelled.iter().for_each(|subject| weights[*subject] = weight);
        Self { stream, weights, labelled: count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    fn labels(share: &str, method: &str) -> (Labels, Vec<usize>, Vec<usize>) {
        let sets = [
            "data.families=[\"mug\", \"cone\"]".into(),
            "data.objects_per_family=20".into(),
            "data.validation_share=0".into(),
            format!("heads.label_share={share}"),
            format!("method.name={method}"),
        ];
        let config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
        let source = config.open_data().unwrap();
        let of_class = (0..source.subject_count()).map(|subject| source.label(subject)).collect();
        (Labels::of(&config, source.as_ref()), source.training_subjects(), of_class)
    }

    #[test]
    fn half_of_the_views_are_of_labelled_subjects_where_these_are_few() {
        for (share, labelled, times) in [("0.1", 4, 9), ("0.01", 2, 19), ("0", 2, 19), ("0.75", 30, 1)] {
            let (labels, training, of_class) = labels(share, "sextant");
            let weighted: Vec<usize> =
                (0..labels.weights.len()).filter(|subject| labels.weights[*subject] > 0.0).collect();
            assert_eq!(weighted.len(), labelled, "{share}");
            assert!(weighted.iter().all(|subject| training.contains(subject)), "{share}");
            assert!([0, 1].iter().all(|class| weighted.iter().any(|subject| of_class[*subject] == *class)), "{share}");
            for subject in &training {
                let expected = if weighted.contains(subject) { times } else { 1 };
                assert_eq!(labels.stream.iter().filter(|shown| *shown == subject).count(), expected, "{share}");
            }
            let mean: f32 =
                labels.stream.iter().map(|subject| labels.weights[*subject]).sum::<f32>() / labels.stream.len() as f32;
            assert!((mean - 1.0).abs() < 1e-5, "{share}: {mean}");
        }
    }

    #[test]
    fn all_labels_change_nothing_and_no_method_needs_no_other_subjects() {
        let (all, training, _) = labels("1", "sextant");
        assert_eq!((all.stream, all.weights.len(), all.labelled), (training, 0, None));
        let (alone, _, _) = labels("0.1", "heads-only");
        assert_eq!((alone.stream.len(), alone.weights.len(), alone.labelled), (4, 0, Some(4)));
    }
}
