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

fn load(kind: BackendKind, bytes: &[u8]) -> Result<Loaded, Fault> {
    Encoder::load(kind, AlignedVec::copy_of(bytes), &BackendOptions::default())
}

fn load_within(kind: BackendKind, bytes: &[u8], limits: Limits) -> Result<Loaded, Fault> {
    Encoder::load(kind, AlignedVec::copy_of(bytes), &BackendOptions { limits, ..BackendOptions::default() })
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
    // Twelve numbers given, read, made, read again, and three made.
    assert_eq!((encoder.operations(), encoder.arena_bytes()), (Some(51), Some(60)));
    assert!(encoder.memory_bytes().is_some_and(|bytes| (500..5000).contains(&bytes)), "{:?}", encoder.memory_bytes());
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

/// An image of one pixel, padded and taken by steps of one: a kilobyte of file, as much work as wanted.
fn padded_model(padding: u16, channels: usize) -> Vec<u8> {
    use crate::graph::{Activation, Padding};
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[1, 1, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let weight = builder.weight("w", &[channels, 1, 1, 3], std::vec![1.0; 3 * channels]).unwrap();
    let bias = builder.weight("b", &[channels], std::vec![0.0; channels]).unwrap();
    let padding = Padding { top: padding, left: padding, bottom: padding, right: padding };
    let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation: Activation::Identity };
    let made = builder.node("conv", op, &[map]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[made]).unwrap();
    builder.output("invariant", colour);
    crate::model::write(&BTreeMap::new(), &[builder.finish()]).unwrap()
}

#[test]
fn models_that_cost_too_much_are_refused_before_anything_is_allocated() {
    let excess = |loaded: Result<Loaded, Fault>| match loaded {
        Err(Fault::TooCostly(excess)) => excess.resource,
        other => panic!("{other:?}"),
    };
    let (loaded, peak) = crate::allocated::peak_bytes(|| load(BackendKind::Native, &padded_model(9000, 1)));
    // 324 million windows: 1.3 gigabytes of results, and on x86 more for the places of windows.
    assert_eq!(excess(loaded), Resource::Memory);
    assert!(peak < 100_000, "{peak}");
    let small = padded_model(10, 4);
    let limits = Limits::default();
    assert!(load_within(BackendKind::Native, &small, limits).is_ok());
    let cost = load(BackendKind::Native, &small).unwrap().cost.unwrap();
    let exact = limits.with_memory_bytes(cost.memory_bytes).with_operations(cost.operations);
    assert!(load_within(BackendKind::Native, &small, exact).is_ok());
    let less = exact.with_memory_bytes(cost.memory_bytes - 1);
    assert_eq!(excess(load_within(BackendKind::Native, &small, less)), Resource::Memory);
    let less = exact.with_operations(cost.operations - 1);
    assert_eq!(excess(load_within(BackendKind::Native, &small, less)), Resource::Operations);
}

#[test]
fn an_encoder_has_no_more_memory_than_it_says() {
    for bytes in [colour_model(), padded_model(30, 2)] {
        let (encoder, peak) = crate::allocated::peak_bytes(|| {
            let loaded = load(BackendKind::Native, &bytes).unwrap();
            let [height, width] = loaded.description.image_size;
            let mut engine = loaded.engine;
            engine.run(&std::vec![7; 3 * height * width], &mut std::vec![]).unwrap();
            loaded.cost.unwrap()
        });
        assert!(peak <= encoder.memory_bytes + 4096, "{peak} of {}", encoder.memory_bytes);
    }
}

#[test]
fn errors_name_the_file_the_figure_the_limit_and_the_remedy() {
    let path = std::env::temp_dir().join(std::format!("sextant-limits-test-{}.sxt", std::process::id()));
    fs::write(&path, colour_model()).unwrap();
    let open = |limits| {
        let options = BackendOptions { limits, ..BackendOptions::default() };
        let error = Encoder::open(&path, &options).unwrap_err();
        (error.to_string().replace(&path.display().to_string(), "M"), error.hint().unwrap())
    };
    let (text, hint) = open(Limits::default().with_operations(7));
    assert_eq!(text, "M: the model takes 51 operations for one image, and the limit is 7");
    assert!(hint.contains("raise that limit"), "{hint}");
    let length = colour_model().len();
    let (text, hint) = open(Limits::default().with_memory_bytes(10));
    assert_eq!(text, std::format!("M: the file has {length} bytes, and the limit is 10"));
    assert!(hint.contains("raise that limit"), "{hint}");
    let (text, _) = open(Limits::default().with_memory_bytes(length as u64));
    assert!(text.contains("of memory for one image, and the limit is"), "{text}");
    fs::remove_file(&path).unwrap();
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
        let Loaded { description, cost, mut engine, .. } = load(BackendKind::Tract, &model(U8, &IMAGES)).unwrap();
        assert!(cost.is_some_and(|cost| cost.operations >= 27 && cost.memory_bytes >= 60), "{cost:?}");
        assert_eq!(description.image_size, [2, 2]);
        assert_eq!(description.metadata, BTreeMap::from([("name".to_string(), "colours".to_string())]));
        let mut outputs = vec![];
        engine.run(&[1, 10, 100, 3, 10, 100, 1, 10, 100, 3, 10, 0], &mut outputs).unwrap();
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
    fn images_of_no_size_are_refused_before_anything_is_computed() {
        for size in [0, 1 << 40, i64::MAX / 3, i64::MAX] {
            for extents in [[None, Some(32), Some(size), Some(3)], [None, Some(size), Some(size), Some(3)]] {
                let loaded = load(BackendKind::Tract, &model(U8, &extents));
                let Err(Fault::Signature { found }) = loaded else { panic!("{size}: {loaded:?}") };
                assert!(found.contains("is no image size"), "{found}");
            }
        }
        // A size that people have, with maps of 48 bytes for each byte of the image.
        let (loaded, peak) = crate::allocated::peak_bytes(|| {
            load(BackendKind::Tract, &model(U8, &[None, Some(15_000), Some(15_000), Some(3)]))
        });
        assert!(matches!(loaded, Err(Fault::TooCostly(_))), "{loaded:?}");
        assert!(peak < 10_000_000, "{peak}");
    }

    #[test]
    fn names_that_steer_a_terminal_are_refused() {
        let mut proto = ModelProto::decode(&model(U8, &IMAGES)[..]).unwrap();
        // And what would take a stack that there is not.
        let mut deep = proto.clone();
        let input = &mut deep.graph.as_mut().unwrap().input[0];
        *input = value("image", U8, &IMAGES);
        let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().and_then(|kind| kind.value.as_mut())
        else {
            panic!()
        };
        let name = "(".repeat(1 << 20);
        tensor.shape.as_mut().unwrap().dim[0].value = Some(dimension::Value::DimParam(name));
        let text = load(BackendKind::Tract, &deep.encode_to_vec()).unwrap_err().to_string();
        assert!(text.contains("has a name of 1048576 bytes"), "{text}");
        proto.graph.as_mut().unwrap().output[0].name = "in\u{1B}[2Jvariant".to_string();
        proto.graph.as_mut().unwrap().node[1].output[0] = "in\u{1B}[2Jvariant".to_string();
        let text = load(BackendKind::Tract, &proto.encode_to_vec()).unwrap_err().to_string();
        assert!(text.contains("hidden characters") && !text.contains('\u{1B}'), "{text:?}");
    }

    /// Reshaping to what the numbers do not fill is found when it runs, by an error or by a panic: both are answers.
    #[test]
    fn what_fails_while_it_runs_is_an_error() {
        let ran = |work: fn() -> u8| super::super::caught::caught(work);
        assert_eq!(ran(|| panic!("within a library")), None);
        let loaded = load(BackendKind::Tract, &model(U8, &IMAGES)).unwrap();
        let fault = { loaded.engine }.run(&[1, 2, 3], &mut vec![]).unwrap_err();
        let text = fault.to_string();
        assert!(text.starts_with("tract failed: ") && text.lines().count() == 1, "{text}");
    }

    #[test]
    fn constants_are_computed_only_where_their_size_is_known() {
        use tract_onnx::pb::TensorProto;
        let tensor = |name: &str, dims: &[i64], numbers: &[i64]| TensorProto {
            name: name.to_string(),
            dims: dims.to_vec(),
            data_type: 7,
            int64_data: numbers.to_vec(),
            ..TensorProto::default()
        };
        let with = |constants: Vec<TensorProto>, nodes: Vec<(&str, &[&str], &str)>| {
            let mut proto = ModelProto::decode(&model(U8, &IMAGES)[..]).unwrap();
            let graph = proto.graph.as_mut().unwrap();
            graph.initializer = constants;
            for (index, (operator, inputs, output)) in nodes.into_iter().enumerate() {
                let mut made = node(operator, inputs[0], output);
                made.input = inputs.iter().map(ToString::to_string).collect();
                graph.node.insert(index, made);
            }
            proto.encode_to_vec()
        };
        let large = [1 << 20, 1 << 20, 1 << 20];
        let thousands: Vec<i64> = (0..3000).collect();
        let column = || std::vec![tensor("a", &[3000, 1], &thousands), tensor("b", &[1, 3000], &thousands)];
        let cases = [
            (with(vec![tensor("s", &[3], &large)], vec![("ConstantOfShape", &["s"], "c")]), "size is not known before"),
            (
                with(vec![tensor("s", &[3], &large), tensor("x", &[1], &[1])], vec![("Expand", &["x", "s"], "c")]),
                "size is not known before",
            ),
            (
                with(vec![tensor("x", &[1 << 40], &[1])], vec![("Identity", &["x"], "c")]),
                "has data for 1 elements only",
            ),
            // Sums of all pairs, again and again.
            (
                with(column(), vec![("Add", &["a", "b"], "c"), ("Add", &["c", "c"], "d"), ("Transpose", &["a"], "e")]),
                "makes constants of more than",
            ),
            (with(vec![], vec![("Identity", &["nothing"], "c")]), "which nothing before it makes"),
        ];
        for (file, expected) in cases {
            let (loaded, peak) = crate::allocated::peak_bytes(|| load(BackendKind::Tract, &file));
            let text = loaded.unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
            assert!(peak < 100_000_000, "{text}: {peak}");
        }
        let small = with(vec![tensor("a", &[3], &[1, 2, 3])], vec![("Add", &["a", "a"], "c"), ("Cast", &["c"], "d")]);
        let loaded = load(BackendKind::Tract, &small);
        assert!(!loaded.as_ref().is_err_and(|fault| fault.to_string().contains("constants")), "{loaded:?}");
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
