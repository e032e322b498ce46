//! One operator with its inputs, as every engine gets it.

use sextant_runtime::graph::{DataType, Graph, GraphError};

use super::EngineId;
use crate::Tolerance;
use crate::verify::Samples;

/// Name of the one output of every case's graph.
pub(super) const RESULT: &str = "result";

/// One operator on given inputs, with what engines may make of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// Unique: the operator, and which corner of it.
    pub name: String,
    /// One node of the operator, and what it takes to feed it and to see its result.
    pub graph: Graph,
    /// The right answer to all samples, one after the other, worked out by hand; without it, our own plain kernels' answer is
    /// taken as right.
    pub by_hand: Option<Vec<f32>>,
    /// How far our own kernels may be from each other and from what was worked out by hand.
    pub ours: Tolerance,
    /// How far another engine may be from our own.
    pub others: Tolerance,
    /// Engines that need not give this answer.
    pub ignored: Vec<Ignored>,
    pub(crate) samples: Samples,
}

/// An engine that need not give a case's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Which.
    pub engine: EngineId,
    /// Why, for people; a sentence without its subject.
    pub reason: &'static str,
    /// Whether it is asked all the same, so that an entry that is no longer needed is found. Not where it panics.
    pub is_asked: bool,
}

/// A case, or why its graph cannot be built.
pub(super) type Drafted = Result<Case, GraphError>;

impl Case {
    /// Whether the graph computes with eight bits.
    pub fn is_int8(&self) -> bool {
        self.graph.values.iter().any(|value| value.data_type == DataType::I8)
    }

    /// The entry of an engine that need not give the answer.
    pub fn ignored_by(&self, engine: EngineId) -> Option<&Ignored> {
        self.ignored.iter().find(|ignored| ignored.engine == engine)
    }

    /// How far an engine's answer may be from the right one.
    pub fn tolerance_of(&self, engine: EngineId) -> Tolerance {
        // Eight bits in real numbers round as other engines do.
        let is_definition = self.is_int8() && matches!(engine, EngineId::Native | EngineId::Prepared);
        if engine.is_ours() && !is_definition { self.ours } else { self.others }
    }

    /// With an answer that was worked out by hand.
    #[must_use]
    pub(super) fn by_hand(self, values: &[f32]) -> Self {
        Self { by_hand: Some(values.to_vec()), ..self }
    }

    /// Where all engines have to give the same numbers; of eight bits, the same int8 numbers.
    #[must_use]
    pub(super) fn exact(self) -> Self {
        let others = match self.others {
            Tolerance::Steps { scale, .. } => Tolerance::Steps { count: 0, scale },
            _ => Tolerance::Exact,
        };
        Self { ours: Tolerance::Exact, others, ..self }
    }

    /// With another tolerance for all engines.
    #[must_use]
    pub(super) fn within(self, tolerance: Tolerance) -> Self {
        Self { ours: tolerance, others: tolerance, ..self }
    }

    /// With an engine that need not give the answer.
    #[must_use]
    pub(super) fn ignoring(mut self, engine: EngineId, reason: &'static str) -> Self {
        self.ignored.push(Ignored { engine, reason, is_asked: true });
        self
    }

    /// With an engine that would panic.
    #[must_use]
    pub(super) fn not_asking(mut self, engine: EngineId, reason: &'static str) -> Self {
        self.ignored.push(Ignored { engine, reason, is_asked: false });
        self
    }
}
