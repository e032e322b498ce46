use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use sextant_export::operators::{Answers, Suite};
use sextant_runtime::durable::write_file;

use super::{Outcome, print_report};

#[derive(Debug, Args)]
pub struct OperatorsArguments {
    /// Put the table of cases and engines into a document, which keeps its text and the columns of engines that are not here.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the cases as files for other programs: ONNX, inputs and right answers, and ask no engine.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["markdown", "answers", "json"])]
    write_cases: Option<PathBuf>,
    /// Folder of written cases that another program has answered; may be given several times.
    #[arg(long, value_name = "DIR")]
    answers: Vec<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl OperatorsArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let suite = Suite::new()?;
        let done = |failure| Ok(Outcome { failure, warnings: vec![], next: None });
        if let Some(folder) = &self.write_cases {
            suite.files(folder)?.write()?;
            return done(None);
        }
        let answers = self.answers.iter().map(|folder| Answers::read(folder)).collect::<Result<_, _>>()?;
        let report = suite.run(answers);
        print_report(self.json, &report, || report.to_string())?;
        if let Some(path) = &self.markdown {
            let document = if path.exists() { fs::read_to_string(path) } else { Ok(String::new()) };
            let document = document.with_context(|| path.display().to_string())?;
            let written = write_file(path, suite.markdown(&report, &document).as_bytes());
            written.map_err(sextant_export::Error::from)?;
        }
        done(report.failure_message())
    }
}
