use super::*;
use crate::fit::{FitOptions, FitOutcome, fit};
use crate::run::RunFolder;

/// An advice on scenes that takes seconds.
fn options(folder: &std::path::Path, names: &[&str], seeds: u64) -> AdviceOptions {
    let sets = [
        "data.source=procedural",
        "data.families=[\"mug\", \"car\", \"chair\"]",
        "data.objects_per_family=2",
        "data.held_out_per_family=2",
        "data.image_size=32",
        "model.projector_hidden=16",
        "model.embedding=16",
        "fit.batch_size=8",
        "evaluation.pairs=12",
        "evaluation.train_pairs=12",
        "evaluation.probe_epochs=1",
        "evaluation.neighbours=3",
    ];
    let registry = Registry::default();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    AdviceOptions {
        candidates: Candidate::of_names(&names, registry.transformations()).unwrap(),
        registry,
        target: Target::TransformedClass,
        file: None,
        sets: sets.map(String::from).to_vec(),
        steps: 3,
        seeds,
        runs: folder.join("runs"),
        device: "cpu".into(),
        stop: StopFlag::default(),
    }
}

fn finished(options: &AdviceOptions) -> (AdviceReport, Config) {
    match advise(options).unwrap() {
        AdviceOutcome::Finished { report, config } => (report, *config),
        AdviceOutcome::Interrupted => panic!("nobody stopped it"),
    }
}

#[test]
fn an_advice_goes_on_where_it_was_stopped_and_its_configuration_trains() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &["rotation", "flip"], 2);
    options.stop.set();
    assert!(matches!(advise(&options).unwrap(), AdviceOutcome::Interrupted), "stopped in its first run");
    let options = self::options(folder.path(), &["rotation", "flip"], 2);
    let (report, config) = finished(&options);
    let names: Vec<(&str, bool)> =
        report.transformations.iter().map(|advised| (advised.transformation.as_str(), advised.is_ordered)).collect();
    assert_eq!(names, [("rotation-scale", true), ("horizontal-flip", false)]);
    for advised in &report.transformations {
        for form in [&advised.invariant, &advised.equivariant] {
            assert_eq!(form.targets.len(), 2, "{advised:?}");
            assert!(form.drift.is_some() && form.kept.is_some(), "{advised:?}");
        }
        assert!((0.0..=1.0).contains(&advised.judgement.confidence), "{advised:?}");
    }
    assert!(report.check.all_invariant.is_some() && report.check.all_equivariant.is_some());
    assert!(report.check.advised.is_some());
    let text = report.to_string();
    for words in ["wanted: class of transformed pictures", "2 seeds of 3 steps", "rotation  ", "target: all invariant"]
    {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }

    let changed =
        |row: &str| std::fs::metadata(options.runs.join(row).join("evaluation.json")).unwrap().modified().unwrap();
    let before = changed("all-invariant-seed0");
    assert_eq!(finished(&options).0, report, "what is trained is not trained again");
    assert_eq!(changed("all-invariant-seed0"), before);

    // As `trainer fit FILE` reads it.
    let file = folder.path().join("advised.toml");
    std::fs::write(&file, config.to_toml()).unwrap();
    let read = Config::resolve(&options.registry, None, Some(&file), &[]).unwrap();
    assert_eq!(read, config);
    assert_eq!((read.name.as_str(), read.fit.steps), ("advised", 1500), "the preset's steps, not the brief ones");
    let brief = Config::resolve(&options.registry, None, Some(&file), &["fit.steps=2".into()]);
    let (run, stop) = (RunFolder::create(&folder.path().join("advised"), false).unwrap(), StopFlag::default());
    let outcome = fit(FitOptions { config: brief.unwrap(), run, resume: false, device: "cpu".into(), stop }).unwrap();
    assert!(matches!(outcome, FitOutcome::Finished { .. }));

    let mut other = self::options(folder.path(), &["rotation", "flip"], 2);
    other.steps = 4;
    let error = advise(&other).err().unwrap().to_string();
    assert!(error.contains("another configuration") && error.contains("--runs"), "{error}");
}

#[test]
fn keys_that_rows_set_are_refused() {
    let error =
        |set: &str| shared_config(&Registry::default(), None, &[set.into()]).err().map(|error| error.to_string());
    assert_eq!(
        error("method.temperature=0.5").unwrap(),
        "--set method.temperature=…: has no effect: each row of an advice sets it; leave it out"
    );
    for set in ["data.transformations=[\"blur\"]", "fit.seed=3", "evaluation.responses=[]"] {
        assert!(error(set).unwrap().contains("has no effect"), "{set}");
    }
    assert_eq!(error("model.embedding=64"), None);
}

#[test]
fn rows_are_configurations_for_every_transformation() {
    let folder = tempfile::tempdir().unwrap();
    let known = Registry::default();
    // A name that a scale has, too, stands for the scale.
    let scales: Vec<String> = known.transformations().names_with_scale().iter().map(ToString::to_string).collect();
    let is_apart = |name: &&str| !scales.contains(&format!("{name}-scale"));
    let all: Vec<&str> = known.transformations().names_on_pixels().into_iter().filter(is_apart).collect();
    let options = options(folder.path(), &all, 1);
    let plan = plan(&options).unwrap();
    assert_eq!(plan.rows.len(), all.len() + 2);
    for row in &plan.rows {
        let config = plan.config(row, 0, &[]).unwrap_or_else(|error| panic!("{}: {error}", row.label));
        assert!(config.data.one_picture, "no row asks for invariance to the pose");
    }
}

#[test]
fn what_is_advised_is_a_row_that_is_trained_where_it_can_be() {
    let names = ["rotation", "hue", "flip"].map(String::from);
    let candidates = Candidate::of_names(&names, Registry::default().transformations()).unwrap();
    let with = |advice: [Advice; 3]| {
        let form = Form { targets: Vec::new(), drift: None, kept: None };
        let one = |(candidate, advice): (&Candidate, Advice)| AdvisedTransformation {
            name: candidate.name.clone(),
            transformation: candidate.transformation.name().into(),
            is_ordered: candidate.is_ordered(),
            judgement: Judgement { advice, confidence: 1.0, why: String::new() },
            invariant: form.clone(),
            equivariant: form.clone(),
        };
        advised_row(&candidates, &candidates.iter().zip(advice).map(one).collect::<Vec<_>>())
    };
    use Advice::{Equivariant, Invariant, Undecided};
    let cases = [
        ([Invariant, Undecided, Invariant], "all-invariant"),
        ([Equivariant, Undecided, Invariant], "rotation-equivariant"),
        ([Equivariant; 3], "all-equivariant"),
        ([Equivariant, Invariant, Equivariant], "rotation-flip-equivariant"),
    ];
    for (advice, label) in cases {
        assert_eq!(with(advice).label, label, "{advice:?}");
    }
}
