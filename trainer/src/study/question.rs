//! A study that asks what a paper claims: rows that are trained alike, figures of each, and claims that are read off them.

use super::summary::Spread;
use super::{FEATURES_ALONE, FinishedRun, Row};

/// One question with the runs that answer it.
pub struct Question {
    /// What the command line calls it.
    pub name: &'static str,
    /// Heading of its page.
    pub title: &'static str,
    /// What is asked and how, in sentences of the page.
    pub words: &'static str,
    /// What all rows share.
    pub setting: Setting,
    /// What is trained, at a scale.
    pub rows: fn(Scale) -> Vec<Row>,
    /// What is told of each row.
    pub columns: &'static [Column],
    /// What the paper says of rows.
    pub paper: &'static [PaperFigure],
    /// What the paper, or this project, expects.
    pub claims: &'static [Claim],
    /// Pairs of rows whose differences are told in a table.
    pub gains: &'static [Gain],
    /// What is drawn.
    pub charts: &'static [Chart],
}

/// What all rows of a question share.
pub struct Setting {
    /// The preset that all runs start from.
    pub preset: fn(Scale) -> &'static str,
    /// `key=value` changes to it.
    pub shared: &'static [&'static str],
    /// What the page says of labels.
    pub labels: &'static str,
    /// Whether there are runs at the paper's own settings.
    pub has_paper_scale: bool,
}

impl Setting {
    /// What the transformations of pictures teach an encoder, at the setting of Wang et al.
    pub const OF_PICTURES: Self = Self {
        preset: |scale| match scale {
            Scale::Small => "essl-small",
            Scale::Paper => "essl-paper",
        },
        shared: FEATURES_ALONE,
        labels: "No row learns from a label, but for probes and heads whose gradient does not reach the encoder, and where a row \
                 says so.",
        has_paper_scale: true,
    };
}

/// A figure of a run.
#[derive(Clone, Copy)]
pub struct Column {
    /// Above its column.
    pub title: &'static str,
    /// Digits behind the point.
    pub digits: usize,
    /// What it is, in the page's list of columns.
    pub words: &'static str,
    /// How it is read; `None` where a run does not have it.
    pub read: fn(&FinishedRun) -> Option<f64>,
}

/// A figure that the paper tells as text.
pub struct PaperFigure {
    /// Label of the row.
    pub row: &'static str,
    /// What the page shows.
    pub text: &'static str,
}

/// That some rows stand above others in a column.
pub struct Claim {
    /// In a sentence.
    pub words: &'static str,
    /// Who says so.
    pub source: &'static str,
    /// Title of the column.
    pub column: &'static str,
    /// Each of these …
    pub above: &'static [&'static str],
    /// … above each of these.
    pub below: &'static [&'static str],
}

/// How far one row stands above another, in each column.
pub struct Gain {
    /// What the pair is called.
    pub words: &'static str,
    /// Label of the row.
    pub of: &'static str,
    /// Label of the row that it is compared with.
    pub over: &'static str,
}

/// A drawing below the table.
pub enum Chart {
    /// Bars of some columns for each row.
    Bars {
        /// Above it.
        title: &'static str,
        /// Titles of the columns.
        columns: &'static [&'static str],
    },
    /// A key of `metrics.jsonl` over the steps, of each row's first seed.
    Curves {
        /// Above it.
        title: &'static str,
        /// The key.
        metric: &'static str,
    },
}

/// How large the runs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Two cores, within the hour.
    Small,
    /// The paper's own settings, for a GPU.
    Paper,
}

impl Scale {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

/// Whether one row stands above another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// By more than twice the spread of the seeds.
    Holds,
    /// The difference is within twice the spread, or there is one seed.
    Undecided,
    /// The other stands above it by more than twice the spread.
    Fails,
}

impl Verdict {
    /// Of the figures of two rows: the spread is the larger standard deviation of both.
    pub fn of(above: Spread, below: Spread) -> Self {
        let difference = above.mean - below.mean;
        let spread = above.std.zip(below.std).map(|(a, b)| 2.0 * a.max(b));
        match spread {
            Some(spread) if difference > spread => Self::Holds,
            Some(spread) if -difference > spread => Self::Fails,
            _ => Self::Undecided,
        }
    }

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Undecided => "undecided",
            Self::Fails => "fails",
        }
    }
}

impl Column {
    /// Over the seeds of a row; `None` where no run has it.
    pub fn spread(&self, label: &str, finished: &[FinishedRun]) -> Option<Spread> {
        let runs = finished.iter().filter(|run| run.label == label);
        Spread::of(&runs.filter_map(self.read).collect::<Vec<_>>())
    }
}

impl Question {
    /// The column of a title.
    ///
    /// # Panics
    /// When there is none: claims and charts name columns of their own study.
    pub fn column(&self, title: &str) -> &Column {
        let found = self.columns.iter().find(|column| column.title == title);
        found.unwrap_or_else(|| panic!("the study {} has no column {title}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::QUESTIONS;

    #[test]
    fn a_difference_counts_beyond_twice_the_spread() {
        let of = |mean, std| Spread { mean, std };
        let cases = [
            (of(0.5, Some(0.01)), of(0.47, Some(0.005)), Verdict::Holds),
            (of(0.5, Some(0.02)), of(0.47, Some(0.005)), Verdict::Undecided),
            (of(0.5, Some(0.005)), of(0.53, Some(0.01)), Verdict::Fails),
            (of(0.9, None), of(0.1, None), Verdict::Undecided),
        ];
        for (above, below, verdict) in cases {
            assert_eq!(Verdict::of(above, below), verdict, "{above:?} {below:?}");
        }
    }

    #[test]
    fn claims_and_charts_name_rows_and_columns_of_their_study() {
        for question in QUESTIONS.iter() {
            let labels = |scale| (question.rows)(scale).into_iter().map(|row| row.label).collect::<Vec<String>>();
            assert_eq!(labels(Scale::Small), labels(Scale::Paper), "{}", question.name);
            let labels = labels(Scale::Small);
            let mut unique = labels.clone();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), labels.len(), "{}", question.name);
            for claim in question.claims {
                question.column(claim.column);
                for row in claim.above.iter().chain(claim.below) {
                    assert!(labels.iter().any(|label| label == row), "{}: no row {row}", question.name);
                }
            }
            for chart in question.charts {
                if let Chart::Bars { columns, .. } = chart {
                    let known = columns.iter().map(|title| question.column(title).title);
                    assert!(known.eq(columns.iter().copied()));
                }
            }
            for row in question.gains.iter().flat_map(|gain| [gain.of, gain.over]) {
                assert!(labels.iter().any(|label| label == row), "{}: no row {row}", question.name);
            }
            for figure in question.paper {
                assert!(labels.iter().any(|label| label == figure.row), "{}: no row {}", question.name, figure.row);
            }
        }
    }
}
