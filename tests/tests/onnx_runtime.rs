//! Files that are no ONNX Runtime, libraries that only look like it, and providers that are not there.

#[path = "fixtures/onnx_runtime.rs"]
mod command;

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sextant_runtime::backend::{BackendKind, BackendOptions, Encoder, Fault, LibraryFault, Provider};

use command::{error_and_hint, runtime, text};

/// A library that tells a version of ONNX Runtime and gives no interface.
const LIKE_ONNX_RUNTIME: &str = r#"
use std::ffi::{c_char, c_void};
#[repr(C)]
pub struct Base { api: extern "C" fn(u32) -> *const c_void, version: extern "C" fn() -> *const c_char }
extern "C" fn api(_: u32) -> *const c_void { std::ptr::null() }
extern "C" fn version() -> *const c_char { c"VERSION".as_ptr() }
static BASE: Base = Base { api, version };
#[unsafe(no_mangle)]
pub extern "C" fn OrtGetApiBase() -> *const Base { &BASE }
"#;

/// Another library, that one of our own needs.
const NEEDED: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn needed() {}";
const NEEDS_ANOTHER: &str = "unsafe extern \"C\" { fn needed(); }
#[unsafe(no_mangle)] pub extern \"C\" fn calls() { unsafe { needed() } }";

/// A shared library from one file of Rust.
fn library(folder: &Path, name: &str, source: &str, arguments: &[&str]) -> PathBuf {
    let path = folder.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"));
    let file = folder.join(format!("{name}.rs"));
    fs::write(&file, source).unwrap();
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = Command::new(compiler);
    command.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]).arg(&path).arg(file).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    path
}

fn like_onnx_runtime(folder: &Path, name: &str, version: &str) -> PathBuf {
    library(folder, name, &LIKE_ONNX_RUNTIME.replace("VERSION", version), &[])
}

#[test]
fn wrong_old_and_missing_libraries_are_refused_clearly() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    fs::write(folder.join("m.onnx"), b"never read").unwrap();
    fs::write(folder.join("text.so"), b"a library, honestly").unwrap();
    let search = format!("-L{}", folder.display());
    let needed = library(folder, "needed", NEEDED, &[]);
    let needs_another = library(folder, "needs_another", NEEDS_ANOTHER, &[&search, "-ldylib=needed"]);
    let other = library(folder, "other", NEEDED, &[]);
    fs::remove_file(needed).unwrap();
    let cases = [
        (folder.join("nowhere.so"), "nowhere.so: No such file or directory", "pip install onnxruntime, then"),
        (folder.to_path_buf(), ": a folder; its file libonnxruntime.so.* is needed", "pip install onnxruntime, then"),
        (
            folder.join("text.so"),
            "text.so is no shared library that can be loaded here: ",
            "install ONNX Runtime again",
        ),
        (needs_another, " needs a library that is not there: ", "install what is missing"),
        (other, " is a library of something else", "pip install onnxruntime, then"),
        (
            like_onnx_runtime(folder, "old", "1.16.3"),
            " is version 1.16.3, and this program needs 1.22 or newer",
            "pip install --upgrade onnxruntime",
        ),
        (
            like_onnx_runtime(folder, "hollow", "1.24.1"),
            " does not start: it does not give version 22 of its interface",
            "install ONNX Runtime again",
        ),
    ];
    for (path, message, remedy) in cases {
        let output = runtime(folder, Some(&path), &["bench", "m.onnx", "--backend", "ort"]);
        let (error, hint) = error_and_hint(&output);
        assert!(error.starts_with("m.onnx: ONNX Runtime is not usable: "), "{error}");
        assert!(error.contains(message) && error.contains(&*path.to_string_lossy()), "{error}");
        assert!(hint.starts_with(remedy), "{hint}");
        // The list of backends says the same, and that is no error there.
        let listed = runtime(folder, Some(&path), &["backends"]);
        assert!(text(&listed.stdout).contains(message), "{listed:?}");
        assert!(text(&listed.stderr).starts_with(&format!("hint: {remedy}")) && listed.status.success(), "{listed:?}");
    }
}

#[test]
fn a_second_library_in_a_process_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let model = folder.join("m.onnx");
    fs::write(&model, b"never read").unwrap();
    let fault = |library: &Path| {
        let (kind, ort_library) = (Some(BackendKind::Ort), Some(library.to_path_buf()));
        let options = BackendOptions { kind, ort_library, ..BackendOptions::default() };
        match Encoder::open(&model, &options).unwrap_err().fault {
            Fault::OrtLibrary(fault) => fault,
            other => panic!("{other:?}"),
        }
    };
    // One that is not loaded is no first one.
    assert!(matches!(fault(&like_onnx_runtime(folder, "old", "1.21.0")), LibraryFault::TooOld { .. }));
    let (first, second) = (like_onnx_runtime(folder, "first", "1.22.0"), like_onnx_runtime(folder, "second", "1.22.0"));
    for _ in 0..2 {
        assert!(matches!(fault(&first), LibraryFault::DoesNotStart { .. }));
    }
    let refused = fault(&second);
    let (first, second) = (first.canonicalize().unwrap(), second.canonicalize().unwrap());
    let expected = LibraryFault::AnotherIsLoaded { path: second.clone(), loaded: first.clone() };
    assert_eq!(refused, expected);
    let told = refused.to_string();
    assert!(told.contains(&*first.to_string_lossy()) && told.contains(&*second.to_string_lossy()), "{told}");
}

#[test]
fn providers_are_ort_s_and_nothing_else_runs_them() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("m.onnx"), b"never read").unwrap();
    for backend in ["native", "tract"] {
        let output = runtime(place.path(), None, &["bench", "m.onnx", "--backend", backend, "--provider", "cuda:1"]);
        let (error, hint) = error_and_hint(&output);
        assert_eq!(error, format!("m.onnx: cuda:1 is a provider of ONNX Runtime, and {backend} was asked for"));
        assert_eq!(hint, "leave --backend away, or --provider");
    }
    let output = runtime(place.path(), None, &["bench", "m.onnx", "--provider", "qnn"]);
    assert_eq!(error_and_hint(&output).0, "m.onnx: ONNX Runtime is not usable: ORT_DYLIB_PATH is not set");
    let output = runtime(place.path(), None, &["bench", "m.onnx", "--provider", "gpu"]);
    let stderr = text(&output.stderr);
    let names = "openvino, cuda, tensorrt, coreml, qnn, nnapi, xnnpack, acl, cann";
    assert!(stderr.contains(&format!("'gpu' is none of {names}")), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn backends_are_listed_without_a_library() {
    let place = tempfile::tempdir().unwrap();
    let listed = runtime(place.path(), None, &["backends"]);
    let lines: Vec<&str> = text(&listed.stdout).lines().collect();
    assert!(lines[0].starts_with("native  float32 with ") && lines[1].starts_with("tract   0."), "{lines:?}");
    assert_eq!(lines[2..], ["ort     not usable: ORT_DYLIB_PATH is not set"]);
    let listed = runtime(place.path(), None, &["backends", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(json["ort"]["error"], "ORT_DYLIB_PATH is not set");
    assert!(json["native"]["int8"].is_string() && listed.status.success(), "{json}");
    // The version of tract is written by hand, since tract does not tell it.
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
    let version = json["tract"]["version"].as_str().unwrap();
    assert!(lock.contains(&format!("name = \"tract-onnx\"\nversion = \"{version}.")), "tract is not {version}");
}

#[test]
fn the_guide_has_the_table_of_providers() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/accelerators.md");
    let guide = fs::read_to_string(guide).unwrap();
    let rows = guide.split("| `--provider` |").nth(1).unwrap().lines().skip(2).take_while(|line| !line.is_empty());
    let row = |provider: Provider| {
        let needs = provider.needs().split_once(" needs ").unwrap().1;
        format!("| `{provider}` | {} | {needs} |", provider.runs_on())
    };
    assert_eq!(rows.collect::<Vec<_>>(), Provider::all().map(row).collect::<Vec<_>>());
}
