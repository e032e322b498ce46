//! `trainer render`: writes a data set of objects with known poses.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use clap::{Args, ValueEnum};
use sextant_runtime::command_line::{next, warn};

use super::contact_sheet::ContactSheet;
use super::data::fit_command;
use super::interrupt::stop_on_interrupt;
use super::output::{print_named, refuse_dash};
use super::split_args::SplitArgs;
use crate::config::{Config, Flag, with_home};
use crate::data::{
    CAMERA_AZIMUTH, DataFormat, DataSetDescription, DataSetWriter, RenderedViews, SextantWriter, SourceEntry,
    ThreeDieBenchWriter, ViewSource, open_objects, set_warnings, write_views,
};
use crate::progress_bar::progress_bar;
use crate::registry::Registry;
use crate::scene::{CameraPose, SceneError};

/// Renders a data set of objects with known poses.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Layout of the folder
    #[arg(long, value_enum, default_value_t = Format::Sextant)]
    format: Format,
    /// Images of each object
    #[arg(long, value_name = "N", default_value_t = 50)]
    views: usize,
    /// Take the keys of data.* from a preset, such as objects55, in place of the defaults
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Change a key of data.*, such as data.image_size=128; an option that is told with a key sets that key
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// data.source: where the objects come from, as `trainer sources` lists them [default: procedural]
    #[arg(long)]
    source: Option<String>,
    /// data.path: mesh file, folder of meshes, or folder CLASS/MESH, for --source meshes
    #[arg(long, value_name = "PATH", conflicts_with = "cache")]
    meshes: Option<PathBuf>,
    /// data.path: folder for caches, for --source sweethome3d [default: $SEXTANT_CACHE, else $XDG_CACHE_HOME/sextant, else
    /// ~/.cache/sextant]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// data.objects_per_family: for --source procedural [default: 48]
    #[arg(long, value_name = "N")]
    objects_per_family: Option<u32>,
    /// data.held_out_per_family: further objects that are held out [default: 8]
    #[arg(long, value_name = "N")]
    held_out_per_family: Option<u32>,
    /// data.image_size: rows and columns of an image [default: 64]
    #[arg(long, value_name = "S")]
    image_size: Option<u32>,
    /// data.rotation.kind: each Euler angle within the limit, or uniformly on SO(3) [default: euler]
    #[arg(long, value_enum)]
    rotation: Option<Rotation>,
    /// data.rotation.limit_deg: largest Euler angle, or largest angle from the upright pose [default: 90]
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    rotation_limit: Option<f64>,
    /// fit.seed, and data.seed where the source has it: every scene, procedural objects and the split of meshes [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u32>,
    /// data.supersampling: samples along each side of a pixel [default: 2]
    #[arg(long, value_name = "K")]
    supersampling: Option<u32>,
    /// data.object_diagonal: diagonal of the objects' bounding boxes [default: 1.8]
    #[arg(long, value_name = "D")]
    object_diagonal: Option<f64>,
    /// data.shadows = false
    #[arg(long)]
    no_shadows: bool,
    /// data.y_up: y is up in OBJ, STL and PLY files, for --source meshes (glTF files say so themselves)
    #[arg(long)]
    y_up: bool,
    /// Where the camera stands, in degrees about z from the x axis [default: -90, and 90 with --format 3diebench]
    #[arg(long, value_name = "DEG", allow_negative_numbers = true)]
    camera_azimuth: Option<f32>,
    /// data.skip_broken: leave meshes out that cannot be used, with a warning each, for --source meshes
    #[arg(long)]
    skip_broken: bool,
    #[command(flatten)]
    split: SplitArgs,
    /// Replace a data set that is there
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Safetensors shards and dataset.json
    Sextant,
    /// CLASS/NAME/image_k.jpg and latent_k.npy, as 3DIEBench has them
    #[value(name = "3diebench")]
    ThreeDieBench,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rotation {
    Euler,
    Uniform,
}

impl Rotation {
    fn name(self) -> &'static str {
        match self {
            Self::Euler => "euler",
            Self::Uniform => "uniform",
        }
    }
}

/// Name of the picture with a sample of the images.
const CONTACT_SHEET: &str = "contact-sheet.png";

/// Memory that the images of one object may take.
const LARGEST_OBJECT_BYTES: usize = 1 << 30;

/// Keys of `[data]` that say nothing of the images themselves.
const OF_TRAINING: [&str; 6] =
    ["data.classes", "data.augmentation", "data.transformations", "data.mean", "data.std", "data.queue_depth"];

/// Runs the command.
///
/// # Errors
/// When objects cannot be had, the folder exists, or it cannot be written; nothing is left of it then.
pub fn run(args: RenderArgs, registry: &Registry) -> Result<()> {
    refuse_dash("--out", &args.out, "a data set is a folder of files")?;
    let stop = stop_on_interrupt()?;
    let config = config(&args, registry)?;
    check_sizes(&args, config.data.image_size)?;
    let camera = camera(&args)?;
    let Some(pairs) = open_objects(registry.sources(), &config.data, camera)? else {
        let rendered = registry.sources().iter().filter(|source| source.is_rendered());
        let rendered: Vec<&str> = rendered.map(|SourceEntry { name, .. }| *name).collect();
        bail!("--source {}: has images already; objects come from {}", config.data.source, rendered.join(", "))
    };
    pairs.object_source().warnings().into_iter().chain(pairs.visibility_warnings()).for_each(warn);
    let description = DataSetDescription::of(&pairs, args.views, config.fit.seed, &config.data.source)?;
    let mut writer = create_writer(&args, description.clone())?;
    let mut sheet = ContactSheet::new(pairs.subject_count(), config.data.image_size);
    let bar = progress_bar("images");
    bar.set_length((pairs.subject_count() * args.views) as u64);
    write_views(&pairs, &description, writer.as_mut(), &stop, |object, images| {
        sheet.offer(object, images);
        bar.inc(args.views as u64);
    })?;
    bar.finish_and_clear();
    writer.write_picture(CONTACT_SHEET, &sheet.image)?;
    writer.finish()?;
    print_outcome(&args, &pairs)
}

/// What is rendered: the keys that the options and `--set` name, and the defaults of the configuration.
fn config(args: &RenderArgs, registry: &Registry) -> Result<Config> {
    for set in &args.sets {
        let key = set.split('=').next().unwrap_or_default().trim();
        let is_read = key.starts_with("data.") && !OF_TRAINING.contains(&key) || key == "fit.seed";
        // Keys that there are not are named as such when the configuration is read.
        ensure!(
            is_read || !Config::has_key(registry, key),
            "--set {set}: `{key}` has no effect here: `trainer render` reads data.*, without what is of training, and fit.seed"
        );
    }
    let mut config = Config::from_flags(registry, args.preset.as_deref(), &flags(args), &args.sets)?;
    let reads_seed = !config.data.unused_keys(registry.sources()).iter().any(|unused| unused.key == "data.seed");
    if args.seed.is_some() && reads_seed {
        config.data.seed = config.fit.seed;
    }
    // Names need not be UTF-8.
    if let Some(path) = args.meshes.as_ref().or(args.cache.as_ref()) {
        config.data.path = Some(with_home(path)?);
    }
    if let Some(list) = &args.split.held_out_list {
        config.data.held_out_list = Some(with_home(list)?);
    }
    Ok(config)
}

/// The options that were given, as the keys that they name.
fn flags(args: &RenderArgs) -> Vec<Flag> {
    let whole = |option, key, value: Option<u32>| value.map(|value| Flag::new(option, key, i64::from(value)));
    let number = |option, key, value: Option<f64>| value.map(|value| Flag::new(option, key, value));
    let text = |option, key, value: Option<&str>| value.map(|value| Flag::new(option, key, value.to_string()));
    let path = |option, key, value: &Option<PathBuf>| {
        value.as_deref().map(|value: &Path| Flag::new(option, key, value.to_string_lossy().into_owned()))
    };
    let switch = |option, key, is_on: bool, value: bool| is_on.then(|| Flag::switch(option, key, value));
    let share = args.split.held_out_share;
    let flags = [
        text("--source", "data.source", args.source.as_deref()),
        path("--meshes", "data.path", &args.meshes),
        path("--cache", "data.path", &args.cache),
        whole("--objects-per-family", "data.objects_per_family", args.objects_per_family),
        whole("--held-out-per-family", "data.held_out_per_family", args.held_out_per_family),
        whole("--image-size", "data.image_size", args.image_size),
        text("--rotation", "data.rotation.kind", args.rotation.map(Rotation::name)),
        number("--rotation-limit", "data.rotation.limit_deg", args.rotation_limit),
        whole("--seed", "fit.seed", args.seed),
        whole("--supersampling", "data.supersampling", args.supersampling),
        number("--object-diagonal", "data.object_diagonal", args.object_diagonal),
        switch("--no-shadows", "data.shadows", args.no_shadows, false),
        switch("--y-up", "data.y_up", args.y_up, true),
        switch("--skip-broken", "data.skip_broken", args.skip_broken, true),
        number("--held-out-share", "data.held_out_share", share.map(f64::from)),
        path("--held-out-list", "data.held_out_list", &args.split.held_out_list),
    ];
    flags.into_iter().flatten().collect()
}

/// Each layout has its usual place for the camera; only our own says where else it stood.
fn camera(args: &RenderArgs) -> Result<CameraPose> {
    let usual = match args.format {
        Format::Sextant => CameraPose::default(),
        Format::ThreeDieBench => CameraPose::THREE_DIE_BENCH,
    };
    let camera = CameraPose { azimuth_deg: args.camera_azimuth.unwrap_or(usual.azimuth_deg), ..usual };
    match camera.validate() {
        Ok(()) => Ok(camera),
        Err(SceneError { value, expected, .. }) => bail!("--camera-azimuth {value}: must be {expected}"),
    }
}

/// The images of one object are in memory together.
fn check_sizes(args: &RenderArgs, image_size: usize) -> Result<()> {
    let most_views = LARGEST_OBJECT_BYTES / (3 * image_size * image_size);
    if !(1..=most_views).contains(&args.views) {
        bail!("--views {}: must be from 1 to {most_views} at --image-size {image_size}", args.views);
    }
    Ok(())
}

fn create_writer(args: &RenderArgs, description: DataSetDescription) -> Result<Box<dyn DataSetWriter>> {
    Ok(match args.format {
        Format::Sextant => Box::new(SextantWriter::create(&args.out, args.overwrite, description)?),
        Format::ThreeDieBench => Box::new(ThreeDieBenchWriter::create(&args.out, args.overwrite, description)?),
    })
}

fn print_outcome(args: &RenderArgs, pairs: &RenderedViews) -> Result<()> {
    let format = match args.format {
        Format::Sextant => DataFormat::Sextant,
        Format::ThreeDieBench => DataFormat::ThreeDieBench,
    };
    let objects = pairs.subject_count();
    let values = [
        ("folder", args.out.display().to_string().into()),
        ("images", (objects * args.views).into()),
        ("objects", objects.into()),
        ("held out", (0..objects).filter(|&object| pairs.is_held_out(object)).count().into()),
        ("contact sheet", args.out.join(CONTACT_SHEET).display().to_string().into()),
    ];
    print_named(&values, args.json)?;
    set_warnings(pairs, args.views).into_iter().for_each(warn);
    let fit = fit_command(format.name(), &args.out);
    let azimuth_deg = pairs.renderer().settings().camera.azimuth_deg;
    if format == DataFormat::Sextant || azimuth_deg == CameraPose::THREE_DIE_BENCH.azimuth_deg {
        next(fit);
        return Ok(());
    }
    let (key, azimuth_deg) = (format!("data.{}", CAMERA_AZIMUTH.key), azimuth_deg.to_string());
    warn(format_args!(
        "{}: this layout does not say where its camera stood: set {key}={azimuth_deg} wherever the set is read",
        args.out.display()
    ));
    next(fit.words("--set").assignment(&key, azimuth_deg));
    Ok(())
}
