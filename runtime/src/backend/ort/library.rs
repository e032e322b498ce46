//! The one shared library of ONNX Runtime that a process uses.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::Mutex;

use ::ort::LoadDynamicError;
use ::ort::environment::{Environment, EnvironmentBuilder};
use ::ort::logging::LogLevel;

use super::super::caught::caught;
use super::super::library_fault::{LibraryFault, OLDEST_MINOR};
use super::super::one_line;
use super::log;

/// A library that is in use.
#[derive(Clone, Debug)]
pub(in crate::backend) struct Library {
    pub path: PathBuf,
    /// Such as `1.24`.
    pub version: String,
    pub environment: Environment,
}

/// What the first library came to; it stays loaded until the process ends, whether it started or not.
static FIRST: Mutex<Option<(PathBuf, Result<Library, LibraryFault>)>> = Mutex::new(None);

/// The library of that path, or of the environment's, or the one in use where neither is given.
pub(in crate::backend) fn load(path: Option<&Path>) -> Result<Library, LibraryFault> {
    let mut first = FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let wanted = match (wanted_path(path), first.as_ref()) {
        (Some(wanted), _) => canonical(&wanted)?,
        (None, Some((_, outcome))) => return outcome.clone(),
        (None, None) => return Err(LibraryFault::NotNamed),
    };
    match first.as_ref() {
        Some((loaded, outcome)) if *loaded == wanted => outcome.clone(),
        Some((loaded, _)) => Err(LibraryFault::AnotherIsLoaded { path: wanted, loaded: loaded.clone() }),
        None => {
            let builder = open(&wanted)?;
            first.insert((wanted.clone(), start(wanted, builder))).1.clone()
        }
    }
}

fn wanted_path(path: Option<&Path>) -> Option<PathBuf> {
    let from_environment = || env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()).map(PathBuf::from);
    path.map(Path::to_path_buf).or_else(from_environment)
}

/// ort looks for relative paths beside the program; people mean the current folder.
fn canonical(path: &Path) -> Result<PathBuf, LibraryFault> {
    let not_there = |reason: String| LibraryFault::NotThere { path: path.to_path_buf(), reason };
    let canonical = path.canonicalize().map_err(|error| not_there(error.to_string()))?;
    if canonical.is_dir() {
        return Err(not_there("a folder; its file libonnxruntime.so.* is needed".to_string()));
    }
    Ok(canonical)
}

/// Loads the library. When that fails nothing stays loaded, and another can be tried.
fn open(path: &Path) -> Result<EnvironmentBuilder, LibraryFault> {
    let gives_nothing =
        || Err(LibraryFault::DoesNotStart { path: path.to_path_buf(), reason: "it gives no interface".to_string() });
    caught(|| ::ort::init_from(path).map_err(|error| not_opened(path, &error))).unwrap_or_else(gives_nothing)
}

fn not_opened(path: &Path, error: &LoadDynamicError) -> LibraryFault {
    let path = path.to_path_buf();
    match error {
        LoadDynamicError::Dlopen { error, .. } => {
            let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            not_loaded(path, one_line(&reason))
        }
        LoadDynamicError::MissingApi { .. } => LibraryFault::NotOnnxRuntime { path },
        LoadDynamicError::BadVersion { version_str, .. } => {
            LibraryFault::TooOld { path, version: one_line(version_str) }
        }
        LoadDynamicError::InvalidVersionString => {
            LibraryFault::DoesNotStart { path, reason: "its version is no text".to_string() }
        }
    }
}

/// Tells a library that is not there from a file that is none, by the words of glibc, musl, macOS and Windows.
fn not_loaded(path: PathBuf, reason: String) -> LibraryFault {
    let is_of_this_file = reason.starts_with(&*path.to_string_lossy());
    let is_missing = ["cannot open shared object file", "Error loading shared library", "Library not loaded"]
        .iter()
        .any(|words| reason.contains(words))
        || reason.contains("os error 126");
    match is_missing && !is_of_this_file {
        true => LibraryFault::NeedsAnother { path, reason },
        false => LibraryFault::NotALibrary { path, reason },
    }
}

fn start(path: PathBuf, builder: EnvironmentBuilder) -> Result<Library, LibraryFault> {
    let fault = |reason: String| LibraryFault::DoesNotStart { path: path.clone(), reason };
    let built = caught(|| environment(builder));
    let built = built.ok_or_else(|| fault(std::format!("it does not give version {OLDEST_MINOR} of its interface")))?;
    let environment = built.map_err(|error| fault(one_line(&error.to_string())))?;
    let minor = ::ort::util::probe(&path);
    let version = minor.map_or_else(|| "of an unknown version".to_string(), |minor| std::format!("1.{minor}"));
    Ok(Library { path, version, environment })
}

/// Errors that it logs explain those that it returns, unless `ORT_LOG` asks for its log as it is.
fn environment(builder: EnvironmentBuilder) -> ::ort::Result<Environment> {
    let builder = builder.with_name("sextant");
    if env::var_os("ORT_LOG").is_some() {
        return builder.build();
    }
    let environment = builder.with_logger(log::logger()).build()?;
    environment.set_log_level(LogLevel::Error);
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_version_is_that_of_the_feature() {
        assert_eq!(::ort::MINOR_VERSION, OLDEST_MINOR);
    }

    #[test]
    fn what_the_loader_says_is_told_apart() {
        let cases = [
            ("libx.so.2: cannot open shared object file: No such file or directory", true),
            ("Error loading shared library libx.so.2: No such file or directory (needed by /a/lib.so)", true),
            ("dlopen(/a/lib.so, 0x0005): Library not loaded: @rpath/libx.dylib", true),
            ("The specified module could not be found. (os error 126)", true),
            ("/a/lib.so: cannot open shared object file: Permission denied", false),
            ("/a/lib.so: file too short", false),
            ("/a/lib.so: invalid ELF header", false),
            ("/lib/libc.so.6: version `GLIBC_2.99' not found (required by /a/lib.so)", false),
        ];
        for (reason, needs_another) in cases {
            let fault = not_loaded(PathBuf::from("/a/lib.so"), reason.to_string());
            assert_eq!(matches!(fault, LibraryFault::NeedsAnother { .. }), needs_another, "{reason}");
            assert!(fault.to_string().contains(reason));
        }
    }

    #[test]
    fn folders_and_names_of_nothing_are_no_libraries() {
        for (path, reason) in [("nowhere.so", "No such file"), (".", "a folder")] {
            let fault = canonical(Path::new(path)).unwrap_err();
            assert!(fault.to_string().contains(reason), "{fault}");
            assert!(fault.hint().starts_with("pip install onnxruntime"));
        }
    }
}
