//! Files as they are exported, opened as programs open them: nothing of them is refused, and engines agree on answer and cost.

#[allow(dead_code)]
#[path = "random/networks.rs"]
mod networks;
#[path = "random/reference.rs"]
mod reference;
#[allow(dead_code)]
#[path = "random/run.rs"]
mod run;

use std::path::Path;
use std::process::Command;

use sextant_runtime::backend::{BackendKind, BackendOptions, Encoder, Fault, Limits, Output};

fn export(folder: &Path, arguments: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-export"));
    let output = command.args(arguments.split_whitespace()).current_dir(folder).env_remove("ORT_DYLIB_PATH").output();
    let output = output.unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn open(path: &Path, limits: Limits) -> Result<Encoder, Fault> {
    let options = BackendOptions { limits, ..BackendOptions::default() };
    Encoder::open(path, &options).map_err(|error| error.fault)
}

fn answers(encoder: &mut Encoder) -> Vec<Output> {
    let [height, width] = encoder.description().image_size;
    let image: Vec<u8> = (0..3 * height * width).map(|index| (index * 37 % 256) as u8).collect();
    encoder.run(&image).unwrap()
}

#[test]
fn exported_files_open_within_limits_and_tell_what_they_cost() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    run::write(&run, 5).unwrap();
    std::fs::copy(run.join("golden.safetensors"), run.join("calibration.safetensors")).unwrap();
    export(folder.path(), "onnx run");
    export(folder.path(), "int8 run");
    let mut native = open(&run.join("model.sxt"), Limits::default()).unwrap();
    let expected = answers(&mut native);
    for (name, tolerance) in [("model.onnx", Some(1e-4)), ("model-int8.onnx", None)] {
        let mut encoder = open(&run.join(name), Limits::default()).unwrap();
        assert_eq!(encoder.kind(), BackendKind::Tract);
        let (ours, theirs) = (native.operations().unwrap(), encoder.operations().unwrap());
        assert!((ours / 8..ours * 8).contains(&theirs), "{name}: {theirs} operations, and {ours} native");
        let memory_bytes = encoder.memory_bytes().unwrap();
        assert!((1000..10_000_000).contains(&memory_bytes), "{name}: {memory_bytes}");
        for (found, expected) in answers(&mut encoder).iter().zip(&expected) {
            assert_eq!((&found.name, found.width), (&expected.name, expected.width), "{name}");
            let close = |(a, b): (&f32, &f32)| tolerance.is_none_or(|tolerance| (a - b).abs() < tolerance);
            assert!(found.values.iter().zip(&expected.values).all(close), "{name}: {found:?} for {expected:?}");
        }
        for limits in
            [Limits::default().with_operations(theirs - 1), Limits::default().with_memory_bytes(memory_bytes - 1)]
        {
            assert!(matches!(open(&run.join(name), limits), Err(Fault::TooCostly(_))), "{name}");
        }
    }
}
