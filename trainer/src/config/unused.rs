//! Keys that only some choices of other keys use: set beside another choice, they would do nothing.

use super::Config;
use crate::data::goes_with_rendering;
use crate::options::UnusedKey;

impl Config {
    /// The keys that do nothing beside the values of others.
    pub(super) fn unused_keys(&self) -> Vec<UnusedKey> {
        let sources = self.registry.sources();
        let mut keys = self.data.unused_keys(sources);
        keys.extend(self.method.unused_model_keys(self.registry.methods()));
        let is_measured = self.is_rendered() || self.evaluation.out_of_range_pairs == 0;
        let pairs = "evaluation.out_of_range_pairs";
        keys.extend(UnusedKey::unless(is_measured, pairs, "data.source", &goes_with_rendering(sources)));
        keys.extend(self.heads.unused_keys());
        keys.extend(self.optimiser.unused_keys());
        keys.extend(self.schedule.unused_keys());
        keys
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::super::{Config, ConfigError, Problem};
    use crate::registry::Registry;

    /// Sets that choose a source, a method, an optimiser or a schedule, and the keys that have no effect beside them.
    struct Case {
        choice: &'static [&'static str],
        unused: &'static [&'static str],
    }

    const RENDERING: [&str; 5] =
        ["data.object_diagonal", "data.rotation.kind", "data.rotation.limit_deg", "data.supersampling", "data.shadows"];
    const OF_FAMILIES: [&str; 3] = ["data.families", "data.objects_per_family", "data.held_out_per_family"];
    const OF_PROJECTORS: [&str; 2] = ["model.projector_hidden", "model.embedding"];
    const OF_MESHES: [&str; 4] = ["data.held_out_share", "data.held_out_list", "data.skip_broken", "data.y_up"];

    /// A value for each key that only some use, other than its default.
    const VALUES: [(&str, &str); 26] = [
        ("data.path", "somewhere"),
        ("data.families", "[\"mug\"]"),
        ("data.objects_per_family", "3"),
        ("data.held_out_per_family", "3"),
        ("data.seed", "3"),
        ("data.held_out_share", "0.3"),
        ("data.held_out_list", "list.txt"),
        ("data.skip_broken", "true"),
        ("data.y_up", "true"),
        ("data.one_picture", "true"),
        ("data.object_diagonal", "1.5"),
        ("data.rotation.kind", "uniform"),
        ("data.rotation.limit_deg", "30.0"),
        ("data.supersampling", "1"),
        ("data.shadows", "false"),
        ("evaluation.out_of_range_pairs", "7"),
        ("model.projector_hidden", "64"),
        ("model.embedding", "64"),
        ("optimiser.betas", "[0.5, 0.9]"),
        ("optimiser.eps", "1e-6"),
        ("optimiser.momentum", "0.5"),
        ("optimiser.nesterov", "false"),
        ("optimiser.trust_coefficient", "0.01"),
        ("schedule.milestones", "[5]"),
        ("schedule.gamma", "0.5"),
        ("schedule.final_lr_fraction", "0.5"),
    ];

    fn cases() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
        let of = |choice: &[&'static str], unused: &[&[&'static str]]| (choice.to_vec(), unused.concat());
        let folder = ["data.path=images"];
        let of_pictures: &[&str] = &["data.one_picture", "evaluation.out_of_range_pairs"];
        let stored = [&OF_FAMILIES[..], &OF_MESHES, &RENDERING, &["data.seed", "evaluation.out_of_range_pairs"]];
        let written: [Case; 12] = [
            Case { choice: &["method.name=sextant"], unused: &[] },
            Case { choice: &["method.name=equicaps"], unused: &OF_PROJECTORS },
            Case { choice: &["method.name=supervised"], unused: &["model.embedding"] },
            Case { choice: &["method.name=supervised", "method.target=class"], unused: &OF_PROJECTORS },
            Case { choice: &["method.name=predict-transform"], unused: &OF_PROJECTORS },
            Case { choice: &["method.name=predict-transform", "method.head_layers=2"], unused: &["model.embedding"] },
            Case {
                choice: &["optimiser.kind=adamw"],
                unused: &["optimiser.momentum", "optimiser.nesterov", "optimiser.trust_coefficient"],
            },
            Case {
                choice: &["optimiser.kind=sgd"],
                unused: &["optimiser.betas", "optimiser.eps", "optimiser.trust_coefficient"],
            },
            Case {
                choice: &["optimiser.kind=lars"],
                unused: &["optimiser.betas", "optimiser.eps", "optimiser.nesterov"],
            },
            Case {
                choice: &["schedule.kind=constant"],
                unused: &["schedule.milestones", "schedule.gamma", "schedule.final_lr_fraction"],
            },
            Case { choice: &["schedule.kind=cosine"], unused: &["schedule.milestones", "schedule.gamma"] },
            Case {
                choice: &["schedule.kind=step", "schedule.milestones=[5]"],
                unused: &["schedule.final_lr_fraction"],
            },
        ];
        let mut cases = vec![
            of(&["data.source=procedural"], &[&["data.path"], &OF_MESHES]),
            of(&["data.source=sweethome3d"], &[&OF_FAMILIES, &OF_MESHES, &["data.seed"]]),
            of(&["data.source=meshes", folder[0]], &[&OF_FAMILIES]),
            of(
                &["data.source=meshes", folder[0], "data.held_out_list=list.txt"],
                &[&OF_FAMILIES, &["data.seed", "data.held_out_share"]],
            ),
            of(&["data.source=sextant", folder[0]], &stored),
            of(&["data.source=3diebench", folder[0]], &stored),
            of(&["data.source=cifar"], &stored[..3].iter().copied().chain([of_pictures]).collect::<Vec<_>>()),
            of(&["data.source=idx"], &stored[..3].iter().copied().chain([of_pictures]).collect::<Vec<_>>()),
            of(
                &["data.source=pictures", folder[0]],
                &[&OF_FAMILIES, &["data.held_out_list", "data.y_up"], &RENDERING, of_pictures],
            ),
        ];
        cases.extend(written.map(|Case { choice, unused }| (choice.to_vec(), unused.to_vec())));
        cases
    }

    /// Every key that some choice has no use for, with the key that decides it.
    fn decided_by() -> BTreeMap<String, Vec<String>> {
        let unused = |(choice, _): (Vec<&str>, Vec<&str>)| {
            let sets: Vec<String> = choice.iter().map(ToString::to_string).collect();
            Config::resolve(&Registry::default(), None, None, &sets).unwrap().unused_keys()
        };
        cases().into_iter().flat_map(unused).map(|unused| (unused.key, unused.decided_by)).collect()
    }

    /// The keys that are called unused with these sets, in a file or on the command line.
    fn unused(sets: &[String], in_file: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        let line = |set: &String| {
            let (key, value) = set.split_once('=').unwrap();
            let is_text =
                value.parse::<f64>().is_err() && !value.starts_with('[') && !["true", "false"].contains(&value);
            if is_text || key == "data.path" { format!("{key} = {value:?}\n") } else { format!("{key} = {value}\n") }
        };
        std::fs::write(&file, sets.iter().map(line).collect::<String>()).unwrap();
        let resolved = if in_file {
            Config::resolve(&Registry::default(), None, Some(&file), &[])
        } else {
            Config::resolve(&Registry::default(), None, None, sets)
        };
        match resolved {
            Ok(_) => Vec::new(),
            Err(ConfigError::Problems(problems)) => {
                let key = |problem: &Problem| match problem {
                    Problem::Unused { key, .. } => key.clone(),
                    other => panic!("{other}"),
                };
                problems.iter().map(key).collect()
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_key_that_does_nothing_is_refused_and_no_other() {
        let decided_by = decided_by();
        let (known, with_value) = (decided_by.keys().cloned(), VALUES.map(|(key, _)| key.to_string()));
        assert_eq!(BTreeSet::from_iter(known), with_value.into(), "a value for each key that only some use");
        for (choice, expected) in cases() {
            let chosen = choice[0].split_once('=').map_or("", |(chosen, _)| chosen);
            for (key, value) in VALUES {
                // Other choices are the defaults here, and have cases of their own.
                if !decided_by[key].iter().any(|key| key == chosen) {
                    continue;
                }
                // What the choice itself sets cannot be set again; a kind that is chosen has its own case.
                let is_of_choice = |set: &&str| set.split_once('=').is_some_and(|(chosen, _)| chosen == key);
                if choice.iter().any(is_of_choice) {
                    continue;
                }
                let mut sets: Vec<String> = choice.iter().map(ToString::to_string).collect();
                sets.push(format!("{key}={value}"));
                let wanted: Vec<&str> = expected.iter().copied().filter(|unused| *unused == key).collect();
                for in_file in [false, true] {
                    let found = unused(&sets, in_file);
                    assert_eq!(found, wanted, "{sets:?}, in a file: {in_file}");
                }
            }
        }
    }

    #[test]
    fn a_later_choice_goes_before_what_an_earlier_layer_set() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, "[data]\nsource = \"meshes\"\npath = \"parts\"\ny_up = true\n").unwrap();
        let sets = ["data.source=procedural".to_string()];
        let config = Config::resolve(&Registry::default(), None, Some(&file), &sets).unwrap();
        assert_eq!((config.data.path, config.data.y_up), (None, false), "they have their defaults again");
        // The preset's families do not stay in a configuration of meshes.
        let config = Config::resolve(&Registry::default(), None, Some(&file), &[]).unwrap();
        assert!(config.data.families.is_empty(), "{:?}", config.data.families);
        // A file that has every key, as a run's, is read again; so is one of an earlier version, which kept them.
        let whole = folder.path().join("whole.toml");
        std::fs::write(&whole, config.to_toml()).unwrap();
        assert_eq!(Config::resolve(&Registry::default(), None, Some(&whole), &[]).unwrap(), config);
        let run = folder.path().join("run");
        std::fs::create_dir_all(run.join("checkpoints")).unwrap();
        let old = config.to_toml().replace("families = []", "families = [\"mug\"]");
        std::fs::write(run.join("config.toml"), old).unwrap();
        assert_eq!(Config::resolve(&Registry::default(), None, Some(&run.join("config.toml")), &[]).unwrap(), config);
    }

    #[test]
    fn a_choice_by_an_option_goes_before_what_an_earlier_layer_set() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, "[model]\nprojector_hidden = 64\n[method]\nname = \"supervised\"\n").unwrap();
        let width = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            Config::resolve(&Registry::default(), None, Some(&file), &sets).unwrap().model.projector_hidden
        };
        assert_eq!(width(&[]), 64);
        assert_eq!(width(&["method.target=class"]), 1024, "it has its default again");
        assert_eq!(width(&["method.name=predict-transform"]), 1024);
        assert_eq!(width(&["method.name=predict-transform", "method.head_layers=2"]), 64);
    }

    #[test]
    fn the_message_says_what_the_key_goes_with() {
        let cases: [(&[&str], &str); 4] = [
            (
                &["data.path=meshes"],
                "`data.path` has no effect here; it goes with data.source = meshes, sextant, 3diebench, pictures, \
                 sweethome3d, cifar or idx",
            ),
            (
                &["data.held_out_share=0.3"],
                "`data.held_out_share` has no effect here; it goes with data.source = pictures, or meshes without \
                 data.held_out_list",
            ),
            (
                &["model.embedding=64", "method.name=equicaps"],
                "`model.embedding` has no effect here; it goes with method.name = sie, vicreg, simclr, byol, \
                 simclr-augself, simclr-equimod, vicreg-equimod, sen, only-equivariance, seq-jepa, ser, essl, care, \
                 ordered-scales or sextant",
            ),
            (
                &["model.projector_hidden=64", "method.name=equicaps"],
                "`model.projector_hidden` has no effect here; it goes with method.name = sie, vicreg, simclr, byol, \
                 simclr-augself, simclr-equimod, vicreg-equimod, sen, only-equivariance, seq-jepa, ser, essl, care, \
                 ordered-scales or sextant, or supervised without method.target = class, or predict-transform without method.head_layers \
                 = 1, or class-information without method.head_layers = 1",
            ),
        ];
        for (sets, message) in cases {
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            let error = Config::resolve(&Registry::default(), None, None, &sets).unwrap_err();
            assert_eq!(error.to_string(), format!("--set {}: {message}", sets[0]));
            let key = sets[0].split_once('=').unwrap().0;
            assert!(error.hint().contains(&format!("leave `{key}` out")), "{}", error.hint());
        }
    }
}
