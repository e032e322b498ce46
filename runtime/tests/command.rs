//! The `runtime` command from outside: what it prints, and what it says of broken files.
#![cfg(feature = "cli")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::{
    DynamicImage, ExtendedColorType, GrayImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba,
    RgbaImage,
};
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
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-runtime"));
        command.args(arguments).current_dir(&self.folder).env_remove("ORT_DYLIB_PATH");
        command
    }

    /// Runs the command with those bytes on standard input.
    fn run_with_stdin(&self, arguments: &[&str], bytes: &[u8]) -> Output {
        let piped = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = piped.unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// On 4x4 images: the mean colour decides between `red`, `green` and `blue`, and is also the invariant feature;
/// the rotation is a quarter turn about z.
fn colour_model() -> Vec<u8> {
    colour_model_with(&[])
}

/// The same with more metadata.
fn colour_model_with(metadata: &[(&str, &str)]) -> Vec<u8> {
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
    let entries = [("class_names", r#"["red", "green", "blue"]"#)].iter().chain(metadata);
    let metadata: BTreeMap<String, String> = entries.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    model::write(&metadata, &[builder.finish()]).unwrap()
}

/// On 4x4 images: the features are the mean colour and green minus blue, and their first two numbers say what was done, unless
/// the features are all that is asked for.
fn model_without_pose(transformations: bool) -> Vec<u8> {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 4, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [0.1; 3] };
    let normalized = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[normalized]).unwrap();
    let pair = builder.node("pair", Op::Slice { start: 1, end: 3 }, &[colour]).unwrap();
    if transformations {
        builder.output("transformation_logits.quarter-turns", colour);
        builder.output("transformation_logits.grey", pair);
    }
    builder.output("invariant", colour);
    builder.output("equivariant", pair);
    let classes = r#"{"quarter-turns": ["0°", "120°", "240°"], "grey": ["no", "yes\u0007"]}"#;
    let metadata = [("transformations".to_string(), classes.to_string())].into_iter().collect();
    model::write(&metadata, &[builder.finish()]).unwrap()
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
fn what_was_done_to_a_picture_is_printed_without_pose_and_class() {
    let bench = Bench::new("transformations");
    bench.write("t.sxt", &model_without_pose(true));
    bench.image("green.png", RgbImage::from_pixel(40, 30, Rgb([0, 255, 0])));
    bench.image("blue.png", RgbImage::from_pixel(4, 4, Rgb([0, 0, 255])));
    let people = bench.run(&["predict", "t.sxt", "green.png", "blue.png"]);
    let expected = "green.png\n  quarter-turns  120°  1.000\n  grey          no  1.000\n\
                    blue.png\n  quarter-turns  240°  1.000\n  grey          yes\\u{7}  1.000\n";
    assert_eq!((text(&people.stdout), text(&people.stderr), people.status.code()), (expected, "", Some(0)));
    let programs = json(&bench.run(&["predict", "t.sxt", "green.png", "--json"]));
    let [turns, grey] = [&programs[0]["transformations"][0], &programs[0]["transformations"][1]];
    let named: [(&str, serde_json::Value); 3] =
        [("name", "quarter-turns".into()), ("class", "120°".into()), ("class_index", 1.into())];
    for (key, value) in named {
        assert_eq!(turns[key], value, "{turns}");
    }
    assert_eq!(turns["class_names"], serde_json::json!(["0°", "120°", "240°"]));
    assert!((turns["probabilities"][0].as_f64().unwrap() - 4.539_58e-5).abs() < 1e-8, "{turns}");
    assert!((turns["angle_deg"].as_f64().unwrap() - 120.0).abs() < 1e-2, "{turns}");
    assert_eq!((&grey["name"], grey.get("angle_deg")), (&"grey".into(), None));
    for key in ["rotation_wxyz", "euler_deg", "class", "invariant"] {
        assert!(programs[0].get(key).is_none(), "{programs}");
    }
    let plain = json(&bench.run(&["predict", "m.sxt", "green.png", "--json"]));
    assert!(plain[0].get("transformations").is_none(), "{plain}");
    assert!(json(&bench.run(&["bench", "t.sxt", "--json"]))["median_ms"].as_f64().is_some());
}

#[test]
fn models_of_features_alone_say_what_they_have() {
    let bench = Bench::new("features_alone");
    bench.write("f.sxt", &model_without_pose(false));
    bench.image("green.png", RgbImage::from_pixel(40, 30, Rgb([0, 255, 0])));
    bench.image("half.png", RgbImage::from_pixel(4, 4, Rgb([51, 51, 0])));
    let people = bench.run(&["predict", "f.sxt", "green.png"]);
    let expected = "green.png\n  invariant    3 numbers (--features prints them)\n  \
                    equivariant  2 numbers (--features prints them)\n";
    assert_eq!((text(&people.stdout), people.status.code()), (expected, Some(0)));
    let people = bench.run(&["predict", "f.sxt", "green.png", "--features"]);
    let expected = "green.png\n  invariant    0.00000 10.00000 0.00000\n  equivariant  10.00000 0.00000\n";
    assert_eq!(text(&people.stdout), expected);
    let compared = bench.run(&["compare", "f.sxt", "green.png", "half.png"]);
    let expected = "invariant_cosine_similarity  0.7071\nequivariant_cosine_similarity 1.0000\n";
    assert_eq!((text(&compared.stdout), text(&compared.stderr)), (expected, ""));
    let compared = json(&bench.run(&["compare", "f.sxt", "green.png", "half.png", "--json"]));
    assert_eq!(compared["equivariant_cosine_similarity"], 1.0);
    assert!(compared.get("angle_deg").is_none() && compared.get("relative_rotation_wxyz").is_none(), "{compared}");
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

#[test]
fn latency_is_measured_of_batches_that_threads_share() {
    let bench = Bench::new("batches");
    let latency = json(&bench.run(&["bench", "m.sxt", "--batch", "6", "--threads", "2", "--json"]));
    assert_eq!((&latency["batch"], &latency["threads"]), (&6.into(), &2.into()));
    let [rate, median_ms] = ["images_per_second", "median_ms"].map(|key| latency[key].as_f64().unwrap());
    assert!((rate * median_ms / 1e3 - 6.0).abs() < 1e-6, "{latency}");
    let output = bench.run(&["bench", "m.sxt", "--threads", "2"]);
    assert_eq!(output.status.code(), Some(2));
    let error = "error: 2 threads have nothing to share in a batch of 1: give --batch, too";
    assert!(text(&output.stderr).starts_with(error), "{output:?}");
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

/// A picture of 45 x 35 pixels.
const JPEG: &[u8] = include_bytes!("pictures/baseline.jpg");

/// A PNG file of black pixels, 8-bit grey: a few hundred kilobytes for any size.
fn png_of_zeros(width: u32, height: u32) -> Vec<u8> {
    let mut png = vec![];
    let pixels = vec![0; width as usize * height as usize];
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.write_image(&pixels, width, height, ExtendedColorType::L8).unwrap();
    png
}

#[test]
fn broken_images_are_named_and_the_others_go_on() {
    let bench = Bench::new("broken_images");
    bench.image("good.png", RgbImage::from_pixel(8, 8, Rgb([0, 255, 0])));
    let good = fs::read(bench.folder.join("good.png")).unwrap();
    let mut flipped = good.clone();
    flipped[45] ^= 0x10;
    let cases = [
        ("empty.png", vec![], "not a PNG or JPEG file"),
        ("text.png", b"not an image".to_vec(), "not a PNG or JPEG file"),
        ("cut.png", good[..good.len() / 2].to_vec(), "the PNG file ends early"),
        ("flipped.png", flipped, "the PNG file is damaged: the checksum of its chunk IDAT is wrong"),
        ("none.png", png_header(0, 0), "an image without pixels"),
        ("cut.jpg", JPEG[..JPEG.len() / 2].to_vec(), "the JPEG file ends early"),
        ("cut-with-end.jpg", [&JPEG[..JPEG.len() - 100], b"\xff\xd9"].concat(), "the JPEG file ends early"),
        (
            "two.jpg",
            [&JPEG[..JPEG.len() - 100], JPEG].concat(),
            "the JPEG file is damaged: another picture begins inside",
        ),
        ("wide.png", png_header(100_001, 1), "an image of 100001x1 px is too large"),
        ("huge.png", png_of_zeros(30_000, 15_000), "an image of 30000x15000 px takes 17"),
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

#[test]
fn pictures_come_from_pipes_and_standard_input() {
    let bench = Bench::new("stdin");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    let red = fs::read(bench.folder.join("red.png")).unwrap();
    let mut names = vec!["-"];
    if cfg!(target_os = "linux") {
        names.push("/dev/stdin");
    }
    for name in names {
        let output = bench.run_with_stdin(&["predict", "m.sxt", name, "--json"], &red);
        assert_eq!((&json(&output)[0]["class"], &json(&output)[0]["image"]), (&"red".into(), &name.into()));
    }
    let compared = bench.run_with_stdin(&["compare", "m.sxt", "-", "red.png", "--json"], &red);
    assert!(json(&compared)["angle_deg"].as_f64().unwrap() < 1e-3);
    let twice = bench.run(&["predict", "m.sxt", "-", "-"]);
    assert_eq!(text(&twice.stderr), "error: standard input, `-`, can be read once only\n");
    // A stream that does not end is read up to the limit.
    if cfg!(target_os = "linux") {
        let endless = bench.run(&["predict", "m.sxt", "/dev/zero", "--max-picture-memory", "1"]);
        assert!(text(&endless.stderr).starts_with("error: /dev/zero: more than 1048576 bytes"), "{endless:?}");
    }
}

#[test]
fn folders_and_lists_are_pictures_and_what_is_skipped_is_counted() {
    let bench = Bench::new("folders");
    fs::create_dir_all(bench.folder.join("views/deeper")).unwrap();
    bench.image("views/b.png", RgbImage::from_pixel(4, 4, Rgb([0, 255, 0])));
    bench.image("views/a.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    bench.image("views/no-extension", RgbImage::from_pixel(4, 4, Rgb([0, 0, 255])));
    for other in ["views/notes.txt", "views/.hidden.png"] {
        bench.write(other, b"notes");
    }
    let output = bench.run(&["predict", "m.sxt", "views", "--json-lines"]);
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<_> = lines.iter().map(|line| (line["image"].as_str().unwrap(), line["class"].as_str())).collect();
    let expected = [("views/a.png", Some("red")), ("views/b.png", Some("green")), ("views/no-extension", Some("blue"))];
    assert_eq!(found, expected);
    assert_eq!(
        (text(&output.stderr), output.status.code()),
        ("warning: views: skipped 1 other file, 1 folder, 1 hidden entry\n", Some(0))
    );
    // A list names pictures and folders; what fails is named, on standard error and in its line.
    bench.write("list.txt", b"views/b.png\r\n\nmissing.png\n");
    let output = bench.run(&["predict", "m.sxt", "--list", "list.txt", "--json-lines"]);
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["image"], &lines[1]["image"]), (&"views/b.png".into(), &"missing.png".into()));
    assert!(lines[1]["error"].as_str().unwrap().starts_with("missing.png: No such file"), "{output:?}");
    assert_eq!((lines.len(), output.status.code()), (2, Some(2)));
    bench.write("empty.txt", b"\n");
    fs::create_dir(bench.folder.join("nothing")).unwrap();
    for (arguments, message) in [
        (&["predict", "m.sxt", "--list", "empty.txt"][..], "error: empty.txt: lists no picture\n"),
        (&["predict", "m.sxt", "nothing"], "error: nothing: a folder without PNG or JPEG files\n"),
    ] {
        let output = bench.run(arguments);
        assert_eq!((text(&output.stderr), output.status.code()), (message, Some(2)));
    }
}

/// A reader that has gone ends the command before the next picture, which is missing here.
#[test]
fn nothing_more_is_computed_when_nobody_reads_on() {
    let bench = Bench::new("reader_gone");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    for format in [&[][..], &["--json"], &["--json-lines"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let arguments = [&["predict", "m.sxt", "red.png", "missing.png"], format].concat();
        let output = bench.command(&arguments).stdout(writer).output().unwrap();
        assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)), "{format:?}");
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_told_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new("names");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    let names = [&b"caf\xe9.png"[..], b"caf\xe8.png"].map(OsStr::from_bytes);
    for name in names {
        fs::copy(bench.folder.join("red.png"), bench.folder.join(name)).unwrap();
    }
    let output = bench.command(&["predict", "m.sxt", "--json", "red.png"]).args(names).output().unwrap();
    let predictions = json(&output);
    assert!(predictions[0].get("image_bytes").is_none());
    for (prediction, bytes) in [(&predictions[1], "636166e92e706e67"), (&predictions[2], "636166e82e706e67")] {
        assert_eq!((&prediction["image"], &prediction["image_bytes"]), (&"caf\u{fffd}.png".into(), &bytes.into()));
    }
    let compared = json(&bench.command(&["compare", "m.sxt", "--json"]).args(names).output().unwrap());
    assert_eq!((&compared["a_bytes"], &compared["b_bytes"]), (&"636166e92e706e67".into(), &"636166e82e706e67".into()));
    fs::rename(bench.folder.join("m.sxt"), bench.folder.join(OsStr::from_bytes(b"m\xe9.sxt"))).unwrap();
    let measured = json(&bench.command(&["bench", "--json"]).arg(OsStr::from_bytes(b"m\xe9.sxt")).output().unwrap());
    assert_eq!(measured["model_bytes"], "6de92e737874");
}

#[test]
fn the_symmetry_of_a_class_is_shown_with_its_pose() {
    let bench = Bench::new("symmetry");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    bench.image("green.png", RgbImage::from_pixel(4, 4, Rgb([0, 255, 0])));
    bench.image("blue.png", RgbImage::from_pixel(4, 4, Rgb([0, 0, 255])));
    let symmetry = r#"{"red": "cyclic:z:4", "green": "none", "blue": "continuous:z"}"#;
    bench.write("m.sxt", &colour_model_with(&[("class_symmetry", symmetry)]));
    let people = bench.run(&["predict", "m.sxt", "red.png", "green.png", "blue.png"]);
    let lines: Vec<&str> = text(&people.stdout).lines().filter(|line| line.contains("symmetry")).collect();
    assert_eq!(
        lines,
        [
            "  symmetry     cyclic:z:4: one of 4 poses that look the same",
            "  symmetry     continuous:z: one of many poses that look the same"
        ]
    );
    let programs = json(&bench.run(&["predict", "m.sxt", "red.png", "green.png", "blue.png", "--json"]));
    let found = [0, 1, 2].map(|i| (programs[i]["class_symmetry"].as_str(), programs[i]["equivalent_poses"].as_u64()));
    assert_eq!(found, [(Some("cyclic:z:4"), Some(4)), (None, None), (Some("continuous:z"), None)]);
}

#[test]
fn a_model_that_learned_from_other_pictures_is_warned_of() {
    let bench = Bench::new("rule");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    bench.write("same.sxt", &colour_model_with(&[("resize", sextant_runtime::preprocess::RESIZE_RULE)]));
    bench.write("other.sxt", &colour_model_with(&[("resize", "centre crop, then a triangle filter")]));
    for (model, warnings) in [("m.sxt", 0), ("same.sxt", 0), ("other.sxt", 1)] {
        let output = bench.run(&["predict", model, "red.png"]);
        assert_eq!((text(&output.stderr).lines().count(), output.status.code()), (warnings, Some(0)), "{output:?}");
        assert!(warnings == 0 || text(&output.stderr).contains("'centre crop, then a triangle filter'"), "{output:?}");
    }
}

#[test]
fn what_would_not_be_used_is_refused() {
    let bench = Bench::new("unused");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    for backend in [&[][..], &["--backend", "native"]] {
        let output = bench.run(&[&["predict", "m.sxt", "red.png", "--ort-library", "lib.so"], backend].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).starts_with("error: --ort-library is for --backend ort"), "{output:?}");
    }
}

#[test]
fn remarks_are_printed_and_in_json() {
    let bench = Bench::new("remarks");
    bench.image("red.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 0])));
    let mut png = fs::read(bench.folder.join("red.png")).unwrap();
    // An `acTL` chunk behind the header: two frames.
    let chunk = b"acTL\0\0\0\x02\0\0\0\0";
    let chunk = [&8u32.to_be_bytes()[..], chunk, &png_checksum(chunk).to_be_bytes()].concat();
    png.splice(33..33, chunk);
    bench.write("moving.png", &png);
    let output = bench.run(&["predict", "m.sxt", "moving.png", "--json"]);
    let remark = "an animation: only its first picture is used";
    assert_eq!(text(&output.stderr), format!("warning: moving.png: {remark}\n"));
    let predictions: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&predictions[0]["warnings"][0], &predictions[0]["class"]), (&remark.into(), &"red".into()));
}

/// A network of 4 pixels a side sees the mean of each 2x2 pixels of a picture of 8.
#[test]
fn a_picture_twice_as_large_is_averaged() {
    let bench = Bench::new("averaged");
    let image = RgbImage::from_fn(8, 8, |x, y| if (x + y) % 2 == 0 { Rgb([255, 0, 0]) } else { Rgb([0, 51, 255]) });
    bench.image("fine.png", image);
    let prediction = json(&bench.run(&["predict", "m.sxt", "fine.png", "--features", "--json"]));
    // Two of four pixels: 127.5, 25.5 and 127.5, each rounded up.
    for (found, expected) in prediction[0]["invariant"].as_array().unwrap().iter().zip([128.0, 26.0, 128.0]) {
        assert!((found.as_f64().unwrap() - expected / 255.0).abs() < 1e-6, "{prediction}");
    }
}

/// A bench with a model of the mean colour, without pose, and pictures of four colours in `pictures/`.
fn search_bench(test: &str) -> Bench {
    let bench = Bench::new(test);
    bench.write("f.sxt", &model_without_pose(false));
    fs::create_dir_all(bench.folder.join("pictures/inner")).unwrap();
    for (name, colour) in [
        ("red.png", [250, 0, 0]),
        ("orange.png", [250, 120, 0]),
        ("inner/green.png", [0, 250, 0]),
        ("inner/two\nlines, \u{e9}.png", [0, 120, 250]),
    ] {
        bench.image(&format!("pictures/{name}"), RgbImage::from_pixel(9, 7, Rgb(colour)));
    }
    bench.image("query.png", RgbImage::from_pixel(4, 4, Rgb([255, 10, 0])));
    bench
}

fn found(output: &Output) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let matches = answer["queries"][0]["matches"].as_array().unwrap();
    matches.iter().map(|found| found["picture"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_folder_is_searched_and_its_index_follows_it() {
    let bench = search_bench("search");
    let search = |more: &[&str]| bench.run(&[&["search", "pictures", "query.png"], more].concat());
    let first = search(&["--model", "f.sxt", "--top", "2"]);
    let people = "query.png\n  0.9992  pictures/red.png\n  0.9178  pictures/orange.png\n";
    assert_eq!((text(&first.stdout), first.status.code()), (people, Some(0)), "{first:?}");
    let told = text(&first.stderr);
    assert!(told.starts_with("index: 4 new, 0 changed, 0 gone: pictures/.sextant-index\nnext: "), "{told}");
    assert!(told.ends_with("f.sxt query.png pictures/red.png\n"), "{told}");

    // Without a change nothing is told but what to do next.
    let again = search(&["--json"]);
    assert_eq!(found(&again)[..2], ["pictures/red.png", "pictures/orange.png"]);
    assert_eq!(found(&again)[3], "pictures/inner/two\nlines, \u{e9}.png");
    assert!(text(&again.stderr).starts_with("next: "), "{}", text(&again.stderr));
    let escaped = search(&[]);
    assert!(text(&escaped.stdout).contains("  pictures/inner/two\\nlines, \u{e9}.png\n"), "{escaped:?}");
    for (half, first) in [("invariant", "red.png"), ("equivariant", "inner/green.png"), ("features", "red.png")] {
        let answer = search(&["--json", "--half", half]);
        assert_eq!(found(&answer)[0], format!("pictures/{first}"), "{half}");
    }

    // New, changed, gone and unreadable pictures.
    bench.image("pictures/new.png", RgbImage::from_pixel(3, 3, Rgb([255, 10, 0])));
    bench.image("pictures/red.png", RgbImage::from_pixel(30, 30, Rgb([0, 0, 9])));
    fs::remove_file(bench.folder.join("pictures/orange.png")).unwrap();
    bench.write("pictures/broken.jpg", b"no picture");
    let changed = search(&["--top", "1"]);
    assert_eq!(text(&changed.stdout), "query.png\n  1.0000  pictures/new.png\n");
    let told = text(&changed.stderr);
    let warning = "warning: pictures/broken.jpg: not a PNG or JPEG file";
    assert!(
        told.starts_with(warning) && told.contains(": left out\nindex: 2 new, 1 changed, 1 of them left out, 1 gone: "),
        "{told}"
    );

    // What cannot be read is named each time, and the index is left as it is.
    let written = fs::metadata(bench.folder.join("pictures/.sextant-index")).unwrap().modified().unwrap();
    let again = search(&["--top", "1"]);
    let told = text(&again.stderr);
    assert!(told.starts_with(warning) && !told.contains("index: "), "{told}");
    assert_eq!(fs::metadata(bench.folder.join("pictures/.sextant-index")).unwrap().modified().unwrap(), written);

    // A picture of the folder finds itself.
    let itself = bench.run(&["search", "pictures", "pictures/inner/green.png", "--top", "1", "--json"]);
    assert_eq!(found(&itself), ["pictures/inner/green.png"]);
}

#[test]
fn an_index_knows_its_model() {
    let bench = search_bench("search_model");
    let search = |more: &[&str]| bench.run(&[&["search", "pictures", "query.png"], more].concat());
    let refused = |output: Output, error: &str, hint: &str| {
        let told = text(&output.stderr);
        assert!(told.contains(error) && told.contains("\nhint: ") && told.contains(hint), "{told}");
        assert_eq!((output.stdout.len(), output.status.code()), (0, Some(2)), "{told}");
    };
    refused(search(&[]), "pictures: has no index yet, so a model is needed", "--model FILE");
    refused(search(&["--model", "gone.sxt"]), "gone.sxt: No such file", "that is there");
    assert!(search(&["--model", "f.sxt"]).status.success());
    // Another place of the same model is the same model.
    fs::rename(bench.folder.join("f.sxt"), bench.folder.join("moved.sxt")).unwrap();
    refused(search(&[]), "f.sxt: No such file", "--model FILE");
    let moved = search(&["--model", "moved.sxt"]);
    assert!(text(&moved.stderr).starts_with("index: 0 new, 0 changed, 0 gone: "), "{moved:?}");
    assert!(search(&[]).status.success());
    // Another model at its place, and another one that is asked for.
    bench.write("moved.sxt", &model_without_pose(true));
    refused(search(&[]), "is not the model any more", "--model ");
    let other = search(&["--model", "moved.sxt"]);
    let told = text(&other.stderr);
    assert!(told.starts_with("warning: pictures/.sextant-index: has the features of another model"), "{told}");
    assert!(told.contains("\nindex: 4 new, "), "{told}");
    // A model without an equivariant half, and one without features.
    let plain = search(&["--model", "m.sxt", "--index", "plain"]);
    assert!(plain.status.success(), "{plain:?}");
    refused(search(&["--index", "plain", "--half", "equivariant"]), "does not give the half", "leave --half out");
}

#[test]
fn indexes_that_are_none_are_refused_and_left_alone() {
    let bench = search_bench("search_index");
    let search = |index: &str| bench.run(&["search", "pictures", "query.png", "--model", "f.sxt", "--index", index]);
    assert!(search("good").status.success());
    let good = fs::read(bench.folder.join("good")).unwrap();
    bench.write("cut", &good[..good.len() - 1]);
    bench.write("flipped", &[&good[..good.len() - 1], &[good[good.len() - 1] ^ 1]].concat());
    for (index, error) in [
        ("query.png", "query.png: not an index of pictures"),
        ("cut", "cut: the index is damaged: it is shorter or longer than its parts"),
        ("flipped", "flipped: the index is damaged: its checksum is wrong"),
        ("pictures", "pictures: not an index of pictures"),
    ] {
        let before = fs::read(bench.folder.join(index)).ok();
        let output = search(index);
        let told = text(&output.stderr);
        assert!(told.starts_with(&format!("error: {error}\nhint: ")) && told.contains("--index FILE"), "{told}");
        assert_eq!((output.status.code(), fs::read(bench.folder.join(index)).ok()), (Some(2), before), "{index}");
    }
    let nowhere = search("nowhere/index");
    let told = text(&nowhere.stderr);
    assert!(
        told.starts_with("error: the index cannot be written: nowhere/index: ") && told.contains("--index FILE"),
        "{told}"
    );
    fs::create_dir(bench.folder.join("empty")).unwrap();
    let empty = bench.run(&["search", "empty", "query.png", "--model", "f.sxt"]);
    assert!(text(&empty.stderr).starts_with("error: empty: a folder without PNG or JPEG files\n"), "{empty:?}");
    bench.write("empty/a.png", b"broken");
    let unreadable = bench.run(&["search", "empty", "query.png", "--model", "f.sxt"]);
    assert!(text(&unreadable.stderr).contains("error: empty: none of its pictures can be read\n"), "{unreadable:?}");
    assert!(!bench.folder.join("empty/.sextant-index").exists());
}
