use super::*;
use crate::config::Config;
use crate::fit::{FitOptions, fit};
use crate::registry::Registry;
use crate::run::RunFolder;
use crate::stop::StopFlag;

fn small_run(folder: &Path, method: &str) {
    let sets = [
        "data.objects_per_family=1",
        "data.held_out_per_family=1",
        "data.image_size=32",
        "model.projector_hidden=16",
        "model.embedding=16",
        "fit.steps=4",
        "fit.batch_size=8",
        "fit.log_every=1",
        "fit.probe_every=2",
        "evaluation.pairs=20",
        "evaluation.train_pairs=40",
        "evaluation.probe_epochs=1",
        "evaluation.gallery_objects=2",
        "evaluation.gallery_views=5",
        "evaluation.out_of_range_pairs=8",
    ];
    let sets: Vec<String> = sets.iter().map(ToString::to_string).chain([format!("method.name={method}")]).collect();
    let config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
    let run = RunFolder::create(folder, false).unwrap();
    fit(FitOptions { config, run, resume: false, device: "cpu".into(), stop: StopFlag::default() }).unwrap();
}

#[test]
fn a_report_has_every_section_and_needs_no_network() {
    let folder = tempfile::tempdir().unwrap();
    let (sie, vicreg) = (folder.path().join("first"), folder.path().join("second"));
    small_run(&sie, "sie");
    small_run(&vicreg, "vicreg");
    let html = report(&Registry::default(), &[&sie, &vicreg], "cpu").unwrap();
    for words in [
        "first (sie)",
        "second (vicreg)",
        "MRR, with the identity query",
        "Curves",
        "class top-1 of the online linear probe",
        "Confusion",
        "Nearest neighbours",
        "Steering",
        "off by",
        "This method predicts nothing",
        "invariant half by class",
        "equivariant half by turn",
        "retrieval of predicted views",
        "effective rank (RankMe)",
        "Guessing among 5 views",
        "Error against angle",
        "Worst poses",
        "name=\"viewport\"",
        "data:image/png;base64,",
    ] {
        assert!(html.contains(words), "{words} is missing");
    }
    let outside = html.replace("http://www.w3.org/2000/svg", "");
    for words in ["http:", "https:", "<script", "<link", "src=\"/", "url("] {
        assert!(!outside.contains(words), "{words} reaches outside the file");
    }
    for tag in ["svg", "table", "figure", "div", "details"] {
        let opened = html.matches(&format!("<{tag}")).count();
        assert_eq!(opened, html.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_folder_without_a_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = report(&Registry::default(), &[&folder.path().join("none")], "cpu").err().unwrap();
    assert!(format!("{error:#}").contains("none"), "{error:#}");
}
