//! Paths in a configuration: from where they are meant, and how they are stored.

use std::path::{Path, PathBuf};

use sextant_runtime::contract::run_folder::{CHECKPOINTS, CONFIG};

use super::{Config, Origin};

/// Keys that hold a path.
pub(super) const PATH_KEYS: [&str; 3] = ["data.path", "data.held_out_list", "fit.encoder_from"];

impl Config {
    /// The same with whole paths, so that they are right wherever they are read from.
    ///
    /// # Errors
    /// When the current folder cannot be had.
    pub fn with_absolute_paths(&self) -> std::io::Result<Self> {
        let mut config = self.clone();
        for path in [&mut config.data.path, &mut config.data.held_out_list].into_iter().flatten() {
            *path = std::path::absolute(&*path)?;
        }
        for base in [&mut config.fit.qat_from, &mut config.fit.encoder_from].into_iter().filter(|base| !base.is_empty())
        {
            // A name that is no text stays as it was given.
            if let Some(text) = std::path::absolute(&*base)?.to_str() {
                *base = text.into();
            }
        }
        Ok(config)
    }
}

/// A path as it is meant where it was set: `~` is the user's folder, and in a file that a person wrote a relative path
/// starts at that file.
///
/// # Errors
/// What is wrong, when there is no home folder.
pub(super) fn resolved(path: &str, origin: &Origin) -> Result<String, &'static str> {
    let home = || std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    let path = expanded(path, home)?;
    let base = match origin {
        // The runs of earlier versions hold paths as they were given, from the folder of the command.
        Origin::File(file) if !is_of_run(file) => file.parent().unwrap_or(Path::new("")),
        _ => Path::new(""),
    };
    let whole = base.join(&path);
    Ok(whole.into_os_string().into_string().unwrap_or(path))
}

fn expanded(path: &str, home: impl FnOnce() -> Option<PathBuf>) -> Result<String, &'static str> {
    let rest = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with(std::path::is_separator) => rest,
        _ => return Ok(path.into()),
    };
    let home = home().ok_or("a path without ~, since there is no home folder (HOME)")?;
    let whole = home.join(rest.trim_start_matches(std::path::is_separator));
    whole.into_os_string().into_string().map_err(|_| "a path without ~, since the home folder's name is no text")
}

/// A path on the command line, with `~` for the user's folder where the shell has left it.
///
/// # Errors
/// When there is no home folder.
pub(crate) fn with_home(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(text) = path.to_str() else { return Ok(path.into()) };
    expanded(text, std::env::home_dir)
        .map(PathBuf::from)
        .map_err(|expected| anyhow::anyhow!("{}: give {expected}", path.display()))
}

/// Whether a file is the configuration that a run has stored.
pub(crate) fn is_of_run(file: &Path) -> bool {
    file.ends_with(CONFIG) && file.with_file_name(CHECKPOINTS).is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn the_home_folder_is_written_out() {
        let home = || Some(PathBuf::from("/home/ada"));
        for (path, expected) in [
            ("~", "/home/ada"),
            ("~/parts", "/home/ada/parts"),
            ("~//parts", "/home/ada/parts"),
            ("~ada/parts", "~ada/parts"),
            ("parts/~", "parts/~"),
            ("/parts", "/parts"),
            ("", ""),
        ] {
            assert_eq!(expanded(path, home).as_deref().map(|path| path.trim_end_matches('/')), Ok(expected), "{path}");
        }
        assert!(expanded("~/parts", || None).unwrap_err().contains("no home folder"));
    }

    #[test]
    fn a_relative_path_starts_where_it_was_written() {
        let file = Origin::File("project/mine.toml".into());
        let set = Origin::Set("data.path=parts".into());
        for (path, origin, expected) in [
            ("parts", &file, "project/parts"),
            ("../parts", &file, "project/../parts"),
            ("/parts", &file, "/parts"),
            ("parts", &set, "parts"),
            ("parts", &Origin::File("mine.toml".into()), "parts"),
        ] {
            assert_eq!(resolved(path, origin).as_deref(), Ok(expected), "{path} in {origin}");
        }
    }

    #[test]
    fn a_run_stores_whole_paths() {
        let sets = ["data.source=meshes", "data.path=parts", "data.held_out_list=list.txt"].map(String::from);
        let mut config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
        config.fit.qat_from = "runs/base".into();
        let stored = config.with_absolute_paths().unwrap();
        let here = std::env::current_dir().unwrap();
        assert_eq!(stored.data.path, Some(here.join("parts")));
        assert_eq!(stored.data.held_out_list, Some(here.join("list.txt")));
        assert_eq!(Path::new(&stored.fit.qat_from), here.join("runs/base"));
        assert_eq!(stored.with_absolute_paths().unwrap(), stored);
    }
}
