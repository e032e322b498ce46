//! Pictures of which no pose is known, with classes and without: trained, measured, reported, exported and predicted.

use std::path::Path;

use serde_json::Value;
use sextant_tests::run_ok;

const SMALL: [&str; 9] = [
    "data.image_size=16",
    "fit.steps=150",
    "fit.batch_size=16",
    "fit.probe_every=75",
    "fit.ema_decay=0",
    "schedule.warmup_steps=5",
    "evaluation.pairs=24",
    "evaluation.train_pairs=40",
    "evaluation.probe_epochs=2",
];

/// Pictures of 20 x 24 pixels that are bright at the top; class `striped` has stripes.
fn write_pictures(folder: &Path, with_classes: bool) {
    for class in ["plain", "striped"] {
        for index in 0..20u32 {
            let picture = image::RgbImage::from_fn(20, 24, |x, y| {
                let stripe = if class == "striped" && (x / 3) % 2 == 0 { 40 } else { 0 };
                let light = 200 - y as u8 * 7;
                image::Rgb([light.saturating_sub(stripe), light / 2 + index as u8, 90])
            });
            let place = if with_classes { folder.join(class) } else { folder.to_path_buf() };
            std::fs::create_dir_all(&place).unwrap();
            picture.save(place.join(format!("{class}-{index}.png"))).unwrap();
        }
    }
}

fn fit(preset: &str, folder: &Path, more: &[&str]) {
    let mut arguments = vec!["fit", "--preset", preset, "--out", "run", "--set", "data.source=pictures"];
    arguments.extend(["--set", "data.path=pictures"]);
    SMALL.iter().chain(more).for_each(|set| arguments.extend(["--set", set]));
    run_ok("trainer", &arguments, folder);
}

fn json(program: &str, arguments: &[&str], folder: &Path) -> Value {
    serde_json::from_str(&run_ok(program, arguments, folder)).unwrap()
}

#[test]
fn a_folder_of_upright_pictures_teaches_their_orientation() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pictures(&folder.join("pictures"), false);
    fit("orientation", folder, &[]);
    let figures = json("trainer", &["eval", "run", "--json"], folder);
    assert!(figures["transformation_top1"].as_f64().unwrap() > 0.9, "{figures}");
    let absent = ["pose", "rotation_r2", "class_top1"];
    absent.iter().for_each(|key| assert!(figures.get(*key).is_none(), "{key}: {figures}"));
    run_ok("trainer", &["report", "run", "--out", "report.html"], folder);
    run_ok("export", &["onnx", "run"], folder);
    run_ok("export", &["sxt", "run", "--int8"], folder);
    run_ok("export", &["verify", "run"], folder);
    // A picture on its right side has to be turned back by one quarter.
    let upright = image::open(folder.join("pictures/plain-3.png")).unwrap();
    upright.rotate270().save(folder.join("turned.png")).unwrap();
    for model in ["run/model.sxt", "run/model.onnx", "run/model-int8.sxt"] {
        let answer = json("runtime", &["predict", model, "turned.png", "--json"], folder);
        let said = answer.to_string();
        assert!(said.contains("quarter-turns") && said.contains("90°"), "{model}: {said}");
        assert!(answer.get("rotation_wxyz").is_none(), "{said}");
    }
    let compared = json("trainer", &["eval", "run", "--model", "run/model-int8.sxt", "--json"], folder);
    assert!(compared["transformation_cost_points"].as_f64().unwrap() < 10.0, "{compared}");
    assert!(compared.get("rotation_cost_deg").is_none(), "{compared}");
    let moved = ["equivariance", "run", "--pictures", "16", "--drawing", "moved.svg", "--json"];
    let moved = json("trainer", &[&moved[..], &["--model", "run/model-int8.sxt"]].concat(), folder);
    let of = |form: usize| moved[form]["of"].as_str().unwrap();
    assert_eq!(
        [of(0), of(1), of(2), of(3)],
        ["before training", "after training", "run/model.sxt", "run/model-int8.sxt"]
    );
    for form in moved.as_array().unwrap() {
        assert_eq!(
            (form["pictures"].as_u64(), form["by_construction"].as_str()),
            (Some(8), Some("nothing by construction"))
        );
        let [exact, turns] = ["exact", "turns"].map(|motions| form[motions].as_array().unwrap());
        assert_eq!((exact.len(), turns.len()), (7, 23), "{form}");
        // What tells by how much a picture is turned changes when it is turned.
        assert!(exact[1]["equivariant_change"].as_f64().unwrap() > 0.01, "{form}");
        assert!(exact[0].get("reordering_error").is_none(), "{form}");
    }
    let [trained, deployed] = [1, 2].map(|form: usize| moved[form]["exact"][0]["equivariant_change"].as_f64().unwrap());
    assert!((trained - deployed).abs() < 1e-4, "the trainer and the runtime see the same: {trained} {deployed}");
    assert!(std::fs::read_to_string(folder.join("moved.svg")).unwrap().contains("run/model-int8.sxt"));
    // A file alone is shown built-in objects of its size.
    let told = run_ok("trainer", &["equivariance", "run/model-int8.sxt", "--pictures", "4"], folder);
    assert!(
        told.starts_with("run/model-int8.sxt: 4 pictures of 16 px; equivariant to: nothing by construction\n"),
        "{told}"
    );
}

#[test]
fn a_folder_of_classes_teaches_features_by_which_like_pictures_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_pictures(&folder.join("pictures"), true);
    fit("pictures", folder, &["model.projector_hidden=16", "model.embedding=16"]);
    let figures = json("trainer", &["eval", "run", "--json"], folder);
    assert!(figures["class_top1_knn"].as_f64().unwrap() > 0.9, "{figures}");
    assert!(figures.get("pose").is_none() && figures["transformation_top1"].as_f64().is_some(), "{figures}");
    run_ok("trainer", &["report", "run", "--out", "report.html"], folder);
    let found = run_ok(
        "runtime",
        &["search", "pictures", "pictures/striped/striped-4.png", "--model", "run/model.sxt", "--top", "5", "--json"],
        folder,
    );
    assert!(found.contains("striped-4.png"), "{found}");
}
