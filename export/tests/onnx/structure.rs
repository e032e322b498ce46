//! What consumers rely on besides the numbers.

use prost::Message;
use sextant_export::onnx::proto::{Dimension, ModelProto, TENSOR_FLOAT, TENSOR_UINT8, ValueInfoProto};
use sextant_export::onnx::{Batch, OnnxError, declared_shape, from_graph, infer_shapes, to_bytes};
use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op};

use crate::{networks, tract};

fn model(graph: &Graph, batch: Batch) -> ModelProto {
    let metadata = [("name".to_string(), "test".to_string()), ("licence".to_string(), "CC0 – ©".to_string())];
    ModelProto::decode(to_bytes(&from_graph(graph, &metadata, batch).unwrap()).unwrap().as_slice()).unwrap()
}

fn shape_of(value: &ValueInfoProto) -> (i32, Vec<Dimension>) {
    let tensor = value.r#type.clone().unwrap().tensor_type.unwrap();
    (tensor.elem_type, tensor.shape.unwrap().dim.into_iter().map(|d| d.value.unwrap()).collect())
}

#[test]
fn versions_names_and_metadata_are_those_that_every_consumer_takes() {
    let model = model(&networks::encoder(1), Batch::Dynamic);
    assert_eq!((model.ir_version, model.producer_name.as_str()), (8, "sextant"));
    let opsets: Vec<_> = model.opset_import.iter().map(|o| (o.domain.as_str(), o.version)).collect();
    assert_eq!(opsets, [("", 17)]);
    let metadata: Vec<_> = model.metadata_props.iter().map(|p| (p.key.as_str(), p.value.as_str())).collect();
    assert_eq!(metadata, [("sextant.name", "test"), ("sextant.licence", "CC0 – ©")]);
    let graph = model.graph.unwrap();
    assert_eq!(graph.name, "encode");
    assert!(graph.value_info.is_empty());
    let names: Vec<_> = graph.output.iter().map(|o| o.name.as_str()).collect();
    assert_eq!(names, ["rotation_wxyz", "class_logits", "invariant", "equivariant"]);
    for (name, op_type) in [("stem", "Conv"), ("pool", "MaxPool"), ("features", "ReduceMean"), ("class.logits", "Gemm")]
    {
        let node = graph.node.iter().find(|n| n.name == name).unwrap_or_else(|| panic!("no node {name}"));
        assert_eq!(node.op_type, op_type);
    }
}

#[test]
fn all_inputs_and_outputs_share_one_batch_size() {
    let size = Dimension::Value(networks::IMAGE_SIZE as i64);
    for (batch, expected) in [(Batch::Dynamic, Dimension::Symbol("N".into())), (Batch::Fixed(1), Dimension::Value(1))] {
        let graph = model(&networks::encoder(1), batch).graph.unwrap();
        let image = vec![expected.clone(), size.clone(), size.clone(), Dimension::Value(3)];
        assert_eq!(shape_of(&graph.input[0]), (TENSOR_UINT8, image));
        for (output, width) in graph.output.iter().zip([4, 5, 16, 16]) {
            assert_eq!(shape_of(output), (TENSOR_FLOAT, vec![expected.clone(), Dimension::Value(width)]));
        }
    }
}

#[test]
fn every_shape_follows_from_the_file_and_fits_what_it_declares() {
    for graph in [networks::encoder(1), networks::predictor(1)] {
        for batch in [Batch::Dynamic, Batch::Fixed(3)] {
            let onnx = model(&graph, batch).graph.unwrap();
            let shapes = infer_shapes(&onnx);
            for node in &onnx.node {
                assert!(shapes.contains_key(&node.output[0]), "{} {}", node.op_type, node.name);
            }
            for output in &onnx.output {
                assert_eq!(shapes[&output.name], declared_shape(output).unwrap(), "{}", output.name);
            }
        }
    }
}

#[test]
fn names_are_unique_even_where_the_graph_repeats_them() {
    let mut b = GraphBuilder::new("encode");
    let x = b.input("x", &[2], DataType::F32);
    let weight = b.weight("same", &[2, 2], vec![1.0, 0.0, 0.0, 1.0]).unwrap();
    let bias = b.weight("same", &[2], vec![0.0; 2]).unwrap();
    let linear = Op::Linear { weight, bias, activation: Activation::Relu };
    let first = b.node("same", linear, &[x]).unwrap();
    let second = b.node("same", linear, &[first]).unwrap();
    b.output("same", second);
    b.output("again", second);
    b.output("copy", x);
    let graph = b.finish();
    let onnx = model(&graph, Batch::Dynamic).graph.unwrap();
    assert_eq!(onnx.initializer.len(), 2, "a shared weight is stored once");
    let mut tensors: Vec<_> = onnx.node.iter().flat_map(|n| &n.output).collect();
    tensors.extend(onnx.initializer.iter().map(|t| &t.name));
    let count = tensors.len();
    tensors.sort();
    tensors.dedup();
    assert_eq!(tensors.len(), count);
    let outputs = tract::run(&graph, Batch::Dynamic, &[vec![vec![-1.0, 2.0]]]);
    assert_eq!(outputs, [[[0.0, 2.0]], [[0.0, 2.0]], [[-1.0, 2.0]]]);
}

#[test]
fn inputs_and_outputs_that_cannot_be_told_apart_are_refused() {
    for (first, second) in [("y", "y"), ("x", "y"), ("", "y")] {
        let mut b = GraphBuilder::new("encode");
        let x = b.input("x", &[2], DataType::F32);
        let relu = b.node("relu", Op::Relu, &[x]).unwrap();
        b.output(first, relu);
        b.output(second, x);
        let error = from_graph(&b.finish(), &[], Batch::Dynamic).unwrap_err();
        assert_eq!(error, OnnxError::DuplicateName(first.to_string()));
    }
}

#[test]
fn everything_unsupported_is_listed_at_once() {
    let mut b = GraphBuilder::new("encode");
    let x = b.input("x", &[2], DataType::I8);
    for name in ["dequantize.a", "dequantize.b"] {
        b.node(name, Op::Dequantize, &[x]).unwrap();
    }
    let message = from_graph(&b.finish(), &[], Batch::Dynamic).unwrap_err().to_string();
    assert!(message.contains("node 'dequantize.a'") && message.contains("node 'dequantize.b'"), "{message}");
}
