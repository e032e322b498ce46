//! The `runtime` command from outside: what it prints, and what it says of broken files.
#![cfg(feature = "cli")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op};
use sextant_runtime::model;

/// A folder of one test, with a model `m.sxt` in it.
struct Bench {
    folder: PathBuf,
}

impl Bench {
    fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("m.sxt"), colour_model()).unwrap();
        Self { folder }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).unwrap();
    }

    fn image(&self, name: &str, image: impl Into<DynamicImage>) {
        image.into().save_with_format(self.folder.join(name), ImageFormat::Png).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-runtime"));
        command.args(arguments).current_dir(&self.folder).env_remove("ORT_DYLIB_PATH").output().unwrap()
    }
}

/// On 4x4 images: the mean colour decides between `red`, `green` and `blue`, and is also the invariant feature;
/// the rotation is a quarter turn about z.
fn colour_model() -> Vec<u8> {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 4, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let normalized = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[normalized]).unwrap();
    let mut linear = |name: &str, weight: Vec<f32>, bias: Vec<f32>| {
        let shape = [bias.len(), 3];
        let weight = builder.weight(&format!("{name}.weight"), &shape, weight).unwrap();
        let bias = builder.weight(&format!("{name}.bias"), &[shape[0]], bias).unwrap();
        builder.node(name, Op::Linear { weight, bias, activation: Activation::Identity }, &[colour]).unwrap()
    };
    let logits = linear("class", vec![9.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0, 9.0], vec![0.0; 3]);
    let matrix = linear("rotation9", vec![0.0; 27], vec![0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let rotation = builder.node("rotation", Op::NearestRotation, &[matrix]).unwrap();
    builder.output("rotation_wxyz", rotation);
    builder.output("class_logits", logits);
    builder.output("invariant", colour);
    let metadata = [("class_names".to_string(), r#"["red", "green", "blue"]"#.to_string())];
    model::write(&BTreeMap::from(metadata), &[builder.finish()]).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    assert_eq!(text(&output.stderr), "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn predictions_are_printed_for_people_and_for_programs() {
    let bench = Bench::new("predict");
    bench.image("red.png", RgbImage::from_pixel(40, 30, Rgb([255, 0, 0])));
    let people = bench.run(&["predict", "m.sxt", "red.png", "--features"]);
    let expected = "red.png\n  wxyz         0.70711 0.00000 0.00000 0.70711\n  euler_deg    0.00 0.00 90.00\n  \
                    class        red (100.0 %)\n  invariant    1.00000 0.00000 0.00000\n";
    assert_eq!((text(&people.stdout), text(&people.stderr), people.status.code()), (expected, "", Some(0)));
    let programs = json(&bench.run(&["predict", "m.sxt", "red.png", "--json"]));
    let prediction = &programs[0];
    assert_eq!((&prediction["image"], &prediction["class"]), (&"red.png".into(), &"red".into()));
    assert!(prediction["class_probability"].as_f64().unwrap() > 0.999);
    assert!((prediction["rotation_wxyz"][3].as_f64().unwrap() - 0.5f64.sqrt()).abs() < 1e-6);
    assert!((prediction["euler_deg"][2].as_f64().unwrap() - 90.0).abs() < 1e-3);
    assert!(prediction.get("invariant").is_none());
}

#[test]
fn every_kind_of_pixel_becomes_rgb() {
    let bench = Bench::new("pixels");
    bench.image("grey.png", GrayImage::from_pixel(9, 5, Luma([51])));
    bench.image("alpha.png", RgbaImage::from_pixel(1, 7, Rgba([255, 0, 0, 0])));
    bench.image("deep.png", ImageBuffer::from_pixel(5, 5, Rgb([13107u16, 65535, 0])));
    let output = bench.run(&["predict", "m.sxt", "grey.png", "alpha.png", "deep.png", "--features", "--json"]);
    let expected = [[0.2; 3], [128.0 / 255.0; 3], [0.2, 1.0, 0.0]];
    for (prediction, expected) in json(&output).as_array().unwrap().iter().zip(expected) {
        for (found, expected) in prediction["invariant"].as_array().unwrap().iter().zip(expected) {
            assert!((found.as_f64().unwrap() - expected).abs() < 1e-3, "{prediction}");
        }
    }
}

#[test]
fn two_views_are_compared() {
    let bench = Bench::new("compare");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    bench.image("blue.png", RgbImage::from_pixel(4, 4, Rgb([0, 0, 255])));
    let comparison = json(&bench.run(&["compare", "m.sxt", "red.png", "blue.png", "--json"]));
    assert_eq!(comparison["invariant_cosine_similarity"], 0.0);
    assert!(comparison["angle_deg"].as_f64().unwrap() < 1e-3);
    assert_eq!(comparison["relative_rotation_wxyz"].as_array().unwrap().len(), 4);
}

#[test]
fn latency_is_measured() {
    let bench = Bench::new("bench");
    let latency = json(&bench.run(&["bench", "m.sxt", "--json"]));
    assert_eq!((&latency["backend"], &latency["threads"]), (&"native".into(), &1.into()));
    assert!(latency["median_ms"].as_f64().unwrap() <= latency["p95_ms"].as_f64().unwrap());
}

/// A PNG file with that header, cut off where its pixels start.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    chunk.extend([8, 2, 0, 0, 0]);
    let checksum = png_checksum(&chunk);
    [&b"\x89PNG\r\n\x1a\n\0\0\0\x0d"[..], &chunk, &checksum.to_be_bytes(), b"\0\0\0\x0aIDAT"].concat()
}

fn png_checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 })
    })
}

#[test]
fn broken_images_are_named_and_the_others_go_on() {
    let bench = Bench::new("broken_images");
    bench.image("good.png", RgbImage::from_pixel(8, 8, Rgb([0, 255, 0])));
    let good = fs::read(bench.folder.join("good.png")).unwrap();
    let mut flipped = good.clone();
    flipped[45] ^= 0x10;
    let cases = [
        ("empty.png", vec![], "The image format could not be determined"),
        ("text.png", b"not an image".to_vec(), "The image format could not be determined"),
        ("cut.png", good[..good.len() / 2].to_vec(), "unexpected end of file"),
        ("flipped.png", flipped, "Format error decoding Png: Corrupt deflate stream"),
        ("none.png", png_header(0, 0), "Format error decoding Png: Invalid image dimensions"),
        ("wide.png", png_header(100_001, 1), "an image of 100001x1 px is too large"),
        ("huge.png", png_header(100_000, 100_000), "an image of 100000x100000 px is too large"),
    ];
    for (name, bytes, message) in cases {
        bench.write(name, &bytes);
        let output = bench.run(&["predict", "m.sxt", name, "good.png", "--json"]);
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(&format!("error: {name}: {message}")), "{name}: {stderr}");
        assert!(stderr.contains("\nhint: ") && !stderr.contains("panicked"), "{name}: {stderr}");
        let predictions: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(predictions.as_array().unwrap().len(), 1, "{name}");
        assert_eq!(predictions[0]["class"], "green", "{name}");
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
    let missing = bench.run(&["predict", "m.sxt", "missing.png"]);
    assert!(text(&missing.stderr).starts_with("error: missing.png: No such file or directory"));
    assert_eq!((missing.stdout.len(), missing.status.code()), (0, Some(2)));
}

#[test]
fn broken_models_are_named() {
    let bench = Bench::new("broken_models");
    bench.image("good.png", RgbImage::from_pixel(8, 8, Rgb([0, 255, 0])));
    let good = colour_model();
    let changed = |offset: usize| {
        let mut bytes = good.clone();
        bytes[offset] ^= 4;
        bytes
    };
    let cases = [
        ("empty.sxt", vec![], "0 bytes are too short for a model file"),
        ("text.sxt", b"a model, honestly".to_vec(), "not a Sextant model file (.sxt)"),
        ("cut.sxt", good[..good.len() - 1].to_vec(), "the model should have"),
        ("long.sxt", [&good[..], &[0]].concat(), "the model should have"),
        ("newer.sxt", changed(8), "model format version 5; this program reads 1"),
        ("flipped.sxt", changed(good.len() - 20), "the model is damaged: checksum"),
    ];
    for (name, bytes, message) in cases {
        bench.write(name, &bytes);
        let output = bench.run(&["predict", name, "good.png"]);
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(&format!("error: {name}: {message}")), "{name}: {stderr}");
        assert!(stderr.contains("\nhint: "), "{name}: {stderr}");
        assert_eq!((output.stdout.len(), output.status.code()), (0, Some(2)), "{name}");
    }
    let missing = bench.run(&["predict", "missing.sxt", "good.png"]);
    assert!(text(&missing.stderr).starts_with("error: missing.sxt: No such file or directory"));
}

#[cfg(feature = "tract")]
#[test]
fn broken_onnx_files_are_named() {
    let bench = Bench::new("broken_onnx");
    bench.image("good.png", RgbImage::from_pixel(8, 8, Rgb([0, 255, 0])));
    let cases = [
        ("empty.onnx", vec![], "tract cannot load this as an ONNX model: "),
        ("text.onnx", b"a model, honestly".to_vec(), "tract cannot load this as an ONNX model: "),
        ("renamed.onnx", colour_model(), "a .sxt file, but tract reads ONNX"),
    ];
    for (name, bytes, message) in cases {
        bench.write(name, &bytes);
        let output = bench.run(&["predict", name, "good.png"]);
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with(&format!("error: {name}: {message}")), "{name}: {stderr}");
        assert!(stderr.contains("\nhint: ") && !stderr.contains("panicked"), "{name}: {stderr}");
        assert_eq!((output.stdout.len(), output.status.code()), (0, Some(2)), "{name}");
    }
}

#[cfg(feature = "ort")]
#[test]
fn a_missing_onnx_runtime_says_how_to_get_it() {
    let bench = Bench::new("missing_ort");
    bench.write("m.onnx", b"never read");
    for arguments in [
        &["predict", "m.onnx", "x.png", "--backend", "ort"][..],
        &["predict", "m.onnx", "x.png", "--backend", "ort", "--ort-library", "nowhere.so"],
    ] {
        let output = bench.run(arguments);
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error: m.onnx: ONNX Runtime is not usable: "), "{stderr}");
        assert!(stderr.contains("\nhint: pip install onnxruntime"), "{stderr}");
        assert_eq!(output.status.code(), Some(2));
    }
}
