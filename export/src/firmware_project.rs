//! The files of a firmware project but its model: the program, and the engine that it depends on.

use std::path::{Path, PathBuf};

use sextant_runtime::durable::{replace_folder, write_synced};
use sextant_runtime::engine_source;

use crate::Error;

/// The program's files, as `firmware-example` has them; `export/firmware` links to those.
const PROGRAM: [(&str, &str); 15] = [
    ("Cargo.lock", include_str!("../firmware/Cargo.lock")),
    ("README.md", include_str!("../firmware/README.md")),
    ("build.rs", include_str!("../firmware/build.rs")),
    ("src/main.rs", include_str!("../firmware/src/main.rs")),
    ("src/console.rs", include_str!("../firmware/src/console.rs")),
    ("src/counter.rs", include_str!("../firmware/src/counter.rs")),
    ("src/semihosting.rs", include_str!("../firmware/src/semihosting.rs")),
    ("src/stack.rs", include_str!("../firmware/src/stack.rs")),
    ("boards/mps2-an385.x", include_str!("../firmware/boards/mps2-an385.x")),
    ("boards/mps2-an386.x", include_str!("../firmware/boards/mps2-an386.x")),
    ("boards/mps2-an500.x", include_str!("../firmware/boards/mps2-an500.x")),
    ("boards/mps2-an505.x", include_str!("../firmware/boards/mps2-an505.x")),
    ("boards/netduinoplus2.x", include_str!("../firmware/boards/netduinoplus2.x")),
    ("boards/microbit.x", include_str!("../firmware/boards/microbit.x")),
    (".cargo/config.toml", CARGO_CONFIG),
];
/// Called otherwise than `Cargo.toml`, which would keep its folder out of the package of this crate.
const MANIFEST: &str = include_str!("../firmware/manifest.toml");
// Where a checkout has no symbolic links, the file holds the path instead.
const _: () = assert!(MANIFEST.len() > 200, "export/firmware needs a checkout with symbolic links");
/// How the example depends on the engine.
const EXAMPLE_DEPENDENCY: &str = "path = \"../runtime\"";
/// `cargo run --release` builds for a Cortex-M4F and starts QEMU.
const CARGO_CONFIG: &str = "[build]
target = \"thumbv7em-none-eabihf\"

[target.thumbv7em-none-eabihf]
runner = \"qemu-system-arm -machine mps2-an386 -icount shift=6 -nographic -semihosting-config enable=on,target=native -kernel\"
";
/// The project's folder of the engine's source.
const ENGINE_FOLDER: &str = "engine";

/// The engine that a project depends on.
#[derive(Debug)]
pub(crate) enum Engine {
    /// Its source, in the project.
    Copied,
    /// A folder of this computer.
    At(PathBuf),
}

impl Engine {
    /// The engine's source, or the package in a folder.
    ///
    /// # Errors
    /// When the folder does not hold the engine's package, or has no name that a manifest can hold.
    pub fn of(folder: Option<&Path>) -> Result<Self, Error> {
        let Some(folder) = folder else { return Ok(Self::Copied) };
        let hint = "give the folder `runtime` of a copy of Sextant, or leave --runtime out";
        let manifest = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).map_err(|source| Error::io(&manifest, "read", source))?;
        if !text.lines().any(|line| line.trim() == "name = \"sextant-runtime\"") {
            return Err(Error::invalid(&manifest, "is not the manifest of sextant-runtime", hint));
        }
        let path = folder.canonicalize().map_err(|source| Error::io(folder, "read", source))?;
        match path.to_str() {
            Some(text) if !text.chars().any(char::is_control) => Ok(Self::At(path)),
            _ => Err(Error::invalid(folder, "has a name that Cargo.toml cannot hold", hint)),
        }
    }

    fn dependency(&self) -> String {
        match self {
            Self::Copied => format!("path = {ENGINE_FOLDER:?}"),
            Self::At(path) => format!("path = {:?}", path.display().to_string()),
        }
    }

    /// Writes the source into a project, if that carries it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, project: &Path) -> Result<(), Error> {
        let Self::Copied = self else { return Ok(()) };
        replace_folder(&project.join(ENGINE_FOLDER), |folder| {
            let manifest = std::iter::once(("Cargo.toml", engine_source::MANIFEST));
            for (name, text) in manifest.chain(engine_source::FILES.iter().copied()) {
                let path = folder.join(name);
                let parent = path.parent().unwrap_or(folder);
                std::fs::create_dir_all(parent).map_err(|source| Error::io(parent, "write", source))?;
                write_synced(&path, |file| std::io::Write::write_all(file, text.as_bytes()))?;
            }
            Ok(())
        })
    }
}

/// Name and text of every file but the model's and the engine's.
pub(crate) fn files(engine: &Engine) -> impl Iterator<Item = (&'static str, String)> {
    let manifest = MANIFEST.replace(EXAMPLE_DEPENDENCY, &engine.dependency());
    PROGRAM.into_iter().map(|(name, text)| (name, text.to_string())).chain([("Cargo.toml", manifest)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_names_no_path_of_this_computer() {
        assert!(MANIFEST.contains(EXAMPLE_DEPENDENCY));
        let here = env!("CARGO_MANIFEST_DIR").trim_end_matches("/export");
        let folder = tempfile::tempdir().unwrap();
        Engine::Copied.write(folder.path()).unwrap();
        for (name, text) in files(&Engine::Copied) {
            assert!(!text.contains(here), "{name}");
            assert!(name != "Cargo.toml" || text.contains("path = \"engine\""), "{text}");
        }
        for (name, text) in engine_source::FILES {
            assert!(!text.contains(here), "{name}");
            assert_eq!(std::fs::read_to_string(folder.path().join("engine").join(name)).unwrap(), *text);
        }
    }

    #[test]
    fn another_engine_is_one_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Engine::of(Some(folder.path())), Err(Error::Io { .. })));
        let manifest = folder.path().join("Cargo.toml");
        std::fs::write(&manifest, "[package]\nname = \"other\"\n").unwrap();
        assert!(matches!(Engine::of(Some(folder.path())), Err(Error::Invalid { .. })));
        std::fs::write(&manifest, "[package]\nname = \"sextant-runtime\"\n").unwrap();
        let engine = Engine::of(Some(folder.path())).unwrap();
        let path = folder.path().canonicalize().unwrap();
        assert_eq!(engine.dependency(), format!("path = {:?}", path.display().to_string()));
        engine.write(folder.path()).unwrap();
        assert!(!folder.path().join("engine").exists());
    }
}
