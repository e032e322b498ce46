//! One offline HTML file that shows what finished runs learned: curves, tables, pictures.
//!
//! Drawings are inline SVG, photographs PNG data URIs: the file needs no network and no other file.

mod bars;
mod chart;
mod curves;
mod gather;
mod map;
mod neighbours;
mod page;
mod picture;
mod principal;
mod steering;
mod tables;
mod worst;

use std::path::Path;

use sextant_runtime::contract::run_folder;

use crate::evaluate::{Evaluation, evaluate};
use crate::fit::TrainedRun;
use crate::registry::Registry;
use crate::run::{CheckpointSlot, MetricRecord, read_metrics};

use gather::Pool;
use page::Page;

pub use chart::{Bar, Series, bar_chart, line_chart, stacked};
pub use page::escape;

/// What the report knows of one run without its network.
pub struct RunRecord {
    /// Name of its folder.
    pub name: String,
    /// Name of its method.
    pub method: String,
    /// Lines of `metrics.jsonl`.
    pub metrics: Vec<MetricRecord>,
    /// Figures on held-out objects.
    pub evaluation: Evaluation,
}

/// The report on finished runs as one HTML text.
///
/// # Errors
/// When a folder holds no finished run, its data cannot be had, or the network fails.
pub fn report(registry: &Registry, runs: &[&Path], device: &str) -> anyhow::Result<String> {
    let mut records = Vec::with_capacity(runs.len());
    let mut pictures = Vec::with_capacity(runs.len());
    for run in runs {
        let mut trained = TrainedRun::open(registry, run, CheckpointSlot::Last, &[], device)?;
        let (source, config) = (trained.source.clone(), trained.config.clone());
        let name =
            run.file_name().map_or_else(|| run.display().to_string(), |name| name.to_string_lossy().into_owned());
        let (evaluation, sections) = trained.with_deployed_weights(|model| {
            // Figures that another version wrote are measured again.
            let stored = Evaluation::stored(run).ok().flatten();
            let evaluation = stored.map_or_else(|| evaluate(model, &source, &config), Ok)?;
            let pool = Pool::of(model, &config.untransformed(&source)?, &config.evaluation)?;
            let mut page = Page::default();
            neighbours::strips(&mut page, &pool)?;
            steering::strips(&mut page, model, &pool)?;
            map::maps(&mut page, &pool)?;
            worst::strips(&mut page, &pool)?;
            tables::confusion(&mut page, &pool);
            Ok((evaluation, page))
        })?;
        let metrics = read_metrics(&run.join(run_folder::METRICS))?;
        records.push(RunRecord { name: name.clone(), method: config.method.name.clone(), metrics, evaluation });
        pictures.push((name, sections));
    }
    Ok(assemble(&records, pictures))
}

fn assemble(records: &[RunRecord], pictures: Vec<(String, Page)>) -> String {
    let mut page = Page::default();
    page.heading(1, "Sextant report");
    // What is looked at first stands first.
    for (name, sections) in pictures {
        page.heading(2, &name);
        page.append(sections);
    }
    tables::figures(&mut page, records);
    bars::charts(&mut page, records);
    tables::angles(&mut page, records);
    curves::curves(&mut page, records);
    page.finish("Sextant report")
}

#[cfg(test)]
mod tests;
