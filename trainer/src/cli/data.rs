//! `trainer data`: prepares objects, and checks data sets.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::with_home;
use crate::data::{DataFormat, SextantFolder, ThreeDieBenchFolder, ViewSource, detect_format};
use crate::scene::CameraPose;
use crate::scene::sweethome3d::{
    CacheIndex, FurnitureFolder, INSTALLED_FOLDER, NOT_IN_PACKAGE, PrepareReport, SweetHome3d, default_cache_folder,
    prepare,
};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde_json::json;
use sextant_runtime::command_line::{next, print_answer, warn};
use sextant_runtime::typed_command::{Program, TypedCommand};

use super::class_counts::ClassCounts;
use super::interrupt::stop_on_interrupt;
use super::mesh_info;
use super::output::print_named;
use super::progress::progress_bar;
use super::split_args::SplitArgs;
use crate::stop::StopFlag;

/// Prepares objects, and checks data sets.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Fetches objects and puts them into the cache
    Prepare(PrepareArgs),
    /// Checks a data set and prints what it holds
    Info(InfoArgs),
}

#[derive(Debug, Args)]
struct PrepareArgs {
    /// What to prepare
    #[arg(value_enum)]
    what: Preparable,
    /// The package sweethome3d-furniture as a .deb file, or a folder with its *.sh3f files [default: the installed
    /// package, else it is downloaded with apt-get]
    #[arg(long, value_name = "FILE.deb|FOLDER")]
    from: Option<PathBuf>,
    /// Folder for caches [default: $SEXTANT_CACHE, else $XDG_CACHE_HOME/sextant, else ~/.cache/sextant]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Prepare again what is prepared already
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Preparable {
    /// 653 textured models of furniture, people, plants and things in 46 classes (CC-BY and CC0)
    #[value(name = "sweethome3d")]
    SweetHome3d,
}

#[derive(Debug, Args)]
struct InfoArgs {
    /// Folder of a data set, of meshes or of prepared furniture; or a mesh file
    dir: PathBuf,
    /// Decides which meshes are held out, as data.seed does
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    split: SplitArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When objects cannot be prepared, or a data set is broken.
pub fn run(args: DataArgs) -> Result<()> {
    match args.command {
        DataCommand::Prepare(args) => match args.what {
            Preparable::SweetHome3d => prepare_sweethome3d(&args),
        },
        DataCommand::Info(args) => info(&args),
    }
}

fn prepare_sweethome3d(args: &PrepareArgs) -> Result<()> {
    let cache = match &args.cache {
        Some(cache) => with_home(cache)?,
        None => default_cache_folder()?,
    };
    match SweetHome3d::open(&cache, 1.0) {
        Ok(prepared) if !args.overwrite => {
            let unread = args.from.as_ref().map_or("", |_| ", and --from is not read");
            eprintln!("prepared already{unread} (--overwrite prepares it again)");
            print_index(prepared.folder(), prepared.index(), args.json)?;
        }
        _ => {
            let stop = stop_on_interrupt()?;
            let furniture = furniture_folder(args, &cache)?;
            let report = prepare_with_progress(&furniture, &cache, &stop)?;
            tell_skipped(&report.index);
            print_index(&report.folder, &report.index, args.json)?;
        }
    }
    let fit = Program::Trainer.command("fit --preset household");
    next(args.cache.iter().fold(fit, |fit, cache| fit.words("--set").assignment("data.path", cache)));
    Ok(())
}

fn furniture_folder(args: &PrepareArgs, cache: &Path) -> Result<FurnitureFolder> {
    if let Some(from) = &args.from {
        return Ok(FurnitureFolder::named(from, cache)?);
    }
    if let Some(installed) = FurnitureFolder::installed() {
        eprintln!("using the installed package ({INSTALLED_FOLDER})");
        return Ok(installed);
    }
    eprintln!("downloading the Debian package sweethome3d-furniture (120 MB) with apt-get; nothing is installed");
    Ok(FurnitureFolder::downloaded(cache)?)
}

/// Prepares the furniture with a progress bar on stderr, in place of a cache that is there.
fn prepare_with_progress(furniture: &FurnitureFolder, cache: &Path, stop: &StopFlag) -> Result<PrepareReport> {
    let bar = progress_bar("models");
    let report = prepare(furniture, cache, true, &|done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        !stop.is_set()
    });
    bar.finish_and_clear();
    Ok(report?)
}

/// Broken models by name; those that another version of the package lacks by their number.
fn tell_skipped(index: &CacheIndex) {
    let (absent, broken): (Vec<_>, Vec<_>) = index.skipped.iter().partition(|model| model.reason == NOT_IN_PACKAGE);
    for model in broken {
        eprintln!("skipped {}: {}", model.catalogue_id, model.reason);
    }
    if !absent.is_empty() {
        warn(format_args!("{} known models are not in the package: is it version 1.8?", absent.len()));
    }
}

fn print_index(folder: &Path, index: &CacheIndex, json: bool) -> Result<()> {
    let values = [
        ("folder", folder.display().to_string().into()),
        ("classes", index.class_names.len().into()),
        ("objects", index.objects.len().into()),
        ("held out", index.objects.iter().filter(|object| object.held_out).count().into()),
        ("skipped", index.skipped.len().into()),
    ];
    print_named(&values, json)
}

/// What `data info` prints.
struct Summary {
    format: DataFormat,
    image_size: usize,
    /// Fewest and most views of an object.
    views: [usize; 2],
    images: usize,
    /// Where the camera stood.
    camera: Option<CameraPose>,
    objects: usize,
    classes: ClassCounts,
    warnings: Vec<String>,
}

fn info(args: &InfoArgs) -> Result<()> {
    let dir = with_home(&args.dir)?;
    if mesh_info::is_of_meshes(&dir) {
        return mesh_info::print_meshes(&dir, &args.split.settings(args.seed.unwrap_or(0))?, args.json);
    }
    let mut given = args.split.given();
    given.extend(args.seed.map(|_| "--seed"));
    if !given.is_empty() {
        bail!("{}: {} has no effect: only meshes are split when they are read", dir.display(), given.join(", "));
    }
    if let Some(prepared) = mesh_info::prepared_furniture(&dir) {
        print_index(prepared.folder(), prepared.index(), args.json)?;
        next(Program::Trainer.command("fit --preset household --set").assignment("data.path", &dir));
        return Ok(());
    }
    let summary = match detect_format(&dir)? {
        DataFormat::Sextant => Summary::new(DataFormat::Sextant, &SextantFolder::open(&dir, None)?),
        DataFormat::ThreeDieBench => {
            let folder = ThreeDieBenchFolder::open(&dir, None, CameraPose::THREE_DIE_BENCH)?;
            check_every_view(&folder)?;
            Summary::new(DataFormat::ThreeDieBench, &folder)
        }
    };
    summary.warnings.iter().for_each(warn);
    print_answer(args.json, &summary.json(), || summary.to_string())?;
    next(fit_command(summary.format.name(), &dir));
    Ok(())
}

fn check_every_view(folder: &ThreeDieBenchFolder) -> Result<()> {
    let bar: ProgressBar = progress_bar("objects");
    bar.set_length(folder.subject_count() as u64);
    let checked = (0..folder.subject_count()).into_par_iter().try_for_each(|object| {
        (0..folder.views_of(object)).try_for_each(|view| folder.check_view(object, view))?;
        bar.inc(1);
        Ok::<(), crate::data::DataError>(())
    });
    bar.finish_and_clear();
    checked.context("the data set is broken")
}

impl Summary {
    fn new(format: DataFormat, source: &dyn ViewSource) -> Self {
        let counts: Vec<usize> = (0..source.subject_count()).filter_map(|object| source.view_count(object)).collect();
        let mut classes = ClassCounts::default();
        for object in 0..source.subject_count() {
            classes.add(&source.class_names()[source.label(object)], source.is_held_out(object));
        }
        Self {
            format,
            image_size: source.image_size(),
            views: [counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0)),
            images: counts.iter().sum(),
            camera: source.camera(),
            objects: source.subject_count(),
            classes,
            warnings: source.warnings(),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "format": self.format.name(),
            "image_size": self.image_size,
            "images": self.images,
            "camera": self.camera,
            "objects": self.objects,
            "held_out": self.classes.held_out(),
            "views": { "fewest": self.views[0], "most": self.views[1] },
            "warnings": self.warnings,
            "classes": self.classes.json(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "format\t{}", self.format.name())?;
        writeln!(f, "image size\t{}", self.image_size)?;
        writeln!(f, "images\t{}", self.images)?;
        match self.views {
            [fewest, most] if fewest == most => writeln!(f, "views\t{most} of each object")?,
            [fewest, most] => writeln!(f, "views\t{fewest} to {most} of each object")?,
        }
        if let Some(camera) = self.camera {
            let is_told = self.format == DataFormat::Sextant;
            writeln!(f, "camera\t{}{camera}", if is_told { "" } else { "not told by this layout; read as " })?;
        }
        writeln!(f, "objects\t{}", self.objects)?;
        writeln!(f, "held out\t{}", self.classes.held_out())?;
        f.write_str(&self.classes.text())
    }
}

/// The command that trains on a data set.
pub(super) fn fit_command(source: &str, folder: &Path) -> TypedCommand {
    let fit = Program::Trainer.command("fit --set").assignment("data.source", source);
    fit.words("--set").assignment("data.path", folder)
}
