//! `trainer data prepare fashion-mnist` and `cifar10`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::Value;
use sextant_runtime::command_line::{next, warn};
use sextant_runtime::typed_command::Program;

use super::PrepareArgs;
use crate::cache_folder::default_cache_folder;
use crate::cli::interrupt::stop_on_interrupt;
use crate::cli::output::print_named;
use crate::config::with_home;
use crate::data::pictures::prepare::{
    CIFAR10, FASHION_MNIST, FASHION_MNIST_PACKAGE, Prepared, PreparedSet, prepare_cifar10, prepare_fashion_mnist,
};
use crate::debian_package::PackageFolder;

/// The folder for caches that the arguments or the environment name.
pub(super) fn cache_of(args: &PrepareArgs) -> Result<PathBuf> {
    match &args.cache {
        Some(cache) => with_home(cache),
        None => Ok(default_cache_folder()?),
    }
}

/// Puts Fashion-MNIST into the cache and prints what it holds.
pub(super) fn fashion_mnist(args: &PrepareArgs) -> Result<()> {
    let cache = cache_of(args)?;
    prepare_unless_there(&FASHION_MNIST, "fit --preset orientation", args, &cache, || {
        let folder = fashion_mnist_folder(args, &cache)?;
        let name = format!("{}_*.deb", FASHION_MNIST_PACKAGE.name);
        let from = args.from.as_deref().unwrap_or(Path::new(&name));
        Ok(prepare_fashion_mnist(folder.path(), from, &cache, args.overwrite)?)
    })
}

fn fashion_mnist_folder(args: &PrepareArgs, cache: &Path) -> Result<PackageFolder> {
    let package = FASHION_MNIST_PACKAGE;
    if let Some(from) = &args.from {
        return Ok(package.named(&with_home(from)?, cache)?);
    }
    if let Some(installed) = package.installed() {
        eprintln!("using the installed package ({})", installed.path().display());
        return Ok(installed);
    }
    eprintln!("downloading the Debian package {} (31 MB) with apt-get; nothing is installed", package.name);
    Ok(package.downloaded(cache)?)
}

/// Puts CIFAR-10 into the cache and prints what it holds.
pub(super) fn cifar10(args: &PrepareArgs) -> Result<()> {
    let cache = cache_of(args)?;
    prepare_unless_there(&CIFAR10, "fit --preset pictures --set data.source=cifar", args, &cache, || {
        let Some(from) = &args.from else {
            bail!(
                "CIFAR-10 has to be named: fetch cifar-10-binary.tar.gz (Krizhevsky 2009, \"CIFAR-10 binary version\") from \
                 the University of Toronto's CIFAR page and pass --from cifar-10-binary.tar.gz; a folder or archive of \
                 its pictures as train/CLASS/NAME and test/CLASS/NAME will do, too"
            );
        };
        let stop = stop_on_interrupt()?;
        Ok(prepare_cifar10(&with_home(from)?, &cache, args.overwrite, &|| stop.is_set())?)
    })
}

/// `fit` is what can be done with it next.
fn prepare_unless_there(
    set: &PreparedSet,
    fit: &str,
    args: &PrepareArgs,
    cache: &Path,
    prepare: impl FnOnce() -> Result<Prepared>,
) -> Result<()> {
    let there = if args.overwrite { None } else { set.open(cache)? };
    let prepared = match there {
        Some(prepared) => {
            let unread = args.from.as_ref().map_or("", |_| ", and --from is not read");
            eprintln!("prepared already{unread} (--overwrite prepares it again)");
            prepared
        }
        None => prepare()?,
    };
    print_prepared(&prepared, args.json)?;
    let fit = Program::Trainer.command(fit);
    next(args.cache.iter().fold(fit, |fit, _| fit.words("--set").assignment("data.path", &prepared.folder)));
    Ok(())
}

fn print_prepared(prepared: &Prepared, json: bool) -> Result<()> {
    let Prepared { folder, origin, listed } = prepared;
    listed.warnings().iter().for_each(warn);
    let held_out = (0..listed.len()).filter(|&picture| listed.is_held_out(picture)).count();
    let mut values: Vec<(&str, Value)> = vec![
        ("folder", folder.display().to_string().into()),
        ("from", origin.from.clone().into()),
        ("classes", listed.class_names().len().into()),
        ("pictures", listed.len().into()),
        ("held out", held_out.into()),
    ];
    values.extend(origin.copy.iter().map(|copy| ("copy", copy.clone().into())));
    print_named(&values, json)
}
