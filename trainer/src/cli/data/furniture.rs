//! `trainer data prepare sweethome3d`.

use std::path::Path;

use anyhow::Result;
use sextant_runtime::command_line::{next, warn};
use sextant_runtime::typed_command::Program;

use super::PrepareArgs;
use super::prepare::cache_of;
use crate::cli::interrupt::stop_on_interrupt;
use crate::cli::output::print_named;
use crate::progress_bar::progress_bar;
use crate::scene::sweethome3d::{
    CacheIndex, FurnitureFolder, NOT_IN_PACKAGE, PACKAGE, PrepareReport, SweetHome3d, prepare,
};
use crate::stop::StopFlag;

/// Puts the furniture into the cache and prints what it holds.
pub(super) fn prepare_sweethome3d(args: &PrepareArgs) -> Result<()> {
    let cache = cache_of(args)?;
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
        eprintln!("using the installed package ({})", PACKAGE.installed_folder().display());
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

/// Prints what the cache holds.
pub(super) fn print_index(folder: &Path, index: &CacheIndex, json: bool) -> Result<()> {
    let values = [
        ("folder", folder.display().to_string().into()),
        ("classes", index.class_names.len().into()),
        ("objects", index.objects.len().into()),
        ("held out", index.objects.iter().filter(|object| object.held_out).count().into()),
        ("skipped", index.skipped.len().into()),
    ];
    print_named(&values, json)
}
