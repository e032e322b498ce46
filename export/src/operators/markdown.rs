//! The table of cases and engines as Markdown, within a document that keeps the rest of its text.

use std::collections::HashMap;

use super::{Case, CaseReport, ENGINES, EngineId, Suite, SuiteReport, Verdict};

/// What the table stands between.
const START: &str = "<!-- from here on written by `cargo export operators --markdown FILE` -->\n";
const END: &str = "<!-- up to here -->\n";

/// The first cell of the row that tells versions.
const VERSIONS: &str = "version";
/// An engine that was not there, neither now nor when the document was written.
const NOT_ASKED: &str = "not asked";

impl Suite {
    /// The document with the table of a report in the place of the one that it has, or after its text. Engines that the report
    /// has not keep what the document has of them.
    ///
    /// A cell has the tolerance that the answer is within.
    pub fn markdown(&self, report: &SuiteReport, document: &str) -> String {
        let (before, rest) = document.split_once(START).unwrap_or((document, ""));
        let (table, after) = rest.split_once(END).unwrap_or((rest, ""));
        let gap = if before.is_empty() || before.ends_with("\n\n") { "" } else { "\n" };
        format!("{before}{gap}{START}\n{}\n{END}{after}", self.table(report, &Cells::parse(table)))
    }

    fn table(&self, report: &SuiteReport, kept: &Cells) -> String {
        let reasons = self.reasons();
        let mut text = row("case", ENGINES.map(|engine| engine.name().to_string()));
        text += &row("---", ENGINES.map(|_| "---".to_string()));
        let version = |engine: EngineId| {
            let asked = report.engines.iter().find(|asked| asked.id == engine);
            asked.map(|asked| asked.version.clone().unwrap_or_else(|| "unknown".to_string()))
        };
        text += &row(VERSIONS, ENGINES.map(|engine| version(engine).unwrap_or_else(|| kept.of(VERSIONS, engine))));
        for (case, results) in self.cases.iter().zip(&report.cases) {
            let cells = ENGINES
                .map(|engine| cell(case, engine, results, &reasons).unwrap_or_else(|| kept.of(&case.name, engine)));
            text += &row(&case.name, cells);
        }
        text += "\nIgnored:\n\n";
        for (number, (engine, reason)) in (1..).zip(&reasons) {
            text += &format!("{number}. {engine} {reason}.\n");
        }
        text
    }

    /// Each reason of an engine to be ignored once, in the order of the cases.
    fn reasons(&self) -> Vec<(EngineId, &'static str)> {
        let mut reasons = vec![];
        for ignored in self.cases.iter().flat_map(|case| &case.ignored) {
            if !reasons.contains(&(ignored.engine, ignored.reason)) {
                reasons.push((ignored.engine, ignored.reason));
            }
        }
        reasons
    }
}

/// `None` where the document's own cell stays.
fn cell(case: &Case, engine: EngineId, results: &CaseReport, reasons: &[(EngineId, &'static str)]) -> Option<String> {
    if !engine.takes(case) {
        return Some("–".to_string());
    }
    let ignored = |reason| {
        let number = reasons.iter().position(|known| *known == (engine, reason)).map_or(0, |index| index + 1);
        format!("ignored ({number})")
    };
    match results.of(engine) {
        Some(Verdict::Ignored { reason }) => Some(ignored(*reason)),
        Some(verdict) if verdict.is_failure() => Some("**fails**".to_string()),
        Some(verdict) => Some(verdict.to_string()),
        None => case.ignored_by(engine).map(|entry| ignored(entry.reason)),
    }
}

fn row(first: &str, cells: [String; ENGINES.len()]) -> String {
    format!("| {first} | {} |\n", cells.join(" | "))
}

/// The cells of a table, by row and engine.
struct Cells(HashMap<(String, EngineId), String>);

impl Cells {
    fn parse(table: &str) -> Self {
        let mut rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
        let columns: Vec<Option<EngineId>> =
            rows.next().unwrap_or_default().split(" | ").skip(1).map(EngineId::of_name).collect();
        let mut cells = HashMap::new();
        for row in rows {
            let mut parts = row.split(" | ");
            let first = parts.next().unwrap_or_default();
            for (engine, part) in columns.iter().zip(parts).filter_map(|(engine, part)| Some(((*engine)?, part))) {
                cells.insert((first.to_string(), engine), part.to_string());
            }
        }
        Self(cells)
    }

    fn of(&self, row: &str, engine: EngineId) -> String {
        self.0.get(&(row.to_string(), engine)).cloned().unwrap_or_else(|| NOT_ASKED.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tolerance;
    use crate::operators::EngineReport;

    fn suite() -> Suite {
        let mut suite = Suite::new().unwrap();
        suite.cases.retain(|case| ["MaxPool2d: 3 x 3, stride 2", "Slice: by hand"].contains(&case.name.as_str()));
        suite
    }

    fn report(suite: &Suite, engine: EngineId, version: &str, verdict: &Verdict) -> SuiteReport {
        let case =
            |case: &Case| CaseReport { name: case.name.clone(), int8: false, results: vec![(engine, verdict.clone())] };
        let engines = vec![EngineReport { id: engine, version: Some(version.to_string()) }];
        SuiteReport { engines, cases: suite.cases.iter().map(case).collect() }
    }

    #[test]
    fn a_document_keeps_its_text_and_what_it_has_of_other_engines() {
        let suite = suite();
        let agrees = Verdict::Agrees { tolerance: Tolerance::Exact, difference: 0.0 };
        let first = suite.markdown(&report(&suite, EngineId::OnnxRuntime, "1.32.0", &agrees), "# Operators\n");
        assert!(first.starts_with("# Operators\n\n<!-- "), "{first}");
        let version =
            "| version | not asked | not asked | not asked | not asked | not asked | 1.32.0 | not asked | not asked |";
        assert!(first.contains(version), "{first}");
        let fails = Verdict::Fails { reason: "no".to_string() };
        let changed = first.replace("# Operators", "# Every operator") + "More.\n";
        let second = suite.markdown(&report(&suite, EngineId::Tract, "0.23.9", &fails), &changed);
        assert!(second.starts_with("# Every operator\n") && second.ends_with("-->\nMore.\n"), "{second}");
        let row = "| Slice: by hand | not asked | not asked | – | – | **fails** | exact | not asked | not asked |";
        assert!(second.contains(row), "{second}");
        assert!(second.contains(" | **fails** | exact | not asked | ignored (1) |\n"), "{second}");
        assert!(second.contains("1. candle-onnx knows no padding of pools.\n"), "{second}");
        // Nothing has changed since.
        assert_eq!(suite.markdown(&report(&suite, EngineId::Tract, "0.23.9", &fails), &second), second);
    }
}
