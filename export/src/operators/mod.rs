//! One suite of operator cases that every engine runs: our own kernels, tract, ONNX Runtime with its providers, and others whose
//! answers come from a folder.
//!
//! A case is one operator on given inputs ([`Case`]). Our own plain kernels' answer is taken as right, or one that was worked
//! out by hand; every other engine's has to be within the case's [`Tolerance`], unless the case says why that engine need not.
//! Of an int8 case the integer graph's answer is taken as right, and its definition in real numbers is one more engine.
//!
//! ```
//! use sextant_export::operators::{EngineId, Suite};
//!
//! let suite = Suite::new()?;
//! let report = suite.run(vec![]);
//! assert_eq!(report.failure_message(), None);
//! assert!(report.count(EngineId::Tract).agree > 100);
//! # Ok::<(), sextant_runtime::graph::GraphError>(())
//! ```

mod answers;
mod case;
mod cases;
mod draft;
mod engine;
mod float_form;
mod markdown;
mod one_image;
mod report;

pub use answers::Answers;
pub use case::{Case, Ignored};
pub use engine::{ENGINES, EngineId};
pub use report::{CaseReport, Count, EngineReport, SuiteReport, Verdict};

use std::path::Path;

use sextant_runtime::graph::GraphError;

use crate::{Error, PendingFiles, Tolerance};
use engine::{Answer, Engine, engines_here};

/// All cases.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Operator by operator.
    pub cases: Vec<Case>,
}

impl Suite {
    /// All cases.
    ///
    /// # Errors
    /// When a case's graph cannot be built, which only a changed operator makes happen.
    pub fn new() -> Result<Self, GraphError> {
        Ok(Self { cases: cases::all()? })
    }

    /// Asks every engine that is on this machine (ONNX Runtime where `ORT_DYLIB_PATH` names its library), and adds answers of
    /// others.
    pub fn run(&self, answers: Vec<Answers>) -> SuiteReport {
        let engines = engines_here(self, answers);
        let cases = self.cases.iter().enumerate().map(|(place, case)| run_case(&engines, place, case)).collect();
        let engines = engines.iter().map(|engine| EngineReport { id: engine.id, version: engine.version.clone() });
        SuiteReport { engines: engines.collect(), cases }
    }

    /// The cases as files for programs that are not ours: ONNX, inputs and right answers. [`Answers`] tells what such a program
    /// leaves in the folder.
    ///
    /// # Errors
    /// When a case has no ONNX form.
    pub fn files(&self, folder: &Path) -> Result<PendingFiles, Error> {
        let engines = engines_here(self, vec![]);
        let expected: Vec<_> =
            self.cases.iter().enumerate().map(|(place, case)| right_answer(&engines, place, case)).collect();
        answers::case_files(&self.cases, &expected, folder)
    }
}

fn run_case(engines: &[Engine], place: usize, case: &Case) -> CaseReport {
    let expected = right_answer(engines, place, case);
    let takes = |engine: &&Engine| engine.id.takes(case);
    let is_reference = |engine: EngineId| case.by_hand.is_none() && engine == EngineId::reference_of(case);
    let verdict = |engine: &Engine| match case.ignored_by(engine.id) {
        Some(Ignored { reason, is_asked: false, .. }) => Verdict::Ignored { reason },
        None if is_reference(engine.id) && expected.is_ok() => Verdict::Reference,
        _ => judged(case, engine.id, &expected, engine.answer(place, case)),
    };
    let results = engines.iter().filter(takes).map(|engine| (engine.id, verdict(engine))).collect();
    CaseReport { name: case.name.clone(), int8: case.is_int8(), results }
}

fn right_answer(engines: &[Engine], place: usize, case: &Case) -> Answer {
    if let Some(values) = &case.by_hand {
        return Ok(values.clone());
    }
    let reference = engines.iter().find(|engine| engine.id == EngineId::reference_of(case));
    reference.ok_or_else(|| "our own engine is missing".to_string())?.answer(place, case)
}

fn judged(case: &Case, engine: EngineId, expected: &Answer, computed: Answer) -> Verdict {
    let tolerance = case.tolerance_of(engine);
    let compared = match (expected, computed) {
        (Err(reason), _) => Verdict::Fails { reason: reason.clone() },
        (_, Err(reason)) => Verdict::Fails { reason },
        (Ok(expected), Ok(computed)) => compared(tolerance, expected, &computed),
    };
    match (case.ignored_by(engine), compared) {
        (Some(_), Verdict::Agrees { .. }) => {
            Verdict::Fails { reason: "is ignored, but agrees: take it off the list".to_string() }
        }
        (Some(ignored), _) => Verdict::Ignored { reason: ignored.reason },
        (None, compared) => compared,
    }
}

fn compared(tolerance: Tolerance, expected: &[f32], computed: &[f32]) -> Verdict {
    let (difference, allowed) = (tolerance.difference(expected, computed), tolerance.allowed(expected));
    match difference <= allowed {
        true => Verdict::Agrees { tolerance, difference },
        false => Verdict::Differs { tolerance, difference, allowed },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sextant_runtime::graph::{DataType, OPERATOR_NAMES};

    use super::*;
    use crate::onnx::{self, Batch};
    use crate::verify::run_tract;

    /// What makes the case's result, and what of.
    fn operators_of(case: &Case) -> impl Iterator<Item = (&'static str, DataType)> {
        let makes = |node: &sextant_runtime::graph::Node| (node.op.name(), case.graph.value(node.output).data_type);
        case.graph.nodes.iter().map(makes).collect::<Vec<_>>().into_iter()
    }

    /// The operator that a case is named for.
    fn subject(case: &Case) -> &str {
        case.name.split([':', ',']).next().unwrap_or_default()
    }

    #[test]
    fn every_operator_has_a_case_and_one_of_eight_bits_where_it_has_that_form() {
        let suite = Suite::new().unwrap();
        for name in OPERATOR_NAMES {
            let of_operator = || suite.cases.iter().filter(|case| subject(case) == *name);
            assert!(of_operator().next().is_some(), "{name} has no case");
            let ops = of_operator().flat_map(|case| case.graph.nodes.iter()).filter(|node| node.op.name() == *name);
            let has_int8_form = ops.clone().any(|node| node.op.result_type(DataType::I8) == Some(DataType::I8));
            let is_tried = of_operator().flat_map(operators_of).any(|made| made == (*name, DataType::I8));
            assert!(!has_int8_form || is_tried, "{name} has an int8 form and no case of it");
        }
        for case in &suite.cases {
            assert!(OPERATOR_NAMES.contains(&subject(case)), "{} is named for no operator", case.name);
            assert!(operators_of(case).any(|(name, _)| name == subject(case)), "{} has another operator", case.name);
        }
    }

    #[test]
    fn names_tell_cases_apart() {
        let suite = Suite::new().unwrap();
        let names: BTreeSet<_> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), suite.cases.len());
        assert!(suite.cases.iter().all(|case| !case.name.contains('|') && case.samples.count < 256));
    }

    /// Parts of the names of cases whose result is one number, or none, by definition.
    const OF_ONE_NUMBER: [&str; 6] =
        ["Softmax: ", "to one number", "one number to one", "have none", "has none", "Relu, int8: zero point 127"];

    #[test]
    fn results_tell_something() {
        let suite = Suite::new().unwrap();
        let engines = engines_here(&suite, vec![]);
        for (place, case) in suite.cases.iter().enumerate() {
            let answer = right_answer(&engines, place, case).unwrap();
            let alike = answer.iter().all(|value| value.to_bits() == answer[0].to_bits());
            assert!(!alike || OF_ONE_NUMBER.iter().any(|part| case.name.contains(part)), "{}: {answer:?}", case.name);
        }
    }

    #[test]
    fn every_engine_here_agrees_on_every_case() {
        let report = Suite::new().unwrap().run(vec![]);
        assert_eq!(report.failure_message(), None, "{report}");
    }

    /// What tract computed up to 0.23.7 would be found: the first channel's scale for all channels.
    #[test]
    fn one_scale_for_all_channels_is_not_within_a_step() {
        let suite = Suite::new().unwrap();
        let far_apart: Vec<_> =
            suite.cases.iter().filter(|case| case.name.ends_with("scales of channels far apart")).collect();
        assert_eq!(far_apart.len(), 5);
        for case in far_apart {
            let mut model = onnx::from_graph(&case.graph, &[], Batch::Dynamic).unwrap();
            let constants = &mut model.graph.as_mut().unwrap().initializer;
            for scales in constants.iter_mut().filter(|tensor| tensor.name.ends_with("/scale") && tensor.dims == [8]) {
                let first = scales.raw_data[..4].to_vec();
                scales.raw_data = first.repeat(8);
            }
            let batch = Batch::Fixed(case.samples.count as u32);
            let wrong =
                run_tract(&onnx::to_bytes(&model).unwrap(), &case.graph, batch, &case.samples).unwrap().remove(0);
            let right = right_answer(&engines_here(&suite, vec![]), 0, case);
            let verdict = judged(case, EngineId::Tract, &right, Ok(wrong));
            assert!(matches!(verdict, Verdict::Differs { difference: 8.0.., .. }), "{}: {verdict}", case.name);
        }
    }

    #[test]
    fn an_engine_that_does_not_agree_is_told_of() {
        let suite = Suite::new().unwrap();
        let case = suite.cases.iter().find(|case| case.name == "Linear: by hand").unwrap();
        let right = Ok(case.by_hand.clone().unwrap());
        let mut wrong = case.by_hand.clone().unwrap();
        wrong[1] += 1.0;
        let engine = EngineId::Tract;
        assert!(matches!(judged(case, engine, &right, Ok(wrong.clone())), Verdict::Differs { difference: 1.0, .. }));
        assert!(matches!(judged(case, engine, &right, Err("no".to_string())), Verdict::Fails { .. }));
        assert!(matches!(judged(case, engine, &right, right.clone()), Verdict::Agrees { difference: 0.0, .. }));
        let ignoring = case.clone().ignoring(engine, "it adds 1");
        assert_eq!(judged(&ignoring, engine, &right, Ok(wrong)), Verdict::Ignored { reason: "it adds 1" });
        // An entry of the list that is no longer needed is found.
        assert!(matches!(judged(&ignoring, engine, &right, right.clone()), Verdict::Fails { .. }));
    }
}
