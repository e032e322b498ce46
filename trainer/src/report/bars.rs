//! The figures of all runs as bars: one chart for each group of figures.

use super::RunRecord;
use super::chart::{Bar, bar_chart};
use super::page::Page;
use crate::evaluate::{Better, FIGURES, Figure, Group};

/// A chart for each group of figures that one of the runs has.
pub fn charts(page: &mut Page, records: &[RunRecord]) {
    let barred: Vec<&Figure> = FIGURES.iter().filter(|figure| figure.bar.is_some()).collect();
    page.charts(
        &barred.chunk_by(|a, b| a.group == b.group).filter_map(|group| chart(group, records)).collect::<Vec<_>>(),
    );
    if let Some(record) = records.iter().find(|record| record.evaluation.retrieval.is_some()) {
        guessing(page, record);
    }
}

/// `None` when no run has one of the figures.
fn chart(figures: &[&Figure], records: &[RunRecord]) -> Option<String> {
    let title = figures.first()?.group.chart()?;
    let is_measured = |figure: &&&Figure| records.iter().any(|record| figure.of(&record.evaluation).is_some());
    let figures: Vec<&&Figure> = figures.iter().filter(is_measured).collect();
    let names: Vec<String> = figures.iter().filter_map(|figure| figure.bar).map(String::from).collect();
    let bars = |record: &RunRecord| {
        let heights = figures.iter().map(|figure| figure.of(&record.evaluation).unwrap_or(f64::NAN).into());
        (record.name.clone(), heights.collect())
    };
    let series: Vec<(String, Vec<Bar>)> = records.iter().map(bars).collect();
    (!names.is_empty()).then(|| bar_chart(title, &names, &series))
}

/// What guessing scores in the figures that have a bar.
fn guessing(page: &mut Page, record: &RunRecord) {
    let of_retrieval = || FIGURES.iter().filter(|figure| figure.group == Group::Retrieval);
    let has_bar = |name| of_retrieval().any(|figure| figure.bar == Some(name));
    let floors = of_retrieval().filter(|figure| figure.better == Better::Floor && has_bar(figure.name));
    let text = |figure: &Figure| Some(format!("{} {}", figure.name, figure.unit.text(figure.of(&record.evaluation)?)));
    let texts: Vec<String> = floors.filter_map(text).collect();
    let views = record.evaluation.retrieval.map_or(0, |found| found.views);
    page.note(&format!("Guessing among {views} views: {}.", texts.join(", ")));
}
