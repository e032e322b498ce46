use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::string::ToString;

use super::*;
use crate::graph::{DataType, GraphBuilder, Op};

/// Mean colour of 2x2 images.
fn colour_model() -> Vec<u8> {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[2, 2, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let normalized = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[normalized]).unwrap();
    builder.output("invariant", colour);
    let metadata = BTreeMap::from([("name".to_string(), "colours".to_string())]);
    crate::model::write(&metadata, &[builder.finish()]).unwrap()
}

fn load(kind: BackendKind, bytes: &[u8]) -> Result<(Description, Engine), Fault> {
    Encoder::load(kind, bytes, &BackendOptions::default())
}

#[test]
fn the_file_name_decides_when_nothing_else_does() {
    for (path, kind) in
        [("a/m.onnx", BackendKind::Tract), ("M.ONNX", BackendKind::Tract), ("m.sxt", BackendKind::Native)]
    {
        assert_eq!(BackendKind::for_path(Path::new(path)), kind, "{path}");
    }
    for kind in [BackendKind::Native, BackendKind::Tract, BackendKind::Ort] {
        assert_eq!(kind.to_string().parse(), Ok(kind));
    }
}

#[test]
fn batches_run_image_by_image() {
    let path = std::env::temp_dir().join(std::format!("sextant-backend-test-{}.sxt", std::process::id()));
    fs::write(&path, colour_model()).unwrap();
    let mut encoder = Encoder::open(&path, &BackendOptions::default()).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(encoder.description().image_size, [2, 2]);
    assert_eq!(encoder.description().metadata["name"], "colours");
    let images = [[255, 0, 51].repeat(4), [0, 255, 0].repeat(4)].concat();
    let outputs = encoder.run(&images).unwrap();
    assert_eq!(
        (outputs[0].name.as_str(), outputs[0].row(0), outputs[0].row(1)),
        ("invariant", &[1.0, 0.0, 0.2][..], &[0.0, 1.0, 0.0][..])
    );
    for wrong in [&images[..0], &images[..13]] {
        let fault = encoder.run(wrong).unwrap_err().fault;
        assert!(matches!(fault, Fault::ImageBytes { expected: 12, .. }), "{fault:?}");
    }
}

#[test]
fn models_that_encode_no_image_are_refused() {
    let mut builder = GraphBuilder::new("encode");
    let numbers = builder.input("numbers", &[9], DataType::F32);
    let rotation = builder.node("rotation", Op::NearestRotation, &[numbers]).unwrap();
    builder.output("rotation_wxyz", rotation);
    let graph = builder.finish();
    let mut other = graph.clone();
    other.name = "predict_latent".to_string();
    for graph in [graph, other] {
        let bytes = crate::model::write(&BTreeMap::new(), &[graph]).unwrap();
        assert!(matches!(load(BackendKind::Native, &bytes), Err(Fault::Signature { .. })));
    }
}

#[cfg(feature = "tract")]
mod onnx {
    use std::vec;

    use prost::Message;
    use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
    use tract_onnx::pb::{
        GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorShapeProto, TypeProto,
        ValueInfoProto, attribute_proto, type_proto,
    };

    use super::*;

    const U8: i32 = 2;
    const F32: i32 = 1;

    fn value(name: &str, element_type: i32, extents: &[Option<i64>]) -> ValueInfoProto {
        let dimension = |extent: &Option<i64>| Dimension {
            value: Some(match extent {
                Some(extent) => dimension::Value::DimValue(*extent),
                None => dimension::Value::DimParam("N".to_string()),
            }),
            ..Dimension::default()
        };
        let shape = Some(TensorShapeProto { dim: extents.iter().map(dimension).collect() });
        let tensor = type_proto::Tensor { elem_type: element_type, shape };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
        ValueInfoProto { name: name.to_string(), r#type: Some(kind), ..ValueInfoProto::default() }
    }

    fn node(operator: &str, input: &str, output: &str) -> NodeProto {
        NodeProto {
            op_type: operator.to_string(),
            input: vec![input.to_string()],
            output: vec![output.to_string()],
            name: output.to_string(),
            ..NodeProto::default()
        }
    }

    /// `invariant = float(image)` summed over height and width; the batch is symbolic.
    fn model(input_type: i32, extents: &[Option<i64>]) -> Vec<u8> {
        let mut cast = node("Cast", "image", "float");
        cast.attribute.push(attribute("to", F32.into(), vec![]));
        let mut sum = node("ReduceMean", "float", "invariant");
        sum.attribute.push(attribute("keepdims", 0, vec![]));
        sum.attribute.push(attribute("axes", 0, vec![1, 2]));
        let graph = GraphProto {
            name: "g".to_string(),
            node: vec![cast, sum],
            input: vec![value("image", input_type, extents)],
            output: vec![value("invariant", F32, &[None, Some(3)])],
            ..GraphProto::default()
        };
        let entry = |key: &str, value: &str| StringStringEntryProto { key: key.to_string(), value: value.to_string() };
        let model = ModelProto {
            ir_version: 8,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
            graph: Some(graph),
            metadata_props: vec![entry("sextant.name", "colours"), entry("author", "somebody else")],
            ..ModelProto::default()
        };
        model.encode_to_vec()
    }

    fn attribute(name: &str, number: i64, numbers: Vec<i64>) -> tract_onnx::pb::AttributeProto {
        let kind =
            if numbers.is_empty() { attribute_proto::AttributeType::Int } else { attribute_proto::AttributeType::Ints };
        tract_onnx::pb::AttributeProto {
            name: name.to_string(),
            r#type: kind.into(),
            i: number,
            ints: numbers,
            ..Default::default()
        }
    }

    const IMAGES: [Option<i64>; 4] = [None, Some(2), Some(2), Some(3)];

    #[test]
    fn tract_runs_a_model_with_a_symbolic_batch() {
        let (description, mut engine) = load(BackendKind::Tract, &model(U8, &IMAGES)).unwrap();
        assert_eq!(description.image_size, [2, 2]);
        assert_eq!(description.metadata, BTreeMap::from([("name".to_string(), "colours".to_string())]));
        let outputs = engine.run(&[1, 10, 100, 3, 10, 100, 1, 10, 100, 3, 10, 0]).unwrap();
        assert_eq!(outputs, [Output { name: "invariant".to_string(), width: 3, values: vec![2.0, 10.0, 75.0] }]);
    }

    #[test]
    fn models_that_encode_no_image_are_refused() {
        for (element_type, extents) in [
            (F32, &IMAGES[..]),
            (U8, &IMAGES[..3]),
            (U8, &[None, None, None, Some(3)]),
            (U8, &[None, Some(2), Some(2), Some(4)]),
        ] {
            let loaded = load(BackendKind::Tract, &model(element_type, extents));
            assert!(matches!(loaded, Err(Fault::Signature { .. })), "{extents:?}: {loaded:?}");
        }
    }

    #[test]
    fn damaged_onnx_files_are_errors() {
        let good = model(U8, &IMAGES);
        let mut refused = 0;
        for position in 0..good.len() {
            let mut flipped = good.clone();
            flipped[position] ^= 0x55;
            for bytes in [&good[..position], &flipped] {
                refused += usize::from(load(BackendKind::Tract, bytes).is_err());
            }
        }
        assert!(refused > good.len(), "{refused} of {}", 2 * good.len());
    }
}
