//! The figures of all runs side by side, and what is taken for what.

use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::RunRecord;
use super::chart::{bar_chart, confusion as confusion_drawing};
use super::gather::Pool;
use super::page::Page;
use crate::evaluate::Evaluation;

/// A row of the table: its name, and the figure of a run; `None` where it was not measured.
type Row = (&'static str, fn(&Evaluation) -> Option<String>);

fn share(value: f64) -> Option<String> {
    Some(format!("{value:.3}"))
}

fn degrees(value: f64) -> Option<String> {
    Some(format!("{value:.1}°"))
}

const ROWS: &[Row] = &[
    ("class top-1, linear probe", |e| share(e.class_top1)),
    ("class top-1, MLP probe", |e| share(e.class_top1_mlp?)),
    ("class top-1, nearest neighbours", |e| share(e.class_top1_knn)),
    ("class top-1, deployed head", |e| share(e.class_top1_head)),
    ("rotation R2 (SIE's definition)", |e| share(e.rotation_r2.sie)),
    ("… of the mean alone (floor)", |e| share(e.rotation_r2.floor)),
    ("rotation R2, mean over components", |e| share(e.rotation_r2.per_component)),
    ("rotation R2 from the invariant half", |e| share(e.rotation_r2_parts.get(INVARIANT)?.sie)),
    ("rotation R2 from the equivariant half", |e| share(e.rotation_r2_parts.get(EQUIVARIANT)?.sie)),
    ("rotation R2 from the invariant embedding", |e| share(e.rotation_r2_parts.get("invariant_embedding")?.sie)),
    ("rotation R2 from the equivariant embedding", |e| share(e.rotation_r2_parts.get("equivariant_embedding")?.sie)),
    ("colour R2", |e| share(e.colour_r2.get("features")?.sie)),
    ("PRE (lower is better)", |e| share(e.retrieval?.all.pre)),
    ("MRR", |e| share(e.retrieval?.all.mrr)),
    ("H@1", |e| share(e.retrieval?.all.h1)),
    ("H@5", |e| share(e.retrieval?.all.h5)),
    ("H@10", |e| share(e.retrieval?.all.h10)),
    ("MRR without the identity query", |e| share(e.retrieval?.without_identity.mrr)),
    ("H@1 without the identity query", |e| share(e.retrieval?.without_identity.h1)),
    ("pose, median", |e| degrees(e.pose.plain.median_deg)),
    ("pose, median, symmetry-aware", |e| degrees(e.pose.symmetric.median_deg)),
    ("pose within 30°, symmetry-aware", |e| share(e.pose.symmetric.acc30)),
    ("relative pose, median, symmetry-aware", |e| degrees(e.relative_pose.symmetric.median_deg)),
    ("equivariance error of the predictor", |e| share(e.predictor?.equivariance_error)),
    ("… identity, inverse, composition", |e| {
        let laws = e.predictor?;
        Some(format!("{:.2} {:.2} {:.2}", laws.identity_error, laws.inverse_error, laws.composition_error))
    }),
    ("drift of the invariant half", |e| share(e.drift.invariant)),
    ("drift of the equivariant half", |e| share(e.drift.equivariant)),
    ("effective rank of the features", |e| Some(format!("{:.1}", e.effective_rank.get("features")?))),
    ("outside the trained rotations: pose, median", |e| degrees(e.out_of_range?.pose.symmetric.median_deg)),
    ("outside the trained rotations: rotation R2", |e| share(e.out_of_range?.rotation_r2.sie)),
];

/// One column for each run.
pub fn figures(page: &mut Page, records: &[RunRecord]) {
    page.heading(2, "Figures on held-out objects");
    let header = |record: &RunRecord| format!("{} ({})", record.name, record.method);
    let mut rows = vec![std::iter::once(String::new()).chain(records.iter().map(header)).collect::<Vec<_>>()];
    for (name, figure) in ROWS {
        let figures: Vec<Option<String>> = records.iter().map(|record| figure(&record.evaluation)).collect();
        if figures.iter().any(Option::is_some) {
            let cells = figures.into_iter().map(|figure| figure.unwrap_or_else(|| "–".into()));
            rows.push(std::iter::once((*name).to_string()).chain(cells).collect());
        }
    }
    page.table(&rows);
}

/// Error of the relative pose against the angle between the views.
pub fn angles(page: &mut Page, records: &[RunRecord]) {
    let Some(first) = records.first() else { return };
    page.heading(2, "Error against angle");
    page.note(
        "Median symmetry-aware error of the rotation between two views, degrees, by the true angle between them.",
    );
    let range = |from: f64, to: f64| format!("{from:.0}° to {to:.0}°");
    let groups: Vec<String> = (0..6).map(|i| range(30.0 * f64::from(i), 30.0 * f64::from(i + 1))).collect();
    let of_group = |record: &RunRecord, group: usize| {
        let bins = record.evaluation.by_relative_angle.iter();
        let found = bins.into_iter().find(|bin| range(bin.from_deg, bin.to_deg) == groups[group]);
        found.map_or(f64::NAN, |bin| bin.symmetric_median_deg)
    };
    let series: Vec<(String, Vec<f64>)> =
        records.iter().map(|r| (r.name.clone(), (0..groups.len()).map(|g| of_group(r, g)).collect())).collect();
    page.charts(&[bar_chart("median error, degrees", &groups, &series)]);
    let mut rows = vec![["class", "images", "top-1", "median", "symmetry-aware"].map(String::from).to_vec()];
    rows.extend(first.evaluation.per_class.iter().map(|c| {
        let (plain, symmetric) = (c.pose.plain.median_deg, c.pose.symmetric.median_deg);
        vec![
            c.class.clone(),
            c.images.to_string(),
            format!("{:.3}", c.class_top1),
            format!("{plain:.1}°"),
            format!("{symmetric:.1}°"),
        ]
    }));
    let mut folded = Page::default();
    folded.table(&rows);
    page.folded(&format!("By class: {}", first.name), folded);
}

/// What a linear probe takes for what.
pub fn confusion(page: &mut Page, pool: &Pool) {
    page.heading(3, "Confusion");
    page.note("Rows are true classes, columns are answers of a linear probe on the frozen features.");
    let classes = pool.class_names.len();
    let mut counts = vec![vec![0usize; classes]; classes];
    for view in &pool.views {
        counts[view.label as usize][view.probed_label as usize] += 1;
    }
    page.charts(&[confusion_drawing("images of held-out objects", &pool.class_names, &counts)]);
}
