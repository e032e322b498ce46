use proptest::prelude::*;

use super::*;
use crate::nn::HeadGradient;
use crate::scene::RotationSampling;

fn resolve(sets: &[&str]) -> Result<Config, ConfigError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    Config::resolve(&Registry::default(), None, None, &sets)
}

fn file(text: &str) -> Result<Config, ConfigError> {
    Config::from_toml(&Registry::default(), text, Origin::File("my.toml".into()))
}

#[test]
fn every_preset_resolves() {
    for preset in PRESETS {
        let needs_path = ["sie-3diebench", "pictures"].contains(&preset.name);
        let sets: &[String] = if needs_path { &["data.path=images".into()] } else { &[] };
        let config = Config::resolve(&Registry::default(), Some(preset.name), None, sets).unwrap();
        assert_eq!(config.name, preset.name);
    }
}

#[test]
fn nothing_given_is_quickstart() {
    assert_eq!(resolve(&[]).unwrap(), Config::resolve(&Registry::default(), Some("quickstart"), None, &[]).unwrap());
}

#[test]
fn the_published_settings_are_the_papers() {
    let config = Config::resolve(&Registry::default(), Some("sie-3diebench"), None, &["data.path=d".into()]).unwrap();
    assert_eq!(config.fit.steps, 2000 * 41_920 / 1024);
    assert_eq!((config.fit.batch_size, config.data.image_size), (1024, 256));
    assert_eq!((config.optimiser.lr, config.optimiser.weight_decay), (1e-3, 1e-6));
    assert_eq!(config.heads.gradient, HeadGradient::Detached);
}

#[test]
fn sets_win_over_the_file_and_the_file_over_the_preset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, "[fit]\nsteps = 7000\nbatch_size = 9\n").unwrap();
    let config =
        Config::resolve(&Registry::default(), Some("household"), Some(&path), &["fit.steps=5000".into()]).unwrap();
    assert_eq!((config.fit.steps, config.fit.batch_size, config.data.source), (5000, 9, "sweethome3d".into()));
}

#[test]
fn set_values_are_toml_or_text() {
    let config = resolve(&[
        "optimiser.lr=1",
        "optimiser.betas=[0.5, 0.9]",
        "data.rotation={kind=\"uniform\", limit_deg=180}",
        "data.source=meshes",
        "data.path=some/folder with spaces",
        "name=2024",
        "method.temperature = 0.3",
        "data.shadows=false",
    ])
    .unwrap();
    assert_eq!(config.optimiser.lr, 1.0);
    assert_eq!(config.optimiser.betas, [0.5, 0.9]);
    assert_eq!(config.data.rotation, RotationSampling::Uniform { limit_deg: 180.0 });
    assert_eq!(config.data.path.as_deref(), Some(Path::new("some/folder with spaces")));
    assert_eq!(config.name, "2024");
    assert_eq!(config.method.number("temperature").unwrap(), 0.3);
    assert!(!config.data.shadows);
}

#[test]
fn options_of_an_encoder_go_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, "[model]\nencoder = \"eqtiny-d4\"\ndownsampling = \"strided\"\n").unwrap();
    let with = |sets: &[&str]| {
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        Config::resolve(&Registry::default(), None, Some(&path), &sets)
    };
    let option = |config: &Config, key: &str| config.model.options.choice(key).unwrap();
    let config = with(&[]).unwrap();
    assert_eq!((option(&config, "matched").as_str(), option(&config, "downsampling").as_str()), ("width", "strided"));
    assert_eq!(Config::from_toml(&Registry::default(), &config.to_toml(), Origin::File("c".into())).unwrap(), config);
    let other = with(&["model.encoder=eqresnet18-c4", "model.matched=parameters"]).unwrap();
    // The file's layer is below, and the other encoder has the same option.
    assert_eq!(
        (option(&other, "matched").as_str(), option(&other, "downsampling").as_str()),
        ("parameters", "strided")
    );
    let plain = with(&["model.encoder=tiny"]).unwrap();
    assert!(!plain.to_toml().contains("downsampling"), "what the file set for another encoder is forgotten");
    let error = with(&["model.encoder=tiny", "model.matched=width"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "--set model.matched=width: the encoder `tiny` has no option `model.matched`; it has none"
    );
    assert_eq!(error.hint(), "`trainer encoders` shows what the options of `tiny` mean; leave the others out");
}

#[test]
fn a_rotation_kind_alone_keeps_the_limit() {
    let config = resolve(&["data.rotation.kind=uniform"]).unwrap();
    assert_eq!(config.data.rotation, RotationSampling::Uniform { limit_deg: 90.0 });
}

#[test]
fn wrong_keys_and_values_are_named() {
    struct Case {
        text: &'static str,
        message: &'static str,
    }
    let cases = [
        Case { text: "[fit]\nstepz = 1", message: "my.toml: unknown key `fit.stepz`; the nearest is `fit.steps`" },
        Case { text: "stepz = 1", message: "my.toml: unknown key `stepz`; the nearest is `fit.steps`" },
        Case {
            text: "[optimizer]\nlr = 1",
            message: "my.toml: unknown key `optimizer.lr`; the nearest is `optimiser.lr`",
        },
        Case { text: "[hedas]", message: "my.toml: unknown key `hedas`; the nearest is `heads`" },
        Case {
            text: "[data.rotation]\nlimit_rad = 1.0",
            message: "my.toml: unknown key `data.rotation.limit_rad`; the nearest is `data.rotation.limit_deg`",
        },
        Case {
            text: "fit = 3",
            message: "my.toml: `fit` should be a table of accumulate, batch_size, checkpoint_every, clip_norm, ema_decay, encoder_from, log_every, precision, probe_every, qat_from, seed, steps, threads, not 3",
        },
        Case { text: "fit.steps = \"many\"", message: "my.toml: `fit.steps` should be a whole number, not \"many\"" },
        Case { text: "fit.steps = 1.5", message: "my.toml: `fit.steps` should be a whole number, not 1.5" },
        Case { text: "fit.steps = -5", message: "my.toml: `fit.steps` should be a whole number from 0, not -5" },
        Case { text: "fit.steps.now = 5", message: "my.toml: unknown key `fit.steps.now`; the nearest is `fit.steps`" },
        Case { text: "optimiser.lr = true", message: "my.toml: `optimiser.lr` should be a number, not true" },
        Case { text: "data.shadows = 1", message: "my.toml: `data.shadows` should be true or false, not 1" },
        Case { text: "data.mean = [0.5]", message: "my.toml: `data.mean` should be an array of length 3, not [0.5]" },
        Case {
            text: "heads.gradient = \"both\"",
            message: "my.toml: `heads.gradient` should be one of `joint`, `routed`, `detached`, not \"both\"",
        },
        Case {
            text: "schedule.milestones = [1, \"x\"]",
            message: "my.toml: `schedule.milestones` should be a list, each a whole number from 0, not [1, \"x\"]",
        },
        Case {
            text: "data.source = \"meshes\"",
            message: "`data.path` is missing; allowed: a folder, for this data.source",
        },
        Case {
            text: "[model]\nmatched = \"width\"",
            message: "my.toml: the encoder `tiny` has no option `model.matched`; it has none",
        },
        Case {
            text: "[model]\nencoder = \"eqtiny-c4\"\nmatched = \"depth\"",
            message: "my.toml: `model.matched` is \"depth\"; allowed: width, parameters, multiplications",
        },
        Case {
            text: "[model]\nencoder = \"eqtiny-c4\"\nmatched = 4",
            message: "my.toml: `model.matched` should be text, not 4",
        },
        Case {
            text: "[model]\nencoder = \"eqtiny-c4\"\ndownsamplin = \"strided\"",
            message: "my.toml: unknown key `model.downsamplin`; the nearest is `model.downsampling`",
        },
        Case { text: "data.families = 3", message: "my.toml: `data.families` should be a list of names, not 3" },
        Case { text: "data.families = [3]", message: "my.toml: `data.families` should be a list, each text, not [3]" },
        Case {
            text: "schedule.milestones = 3",
            message: "my.toml: `schedule.milestones` should be a list of numbers, not 3",
        },
        Case {
            text: "data.classes = [\"mug\", \"mug\"]",
            message: "my.toml: `data.classes` is [\"mug\", \"mug\"]; allowed: names that differ, or an empty list",
        },
        Case {
            text: "data.held_out_share = 1",
            message: "my.toml: `data.held_out_share` is 1; allowed: from 0 to below 1",
        },
        Case {
            text: "data.transformations = [\"quarter-turns\", \"half-turns\"]",
            message: "my.toml: `data.transformations` is [\"quarter-turns\", \"half-turns\"]; allowed: a list of quarter-turns, rotations-4, rotations-8, rotations-16, rotations-32, horizontal-flip, vertical-flip, jigsaw, jigsaw-apart, crop-position, scale, blur, grayscale, inversion, brightness, hue, rotation-scale, blur-scale, brightness-scale, hue-scale, crop-scale, each once",
        },
        Case {
            text: "data.augmentation = \"crop\"",
            message: "my.toml: `data.augmentation` should be one of `none`, `crop-flip`, `crop-flip-as-published`, `simclr`, not \"crop\"",
        },
        Case { text: "data.path = \"\"", message: "my.toml: `data.path` is \"\"; allowed: a folder, or no such line" },
        Case { text: "fit.batch_size = 1", message: "my.toml: `fit.batch_size` is 1; allowed: 2 to 65536" },
        Case {
            text: "[fit]\nbatch_size = 12\naccumulate = 5",
            message: "my.toml: `fit.accumulate` is 5; allowed: 1, or a divisor of 12 (fit.batch_size) that leaves at least 2 pairs",
        },
        Case {
            text: "[fit]\nbatch_size = 12\naccumulate = 12",
            message: "my.toml: `fit.accumulate` is 12; allowed: 1, or a divisor of 12 (fit.batch_size) that leaves at least 2 pairs",
        },
        Case {
            text: "[fit]\naccumulate = 0",
            message: "my.toml: `fit.accumulate` is 0; allowed: 1, or a divisor of 128 (fit.batch_size) that leaves at least 2 pairs",
        },
        Case {
            text: "fit.precision = \"f16\"",
            message: "my.toml: `fit.precision` should be `f32` or `bf16`, not \"f16\"",
        },
        Case { text: "optimiser.lr = nan", message: "my.toml: `optimiser.lr` is NaN; allowed: 0 to 1000" },
        Case {
            text: "optimiser.betas = [0.9, 1.0]",
            message: "my.toml: `optimiser.betas` is 1; allowed: from 0 to below 1",
        },
        Case {
            text: "name = \"../x\"",
            message: "my.toml: `name` is \"../x\"; allowed: 1 to 64 of a-z A-Z 0-9 . _ -, not starting with a dot",
        },
        Case {
            text: "fit.steps = 10\nschedule.milestones = [11]",
            message: "my.toml: `schedule.milestones` is [11]; allowed: ascending steps below 10 (fit.steps)",
        },
        Case {
            text: "schedule.kind = \"step\"",
            message: "`schedule.milestones` is []; allowed: at least one step, for schedule.kind = \"step\"",
        },
        Case {
            text: "[optimiser]\nkind = \"sgd\"\nmomentum = 0",
            message: "`optimiser.nesterov` is true; allowed: false when optimiser.momentum is 0",
        },
    ];
    let failures: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let shown = file(case.text).map_or_else(|error| error.to_string(), |_| "accepted".into());
            (shown != case.message).then(|| format!("{}\n  got      {shown}\n  expected {}", case.text, case.message))
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn all_problems_come_at_once() {
    let error = file("nmae = \"x\"\n[fit]\nstepz = 1\nsteps = \"a\"").unwrap_err();
    assert_eq!(error.to_string().lines().count(), 3, "{error}");
    let error = file("[fit]\nbatch_size = 0\nlog_every = 0\nsteps = 0").unwrap_err();
    assert_eq!(error.to_string().lines().count(), 3, "{error}");
}

#[test]
fn a_set_is_named_in_its_error() {
    let error = resolve(&["fit.stpes=3"]).unwrap_err();
    assert_eq!(error.to_string(), "--set fit.stpes=3: unknown key `fit.stpes`; the nearest is `fit.steps`");
    assert_eq!(error.hint(), "did you mean `fit.steps`?");
    let error = resolve(&["fit.steps"]).unwrap_err();
    assert_eq!(error.to_string(), "--set fit.steps: expected `key=value`");
}

#[test]
fn unusable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Config::resolve(&Registry::default(), None, Some(&path), &[]).unwrap_err()
    };
    assert!(matches!(at("binary.toml", &[0xff, 0xfe, 0]), ConfigError::NotText { .. }));
    assert!(matches!(at("huge.toml", &vec![b'#'; 2 << 20]), ConfigError::TooLarge { .. }));
    let syntax = at("cut.toml", b"[fit]\nsteps = ");
    assert!(matches!(syntax, ConfigError::Syntax { .. }) && syntax.to_string().contains("cut.toml: "), "{syntax}");
    let missing = Config::resolve(&Registry::default(), None, Some(&folder.path().join("none.toml")), &[]).unwrap_err();
    assert!(missing.to_string().contains("none.toml: "), "{missing}");
}

#[test]
fn an_unknown_preset_names_the_nearest() {
    let error = Config::resolve(&Registry::default(), Some("houshold"), None, &[]).unwrap_err();
    assert_eq!(error.to_string(), "no preset is called `houshold`; the nearest is `household`");
    assert_eq!(
        error.hint(),
        "presets: quickstart, pose, household, objects55, pretraining, orientation, pictures, essl-small, essl-paper, sie-3diebench"
    );
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        lr in 0.0f64..10.0,
        size in 16usize..1024,
        diagonal in 0.1f32..3.0,
        limit_deg in 0.0f32..180.0,
        seed in 0..i64::MAX as u64,
        path in proptest::option::of("[a-z \"\\\\]{1,12}"),
    ) {
        let mut config = Config::default();
        config.optimiser.lr = lr;
        config.data.image_size = size;
        config.data.object_diagonal = diagonal;
        config.data.rotation = RotationSampling::Uniform { limit_deg };
        config.fit.seed = seed;
        if path.is_some() {
            config.data.source = "meshes".into();
        }
        config.data.path = path.map(Into::into);
        prop_assert_eq!(Config::from_toml(&Registry::default(), &config.to_toml(), Origin::File("c".into())).unwrap(), config);
    }

    #[test]
    fn no_text_panics(text in "[a-z.=\\[\\]\"0-9\n ]{0,40}") {
        let _ = file(&text);
        let _ = resolve(&[&text]);
    }
}
