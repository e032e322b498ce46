//! A case as an encoder of one image: its samples are constants, and the image chooses one of them.

use sextant_runtime::graph::{DataType, Graph};

use crate::onnx::proto::{
    AttributeProto, Dimension, DimensionProto, GraphProto, ModelProto, NodeProto, TENSOR_FLOAT, TENSOR_INT64,
    TENSOR_UINT8, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::onnx::{BATCH_SYMBOL, int_attribute};
use crate::verify::{InputValues, Samples};

/// Name of the input; no case has one of that name.
const IMAGE: &str = "image";
/// The tensor with the chosen sample's index.
const CHOSEN: &str = "image/chosen";

/// The network that takes images of one pixel, whose first byte is the index of a sample.
pub(super) fn as_image_encoder(mut model: ModelProto, graph: &Graph, samples: &Samples) -> ModelProto {
    let Some(network) = &mut model.graph else { return model };
    let mut nodes = choosing(network);
    network.input = vec![image()];
    for (id, values) in graph.inputs.iter().zip(&samples.inputs) {
        let value = graph.value(*id);
        let table = format!("{}/samples", value.name);
        let dims = std::iter::once(samples.count).chain(value.shape.iter().copied()).map(|extent| extent as i64);
        network.initializer.push(TensorProto {
            dims: dims.collect(),
            data_type: if value.data_type == DataType::U8 { TENSOR_UINT8 } else { TENSOR_FLOAT },
            name: table.clone(),
            raw_data: raw(values),
        });
        nodes.push(node("Gather", &[&table, CHOSEN], &value.name, vec![int_attribute("axis", 0)]));
    }
    nodes.append(&mut network.node);
    network.node = nodes;
    model
}

/// The images that choose all samples in their order.
pub(super) fn images(count: usize) -> Vec<u8> {
    (0..count).flat_map(|sample| [sample as u8, 0, 0]).collect()
}

/// From an image to an index of 64 bits.
fn choosing(network: &mut GraphProto) -> Vec<NodeProto> {
    let mut constant = |name: &str, value: i64| {
        let raw_data = value.to_le_bytes().to_vec();
        let name = format!("image/{name}");
        network.initializer.push(TensorProto { dims: vec![1], data_type: TENSOR_INT64, name: name.clone(), raw_data });
        name
    };
    let [start, end, axis, flat] = [("start", 0), ("end", 1), ("axis", 3), ("flat", -1)].map(|(n, v)| constant(n, v));
    vec![
        node("Cast", &[IMAGE], "image/numbers", vec![int_attribute("to", i64::from(TENSOR_INT64))]),
        node("Slice", &["image/numbers", &start, &end, &axis], "image/first", vec![]),
        node("Reshape", &["image/first", &flat], CHOSEN, vec![]),
    ]
}

fn node(op_type: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_string()],
        name: format!("{output}/chosen"),
        op_type: op_type.to_string(),
        attribute,
        domain: String::new(),
    }
}

fn image() -> ValueInfoProto {
    let extents = [Dimension::Symbol(BATCH_SYMBOL.to_string()), Dimension::Value(1), Dimension::Value(1)];
    let dim = extents.into_iter().chain([Dimension::Value(3)]).map(|value| DimensionProto { value: Some(value) });
    let tensor_type = TensorTypeProto { elem_type: TENSOR_UINT8, shape: Some(TensorShapeProto { dim: dim.collect() }) };
    ValueInfoProto { name: IMAGE.to_string(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

fn raw(values: &InputValues) -> Vec<u8> {
    match values {
        InputValues::Bytes(bytes) => bytes.clone(),
        InputValues::Floats(floats) => floats.iter().flat_map(|value| value.to_le_bytes()).collect(),
    }
}
