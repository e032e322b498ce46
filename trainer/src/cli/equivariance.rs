use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use sextant_runtime::backend::{BackendOptions, Encoder as DeployedEncoder};
use sextant_runtime::command_line::{next, print_answer, warn};
use sextant_runtime::contract::run_folder::MODEL;
use sextant_runtime::contract::{metadata, output};
use sextant_runtime::durable::write_file;
use sextant_runtime::plane_group::PlaneGroup;
use sextant_runtime::preprocess::Visible;
use sextant_runtime::typed_command::Program;

use super::output::refuse_dash;
use crate::config::Config;
use crate::data::{GroundTruth, Place, ViewSource};
use crate::device;
use crate::evaluate::{EquivarianceReport, Halves, MotionReport, Rows, equivariance, fixed_objects};
use crate::fit::TrainedRun;
use crate::model::Model;
use crate::nn::split_halves;
use crate::registry::Registry;
use crate::report::{Series, line_chart, stacked};
use crate::run::{CheckpointSlot, RunError};
use crate::transformation::ROTATION;

/// Arguments of `trainer equivariance`.
#[derive(Args)]
pub struct EquivarianceArgs {
    /// Folder of a run, or a model file (.sxt, .onnx).
    of: PathBuf,
    /// A further model file, such as RUN/model-int8.sxt; as often as you like.
    #[arg(long = "model", value_name = "FILE")]
    models: Vec<PathBuf>,
    /// Held-out pictures that are moved: half of them tell the linear maps, the others measure.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pictures: u32,
    /// Change a key of data.*, such as data.source=pictures; a model file alone is shown built-in objects without it.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// SVG file that gets the curves over the angle.
    #[arg(long, value_name = "FILE")]
    drawing: Option<PathBuf>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Measures what the features do when pictures are turned and mirrored.
pub fn run(args: EquivarianceArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if let Some(drawing) = &args.drawing {
        refuse_dash("--drawing", drawing, "a drawing is one SVG file that is written as a whole")?;
    }
    refuse_other_sections(&args.sets)?;
    let mut reports = Vec::new();
    let moved = match args.of.is_dir() {
        true => of_run(&args, registry, &mut reports)?,
        false => Moved::of_model(&args, registry)?,
    };
    let own = if args.of.is_dir() { args.of.join(MODEL) } else { args.of.clone() };
    // A run that was stopped has no file yet.
    let own = (own.is_file() || !args.of.is_dir()).then_some(own);
    for path in own.iter().chain(&args.models) {
        reports.push(moved.of_file(path)?);
    }
    if let Some(drawing) = &args.drawing {
        write_file(drawing, curves(&reports).as_bytes()).map_err(RunError::from)?;
    }
    print_answer(args.json, &reports, || reports.iter().map(as_text).collect())?;
    match own {
        Some(model) => next(Program::predict(&model)),
        None => next(Program::Trainer.command("fit --resume --out").path(&args.of)),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is measured is what the network is; only the pictures can be chosen.
fn refuse_other_sections(sets: &[String]) -> anyhow::Result<()> {
    for set in sets {
        let key = set.split('=').next().unwrap_or_default().trim();
        anyhow::ensure!(
            key.starts_with("data."),
            "--set {set}: `{key}` has no effect here: `trainer equivariance` reads data.*"
        );
    }
    Ok(())
}

/// The pictures that are moved.
struct Moved {
    pictures: Vec<u8>,
    image_size: usize,
}

/// Images that go through a network at once.
const BATCH: usize = 128;

/// The network with fresh weights and with those that were learned.
fn of_run(
    args: &EquivarianceArgs,
    registry: &Registry,
    reports: &mut Vec<EquivarianceReport>,
) -> anyhow::Result<Moved> {
    let mut trained = TrainedRun::open(registry, &args.of, CheckpointSlot::Last, &args.sets, "cpu")?;
    let (source, config) = (trained.source.clone(), trained.config.clone());
    // The views show no more than training did.
    let moved = Moved::of_data(&source, &config, Visible::Whole, args.pictures)?;
    let fresh = Model::new(&config, GroundTruth::of(config.shown(&source)?.as_ref()), &device::select("cpu")?)?;
    reports.push(moved.of_network("before training", &fresh)?);
    let report = trained.with_deployed_weights(|model| moved.of_network("after training", model));
    reports.push(report.with_context(|| format!("measuring {}", args.of.display()))?);
    Ok(moved)
}

impl Moved {
    fn of_data(source: &Arc<dyn ViewSource>, config: &Config, visible: Visible, count: u32) -> anyhow::Result<Self> {
        source.warnings().into_iter().for_each(warn);
        let held_out = source.held_out_subjects();
        // A second look at a picture would show nothing else; one at an object shows another view.
        let most = if source.offers().contains(&ROTATION) { usize::MAX } else { held_out.len() };
        let subjects = fixed_objects(&held_out, most.min(count as usize), config.evaluation.seed);
        anyhow::ensure!(!subjects.is_empty(), "there is nothing to measure on: the data have no held-out pictures");
        let views = config.untransformed(source)?.views(&Place::all(&subjects), 1, config.evaluation.seed)?;
        let (mut pictures, image_size) = (views.images, config.data.image_size);
        pictures.chunks_exact_mut(image_size * image_size * 3).for_each(|picture| visible.apply(picture, image_size));
        Ok(Self { pictures, image_size })
    }

    /// Pictures of the size that a model file takes.
    fn of_model(args: &EquivarianceArgs, registry: &Registry) -> anyhow::Result<Self> {
        let description = DeployedEncoder::open(&args.of, &BackendOptions::default())?.description().clone();
        let [height, width] = description.image_size;
        anyhow::ensure!(
            height == width,
            "{}: takes images of {width}x{height} pixels: turns need square ones",
            args.of.display()
        );
        let size = [format!("data.image_size={height}")];
        let sets: Vec<String> = size.iter().chain(&args.sets).cloned().collect();
        let config = Config::resolve(registry, None, None, &sets)?;
        Self::of_data(&config.open_data()?, &config, visible(&description.metadata), args.pictures)
    }

    fn of_network(&self, of: &str, model: &Model) -> anyhow::Result<EquivarianceReport> {
        let by_construction = model.encoder.equivariant_to();
        equivariance(of, by_construction, &self.pictures, self.image_size, |pictures| {
            let (mut invariant, mut equivariant) = (Rows::default(), Rows::default());
            for images in pictures.chunks(BATCH * self.image_size * self.image_size * 3) {
                let halves = split_halves(&model.encode(&model.normalise(images)?)?.features)?;
                invariant.extend(Rows::of(&halves.0)?);
                equivariant.extend(Rows::of(&halves.1)?);
            }
            Ok(Halves { invariant, equivariant })
        })
    }

    fn of_file(&self, path: &Path) -> anyhow::Result<EquivarianceReport> {
        let mut encoder = DeployedEncoder::open(path, &BackendOptions::default())?;
        let description = encoder.description();
        let found = description.image_size;
        anyhow::ensure!(
            found == [self.image_size; 2],
            "{}: takes images of {}x{} pixels, and the pictures here have {size}x{size}: name one of its own size",
            path.display(),
            found[1],
            found[0],
            size = self.image_size
        );
        for name in [output::INVARIANT, output::EQUIVARIANT] {
            let is_there = encoder.output_names().iter().any(|there| there == name);
            anyhow::ensure!(is_there, "{}: has no output `{name}`, so there is nothing to measure", path.display());
        }
        let group = description.metadata.get(metadata::EQUIVARIANT_TO);
        let by_construction = group.and_then(|name| PlaneGroup::named(name)).unwrap_or(PlaneGroup::Identity);
        equivariance(&path.display().to_string(), by_construction, &self.pictures, self.image_size, |pictures| {
            let mut outputs = encoder.run(pictures)?;
            let mut half = |name| {
                let at = outputs.iter().position(|output| output.name == name).expect("looked for above");
                let output = outputs.swap_remove(at);
                Rows { width: output.width, numbers: output.values }
            };
            Ok(Halves { invariant: half(output::INVARIANT), equivariant: half(output::EQUIVARIANT) })
        })
    }
}

fn visible(metadata: &std::collections::BTreeMap<String, String>) -> Visible {
    metadata.get(metadata::VISIBLE).and_then(|name| Visible::named(name)).unwrap_or(Visible::Whole)
}

fn as_text(report: &EquivarianceReport) -> String {
    let mut text = format!(
        "{}: {} pictures of {} px; equivariant to: {}\n",
        report.of,
        report.pictures,
        report.image_size,
        report.by_construction.words()
    );
    let _ = writeln!(
        text,
        "    {:<14}{:>10}{:>13}{:>12}{:>12}",
        "motion",
        output::INVARIANT,
        output::EQUIVARIANT,
        "reordering",
        "linear map"
    );
    report.exact.iter().for_each(|motion| line(&mut text, motion));
    text.push_str("    resampled, in a circle\n");
    // The rest is in the JSON and in the drawing.
    report.turns.iter().filter(|motion| motion.angle_deg <= 90.0).for_each(|motion| line(&mut text, motion));
    text + "\n"
}

fn line(text: &mut String, motion: &MotionReport) {
    let or_nothing = |error: Option<f64>| error.map_or_else(|| "–".into(), number);
    let _ = writeln!(
        text,
        "    {:<14}{:>10}{:>13}{:>12}{:>12}",
        motion.motion(),
        number(motion.invariant_change),
        number(motion.equivariant_change),
        or_nothing(motion.reordering_error),
        or_nothing(motion.linear_map_error)
    );
}

fn number(value: f64) -> String {
    if value != 0.0 && value < 1e-3 { format!("{value:.1e}") } else { format!("{value:.3}") }
}

/// Over the angle, for each form.
fn curves(reports: &[EquivarianceReport]) -> String {
    type Read = fn(&MotionReport) -> Option<f64>;
    let charts: [(&str, Read); 3] = [
        ("how far the invariant half moves", |motion| Some(motion.invariant_change)),
        ("how far the equivariant half moves", |motion| Some(motion.equivariant_change)),
        ("what no linear map tells of the equivariant half", |motion| motion.linear_map_error),
    ];
    let drawn = charts.map(|(title, read)| {
        let series = reports.iter().map(|report| {
            let points = report.turns.iter().filter_map(|motion| Some((motion.angle_deg, read(motion)?)));
            Series { name: report.of.clone(), points: points.collect() }
        });
        line_chart(title, "counter-clockwise turn, degrees", &series.collect::<Vec<_>>())
    });
    stacked(&drawn)
}
