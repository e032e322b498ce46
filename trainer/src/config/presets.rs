use strsim::normalized_damerau_levenshtein;

use super::ConfigError;

/// A configuration that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// What `--preset` calls it.
    pub name: &'static str,
    /// Its keys; the others keep their documented defaults.
    pub toml: &'static str,
}

/// All presets; the first is used when none is named.
pub const PRESETS: [Preset; 10] = [
    Preset { name: "quickstart", toml: include_str!("../../presets/quickstart.toml") },
    Preset { name: "pose", toml: include_str!("../../presets/pose.toml") },
    Preset { name: "household", toml: include_str!("../../presets/household.toml") },
    Preset { name: "objects55", toml: include_str!("../../presets/objects55.toml") },
    Preset { name: "pretraining", toml: include_str!("../../presets/pretraining.toml") },
    Preset { name: "orientation", toml: include_str!("../../presets/orientation.toml") },
    Preset { name: "pictures", toml: include_str!("../../presets/pictures.toml") },
    Preset { name: "essl-small", toml: include_str!("../../presets/essl-small.toml") },
    Preset { name: "essl-paper", toml: include_str!("../../presets/essl-paper.toml") },
    Preset { name: "sie-3diebench", toml: include_str!("../../presets/sie-3diebench.toml") },
];

impl Preset {
    /// The preset of a name.
    ///
    /// # Errors
    /// When there is none; the error names the nearest.
    pub fn named(name: &str) -> Result<Self, ConfigError> {
        PRESETS.into_iter().find(|preset| preset.name == name).ok_or_else(|| ConfigError::UnknownPreset {
            name: name.into(),
            nearest: nearest_name(name),
            known: PRESETS.map(|preset| preset.name).join(", "),
        })
    }
}

fn nearest_name(name: &str) -> &'static str {
    let likeness = |preset: &Preset| normalized_damerau_levenshtein(name, preset.name);
    PRESETS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).expect("there are presets").name
}
