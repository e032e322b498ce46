//! The same small search for every method, on validation objects.

use serde::{Deserialize, Serialize};

use super::trainings::Trainings;
use super::{Plan, Row};
use crate::config::Config;
use crate::fit::{Diverged, try_out};
use crate::method::MethodEntry;
use crate::options::{ConfigOption, OptionKind};

/// Learning rates that are tried, as multiples of the preset's.
const LR_FACTORS: [f64; 4] = [1.0, 1.0 / 3.0, 3.0, 9.0];
/// Weight decays, as multiples.
const DECAY_FACTORS: [f64; 2] = [1.0, 100.0];
/// Values of the method's own number, as multiples of its default.
const WEIGHT_FACTORS: [f64; 3] = [1.0, 1.0 / 3.0, 3.0];
/// The number that weighs a method's idea against the rest of its loss, by the keys that methods have for it.
const WEIGHTS: [&str; 5] =
    ["equivariance_weight", "prediction_weight", "order_weight", "invariance_weight", "temperature"];

/// What was tried for a row, and what is best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tuned {
    /// The row's label.
    pub label: String,
    /// `key=value` changes that all its trials start from.
    pub sets: Vec<String>,
    /// Steps of each trial.
    pub steps: u64,
    /// In the order in which they were trained.
    pub trials: Vec<Trial>,
}

/// One training of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// `key=value` changes beside the row's own; none of the first trial.
    pub sets: Vec<String>,
    /// What checkpoints are chosen by, on validation objects: class top-1 plus rotation R2; `None` when the loss was no number.
    pub score: Option<f64>,
}

impl Tuned {
    /// The changes of the best trial; of equally good ones the first.
    pub fn chosen(&self) -> &[String] {
        let better = |best: Option<&'_ Trial>, trial: &Trial| match (best.and_then(|best| best.score), trial.score) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(best), Some(score)) => score > best,
        };
        let mut best = None;
        for trial in &self.trials {
            if better(best, trial) {
                best = Some(trial);
            }
        }
        best.map_or(&[], |trial| &trial.sets)
    }
}

/// A key and the values that are tried, the one that it has first.
struct Axis {
    key: String,
    values: Vec<f64>,
}

/// Searches along one key after the other, each from the best so far; `None` when it was interrupted.
///
/// # Errors
/// When a trial fails otherwise than by a loss that is no number.
pub(super) fn tune(trainings: &Trainings, row: &Row, steps: u64, images: &[String]) -> anyhow::Result<Option<Tuned>> {
    let mut tuned = Tuned { label: row.label.clone(), sets: row.sets.clone(), steps, trials: Vec::new() };
    let plan = trainings.plan;
    let config = plan.config(row, 0, images)?;
    if plan.registry.methods().find(&config.method.name).is_some_and(|entry| !entry.has_loss()) {
        // Nothing of it is trained.
        return Ok(Some(tuned));
    }
    let mut search = vec![Vec::new()];
    for axis in axes(&config, plan)? {
        let from = tuned.chosen().to_vec();
        let others = axis.values.iter().skip(1).map(|value| [&from[..], &[format!("{}={value}", axis.key)]].concat());
        search.extend(others);
        for sets in search.drain(..) {
            eprintln!("{}: tuning, {}", row.label, if sets.is_empty() { "as it is".into() } else { sets.join(" ") });
            let config = of_trial(plan, row, &sets, steps, images)?;
            let Some(score) = score(config, trainings)? else { return Ok(None) };
            tuned.trials.push(Trial { sets, score });
        }
    }
    Ok(Some(tuned))
}

/// The configuration of a trial.
fn of_trial(plan: &Plan, row: &Row, sets: &[String], steps: u64, images: &[String]) -> anyhow::Result<Config> {
    let sets = [&row.sets[..], sets, &[format!("fit.steps={steps}")]].concat();
    plan.config(&Row { sets, ..row.clone() }, 0, images)
}

/// How good a trial is on validation objects, `Some(None)` when its loss was no number; `None` when it was interrupted.
fn score(config: Config, trainings: &Trainings) -> anyhow::Result<Option<Option<f64>>> {
    match try_out(config, trainings.device, trainings.stop.clone()) {
        Ok(figures) => Ok(figures.map(|figures| Some(figures.score()))),
        Err(error) if error.is::<Diverged>() => Ok(Some(None)),
        Err(error) => Err(error),
    }
}

/// Learning rate, weight decay and the method's own number.
fn axes(config: &Config, plan: &Plan) -> anyhow::Result<Vec<Axis>> {
    let times = |value: f64, factors: &[f64]| factors.iter().map(|factor| rounded(value * factor)).collect();
    let optimiser = &config.optimiser;
    let mut axes = vec![
        Axis { key: "optimiser.lr".into(), values: times(optimiser.lr, &LR_FACTORS) },
        Axis { key: "optimiser.weight_decay".into(), values: times(optimiser.weight_decay, &DECAY_FACTORS) },
    ];
    let entry = plan.registry.methods().find(&config.method.name);
    if let Some(option) = entry.and_then(own_weight) {
        let value = config.method.number(option.key)?;
        let OptionKind::Number { least, most, .. } = option.kind else { return Ok(axes) };
        let mut values: Vec<f64> = times(value, &WEIGHT_FACTORS);
        values.retain(|value| (least..=most).contains(value));
        axes.push(Axis { key: format!("method.{}", option.key), values });
    }
    // Of a value that is 0 there are no multiples.
    axes.iter_mut().for_each(|axis| axis.values.dedup());
    Ok(axes)
}

/// Two digits: what is written down is what was trained.
fn rounded(value: f64) -> f64 {
    format!("{value:.1e}").parse().unwrap_or(value)
}

fn own_weight(entry: &MethodEntry) -> Option<&'static ConfigOption> {
    let named = |key: &&str| entry.options.iter().find(|option| option.key == *key);
    let is_weight = |option: &&ConfigOption| option.key.ends_with("_weight");
    WEIGHTS.iter().find_map(named).or_else(|| entry.options.iter().find(is_weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::study::FEATURES_ALONE;

    fn trial(set: &str, score: Option<f64>) -> Trial {
        Trial { sets: vec![set.into()], score }
    }

    #[test]
    fn the_best_trial_is_chosen() {
        let of =
            |trials: Vec<Trial>| Tuned { label: "sie".into(), sets: Vec::new(), steps: 4, trials }.chosen().join(" ");
        assert_eq!(of(vec![trial("a", Some(0.5)), trial("b", Some(0.7)), trial("c", Some(0.7))]), "b");
        assert_eq!(of(vec![trial("a", None), trial("b", Some(-0.2)), trial("c", None)]), "b");
        assert_eq!(of(vec![trial("a", None)]), "", "nothing is chosen where nothing can be trained");
    }

    #[test]
    fn every_method_is_searched_alike() {
        let registry = Registry::default();
        let plan = |sets: &[&str]| Plan {
            registry: registry.clone(),
            name: "toy".into(),
            preset: "quickstart".into(),
            file: None,
            shared: FEATURES_ALONE,
            sets: sets.iter().map(ToString::to_string).collect(),
            views: 0,
            rows: Vec::new(),
            seeds: 1,
            leaders: 0,
        };
        let found = |row: &Row, sets: &[&str]| -> Vec<(String, Vec<f64>)> {
            let plan = plan(sets);
            let config = plan.config(row, 0, &[]).unwrap();
            axes(&config, &plan).unwrap().into_iter().map(|axis| (axis.key, axis.values)).collect()
        };
        for row in Row::methods(&registry) {
            let axes = found(&row, &[]);
            assert_eq!(axes[0], ("optimiser.lr".into(), vec![2e-3, 6.7e-4, 6e-3, 1.8e-2]), "{}", row.label);
            assert_eq!(axes[1], ("optimiser.weight_decay".into(), vec![1e-4, 1e-2]), "{}", row.label);
            // These have no number that weighs one part of their loss against another.
            let is_of_one_part =
                ["byol", "seq-jepa", "predict-transform", "random-encoder"].contains(&row.label.as_str());
            assert_eq!(axes.len(), if is_of_one_part { 2 } else { 3 }, "{}: {:?}", row.label, axes.last());
        }
        let sie = Row::new("sie", &["method.name=sie"]);
        assert_eq!(found(&sie, &[])[2], ("method.equivariance_weight".into(), vec![4.5, 1.5, 14.0]));
        assert_eq!(found(&sie, &["optimiser.weight_decay=0"])[1].1, [0.0], "nothing to try");
        let simclr = Row::new("simclr", &["method.name=simclr"]);
        assert_eq!(
            found(&simclr, &["method.name=simclr", "method.temperature=5"])[2].1,
            [5.0, 1.7],
            "15 is out of range"
        );
    }
}
