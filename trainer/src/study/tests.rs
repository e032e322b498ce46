use std::path::Path;

use super::*;
use crate::config::Config;
use crate::method::{Label, MethodEntry, Needs};
use crate::options::ConfigOption;
use crate::registry::Registry;
use crate::stop::StopFlag;

/// A study of two methods that takes seconds.
fn options(folder: &Path) -> StudyOptions {
    let sets = [
        "data.objects_per_family=1",
        "data.held_out_per_family=1",
        "data.image_size=32",
        "model.projector_hidden=16",
        "model.embedding=16",
        "fit.steps=4",
        "fit.batch_size=8",
        "fit.log_every=2",
        "fit.probe_every=2",
        "evaluation.pairs=20",
        "evaluation.train_pairs=40",
        "evaluation.probe_epochs=1",
        "evaluation.gallery_objects=2",
        "evaluation.gallery_views=4",
        "evaluation.out_of_range_pairs=8",
    ];
    let all = Row::methods(&Registry::default());
    let pick = |label: &str| all.iter().find(|row| row.label == label).unwrap().clone();
    StudyOptions {
        plan: Plan {
            registry: Registry::default(),
            name: "toy".into(),
            preset: "quickstart".into(),
            file: None,
            shared: FEATURES_ALONE,
            sets: sets.map(String::from).to_vec(),
            views: 4,
            rows: vec![pick("sie"), pick("equicaps"), pick("supervised-class")],
            seeds: 2,
            leaders: 1,
        },
        out: folder.join("runs"),
        results: folder.join("docs/results.md"),
        question: None,
        data: String::new(),
        command: "cargo trainer study toy".into(),
        device: "cpu".into(),
        tuning_steps: 0,
        stop: StopFlag::default(),
    }
}

#[test]
fn a_study_trains_writes_and_skips_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let StudyOutcome::Finished(rows) = study(&options).unwrap() else { panic!("nobody interrupted it") };
    let seeds: Vec<usize> = rows.iter().map(|row| row.seeds).collect();
    assert_eq!(seeds, [2, 2, 1], "the first row and the leading one; class labels do not lead");
    assert!(rows.iter().all(|row| row.images == 4 * 32), "all rows see the same number of images: {rows:?}");
    let page = std::fs::read_to_string(&options.results).unwrap();
    for words in [
        "## toy",
        "    cargo trainer study toy\n",
        "| sie | ",
        "| equicaps | ",
        "Encoder `tiny` (`equicaps` has `tiny-pooled`), 32 px",
        "| supervised-class | ",
        "MRR",
        "results-toy.svg",
    ] {
        assert!(page.contains(words), "{words} is missing in\n{page}");
    }
    let drawing = std::fs::read_to_string(folder.path().join("docs/results-toy.svg")).unwrap();
    assert!(drawing.starts_with("<svg ") && drawing.trim_end().ends_with("</svg>"));
    assert!(drawing.contains("online class probe, training images"), "{drawing}");
    let lines = drawing.matches("<polyline").count();
    assert_eq!(lines % 3, 0, "a line for each row in each chart");
    let longest = drawing
        .split("points=\"")
        .skip(1)
        .filter_map(|line| line.split('"').next())
        .map(|line| line.split(' ').count());
    assert!(longest.max() >= Some(2), "a curve has more than one point: {drawing}");

    let changed =
        |name: &str| std::fs::metadata(options.out.join(name).join("evaluation.json")).unwrap().modified().unwrap();
    let before = changed("sie-seed0");
    study(&options).unwrap();
    assert_eq!(changed("sie-seed0"), before, "a finished run is skipped");
    assert_eq!(std::fs::read_to_string(&options.results).unwrap(), page, "the page does not change");

    let mut other = self::options(folder.path());
    other.plan.sets.push("fit.steps=6".into());
    let error = study(&other).err().unwrap().to_string();
    assert!(error.contains("another configuration"), "{error}");
}

#[test]
fn a_comparison_is_tuned_alike_and_goes_on_without_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    (options.plan.views, options.plan.seeds, options.plan.leaders, options.tuning_steps) = (0, 2, 0, 2);
    options.plan.rows.truncate(1);
    options.plan.sets.push("data.validation_share=0.5".into());
    options.plan.sets.push("data.objects_per_family=2".into());
    let StudyOutcome::Finished(rows) = study(&options).unwrap() else { panic!("nobody interrupted it") };
    assert_eq!(rows[0].seeds, 2);
    let page = std::fs::read_to_string(&options.results).unwrap();
    assert!(page.contains("by trials of 2 steps") && page.contains("optimiser.lr=0.006"), "{page}");
    let ledger = folder.path().join("docs/results-toy.jsonl");
    let kept = std::fs::read_to_string(&ledger).unwrap();
    let trials = kept.lines().next().unwrap().matches("\"score\"").count();
    assert_eq!((kept.lines().count(), trials), (3, 7), "a search of seven trials, and a run for each seed");

    // On another machine there are no runs.
    std::fs::remove_dir_all(&options.out).unwrap();
    study(&options).unwrap();
    assert!(!options.out.exists(), "nothing is trained again");
    assert_eq!(std::fs::read_to_string(&options.results).unwrap(), page);
    assert_eq!(std::fs::read_to_string(&ledger).unwrap(), kept);

    // Other steps are another run, after the same search.
    options.plan.sets.push("fit.steps=6".into());
    study(&options).unwrap();
    assert_eq!(std::fs::read_to_string(&ledger).unwrap().lines().count(), 5);

    std::fs::write(&ledger, "nonsense\n").unwrap();
    let error = format!("{:#}", study(&options).err().unwrap());
    assert!(error.contains("results-toy.jsonl, line 1: delete the line"), "{error}");
}

#[test]
fn images_are_rendered_once_and_never_mixed_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    let images = rendered_images(&options).unwrap().unwrap();
    assert!(images.contains(&"data.source=sextant".to_string()), "{images:?}");
    let written = || std::fs::metadata(options.out.join("images/dataset.json")).unwrap().modified().unwrap();
    let before = written();
    assert_eq!((rendered_images(&options).unwrap().unwrap(), written()), (images, before));
    options.plan.views = 5;
    let error = rendered_images(&options).err().unwrap().to_string();
    assert!(error.contains("other images"), "{error}");
    options.plan.views = 0;
    assert_eq!(rendered_images(&options).unwrap().unwrap(), Vec::<String>::new());
}

#[test]
fn sections_are_replaced_in_place() {
    let page = replace_section("# Results\n", "a", "first");
    let page = replace_section(&page, "b", "second");
    let page = replace_section(&page, "a", "third");
    assert!(!page.contains("first") && page.find("third") < page.find("second"), "{page}");
    assert_eq!(replace_section(&page, "b", "second"), page);
    assert_eq!(replace_section(&page, "a", "third"), page, "the empty line between sections stays");
    assert!(page.contains("-->\n\n<!-- study b"), "{page}");
}

#[test]
fn a_method_of_several_labels_has_a_row_for_each() {
    const GOALS: [ConfigOption; 2] = [
        // Not this one: it has not both names.
        ConfigOption::choice("condition", &["rotation", "matrix"], ""),
        ConfigOption::choice("goal", &["rotation", "class", "all"], ""),
    ];
    let mut registry = Registry::default();
    let supervised = *registry.methods().find("supervised").unwrap();
    let supervised = MethodEntry { needs: |_, _| Ok(Needs::TWO_VIEWS), ..supervised };
    let add = |registry: &mut Registry, entry| registry.add_method(entry).unwrap();
    add(&mut registry, MethodEntry { name: "goals", options: &GOALS, ..supervised });
    add(&mut registry, MethodEntry { name: "one-goal", options: &GOALS, labels: &[Label::Class], ..supervised });
    add(&mut registry, MethodEntry { name: "no-choice", options: &GOALS[..1], ..supervised });
    let rows: Vec<(String, Vec<String>)> =
        of_labels(&registry).into_iter().map(|Row { label, sets, .. }| (label, sets)).collect();
    let expected = [("supervised", "target"), ("goals", "goal")].into_iter().flat_map(|(method, option)| {
        ["class", "rotation"].map(|label| {
            let sets = vec![format!("method.name={method}"), format!("method.{option}={label}")];
            (format!("{method}-{label}"), sets)
        })
    });
    assert_eq!(rows, expected.collect::<Vec<_>>());
}

/// The rows after those of the methods with their defaults.
fn of_labels(registry: &Registry) -> Vec<Row> {
    let plain = registry.methods().names().len() - 1;
    Row::methods(registry).split_off(plain)
}

#[test]
fn every_row_of_the_plans_is_a_configuration() {
    for rows in [Row::methods(&Registry::default()), Row::ablation(Ablation::Sie), Row::ablation(Ablation::Sextant)] {
        for row in rows {
            let sets: Vec<String> = row.sets.clone();
            Config::resolve(&Registry::default(), Some("household"), None, &sets)
                .unwrap_or_else(|error| panic!("{}: {error}", row.label));
        }
    }
}

#[test]
fn the_default_method_is_compared_as_the_presets_have_it() {
    let registry = Registry::default();
    let preset = Config::resolve(&registry, Some("quickstart"), None, &[]).unwrap();
    let whole = Row::methods(&registry).into_iter().find(|row| row.label == "sextant").unwrap();
    for row in [whole, Row::ablation(Ablation::Sextant).swap_remove(0)] {
        let sets: Vec<String> = FEATURES_ALONE.iter().map(ToString::to_string).chain(row.sets).collect();
        let compared = Config::resolve(&registry, Some("objects55"), None, &sets).unwrap();
        assert_eq!(compared.model.invariant_head, preset.model.invariant_head);
        assert_eq!(compared.method, preset.method);
    }
}

/// Pictures in folders of two classes.
fn pictures(folder: &Path) -> PathBuf {
    let at = folder.join("pictures");
    for (class, index) in (0..40).map(|index| (["bright", "dark"][index % 2], index as u8)) {
        std::fs::create_dir_all(at.join(class)).unwrap();
        let (dark, grain) = (if class == "dark" { 0 } else { 120 }, index);
        let pixel = |x: u32, y: u32| image::Rgb([dark + grain, dark + (x * 3) as u8, dark + (y * 2) as u8]);
        image::RgbImage::from_fn(32, 32, pixel).save(at.join(class).join(format!("{index}.png"))).unwrap();
    }
    at
}

#[test]
fn a_question_is_answered_on_its_page_and_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let question = QUESTIONS.iter().find(|question| question.name == "augmentations").unwrap();
    let rows = (question.rows)(Scale::Small)
        .into_iter()
        .filter(|row| ["rotation-none", "rotation-simclr"].contains(&&*row.label));
    let sets = [
        "data.source=pictures",
        &format!("data.path={}", pictures(folder.path()).display()),
        "data.image_size=32",
        "data.validation_share=0",
        "fit.steps=4",
        "fit.batch_size=8",
        "fit.log_every=2",
        "fit.probe_every=2",
        "evaluation.pairs=20",
        "evaluation.train_pairs=30",
        "evaluation.probe_epochs=1",
    ];
    let mut options = options(folder.path());
    options.plan.sets = sets.map(String::from).to_vec();
    options.plan.preset = (question.setting.preset)(Scale::Small).into();
    options.plan.name = "augmentations small pictures".into();
    options.plan.rows = rows.collect();
    options.question = Some(question);
    options.data = "Source `pictures`".into();
    options.results = folder.path().join("docs/studies/augmentations.md");
    let StudyOutcome::Finished(rows) = study(&options).unwrap() else { panic!("nobody interrupted it") };
    assert_eq!(rows.iter().map(|row| row.seeds).collect::<Vec<_>>(), [2, 2]);

    let page = std::fs::read_to_string(&options.results).unwrap();
    for words in [
        "# What do base augmentations do to the prediction of rotations?",
        "<!-- study augmentations small pictures -->",
        "    cargo trainer study toy\n",
        "Source `pictures`: encoder `tiny`, 32 px, 4 steps, 32 pictures seen by each run; ",
        "Figures are means ± standard deviations over 2 seeds.",
        "| rotation-none | 2 | 0.",
        "| rotation-simclr | 2 | 0.",
        "59.06 % at best",
        "- class top-1: a linear probe on frozen features",
        "| Shortcuts pruned:",
        "](augmentations-augmentations-small-pictures.svg)",
    ] {
        assert!(page.contains(words), "{words} is missing in\n{page}");
    }
    assert!(!page.contains("Not trained yet"), "{page}");
    assert!(folder.path().join("docs/studies/augmentations-augmentations-small-pictures.svg").is_file());

    // What is written by hand outside of the markers stays, and a run that is lost is trained again, the others are not.
    let by_hand = format!("{page}\n## Why\n\nBecause.\n");
    std::fs::write(&options.results, &by_hand).unwrap();
    let runs = || std::fs::read_dir(&options.out).unwrap().map(|run| run.unwrap().path()).collect::<Vec<_>>();
    let (lost, kept) = (runs()[0].clone(), runs()[1].join("evaluation.json"));
    let written = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
    let before = written(&kept);
    std::fs::remove_dir_all(&lost).unwrap();
    let StudyOutcome::Finished(_) = study(&options).unwrap() else { panic!("nobody interrupted it") };
    assert_eq!((runs().len(), written(&kept)), (4, before));
    assert_eq!(std::fs::read_to_string(&options.results).unwrap(), by_hand, "runs repeat to the bit");
}

#[test]
fn a_row_begins_with_the_encoder_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let question = QUESTIONS.iter().find(|question| question.name == "usefulness").unwrap();
    let mut options = options(folder.path());
    options.plan.shared = question.setting.shared;
    options.plan.sets.push("data.families=[\"mug\", \"cone\"]".into());
    options.plan.rows = (question.rows)(Scale::Small)
        .into_iter()
        .filter(|row| ["method-first", "frozen-10", "heads-10"].contains(&&*row.label))
        .collect();
    options.question = Some(question);
    options.plan.seeds = 1;
    let StudyOutcome::Finished(rows) = study(&options).unwrap() else { panic!("nobody interrupted it") };
    let images: Vec<u64> = rows.iter().map(|row| row.images).collect();
    assert_eq!(images, [2 * 32, 4 * 32, 3 * 32]);
    let config = std::fs::read_to_string(options.out.join("frozen-10-seed0/config.toml")).unwrap();
    assert!(config.contains("method-first-seed0\""), "{config}");
    let page = std::fs::read_to_string(&options.results).unwrap();
    assert!(page.contains("`method-first` learns from no label, but for heads"), "{page}");
    assert!(page.contains("| frozen-10 | 1 | "), "{page}");
    let StudyOutcome::Finished(again) = study(&options).unwrap() else { panic!("nobody interrupted it") };
    assert_eq!(again, rows, "nothing is trained again");
}

#[test]
fn batches_have_as_many_images_or_as_many_subjects() {
    let mut plan = options(Path::new("anywhere")).plan;
    plan.sets.push("data.transformations=[\"rotation-scale\"]".into());
    let size = |row: &Row| plan.config(row, 0, &[]).unwrap().fit.batch_size;
    let ranking = Row::new("ranking", &["method.name=ordered-scales"]);
    let (two_views, equal_images) = (size(&Row::new("simclr", &["method.name=simclr"])), size(&ranking));
    assert_eq!(equal_images, two_views * 2 / 5);
    assert_eq!(size(&ranking.of_subjects_in_two_views()), two_views);
}

#[test]
fn every_row_of_a_question_is_a_configuration_at_both_scales() {
    for question in QUESTIONS.iter() {
        for scale in [Scale::Small, Scale::Paper] {
            let plan = Plan {
                registry: Registry::default(),
                name: question.name.into(),
                preset: (question.setting.preset)(scale).into(),
                file: None,
                shared: question.setting.shared,
                sets: Vec::new(),
                views: 0,
                rows: (question.rows)(scale),
                seeds: 1,
                leaders: 0,
            };
            for row in &plan.rows {
                let config = plan.config(row, 0, &[]).unwrap_or_else(|error| panic!("{}: {error}", row.label));
                let needs = config.needs().unwrap();
                assert!(config.fit.batch_size.is_multiple_of(needs.drawing.block), "{}: whole blocks", row.label);
                let on_pixels = needs.transformations.iter().filter(|needed| needed.on_pixels().is_some());
                let known: Vec<&str> = on_pixels.map(|needed| needed.name()).collect();
                assert!(
                    known.iter().all(|name| config.data.transformations.iter().any(|there| there == name)),
                    "{}",
                    row.label
                );
            }
        }
    }
}
