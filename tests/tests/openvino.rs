//! OpenVINO, seen to compute. `SEXTANT_OPENVINO` is the folder of its ONNX Runtime, `SEXTANT_OLD_ONNX_RUNTIME` that of an
//! ONNX Runtime which is too old.

#[path = "fixtures/onnx_runtime.rs"]
mod command;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use sextant_runtime::backend::{BackendKind, BackendOptions, Encoder, Fault, LibraryFault, Output, Provider};
use sextant_tests::{finished_run, run_ok};

use command::{error_and_hint, runtime, text};

/// Of outputs that are at most a few units large, in float32, computed in another order.
const CLOSE: f32 = 1e-4;
/// Of an output of eight bits in units of its own root mean square: engines round halves apart, and later layers carry it on.
const HALF_OF_ITS_SIZE: f32 = 0.5;

/// An ONNX file of one node, `invariant = float(image)`, u8 [N, 8, 8, 3]: OpenVINO leaves it to the processor.
const CAST: &[u8] = b"\
    \x08\x08:{\n.\n\x05image\x12\tinvariant\x1a\tinvariant\"\x04Cast*\t\n\x02to\x18\x01\xa0\x01\x02\x12\x01tZ \n\
    \x05image\x12\x17\n\x15\x08\x02\x12\x11\n\x03\x12\x01N\n\x02\x08\x08\n\x02\x08\x08\n\x02\x08\x03b$\n\tinvari\
    ant\x12\x17\n\x15\x08\x01\x12\x11\n\x03\x12\x01N\n\x02\x08\x08\n\x02\x08\x08\n\x02\x08\x03B\x02\x10\x11";

fn library_in(variable: &str) -> PathBuf {
    let folder = std::env::var_os(variable).unwrap_or_else(|| panic!("run ./test openvino, which sets {variable}"));
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let is_library = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("libonnxruntime.so.");
    names.filter(is_library).max().unwrap_or_else(|| panic!("no libonnxruntime.so.* in {}", folder.display()))
}

fn openvino() -> PathBuf {
    library_in("SEXTANT_OPENVINO").canonicalize().unwrap()
}

/// A folder with `run/model.onnx`, `run/model-int8.onnx` and a picture.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let folder = finished_run();
        run_ok("export", &["onnx", "run"], folder);
        run_ok("export", &["int8", "run"], folder);
        image::RgbImage::from_fn(40, 30, |x, y| image::Rgb([6 * x as u8, 8 * y as u8, 90]))
            .save(folder.join("part.png"))
            .unwrap();
        folder.to_path_buf()
    })
}

fn outputs(model: &Path, provider: Option<Provider>) -> (Vec<Output>, Encoder) {
    let (kind, ort_library) = (Some(BackendKind::Ort), Some(openvino()));
    let options = BackendOptions { kind, ort_library, provider: provider.map(Into::into), ..BackendOptions::default() };
    let mut encoder = Encoder::open(model, &options).unwrap();
    let [height, width] = encoder.description().image_size;
    let image: Vec<u8> = (0..3 * 4 * height * width).map(|index| (index * 37 % 256) as u8).collect();
    (encoder.run(&image).unwrap(), encoder)
}

fn root_mean_square(values: impl Iterator<Item = f32> + Clone) -> f32 {
    (values.clone().map(|value| value * value).sum::<f32>() / values.count() as f32).sqrt()
}

#[test]
#[ignore = "needs OpenVINO: ./test openvino"]
fn openvino_computes_what_the_cpu_computes_and_is_seen_to() {
    for (model, eight_bits) in [("run/model.onnx", false), ("run/model-int8.onnx", true)] {
        let model = place().join(model);
        let ((on_cpu, plain), (on_openvino, encoder)) =
            (outputs(&model, None), outputs(&model, Some(Provider::OpenVino)));
        assert_eq!(plain.nodes_by_provider(), None);
        let nodes = encoder.nodes_by_provider().unwrap();
        assert!(nodes[Provider::OpenVino.onnx_runtime_name()] >= 1, "{nodes:?}");
        for (expected, found) in on_cpu.iter().zip(&on_openvino) {
            assert_eq!((&expected.name, expected.width), (&found.name, found.width));
            let differences = expected.values.iter().zip(&found.values).map(|(a, b)| a - b);
            let name = &expected.name;
            if eight_bits {
                let size = root_mean_square(expected.values.iter().copied());
                let difference = root_mean_square(differences);
                assert!(difference < HALF_OF_ITS_SIZE * size, "{name}: {difference} of {size}");
            } else {
                let largest = differences.fold(0.0, |largest: f32, difference| largest.max(difference.abs()));
                assert!(largest < CLOSE, "{name}: {largest}");
            }
        }
    }
    // The process has its library: a copy is another one.
    let copy = tempfile::tempdir().unwrap();
    let other = copy.path().join("libonnxruntime.so.1");
    fs::copy(openvino(), &other).unwrap();
    let options =
        BackendOptions { kind: Some(BackendKind::Ort), ort_library: Some(other), ..BackendOptions::default() };
    let fault = Encoder::open(&place().join("run/model.onnx"), &options).unwrap_err().fault;
    assert!(matches!(fault, Fault::OrtLibrary(LibraryFault::AnotherIsLoaded { .. })), "{fault:?}");
}

#[test]
#[ignore = "needs OpenVINO: ./test openvino"]
fn the_command_tells_which_nodes_openvino_ran() {
    let library = openvino();
    let run = |arguments: &[&str]| {
        let output = runtime(place(), Some(&library), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        output
    };
    let predicted = run(&["predict", "run/model.onnx", "part.png", "--provider", "openvino", "--json"]);
    let told = text(&predicted.stderr);
    assert!(told.starts_with("nodes: ") && told.contains("OpenVINOExecutionProvider "), "{told}");
    let on_cpu = run(&["predict", "run/model.onnx", "part.png", "--backend", "ort", "--json"]);
    assert_eq!(text(&on_cpu.stderr), "");
    let [predicted, on_cpu]: [Value; 2] =
        [&predicted, &on_cpu].map(|output| serde_json::from_slice(&output.stdout).unwrap());
    assert_eq!(predicted[0]["class"], on_cpu[0]["class"]);
    assert!(predicted[0]["nodes_by_provider"]["OpenVINOExecutionProvider"].as_u64().unwrap() >= 1, "{predicted}");
    assert!(on_cpu[0].get("nodes_by_provider").is_none());
    for index in 0..4 {
        let at = |value: &Value| value[0]["rotation_wxyz"][index].as_f64().unwrap();
        assert!((at(&predicted) - at(&on_cpu)).abs() < f64::from(CLOSE));
    }
    let measured = run(&["bench", "run/model.onnx", "--provider", "openvino:CPU", "--json"]);
    let measured: Value = serde_json::from_slice(&measured.stdout).unwrap();
    assert_eq!((&measured["backend"], &measured["provider"]), (&"ort".into(), &"openvino:CPU".into()));
    assert!(measured["nodes_by_provider"]["OpenVINOExecutionProvider"].as_u64().unwrap() >= 1, "{measured}");
}

#[test]
#[ignore = "needs OpenVINO: ./test openvino"]
fn what_the_library_or_the_machine_lacks_is_refused_by_name() {
    let library = openvino();
    for provider in Provider::all().filter(|provider| *provider != Provider::OpenVino) {
        let arguments = ["bench", "run/model.onnx", "--provider", provider.name()];
        let (error, hint) = error_and_hint(&runtime(place(), Some(&library), &arguments));
        let expected = format!("run/model.onnx: the provider {provider} is not usable: it is not in ONNX Runtime 1.");
        assert!(error.starts_with(&expected) && error.ends_with(", which has openvino, the CPU"), "{error}");
        assert_eq!(hint, provider.needs());
    }
    let arguments = ["bench", "run/model.onnx", "--provider", "openvino:GPU.7"];
    let (error, _) = error_and_hint(&runtime(place(), Some(&library), &arguments));
    assert!(error.starts_with("run/model.onnx: the provider openvino:GPU.7 is not usable: "), "{error}");
    // The library with its provider, and without OpenVINO itself.
    let bare = tempfile::tempdir().unwrap();
    for name in ["libonnxruntime_providers_openvino.so", "libonnxruntime_providers_shared.so"] {
        fs::copy(library.with_file_name(name), bare.path().join(name)).unwrap();
    }
    let alone = bare.path().join(library.file_name().unwrap());
    fs::copy(&library, &alone).unwrap();
    let arguments = ["bench", "run/model.onnx", "--provider", "openvino"];
    let (error, hint) = error_and_hint(&runtime(place(), Some(&alone), &arguments));
    let expected = "run/model.onnx: the provider openvino is not usable: it does not start: ";
    assert!(error.starts_with(expected) && error.contains("libopenvino"), "{error}");
    assert!(hint.contains("pip install onnxruntime-openvino"), "{hint}");
    let cases: [(&str, &[u8], &str); 2] = [
        ("broken.onnx", b"no model", "it does not run this model: "),
        ("cast.onnx", CAST, "it ran no node of this model: CPUExecutionProvider 1 node"),
    ];
    for (name, model, message) in cases {
        fs::write(bare.path().join(name), model).unwrap();
        let arguments = ["bench", name, "--provider", "openvino"];
        let (error, hint) = error_and_hint(&runtime(bare.path(), Some(&library), &arguments));
        let expected = format!("{name}: the provider openvino is not usable: {message}");
        assert!(error.starts_with(&expected) && hint.contains("without --provider"), "{error}");
    }
    let on_cpu = runtime(bare.path(), Some(&library), &["bench", "cast.onnx", "--backend", "ort"]);
    assert!(on_cpu.status.success(), "{on_cpu:?}");
}

#[test]
#[ignore = "needs OpenVINO: ./test openvino"]
fn backends_are_listed_with_what_was_seen_to_run() {
    let library = openvino();
    let temporary = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(sextant_tests::program("runtime"));
    command.args(["backends", "--json"]).env("ORT_DYLIB_PATH", &library).env("TMPDIR", temporary.path());
    let output = command.output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["ort"]["library"], library.to_str().unwrap());
    assert!(json["ort"]["version"].as_str().unwrap().starts_with("1."), "{json}");
    let providers = json["ort"]["providers"].as_array().unwrap();
    let of = |name: &str| providers.iter().find(|provider| provider["provider"] == name).unwrap();
    assert_eq!(of("openvino")["usable"], true, "{json}");
    assert!(of("openvino")["nodes_by_provider"]["OpenVINOExecutionProvider"].as_u64().unwrap() >= 1);
    assert_eq!((&of("cuda")["usable"], &of("cuda")["reason"]), (&false.into(), &"not in this library".into()));
    // Profiles are gone, and nothing else was written.
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    let full = runtime(Path::new("."), Some(&library), &["backends"]);
    assert!(text(&full.stdout).contains("\n  openvino      runs: OpenVINOExecutionProvider "), "{full:?}");
}

#[test]
#[ignore = "needs an old ONNX Runtime: ./test openvino"]
fn a_real_old_library_is_refused_with_its_version() {
    let old = library_in("SEXTANT_OLD_ONNX_RUNTIME");
    let arguments = ["bench", "run/model.onnx", "--backend", "ort"];
    let (error, hint) = error_and_hint(&runtime(place(), Some(&old), &arguments));
    assert!(error.contains(" is version 1.") && error.ends_with(", and this program needs 1.22 or newer"), "{error}");
    assert_eq!(hint, "pip install --upgrade onnxruntime");
}
