//! The page of results: one section for each study, which the study writes itself.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use sextant_runtime::durable::write_file;

use super::summary::{columns, score_in_words, summaries};
use super::{FinishedRun, Plan, RowSummary, StudyOptions, Tuned};
use crate::nn::ModelConfig;
use crate::report::{Series, line_chart, stacked};
use crate::run::{MetricRecord, RunError};

const TITLE: &str = "# Results\n\nEvery table is written by the command above it.\n";

/// Puts the study's section into its page, and its learning curves beside the page.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write_results(options: &StudyOptions, searches: &[Tuned], finished: &[FinishedRun]) -> anyhow::Result<()> {
    let page = &options.results;
    if let Some(folder) = page.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let drawing = drawing_path(page, &options.plan.name);
    write_file(&drawing, curves(finished).as_bytes()).map_err(RunError::from)?;
    let drawing_name = drawing.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let section = section(options, searches, finished, &drawing_name);
    let before = if page.is_file() { std::fs::read_to_string(page)? } else { TITLE.to_string() };
    let text = replace_section(&before, &options.plan.name, &section);
    Ok(write_file(page, text.as_bytes()).map_err(RunError::from)?)
}

/// `PAGE-STUDY.svg` beside the page.
pub(super) fn drawing_path(page: &Path, study: &str) -> PathBuf {
    beside(page, study, "svg")
}

/// `PAGE-STUDY.jsonl` beside the page.
pub(super) fn ledger_path(page: &Path, study: &str) -> PathBuf {
    beside(page, study, "jsonl")
}

fn beside(page: &Path, study: &str, extension: &str) -> PathBuf {
    let stem = page.file_stem().unwrap_or_default().to_string_lossy();
    page.with_file_name(format!("{stem}-{study}.{extension}"))
}

/// The text with a study's section in the place of the one before, or at the end.
pub fn replace_section(text: &str, study: &str, section: &str) -> String {
    let (begin, end) = (format!("<!-- study {study} -->"), format!("<!-- end of study {study} -->"));
    let section = format!("{begin}\n{}\n{end}\n", section.trim_end());
    let found = text.find(&begin).and_then(|from| Some((from, from + text[from..].find(&end)? + end.len())));
    match found {
        Some((from, to)) => {
            let rest = text[to..].trim_start_matches('\n');
            let gap = if rest.is_empty() { "" } else { "\n" };
            format!("{}{section}{gap}{rest}", &text[..from])
        }
        None => format!("{}\n\n{section}", text.trim_end()),
    }
}

fn section(options: &StudyOptions, searches: &[Tuned], finished: &[FinishedRun], drawing: &str) -> String {
    let plan = &options.plan;
    let rows = summaries(plan, finished);
    let mut text = format!("## {}\n\n    {}\n\n", plan.name, options.command);
    if let Some(run) = finished.first() {
        let (config, evaluation) = (&run.config, &run.evaluation);
        let _ = writeln!(
            text,
            "Encoder {}, {} px, {} steps; {} held-out objects, {} pairs of views; heads detached, so that features \
             learn from the method alone. All rows see the same number of images. {} A dash: the method has no such \
             figure.\n",
            encoders(finished),
            config.data.image_size,
            config.fit.steps,
            evaluation.objects,
            evaluation.pairs,
            seeds(plan),
        );
    }
    table(&mut text, &rows);
    let missing: Vec<&str> = plan
        .rows
        .iter()
        .map(|row| row.label.as_str())
        .filter(|label| !rows.iter().any(|row| row.label == *label))
        .collect();
    if !missing.is_empty() {
        let _ = writeln!(text, "\nNot trained yet: {}.", missing.join(", "));
    }
    tuning_table(&mut text, searches);
    let _ = writeln!(text, "\n![learning curves]({drawing})");
    text
}

/// The network of the first run, and the rows that have another.
fn encoders(finished: &[FinishedRun]) -> String {
    let Some(first) = finished.first() else { return String::new() };
    let of_all = network(&first.config.model);
    let networks = finished.iter().map(|run| (&run.label, network(&run.config.model)));
    let apart = networks.filter(|(_, network)| *network != of_all);
    let mut apart: Vec<String> = apart.map(|(label, network)| format!("`{label}` has {network}")).collect();
    apart.dedup();
    match apart.is_empty() {
        true => of_all,
        false => format!("{of_all} ({})", apart.join("; ")),
    }
}

/// An encoder in words, with the layers that only its invariant half goes through.
fn network(model: &ModelConfig) -> String {
    match model.invariant_head {
        0 => format!("`{}`", model.encoder),
        hidden => format!("`{}` with layers of width {hidden} for the invariant half", model.encoder),
    }
}

/// What was chosen for each row, and all that was tried.
fn tuning_table(text: &mut String, searches: &[Tuned]) {
    let Some(first) = searches.first() else { return };
    let _ = writeln!(
        text,
        "\nBefore its run each row was tuned alike, by trials of {} steps: learning rate, then weight decay, then the method's own \
         weight, each from the best so far. What counts is {} of the online probes on validation objects, which are neither \
         trained on nor measured above.\n\n| run | chosen | trials |\n| --- | --- | --- |",
        first.steps,
        score_in_words(),
    );
    for tuned in searches {
        let words = |sets: &[String]| if sets.is_empty() { "as it is".into() } else { sets.join(", ") };
        let trials = tuned.trials.iter().map(|trial| {
            let score = trial.score.map_or("diverged".into(), |score| format!("{score:.3}"));
            format!("{}: {score}", words(&trial.sets))
        });
        let trials: Vec<String> = trials.collect();
        let _ = writeln!(text, "| {} | {} | {} |", tuned.label, words(tuned.chosen()), trials.join("; "));
    }
}

/// Which rows have how many seeds.
fn seeds(plan: &Plan) -> String {
    match (plan.seeds, plan.leaders) {
        (0 | 1, _) => "Seed 0.".into(),
        (seeds, 0) => format!("Seed 0; the first row has {seeds} seeds (mean ± standard deviation)."),
        (seeds, leaders) => format!(
            "Seed 0; the first row, and of the others that learn without class labels the {leaders} leading ones by \
             {}, have {seeds} seeds (mean ± standard deviation).",
            score_in_words()
        ),
    }
}

/// Columns that no row has are left out.
fn table(text: &mut String, rows: &[RowSummary]) {
    let figure = |row: &RowSummary, title: &str| row.figures.iter().find(|(name, _)| *name == title).map(|(_, s)| *s);
    let titles: Vec<&str> =
        columns().map(|(title, _)| title).filter(|title| rows.iter().any(|row| figure(row, title).is_some())).collect();
    let _ = writeln!(text, "| run | seeds | images | seconds | {} |", titles.join(" | "));
    let _ = writeln!(text, "| --- |{}", " ---: |".repeat(titles.len() + 3));
    for row in rows {
        let cells = titles.iter().map(|title| match figure(row, title) {
            None => "–".to_string(),
            Some(spread) => {
                let digits = if spread.mean.abs() >= 10.0 { 1 } else { 3 };
                let std = spread.std.map_or_else(String::new, |std| format!(" ± {std:.digits$}"));
                format!("{:.digits$}{std}", spread.mean)
            }
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {:.0} | {} |",
            row.label,
            row.seeds,
            row.images,
            row.seconds,
            cells.join(" | ")
        );
    }
}

/// What the online probes say while a run trains: keys of `metrics.jsonl` and their charts.
pub(super) const CURVES: [(&str, &str); 4] = [
    ("loss/probe_class", "cross-entropy of the online class probe, training images"),
    ("loss/probe_rotation", "loss of the online rotation probe, training images"),
    ("probe/class_top1", "class top-1 of the online probe, validation objects"),
    ("probe/rotation_r2_sie", "rotation R2 of the online probe, validation objects"),
];
/// Lines that one point of a training loss is the mean of.
const SMOOTHED: usize = 4;

/// Whether a line has figures of the probes.
pub(super) fn is_probed(record: &MetricRecord) -> bool {
    record.values.keys().any(|key| key.starts_with(PROBES))
}

/// Before the name of a figure of the probes.
const PROBES: &str = "probe/";

/// Curves of the online probes for the first seed of each row, one chart above the other, none of single points: over the images
/// that runs have seen, and what probes tell of validation objects over the seconds of training too.
fn curves(finished: &[FinishedRun]) -> String {
    let chart = |key: &str, title: &str, x_name: &str, x_of_all: fn(&FinishedRun) -> f64| {
        let first_seeds = finished.iter().filter(|run| run.seed == 0);
        let series: Vec<Series> =
            first_seeds.map(|run| curve(run, key).over(x_of_all(run), run.config.fit.steps)).collect();
        series.iter().any(|one| one.points.len() > 1).then(|| line_chart(title, x_name, &series))
    };
    let over_images =
        CURVES.iter().filter_map(|(key, title)| chart(key, title, "thousand images", |run| run.images as f64 / 1e3));
    let of_probes = CURVES.iter().filter(|(key, _)| key.starts_with(PROBES));
    let over_seconds = of_probes.filter_map(|(key, title)| chart(key, title, "seconds of training", |run| run.seconds));
    stacked(&over_images.chain(over_seconds).collect::<Vec<String>>())
}

/// A run's figure over its steps; of a loss, which jumps from batch to batch, means of some lines.
pub(super) fn curve(run: &FinishedRun, key: &str) -> Series {
    let series = Series::of_metric(&run.label, &run.metrics, key);
    if key.starts_with("loss/") { series.smoothed(SMOOTHED) } else { series }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_named_with_its_further_layers() {
        let model = |invariant_head| ModelConfig { invariant_head, ..ModelConfig::default() };
        assert_eq!(network(&model(0)), "`tiny`");
        assert_eq!(network(&model(256)), "`tiny` with layers of width 256 for the invariant half");
    }
}
