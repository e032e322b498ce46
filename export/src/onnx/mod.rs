//! The ONNX form of a graph: opset 17, IR 8, only operators that every runtime has.
//!
//! Maps are NHWC in the graph and NCHW in ONNX; inputs and outputs keep the graph's layout. Preprocessing is part of
//! the graph, so an `encode` file takes bytes `[N, H, W, 3]`.
//!
//! Eight bits are written as QDQ: weights int8 symmetric for each output channel, biases int32, activations int8 for a
//! whole tensor, each behind a `DequantizeLinear`.
//!
//! Where a graph has base filters alone, the file has all filters of plain convolutions.

mod graph_writer;
mod lowering;
mod nearest_rotation;
pub mod proto;
mod quantized_weights;
mod shapes;
mod weight_layout;

use prost::Message;
use serde::Serialize;
use sextant_runtime::graph::{DataType, Graph, ValueId, ValueInfo};

pub(crate) use graph_writer::int as int_attribute;
use graph_writer::{GraphWriter, ints};
use proto::{
    Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TENSOR_FLOAT, TENSOR_UINT8, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};

pub(crate) use quantized_weights::ChannelScales;
pub use sextant_runtime::backend::{ONNX_BATCH_SYMBOL as BATCH_SYMBOL, ONNX_METADATA_PREFIX as METADATA_PREFIX};
pub use shapes::{OnnxShape, declared_shape, infer_shapes};

/// Version of ONNX's operator set that files are written with.
pub const OPSET_VERSION: i64 = 17;
/// Version of ONNX's file format that files are written with.
pub const IR_VERSION: i64 = 8;
/// Protocol buffers end here.
pub const LARGEST_FILE_BYTES: usize = i32::MAX as usize;

/// How many samples the exported network takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Batch {
    /// Any number, the symbol [`BATCH_SYMBOL`].
    #[default]
    Dynamic,
    /// Always this many.
    Fixed(u32),
}

/// What eight-bit activations are written as. Both stand for the same numbers: the zero point moves along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// `q + 128`, from 0 to 255.
    #[default]
    Uint8,
    /// `q`, from -128 to 127.
    Int8,
}

/// Why a graph has no ONNX form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// Everything in the graph that ONNX cannot express.
    #[error("the graph cannot be written as ONNX: {}", list_nodes(.0))]
    Unsupported(Vec<UnsupportedNode>),
    /// Two inputs or outputs have one name, or one has none.
    #[error("the graph's inputs and outputs need names of their own, but '{0}' is empty or used twice")]
    DuplicateName(String),
    /// Protocol buffers hold less than 2 GiB.
    #[error("the ONNX file would have {size_bytes} bytes, more than the {limit_bytes} that the format can hold")]
    TooLarge {
        /// Size of the file.
        size_bytes: usize,
        /// Largest size.
        limit_bytes: usize,
    },
}

/// A node that has no ONNX form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsupportedNode {
    /// Its name in the graph.
    pub node: String,
    /// What cannot be expressed.
    pub reason: String,
}

fn list_nodes(nodes: &[UnsupportedNode]) -> String {
    let lines: Vec<String> = nodes.iter().map(|n| format!("node '{}': {}", n.node, n.reason)).collect();
    lines.join("; ")
}

/// The ONNX model that computes the same as `graph`, with `metadata` under [`METADATA_PREFIX`].
///
/// # Errors
/// Names every node that ONNX cannot express.
///
/// # Panics
/// When a node names values or weights that the graph has not (no graph of `GraphBuilder` does).
pub fn from_graph(graph: &Graph, metadata: &[(String, String)], batch: Batch) -> Result<ModelProto, OnnxError> {
    from_graph_as(graph, metadata, batch, Numbers::default())
}

/// As [`from_graph`], for a graph with int8 values.
///
/// # Errors
/// As there.
///
/// # Panics
/// As there.
pub fn from_graph_as(
    graph: &Graph,
    metadata: &[(String, String)],
    batch: Batch,
    numbers: Numbers,
) -> Result<ModelProto, OnnxError> {
    // ONNX has no filters that are copies of others.
    let graph = &graph.with_expanded_filters();
    let mut writer = GraphWriter::new(graph, numbers);
    let input = declare_inputs(&mut writer, batch)?;
    let output = declare_outputs(&mut writer, batch)?;
    lower_nodes(&mut writer)?;
    write_outputs(&mut writer);
    let GraphWriter { nodes, initializers, .. } = writer;
    Ok(ModelProto {
        ir_version: IR_VERSION,
        producer_name: "sextant".to_string(),
        producer_version: env!("CARGO_PKG_VERSION").to_string(),
        graph: Some(GraphProto {
            node: nodes,
            name: graph.name.clone(),
            initializer: initializers,
            input,
            output,
            value_info: vec![],
        }),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET_VERSION }],
        metadata_props: metadata
            .iter()
            .map(|(key, value)| StringStringEntryProto { key: format!("{METADATA_PREFIX}{key}"), value: value.clone() })
            .collect(),
    })
}

/// The tensor of every value that a node of a float32 `graph` makes, by its name in the ONNX form; maps are NCHW there.
///
/// # Errors
/// As of [`from_graph`].
pub(crate) fn tensors_of_values(graph: &Graph) -> Result<Vec<(ValueId, String)>, OnnxError> {
    let mut writer = GraphWriter::new(graph, Numbers::default());
    declare_inputs(&mut writer, Batch::default())?;
    declare_outputs(&mut writer, Batch::default())?;
    lower_nodes(&mut writer)?;
    Ok(graph.nodes.iter().map(|node| (node.output, writer.tensor(node.output))).collect())
}

/// The same network with these of its tensors as its outputs, channels last again: each with its value and a name. They are
/// declared without extents.
pub(crate) fn with_outputs(model: &ModelProto, graph: &Graph, tensors: &[(ValueId, String, String)]) -> ModelProto {
    let mut changed = model.clone();
    let Some(network) = &mut changed.graph else { return changed };
    network.output.clear();
    for (value, tensor, name) in tensors {
        let is_map = graph.value(*value).shape.len() == 3;
        let (op_type, attribute) = match is_map {
            true => ("Transpose", vec![ints("perm", &[0, 2, 3, 1])]),
            false => ("Identity", vec![]),
        };
        network.node.push(NodeProto {
            input: vec![tensor.clone()],
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op_type.to_string(),
            attribute,
            domain: String::new(),
        });
        let tensor_type = Some(TensorTypeProto { elem_type: TENSOR_FLOAT, shape: None });
        network.output.push(ValueInfoProto { name: name.clone(), r#type: Some(TypeProto { tensor_type }) });
    }
    changed
}

/// The bytes of an `.onnx` file.
///
/// # Errors
/// When there are 2 GiB or more of them.
pub fn to_bytes(model: &ModelProto) -> Result<Vec<u8>, OnnxError> {
    to_bytes_within(model, LARGEST_FILE_BYTES)
}

fn to_bytes_within(model: &ModelProto, limit_bytes: usize) -> Result<Vec<u8>, OnnxError> {
    let size_bytes = model.encoded_len();
    if size_bytes > limit_bytes {
        return Err(OnnxError::TooLarge { size_bytes, limit_bytes });
    }
    Ok(model.encode_to_vec())
}

/// Inputs keep their names; maps are turned to NCHW at once.
fn declare_inputs(writer: &mut GraphWriter<'_>, batch: Batch) -> Result<Vec<ValueInfoProto>, OnnxError> {
    let graph = writer.graph;
    let names = graph.inputs.iter().map(|id| &graph.value(*id).name);
    reserve_names(writer, names)?;
    for id in &graph.inputs {
        let value = graph.value(*id);
        let tensor = match value.shape.len() {
            3 => writer.step(&value.name, "nchw", "Transpose", &[&value.name], vec![ints("perm", &[0, 3, 1, 2])]),
            _ => value.name.clone(),
        };
        writer.bind(*id, tensor);
    }
    Ok(graph.inputs.iter().map(|id| declaration(&graph.value(*id).name, graph.value(*id), batch)).collect())
}

/// A vector's tensor takes its output's name, so that no further node is needed.
fn declare_outputs(writer: &mut GraphWriter<'_>, batch: Batch) -> Result<Vec<ValueInfoProto>, OnnxError> {
    let graph = writer.graph;
    reserve_names(writer, graph.outputs.iter().map(|(name, _)| name))?;
    for (name, id) in &graph.outputs {
        if graph.value(*id).shape.len() != 3 && !writer.is_bound(*id) {
            writer.bind(*id, name.clone());
        }
    }
    Ok(graph.outputs.iter().map(|(name, id)| declaration(name, graph.value(*id), batch)).collect())
}

fn reserve_names<'n>(
    writer: &mut GraphWriter<'_>,
    mut names: impl Iterator<Item = &'n String>,
) -> Result<(), OnnxError> {
    match names.find(|name| !writer.reserve_tensor_name(name)) {
        Some(name) => Err(OnnxError::DuplicateName(name.clone())),
        None => Ok(()),
    }
}

fn lower_nodes(writer: &mut GraphWriter<'_>) -> Result<(), OnnxError> {
    let mut unsupported = vec![];
    for node in &writer.graph.nodes {
        if let Err(reason) = lowering::lower(writer, node) {
            unsupported.push(UnsupportedNode { node: node.name.clone(), reason });
        }
    }
    if unsupported.is_empty() { Ok(()) } else { Err(OnnxError::Unsupported(unsupported)) }
}

/// Turns maps back to NHWC, and copies values that are inputs or have several output names.
fn write_outputs(writer: &mut GraphWriter<'_>) {
    for (name, id) in &writer.graph.outputs {
        let tensor = writer.tensor(*id);
        if writer.graph.value(*id).shape.len() == 3 {
            writer.push(name, "Transpose", &[&tensor], vec![ints("perm", &[0, 2, 3, 1])], name);
        } else if tensor != *name {
            writer.push(name, "Identity", &[&tensor], vec![], name);
        }
    }
}

fn declaration(name: &str, value: &ValueInfo, batch: Batch) -> ValueInfoProto {
    let batch = match batch {
        Batch::Dynamic => Dimension::Symbol(BATCH_SYMBOL.to_string()),
        Batch::Fixed(samples) => Dimension::Value(i64::from(samples)),
    };
    let extents = value.shape.iter().map(|extent| Dimension::Value(*extent as i64));
    let dim = std::iter::once(batch).chain(extents).map(|value| DimensionProto { value: Some(value) }).collect();
    let elem_type = match value.data_type {
        DataType::U8 => TENSOR_UINT8,
        _ => TENSOR_FLOAT,
    };
    let tensor_type = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_string(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_protocol_buffers_cannot_hold_is_refused() {
        let model = ModelProto { producer_name: "x".repeat(100), ..ModelProto::default() };
        let size_bytes = to_bytes(&model).unwrap().len();
        assert!(to_bytes_within(&model, size_bytes).is_ok());
        let limit_bytes = size_bytes - 1;
        assert_eq!(to_bytes_within(&model, limit_bytes), Err(OnnxError::TooLarge { size_bytes, limit_bytes }));
    }
}
