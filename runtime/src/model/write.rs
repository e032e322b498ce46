use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::checksum::crc32;
use super::error::ParseError;
use super::layout::{self, *};
use super::name::is_hidden;
use super::plan::{Plan, plan_memory};
use super::view::Model;
use crate::graph::{DataType, Graph, Node, Shape, ValueInfo, Weight, WeightData};
use crate::memory::AlignedVec;
use crate::operators::OpCode;
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};
use crate::tensor::filter_row_bytes;

/// Why a model cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// A name or metadata key is empty, longer than [`super::MAX_NAME_BYTES`], or has a hidden character
    /// ([`super::is_hidden`]).
    Name {
        /// The name.
        name: String,
    },
    /// A node, an output or a list names a value or weight that the graph does not have.
    Reference {
        /// The graph's name.
        graph: String,
    },
    /// The file or the arena would be larger than 4 GiB.
    TooLarge,
    /// The graphs break a rule of the format, as the reader found.
    Invalid(ParseError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => {
                write!(f, "the name {name:?} is empty, longer than {MAX_NAME_BYTES} bytes or has hidden characters")
            }
            Self::Reference { graph } => write!(f, "graph {graph:?} refers to a value or weight that it does not have"),
            Self::TooLarge => f.write_str("the model or its arena is larger than 4 GiB"),
            Self::Invalid(error) => write!(f, "the graphs cannot be stored: {error}"),
        }
    }
}

impl core::error::Error for WriteError {}

/// The bytes of a model file. Constants of equal shape and content are stored once.
///
/// # Errors
/// When the graphs cannot be stored; whatever is returned, [`Model::parse`] takes.
///
/// # Example
/// ```
/// use sextant_runtime::graph::{DataType, GraphBuilder, Op};
/// use sextant_runtime::{memory::AlignedVec, model};
/// let mut builder = GraphBuilder::new("encode");
/// let numbers = builder.input("numbers", &[9], DataType::F32);
/// let rotation = builder.node("rotation", Op::NearestRotation, &[numbers])?;
/// builder.output("rotation_wxyz", rotation);
/// let bytes = AlignedVec::copy_of(&model::write(&Default::default(), &[builder.finish()])?);
/// let model = model::Model::parse(&bytes)?;
/// assert_eq!(model.graph("encode").unwrap().arena_bytes(), 16);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn write(metadata: &BTreeMap<String, String>, graphs: &[Graph]) -> Result<Vec<u8>, WriteError> {
    let mut writer = Writer::default();
    for (key, value) in metadata {
        writer.name(Section::Metadata, key)?;
        writer.text(Section::Metadata, value)?;
    }
    for graph in graphs {
        writer.graph(graph)?;
    }
    let bytes = writer.finish()?;
    Model::parse(&AlignedVec::copy_of(&bytes)).map_err(WriteError::Invalid)?;
    Ok(bytes)
}

/// The arena that running a graph will take when it is written: [`super::GraphView::arena_bytes`].
///
/// # Errors
/// When a node or an output names a value that the graph does not have, or the arena would be larger than 4 GiB.
pub fn planned_arena_bytes(graph: &Graph) -> Result<usize, WriteError> {
    check_references(graph)?;
    plan_memory(graph).map(|plan| plan.arena_bytes).ok_or(WriteError::TooLarge)
}

#[derive(Default)]
struct Writer<'g> {
    sections: [Vec<u8>; SECTION_COUNT],
    data: Vec<u8>,
    /// First tensor with that hash of its content, then further ones.
    tensors: BTreeMap<u32, Vec<(u32, &'g Weight)>>,
}

impl<'g> Writer<'g> {
    fn section(&mut self, section: Section) -> &mut Vec<u8> {
        &mut self.sections[section as usize]
    }

    fn count(&mut self, section: Section) -> Result<u32, WriteError> {
        number(self.section(section).len() / section.record_bytes())
    }

    fn u32(&mut self, section: Section, value: u32) {
        self.section(section).extend_from_slice(&value.to_le_bytes());
    }

    fn number(&mut self, section: Section, value: usize) -> Result<(), WriteError> {
        self.u32(section, number(value)?);
        Ok(())
    }

    fn zeros(&mut self, section: Section, count: usize) {
        let section = self.section(section);
        section.resize(section.len() + count, 0);
    }

    fn text(&mut self, section: Section, text: &str) -> Result<(), WriteError> {
        let start = self.section(Section::Strings).len();
        self.section(Section::Strings).extend_from_slice(text.as_bytes());
        self.number(section, start)?;
        self.number(section, text.len())
    }

    fn name(&mut self, section: Section, name: &str) -> Result<(), WriteError> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(is_hidden) {
            return Err(WriteError::Name { name: name.to_string() });
        }
        self.text(section, name)
    }

    fn shape(&mut self, section: Section, shape: &[usize]) -> Result<(), WriteError> {
        for axis in 0..crate::graph::MAX_RANK {
            self.number(section, shape.get(axis).copied().unwrap_or(0))?;
        }
        Ok(())
    }

    fn graph(&mut self, graph: &'g Graph) -> Result<(), WriteError> {
        check_references(graph)?;
        let plan = plan_memory(graph).ok_or(WriteError::TooLarge)?;
        self.name(Section::Graphs, &graph.name)?;
        for (section, count) in [
            (Section::Values, graph.values.len()),
            (Section::Nodes, graph.nodes.len()),
            (Section::Weights, graph.weights.len()),
            (Section::Links, graph.inputs.len()),
            (Section::Outputs, graph.outputs.len()),
        ] {
            let first = self.count(section)?;
            self.u32(Section::Graphs, first);
            self.number(Section::Graphs, count)?;
        }
        self.number(Section::Graphs, plan.arena_bytes)?;
        self.number(Section::Graphs, plan.scratch_bytes)?;
        self.zeros(Section::Graphs, layout::graph::RESERVED.len());
        self.graph_content(graph, &plan)
    }

    fn graph_content(&mut self, graph: &'g Graph, plan: &Plan) -> Result<(), WriteError> {
        for (index, value) in graph.values.iter().enumerate() {
            self.value(value, plan, index)?;
        }
        for input in &graph.inputs {
            self.u32(Section::Links, input.0);
        }
        for node in &graph.nodes {
            self.node(node)?;
        }
        for weight in &graph.weights {
            let tensor = self.tensor(weight)?;
            self.name(Section::Weights, &weight.name)?;
            self.u32(Section::Weights, tensor);
        }
        for (name, value) in &graph.outputs {
            self.name(Section::Outputs, name)?;
            self.u32(Section::Outputs, value.0);
        }
        Ok(())
    }

    fn value(&mut self, value: &ValueInfo, plan: &Plan, index: usize) -> Result<(), WriteError> {
        self.name(Section::Values, &value.name)?;
        self.section(Section::Values).extend_from_slice(&[
            data_type_code(value.data_type),
            value.shape.len().min(255) as u8,
            0,
            0,
        ]);
        self.shape(Section::Values, &value.shape)?;
        let fields = match plan.places.get(index).and_then(Option::as_ref) {
            Some(place) => [number(place.start)?, number(place.made_by)?, number(place.last_use)?],
            None => [NONE; 3],
        };
        fields.iter().for_each(|field| self.u32(Section::Values, *field));
        match value.quantization {
            Some(quantization) => {
                self.u32(Section::Values, quantization.scale.to_bits());
                self.u32(Section::Values, i32::from(quantization.zero_point).cast_unsigned());
            }
            None => self.zeros(Section::Values, layout::value::QUANTIZATION_FIELDS.len()),
        }
        Ok(())
    }

    fn node(&mut self, node: &Node) -> Result<(), WriteError> {
        let code = OpCode::of(&node.op);
        // More inputs than the format allows stay more in 16 bits, for the reader to refuse.
        let input_count = u16::try_from(node.inputs.len()).unwrap_or(u16::MAX);
        let first_input = self.count(Section::Links)?;
        self.name(Section::Nodes, &node.name)?;
        self.section(Section::Nodes).extend_from_slice(&[code.operator, code.activation]);
        self.section(Section::Nodes).extend_from_slice(&input_count.to_le_bytes());
        self.u32(Section::Nodes, first_input);
        self.u32(Section::Nodes, node.output.0);
        self.section(Section::Nodes).extend_from_slice(&code.parameters);
        for input in &node.inputs {
            self.u32(Section::Links, input.0);
        }
        Ok(())
    }

    /// Index of the tensor with the weight's shape and content.
    fn tensor(&mut self, weight: &'g Weight) -> Result<u32, WriteError> {
        let start = self.data.len();
        let fields = append(&mut self.data, weight)?;
        let hash = crc32(&self.data[start..]);
        let candidates = self.tensors.entry(hash).or_default();
        if let Some((index, _)) = candidates.iter().find(|(_, other)| same_content(other, weight)) {
            let index = *index;
            self.data.truncate(start);
            return Ok(index);
        }
        let index = self.count(Section::Tensors)?;
        self.tensors.entry(hash).or_default().push((index, weight));
        let rank = weight.shape.len().min(255) as u8;
        self.section(Section::Tensors).extend_from_slice(&[
            data_type_code(weight.data.data_type()),
            rank,
            fields.quantization,
            0,
        ]);
        self.shape(Section::Tensors, &weight.shape)?;
        self.number(Section::Tensors, start)?;
        self.number(Section::Tensors, fields.data_bytes)?;
        self.section(Section::Tensors).extend_from_slice(&expansion_codes(weight.expansion));
        for field in [fields.multipliers_offset, fields.shift, fields.channels] {
            self.number(Section::Tensors, field)?;
        }
        self.zeros(Section::Tensors, layout::tensor::RESERVED.len());
        Ok(index)
    }

    fn finish(self) -> Result<Vec<u8>, WriteError> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
        put_u32(&mut bytes, MAGIC.len(), VERSION);
        put_u32(&mut bytes, SECTION_COUNT_OFFSET, number(SECTION_COUNT)?);
        for (index, section) in self.sections.iter().enumerate() {
            let entry = SECTION_TABLE_OFFSET + 8 * index;
            let offset = number(bytes.len())?;
            put_u32(&mut bytes, entry, offset);
            put_u32(&mut bytes, entry + 4, number(section.len())?);
            bytes.extend_from_slice(section);
            bytes.resize(aligned(bytes.len()).ok_or(WriteError::TooLarge)?, 0);
        }
        bytes.extend_from_slice(&self.data);
        let length = number(bytes.len())?;
        put_u32(&mut bytes, LENGTH_OFFSET, length);
        let checksum = crc32(&bytes[CHECKED_FROM..]);
        put_u32(&mut bytes, CHECKSUM_OFFSET, checksum);
        Ok(bytes)
    }
}

/// What a tensor's record says of its data.
#[derive(Default)]
struct TensorFields {
    quantization: u8,
    data_bytes: usize,
    multipliers_offset: usize,
    shift: usize,
    channels: usize,
}

/// Appends a tensor's numbers and the zeros after them.
fn append(data: &mut Vec<u8>, weight: &Weight) -> Result<TensorFields, WriteError> {
    let start = data.len();
    let mut fields = TensorFields::default();
    match &weight.data {
        WeightData::F32(values) => values.iter().for_each(|value| data.extend_from_slice(&value.to_le_bytes())),
        WeightData::I32(values) => values.iter().for_each(|value| data.extend_from_slice(&value.to_le_bytes())),
        WeightData::I8 { values, .. } => {
            let taps = weight.shape.iter().skip(1).product::<usize>().max(1);
            for filter in values.chunks(taps) {
                data.extend(filter.iter().map(|value| value.cast_unsigned()));
                data.resize(data.len() + filter_row_bytes(taps) - filter.len(), 0);
            }
        }
    }
    fields.data_bytes = data.len() - start;
    data.resize(aligned(data.len()).ok_or(WriteError::TooLarge)?, 0);
    if let WeightData::I8 { multipliers, shift, .. } = &weight.data {
        fields.quantization = layout::tensor::PER_CHANNEL;
        fields.multipliers_offset = data.len();
        fields.shift = *shift as usize;
        fields.channels = multipliers.len();
        multipliers.iter().for_each(|multiplier| data.extend_from_slice(&multiplier.to_le_bytes()));
        data.resize(aligned(data.len()).ok_or(WriteError::TooLarge)?, 0);
    }
    Ok(fields)
}

fn put_u32(bytes: &mut [u8], offset: usize, value: u32) {
    bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
}

fn number(value: usize) -> Result<u32, WriteError> {
    u32::try_from(value).ok().filter(|value| *value != NONE).ok_or(WriteError::TooLarge)
}

fn data_type_code(data_type: DataType) -> u8 {
    match data_type {
        DataType::U8 => DATA_TYPE_U8,
        DataType::F32 => DATA_TYPE_F32,
        DataType::I8 => DATA_TYPE_I8,
        DataType::I32 => DATA_TYPE_I32,
    }
}

/// Group and what is read, each zero where all filters are stored, and two bytes of zero.
fn expansion_codes(expansion: Option<FilterExpansion>) -> [u8; 4] {
    let Some(FilterExpansion { group, reads }) = expansion else { return [0; 4] };
    let group = match group {
        // The reader refuses it: such filters are written without an expansion.
        PlaneGroup::Identity => 0,
        PlaneGroup::QuarterTurns => QUARTER_TURNS,
        PlaneGroup::TurnsAndMirrors => TURNS_AND_MIRRORS,
    };
    let reads = match reads {
        Fibre::Trivial => TRIVIAL,
        Fibre::Regular => REGULAR,
    };
    [group, reads, 0, 0]
}

/// Equal shapes and equal bits: -0.0 is not 0.0.
fn same_content(a: &Weight, b: &Weight) -> bool {
    let same_bits = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits());
    a.shape == b.shape
        && a.expansion == b.expansion
        && match (&a.data, &b.data) {
            (WeightData::F32(a), WeightData::F32(b)) => a.len() == b.len() && same_bits(a, b),
            (a, b) => a == b,
        }
}

/// The planner indexes values: they have to be there.
fn check_references(graph: &Graph) -> Result<(), WriteError> {
    let has = |id: &crate::graph::ValueId| (id.0 as usize) < graph.values.len();
    let nodes_fit = graph.nodes.iter().all(|node| has(&node.output) && node.inputs.iter().all(has));
    let shapes_fit = graph.values.iter().all(|value| Shape::new(&value.shape).is_some());
    if nodes_fit && shapes_fit && graph.inputs.iter().all(has) && graph.outputs.iter().all(|(_, id)| has(id)) {
        Ok(())
    } else {
        Err(WriteError::Reference { graph: graph.name.clone() })
    }
}
