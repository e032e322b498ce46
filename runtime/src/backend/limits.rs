use std::fmt;
use std::string::String;

use crate::model::GraphView;

/// What a model may cost before [`super::Encoder::open`] refuses it.
///
/// A kilobyte of a model file can ask for more memory than there is and for hours of work; no model for cameras and
/// microcontrollers comes near these limits.
///
/// # Example
/// ```
/// use sextant_runtime::backend::{BackendOptions, Limits};
/// let limits = Limits::default().with_memory_bytes(64 << 20).with_operations(1_000_000_000);
/// let options = BackendOptions { limits, ..BackendOptions::default() };
/// assert_eq!(options.limits.memory_bytes, 67_108_864);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of memory for one image: the file, activations, packed filters and scratch memory, image and outputs.
    pub memory_bytes: u64,
    /// Most operations for one image, counted as by [`crate::model::GraphView::operations`].
    pub operations: u64,
}

impl Default for Limits {
    /// 1 GiB and 10^11 operations, about a minute's work.
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, operations: 100_000_000_000 }
    }
}

impl Limits {
    /// With that much memory.
    pub fn with_memory_bytes(self, memory_bytes: u64) -> Self {
        Self { memory_bytes, ..self }
    }

    /// With that many operations.
    pub fn with_operations(self, operations: u64) -> Self {
        Self { operations, ..self }
    }

    /// Whether a graph may be copied out of its file ([`crate::graph::Graph::from_model`]) and run without being prepared:
    /// its constants, its arena, inputs and outputs, and its operations.
    ///
    /// # Errors
    /// When it asks for more.
    pub fn check_graph(&self, graph: &GraphView<'_>) -> Result<(), Excess> {
        let bytes = |id| graph.value(id).map_or(0, |value| 4 * value.shape.elements() as u64);
        let given_and_made = graph.inputs().chain(graph.outputs().map(|(_, id)| id)).map(bytes);
        let kept = graph.constant_bytes().saturating_add(graph.arena_bytes() as u64);
        let memory_bytes = given_and_made.fold(kept, u64::saturating_add);
        self.check(&Cost { memory_bytes, arena_bytes: graph.arena_bytes(), operations: graph.operations() })
    }

    pub(super) fn check(&self, cost: &Cost) -> Result<(), Excess> {
        check(Resource::Memory, cost.memory_bytes, self.memory_bytes)?;
        check(Resource::Operations, cost.operations, self.operations)
    }
}

fn check(resource: Resource, found: u64, limit: u64) -> Result<(), Excess> {
    if found > limit { Err(Excess { resource, found, limit }) } else { Ok(()) }
}

/// What a model costs, as far as its backend tells before it runs; a figure that it does not tell is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub memory_bytes: u64,
    pub arena_bytes: usize,
    pub operations: u64,
}

/// What a model asks for too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// Bytes of memory for one image: [`Limits::memory_bytes`].
    Memory,
    /// Operations for one image: [`Limits::operations`].
    Operations,
}

/// A model that asks for more than [`Limits`] allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    /// Of what.
    pub resource: Resource,
    /// What it asks for, at least.
    pub found: u64,
    /// What is allowed.
    pub limit: u64,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resource {
            Resource::Memory => {
                let [found, limit] = [self.found, self.limit].map(binary);
                write!(f, "the model needs {found} of memory for one image, and the limit is {limit}")
            }
            Resource::Operations => {
                let Self { found, limit, .. } = self;
                write!(f, "the model takes {found} operations for one image, and the limit is {limit}")
            }
        }
    }
}

/// Bytes with the unit that people read them in.
pub(super) fn binary(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return std::format!("{bytes} bytes");
    }
    let (mut size, mut unit) = (bytes as f64 / 1024.0, 0);
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        (size, unit) = (size / 1024.0, unit + 1);
    }
    std::format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    /// Sixty nodes of one constant of 16 KiB.
    #[test]
    fn constants_count_as_often_as_they_are_named() {
        use crate::graph::{Activation, DataType, GraphBuilder, Op};
        use crate::memory::AlignedVec;
        use crate::model::{Model, write};
        let mut builder = GraphBuilder::new("encode");
        let mut value = builder.input("x", &[64], DataType::F32);
        for index in 0..60 {
            let weight = builder.weight(&std::format!("w{index}"), &[64, 64], std::vec![0.5; 4096]).unwrap();
            let bias = builder.weight(&std::format!("b{index}"), &[64], std::vec![0.0; 64]).unwrap();
            let op = Op::Linear { weight, bias, activation: Activation::Identity };
            value = builder.node(&std::format!("fc{index}"), op, &[value]).unwrap();
        }
        builder.output("y", value);
        let file = AlignedVec::copy_of(&write(&Default::default(), &[builder.finish()]).unwrap());
        let model = Model::parse(&file).unwrap();
        let graph = model.graph("encode").unwrap();
        assert!(file.len() < 40_000, "{}", file.len());
        assert_eq!(graph.constant_bytes(), 60 * 4 * (64 * 64 + 64));
        assert_eq!(Limits::default().check_graph(&graph), Ok(()));
        let excess = Limits::default().with_memory_bytes(900_000).check_graph(&graph).unwrap_err();
        assert_eq!(excess.resource, Resource::Memory);
        let excess = Limits::default().with_operations(1000).check_graph(&graph).unwrap_err();
        assert_eq!(excess.resource, Resource::Operations);
    }

    #[test]
    fn what_is_over_a_limit_is_named() {
        let limits = Limits::default().with_memory_bytes(1000).with_operations(50);
        let cost = |memory_bytes, operations| Cost { memory_bytes, operations, arena_bytes: 0 };
        assert_eq!(limits.check(&cost(1000, 50)), Ok(()));
        let memory = limits.check(&cost(70 << 30, 51)).unwrap_err();
        assert_eq!(memory.to_string(), "the model needs 70.0 GiB of memory for one image, and the limit is 1000 bytes");
        let operations = limits.check(&cost(0, 51)).unwrap_err();
        assert_eq!(operations.to_string(), "the model takes 51 operations for one image, and the limit is 50");
        assert_eq!(binary(u64::MAX), "16.0 EiB");
    }
}
