//! `trainer data`: prepares objects and pictures, and checks data sets.

mod furniture;
mod info;
mod picture_info;
mod prepare;

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use sextant_runtime::typed_command::{Program, TypedCommand};

use super::split_args::SplitArgs;

/// Prepares objects and pictures, and checks data sets.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    /// Fetches objects or pictures and puts them into the cache
    Prepare(PrepareArgs),
    /// Checks a data set and prints what it holds
    Info(InfoArgs),
}

#[derive(Debug, Args)]
struct PrepareArgs {
    /// What to prepare
    #[arg(value_enum)]
    what: Preparable,
    /// Of sweethome3d and fashion-mnist: the Debian package as a .deb file, or a folder with its files [default: the
    /// installed package, else it is downloaded with apt-get]. Of cifar10, which needs it: a folder or .tar.gz of the
    /// official binary format, or a folder or archive of pictures as SPLIT/CLASS/NAME
    #[arg(long, value_name = "PATH")]
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
    /// 70,000 grey pictures of clothes in 10 classes, 28 x 28 (MIT)
    FashionMnist,
    /// 60,000 pictures in 10 classes, 32 x 32, from where --from says
    Cifar10,
}

#[derive(Debug, Args)]
struct InfoArgs {
    /// Folder of a data set, of meshes, of pictures or of prepared furniture; a mesh file; an archive of pictures
    dir: PathBuf,
    /// Decides which meshes or pictures are held out, as data.seed does
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    split: SplitArgs,
    /// Whether the folders of pictures are classes, as data.labels [default: folders]
    #[arg(long, value_enum)]
    labels: Option<Labels>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Labels {
    /// Folders are classes
    Folders,
    /// Nothing is known of classes
    None,
}

/// Runs the command.
///
/// # Errors
/// When objects or pictures cannot be prepared, or a data set is broken.
pub fn run(args: DataArgs) -> Result<()> {
    match args.command {
        DataCommand::Prepare(args) => match args.what {
            Preparable::SweetHome3d => furniture::prepare_sweethome3d(&args),
            Preparable::FashionMnist => prepare::fashion_mnist(&args),
            Preparable::Cifar10 => prepare::cifar10(&args),
        },
        DataCommand::Info(args) => info::info(&args),
    }
}

/// The command that trains on a data set.
pub(super) fn fit_command(source: &str, folder: &Path) -> TypedCommand {
    fit_from("fit", source, folder)
}

/// The same for pictures, of which no pose is known.
pub(super) fn fit_pictures_command(source: &str, folder: &Path) -> TypedCommand {
    fit_from("fit --preset pictures", source, folder)
}

fn fit_from(fit: &str, source: &str, folder: &Path) -> TypedCommand {
    let fit = Program::Trainer.command(fit).words("--set").assignment("data.source", source);
    fit.words("--set").assignment("data.path", folder)
}
