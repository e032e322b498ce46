use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sextant_runtime::contract::firmware_folder;
use sextant_runtime::contract::run_folder::{
    CHECKPOINT_BEST, CHECKPOINT_LAST, CHECKPOINTS, CONFIG, FILES, FIRMWARE, LOCK, is_of_run,
};
use sextant_runtime::durable::{UNFINISHED, current_folder, recover_folders, replace_folder, sync_folder, write_file};

use super::RunError;
use super::checkpoint::Checkpoint;
use crate::config::{Config, ConfigError};
use crate::registry::Registry;

/// A run's folder, locked against other writers while it is open for writing.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// `None` for reading only; the lock ends with the file.
    lock: Option<File>,
    /// `None` once the folder holds the run.
    begun: Mutex<Option<Begun>>,
}

/// What [`RunFolder::create`] made for a run that has not been written yet.
#[derive(Debug)]
struct Begun {
    /// Folders, outermost first.
    folders: Vec<PathBuf>,
    has_made_lock: bool,
}

/// Which of a run's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointSlot {
    /// The newest, to resume from.
    Last,
    /// The one with the best figure so far.
    Best,
}

impl CheckpointSlot {
    /// Name of its folder below `checkpoints/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Last => CHECKPOINT_LAST,
            Self::Best => CHECKPOINT_BEST,
        }
    }
}

impl RunFolder {
    /// A folder for a new run, made if need be.
    ///
    /// Until [`Self::write_config`] nothing is deleted of the run that `overwrite` replaces; dropped before, what was
    /// made is removed again.
    ///
    /// # Errors
    /// When it holds a run and `overwrite` is false, when it holds anything else, when another process writes it.
    pub fn create(path: &Path, overwrite: bool) -> Result<Self, RunError> {
        let begun = Begun { folders: missing_folders(path), has_made_lock: !path.join(LOCK).exists() };
        fs::create_dir_all(path).map_err(RunError::io(path))?;
        match contents(path)? {
            Contents::Run if !overwrite => return Err(RunError::HoldsRun { path: path.into() }),
            Contents::Other => return Err(RunError::NotEmpty { path: path.into() }),
            Contents::Run | Contents::Nothing => {}
        }
        Ok(Self { path: path.into(), lock: Some(lock(path)?), begun: Mutex::new(Some(begun)) })
    }

    /// The folder of a run, for writing; what a killed process left half-written is cleared away.
    ///
    /// # Errors
    /// When there is no run, or another process writes it.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let mut run = Self::open_to_read(path)?;
        run.lock = Some(lock(path)?);
        remove_unfinished(path)?;
        let checkpoints = path.join(CHECKPOINTS);
        fs::create_dir_all(&checkpoints).map_err(RunError::io(&checkpoints))?;
        recover_folders(&checkpoints)?;
        Ok(run)
    }

    /// The folder of a run, for reading, also while another process writes it.
    ///
    /// # Errors
    /// When there is no run.
    pub fn open_to_read(path: &Path) -> Result<Self, RunError> {
        let run = Self { path: path.into(), lock: None, begun: Mutex::new(None) };
        if Self::holds_run(path) { Ok(run) } else { Err(RunError::NoRun { path: path.into() }) }
    }

    /// Whether there is a run to open.
    pub fn holds_run(path: &Path) -> bool {
        path.join(CONFIG).is_file()
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces a file of the folder as [`write_file`] does.
    ///
    /// # Errors
    /// When the system refuses; the old file is there then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RunError> {
        Ok(write_file(&self.file(name), bytes)?)
    }

    /// Stores the configuration; from then on the folder holds this run, and no trace of the one that it replaces.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write_config(&self, config: &Config) -> Result<(), RunError> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.is_some() {
            self.delete_run()?;
            let checkpoints = self.path.join(CHECKPOINTS);
            fs::create_dir_all(&checkpoints).map_err(RunError::io(&checkpoints))?;
        }
        self.write(CONFIG, config.to_toml().as_bytes())?;
        *begun = None;
        Ok(())
    }

    /// The configuration that the run was started with.
    ///
    /// # Errors
    /// When it cannot be read or is broken.
    pub fn config(&self, registry: &Registry) -> Result<Config, ConfigError> {
        Config::from_file(registry, &self.file(CONFIG))
    }

    /// Folder of a checkpoint, whether there is one or not.
    pub fn checkpoint_path(&self, slot: CheckpointSlot) -> PathBuf {
        self.path.join(CHECKPOINTS).join(slot.name())
    }

    /// Puts a checkpoint in the place of the one before, which stays until the new one is whole and on the disk.
    ///
    /// # Errors
    /// When the system refuses or a tensor is not finite; the checkpoint before is there then.
    pub fn save_checkpoint(&self, slot: CheckpointSlot, checkpoint: &Checkpoint) -> Result<(), RunError> {
        if self.lock.is_none() {
            return Err(RunError::ReadOnly { path: self.path.clone() });
        }
        replace_folder(&self.checkpoint_path(slot), |folder| checkpoint.write(folder))
    }

    /// The stored checkpoint, `None` when none was saved yet.
    ///
    /// # Errors
    /// When it cannot be read or is broken.
    pub fn load_checkpoint(&self, slot: CheckpointSlot) -> Result<Option<Checkpoint>, RunError> {
        let load = || current_folder(&self.checkpoint_path(slot)).map(|folder| Checkpoint::read(&folder)).transpose();
        // A writer may swap folders between two files; that passes, a broken file does not.
        if self.lock.is_some() { load() } else { load().or_else(|_| load()) }
    }

    fn delete_run(&self) -> Result<(), RunError> {
        // First of all the file without which there is no run: a kill in between leaves no half of one.
        for name in FILES {
            remove_file_if_there(&self.file(name))?;
        }
        let checkpoints = self.path.join(CHECKPOINTS);
        if checkpoints.is_dir() {
            fs::remove_dir_all(&checkpoints).map_err(RunError::io(&checkpoints))?;
        }
        let firmware = self.path.join(FIRMWARE);
        if is_firmware_project(&firmware) {
            // Under this name what a kill leaves of it still counts as the run's.
            let unfinished = self.path.join(format!("{UNFINISHED}{FIRMWARE}"));
            fs::rename(&firmware, &unfinished).map_err(RunError::io(&firmware))?;
        }
        for name in names(&self.path)?.iter().filter(|name| is_of_run(name)) {
            remove_file_if_there(&self.file(name))?;
        }
        remove_unfinished(&self.path)?;
        Ok(sync_folder(&self.path)?)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let begun = self.begun.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(Begun { folders, has_made_lock }) = begun.take() else { return };
        // Nobody is left to report to; what cannot be removed is empty, and the next run may use it.
        let _ = fs::remove_dir(self.path.join(CHECKPOINTS));
        if has_made_lock {
            let _ = fs::remove_file(self.path.join(LOCK));
        }
        for folder in folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// The folders that are to be made for `path`, outermost first.
fn missing_folders(path: &Path) -> Vec<PathBuf> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let mut missing: Vec<PathBuf> = path.ancestors().take_while(is_missing).map(Path::to_path_buf).collect();
    missing.reverse();
    missing
}

enum Contents {
    Nothing,
    Run,
    Other,
}

/// Remains of a run that was killed before it had a configuration, or while it was deleted, count as nothing; they
/// are known by the lock file.
fn contents(path: &Path) -> Result<Contents, RunError> {
    if RunFolder::holds_run(path) {
        return Ok(Contents::Run);
    }
    let is_remains = |name: &String| {
        let name = name.as_str();
        is_of_run(name)
            || [LOCK, CHECKPOINTS].contains(&name)
            || (name == FIRMWARE && is_firmware_project(&path.join(name)))
            || name.starts_with(UNFINISHED)
    };
    let names = names(path)?;
    let is_ours = names.is_empty() || (names.iter().any(|name| name == LOCK) && names.iter().all(is_remains));
    Ok(if is_ours { Contents::Nothing } else { Contents::Other })
}

/// Whether `export firmware` wrote the folder, as a project or as the model alone.
fn is_firmware_project(folder: &Path) -> bool {
    let models = [folder.join(firmware_folder::FOLDER), folder.to_path_buf()];
    models.iter().any(|models| models.join(firmware_folder::DESCRIPTION).is_file())
}

fn names(folder: &Path) -> Result<Vec<String>, RunError> {
    let entries = fs::read_dir(folder).map_err(RunError::io(folder))?;
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<std::io::Result<_>>().map_err(RunError::io(folder))
}

fn remove_unfinished(folder: &Path) -> Result<(), RunError> {
    let unfinished = names(folder)?.into_iter().filter(|name| name.starts_with(UNFINISHED));
    unfinished.map(|name| folder.join(name)).try_for_each(|path| match path.is_dir() {
        true => fs::remove_dir_all(&path).map_err(RunError::io(&path)),
        false => remove_file_if_there(&path),
    })
}

fn remove_file_if_there(path: &Path) -> Result<(), RunError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(RunError::io(path)(error)),
        _ => Ok(()),
    }
}

/// The lock file stays when the lock ends: deleting it would let two processes hold locks on two files of one name.
fn lock(folder: &Path) -> Result<File, RunError> {
    let path = folder.join(LOCK);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(RunError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::Locked { path: folder.into() }),
        Err(TryLockError::Error(error)) => Err(RunError::io(&path)(error)),
    }
}

#[cfg(test)]
mod tests;
