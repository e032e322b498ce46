//! Everything that is checked once, so that nothing has to be checked when the model runs.

use super::checksum::crc32;
use super::error::{Fault, ParseError};
use super::layout::{self, *};
use super::name::is_hidden;
use super::operands::FileOperands;
use super::record::{Record, Span};
use super::view::{GraphView, LimitedModel, Model, NodeView, ValueView};
use crate::graph::{ALL_OPERATORS, DataType, ValueId};
use crate::memory::is_aligned;
use crate::operators::{Operands, check_scales, infer, joins, overlap, scratch_bytes};

impl<'m> Model<'m> {
    /// The model in these bytes, which stay where they are.
    ///
    /// Nothing is allocated. After this, neither reading nor running the model can panic, whatever the bytes were.
    ///
    /// # Errors
    /// When anything in the file contradicts anything else, or is of another version.
    pub fn parse(bytes: &'m [u8]) -> Result<Self, ParseError> {
        LimitedModel::<ALL_OPERATORS>::parse(bytes).map(|model| *model)
    }

    /// The model in bytes that [`Self::parse`] has taken before, without checking them again.
    #[cfg(feature = "std")]
    pub(crate) fn from_checked(bytes: &'m [u8]) -> Result<Self, ParseError> {
        split_sections(bytes)
    }
}

impl<'m, const OPERATORS: u64> LimitedModel<'m, OPERATORS> {
    /// As [`Model::parse`].
    ///
    /// # Errors
    /// As there, and when a graph has another operator.
    #[inline(never)]
    pub fn parse(bytes: &'m [u8]) -> Result<Self, ParseError> {
        check_header(bytes)?;
        let model = split_sections(bytes)?;
        check_metadata(&model)?;
        check_tensors(&model)?;
        let mut used = Used::default();
        for index in 0..model.count(Section::Graphs) {
            check_graph::<OPERATORS>(&model, index, &mut used)?;
        }
        used.check_complete(&model)?;
        Ok(Self(model))
    }
}

fn check_header(bytes: &[u8]) -> Result<(), ParseError> {
    let too_short = ParseError::TooShort { found_bytes: bytes.len() };
    if bytes.len() < MAGIC.len() {
        return Err(too_short);
    }
    if !bytes.starts_with(&MAGIC) {
        return Err(ParseError::Magic);
    }
    let header = Record(bytes.first_chunk::<HEADER_BYTES>().ok_or(too_short)?);
    if header.u32(MAGIC.len()) != VERSION {
        return Err(ParseError::Version { found: header.u32(MAGIC.len()) });
    }
    let declared_bytes = header.u32(LENGTH_OFFSET);
    if declared_bytes as usize != bytes.len() {
        return Err(ParseError::Length { declared_bytes, found_bytes: bytes.len() });
    }
    let (stored, computed) = (header.u32(CHECKSUM_OFFSET), crc32(bytes.get(CHECKED_FROM..).unwrap_or(&[])));
    if stored != computed {
        return Err(ParseError::Checksum { stored, computed });
    }
    if !is_aligned(bytes) {
        return Err(ParseError::Misaligned);
    }
    Ok(())
}

fn split_sections(bytes: &[u8]) -> Result<Model<'_>, ParseError> {
    let too_short = ParseError::TooShort { found_bytes: bytes.len() };
    let header = Record(bytes.first_chunk::<HEADER_BYTES>().ok_or(too_short)?);
    let mut strings: &[u8] = &[];
    let mut position = HEADER_BYTES;
    for (index, section) in SECTIONS.iter().enumerate() {
        let wrong = ParseError::SectionTable { section: *section };
        let Span { first: offset, count: length } = header.span(SECTION_TABLE_OFFSET + 8 * index);
        let end = offset.checked_add(length).ok_or(wrong)?;
        let next = aligned(end).ok_or(wrong)?;
        if offset != position || length % section.record_bytes() != 0 {
            return Err(wrong);
        }
        // The last one in the table.
        strings = bytes.get(offset..end).ok_or(wrong)?;
        if bytes.get(end..next).is_none_or(|padding| padding.iter().any(|byte| *byte != 0)) {
            return Err(wrong);
        }
        position = next;
    }
    if header.u32(SECTION_COUNT_OFFSET) as usize != SECTION_COUNT {
        return Err(ParseError::SectionTable { section: Section::Metadata });
    }
    let strings = core::str::from_utf8(strings).map_err(|error| ParseError::Record {
        section: Section::Strings,
        index: error.valid_up_to(),
        fault: Fault::Utf8,
    })?;
    Ok(Model { header: header.0, bytes, strings, data: bytes.get(position..).unwrap_or(&[]) })
}

/// Turns a fault into an error that says where it is.
fn at(section: Section, index: usize) -> impl Fn(Fault) -> ParseError {
    move |fault| ParseError::Record { section, index, fault }
}

/// Names are checked here and not where they are read: they are read whenever a node runs.
///
/// A program without `alloc`, as on a microcontroller, prints none, and saves the 600 bytes that the check takes there.
#[inline(never)]
fn check_name(name: &str) -> Result<(), Fault> {
    if cfg!(feature = "alloc") && name.chars().any(is_hidden) { Err(Fault::NameCharacter) } else { Ok(()) }
}

fn check_metadata(model: &Model<'_>) -> Result<(), ParseError> {
    let mut previous = "";
    for index in 0..model.count(Section::Metadata) {
        let (key, _) = model.metadata_at(index).map_err(at(Section::Metadata, index))?;
        check_name(key).map_err(at(Section::Metadata, index))?;
        if key <= previous {
            return Err(at(Section::Metadata, index)(Fault::NameOrder));
        }
        previous = key;
    }
    Ok(())
}

fn check_tensors(model: &Model<'_>) -> Result<(), ParseError> {
    let mut position = 0;
    for index in 0..model.count(Section::Tensors) {
        position = check_tensor(model, index, position).map_err(at(Section::Tensors, index))?;
    }
    if position != model.data.len() {
        return Err(at(Section::Tensors, model.count(Section::Tensors))(Fault::NotConsecutive));
    }
    Ok(())
}

/// Where the next tensor's data must start. Consecutive tensors cannot be listed more often than they are stored,
/// so checking them takes no longer than reading the file.
fn check_tensor(model: &Model<'_>, index: usize, position: usize) -> Result<usize, Fault> {
    let record = model.record::<TENSOR_BYTES>(Section::Tensors, index)?;
    if record.u32(layout::tensor::DATA_OFFSET) as usize != position {
        return Err(Fault::NotConsecutive);
    }
    let tensor = model.tensor_at(index)?;
    tensor.check_numbers()?;
    let next = aligned(tensor.end).ok_or(Fault::OutOfRange)?;
    let data_padding = aligned(tensor.data_end).and_then(|end| model.data.get(tensor.data_end..end));
    let padding = model.data.get(tensor.end..next);
    let (Some(data_padding), Some(padding)) = (data_padding, padding) else { return Err(Fault::OutOfRange) };
    if data_padding.iter().chain(padding).any(|byte| *byte != 0) { Err(Fault::ReservedNotZero) } else { Ok(next) }
}

/// How far each section has been used by the graphs so far.
#[derive(Default)]
struct Used {
    values: usize,
    nodes: usize,
    weights: usize,
    links: usize,
    outputs: usize,
}

impl Used {
    fn check_complete(&self, model: &Model<'_>) -> Result<(), ParseError> {
        let used = [
            (Section::Values, self.values),
            (Section::Nodes, self.nodes),
            (Section::Weights, self.weights),
            (Section::Links, self.links),
            (Section::Outputs, self.outputs),
        ];
        for (section, used) in used {
            if used != model.count(section) {
                return Err(at(section, used)(Fault::NotConsecutive));
            }
        }
        Ok(())
    }
}

/// Takes the next records of a section.
fn take(used: &mut usize, span: Span, most: usize, available: usize) -> Result<(), Fault> {
    if span.count > most {
        return Err(Fault::TooMany);
    }
    if span.first != *used {
        return Err(Fault::NotConsecutive);
    }
    *used = span.end();
    if *used > available { Err(Fault::OutOfRange) } else { Ok(()) }
}

fn check_graph<const OPERATORS: u64>(model: &Model<'_>, index: usize, used: &mut Used) -> Result<(), ParseError> {
    let graph = check_graph_record(model, index, used).map_err(at(Section::Graphs, index))?;
    for value in 0..graph.values.count {
        check_value(&graph, value).map_err(at(Section::Values, graph.values.first + value))?;
    }
    let (mut scratch, mut end) = (0, 0);
    for node in 0..graph.nodes.count {
        check_node::<OPERATORS>(&graph, node, used, &mut scratch)
            .map_err(at(Section::Nodes, graph.nodes.first + node))?;
    }
    for weight in 0..graph.weights.count {
        let view = graph.weight_at(weight);
        view.and_then(|view| check_name(view.name)).map_err(at(Section::Weights, graph.weights.first + weight))?;
    }
    for output in 0..graph.outputs.count {
        check_output(&graph, output).map_err(at(Section::Outputs, graph.outputs.first + output))?;
    }
    for value in 0..graph.values.count {
        check_memory::<OPERATORS>(&graph, value, &mut end).map_err(at(Section::Values, graph.values.first + value))?;
    }
    if arena_size(end, scratch) != Some((graph.arena_bytes, graph.scratch_bytes)) {
        return Err(at(Section::Graphs, index)(Fault::ArenaSize));
    }
    Ok(())
}

fn check_graph_record<'m>(model: &Model<'m>, index: usize, used: &mut Used) -> Result<GraphView<'m>, Fault> {
    if index >= MAX_GRAPHS {
        return Err(Fault::TooMany);
    }
    let graph = model.graph_at(index)?;
    check_name(graph.name)?;
    for other in 0..index {
        if model.graph_at(other)?.name == graph.name {
            return Err(Fault::NameOrder);
        }
    }
    take(&mut used.values, graph.values, MAX_NODES + MAX_GRAPH_INPUTS, model.count(Section::Values))?;
    take(&mut used.nodes, graph.nodes, MAX_NODES, model.count(Section::Nodes))?;
    take(&mut used.weights, graph.weights, model.count(Section::Weights), model.count(Section::Weights))?;
    take(&mut used.links, graph.inputs, MAX_GRAPH_INPUTS, model.count(Section::Links))?;
    take(&mut used.outputs, graph.outputs, MAX_GRAPH_OUTPUTS, model.count(Section::Outputs))?;
    // Every value is an input or made by one node: with the checks of both, none can be left over.
    if graph.values.count != graph.inputs.count + graph.nodes.count {
        return Err(Fault::Reference);
    }
    for (position, input) in graph.inputs().enumerate() {
        let value = graph.value(input).ok_or(Fault::Reference)?;
        if matches!(value.data_type, DataType::I8 | DataType::I32) {
            return Err(Fault::DataType);
        }
        if value.made_by.is_some() {
            return Err(Fault::Reference);
        }
        for other in 0..position {
            if graph.inputs.at(other).and_then(|index| model.link(index)) == Some(input) {
                return Err(Fault::Reference);
            }
        }
    }
    Ok(graph)
}

fn check_value(graph: &GraphView<'_>, index: usize) -> Result<(), Fault> {
    let value = graph.value_at(index)?;
    check_name(value.name)?;
    let bytes = value.bytes().ok_or(Fault::Shape)?;
    match (value.made_by, value.last_use, value.arena_offset) {
        (None, None, None) => Ok(()),
        (Some(maker), Some(last_use), Some(offset)) => {
            // Whether the node itself is sound is checked with the nodes.
            let made = graph.node_record(maker as usize).map_err(|_| Fault::LiveRange)?.u32(layout::node::OUTPUT);
            if made as usize != index || last_use < maker || last_use as usize > graph.nodes.count {
                return Err(Fault::LiveRange);
            }
            if !(offset as usize).is_multiple_of(SECTION_ALIGNMENT_BYTES) {
                return Err(Fault::Alignment);
            }
            let end = (offset as usize).checked_add(bytes).ok_or(Fault::OutOfRange)?;
            if end > graph.activation_bytes() { Err(Fault::OutOfRange) } else { Ok(()) }
        }
        _ => Err(Fault::LiveRange),
    }
}

fn check_node<const OPERATORS: u64>(
    graph: &GraphView<'_>,
    index: usize,
    used: &mut Used,
    scratch: &mut usize,
) -> Result<(), Fault> {
    let node = graph.node_at(index)?;
    check_name(node.name)?;
    take(&mut used.links, node.inputs, MAX_NODE_INPUTS, graph.model.count(Section::Links))?;
    for input in node.inputs() {
        let value = graph.value(input).ok_or(Fault::Reference)?;
        if value.made_by.is_some_and(|maker| maker as usize >= index) {
            return Err(Fault::ReadBeforeMade);
        }
        if value.last_use.is_some_and(|last_use| (last_use as usize) < index) {
            return Err(Fault::LiveRange);
        }
    }
    let output = graph.value(node.output).ok_or(Fault::Reference)?;
    if output.made_by != u32::try_from(index).ok() {
        return Err(Fault::LiveRange);
    }
    if OPERATORS & graph.operator_bit(&node, output.data_type) == 0 {
        return Err(Fault::OperatorNotLinked);
    }
    let operands = FileOperands::of(graph, &node);
    *scratch = scratch_bytes::<OPERATORS>(&node.op, &operands).max(*scratch);
    let inferred = infer::<OPERATORS>(&node.op, &operands).map_err(Fault::Operands)?;
    if inferred != (output.shape, output.data_type) {
        return Err(Fault::ShapeMismatch);
    }
    check_scales::<OPERATORS>(&node.op, &operands, output.data_type, output.quantization).map_err(Fault::Operands)
}

fn check_output(graph: &GraphView<'_>, index: usize) -> Result<(), Fault> {
    let (name, id) = graph.output_at(index)?;
    check_name(name)?;
    for other in 0..index {
        if graph.output_at(other)?.0 == name {
            return Err(Fault::NameOrder);
        }
    }
    let value = graph.value(id).ok_or(Fault::Reference)?;
    if value.data_type != DataType::F32 {
        return Err(Fault::DataType);
    }
    match value.last_use {
        None => Err(Fault::Reference),
        Some(last_use) if last_use as usize != graph.nodes.count => Err(Fault::LiveRange),
        Some(_) => Ok(()),
    }
}

/// Checks that a value's last use is one, and that no value which is needed at the same time shares its memory; `end`
/// becomes the largest end of a value so far.
fn check_memory<const OPERATORS: u64>(graph: &GraphView<'_>, index: usize, end: &mut usize) -> Result<(), Fault> {
    let value = graph.value_at(index)?;
    let Some(place) = Place::of(&value) else { return Ok(()) };
    *end = place.end.max(*end);
    if !is_last_use(graph, ValueId(index as u32), &place) {
        return Err(Fault::LiveRange);
    }
    for other in 0..index {
        let other_place = graph.value_record(other).ok().and_then(Place::of_checked);
        let collides =
            |there: Place| place.collides(&there) && !may_share::<OPERATORS>(graph, (index, &place), (other, &there));
        if other_place.is_some_and(collides) {
            return Err(Fault::Overlap { other: graph.values.first + other });
        }
    }
    Ok(())
}

#[inline]
fn is_last_use(graph: &GraphView<'_>, id: ValueId, place: &Place) -> bool {
    let reads = |node: NodeView<'_>| node.inputs().any(|input| input == id);
    if place.last_use == graph.nodes.count {
        graph.outputs().any(|(_, output)| output == id)
    } else {
        place.last_use == place.made_by || graph.node_at(place.last_use).is_ok_and(reads)
    }
}

/// Whether one of two values is made in place of the other, row by row behind it, or is a part of it.
fn may_share<const OPERATORS: u64>(graph: &GraphView<'_>, a: (usize, &Place), b: (usize, &Place)) -> bool {
    let ((earlier, input), (_, result)) = if a.1.made_by < b.1.made_by { (a, b) } else { (b, a) };
    let Ok(node) = graph.node_at(result.made_by) else { return false };
    let (Some(read), Some(made)) = (graph.value(ValueId(earlier as u32)), graph.value(node.output)) else {
        return false;
    };
    let allows = |before: Option<usize>| {
        let before = || before;
        let how = overlap::<OPERATORS>(&node.op, (read.shape, read.data_type), (made.shape, made.data_type), before);
        how.is_some_and(|how| {
            (how.keeps_input() || input.last_use == result.made_by) && how.allows(result.start, input.start)
        })
    };
    // Summed up on the way, and not anew for each input: a node may list one value 256 times.
    let operands = FileOperands::of(graph, &node);
    let adds_up = joins::<OPERATORS>(&node.op);
    let mut before = Some(0usize);
    for (index, id) in node.inputs().enumerate() {
        if id.0 as usize == earlier && allows(before) {
            return true;
        }
        if adds_up {
            before = before.and_then(|before| before.checked_add(operands.input(index)?.bytes()?));
        }
    }
    false
}

/// Bytes of the whole arena, which holds the activations and after them what the neediest node gathers, and of that part.
pub(crate) fn arena_size(activations_end: usize, scratch: usize) -> Option<(usize, usize)> {
    match scratch {
        0 => Some((activations_end, 0)),
        scratch => Some((aligned(activations_end)?.checked_add(scratch)?, scratch)),
    }
}

/// Which bytes a value takes, and from which node to which.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct Place {
    pub start: usize,
    pub end: usize,
    pub made_by: usize,
    pub last_use: usize,
}

impl Place {
    #[inline]
    fn of(value: &ValueView<'_>) -> Option<Self> {
        let start = value.arena_offset? as usize;
        let end = start.checked_add(value.bytes()?)?;
        Some(Self { start, end, made_by: value.made_by? as usize, last_use: value.last_use? as usize })
    }

    /// The same from a record whose names have been checked: this runs for every pair of values.
    #[inline]
    fn of_checked(record: Record<'_, VALUE_BYTES>) -> Option<Self> {
        let start = record.optional(layout::value::ARENA_OFFSET)? as usize;
        let shape = record.shape(layout::value::RANK, layout::value::SHAPE).ok()?;
        let bytes = shape.elements().checked_mul(record.data_type(layout::value::DATA_TYPE).ok()?.bytes())?;
        Some(Self {
            start,
            end: start.checked_add(bytes)?,
            made_by: record.u32(layout::value::MADE_BY) as usize,
            last_use: record.u32(layout::value::LAST_USE) as usize,
        })
    }

    /// Whether both are needed while some node runs. A node's inputs and its output are.
    pub fn lives_with(&self, other: &Self) -> bool {
        self.made_by <= other.last_use && other.made_by <= self.last_use
    }

    fn collides(&self, other: &Self) -> bool {
        self.lives_with(other) && self.start < other.end && other.start < self.end
    }
}
