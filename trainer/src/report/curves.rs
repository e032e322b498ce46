//! How losses and probes moved while the runs trained.

use std::collections::BTreeSet;

use super::RunRecord;
use super::chart::{Series, line_chart};
use super::page::Page;

/// Charts that stand first, by the name of their figure.
const FIRST: [(&str, &str); 6] = [
    ("loss", "loss"),
    ("probe/class_top1", "class top-1 of the online linear probe"),
    ("probe/knn_top1", "class top-1 of nearest neighbours"),
    ("probe/rotation_r2_sie", "rotation R2 of the online probe"),
    ("probe/pose_symmetric_median_deg", "median pose error, symmetry-aware, degrees"),
    ("lr", "learning rate"),
];

/// Prefixes of figures that get one chart each, folded away.
const FURTHER: [&str; 2] = ["loss/", "embedding/"];

/// A chart for each figure, with a line for each run that has it.
pub fn curves(page: &mut Page, records: &[RunRecord]) {
    page.heading(2, "Curves");
    page.charts(&FIRST.iter().filter_map(|(key, title)| chart(records, key, title)).collect::<Vec<_>>());
    let named = records.iter().flat_map(|record| record.metrics.iter().flat_map(|m| m.values.keys()));
    let further: BTreeSet<&String> = named.filter(|key| FURTHER.iter().any(|prefix| key.starts_with(prefix))).collect();
    let mut folded = Page::default();
    folded.charts(&further.into_iter().filter_map(|key| chart(records, key, key)).collect::<Vec<_>>());
    page.folded("Terms of the losses, and embeddings", folded);
}

fn chart(records: &[RunRecord], key: &str, title: &str) -> Option<String> {
    let name = |record: &RunRecord| format!("{} ({})", record.name, record.method);
    let all = records.iter().map(|record| Series::of_metric(&name(record), &record.metrics, key));
    let series: Vec<Series> = all.filter(|series| !series.points.is_empty()).collect();
    (!series.is_empty()).then(|| line_chart(title, "step", &series))
}
