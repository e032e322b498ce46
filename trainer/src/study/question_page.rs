//! The page of a question: one section for each scale and data set, which the study writes itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use sextant_runtime::durable::write_file;

use super::question::{Chart, Claim, Column, Gain, Question, Verdict};
use super::results::{curve, drawing_path, replace_section};
use super::summary::Spread;
use super::{FinishedRun, StudyOptions};
use crate::report::{Bar, Series, bar_chart, line_chart, stacked};
use crate::run::RunError;

/// Puts the study's section into its page, and its drawing beside the page.
///
/// # Errors
/// When a file cannot be read or written.
pub fn write_page(options: &StudyOptions, question: &Question, finished: &[FinishedRun]) -> anyhow::Result<()> {
    let page = &options.results;
    if let Some(folder) = page.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let name = &options.plan.name;
    let drawing = drawing_path(page, &name.replace(' ', "-"));
    write_file(&drawing, stacked(&charts(question, finished)).as_bytes()).map_err(RunError::from)?;
    let drawing_name = drawing.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let before = match page.is_file() {
        true => std::fs::read_to_string(page)?,
        false => format!("# {}\n\n{}\n", question.title, question.words),
    };
    let section = section(options, question, finished, &drawing_name);
    let text = replace_section(&before, name, &section);
    Ok(write_file(page, text.as_bytes()).map_err(RunError::from)?)
}

fn section(options: &StudyOptions, question: &Question, finished: &[FinishedRun], drawing: &str) -> String {
    let mut text = format!("## {}\n\n    {}\n\n", options.plan.name, options.command);
    if let Some(run) = finished.first() {
        let _ = writeln!(text, "{}\n", setting(options, question, run, finished));
    }
    let labels: Vec<&str> = options.plan.rows.iter().map(|row| row.label.as_str()).collect();
    table(&mut text, question, &labels, finished);
    let _ = writeln!(text, "\nColumns:\n");
    for column in shown(question, finished) {
        let _ = writeln!(text, "- {}: {}.", column.title, column.words);
    }
    gains(&mut text, question, finished);
    claims(&mut text, question, finished);
    let missing: Vec<&str> =
        labels.into_iter().filter(|label| !finished.iter().any(|run| run.label == *label)).collect();
    if !missing.is_empty() {
        let _ = writeln!(text, "\nNot trained yet: {}.", missing.join(", "));
    }
    let _ = writeln!(text, "\n![{}]({drawing})", question.title);
    text
}

/// What all rows share.
fn setting(options: &StudyOptions, question: &Question, run: &FinishedRun, finished: &[FinishedRun]) -> String {
    let (config, evaluation) = (&run.config, &run.evaluation);
    let seeds = match options.plan.seeds {
        0 | 1 => "Seed 0".into(),
        seeds => format!("Figures are means ± standard deviations over {seeds} seeds"),
    };
    let encoders: BTreeSet<String> = finished.iter().map(|run| format!("`{}`", run.config.model.encoder)).collect();
    let encoders = encoders.into_iter().collect::<Vec<_>>().join(", ");
    let mut apart: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for other in finished.iter().filter(|other| other.images != run.images) {
        apart.entry(other.images).or_default().insert(format!("`{}`", other.label));
    }
    let of_rows = |(images, labels): (u64, BTreeSet<String>)| {
        format!(" ({images} by {})", labels.into_iter().collect::<Vec<_>>().join(", "))
    };
    let apart: String = apart.into_iter().map(of_rows).collect();
    format!(
        "{}: encoder {encoders}, {} px, {} steps, {} pictures seen by each run{apart}; {} held-out pictures. {seeds}. {}",
        options.data, config.data.image_size, config.fit.steps, run.images, evaluation.pairs, question.setting.labels,
    )
}

/// The columns that a run has.
fn shown<'a>(question: &'a Question, finished: &'a [FinishedRun]) -> impl Iterator<Item = &'a Column> {
    question.columns.iter().filter(|column| finished.iter().any(|run| (column.read)(run).is_some()))
}

fn table(text: &mut String, question: &Question, labels: &[&str], finished: &[FinishedRun]) {
    let columns: Vec<&Column> = shown(question, finished).collect();
    let titles: Vec<String> = columns.iter().map(|column| in_table(column.title)).collect();
    let has_paper = !question.paper.is_empty();
    let paper_title = if has_paper { " the paper |" } else { "" };
    let _ = writeln!(text, "| row | seeds | {} |{paper_title}", titles.join(" | "));
    let _ = writeln!(text, "| --- |{}{}", " ---: |".repeat(titles.len() + 1), if has_paper { " --- |" } else { "" });
    for label in labels {
        let seeds = finished.iter().filter(|run| run.label == *label).count();
        if seeds == 0 {
            continue;
        }
        let cells = columns.iter().map(|column| cell(column, column.spread(label, finished)));
        let cells: Vec<String> = cells.collect();
        let paper = question.paper.iter().find(|figure| figure.row == *label).map_or("", |figure| figure.text);
        let paper = if has_paper { format!(" {paper} |") } else { String::new() };
        let _ = writeln!(text, "| {label} | {seeds} | {} |{paper}", cells.join(" | "));
    }
}

/// How far rows stand above others; pairs of which one is not trained are left out.
fn gains(text: &mut String, question: &Question, finished: &[FinishedRun]) {
    let columns: Vec<&Column> = shown(question, finished).collect();
    let difference = |column: &Column, gain: &Gain| {
        let (of, over) = column.spread(gain.of, finished).zip(column.spread(gain.over, finished))?;
        let std = of.std.zip(over.std).map(|(a, b)| a.max(b));
        Some(Spread { mean: of.mean - over.mean, std })
    };
    let is_there = |gain: &&Gain| columns.iter().any(|column| difference(column, gain).is_some());
    let mut gains = question.gains.iter().filter(is_there).peekable();
    if gains.peek().is_none() {
        return;
    }
    let titles: Vec<String> = columns.iter().map(|column| in_table(column.title)).collect();
    let _ = writeln!(text, "\nGains: the difference of two rows' means, ± the larger of their standard deviations.\n");
    let _ = writeln!(text, "| gain | of | over | {} |", titles.join(" | "));
    let _ = writeln!(text, "| --- | --- | --- |{}", " ---: |".repeat(titles.len()));
    for gain in gains {
        let cells: Vec<String> = columns.iter().map(|column| signed_cell(column, difference(column, gain))).collect();
        let _ = writeln!(text, "| {} | {} | {} | {} |", gain.words, gain.of, gain.over, cells.join(" | "));
    }
}

fn signed_cell(column: &Column, difference: Option<Spread>) -> String {
    let sign = if difference.is_some_and(|difference| difference.mean >= 0.0) { "+" } else { "" };
    format!("{sign}{}", cell(column, difference))
}

/// A bar ends a cell.
fn in_table(words: &str) -> String {
    words.replace('|', "\\|")
}

fn cell(column: &Column, spread: Option<Spread>) -> String {
    let Some(Spread { mean, std }) = spread else { return "–".into() };
    let digits = column.digits;
    let std = std.map_or_else(String::new, |std| format!(" ± {std:.digits$}"));
    format!("{mean:.digits$}{std}")
}

/// What is expected beside what came out, pair by pair where a claim does not hold as a whole.
fn claims(text: &mut String, question: &Question, finished: &[FinishedRun]) {
    let _ = writeln!(
        text,
        "\nA claim holds where the difference is more than twice the larger spread over the seeds, fails where it is that \
         much the other way round, and is undecided between.\n"
    );
    let _ = writeln!(text, "| claim | whose | read from | came out |\n| --- | --- | --- | --- |");
    for claim in question.claims {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            claim.words,
            claim.source,
            in_table(claim.column),
            outcome(question, claim, finished)
        );
    }
}

/// A claim in words: what holds, what does not.
fn outcome(question: &Question, claim: &Claim, finished: &[FinishedRun]) -> String {
    let column = question.column(claim.column);
    let pairs = claim.above.iter().flat_map(|above| claim.below.iter().map(move |below| (*above, *below)));
    let judged: Vec<(&str, &str, Option<Verdict>)> = pairs
        .map(|(above, below)| {
            let spreads = column.spread(above, finished).zip(column.spread(below, finished));
            (above, below, spreads.map(|(above, below)| Verdict::of(above, below)))
        })
        .collect();
    if judged.iter().all(|(_, _, verdict)| *verdict == Some(Verdict::Holds)) {
        return Verdict::Holds.word().into();
    }
    let of = |wanted: Option<Verdict>| {
        let pairs: Vec<String> = judged
            .iter()
            .filter(|(_, _, verdict)| *verdict == wanted)
            .map(|(above, below, _)| format!("{above} over {below}"))
            .collect();
        let word = wanted.map_or("not trained yet", Verdict::word);
        (!pairs.is_empty()).then(|| format!("{word}: {}", pairs.join(", ")))
    };
    let words = [Some(Verdict::Fails), Some(Verdict::Undecided), Some(Verdict::Holds), None].map(of);
    words.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn charts(question: &Question, finished: &[FinishedRun]) -> Vec<String> {
    let mut labels: Vec<&str> = finished.iter().map(|run| run.label.as_str()).collect();
    labels.dedup();
    let mut unique: Vec<&str> = Vec::new();
    labels.into_iter().for_each(|label| {
        if !unique.contains(&label) {
            unique.push(label)
        }
    });
    let chart = |chart: &Chart| match chart {
        Chart::Bars { title, columns } => {
            let bar = |title: &&str, label: &&str| {
                let spread = question.column(title).spread(label, finished);
                spread.map_or(f64::NAN.into(), |Spread { mean, std }| Bar { value: mean, spread: std })
            };
            let bars = |title: &&'static str| {
                (title.to_string(), unique.iter().map(|label| bar(title, label)).collect::<Vec<Bar>>())
            };
            let groups: Vec<String> = unique.iter().map(ToString::to_string).collect();
            bar_chart(title, &groups, &columns.iter().map(bars).collect::<Vec<_>>())
        }
        Chart::Curves { title, metric } => {
            let first_seeds = finished.iter().filter(|run| run.seed == 0);
            let series: Vec<Series> = first_seeds.map(|run| curve(run, metric)).collect();
            line_chart(title, "step", &series)
        }
    };
    question.charts.iter().map(chart).collect()
}

/// `STUDY.md` in a folder of pages.
pub fn page_of(folder: &Path, question: &Question) -> std::path::PathBuf {
    folder.join(format!("{}.md", question.name))
}
