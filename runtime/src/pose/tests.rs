use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::string::ToString;
use std::time::Instant;
use std::vec;
use std::vec::Vec;

use super::*;
use crate::backend::{BackendOptions, Encoder, Fault, Limits, Resource};
use crate::contract::metadata::{CLASS_NAMES, CLASS_SYMMETRY, RESIZE, TRANSFORMATIONS, VISIBLE};
use crate::graph::{Activation, DataType, GraphBuilder, Op};
use crate::preprocess::Visible;
use crate::rotation::{SymmetryGroup, UnitQuaternion};

/// Of images of 4x4 pixels: the mean colour as features and as logits, and a rotation of nine numbers made of it.
fn colour_model(matrix: [f32; 27], metadata: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 4, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[map]).unwrap();
    let weight = builder.weight("w", &[9, 3], matrix.to_vec()).unwrap();
    let bias = builder.weight("b", &[9], vec![0.0; 9]).unwrap();
    let op = Op::Linear { weight, bias, activation: Activation::Identity };
    let nine = builder.node("nine", op, &[colour]).unwrap();
    let rotation = builder.node("rotation", Op::NearestRotation, &[nine]).unwrap();
    builder.output("rotation_wxyz", rotation);
    builder.output("class_logits", colour);
    builder.output("invariant", colour);
    builder.output("equivariant", nine);
    let metadata: BTreeMap<_, _> = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    crate::model::write(&metadata, &[builder.finish()]).unwrap()
}

/// Numbers without a pattern in -1 to 1.
fn mixed() -> [f32; 27] {
    core::array::from_fn(|i| ((i * 37 + 11) % 23) as f32 / 11.5 - 1.0)
}

fn pixels(count: usize) -> Vec<u8> {
    (0..count).map(|i| ((i * 37 + i / 5) % 253) as u8).collect()
}

#[test]
fn every_way_to_give_a_picture_gives_the_numbers_of_the_bare_encoder() {
    let model = colour_model(mixed(), &[]);
    let mut predictor = Predictor::from_bytes(&model).unwrap();
    let mut encoder = Encoder::from_bytes(&model, &BackendOptions::default()).unwrap();
    let rgb = pixels(9 * 7 * 3);
    let whole = PictureView::new(&rgb, PixelFormat::Rgb8, 9, 7).unwrap();
    let crop = CropBox { left: 1, top: 2, width: 5, height: 5 };
    let bgr: Vec<u8> = rgb.chunks(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
    let plain = pixels(4 * 4 * 3);
    let by_hand: Vec<u8> = (2..7).flat_map(|y| rgb[(y * 9 + 1) * 3..(y * 9 + 6) * 3].to_vec()).collect();
    let cases = [
        ("whole", whole, whole.resized(4, 4)),
        ("bgr", PictureView::new(&bgr, PixelFormat::Bgr8, 9, 7).unwrap(), whole.resized(4, 4)),
        (
            "cut",
            whole.cropped(crop).unwrap(),
            PictureView::new(&by_hand, PixelFormat::Rgb8, 5, 5).unwrap().resized(4, 4),
        ),
        ("as it is", PictureView::new(&plain, PixelFormat::Rgb8, 4, 4).unwrap(), plain.clone()),
    ];
    for (name, view, image) in cases {
        let outputs = encoder.run(&image).unwrap();
        let prediction = predictor.predict(&view).unwrap();
        let wxyz = outputs[0].values.as_slice().try_into().unwrap();
        assert_eq!(prediction.rotation(), UnitQuaternion::from_wxyz(wxyz), "{name}");
        assert_eq!(prediction.invariant(), Some(&outputs[2].values[..]), "{name}");
        assert_eq!(prediction.equivariant(), Some(&outputs[3].values[..]), "{name}");
        assert_eq!(prediction.timing(), None, "{name}");
    }
}

#[test]
fn classes_come_with_their_names_and_symmetries() {
    let names = (CLASS_NAMES, r#"["red", "green", "blue"]"#);
    let model = colour_model(mixed(), &[names, (CLASS_SYMMETRY, r#"{"green": "cyclic:z:2"}"#)]);
    let green = [0, 255, 0].repeat(16);
    let view = PictureView::new(&green, PixelFormat::Rgb8, 4, 4).unwrap();
    let prediction = Predictor::from_bytes(&model).unwrap().predict(&view).unwrap();
    let class = prediction.class().unwrap();
    assert_eq!((class.index, &*class.class.name), (1, "green"));
    assert_eq!(class.class.symmetry, SymmetryGroup::cyclic([0.0, 0.0, 1.0], 2).unwrap());
    // Softmax of 0, 1, 0.
    assert!((class.probability - 0.576_117).abs() < 1e-5, "{}", class.probability);
    let euler = prediction.rotation().unwrap().to_euler_extrinsic_xyz().map(f32::to_degrees);
    assert_eq!(prediction.euler_deg(), Some(euler));
    let unnamed = Predictor::from_bytes(&colour_model(mixed(), &[])).unwrap().predict(&view).unwrap();
    assert_eq!(&*unnamed.class().unwrap().class.name, "1");
    let model = colour_model(mixed(), &[(CLASS_NAMES, r#"["red"]"#)]);
    let error = Predictor::from_bytes(&model).unwrap().predict(&view).unwrap_err();
    assert_eq!(error.to_string(), "the model in memory: 1 class names for 3 classes");
    assert!(error.hint().unwrap().contains("export"), "{error}");
}

#[test]
fn answers_that_are_none_are_errors() {
    let mut predictor = Predictor::from_bytes(&colour_model([f32::MAX; 27], &[])).unwrap();
    let white = [255; 48];
    let view = PictureView::new(&white, PixelFormat::Rgb8, 4, 4).unwrap();
    let error = predictor.predict(&view).unwrap_err();
    assert!(matches!(error.fault, PoseFault::Outputs(OutputFault::NotFinite { .. })), "{error}");
    assert!(error.to_string().ends_with("is not finite: the model is broken"), "{error}");
}

#[test]
fn models_without_an_answer_are_refused_when_they_are_opened() {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 4, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    builder.output("depth", map);
    let model = crate::model::write(&BTreeMap::new(), &[builder.finish()]).unwrap();
    let error = Predictor::from_bytes(&model).unwrap_err();
    assert!(matches!(error.fault, PoseFault::Outputs(OutputFault::NoneKnown)), "{error}");
    let error = Predictor::from_bytes(&colour_model(mixed(), &[(CLASS_NAMES, "red")])).unwrap_err();
    assert_eq!(error.to_string(), "the model in memory: the metadata 'class_names' is no JSON array of strings");
    let error = Predictor::open("nowhere.sxt").unwrap_err();
    assert!(error.to_string().starts_with("nowhere.sxt: ") && error.hint().is_some(), "{error}");
}

#[test]
fn threads_share_a_batch_and_keep_its_order() {
    let model = colour_model(mixed(), &[]);
    let images: Vec<Vec<u8>> = (0..7).map(|seed| pixels(48 + seed)[seed..].to_vec()).collect();
    let views: Vec<_> = images.iter().map(|i| PictureView::new(i, PixelFormat::Rgb8, 4, 4).unwrap()).collect();
    let mut alone = Predictor::from_bytes(&model).unwrap();
    let want: Vec<_> = views.iter().map(|view| alone.predict(view).unwrap()).collect();
    for threads in [1, 2, 3, 9] {
        let options = PredictorOptions { threads: NonZeroUsize::new(threads).unwrap(), ..Default::default() };
        let mut predictor = Predictor::from_bytes_with(&model, &options).unwrap();
        for count in [0, 1, 2, 7] {
            let found: Vec<_> = predictor.predict_batch(&views[..count]).into_iter().map(Result::unwrap).collect();
            assert_eq!(found, want[..count], "{threads} threads, {count} pictures");
        }
    }
}

#[test]
fn limits_are_for_all_threads_together() {
    let model = colour_model(mixed(), &[]);
    let bytes = Predictor::from_bytes(&model).unwrap().encoder().memory_bytes().unwrap();
    let open = |threads, memory_bytes| {
        let limits = Limits::default().with_memory_bytes(memory_bytes);
        let backend = BackendOptions { limits, ..Default::default() };
        let threads = NonZeroUsize::new(threads).unwrap();
        Predictor::from_bytes_with(&model, &PredictorOptions { backend, threads, timings: false })
    };
    assert!(open(1, bytes).is_ok() && open(3, 3 * bytes).is_ok());
    let fault = open(3, 3 * bytes - 1).unwrap_err().fault;
    let PoseFault::Backend(fault) = fault else { panic!("{fault:?}") };
    let Fault::TooCostly(excess) = *fault else { panic!("{fault:?}") };
    assert_eq!((excess.resource, excess.found), (Resource::Memory, 3 * bytes));
}

#[test]
fn timings_and_other_rules_are_told() {
    let model = colour_model(mixed(), &[(RESIZE, "nearest")]);
    let options = PredictorOptions { timings: true, ..Default::default() };
    let mut predictor = Predictor::from_bytes_with(&model, &options).unwrap();
    assert_eq!(predictor.other_resize_rule(), Some("nearest"));
    let picture = pixels(90 * 70 * 3);
    let view = PictureView::new(&picture, PixelFormat::Rgb8, 90, 70).unwrap();
    let start = Instant::now();
    let timing = predictor.predict(&view).unwrap().timing().unwrap();
    assert!(timing.preprocess + timing.model <= start.elapsed(), "{timing:?}");
    let ours = colour_model(mixed(), &[(RESIZE, crate::preprocess::RESIZE_RULE)]);
    assert_eq!(Predictor::from_bytes(&ours).unwrap().other_resize_rule(), None);
}

#[test]
fn a_predictor_may_move_to_another_thread() {
    fn is_send<T: Send + 'static>() {}
    is_send::<Predictor>();
    is_send::<Prediction>();
}

/// Of images of 4x4 pixels, without pose and class: the mean colour as features, and as what was done.
fn turned_model(metadata: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 4, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [0.1; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[map]).unwrap();
    let equivariant = builder.node("equivariant", Op::Slice { start: 1, end: 3 }, &[colour]).unwrap();
    builder.output("transformation_logits.turns", colour);
    builder.output("equivariant", equivariant);
    let metadata: BTreeMap<_, _> = metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    crate::model::write(&metadata, &[builder.finish()]).unwrap()
}

const TURNS: (&str, &str) = (TRANSFORMATIONS, r#"{"turns": ["0°", "120°", "240°"]}"#);

#[test]
fn models_say_what_was_done_to_a_picture_without_a_pose() {
    let mut predictor = Predictor::from_bytes(&turned_model(&[TURNS])).unwrap();
    assert_eq!(predictor.transformations().iter().map(|known| &*known.name).collect::<Vec<_>>(), ["turns"]);
    let green = [0, 255, 0].repeat(16);
    let prediction = predictor.predict(&PictureView::new(&green, PixelFormat::Rgb8, 4, 4).unwrap()).unwrap();
    assert_eq!((prediction.rotation(), prediction.class(), prediction.invariant()), (None, None, None));
    assert_eq!(prediction.equivariant(), Some(&[10.0, 0.0][..]));
    let [turn] = prediction.transformations() else { panic!("{prediction:?}") };
    assert_eq!((turn.index, turn.class()), (1, "120°"));
    // Softmax of 0, 10, 0.
    assert!((turn.probability - 0.999_909).abs() < 1e-5, "{turn:?}");
    assert!((turn.angle_deg().unwrap() - 120.0).abs() < 0.01, "{turn:?}");
}

#[test]
fn metadata_of_transformations_that_do_not_fit_are_named() {
    let opened = |metadata: &[(&str, &str)]| Predictor::from_bytes(&turned_model(metadata)).map(|_| ());
    let no_names = "the model in memory: the metadata 'transformations' name no classes of 'turns'";
    assert_eq!(opened(&[]).unwrap_err().to_string(), no_names);
    assert_eq!(opened(&[(TRANSFORMATIONS, r#"{"hue": ["a"]}"#)]).unwrap_err().to_string(), no_names);
    let error = opened(&[(TRANSFORMATIONS, "turns")]).unwrap_err();
    assert!(error.to_string().contains("the metadata 'transformations' is no JSON object"), "{error}");
    let mut predictor = Predictor::from_bytes(&turned_model(&[(TRANSFORMATIONS, r#"{"turns": ["0°"]}"#)])).unwrap();
    let black = [0; 48];
    let error = predictor.predict(&PictureView::new(&black, PixelFormat::Rgb8, 4, 4).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "the model in memory: 1 class names for 3 classes of 'turns'");
    assert_eq!(error.hint(), Some("export the run again"));
}

#[test]
fn what_a_model_is_not_shown_is_greyed_however_the_picture_is_given() {
    let mut whole = Predictor::from_bytes(&turned_model(&[TURNS])).unwrap();
    let mut circle = Predictor::from_bytes(&turned_model(&[TURNS, (VISIBLE, "circle")])).unwrap();
    assert_eq!([whole.visible(), circle.visible()], [Visible::Whole, Visible::Circle]);
    let (small, large) = (pixels(48), pixels(9 * 7 * 3));
    for view in [
        PictureView::new(&small, PixelFormat::Rgb8, 4, 4).unwrap(),
        PictureView::new(&large, PixelFormat::Rgb8, 9, 7).unwrap(),
    ] {
        let mut image = view.resized(4, 4);
        assert_ne!(circle.predict(&view).unwrap(), whole.predict(&view).unwrap());
        Visible::Circle.apply(&mut image, 4);
        let masked = PictureView::new(&image, PixelFormat::Rgb8, 4, 4).unwrap();
        assert_eq!(circle.predict(&view).unwrap(), whole.predict(&masked).unwrap());
        // Masked already, as golden images are.
        assert_eq!(circle.predict(&masked).unwrap(), whole.predict(&masked).unwrap());
    }
    let same = Predictor::from_bytes(&turned_model(&[TURNS, (VISIBLE, "whole")])).unwrap();
    assert_eq!(same.visible(), Visible::Whole);
    let error = Predictor::from_bytes(&turned_model(&[TURNS, (VISIBLE, "square")])).unwrap_err().to_string();
    assert!(
        error.ends_with("the metadata 'visible' is no name of how much of an image is seen: whole or circle"),
        "{error}"
    );
}

#[test]
fn a_circle_needs_square_images() {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 6, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[map]).unwrap();
    builder.output("invariant", colour);
    let metadata = BTreeMap::from([(VISIBLE.to_string(), "circle".to_string())]);
    let model = crate::model::write(&metadata, &[builder.finish()]).unwrap();
    let error = Predictor::from_bytes(&model).unwrap_err().to_string();
    assert!(error.ends_with("'circle', but images of 4 x 6 px are not square"), "{error}");
}

#[test]
fn numbers_of_a_transformation_that_are_not_finite_are_named() {
    let outputs =
        |name: &str| std::vec![crate::backend::Output { name: name.into(), width: 1, values: vec![f32::NAN] }];
    let fault = |name: &str| PoseFault::of_outputs(OutputFault::TransformationNotFinite { output: 0 }, &outputs(name));
    assert_eq!(
        fault("transformation_logits.hue").to_string(),
        "the output 'transformation_logits.hue' is not finite: the model is broken"
    );
}
