//! What every engine made of every case.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::EngineId;
use crate::Tolerance;

/// All cases in all engines that were asked.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteReport {
    /// In the order in which they were asked.
    pub engines: Vec<EngineReport>,
    /// In the suite's order.
    pub cases: Vec<CaseReport>,
}

/// An engine that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EngineReport {
    /// Which.
    #[serde(rename = "engine")]
    pub id: EngineId,
    /// Unknown when the library does not tell it by its name.
    pub version: Option<String>,
}

/// One case in all engines that take it.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// Whether it computes with eight bits.
    pub int8: bool,
    /// Engine by engine.
    #[serde(serialize_with = "by_engine")]
    pub results: Vec<(EngineId, Verdict)>,
}

/// What became of one case in one engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Its answer is the one that is taken as right.
    Reference,
    /// The answer is within the tolerance.
    Agrees {
        /// What is allowed.
        tolerance: Tolerance,
        /// The largest difference, in the tolerance's unit.
        difference: f32,
    },
    /// The answer is not.
    Differs {
        /// What is allowed.
        tolerance: Tolerance,
        /// The largest difference, in the tolerance's unit.
        difference: f32,
        /// The largest that is allowed.
        allowed: f32,
    },
    /// There is no answer.
    Fails {
        /// Why, for people.
        reason: String,
    },
    /// It need not give the answer, and does not.
    Ignored {
        /// Why, for people.
        reason: &'static str,
    },
}

/// An engine's cases, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Those whose answer is right, or taken as right.
    pub agree: usize,
    /// Those that it need not answer.
    pub ignored: usize,
    /// All others.
    pub fail: usize,
}

impl Verdict {
    /// Whether the case has failed in the engine.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Differs { .. } | Self::Fails { .. })
    }
}

impl CaseReport {
    /// What became of the case in an engine; `None` when it was not asked, or the case is none for it.
    pub fn of(&self, engine: EngineId) -> Option<&Verdict> {
        self.results.iter().find(|(id, _)| *id == engine).map(|(_, verdict)| verdict)
    }
}

impl SuiteReport {
    /// The cases of one engine, counted.
    pub fn count(&self, engine: EngineId) -> Count {
        let mut count = Count::default();
        for verdict in self.cases.iter().filter_map(|case| case.of(engine)) {
            match verdict {
                Verdict::Reference | Verdict::Agrees { .. } => count.agree += 1,
                Verdict::Ignored { .. } => count.ignored += 1,
                Verdict::Differs { .. } | Verdict::Fails { .. } => count.fail += 1,
            }
        }
        count
    }

    /// How many cases failed in some engine, and the first of them, for people.
    pub fn failure_message(&self) -> Option<String> {
        let first = self.failures().next()?;
        let count = self.failures().count();
        Some(if count == 1 { first } else { format!("{first}; and {} more", count - 1) })
    }

    fn failures(&self) -> impl Iterator<Item = String> + '_ {
        let of_case = |case: &'_ CaseReport| {
            let failed = case.results.iter().filter(|(_, verdict)| verdict.is_failure());
            failed.map(|(engine, verdict)| format!("{} in {engine}: {verdict}", case.name)).collect::<Vec<_>>()
        };
        self.cases.iter().flat_map(of_case)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference => f.write_str("reference"),
            Self::Agrees { tolerance, .. } => write!(f, "{tolerance}"),
            Self::Differs { tolerance, difference, allowed } => {
                write!(f, "differs by {difference:.3e} (allowed: {allowed:.1e}, {tolerance})")
            }
            Self::Fails { reason } => f.write_str(reason),
            Self::Ignored { reason } => write!(f, "ignored: {reason}"),
        }
    }
}

impl fmt::Display for SuiteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<13} {:<9} {:>6} {:>8} {:>5}", "engine", "version", "agree", "ignored", "fail")?;
        for EngineReport { id, version } in &self.engines {
            let Count { agree, ignored, fail } = self.count(*id);
            writeln!(f, "{id:<13} {:<9} {agree:>6} {ignored:>8} {fail:>5}", version.as_deref().unwrap_or("-"))?;
        }
        self.failures().try_for_each(|failure| writeln!(f, "{failure}"))
    }
}

fn by_engine<S: Serializer>(results: &[(EngineId, Verdict)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(results.len()))?;
    results.iter().try_for_each(|(engine, verdict)| map.serialize_entry(engine, verdict))?;
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> SuiteReport {
        let agrees = Verdict::Agrees { tolerance: Tolerance::Exact, difference: 0.0 };
        let differs = Verdict::Differs { tolerance: Tolerance::Close, difference: 0.5, allowed: 1e-4 };
        let fails = Verdict::Fails { reason: "no such operator".to_string() };
        let case = |name: &str, tract| CaseReport {
            name: name.to_string(),
            int8: false,
            results: vec![(EngineId::Native, agrees.clone()), (EngineId::Tract, tract)],
        };
        let version = Some("1.0".to_string());
        SuiteReport {
            engines: vec![
                EngineReport { id: EngineId::Native, version },
                EngineReport { id: EngineId::Tract, version: None },
            ],
            cases: vec![
                case("a", Verdict::Ignored { reason: "slow" }),
                case("b", differs),
                case("c", fails),
                case("d", agrees.clone()),
            ],
        }
    }

    #[test]
    fn failures_are_told_with_case_and_engine() {
        let report = report();
        assert_eq!(report.count(EngineId::Tract), Count { agree: 1, ignored: 1, fail: 2 });
        let message = report.failure_message().unwrap();
        assert_eq!(message, "b in tract: differs by 5.000e-1 (allowed: 1.0e-4, close); and 1 more");
        let text = report.to_string();
        assert!(text.contains("tract         -              1        1     2\n"), "{text}");
        assert!(text.ends_with("c in tract: no such operator\n"), "{text}");
    }

    #[test]
    fn json_has_a_verdict_for_each_engine() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["engines"][0], serde_json::json!({"engine": "native", "version": "1.0"}));
        assert_eq!(json["cases"][0]["results"]["tract"], serde_json::json!({"verdict": "ignored", "reason": "slow"}));
        assert_eq!(json["cases"][1]["results"]["tract"]["tolerance"], "close");
    }
}
