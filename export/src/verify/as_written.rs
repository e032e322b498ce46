//! Whether an ONNX file is what `export` writes of a graph, number by number: engines' answers hide small changes.

use std::collections::HashMap;

use crate::onnx::Numbers;
use crate::onnx::proto::{GraphProto, ModelProto, NodeProto, TENSOR_INT8, TensorProto};

/// What eight-bit activations of a file are written as.
pub(super) fn numbers_of(model: &ModelProto) -> Numbers {
    let Some(graph) = &model.graph else { return Numbers::default() };
    let first = graph.node.iter().find(|node| node.op_type == "QuantizeLinear");
    let zero_point = first.and_then(|node| node.input.get(2));
    let tensor = graph.initializer.iter().find(|tensor| Some(&tensor.name) == zero_point);
    if tensor.is_some_and(|tensor| tensor.data_type == TENSOR_INT8) { Numbers::Int8 } else { Numbers::Uint8 }
}

/// The first constant, node, input or output of `written` that is not as in `expected`, for people; `None` when all are.
/// Metadata and the writer's version are not compared.
pub(super) fn first_difference(written: &ModelProto, expected: &ModelProto) -> Option<String> {
    let none = GraphProto::default();
    let [found, wanted] = [written, expected].map(|model| model.graph.as_ref().unwrap_or(&none));
    let ports = |graph: &GraphProto| [graph.input.clone(), graph.output.clone(), graph.value_info.clone()];
    of_constants(&found.initializer, &wanted.initializer)
        .or_else(|| of_nodes(&found.node, &wanted.node))
        .or_else(|| (ports(found) != ports(wanted)).then(|| "it declares other inputs, outputs or values".to_string()))
        .or_else(|| {
            let versions = |model: &ModelProto| (model.ir_version, model.opset_import.clone());
            (versions(written) != versions(expected)).then(|| "it is for another version of ONNX".to_string())
        })
}

/// In any order.
fn of_constants(found: &[TensorProto], wanted: &[TensorProto]) -> Option<String> {
    let mut rest: HashMap<&str, &TensorProto> = found.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    for tensor in wanted {
        let name = &tensor.name;
        let Some(found) = rest.remove(name.as_str()) else { return Some(format!("there is no constant '{name}'")) };
        if (&found.dims, found.data_type) != (&tensor.dims, tensor.data_type) {
            return Some(format!("the constant '{name}' has another shape or type"));
        }
        if let Some(difference) = of_numbers(found, tensor) {
            return Some(format!("the constant '{name}' {difference}"));
        }
    }
    if found.len() == wanted.len() {
        return None;
    }
    let more = rest.keys().min().map_or_else(|| "twice the same constant".to_string(), |name| format!("'{name}'"));
    Some(format!("it has constants that are not the network's: {more}"))
}

fn of_numbers(found: &TensorProto, wanted: &TensorProto) -> Option<String> {
    if found.raw_data.len() != wanted.raw_data.len() {
        return Some(format!("has {} bytes instead of {}", found.raw_data.len(), wanted.raw_data.len()));
    }
    let count = wanted.dims.iter().product::<i64>().max(1) as usize;
    let size = (wanted.raw_data.len() / count).max(1);
    let pairs = found.raw_data.chunks(size).zip(wanted.raw_data.chunks(size));
    let differing: Vec<usize> = pairs.enumerate().filter(|(_, (a, b))| a != b).map(|(index, _)| index).collect();
    let first = differing.first()?;
    Some(format!("differs in {} of {count} numbers, the first at index {first}", differing.len()))
}

fn of_nodes(found: &[NodeProto], wanted: &[NodeProto]) -> Option<String> {
    if let Some((node, _)) = found.iter().zip(wanted).find(|(found, wanted)| found != wanted) {
        return Some(format!("the node '{}' ({}) is another one", node.name, node.op_type));
    }
    (found.len() != wanted.len()).then(|| format!("it has {} nodes instead of {}", found.len(), wanted.len()))
}

#[cfg(test)]
mod tests {
    use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op, Quantization, WeightData};

    use super::*;
    use crate::onnx::proto::TENSOR_FLOAT;
    use crate::onnx::{Batch, from_graph_as};

    fn network() -> Graph {
        let mut b = GraphBuilder::new("encode");
        let x = b.input("x", &[4], DataType::F32);
        let scale = Quantization { scale: 0.02, zero_point: 3 };
        let x = b.quantized_node("x/int8", Op::Quantize, &[x], scale).unwrap();
        let data = WeightData::I8 { values: (0..8).collect(), multipliers: vec![1 << 30; 2], shift: 2 };
        let weight = b.constant("fc.weight", &[2, 4], data).unwrap();
        let bias = b.constant("fc.bias", &[2], WeightData::I32(vec![5, -5])).unwrap();
        let op = Op::Linear { weight, bias, activation: Activation::Identity };
        let y = b.quantized_node("fc", op, &[x], scale).unwrap();
        let y = b.node("y", Op::Dequantize, &[y]).unwrap();
        b.output("y", y);
        b.finish()
    }

    fn written(numbers: Numbers) -> ModelProto {
        from_graph_as(&network(), &[], Batch::Dynamic, numbers).unwrap()
    }

    #[test]
    fn a_file_tells_what_its_activations_are() {
        for numbers in [Numbers::Uint8, Numbers::Int8] {
            assert_eq!(numbers_of(&written(numbers)), numbers);
        }
    }

    #[test]
    fn every_change_of_the_network_is_found_and_named() {
        type Change = fn(&mut GraphProto);
        fn constant<'g>(graph: &'g mut GraphProto, name: &str) -> &'g mut TensorProto {
            graph.initializer.iter_mut().find(|tensor| tensor.name == name).unwrap()
        }
        let changes: [(Change, &str); 10] = [
            (
                |g| constant(g, "fc.weight").raw_data[5] ^= 1,
                "'fc.weight' differs in 1 of 8 numbers, the first at index 5",
            ),
            (|g| constant(g, "fc.weight/scale").raw_data[0] ^= 1, "'fc.weight/scale' differs in 1 of 2 numbers"),
            (|g| constant(g, "fc/zero_point").raw_data[0] ^= 1, "'fc/zero_point' differs in 1 of 1 numbers"),
            (|g| constant(g, "fc.bias").raw_data.truncate(4), "'fc.bias' has 4 bytes instead of 8"),
            (|g| constant(g, "fc.weight").dims = vec![4, 2], "'fc.weight' has another shape or type"),
            (|g| constant(g, "fc.bias").data_type = TENSOR_FLOAT, "'fc.bias' has another shape or type"),
            (|g| g.initializer.retain(|tensor| tensor.name != "fc.bias"), "there is no constant 'fc.bias'"),
            (|g| g.initializer.push(TensorProto { name: "more".to_string(), ..Default::default() }), "'more'"),
            (|g| g.node[1].op_type = "Relu".to_string(), "(Relu) is another one"),
            (|g| g.value_info.push(g.input[0].clone()), "it declares other inputs, outputs or values"),
        ];
        let expected = written(Numbers::default());
        assert_eq!(first_difference(&expected, &expected), None);
        for (change, message) in changes {
            let mut changed = expected.clone();
            change(changed.graph.as_mut().unwrap());
            let found = first_difference(&changed, &expected).unwrap_or_default();
            assert!(found.contains(message), "{found}, not {message}");
        }
        let other = ModelProto { ir_version: 7, ..expected.clone() };
        assert!(first_difference(&other, &expected).is_some());
        // Metadata is for people.
        let same = ModelProto { producer_version: "0.0.1".to_string(), ..expected.clone() };
        assert_eq!(first_difference(&same, &expected), None);
    }
}
