use serde::Serialize;
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::{FinishedRun, Plan};
use crate::evaluate::Evaluation;

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
    /// Figures by the names of `COLUMNS`; those that a method does not have are left out.
    pub figures: Vec<(&'static str, Spread)>,
}

/// A column's title and its figure.
type Column = (&'static str, fn(&Evaluation) -> Option<f64>);

/// What the table shows.
pub const COLUMNS: &[Column] = &[
    ("class top-1", |e| Some(e.class_top1)),
    ("k-NN top-1", |e| Some(e.class_top1_knn)),
    ("MLP top-1", |e| e.class_top1_mlp),
    ("rotation R2", |e| Some(e.rotation_r2.sie)),
    ("R2 floor", |e| Some(e.rotation_r2.floor)),
    ("R2 per component", |e| Some(e.rotation_r2.per_component)),
    ("R2 invariant half", |e| Some(e.rotation_r2_parts.get(INVARIANT)?.sie)),
    ("R2 equivariant half", |e| Some(e.rotation_r2_parts.get(EQUIVARIANT)?.sie)),
    ("colour R2", |e| Some(e.colour_r2.get("features")?.sie)),
    ("PRE", |e| Some(e.retrieval?.all.pre)),
    ("MRR", |e| Some(e.retrieval?.all.mrr)),
    ("H@1", |e| Some(e.retrieval?.all.h1)),
    ("H@5", |e| Some(e.retrieval?.all.h5)),
    ("MRR w/o identity", |e| Some(e.retrieval?.without_identity.mrr)),
    ("pose median °", |e| Some(e.pose.symmetric.median_deg)),
    ("effective rank", |e| e.effective_rank.get("features").copied()),
];

/// One summary for each row that has a finished run.
pub fn summaries(plan: &Plan, finished: &[FinishedRun]) -> Vec<RowSummary> {
    plan.rows.iter().filter_map(|row| summary(&row.label, finished)).collect()
}

fn summary(label: &str, finished: &[FinishedRun]) -> Option<RowSummary> {
    let runs: Vec<&FinishedRun> = finished.iter().filter(|run| run.label == label).collect();
    let figure = |(title, figure): &Column| {
        let values: Vec<f64> = runs.iter().filter_map(|run| figure(&run.evaluation)).collect();
        Some((*title, Spread::of(&values)?))
    };
    Some(RowSummary {
        label: label.into(),
        seeds: runs.len(),
        images: runs.first()?.images,
        figures: COLUMNS.iter().filter_map(figure).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_by_hand() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[2.0]), Some(Spread { mean: 2.0, std: None }));
        assert_eq!(Spread::of(&[1.0, 3.0, 5.0]), Some(Spread { mean: 3.0, std: Some(2.0) }));
    }
}
