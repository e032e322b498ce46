use std::iter;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::config::Config;
use crate::method::{HEADS_ONLY, MethodConfig, MethodEntry, SEXTANT};
use crate::registry::Registry;
use crate::transformation::{ROTATIONS_16, Transformations};

/// Which runs a study is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the names in its configurations stand for.
    pub registry: Registry,
    /// Name of the study, and of its section in the results.
    pub name: String,
    /// Preset that all runs start from.
    pub preset: String,
    /// Configuration file over it.
    pub file: Option<PathBuf>,
    /// `key=value` changes for all runs that make the study what it is, such as [`FEATURES_ALONE`].
    pub shared: &'static [&'static str],
    /// Those that the user wants, over them.
    pub sets: Vec<String>,
    /// Views of each object that are rendered before the first run, as in 3DIEBench; 0: every step renders its own.
    pub views: usize,
    /// What differs.
    pub rows: Vec<Row>,
    /// Seeds of the first row and of the leading ones.
    pub seeds: u64,
    /// How many rows beside the first get all seeds.
    pub leaders: usize,
}

/// The heads of the presets learn from labels; a comparison of methods needs features that do not, and encoders as they are.
pub const FEATURES_ALONE: &[&str] = &["heads.gradient=detached", "model.invariant_head=0"];

/// What the default method is: layers that only the invariant half goes through, and its contrast on what comes out of them, as the
/// presets have it. Other methods have their authors' projectors instead.
const OF_SEXTANT: &[&str] = &["model.invariant_head=256", "method.invariant_projector=none"];

/// A line of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What the table calls it; letters, digits and hyphens.
    pub label: String,
    /// `key=value` changes.
    pub sets: Vec<String>,
    /// What its batches have in common with those of other rows.
    pub batches: Batches,
    /// Its steps, as a multiple of `fit.steps`.
    pub times_steps: f64,
    /// Label of the row whose encoder, as it was trained with the same seed, it begins with.
    pub begins_with: Option<&'static str>,
}

/// How large the batches of a row are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batches {
    /// As many images as those of the preset's own method: fewer subjects where more views of each are needed.
    OfEqualImages,
    /// As many subjects as a method with two views has at as many images: more images where more views of each are needed.
    OfSubjectsInTwoViews,
}

impl Row {
    /// A label with its changes.
    pub(super) fn new(label: &str, sets: &[&str]) -> Self {
        Self::of_sets(label, sets.iter().map(ToString::to_string).collect())
    }

    fn of_sets(label: impl Into<String>, sets: Vec<String>) -> Self {
        Self { label: label.into(), sets, batches: Batches::OfEqualImages, times_steps: 1.0, begins_with: None }
    }

    /// The same with as many subjects in a batch as a method with two views has.
    #[must_use]
    pub(super) fn of_subjects_in_two_views(self) -> Self {
        Self { batches: Batches::OfSubjectsInTwoViews, ..self }
    }

    /// The same for so many times the steps.
    #[must_use]
    pub(super) fn for_times_steps(self, times_steps: f64) -> Self {
        Self { times_steps, ..self }
    }

    /// The same, beginning with the encoder of another row.
    #[must_use]
    pub(super) fn beginning_with(self, label: &'static str) -> Self {
        Self { begins_with: Some(label), ..self }
    }

    /// The same with one more change.
    #[must_use]
    pub(super) fn with(mut self, set: &str) -> Self {
        self.sets.push(set.into());
        self
    }

    /// Every method with its default options, and those that learn several labels with each label alone. The method of this project
    /// is as the presets have it. The one that heads alone teach is left out: where they teach nothing ([`FEATURES_ALONE`]), it is a
    /// random encoder.
    pub fn methods(registry: &Registry) -> Vec<Self> {
        let methods = || registry.methods().iter().filter(|entry| entry.name != HEADS_ONLY.name);
        let whole = methods().map(|entry| Self::method(entry, registry.transformations()));
        whole.chain(methods().flat_map(Self::of_labels)).collect()
    }

    /// A method with each of its labels alone, where an option chooses among them.
    fn of_labels(entry: &MethodEntry) -> Vec<Self> {
        let alone = |(option, name): (&str, &str)| {
            let sets = vec![format!("method.name={}", entry.name), format!("method.{option}={name}")];
            Self::of_sets(format!("{}-{name}", entry.name), sets)
        };
        entry.labels.iter().filter_map(|label| entry.alone(*label)).map(alone).collect()
    }

    /// A method with its default options, and the transformations of pictures that it needs; turns where its subjects share
    /// what is drawn.
    fn method(entry: &MethodEntry, known: &Transformations) -> Self {
        let needs = (entry.needs)(&MethodConfig::of(entry), known).expect("every method takes its own defaults");
        let on_pixels = needs.transformations.iter().filter(|transformation| transformation.on_pixels().is_some());
        let mut names: Vec<&str> = on_pixels.map(|transformation| transformation.name()).collect();
        if names.is_empty() && needs.drawing.block > 1 {
            // What subjects share has to be something; turns keep the pose.
            names.push(ROTATIONS_16.name());
        }
        let transformations = (!names.is_empty()).then(|| format!("data.transformations={names:?}"));
        let of_sextant: &[&str] = if entry.name == SEXTANT.name { OF_SEXTANT } else { &[] };
        let sets = iter::once(format!("method.name={}", entry.name)).chain(transformations);
        let sets = sets.chain(of_sextant.iter().map(ToString::to_string));
        Self::of_sets(entry.name, sets.collect())
    }

    /// A method, and the same with one thing changed at a time.
    pub fn ablation(ablation: Ablation) -> Vec<Self> {
        let (method, of_method, changes) = match ablation {
            Ablation::Sie => ("sie", &[][..], SIE_CHANGES),
            Ablation::Sextant => (SEXTANT.name, OF_SEXTANT, SEXTANT_CHANGES),
        };
        let name = format!("method.name={method}");
        let whole = [&[name.as_str()], of_method].concat();
        let changed = changes.iter().map(|(label, sets)| Self::new(label, &[&whole[..], sets].concat()));
        iter::once(Self::new(method, &whole)).chain(changed).collect()
    }
}

/// Methods whose parts can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ablation {
    /// Predictors, conditions and transformations of SIE.
    Sie,
    /// What the default method has that SIE has not.
    Sextant,
}

/// Labels and changes of a method's rows.
type Changes = &'static [(&'static str, &'static [&'static str])];

const SIE_CHANGES: Changes = &[
    ("deep-hypernetwork", &["method.predictor=deep"]),
    ("mlp-predictor", &["method.predictor=mlp"]),
    ("rotation-predictor", &["method.predictor=rotation"]),
    ("predictor-bias", &["method.predictor_bias=true"]),
    ("no-predictor-variance", &["method.predictor_variance_weight=0.0"]),
    ("canonical-quaternion", &["method.condition=canonical-quaternion"]),
    ("matrix-condition", &["method.condition=matrix"]),
    ("colour-only", &["method.transformation=colour"]),
    ("rotation-and-colour", &["method.transformation=rotation-colour"]),
];

const SEXTANT_CHANGES: Changes = &[
    ("two-views", &["method.views=2"]),
    ("negatives-of-other-objects", &["method.pose_negatives=other-objects"]),
    ("learned-predictor", &["method.predictor=linear"]),
    ("no-equivariance", &["method.equivariance_weight=0.0"]),
    ("no-invariance", &["method.invariance_weight=0.0"]),
    ("invariance-behind-a-projector", &["model.invariant_head=0", "method.invariant_projector=mlp"]),
];

impl Plan {
    /// The configuration of a run; `images` are the changes of [`super::rendered_images`]. Rows see as many images as the
    /// preset's own method, or as many subjects as one with two views, as their [`Batches`] say.
    ///
    /// # Errors
    /// When keys or values are wrong.
    pub fn config(&self, row: &Row, seed: u64, images: &[String]) -> anyhow::Result<Config> {
        let name = format!("{}-seed{seed}", row.label);
        let own = [format!("name={name}"), format!("fit.seed={seed}")];
        let shared = self.shared.iter().map(ToString::to_string);
        let sets: Vec<String> = shared.chain(self.sets.iter().cloned()).collect();
        // One after the other: the images have no use for what renders them, nor a row for options of other methods.
        let resolve = |own: &[String]| {
            Config::resolve_in_turn(&self.registry, Some(&self.preset), self.file.as_deref(), &[&sets[..], images, own])
        };
        let shared = resolve(&[])?;
        let row = &self.with_trained_features(row, &shared);
        let images_a_step = shared.fit.batch_size * view_count(&shared)?;
        let mut config = resolve(&[&row.sets[..], &own].concat())?.with_absolute_paths()?;
        let views = match row.batches {
            Batches::OfEqualImages => view_count(&config)?,
            Batches::OfSubjectsInTwoViews => 2,
        };
        config.fit.batch_size = (images_a_step / views).max(2);
        config.fit.steps = ((config.fit.steps as f64 * row.times_steps).round() as u64).max(1);
        config.validate()?;
        Ok(config)
    }
}

impl Plan {
    /// A row with the pooled variant of an encoder whose features nothing would train, where there is one.
    fn with_trained_features(&self, row: &Row, shared: &Config) -> Row {
        let set = |set: &String| set.strip_prefix("method.name=").map(str::to_string);
        let name = row.sets.iter().rev().find_map(set).unwrap_or_else(|| shared.method.name.clone());
        let reads_map_alone = self.registry.methods().find(&name).is_some_and(|entry| entry.reads_map_alone);
        let pooled = format!("{}-pooled", shared.model.encoder);
        match reads_map_alone && self.registry.encoders().find(&pooled).is_some() {
            true => row.clone().with(&format!("model.encoder={pooled}")),
            false => row.clone(),
        }
    }
}

/// Views of each object that a step of the configuration sees.
///
/// # Errors
/// When the method is unknown.
pub fn view_count(config: &Config) -> anyhow::Result<usize> {
    Ok(config.needs()?.views)
}
