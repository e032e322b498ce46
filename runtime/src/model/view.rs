use super::error::Fault;
use super::layout::{self, Section};
use super::record::{Record, Span};
use crate::graph::{DataType, Op, Quantization, Shape, ValueId, WeightId};
use crate::operators::{CodeError, Operand, decode, operator_bit};
use crate::plane_group::FilterExpansion;
use crate::tensor::TensorData;

/// A checked model file, read in place.
#[derive(Clone, Copy)]
pub struct Model<'m> {
    pub(crate) header: &'m [u8; layout::HEADER_BYTES],
    /// The whole file.
    pub(crate) bytes: &'m [u8],
    pub(crate) strings: &'m str,
    pub(crate) data: &'m [u8],
}

impl<'m> Model<'m> {
    /// The text stored under that key.
    pub fn metadata(&self, key: &str) -> Option<&'m str> {
        self.metadata_entries().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// Keys and values, in ascending order of the keys.
    pub fn metadata_entries(&self) -> impl Iterator<Item = (&'m str, &'m str)> + use<'m> {
        let model = *self;
        (0..model.count(Section::Metadata)).filter_map(move |index| model.metadata_at(index).ok())
    }

    /// The graphs, in file order.
    pub fn graphs(&self) -> impl Iterator<Item = GraphView<'m>> + use<'m> {
        let model = *self;
        (0..model.count(Section::Graphs)).filter_map(move |index| model.graph_at(index).ok())
    }

    /// The graph of that name.
    pub fn graph(&self, name: &str) -> Option<GraphView<'m>> {
        self.graphs().find(|graph| graph.name == name)
    }

    /// Bytes of the whole file.
    pub fn file_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The file's own, which covers all but its first bytes.
    #[cfg(feature = "std")]
    pub(crate) fn checksum(&self) -> u32 {
        Record(self.header).u32(layout::CHECKSUM_OFFSET)
    }

    pub(crate) fn count(&self, section: Section) -> usize {
        self.section(section).len() / section.record_bytes()
    }

    /// `BYTES` are those of the section's records.
    pub(crate) fn record<const BYTES: usize>(
        &self,
        section: Section,
        index: usize,
    ) -> Result<Record<'m, BYTES>, Fault> {
        let (records, _) = self.section(section).as_chunks::<BYTES>();
        records.get(index).map(Record).ok_or(Fault::OutOfRange)
    }

    fn section(&self, section: Section) -> &'m [u8] {
        let Span { first, count } = Record(self.header).span(layout::SECTION_TABLE_OFFSET + 8 * section as usize);
        self.bytes.get(first..).and_then(|rest| rest.get(..count)).unwrap_or(&[])
    }

    pub(crate) fn metadata_at(&self, index: usize) -> Result<(&'m str, &'m str), Fault> {
        let record = self.record::<{ layout::METADATA_BYTES }>(Section::Metadata, index)?;
        Ok((record.name(self.strings)?, record.text(layout::METADATA_VALUE, self.strings)?))
    }

    pub(crate) fn graph_at(&self, index: usize) -> Result<GraphView<'m>, Fault> {
        let record = self.record::<{ layout::GRAPH_BYTES }>(Section::Graphs, index)?;
        record.require_zero(layout::graph::RESERVED, Fault::ReservedNotZero)?;
        Ok(GraphView {
            model: *self,
            name: record.name(self.strings)?,
            values: record.span(layout::graph::VALUES),
            nodes: record.span(layout::graph::NODES),
            weights: record.span(layout::graph::WEIGHTS),
            inputs: record.span(layout::graph::INPUTS),
            outputs: record.span(layout::graph::OUTPUTS),
            arena_bytes: record.u32(layout::graph::ARENA_BYTES) as usize,
            scratch_bytes: record.u32(layout::graph::SCRATCH_BYTES) as usize,
        })
    }

    pub(crate) fn link(&self, index: usize) -> Option<ValueId> {
        self.record::<{ layout::LINK_BYTES }>(Section::Links, index).ok().map(|record| ValueId(record.u32(0)))
    }
}

impl core::fmt::Debug for Model<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Model({} bytes)", self.bytes.len())
    }
}

/// A checked model that has none but these operators ([`GraphView::operators`]): a program that reads and runs only such
/// ones links no code for others.
///
/// # Example
/// ```
/// # use sextant_runtime::graph::{DataType, GraphBuilder, Op};
/// # use sextant_runtime::memory::{Aligned, AlignedVec};
/// # use sextant_runtime::{model, session::{Input, Session}};
/// # let mut builder = GraphBuilder::new("encode");
/// # let x = builder.input("x", &[2], DataType::F32);
/// # let y = builder.node("y", Op::Relu, &[x])?;
/// # builder.output("y", y);
/// # let bytes = AlignedVec::copy_of(&model::write(&Default::default(), &[builder.finish()])?);
/// const OPERATORS: u64 = 0x20; // as in a firmware's `description.rs`: here ReLU of float32
/// let model = model::LimitedModel::<OPERATORS>::parse(&bytes)?;
/// let mut arena = Aligned([0; 16]);
/// let mut y = [0.0; 2];
/// Session::limited(&model, "encode", &mut arena)?.run(&[Input::F32(&[-1.0, 1.0])], &mut [&mut y])?;
/// assert_eq!(y, [0.0, 1.0]);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LimitedModel<'m, const OPERATORS: u64>(pub(super) Model<'m>);

impl<'m, const OPERATORS: u64> core::ops::Deref for LimitedModel<'m, OPERATORS> {
    type Target = Model<'m>;

    fn deref(&self) -> &Model<'m> {
        &self.0
    }
}

/// One graph of a checked model.
#[derive(Clone, Copy)]
pub struct GraphView<'m> {
    pub(crate) model: Model<'m>,
    pub(crate) name: &'m str,
    pub(crate) values: Span,
    pub(crate) nodes: Span,
    pub(crate) weights: Span,
    pub(crate) inputs: Span,
    pub(crate) outputs: Span,
    pub(crate) arena_bytes: usize,
    /// At the arena's end, for windows that a node gathers.
    pub(crate) scratch_bytes: usize,
}

impl<'m> GraphView<'m> {
    /// `encode` or `predict_latent`.
    pub fn name(&self) -> &'m str {
        self.name
    }

    /// Exactly the bytes that running the graph needs.
    pub fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// Bytes of the arena before its scratch part.
    pub(crate) fn activation_bytes(&self) -> usize {
        self.arena_bytes.saturating_sub(self.scratch_bytes)
    }

    /// Values that the caller gives, in order.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = ValueId> + use<'m> {
        links(self.model, self.inputs)
    }

    /// Named values that the caller gets, in order.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = (&'m str, ValueId)> + use<'m> {
        let graph = *self;
        (0..graph.outputs.count).map(move |index| graph.output_at(index).unwrap_or(("", ValueId(0))))
    }

    /// How many values there are; their ids count from zero.
    pub fn value_count(&self) -> usize {
        self.values.count
    }

    /// What is known of a value.
    #[inline(never)]
    pub fn value(&self, id: ValueId) -> Option<ValueView<'m>> {
        self.value_at(id.0 as usize).ok()
    }

    /// The nodes, in the order in which they run.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeView<'m>> + use<'m> {
        let graph = *self;
        let unreachable = NodeView { model: graph.model, name: "", op: Op::Relu, inputs: EMPTY, output: ValueId(0) };
        (0..graph.nodes.count).map(move |index| graph.node_at(index).unwrap_or(unreachable))
    }

    /// The bit of a node's operator in a set of operators, if it makes numbers of that type.
    pub(crate) fn operator_bit(&self, node: &NodeView<'m>, makes: DataType) -> u64 {
        let weight = match node.op {
            Op::Conv2d { weight, .. } => self.weight(weight),
            _ => None,
        };
        operator_bit(&node.op, makes, weight.map(|weight| (weight.shape, weight.expansion)))
    }

    /// The operators that the graph has, as a set for [`LimitedModel`].
    pub fn operators(&self) -> u64 {
        let bit = |node: NodeView<'m>| Some(self.operator_bit(&node, self.value(node.output)?.data_type));
        self.nodes().filter_map(bit).fold(0, |all, bit| all | bit)
    }

    /// How many weights there are; their ids count from zero.
    pub fn weight_count(&self) -> usize {
        self.weights.count
    }

    /// Bytes of all constants as if each weight had its own, as [`crate::graph::Graph::from_model`] copies them. A file
    /// stores equal ones once, and a small one can name a large constant thousands of times.
    pub fn constant_bytes(&self) -> u64 {
        let bytes = |index| self.weight_at(index).map_or(0, |weight| weight.data.bytes());
        (0..self.weights.count).map(bytes).fold(0, u64::saturating_add)
    }

    /// A constant.
    #[inline(never)]
    pub fn weight(&self, id: WeightId) -> Option<TensorView<'m>> {
        self.weight_at(id.0 as usize).ok()
    }

    pub(crate) fn value_at(&self, index: usize) -> Result<ValueView<'m>, Fault> {
        let record = self.value_record(index)?;
        record.require_zero(10..12, Fault::ReservedNotZero)?;
        let data_type = record.data_type(layout::value::DATA_TYPE)?;
        Ok(ValueView {
            name: record.name(self.model.strings)?,
            shape: record.shape(layout::value::RANK, layout::value::SHAPE)?,
            data_type,
            quantization: quantization(record, data_type)?,
            arena_offset: record.optional(layout::value::ARENA_OFFSET),
            made_by: record.optional(layout::value::MADE_BY),
            last_use: record.optional(layout::value::LAST_USE),
        })
    }

    pub(crate) fn value_record(&self, index: usize) -> Result<Record<'m, { layout::VALUE_BYTES }>, Fault> {
        self.model.record::<{ layout::VALUE_BYTES }>(Section::Values, self.values.at(index).ok_or(Fault::Reference)?)
    }

    pub(crate) fn node_at(&self, index: usize) -> Result<NodeView<'m>, Fault> {
        let record = self.node_record(index)?;
        let count = usize::from(record.u16(layout::node::INPUT_COUNT));
        Ok(NodeView {
            model: self.model,
            name: record.name(self.model.strings)?,
            op: operator(record)?,
            inputs: Span { first: record.u32(layout::node::FIRST_INPUT) as usize, count },
            output: ValueId(record.u32(layout::node::OUTPUT)),
        })
    }

    pub(crate) fn node_record(&self, index: usize) -> Result<Record<'m, { layout::NODE_BYTES }>, Fault> {
        self.model.record::<{ layout::NODE_BYTES }>(Section::Nodes, self.nodes.at(index).ok_or(Fault::Reference)?)
    }

    pub(crate) fn weight_at(&self, index: usize) -> Result<TensorView<'m>, Fault> {
        let record = self
            .model
            .record::<{ layout::WEIGHT_BYTES }>(Section::Weights, self.weights.at(index).ok_or(Fault::Reference)?)?;
        let tensor = self.model.tensor_at(record.u32(layout::weight::TENSOR) as usize)?;
        let name = record.name(self.model.strings)?;
        Ok(TensorView { name, shape: tensor.shape, data: tensor.data, expansion: tensor.expansion })
    }

    pub(crate) fn output_at(&self, index: usize) -> Result<(&'m str, ValueId), Fault> {
        let record = self
            .model
            .record::<{ layout::OUTPUT_BYTES }>(Section::Outputs, self.outputs.at(index).ok_or(Fault::Reference)?)?;
        Ok((record.name(self.model.strings)?, ValueId(record.u32(layout::output::VALUE))))
    }
}

impl core::fmt::Debug for GraphView<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "GraphView({}, {} nodes, arena of {} bytes)", self.name, self.nodes.count, self.arena_bytes)
    }
}

/// The operator of a node.
fn operator(record: Record<'_, { layout::NODE_BYTES }>) -> Result<Op, Fault> {
    let (code, activation) = (record.u8(layout::node::OPERATOR), record.u8(layout::node::ACTIVATION));
    let parameters = record.0.get(layout::node::PARAMETERS..).and_then(|bytes| bytes.first_chunk());
    decode(code, activation, parameters.ok_or(Fault::Parameters)?).map_err(|error| match error {
        CodeError::Operator => Fault::Operator,
        CodeError::Parameters => Fault::Parameters,
    })
}

/// Scale and zero point of an int8 value; a value of another type has none.
fn quantization(
    record: Record<'_, { layout::VALUE_BYTES }>,
    data_type: DataType,
) -> Result<Option<Quantization>, Fault> {
    if data_type != DataType::I8 {
        record.require_zero(layout::value::QUANTIZATION_FIELDS, Fault::Quantization)?;
        return Ok(None);
    }
    let zero_point = record.u32(layout::value::ZERO_POINT).cast_signed();
    let zero_point = i8::try_from(zero_point).map_err(|_| Fault::Quantization)?;
    let quantization = Quantization { scale: record.f32(layout::value::SCALE), zero_point };
    if quantization.is_valid() { Ok(Some(quantization)) } else { Err(Fault::Quantization) }
}

const EMPTY: Span = Span { first: 0, count: 0 };

fn links<'m>(model: Model<'m>, span: Span) -> impl ExactSizeIterator<Item = ValueId> + use<'m> {
    (0..span.count).map(move |index| span.at(index).and_then(|index| model.link(index)).unwrap_or(ValueId(u32::MAX)))
}

/// What is known of a value before anything runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ValueView<'m> {
    /// From the layer that made it.
    pub name: &'m str,
    /// Without the batch axis.
    pub shape: Shape,
    /// Element type.
    pub data_type: DataType,
    /// What the numbers stand for; of int8 values only.
    pub quantization: Option<Quantization>,
    /// First byte in the arena; `None` for inputs, which stay where the caller has them.
    pub arena_offset: Option<u32>,
    /// The node that makes it; `None` for inputs.
    pub made_by: Option<u32>,
    /// The last node that reads it, its maker when none does, the number of nodes when it is an output of the
    /// graph; `None` for inputs.
    pub last_use: Option<u32>,
}

impl ValueView<'_> {
    /// Bytes that the value takes; `None` when they are more than `u32` counts.
    pub fn bytes(&self) -> Option<usize> {
        let bytes = self.shape.elements().checked_mul(self.data_type.bytes())?;
        u32::try_from(bytes).is_ok().then_some(bytes)
    }

    /// What operators see of it.
    pub(crate) fn operand(&self) -> Operand {
        Operand { shape: self.shape, data_type: self.data_type, quantization: self.quantization }
    }
}

/// One operator application.
#[derive(Clone, Copy)]
pub struct NodeView<'m> {
    model: Model<'m>,
    /// From the layer that lowered to it.
    pub name: &'m str,
    /// What it computes. Weight ids are of the node's graph.
    pub op: Op,
    pub(crate) inputs: Span,
    /// The value it makes.
    pub output: ValueId,
}

impl<'m> NodeView<'m> {
    /// Values it reads.
    pub fn inputs(&self) -> impl ExactSizeIterator<Item = ValueId> + use<'m> {
        links(self.model, self.inputs)
    }
}

impl core::fmt::Debug for NodeView<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NodeView({}, {:?})", self.name, self.op)
    }
}

/// A constant of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TensorView<'m> {
    /// From the layer that lowered to it.
    pub name: &'m str,
    /// Layout as the operator says; where there is an expansion, of the base filters.
    pub shape: Shape,
    /// In place.
    pub data: TensorData<'m>,
    /// How an [`Op::Conv2d`] gets all filters, if only the base filters are stored.
    pub expansion: Option<FilterExpansion>,
}
