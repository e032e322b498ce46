//! `docs/conventions.md`: its numbers, its picture and its list of metadata are what the code has. `TRYCMD=overwrite` writes
//! numbers and picture anew.

mod drawing;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use sextant_export::inspect::inspect;
use sextant_runtime::contract::metadata;
use sextant_runtime::rotation::UnitQuaternion;
use sextant_tests::{finished_run, run_ok, small_fit};
use sextant_trainer::scene::CameraPose;

const START: &str = "<!-- written by tests/tests/conventions -->\n";
const END: &str = "<!-- end of what is written -->";
/// The example of the guide.
const EULER_DEG: [f32; 3] = [30.0, 45.0, 60.0];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn world_from_object() -> UnitQuaternion {
    UnitQuaternion::from_euler_extrinsic_xyz(EULER_DEG.map(f32::to_radians))
}

fn rotation(wxyz: [f32; 4]) -> UnitQuaternion {
    UnitQuaternion::from_wxyz(wxyz).expect("four numbers that are not all zero")
}

fn numbers<const N: usize>(values: [f32; N], decimals: usize) -> String {
    // Adding zero turns a negative zero into a positive one.
    values.map(|value| format!("{:.decimals$}", (value * 1e4).round() / 1e4 + 0.0)).join(" ")
}

fn worked_example() -> String {
    let object = world_from_object();
    let [ours, theirs] =
        [CameraPose::default(), CameraPose::THREE_DIE_BENCH].map(|camera| camera.camera_from_world() * object);
    let [w, x, y, z] = object.wxyz();
    let euler_deg = |rotation: UnitQuaternion| numbers(rotation.to_euler_extrinsic_xyz().map(f32::to_degrees), 2);
    let rows = object.to_matrix().map(|row| numbers(row, 4)).join(" / ");
    let (open_gl, ros_body) = (rotation([0.0, 1.0, 0.0, 0.0]), rotation([0.5, -0.5, 0.5, -0.5]));
    let turned = rotation([w, x, y, z]) * UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], 90f32.to_radians());
    let lines = [
        ("`world_from_object`, wxyz", numbers(object.wxyz(), 4)),
        ("the same, xyzw as in scipy", numbers([x, y, z, w], 4)),
        ("the same, rows of the matrix", rows),
        ("the same, `euler_deg`", euler_deg(object)),
        ("`camera_from_object`, camera at azimuth -90", numbers(ours.wxyz(), 4)),
        ("its `euler_deg`", euler_deg(ours)),
        ("`camera_from_object`, camera at azimuth 90", numbers(theirs.wxyz(), 4)),
        ("its `euler_deg`", euler_deg(theirs)),
        ("camera of OpenGL from object, azimuth -90", numbers((open_gl * ours).wxyz(), 4)),
        ("camera body of ROS from object, azimuth -90", numbers((ros_body * ours).wxyz(), 4)),
        (
            "R1^-1 R2, object then turned by 90 degrees about its own z axis",
            numbers(ours.relative_rotation(CameraPose::default().camera_from_world() * turned).wxyz(), 4),
        ),
    ];
    let rows = lines.map(|(what, value)| format!("| {what} | {value} |\n")).concat();
    format!("\n| what | numbers |\n| --- | --- |\n{rows}\n")
}

fn is_written_anew() -> bool {
    std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite")
}

#[test]
fn the_worked_example_is_what_the_code_computes() {
    let path = repository().join("docs/conventions.md");
    let guide = fs::read_to_string(&path).unwrap();
    let start = guide.find(START).expect("the guide has a place for the example") + START.len();
    let end = guide.find(END).expect("the example has an end");
    if is_written_anew() {
        return fs::write(&path, format!("{}{}{}", &guide[..start], worked_example(), &guide[end..])).unwrap();
    }
    assert_eq!(guide[start..end], worked_example(), "TRYCMD=overwrite writes it anew");
    // The example for scipy, which tests/python/check_conventions.py runs, begins with one of the rotations.
    let [w, x, y, z] = (CameraPose::default().camera_from_world() * world_from_object()).wxyz();
    assert!(guide.contains(&format!("w, x, y, z = {w:.4}, {x:.4}, {y:.4}, {z:.4}  # rotation_wxyz")));
}

#[test]
fn the_picture_is_what_the_code_draws() {
    let path = repository().join("docs/images/conventions.svg");
    let drawn = drawing::svg(world_from_object());
    if is_written_anew() {
        return fs::write(&path, drawn).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == drawn, "TRYCMD=overwrite draws it anew");
}

/// The keys of `contract::metadata`, as its source lists them.
fn keys_of_the_contract() -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("runtime/src/contract.rs")).unwrap();
    let (_, module) = text.split_once("pub mod metadata {").unwrap();
    let (module, _) = module.split_once("\n}\n").unwrap();
    let value = |line: &str| Some(line.trim().strip_prefix("pub const ")?.split('"').nth(1)?.to_string());
    module.lines().filter_map(value).collect()
}

#[test]
fn contract_guide_and_models_have_the_same_metadata() {
    let guide = fs::read_to_string(repository().join("docs/model-format.md")).unwrap();
    let (_, table) = guide.split_once("| key | value |\n| --- | --- |\n").expect("the guide has a table of keys");
    let listed: BTreeSet<String> = table
        .lines()
        .take_while(|line| line.starts_with("| `"))
        .filter_map(|line| Some(line.split('`').nth(1)?.to_string()))
        .collect();
    let known = keys_of_the_contract();
    assert_eq!(listed, known, "docs/model-format.md against contract::metadata");
    let folder = finished_run();
    let sxt = inspect(&folder.join("run/model.sxt")).unwrap().metadata;
    let written: BTreeSet<String> = sxt.keys().cloned().collect();
    // A model that tells what was done to pictures or follows motions has these, and one of eight bits its precision.
    let of_others = [metadata::TRANSFORMATIONS, metadata::VISIBLE, metadata::EQUIVARIANT_TO];
    let of_int8: BTreeSet<String> = known.iter().filter(|key| !of_others.contains(&key.as_str())).cloned().collect();
    let expected = of_int8.iter().filter(|key| *key != metadata::PRECISION).cloned().collect();
    assert_eq!(written, expected, "model.sxt against contract::metadata");
    let conventions = fs::read_to_string(repository().join("docs/conventions.md")).unwrap();
    assert!(
        conventions.contains(&sxt[metadata::CAMERA_POSE]),
        "docs/conventions.md has {}",
        sxt[metadata::CAMERA_POSE]
    );
    run_ok("export", &["onnx", "run", "--out", "frames.onnx"], folder);
    assert_eq!(inspect(&folder.join("frames.onnx")).unwrap().metadata, sxt, "ONNX has the same");
    run_ok("export", &["sxt", "run", "--int8", "--out", "frames.sxt"], folder);
    let int8 = inspect(&folder.join("frames.sxt")).unwrap().metadata;
    assert_eq!(int8.keys().cloned().collect::<BTreeSet<_>>(), of_int8);
}

#[test]
fn a_model_says_which_camera_it_was_trained_for() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pose = |run: &str| {
        let metadata = inspect(&folder.join(run).join("model.sxt")).unwrap().metadata;
        serde_json::from_str::<serde_json::Value>(&metadata[metadata::CAMERA_POSE]).unwrap()
    };
    let render = |out: &str, more: &[&str]| {
        let small = ["--objects-per-family=2", "--held-out-per-family=1", "--views=3", "--image-size=32"];
        run_ok("trainer", &[&["render", "--out", out][..], &small, more].concat(), folder);
    };
    render("theirs", &["--format=3diebench"]);
    render("sideways", &["--camera-azimuth=25"]);
    let small: Vec<&str> = sextant_tests::SMALL_FIT.iter().copied().filter(|set| !is_of_rendering(set)).collect();
    for (source, path, key, azimuth_deg) in [
        ("3diebench", "theirs", None, 90.0),
        ("3diebench", "theirs", Some("--set=data.camera_azimuth_deg=-90"), -90.0),
        ("sextant", "sideways", None, 25.0),
    ] {
        let run = format!("run-{path}-{azimuth_deg}");
        let sets = [format!("--set=data.source={source}"), format!("--set=data.path={path}")];
        let sets: Vec<&str> = sets.iter().map(String::as_str).chain(key).collect();
        run_ok("trainer", &[&["fit", "--set=fit.steps=2", "--out", &run][..], &small, &sets].concat(), folder);
        let expected = serde_json::json!({
            "distance": 2.5, "polar_deg": 45.0, "azimuth_deg": azimuth_deg, "fov_deg": 39.6,
            "looks_at": "origin of the object, z up in the picture",
        });
        assert_eq!(pose(&run), expected, "{run}");
    }
    small_fit(folder, &["--set=fit.steps=2", "--out", "rendered"]);
    assert_eq!(pose("rendered")["azimuth_deg"], -90.0);
}

/// Whether images that are there already have no use for a key.
fn is_of_rendering(set: &str) -> bool {
    ["data.objects_per_family", "data.held_out_per_family", "out_of_range"].iter().any(|key| set.contains(key))
}
