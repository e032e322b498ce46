use std::format;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Failure, UNFINISHED, abort_point, failed, folder_of, name_of, sync_folder};

/// Replaces a file with these bytes; a reader finds the old or the new contents.
///
/// # Errors
/// When the system refuses; the old file is there then, and no other one.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_file_with(path, |file| file.write_all(bytes))
}

/// As [`write_file`], with the contents written piece by piece.
///
/// # Errors
/// When the system or `write` refuses; the old file is there then, and no other one.
pub fn write_file_with(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
    let (unfinished, file) = create_unfinished(folder_of(path)).map_err(failed(path))?;
    let written = fill(file, write).and_then(|()| {
        abort_point("unfinished", &name_of(path));
        fs::rename(&unfinished, path)
    });
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&unfinished);
        return Err(failed(path)(error));
    }
    sync_folder(folder_of(path)).map_err(|failure| Failure { path: path.into(), ..failure })
}

/// Writes a file under its own name, for a folder that is not whole yet, and waits until the disk has it.
///
/// # Errors
/// When the system or `write` refuses.
pub fn write_synced(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<(), Failure> {
    File::create(path).and_then(|file| fill(file, write)).map_err(failed(path))
}

fn fill(file: File, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// A new file of a name that nobody has: short, so that it fits where the destination's own name does.
fn create_unfinished(folder: &Path) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{UNFINISHED}{}-{count}", process_id()));
        match File::options().write(true).create_new(true).open(&path) {
            // A killed process of the same number left it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (path, file)),
        }
    }
}

/// WebAssembly has no processes.
fn process_id() -> u32 {
    if cfg!(target_family = "wasm") { 0 } else { std::process::id() }
}
