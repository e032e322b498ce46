//! What data and runs say of classes, splits, views and paths, told before hours of training and not after.

#[path = "fixtures/mod.rs"]
mod fixtures;

use std::fs;
use std::path::Path;
use std::process::Output;

use fixtures::{Place, meshes};
use sextant_tests::{finished_run, run, run_ok};

/// Arguments that make `trainer fit` a matter of seconds, whatever the data.
const SMALL: &[&str] = &[
    "--set=data.image_size=16",
    "--set=model.projector_hidden=16",
    "--set=model.embedding=16",
    "--set=fit.batch_size=4",
    "--set=fit.steps=2",
    "--set=evaluation.pairs=8",
    "--set=evaluation.train_pairs=16",
    "--set=evaluation.probe_epochs=1",
    "--set=evaluation.gallery_objects=2",
];

/// A place with a folder of parts, `bolt` and `bracket`.
fn place() -> Place {
    let place = Place::new();
    meshes::write_parts(&place.path("parts"));
    place
}

fn trainer(place: &Place, arguments: &[&str]) -> Output {
    run("trainer", arguments, &place.path("."))
}

fn fit(place: &Place, arguments: &[&str]) -> Output {
    trainer(place, &[&["fit"], SMALL, arguments].concat())
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command that succeeds says beside its data.
fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    stderr(output)
}

/// What a command that must fail says.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
    assert!(stderr(output).contains("error: "), "{}", stderr(output));
    stderr(output)
}

fn assert_says(text: &str, wanted: &[&str]) {
    for words in wanted {
        assert!(text.contains(words), "{words:?} is missing in\n{text}");
    }
}

const MESHES: [&str; 2] = ["--set=data.source=meshes", "--set=data.path=parts"];

#[test]
fn classes_are_found_by_their_names() {
    let place = place();
    let more = ["--set=data.source=meshes", "--set=data.path=parts", "--out=run"];
    told(&fit(&place, &more));
    let eval = |path: &str| trainer(&place, &["eval", "run", &format!("--set=data.path={path}")]);
    // Another name, one more, other ones only: both sides are named.
    place.copy(&place.path("parts/bracket"), "renamed/bracket");
    place.copy(&place.path("parts/bolt"), "renamed/screw");
    assert_says(&refused(&eval("renamed")), &["the data have screw", "the run has bolt"]);
    place.copy(&place.path("parts"), "wider");
    fs::remove_file(place.path("wider/symmetry.toml")).unwrap();
    place.copy(&place.path("parts/bolt"), "wider/axe");
    assert_says(&refused(&eval("wider")), &["the data have axe", "the run has none"]);
    let resumed = trainer(&place, &["fit", "--resume", "--out=run", "--set=fit.steps=3", "--set=data.path=renamed"]);
    assert_says(&refused(&resumed), &["the data have screw", "the run has bolt"]);
    let tuned = trainer(&place, &["fit", "--qat=run", "--out=tuned", "--set=data.path=wider"]);
    assert_says(&refused(&tuned), &["the data have axe"]);
    assert!(!place.path("tuned").exists());
    // Fewer: `bracket` keeps its label, although it is now the first class of the data.
    place.copy(&place.path("parts/bracket"), "fewer/bracket");
    assert_says(&told(&eval("fewer")), &["1 of the run's 2 classes, without bolt: labels are mapped by name"]);
    assert_says(&refused(&trainer(&place, &["eval", "run", "--set=data.classes=[]"])), &["--set data.classes=[]"]);
}

#[test]
fn another_order_of_classes_gives_the_same_answers() {
    let place = Place::new();
    place.copy(&finished_run().join("run"), "run");
    let classes = |families: &[&str]| format!("--set=data.families={}", serde_json::json!(families));
    let cone = trainer(&place, &["eval", "run", "--json", &classes(&["cone", "mug"])]);
    let mug = trainer(&place, &["eval", "run", "--json", &classes(&["mug", "cone"])]);
    assert_says(&told(&cone), &["2 of the run's 12 classes"]);
    assert_says(&told(&mug), &["2 of the run's 12 classes"]);
    // The same objects under the run's labels: each class has as many images, whatever the order of the data.
    let images = |output: &Output| -> Vec<(String, u64)> {
        let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let per_class = figures["per_class"].as_array().unwrap().iter();
        per_class.map(|class| (class["class"].as_str().unwrap().into(), class["images"].as_u64().unwrap())).collect()
    };
    assert_eq!(images(&cone), images(&mug));
    assert_eq!(images(&mug).iter().map(|(class, _)| class.as_str()).collect::<Vec<_>>(), ["mug", "cone"]);
    assert_says(&refused(&trainer(&place, &["eval", "run", &classes(&["car"])])), &["the data have car"]);
}

#[test]
fn a_deployed_file_of_other_classes_is_refused() {
    let place = place();
    place.copy(&finished_run().join("run"), "shapes");
    told(&fit(&place, &[&MESHES[..], &["--set=data.image_size=32", "--out=run"]].concat()));
    let other = trainer(&place, &["eval", "run", "--model=shapes/model.sxt"]);
    assert_says(&refused(&other), &["shapes/model.sxt", "the data have bolt, bracket", "the model has teapot"]);
    told(&trainer(&place, &["eval", "run", "--model=run/model.sxt"]));
}

#[test]
fn a_run_is_measured_from_any_folder() {
    let place = place();
    place.write("project/mine.toml", b"[data]\nsource = \"meshes\"\npath = \"../parts\"\n");
    let from_file = [&["fit", "project/mine.toml"], SMALL, &["--out=run"]].concat();
    told(&trainer(&place, &from_file));
    told(&run("trainer", &["eval", "../run"], &place.path("parts")));
    let config = fs::read_to_string(place.path("run/config.toml")).unwrap();
    let path = config.lines().find_map(|line| line.strip_prefix("path = ")).unwrap().trim_matches('"');
    assert!(Path::new(path).is_absolute(), "{path}");
    assert_says(&config, &["classes = [\"bolt\", \"bracket\"]"]);
    // A home folder is written out.
    let mut command = std::process::Command::new(sextant_tests::program("trainer"));
    command.args(["render", "--source=meshes", "--meshes=~/parts", "--views=1", "--image-size=16", "--out=set"]);
    let output = command.current_dir(place.path(".")).env("HOME", place.path(".")).output().unwrap();
    told(&output);
}

#[test]
fn a_run_does_not_go_back() {
    let place = place();
    told(&fit(&place, &[&MESHES[..], &["--out=run"]].concat()));
    let before = place.contents();
    let output = trainer(&place, &["fit", "--resume", "--out=run", "--set=fit.steps=1"]);
    assert_says(&refused(&output), &["the run has done 2 steps, more than the 1 of fit.steps"]);
    assert_eq!(place.contents(), before, "nothing was written");
}

/// Sets that are rendered and then trained on by the command that `render` prints, to the end.
#[test]
fn every_set_that_is_rendered_can_be_trained_on() {
    struct Case {
        meshes: &'static str,
        render: &'static [&'static str],
        /// What rendering says beforehand.
        rendered: &'static [&'static str],
        /// What training says beforehand.
        trained: &'static [&'static str],
    }
    let cases = [
        Case {
            meshes: "parts",
            render: &["--views=4"],
            rendered: &[],
            trained: &["among 4 views, not 50", "2 of them are references, not 10"],
        },
        Case { meshes: "parts", render: &["--views=2"], rendered: &[], trained: &["among 2 views, not 50"] },
        Case {
            meshes: "parts",
            render: &["--views=1"],
            rendered: &["have a single view"],
            trained: &["have a single view", "no prediction of views is measured"],
        },
        Case {
            meshes: "alone",
            render: &["--views=60"],
            rendered: &["no object is held out: `trainer fit` will measure on the very pictures"],
            trained: &["no object is held out: figures are of the very pictures"],
        },
        Case {
            meshes: "parts/bolt/m4.stl",
            render: &["--views=3", "--format=3diebench"],
            rendered: &["no object is held out"],
            trained: &["no object is held out", "one class", "one object to train on", "among 3 views"],
        },
        Case {
            meshes: "two",
            render: &["--views=3"],
            rendered: &[],
            trained: &["one class", "one object to train on"],
        },
    ];
    for (at, Case { meshes, render, rendered, trained }) in cases.into_iter().enumerate() {
        let place = place();
        // One mesh of each class, and one class of two.
        place.copy(&place.path("parts/bolt"), "alone");
        place.copy(&place.path("parts/bolt/m4.stl"), "two/bolt/m4.stl");
        place.copy(&place.path("parts/bolt/m5.ply"), "two/bolt/m5.ply");
        let source = ["render", "--source=meshes", "--meshes", meshes, "--image-size=16", "--out=set"];
        let output = trainer(&place, &[&source[..], render].concat());
        assert_says(&told(&output), rendered);
        let next =
            stderr(&output).lines().find_map(|line| line.strip_prefix("next: cargo trainer ").map(str::to_owned));
        let next = next.unwrap_or_else(|| panic!("case {at}: {}", stderr(&output)));
        let next: Vec<&str> = next.split(' ').collect();
        let output = trainer(&place, &[&next[..], SMALL, &["--out=run"]].concat());
        let said = told(&output);
        let (before, _) = said.split_once("training done").unwrap_or_else(|| panic!("case {at}: {said}"));
        assert_says(before, trained);
        assert!(place.path("run/evaluation.json").is_file(), "case {at}");
        told(&trainer(&place, &["report", "run"]));
    }
}

#[test]
fn options_that_a_source_has_no_use_for_are_refused() {
    let place = place();
    let all: [(&str, &[&str]); 6] = [
        ("--meshes", &["--meshes=parts"]),
        ("--y-up", &["--y-up"]),
        ("--skip-broken", &["--skip-broken"]),
        ("--held-out-share", &["--held-out-share=0.5"]),
        ("--cache", &["--cache=cache"]),
        ("--objects-per-family", &["--objects-per-family=2"]),
    ];
    let uses = |source: &str, option: &str| match option {
        // Both are names of data.path.
        "--cache" | "--meshes" => source != "procedural",
        "--objects-per-family" => source == "procedural",
        _ => source == "meshes",
    };
    for source in ["procedural", "sweethome3d", "meshes"] {
        for (option, arguments) in all.into_iter().filter(|(option, _)| !uses(source, option)) {
            let meshes: &[&str] = if source == "meshes" { &["--meshes=parts"] } else { &[] };
            let output = trainer(&place, &[&["render", "--out=set", "--source", source], meshes, arguments].concat());
            assert_says(&refused(&output), &[option, "has no effect here"]);
        }
    }
    let info = ["data", "info", "set", "--seed=3", "--held-out-share=0.5"];
    run_ok(
        "trainer",
        &["render", "--out=set", "--views=1", "--image-size=16", "--objects-per-family=1", "--held-out-per-family=1"],
        &place.path("."),
    );
    assert_says(&refused(&trainer(&place, &info)), &["--held-out-share, --seed", "only meshes and pictures are split"]);
    for key in ["fit.steps=3", "optimiser.lr=1", "name=other"] {
        let output = trainer(&place, &["eval", "nowhere", "--set", key]);
        assert_says(&refused(&output), &["has no effect here: `trainer eval` reads data.* and evaluation.*"]);
    }
    let output = trainer(&place, &["eval", "nowhere", "--model=m.sxt", "--set=evaluation.probe_epochs=3"]);
    assert_says(&refused(&output), &["has no effect here"]);
}

#[test]
fn a_dash_is_no_folder() {
    let place = place();
    for arguments in [
        &["render", "--out", "-"][..],
        &["fit", "--out", "-"],
        &["report", "run", "--out", "-"],
        &["study", "procedural", "--out", "-"],
        &["study", "procedural", "--results", "-"],
    ] {
        assert_says(&refused(&trainer(&place, arguments)), &["cannot go to standard output"]);
    }
    assert!(!place.path("-").exists());
}

#[test]
fn meshes_are_told_with_all_that_is_wrong() {
    let place = place();
    let output = trainer(&place, &["data", "info", "parts", "--json"]);
    told(&output);
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&info["objects"], &info["held_out"]), (&8.into(), &2.into()));
    assert_eq!(info["classes"]["bracket"], serde_json::json!({ "train": 4, "held_out": 1 }));
    let mesh = &info["meshes"][0];
    assert_eq!(
        (&mesh["id"], &mesh["triangles"], &mesh["symmetry"]),
        (&"bolt/m4".into(), &4.into(), &"continuous:z".into())
    );
    assert_eq!(mesh["size"], serde_json::json!([1.0, 3.0, 2.0]));

    place.write("parts/bolt/m8.stl", b"nothing");
    place.write("parts/bracket/z.obj", b"v 0 0\n");
    place.write("parts/bolt/drawing.step", b"ISO-10303-21;");
    place.write("parts/bolt/._m4.stl", b"\0\x05\x16\x07");
    place.write("parts/.thumbnails/m4.stl", b"");
    place.write("parts/nut/only.ply", meshes::ply().as_bytes());
    let output = trainer(&place, &["data", "info", "parts", "--json"]);
    let said = refused(&output);
    assert_says(&said, &["2 of 11 meshes cannot be used:", "bolt/m8.stl: ", "bracket/z.obj: ", "--skip-broken"]);
    assert_says(&said, &["1 file that is no mesh (bolt/drawing.step)", "nothing is held out of nut"]);
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(info["broken"].as_array().map(Vec::len), Some(2), "{info}");
    assert_eq!(info["meshes"].as_array().map(Vec::len), Some(9), "{info}");

    let render = ["render", "--source=meshes", "--meshes=parts", "--views=1", "--image-size=16", "--out=set"];
    assert_says(&refused(&trainer(&place, &render)), &["2 of 11 meshes cannot be used:", "m8.stl", "z.obj"]);
    let output = trainer(&place, &[&render[..], &["--skip-broken"]].concat());
    assert_says(&told(&output), &["skipped parts/bolt/m8.stl", "skipped parts/bracket/z.obj"]);
    assert_says(&String::from_utf8_lossy(&output.stdout), &["objects\t9"]);
    let broken = [&MESHES[..], &["--out=run"]].concat();
    assert_says(&refused(&fit(&place, &broken)), &["2 of 11 meshes", "data.skip_broken=true"]);
    let skipped = [&broken[..], &["--set=data.skip_broken=true"]].concat();
    assert_says(&told(&fit(&place, &skipped)), &["skipped parts/bolt/m8.stl", "3 classes"]);
}

#[test]
fn the_split_of_meshes_follows_seed_share_and_list() {
    let place = place();
    for index in 0..20 {
        place.write(&format!("many/bolt/{index}.ply"), meshes::ply().as_bytes());
    }
    place.write("held-out.txt", b"bolt/3\nbolt/17\n");
    place.write("unknown.txt", b"bolt/3\nbolt/77\n");
    let held_out = |arguments: &[&str]| -> Vec<String> {
        let output = trainer(&place, &[&["data", "info", "many", "--json"], arguments].concat());
        told(&output);
        let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let meshes = info["meshes"].as_array().unwrap().iter().filter(|mesh| mesh["held_out"] == true);
        meshes.map(|mesh| mesh["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(held_out(&[]).len(), 4);
    assert_eq!(held_out(&["--held-out-share=0.5"]).len(), 10);
    assert_eq!(held_out(&["--held-out-share=0"]).len(), 0);
    assert_ne!(held_out(&["--seed=1"]), held_out(&["--seed=0"]));
    assert_eq!(held_out(&["--seed=0"]), held_out(&[]));
    assert_eq!(held_out(&["--held-out-list=held-out.txt"]), ["bolt/17", "bolt/3"]);
    let output = trainer(&place, &["data", "info", "many", "--held-out-list=unknown.txt"]);
    assert_says(&refused(&output), &["unknown.txt", "line 2: no object is called `bolt/77`"]);
    // What is rendered is split as data.source=meshes splits it.
    let render = ["render", "--source=meshes", "--meshes=many", "--views=1", "--image-size=16", "--out=set"];
    told(&trainer(&place, &[&render[..], &["--seed=5"]].concat()));
    let set: serde_json::Value = serde_json::from_slice(&fs::read(place.path("set/dataset.json")).unwrap()).unwrap();
    let objects = set["objects"].as_array().unwrap().iter().filter(|object| object["held_out"] == true);
    let names: Vec<&str> = objects.map(|object| object["id"].as_str().unwrap()).collect();
    assert_eq!(names, held_out(&["--seed=5"]));
}
