use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use prost::Message;

use super::{Extent, GraphSummary, Inspection, OperatorSummary, Port};
use crate::Error;
use crate::onnx::proto::{Dimension, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};
use crate::onnx::{METADATA_PREFIX, OnnxShape, declared_shape, infer_shapes};

pub(super) fn inspect(path: &Path, bytes: &[u8]) -> Result<Inspection, Error> {
    let no_model = |reason: String| Error::invalid(path, reason, "give a model.sxt or an .onnx file");
    let model = ModelProto::decode(bytes).map_err(|error| no_model(format!("is neither .sxt nor .onnx: {error}")))?;
    let graph = model.graph.filter(|graph| !graph.node.is_empty());
    let graph = graph.ok_or_else(|| no_model("is neither .sxt nor .onnx: it holds no network".to_string()))?;
    let opsets = model.opset_import.into_iter().map(|set| match set.domain.as_str() {
        "" => ("opset".to_string(), set.version),
        domain => (format!("opset {domain}"), set.version),
    });
    let metadata = model.metadata_props.into_iter().map(|entry| {
        let key = entry.key.strip_prefix(METADATA_PREFIX).unwrap_or(&entry.key);
        (key.to_string(), entry.value)
    });
    Ok(Inspection {
        path: path.to_path_buf(),
        format: "onnx",
        versions: opsets.chain([("IR".to_string(), model.ir_version)]).collect(),
        size_bytes: bytes.len(),
        graphs: vec![summary(&graph)],
        metadata: metadata.collect::<BTreeMap<_, _>>(),
    })
}

fn summary(graph: &GraphProto) -> GraphSummary {
    let shapes = infer_shapes(graph);
    let constants: HashMap<&str, &TensorProto> = graph.initializer.iter().map(|t| (t.name.as_str(), t)).collect();
    let inputs = graph.input.iter().filter(|input| !constants.contains_key(input.name.as_str()));
    GraphSummary {
        name: graph.name.clone(),
        inputs: inputs.map(port).collect(),
        outputs: graph.output.iter().map(port).collect(),
        operators: graph.node.iter().map(|node| operator(node, &shapes, &constants)).collect(),
        parameters: 0,
        macs: None,
        base_filters: None,
        arena_bytes: None,
    }
    .with_totals()
}

fn port(value: &ValueInfoProto) -> Port {
    let tensor = value.r#type.as_ref().and_then(|value_type| value_type.tensor_type.as_ref());
    Port {
        name: value.name.clone(),
        data_type: data_type_name(tensor.map_or(0, |tensor| tensor.elem_type)),
        shape: declared_shape(value).map(|shape| extents(&shape)),
    }
}

fn operator(
    node: &NodeProto,
    shapes: &HashMap<String, OnnxShape>,
    constants: &HashMap<&str, &TensorProto>,
) -> OperatorSummary {
    let shape = node.output.first().and_then(|output| shapes.get(output));
    let stored = node.input.iter().filter_map(|input| constants.get(input.as_str()));
    OperatorSummary {
        name: node.name.clone(),
        operator: node.op_type.clone(),
        shape: shape.map(|shape| extents(shape)),
        parameters: stored.fold(0u64, |sum, tensor| sum.saturating_add(elements(tensor).unwrap_or(0))),
        macs: macs(node, shape, constants),
    }
}

/// A convolution applies its weight at every place; a product applies a stored matrix to every row.
fn macs(node: &NodeProto, shape: Option<&OnnxShape>, constants: &HashMap<&str, &TensorProto>) -> Option<u64> {
    let stored = |index: usize| node.input.get(index).and_then(|input| constants.get(input.as_str()));
    match node.op_type.as_str() {
        "Conv" => count(shape?.get(2..)?)?.checked_mul(elements(stored(1)?)?),
        "Gemm" => elements(stored(1)?),
        "MatMul" => match stored(1) {
            Some(matrix) => {
                let rows = shape?.get(1..shape?.len().checked_sub(1)?).unwrap_or(&[]);
                count(rows)?.checked_mul(elements(matrix)?)
            }
            None => Some(0),
        },
        _ => Some(0),
    }
}

fn elements(tensor: &TensorProto) -> Option<u64> {
    tensor.dims.iter().try_fold(1u64, |product, extent| product.checked_mul(u64::try_from(*extent).ok()?))
}

fn count(extents: &[Dimension]) -> Option<u64> {
    extents.iter().try_fold(1u64, |product, extent| match extent {
        Dimension::Value(value) => product.checked_mul(u64::try_from(*value).ok()?),
        Dimension::Symbol(_) => None,
    })
}

fn extents(shape: &[Dimension]) -> Vec<Extent> {
    shape
        .iter()
        .map(|extent| match extent {
            Dimension::Value(value) => u64::try_from(*value).map_or(Extent::Symbol("?".into()), Extent::Known),
            Dimension::Symbol(symbol) => Extent::Symbol(symbol.clone()),
        })
        .collect()
}

/// Names as in Rust of ONNX's `TensorProto.DataType`.
fn data_type_name(code: i32) -> String {
    let name = match code {
        1 => "f32",
        2 => "u8",
        3 => "i8",
        4 => "u16",
        5 => "i16",
        6 => "i32",
        7 => "i64",
        9 => "bool",
        10 => "f16",
        11 => "f64",
        16 => "bf16",
        _ => return format!("type {code}"),
    };
    name.to_string()
}
