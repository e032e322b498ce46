//! The `export` command on good runs and on every kind of broken one.

#[allow(dead_code)]
#[path = "random/networks.rs"]
mod networks;
#[path = "random/reference.rs"]
mod reference;
#[path = "random/run.rs"]
mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use prost::Message;
use sextant_export::onnx::proto::{GraphProto, ModelProto};
use sextant_runtime::graph::Graph;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::Model;
use tempfile::TempDir;

/// A folder that is gone after the test, with a run in `run/`.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("run")).unwrap();
        run::write(&place.path("run"), 5).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the command in the folder.
    fn export(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-export"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path()).env_remove("ORT_DYLIB_PATH");
        command.output().unwrap()
    }

    /// Every file under the folder, sorted.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = vec![];
        let mut folders = vec![self.0.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn assert_done(output: &Output, next: &str) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr).lines().last(), Some(format!("next: {next}").as_str()));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_checked_file_is_written_to_the_run_or_elsewhere() {
    let place = Place::new();
    let report = assert_done(&place.export("onnx run --json"), "cargo runtime predict run/model.onnx IMAGE.png");
    let size_bytes = fs::metadata(place.path("run/model.onnx")).unwrap().len();
    assert_eq!(
        (&report["written"], &report["samples"], &report["size_bytes"]),
        (&true.into(), &5.into(), &size_bytes.into())
    );
    let rows = report["outputs"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    assert!(rows.iter().all(|row| row["agrees"] == true));
    // The second time our own file is in the way.
    assert_done(&place.export("onnx run --json"), "cargo runtime predict run/model.onnx IMAGE.png");
    // `predict` takes one image at a time, so another command is printed, which runs.
    let fixed = place.export("onnx run --batch 3 --out b3.onnx --json");
    assert_done(&fixed, "cargo export inspect b3.onnx");
    assert!(text(&fixed.stderr).starts_with("warning: b3.onnx: takes 3 samples at a time"), "{}", text(&fixed.stderr));
    assert_done(&place.export("onnx run --batch 1 --out b1.onnx --json"), "cargo runtime predict b1.onnx IMAGE.png");
    let report = assert_done(
        &place.export("onnx run --graph predict_latent --json"),
        "cargo export inspect run/predict_latent.onnx",
    );
    assert_eq!(report["reference"], "native");
    assert_eq!(place.files().len(), 6);
    // What `predict` cannot run is not said to be for it.
    for (file, is_for_predict) in
        [("run/model.sxt", true), ("b1.onnx", true), ("b3.onnx", false), ("run/predict_latent.onnx", false)]
    {
        let inspected = place.export(&format!("inspect {file} --json"));
        assert_eq!(inspected.status.code(), Some(0));
        assert_eq!(text(&inspected.stderr).starts_with("next: cargo runtime predict "), is_for_predict, "{file}");
        assert_eq!(text(&inspected.stderr).is_empty(), !is_for_predict, "{file}: {}", text(&inspected.stderr));
    }
    // The run's own file may be such a one.
    assert_done(&place.export("onnx run --batch 3 --json"), "cargo export inspect run/model.onnx");
    assert_done(&place.export("verify run --json"), "cargo export inspect run/model.onnx");
}

#[cfg(unix)]
#[test]
fn a_written_file_has_the_usual_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    assert!(place.export("onnx run").status.success());
    fs::write(place.path("usual"), b"").unwrap();
    let mode = |name: &str| fs::metadata(place.path(name)).unwrap().permissions().mode();
    assert_eq!(mode("run/model.onnx"), mode("usual"));
}

#[test]
fn verify_compares_the_file_that_is_there() {
    let place = Place::new();
    let report = assert_done(&place.export("verify run --json"), "cargo export onnx run");
    assert_eq!((&report["reference"], report["outputs"].as_array().unwrap().len()), (&"trainer".into(), 8));
    assert!(place.export("onnx run").status.success());
    let report = assert_done(&place.export("verify run --json"), "cargo runtime predict run/model.onnx IMAGE.png");
    assert_eq!(report["outputs"][7]["agrees"], true);
}

#[test]
fn verify_finds_an_onnx_file_of_another_training() {
    let place = Place::new();
    let metadata = [("name".to_string(), "stale".to_string())];
    let stale = sextant_export::onnx::from_graph(&networks::encoder(7), &metadata, Default::default()).unwrap();
    fs::write(place.path("run/model.onnx"), sextant_export::onnx::to_bytes(&stale).unwrap()).unwrap();
    let output = place.export("verify run");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("failed: rotation_wxyz of tract differs from the trainer's"));
    assert!(text(&output.stdout).contains("DIFFERS"));
}

/// What is done to the run's ONNX file, and the operator that it is done to.
type Change = (&'static str, fn(&mut GraphProto));

#[test]
fn verify_names_the_first_operator_that_differs() {
    let changes: [Change; 3] = [
        ("'block1.conv1' (Conv2d of [4, 4, 16])", |graph| {
            let weight = graph.initializer.iter_mut().find(|tensor| tensor.name == "block1.conv1.weight").unwrap();
            weight.raw_data[4 * 700..4 * 701].copy_from_slice(&9f32.to_le_bytes());
        }),
        ("'block2.depthwise' (Conv2d of [4, 4, 16])", |graph| {
            let node = graph.node.iter_mut().find(|node| node.name == "block2.depthwise").unwrap();
            node.attribute.iter_mut().find(|attribute| attribute.name == "pads").unwrap().ints = vec![0, 1, 2, 1];
        }),
        ("'class.logits' (Linear of [24])", |graph| {
            let bias = graph.initializer.iter_mut().find(|tensor| tensor.name == "class.logits.bias").unwrap();
            bias.raw_data[..4].copy_from_slice(&2f32.to_le_bytes());
        }),
    ];
    for (named, change) in changes {
        let place = Place::new();
        assert!(place.export("onnx run").status.success());
        rewrite(&place, "run/model.onnx", |bytes| {
            let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
            change(model.graph.as_mut().unwrap());
            *bytes = model.encode_to_vec();
        });
        let output = place.export("verify run --json");
        assert_eq!(output.status.code(), Some(1), "{named}");
        let message = text(&output.stderr);
        assert!(message.contains(&format!("; the first operator that differs is {named}: by ")), "{message}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = &report["first_operator"];
        assert_eq!(
            (&found["search"], &found["backend"], &found["against"]),
            (&"differs".into(), &"tract".into(), &"native".into())
        );
        assert!(named.starts_with(&format!(
            "'{}' ({} of ",
            found["node"].as_str().unwrap(),
            found["operator"].as_str().unwrap()
        )));
        assert!(found["largest_difference"].as_f64() > found["tolerance"].as_f64(), "{found}");
    }
}

#[test]
fn answers_that_differ_are_exit_status_1_and_leave_no_file() {
    let place = Place::new();
    let mut tensors = run::golden(&networks::encoder(1), 5);
    let logits = tensors.iter_mut().find(|tensor| tensor.0 == "class_logits").unwrap();
    let second_image = 4 * logits.2[1];
    logits.3[second_image..second_image + 4].copy_from_slice(&9f32.to_le_bytes());
    fs::write(place.path("run/golden.safetensors"), run::golden_file(&tensors)).unwrap();
    for command in ["onnx run --json", "verify run --json"] {
        let before = place.files();
        let output = place.export(command);
        assert_eq!(output.status.code(), Some(1));
        let message = text(&output.stderr);
        assert!(message.contains("failed: class_logits of native differs from the trainer's by"), "{message}");
        assert!(message.contains("in sample 1 "), "{message}");
        assert!(message.contains("; every operator alone agrees with tract's"), "{message}");
        assert!(serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok());
        assert_eq!(place.files(), before, "{command}");
    }
}

/// What a test does to a good place before the command runs.
type Damage = fn(&Place);

fn rewrite(place: &Place, name: &str, change: impl Fn(&mut Vec<u8>)) {
    let path = place.path(name);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn replace_golden(place: &Place, change: impl Fn(&mut Vec<run::Tensor>)) {
    let mut tensors = run::golden(&networks::encoder(1), 5);
    change(&mut tensors);
    fs::write(place.path("run/golden.safetensors"), run::golden_file(&tensors)).unwrap();
}

#[test]
fn bad_input_is_named_with_a_remedy_and_leaves_nothing_behind() {
    let nothing: Damage = |_| {};
    let cases: [(&str, Damage, &str, &str); 30] = [
        ("onnx nowhere", nothing, "nowhere: there is no such folder", "cargo trainer fit"),
        ("onnx run/model.sxt", nothing, "run/model.sxt: is a file, not a run folder", "give the folder"),
        ("onnx .", nothing, ".: is not a run folder: it has no model.sxt", "give the folder"),
        (
            "onnx .",
            |p| fs::write(p.path("config.toml"), "").unwrap(),
            ".: the run has not written its model.sxt yet",
            "cargo trainer fit --resume --out .",
        ),
        (
            "onnx run",
            |p| rewrite(p, "run/model.sxt", Vec::clear),
            "run/model.sxt: 0 bytes are too short",
            "cargo trainer fit",
        ),
        (
            "onnx run",
            |p| rewrite(p, "run/model.sxt", |b| b.truncate(b.len() / 2)),
            "run/model.sxt: the model should have",
            "cargo trainer fit --resume",
        ),
        (
            "onnx run",
            |p| rewrite(p, "run/model.sxt", |b| b[5000] ^= 4),
            "run/model.sxt: the model is damaged",
            "cargo trainer fit --resume",
        ),
        (
            "onnx run",
            |p| rewrite(p, "run/model.sxt", |b| b[8] = 99),
            "run/model.sxt: model format version 99",
            "the version of Sextant that wrote it",
        ),
        (
            "onnx run",
            |p| rewrite(p, "run/model.sxt", |b| b[0] = b'x'),
            "run/model.sxt: not a Sextant model file",
            "give a model.sxt",
        ),
        (
            "onnx run",
            |p| fs::remove_file(p.path("run/golden.safetensors")).unwrap(),
            "run/golden.safetensors: cannot read",
            "typing error",
        ),
        (
            "verify run",
            |p| rewrite(p, "run/golden.safetensors", |b| b.truncate(100)),
            "run/golden.safetensors: is no safetensors file",
            "write it again",
        ),
        (
            "onnx run",
            |p| replace_golden(p, |t| t[2].3[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
            "run/golden.safetensors: class_logits of image 0 holds NaN",
            "write it again",
        ),
        (
            "onnx run",
            |p| replace_golden(p, |t| t[0].2 = vec![5, 8, 32, 3]),
            "run/golden.safetensors: images are U8 [5, 8, 32, 3]",
            "write it again",
        ),
        (
            "onnx run",
            |p| replace_golden(p, |t| drop(t.drain(3..))),
            "run/golden.safetensors: has no tensor named invariant, equivariant",
            "write it again",
        ),
        ("onnx run --out nowhere/model.onnx", nothing, "nowhere/model.onnx: cannot write", "typing error"),
        ("onnx run --out run", nothing, "run: is a folder", "the name of a file"),
        ("onnx run --out -", nothing, "-: standard output is no place for a model", "./-"),
        ("int8 run --out -", nothing, "-: standard output is no place for a model", "./-"),
        ("sxt run --out -", nothing, "-: standard output is no place for a model", "./-"),
        ("firmware run --out -", nothing, "-: standard output is no place for a model", "./-"),
        (
            "firmware run --out fw --frames 6",
            |p| {
                fs::copy(p.path("run/golden.safetensors"), p.path("run/calibration.safetensors")).unwrap();
            },
            "run/golden.safetensors: holds 5 images, and 6 golden frames were asked for",
            "--frames 1 to 5",
        ),
        (
            "onnx run --out diary",
            |p| fs::write(p.path("diary"), "dear diary").unwrap(),
            "diary: exists, and is no file that this command wrote",
            "--overwrite",
        ),
        (
            "onnx run --graph predict_latent",
            |p| {
                let model = sextant_runtime::model::write(&Default::default(), &[networks::encoder(1)]).unwrap();
                fs::write(p.path("run/model.sxt"), model).unwrap();
            },
            "run/model.sxt: has no graph 'predict_latent'",
            "its graphs are: encode",
        ),
        (
            "verify run",
            |p| fs::write(p.path("run/model.onnx"), "no network").unwrap(),
            "run/model.onnx: is no ONNX file",
            "cargo export onnx run",
        ),
        (
            "verify run",
            |p| {
                let other = sextant_export::onnx::from_graph(&networks::predictor(1), &[], Default::default()).unwrap();
                fs::write(p.path("run/model.onnx"), sextant_export::onnx::to_bytes(&other).unwrap()).unwrap();
            },
            "run/model.onnx: is not the ONNX form of the run's graph 'encode'",
            "cargo export onnx run",
        ),
        ("inspect nowhere.onnx", nothing, "nowhere.onnx: cannot read", "typing error"),
        ("inspect run", nothing, "run: is a folder, not a file", "model.sxt"),
        (
            "inspect empty.onnx",
            |p| fs::write(p.path("empty.onnx"), "").unwrap(),
            "empty.onnx: is neither .sxt nor .onnx",
            "give",
        ),
        (
            "inspect a.png",
            |p| fs::write(p.path("a.png"), b"\x89PNG\r\n").unwrap(),
            "a.png: is neither .sxt nor .onnx",
            "give",
        ),
        (
            "inspect a.sxt",
            |p| fs::write(p.path("a.sxt"), "SXT?").unwrap(),
            "a.sxt: 4 bytes are too short",
            "give a model.sxt",
        ),
    ];
    for (command, damage, error, hint) in cases {
        let place = Place::new();
        damage(&place);
        let before = place.files();
        let output = place.export(command);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {message}");
        assert!(output.stdout.is_empty(), "{command}");
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines.len(), 2, "{command}: {message}");
        assert!(lines[0].starts_with(&format!("error: {error}")), "{command}: {message}");
        assert!(lines[1].starts_with("hint: ") && lines[1].contains(hint), "{command}: {message}");
        assert_eq!(place.files(), before, "{command}");
    }
}

#[test]
fn wrong_arguments_are_exit_status_2() {
    let place = Place::new();
    for command in [
        "",
        "onnx",
        "onnx run --batch 0",
        "onnx run --batch many",
        "onnx run --graph decode",
        "polish run",
        "firmware run --out fw --frames 0",
        "verify run --require-db much",
        // There is no eight-bit model.
        "verify run --require-db 20",
    ] {
        assert_eq!(place.export(command).status.code(), Some(2), "{command}");
    }
}

/// A limit on the size of files stands for a disk without room.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing_behind() {
    let place = Place::new();
    let before = place.files();
    let limited = format!("trap '' XFSZ; ulimit -f 8; exec {} onnx run", env!("CARGO_BIN_EXE_sextant-export"));
    let output = Command::new("sh").args(["-c", &limited]).current_dir(place.0.path()).output().unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.starts_with("error: run/model.onnx: cannot write") && message.contains("\nhint: "), "{message}");
    assert_eq!(place.files(), before);
}

#[test]
fn both_formats_of_a_network_show_the_same_totals() {
    let place = Place::new();
    assert!(place.export("onnx run").status.success());
    let [sxt, onnx] = ["run/model.sxt", "run/model.onnx"].map(|file| {
        let next = format!("cargo runtime predict {file} IMAGE.png");
        assert_done(&place.export(&format!("inspect {file} --json")), &next)
    });
    assert_eq!(
        (&sxt["format"], &onnx["format"], &onnx["versions"]["opset"]),
        (&"sxt".into(), &"onnx".into(), &17.into())
    );
    assert_eq!(sxt["metadata"], onnx["metadata"]);
    let [encode, exported] = [&sxt["graphs"][0], &onnx["graphs"][0]];
    assert_eq!(exported["inputs"][0]["shape"], serde_json::json!(["N", 16, 16, 3]));
    for output in 0..4 {
        assert_eq!(encode["outputs"][output]["name"], exported["outputs"][output]["name"]);
    }
    for operator in encode["operators"].as_array().unwrap().iter().filter(|o| o["macs"] != 0) {
        let operators = exported["operators"].as_array().unwrap();
        let twin = operators.iter().find(|twin| twin["name"] == operator["name"]).unwrap();
        assert_eq!((&twin["macs"], &twin["parameters"]), (&operator["macs"], &operator["parameters"]));
    }
    // A 7x7 convolution at stride 2 on 16x16x3 to 16 channels.
    let stem = &encode["operators"][1];
    assert_eq!((&stem["name"], &stem["macs"], &stem["parameters"]), (&"stem".into(), &150_528.into(), &2368.into()));
    let human = place.export("inspect run/model.onnx");
    assert!(text(&human.stdout).contains("input  image u8 [N, 16, 16, 3]"), "{}", text(&human.stdout));
}

#[test]
fn damaged_onnx_files_are_looked_at_without_a_panic() {
    let model = sextant_export::onnx::from_graph(&networks::encoder(1), &[], Default::default()).unwrap();
    let bytes = sextant_export::onnx::to_bytes(&model).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("damaged.onnx");
    let mut looked_at = 0;
    // The first 12,000 bytes hold the nodes.
    for place in (0..12_000).step_by(7) {
        for change in [|b: u8| b ^ 1, |b: u8| b ^ 0x80, |_| 0xff, |_| 0] {
            let mut damaged = bytes.clone();
            damaged[place] = change(damaged[place]);
            fs::write(path, &damaged[..if place % 2 == 0 { damaged.len() } else { 12_000 }]).unwrap();
            looked_at += usize::from(sextant_export::inspect::inspect(path).is_ok_and(|i| !i.to_string().is_empty()));
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
}

#[test]
fn eight_bits_are_written_for_onnx_and_for_our_own_engine() {
    let place = Place::new();
    let refused = place.export("int8 run");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("calibration.safetensors"), "{}", text(&refused.stderr));
    let refused = place.export("int8 run/model.sxt");
    assert!(
        text(&refused.stderr).contains("holds a float32 network, not an eight-bit one"),
        "{}",
        text(&refused.stderr)
    );
    assert_eq!(place.files().len(), 2);

    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let report = assert_done(&place.export("int8 run --json"), "cargo runtime predict run/model-int8.onnx IMAGE.png");
    assert_eq!((&report["written"], &report["sxt_path"]), (&true.into(), &"run/model-int8.sxt".into()));
    let operators = report["operators"].as_array().unwrap();
    assert!(operators.len() > 15 && operators.iter().all(|row| row["largest_steps"].as_f64().unwrap() <= 1.0));
    let onnx = fs::read(place.path("run/model-int8.onnx")).unwrap();

    // Activations without a sign by default; the numbers stand for the same.
    assert_done(
        &place.export("int8 run --activations int8 --out signed.onnx --json"),
        "cargo runtime predict signed.onnx IMAGE.png",
    );
    assert!(fs::read(place.path("signed.onnx")).unwrap() != onnx);
    // What would say nothing is refused.
    for command in ["int8 run/model-int8.sxt --reduce-range", "int8 run/model-int8.sxt --layers"] {
        let refused = place.export(command);
        assert_eq!(refused.status.code(), Some(2), "{command}");
        assert!(text(&refused.stderr).contains("has eight bits already"), "{}", text(&refused.stderr));
    }

    // The .sxt alone gives the same file.
    assert_done(
        &place.export("int8 run/model-int8.sxt --out again.onnx --json"),
        "cargo runtime predict again.onnx IMAGE.png",
    );
    assert!(fs::read(place.path("again.onnx")).unwrap() == onnx);
    let report = assert_done(&place.export("verify run --json"), "cargo export onnx run");
    assert_eq!(report["int8"]["against_trainer"].as_array().unwrap().len(), 4);
    assert_eq!(report["int8"]["onnx"]["outputs"].as_array().unwrap().len(), 4);

    // One step of one weight, which no engine's answer would tell.
    let change_weight = |bytes: &mut Vec<u8>| {
        let mut model = ModelProto::decode(bytes.as_slice()).unwrap();
        let constants = &mut model.graph.as_mut().unwrap().initializer;
        constants.iter_mut().find(|tensor| tensor.dims.len() == 4).unwrap().raw_data[0] ^= 1;
        *bytes = model.encode_to_vec();
    };
    rewrite(&place, "run/model-int8.onnx", change_weight);
    let failed = place.export("verify run --json");
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    assert!(text(&failed.stderr).contains("differs in 1 of"), "{}", text(&failed.stderr));
    assert!(text(&failed.stderr).ends_with("next: cargo export int8 run\n"), "{}", text(&failed.stderr));
    let report: serde_json::Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert!(report["int8"]["onnx"].is_null() && report["int8"]["onnx_difference"].is_string(), "{report}");

    rewrite(&place, "run/model-int8.onnx", Vec::clear);
    let refused = place.export("verify run");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("write it again: cargo export int8 run"), "{}", text(&refused.stderr));
}

#[test]
fn each_way_to_quantise_gives_another_network() {
    let place = Place::new();
    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let mut networks = vec![];
    for flags in ["", "--calibration min-max", "--no-bias-correction", "--reduce-range"] {
        let report = assert_done(
            &place.export(&format!("sxt run --int8 {flags} --json")),
            "cargo runtime predict run/model-int8.sxt IMAGE.png",
        );
        let layers = report["quantization"]["layers"].as_array().unwrap();
        assert!(layers.len() > 10 && layers.iter().all(|layer| layer["rotation_drift_deg"].is_number()), "{flags}");
        networks.push(fs::read(place.path("run/model-int8.sxt")).unwrap());
    }
    networks.sort();
    networks.dedup();
    assert_eq!(networks.len(), 4);
    for flag in ["--calibration min-max", "--equalize on", "--no-bias-correction", "--reduce-range"] {
        let refused = place.export(&format!("sxt run {flag}"));
        assert_eq!(refused.status.code(), Some(2), "{flag}");
        assert!(text(&refused.stderr).contains("add --int8"), "{}", text(&refused.stderr));
    }
    let [short, long] = ["", "--layers"].map(|flag| place.export(&format!("sxt run --int8 {flag}")));
    assert!(!text(&short.stdout).contains("block1.conv2") && text(&long.stdout).contains("block1.conv2"));
}

#[test]
fn a_budget_picks_what_fits_or_says_what_is_missing() {
    let place = Place::new();
    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let pick = |limits: &str| {
        let output = place.export(&format!("sxt run --budget {limits} --json"));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output, report)
    };
    let (_, large) = pick("ram=1M,flash=1M");
    assert_eq!((&large["path"], &large["written"]), (&"run/model-float32.sxt".into(), &true.into()));
    let float_bytes = large["arena_bytes"].as_u64().unwrap();
    let (_, small) = pick(&format!("ram={}", float_bytes - 1));
    assert_eq!((&small["path"], &small["written"]), (&"run/model-int8.sxt".into(), &true.into()));
    let peak = small["budget"]["layers"].as_array().unwrap().iter().map(|layer| layer["bytes"].as_u64().unwrap()).max();
    let arena_bytes = small["arena_bytes"].as_u64().unwrap();
    assert!((1..=arena_bytes).contains(&peak.unwrap()), "{peak:?} of {arena_bytes}");

    let (_, striped) = pick(&format!("ram={}", arena_bytes - 1));
    assert_eq!((&striped["path"], &striped["written"]), (&"run/model-int8.sxt".into(), &true.into()));
    assert_eq!(striped["budget"]["stripes"]["whole_ram_bytes"], arena_bytes);
    assert!(striped["arena_bytes"].as_u64().unwrap() < arena_bytes, "{striped}");
    let told = text(&place.export(&format!("sxt run --budget ram={}", arena_bytes - 1)).stdout).to_string();
    assert!(told.contains(&format!(" bytes instead of {arena_bytes}, ")), "{told}");

    let before = place.files();
    let (output, report) = pick("ram=24");
    assert_eq!((output.status.code(), &report["written"]), (Some(1), &false.into()));
    let excess = format!("the model needs {arena_bytes} bytes of memory, {} more than the budget", arena_bytes - 24);
    assert!(text(&output.stderr).contains(&excess), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("; in stripes at least "), "{}", text(&output.stderr));
    assert_eq!(place.files(), before);
    assert_eq!(place.export("sxt run --budget rom=1K").status.code(), Some(2));
}

#[test]
fn a_firmware_keeps_to_a_budget_or_is_not_written() {
    let place = Place::new();
    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let refused = place.export("firmware run --out fw --budget ram=24");
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("; in stripes at least "), "{}", text(&refused.stderr));
    assert!(!place.path("fw").exists());
    let arena_of = |limits: &str, folder: &str| {
        let output = place.export(&format!("firmware run --out {folder} --model-only --json {limits}"));
        assert_done(&output, &format!("cargo firmware --model {folder}"))["arena_bytes"].as_u64().unwrap()
    };
    let whole = arena_of("", "whole");
    let striped = arena_of(&format!("--budget ram={}", whole - 1), "striped");
    assert!(striped < whole, "{striped} of {whole}");
    // The same answers to the same frames.
    let golden = |folder: &str| fs::read(place.path(folder).join("golden.bin")).unwrap();
    assert_eq!(golden("whole"), golden("striped"));
}

#[test]
fn a_firmware_project_is_complete_and_replaces_only_its_own() {
    let place = Place::new();
    let refused = place.export("firmware run --out fw");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("calibration.safetensors"), "{}", text(&refused.stderr));
    assert!(!place.path("fw").exists());

    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    for _ in 0..2 {
        let report =
            assert_done(&place.export("firmware run --out fw --frames 2 --json"), "cd fw && cargo run --release");
        assert_eq!(report["frames"], 2);
        assert!(report["arena_bytes"].as_u64().unwrap() > 0);
    }
    for file in ["Cargo.toml", ".cargo/config.toml", "build.rs", "src/main.rs", "boards/microbit.x", "model/model.sxt"]
    {
        assert!(place.path("fw").join(file).is_file(), "{file}");
    }
    // Images of 16x16 RGB bytes, and float32 rotation, classes, invariant and equivariant features.
    let golden = fs::metadata(place.path("fw/model/golden.bin")).unwrap().len();
    assert_eq!(golden, 2 * (16 * 16 * 3 + 4 * (4 + 5 + 16 + 16)));
    let in_the_way = place.export("firmware run --out run");
    assert_eq!(in_the_way.status.code(), Some(2), "{}", text(&in_the_way.stderr));
}

fn graph_of(place: &Place, file: &str) -> Graph {
    let bytes = AlignedVec::copy_of(&fs::read(place.path(file)).unwrap());
    Graph::from_model(&Model::parse(&bytes).unwrap(), "encode").unwrap()
}

#[test]
fn files_of_an_equivariant_network_keep_its_base_filters() {
    let place = Place::new();
    let refused = place.export("sxt run --expand-filters");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("stores all filters already"), "{}", text(&refused.stderr));

    run::write_of(&place.path("run"), &[networks::invariant(7)], &[], 5).unwrap();
    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let report =
        assert_done(&place.export("inspect run/model.sxt --json"), "cargo runtime predict run/model.sxt IMAGE.png");
    let filters = &report["graphs"][0]["base_filters"];
    assert_eq!(filters["stored_bytes"], 4 * 9 * (4 * 3 + 5 * 32));
    assert_eq!(filters["expanded_bytes"].as_u64(), filters["stored_bytes"].as_u64().map(|bytes| 8 * bytes));
    assert!(text(&place.export("inspect run/model.sxt").stdout).contains("base filters 6192 bytes"));

    // float32 and eight bits, as it is and with all filters: the same networks.
    for (flags, bytes) in [("", 4), ("--int8", 1)] {
        let sizes = [("base.sxt", ""), ("all.sxt", "--expand-filters")].map(|(file, more)| {
            let done = place.export(&format!("sxt run {flags} {more} --out {file} --overwrite --json"));
            assert_done(&done, &format!("cargo runtime predict {file} IMAGE.png"))["size_bytes"].as_u64().unwrap()
        });
        let base = graph_of(&place, "base.sxt");
        assert!(base.has_base_filters());
        assert_eq!(base.with_expanded_filters(), graph_of(&place, "all.sxt"), "{flags}");
        let copies = 7 * bytes * 9 * (4 * 3 + 5 * 32);
        assert!(sizes[1] > sizes[0] + copies, "{sizes:?}");
    }
    // As ONNX it is plain convolutions, which other engines run.
    for command in ["onnx run", "int8 run"] {
        let done = place.export(command);
        assert_eq!(done.status.code(), Some(0), "{command}: {}", text(&done.stderr));
    }
    let done = place.export("verify run --json");
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(report["int8"]["onnx_difference"].is_null(), "{report}");
    assert_done(&place.export("firmware run --out fw --model-only --frames 2 --json"), "cargo firmware --model fw");
    assert_eq!(graph_of(&place, "fw/model.sxt"), graph_of(&place, "base.sxt"));
}

/// `images` of a calibration file: so many, each of bytes that a function gives.
fn write_calibration(place: &Place, count: usize, byte: fn(usize) -> u8) {
    let pixels: Vec<u8> = (0..count * 16 * 16 * 3).map(byte).collect();
    let images = ("images".to_string(), safetensors::Dtype::U8, vec![count, 16, 16, 3], pixels);
    fs::write(place.path("run/calibration.safetensors"), run::golden_file(&[images])).unwrap();
}

#[test]
fn eight_bits_that_lose_too_much_are_told_and_fail_the_check() {
    let place = Place::new();
    write_calibration(&place, 7, |_| 255);
    let warnings = |output: &Output| -> Vec<String> {
        text(&output.stderr).lines().filter_map(|line| line.strip_prefix("warning: ")).map(str::to_string).collect()
    };
    for command in ["sxt run --int8 --json", "int8 run --json", "firmware run --out fw --json"] {
        let output = place.export(command);
        assert_eq!(output.status.code(), Some(0), "{command}: {}", text(&output.stderr));
        let told = warnings(&output);
        assert!(told[0].starts_with("eight bits lose too much of this network: outputs "), "{command}: {told:?}");
        let about = [
            "run/calibration.safetensors: all 7 calibration images are the same",
            "run/calibration.safetensors: 7 of the 7",
        ];
        assert!(about.iter().all(|start| told.iter().any(|line| line.starts_with(start))), "{command}: {told:?}");
        assert!(
            text(&output.stderr).ends_with("next: cargo export sxt run --int8 --layers\n"),
            "{}",
            text(&output.stderr)
        );
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["quantization"]["warnings"].as_array().unwrap().len(), told.len(), "{command}");
    }
    let failed = place.export("verify run --json");
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    let message = text(&failed.stderr);
    assert!(message.starts_with("failed: model-int8.sxt: eight bits lose too much of this network"), "{message}");
    let report: serde_json::Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert!(report["int8"]["complaint"].is_string(), "{report}");
    let allowed = place.export("verify run --require-db -100 --require-deg 180");
    assert!(!text(&allowed.stderr).contains("dB above"), "{}", text(&allowed.stderr));

    // Calibrated on pictures like those that it is tried on, the same network keeps its answers; more can be asked for.
    let place = Place::new();
    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let output = place.export("sxt run --int8 --json");
    assert_eq!((output.status.code(), warnings(&output)), (Some(0), vec![]));
    assert_eq!(place.export("verify run").status.code(), Some(0));
    let strict = place.export("verify run --require-db 90");
    assert_eq!(strict.status.code(), Some(1), "{}", text(&strict.stderr));
    assert!(text(&strict.stderr).contains("(at least 90)"), "{}", text(&strict.stderr));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_is_reported_with_its_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let name = OsStr::from_bytes(b"n\xe9w");
    fs::rename(place.path("run"), place.0.path().join(name)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-export"));
    let output = command.arg("onnx").arg(name).arg("--json").current_dir(place.0.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["path"], "n\u{fffd}w/model.onnx");
    assert_eq!(report["path_bytes"], "6ee9772f6d6f64656c2e6f6e6e78");
}

/// The report comes first, so that a command that cannot give it changes nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_report_that_cannot_be_written_leaves_no_file_behind() {
    let place = Place::new();
    fs::copy(place.path("run/golden.safetensors"), place.path("run/calibration.safetensors")).unwrap();
    let before = place.files();
    for arguments in [
        &["onnx", "run"][..],
        &["sxt", "run", "--int8", "--json"],
        &["int8", "run"],
        &["firmware", "run", "--out", "fw"],
    ] {
        let full = fs::File::create("/dev/full").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-export"));
        let output = command.args(arguments).current_dir(place.0.path()).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).starts_with("error: cannot write to stdout"), "{}", text(&output.stderr));
        assert_eq!(place.files(), before, "{arguments:?}");
    }
}
