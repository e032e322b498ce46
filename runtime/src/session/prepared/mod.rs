//! What a host does once for a graph that it runs often.

#[cfg(not(target_arch = "x86_64"))]
mod nothing;
#[cfg(target_arch = "x86_64")]
mod operands;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod memory_tests;
#[cfg(test)]
mod tests;

use std::vec::Vec;

#[cfg(not(target_arch = "x86_64"))]
use nothing::{Scratch, Step};
#[cfg(target_arch = "x86_64")]
use x86::{Scratch, Step};

use super::{Input, SessionError, node};
use crate::graph::ALL_OPERATORS;
use crate::model::{GraphView, Model, NodeView};

/// Filters packed in the order in which this host's kernels read them, and memory for these kernels, beside the arena.
///
/// A session that is given it ([`Session::with_prepared`](super::Session::with_prepared)) computes int8 values bit for
/// bit as one without, and float32 values up to rounding. On a host without such kernels it is empty.
///
/// # Example
/// ```
/// use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op};
/// use sextant_runtime::memory::AlignedVec;
/// use sextant_runtime::model::{self, Model};
/// use sextant_runtime::session::{Input, Prepared, Session};
///
/// let mut builder = GraphBuilder::new("encode");
/// let x = builder.input("x", &[2], DataType::F32);
/// let (weight, bias) = (builder.weight("w", &[1, 2], vec![1.0, 3.0])?, builder.weight("b", &[1], vec![0.5])?);
/// let y = builder.node("y", Op::Linear { weight, bias, activation: Activation::Identity }, &[x])?;
/// builder.output("y", y);
/// let bytes = AlignedVec::copy_of(&model::write(&Default::default(), &[builder.finish()])?);
///
/// let model = Model::parse(&bytes)?;
/// let mut arena = AlignedVec::zeroed(model.graph("encode").unwrap().arena_bytes());
/// let mut prepared = Prepared::new(&model, "encode")?;
/// let mut y = [0.0];
/// Session::with_prepared(&model, "encode", &mut arena, &mut prepared)?.run(&[Input::F32(&[2.0, 1.0])], &mut [&mut y])?;
/// assert_eq!(y, [5.5]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Prepared {
    made_for: Identity,
    /// Of each node; `None` where the kernel for every host does it.
    steps: Vec<Option<Step>>,
    scratch: Scratch,
}

/// Which graph of which file: checksum and length tell files apart, and the first node the graphs of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    checksum: u32,
    file_bytes: usize,
    first_node: usize,
    nodes: usize,
}

impl Identity {
    fn of(graph: &GraphView<'_>) -> Self {
        Self {
            checksum: graph.model.checksum(),
            file_bytes: graph.model.file_bytes(),
            first_node: graph.nodes.first,
            nodes: graph.nodes.count,
        }
    }
}

impl GraphView<'_> {
    /// At most so many bytes does [`Prepared::new`] allocate for this graph at any time, and [`Prepared`] keep: packed
    /// filters, places of windows and scratch memory. Nothing is allocated to tell.
    ///
    /// A small file can ask for much: hold it against a limit, with [`Self::arena_bytes`], before preparing a graph of a
    /// file that is not trusted. The figure is this host's; it is 0 where there are no kernels to prepare for.
    pub fn prepared_bytes(&self) -> u64 {
        Step::peak_bytes(self)
    }
}

impl Prepared {
    /// Packs the filters of one graph, in at most [`GraphView::prepared_bytes`] of memory.
    ///
    /// # Errors
    /// When the model has no graph of that name.
    pub fn new(model: &Model<'_>, graph: &str) -> Result<Self, SessionError> {
        let graph = model.graph(graph).ok_or(SessionError::NoSuchGraph)?;
        let steps: Vec<Option<Step>> = graph.nodes().map(|node| Step::of(&graph, &node)).collect();
        let scratch = Scratch::of(steps.iter().flatten());
        Ok(Self { made_for: Identity::of(&graph), steps, scratch })
    }

    /// Whether it was made for this graph of this model.
    pub(super) fn is_for(&self, graph: &GraphView<'_>) -> bool {
        self.made_for == Identity::of(graph)
    }

    /// Runs the node of that index. `None` when the model is another one than this was made for.
    pub(super) fn run(
        &mut self,
        graph: &GraphView<'_>,
        node: &NodeView<'_>,
        index: usize,
        inputs: &[Input<'_>],
        arena: &mut [u8],
    ) -> Option<()> {
        match self.steps.get(index)? {
            Some(step) => step.run(inputs, arena, &mut self.scratch),
            None => node::run::<ALL_OPERATORS>(graph, node, inputs, arena),
        }
    }
}
