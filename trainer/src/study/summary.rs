use serde::Serialize;

use super::{FinishedRun, Plan};
use crate::evaluate::{Evaluation, FIGURES, Figure, figure};

/// Mean and spread of a figure over seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Standard deviation over the seeds, unbiased; `None` for one seed.
    pub std: Option<f64>,
}

impl Spread {
    /// Of at least one value.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (!values.is_empty()).then(|| Self { mean, std: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()) })
    }
}

/// A line of the results.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowSummary {
    /// The row's label.
    pub label: String,
    /// Seeds that have been trained.
    pub seeds: usize,
    /// Images that each run has seen.
    pub images: u64,
    /// Seconds that the steps of a run took, mean over the seeds.
    pub seconds: f64,
    /// Figures by the titles of their columns; those that a method does not have are left out.
    pub figures: Vec<(&'static str, Spread)>,
}

/// The figures that have a column, with its title.
pub fn columns() -> impl Iterator<Item = (&'static str, &'static Figure)> {
    FIGURES.iter().filter_map(|figure| Some((figure.column?, figure)))
}

/// By the sum of these figures the rows are chosen that get all seeds.
const LEADING: [&str; 2] = ["class_top1", "rotation_r2.sie"];

/// How good a run is among others.
pub fn score(evaluation: &Evaluation) -> f64 {
    LEADING.iter().filter_map(|key| figure(key).score(evaluation)).sum()
}

/// What [`score`] adds up, in words.
pub fn score_in_words() -> String {
    LEADING.map(|key| figure(key).column.unwrap_or(key)).join(" plus ")
}

/// One summary for each row that has a finished run.
pub fn summaries(plan: &Plan, finished: &[FinishedRun]) -> Vec<RowSummary> {
    plan.rows.iter().filter_map(|row| summary(&row.label, finished)).collect()
}

fn summary(label: &str, finished: &[FinishedRun]) -> Option<RowSummary> {
    let runs: Vec<&FinishedRun> = finished.iter().filter(|run| run.label == label).collect();
    let spread = |(title, figure): (&'static str, &Figure)| {
        let values: Vec<f64> = runs.iter().filter_map(|run| figure.of(&run.evaluation)).collect();
        Some((title, Spread::of(&values)?))
    };
    Some(RowSummary {
        label: label.into(),
        seeds: runs.len(),
        images: runs.first()?.images,
        seconds: runs.iter().map(|run| run.seconds).sum::<f64>() / runs.len() as f64,
        figures: columns().filter_map(spread).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_results() {
        let titles: Vec<&str> = columns().map(|(title, _)| title).collect();
        let expected = [
            "class top-1",
            "k-NN top-1",
            "MLP top-1",
            "transformation top-1",
            "order tau",
            "inner products",
            "rotation R2",
            "R2 floor",
            "R2 per component",
            "R2, SIE's target",
            "floor, SIE's target",
            "R2 invariant half",
            "R2 equivariant half",
            "class, inv. half",
            "NN pose °, inv. half",
            "class, equi. half",
            "NN pose °, equi. half",
            "blind °",
            "colour R2",
            "PRE",
            "MRR",
            "H@1",
            "H@5",
            "pose median °",
            "new objects °",
            "effective rank",
            "pose outside °",
            "R2 outside",
        ];
        assert_eq!(titles, expected);
        assert_eq!(score_in_words(), "class top-1 plus rotation R2");
        let example = Evaluation::example();
        assert_eq!(
            score(&example),
            example.class.as_ref().unwrap().class_top1 + example.rotation.as_ref().unwrap().rotation_r2.sie
        );
    }

    #[test]
    fn spread_by_hand() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[2.0]), Some(Spread { mean: 2.0, std: None }));
        assert_eq!(Spread::of(&[1.0, 3.0, 5.0]), Some(Spread { mean: 3.0, std: Some(2.0) }));
    }
}
