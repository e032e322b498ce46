//! The figures of all runs as bars: one chart for each kind of figure.

use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::RunRecord;
use super::chart::bar_chart;
use super::page::Page;
use crate::evaluate::Evaluation;

/// Bars of a run by name.
type Bars = Vec<(String, f64)>;

/// A kind of figure: a title, and the bars of a run; none where it was not measured.
type Kind = (&'static str, fn(&Evaluation) -> Bars);

const CHARTS: &[Kind] = &[
    ("class top-1", |e| {
        let mlp = e.class_top1_mlp.map(|top1| ("MLP", top1));
        let others = [("k-NN", e.class_top1_knn), ("deployed head", e.class_top1_head)];
        named([("linear", e.class_top1)].into_iter().chain(mlp).chain(others))
    }),
    ("rotation R2 (SIE's definition)", |e| {
        let whole = [("floor", e.rotation_r2.floor), ("features", e.rotation_r2.sie)];
        named(whole.into_iter().chain(e.rotation_r2_parts.iter().map(|(part, r2)| (part.as_str(), r2.sie))))
    }),
    ("colour R2 (SIE's definition)", |e| named(e.colour_r2.iter().map(|(part, r2)| (part.as_str(), r2.sie)))),
    ("retrieval of predicted views", |e| {
        e.retrieval.map_or_else(Vec::new, |found| {
            let (all, other) = (found.all, found.without_identity);
            named([
                ("MRR", all.mrr),
                ("H@1", all.h1),
                ("H@5", all.h5),
                ("H@10", all.h10),
                ("MRR w/o identity", other.mrr),
            ])
        })
    }),
    ("relative errors of the predictor", |e| {
        e.predictor.map_or_else(Vec::new, |laws| {
            named([
                ("prediction", laws.equivariance_error),
                ("identity", laws.identity_error),
                ("inverse", laws.inverse_error),
                ("composition", laws.composition_error),
            ])
        })
    }),
    ("drift between two views", |e| {
        let drift = &e.drift;
        named([("features", drift.features), (INVARIANT, drift.invariant), (EQUIVARIANT, drift.equivariant)])
    }),
    ("effective rank (RankMe)", |e| named(e.effective_rank.iter().map(|(part, rank)| (part.as_str(), *rank)))),
];

/// A chart for each kind of figure that one of the runs has.
pub fn charts(page: &mut Page, records: &[RunRecord]) {
    page.charts(&CHARTS.iter().filter_map(|(title, bars)| chart(title, bars, records)).collect::<Vec<_>>());
    if let Some(found) = records.iter().find_map(|record| record.evaluation.retrieval) {
        let chance = found.chance;
        page.note(&format!(
            "Guessing among {} views: MRR {:.3}, H@1 {:.3}, H@5 {:.3}, H@10 {:.3}.",
            found.views, chance.mrr, chance.h1, chance.h5, chance.h10
        ));
    }
}

fn chart(title: &str, bars: impl Fn(&Evaluation) -> Bars, records: &[RunRecord]) -> Option<String> {
    let of_runs: Vec<Bars> = records.iter().map(|record| bars(&record.evaluation)).collect();
    let mut groups: Vec<String> = Vec::new();
    for (name, _) in of_runs.iter().flatten() {
        if !groups.contains(name) {
            groups.push(name.clone());
        }
    }
    let value = |bars: &Bars, group: &String| bars.iter().find(|(name, _)| name == group).map_or(f64::NAN, |bar| bar.1);
    let series: Vec<(String, Vec<f64>)> = records
        .iter()
        .zip(&of_runs)
        .map(|(record, bars)| (record.name.clone(), groups.iter().map(|group| value(bars, group)).collect()))
        .collect();
    (!groups.is_empty()).then(|| bar_chart(title, &groups, &series))
}

/// Names as the axis has room for them.
fn named<'a>(bars: impl IntoIterator<Item = (&'a str, f64)>) -> Bars {
    let short = |name: &str| {
        let name = name.replace("equivariant_embedding", "equi. emb.").replace("invariant_embedding", "inv. emb.");
        name.replace(EQUIVARIANT, "equi. half").replace(INVARIANT, "inv. half")
    };
    bars.into_iter().map(|(name, value)| (short(name), value)).collect()
}
