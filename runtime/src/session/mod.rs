//! Runs a graph of a checked model in an arena that the caller owns.

mod error;
mod node;
mod node_inputs;
#[cfg(feature = "std")]
mod prepared;

#[cfg(all(test, feature = "alloc"))]
mod expanded_tests;
#[cfg(all(test, feature = "alloc"))]
mod tests;

pub use error::{RunError, SessionError};
#[cfg(feature = "std")]
pub use prepared::Prepared;

use crate::graph::{ALL_OPERATORS, DataType, ValueId};
use crate::memory::{as_f32, is_aligned};
use crate::model::{GraphView, LimitedModel, Model, NodeView, ValueView};

/// What the caller gives for one input of a graph.
#[derive(Clone, Copy, Debug)]
pub enum Input<'i> {
    /// An image, `[h, w, 3]`.
    U8(&'i [u8]),
    /// Numbers, row-major.
    F32(&'i [f32]),
}

impl Input<'_> {
    fn data_type(&self) -> DataType {
        match self {
            Self::U8(_) => DataType::U8,
            Self::F32(_) => DataType::F32,
        }
    }

    fn elements(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }
}

/// A graph with the memory that it runs in. Nothing is allocated.
///
/// # Example
/// ```
/// use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op};
/// use sextant_runtime::memory::{Aligned, AlignedVec};
/// use sextant_runtime::model::{self, Model};
/// use sextant_runtime::session::{Input, Session};
///
/// let mut builder = GraphBuilder::new("encode");
/// let a = builder.input("a", &[2], DataType::F32);
/// let b = builder.input("b", &[2], DataType::F32);
/// let sum = builder.node("sum", Op::Add { activation: Activation::Relu }, &[a, b])?;
/// builder.output("sum", sum);
/// let bytes = AlignedVec::copy_of(&model::write(&Default::default(), &[builder.finish()])?);
///
/// let model = Model::parse(&bytes)?;
/// let mut arena = Aligned([0; 16]);
/// let mut session = Session::new(&model, "encode", &mut arena)?;
/// let mut sum = [0.0; 2];
/// session.run(&[Input::F32(&[1.0, -2.0]), Input::F32(&[2.0, 1.0])], &mut [&mut sum])?;
/// assert_eq!(sum, [3.0, 0.0]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session<'m, 'a, const OPERATORS: u64 = ALL_OPERATORS> {
    graph: GraphView<'m>,
    arena: &'a mut [u8],
    #[cfg(feature = "std")]
    prepared: Option<&'a mut Prepared>,
}

impl<'m, 'a> Session<'m, 'a> {
    /// A session of the graph of that name; `arena` holds its activations between the first and the last node.
    ///
    /// # Errors
    /// When the model has no such graph, or the arena is smaller than [`GraphView::arena_bytes`] or not aligned
    /// to [`crate::memory::ALIGNMENT_BYTES`].
    pub fn new(model: &Model<'m>, graph: &str, arena: &'a mut [u8]) -> Result<Self, SessionError> {
        Self::of(model, graph, arena)
    }

    /// A session that computes with what was prepared for the same graph of the same model.
    ///
    /// # Errors
    /// As [`Self::new`], and when `prepared` was made for another model or graph.
    #[cfg(feature = "std")]
    pub fn with_prepared(
        model: &Model<'m>,
        graph: &str,
        arena: &'a mut [u8],
        prepared: &'a mut Prepared,
    ) -> Result<Self, SessionError> {
        let session = Self::new(model, graph, arena)?;
        match prepared.is_for(&session.graph) {
            true => Ok(Self { prepared: Some(prepared), ..session }),
            false => Err(SessionError::PreparedForAnother),
        }
    }
}

impl<'m, 'a, const OPERATORS: u64> Session<'m, 'a, OPERATORS> {
    /// As [`Session::new`]; the program links no kernels for operators that the model cannot have.
    ///
    /// # Errors
    /// As there.
    pub fn limited(
        model: &LimitedModel<'m, OPERATORS>,
        graph: &str,
        arena: &'a mut [u8],
    ) -> Result<Self, SessionError> {
        Self::of(model, graph, arena)
    }

    #[inline(never)]
    fn of(model: &Model<'m>, graph: &str, arena: &'a mut [u8]) -> Result<Self, SessionError> {
        let graph = model.graph(graph).ok_or(SessionError::NoSuchGraph)?;
        let (required_bytes, found_bytes) = (graph.arena_bytes(), arena.len());
        if !is_aligned(arena) {
            return Err(SessionError::ArenaMisaligned);
        }
        let arena =
            arena.get_mut(..required_bytes).ok_or(SessionError::ArenaTooSmall { required_bytes, found_bytes })?;
        Ok(Self {
            graph,
            arena,
            #[cfg(feature = "std")]
            prepared: None,
        })
    }

    /// The graph that this session runs.
    pub fn graph(&self) -> &GraphView<'m> {
        &self.graph
    }

    /// Runs all nodes on one sample and copies the graph's outputs into `outputs`, in the graph's order.
    ///
    /// # Errors
    /// When number, element types or lengths of inputs or outputs are not the graph's.
    pub fn run(&mut self, inputs: &[Input<'_>], outputs: &mut [&mut [f32]]) -> Result<(), RunError> {
        self.run_watched(inputs, outputs, &mut |_| {})
    }

    /// As [`Self::run`], and calls `watch` after each node, so that it can be timed.
    ///
    /// # Errors
    /// As there.
    pub fn run_watched(
        &mut self,
        inputs: &[Input<'_>],
        outputs: &mut [&mut [f32]],
        watch: &mut dyn FnMut(&NodeView<'m>),
    ) -> Result<(), RunError> {
        self.check_inputs(inputs)?;
        self.check_outputs(outputs)?;
        for (index, node) in self.graph.nodes().enumerate() {
            self.run_node(index, &node, inputs).ok_or(RunError::ModelChanged)?;
            watch(&node);
        }
        for ((_, value), output) in self.graph.outputs().zip(outputs) {
            let result = self.activation(value).ok_or(RunError::ModelChanged)?;
            output.iter_mut().zip(result).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }

    #[cfg(feature = "std")]
    fn run_node(&mut self, index: usize, node: &NodeView<'m>, inputs: &[Input<'_>]) -> Option<()> {
        match &mut self.prepared {
            Some(prepared) => prepared.run(&self.graph, node, index, inputs, self.arena),
            None => node::run::<OPERATORS>(&self.graph, node, inputs, self.arena),
        }
    }

    #[cfg(not(feature = "std"))]
    fn run_node(&mut self, _: usize, node: &NodeView<'m>, inputs: &[Input<'_>]) -> Option<()> {
        node::run::<OPERATORS>(&self.graph, node, inputs, self.arena)
    }

    fn check_inputs(&self, inputs: &[Input<'_>]) -> Result<(), RunError> {
        let expected = self.graph.inputs().len();
        if inputs.len() != expected {
            return Err(RunError::InputCount { expected, found: inputs.len() });
        }
        for (index, (id, input)) in self.graph.inputs().zip(inputs).enumerate() {
            let value = self.graph.value(id).ok_or(RunError::ModelChanged)?;
            if value.data_type != input.data_type() {
                return Err(RunError::InputType { index });
            }
            let (expected, found) = (value.shape.elements(), input.elements());
            if expected != found {
                return Err(RunError::InputLength { index, expected, found });
            }
        }
        Ok(())
    }

    fn check_outputs(&self, outputs: &[&mut [f32]]) -> Result<(), RunError> {
        let expected = self.graph.outputs().len();
        if outputs.len() != expected {
            return Err(RunError::OutputCount { expected, found: outputs.len() });
        }
        for (index, ((_, id), output)) in self.graph.outputs().zip(outputs).enumerate() {
            let expected = self.graph.value(id).ok_or(RunError::ModelChanged)?.shape.elements();
            if output.len() != expected {
                return Err(RunError::OutputLength { index, expected, found: output.len() });
            }
        }
        Ok(())
    }

    fn activation(&self, id: ValueId) -> Option<&[f32]> {
        let (start, end) = arena_range(&self.graph.value(id)?)?;
        as_f32(self.arena.get(start..end)?)
    }
}

fn arena_range(value: &ValueView<'_>) -> Option<(usize, usize)> {
    let start = value.arena_offset? as usize;
    Some((start, start.checked_add(value.bytes()?)?))
}
