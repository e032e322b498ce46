//! Which files of a folder are pictures, and what else lies there.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::data::DataError;
use crate::scene::SkipReason;

const PICTURE_EXTENSIONS: [&str; 3] = ["png", "jpg", "jpeg"];

/// What is not read of a folder or an archive of pictures.
pub(super) type Skipped = crate::scene::Skipped<Reason>;

/// Why something beside the pictures is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    OtherFormat,
    DeadLink,
    Unreadable,
    /// A folder that a link leads to a second time.
    Around,
    /// Of an archive: a link or a device.
    Link,
    /// Of an archive: a name with `..`, or from the root of a system.
    LeadsOut,
    /// Of an archive: a name that comes again.
    Again,
}

impl SkipReason for Reason {
    fn words(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::OtherFormat, 1) => "file that is no PNG or JPEG",
            (Self::OtherFormat, _) => "files that are no PNG or JPEG",
            (Self::DeadLink, 1) => "dead link",
            (Self::DeadLink, _) => "dead links",
            (Self::Unreadable, 1) => "folder that cannot be read",
            (Self::Unreadable, _) => "folders that cannot be read",
            (Self::Around, 1) => "link to a folder that is read already",
            (Self::Around, _) => "links to folders that are read already",
            (Self::Link, 1) => "link or device",
            (Self::Link, _) => "links or devices",
            (Self::LeadsOut, 1) => "name that leads out of the archive",
            (Self::LeadsOut, _) => "names that lead out of the archive",
            (Self::Again, 1) => "file that comes again",
            (Self::Again, _) => "files that come again",
        }
    }
}

/// Whether a name is that of a PNG or JPEG file.
pub(super) fn is_picture(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default().to_string_lossy().to_lowercase();
    PICTURE_EXTENSIONS.contains(&extension.as_str())
}

/// The pictures of a folder and of those below it, by their names from there with `/` between folders, sorted; and what lies
/// beside them. Links are followed, each folder is read once.
///
/// # Errors
/// When the folder itself cannot be read.
pub(super) fn list_folder(root: &Path) -> Result<(Vec<(String, PathBuf)>, Skipped), DataError> {
    let mut lister = Lister { root, found: Vec::new(), skipped: Skipped::default(), seen: HashSet::new() };
    let entries = children(root).map_err(DataError::io(root))?;
    lister.seen.extend(root.canonicalize().ok());
    lister.list(entries);
    lister.found.sort();
    Ok((lister.found, lister.skipped))
}

/// Whether a folder has a picture, in itself or at most two folders below.
pub(super) fn holds_pictures(folder: &Path, deepest: usize) -> bool {
    let Ok(entries) = children(folder) else { return false };
    let is_found = |path: &PathBuf| is_picture(&name_of(path)) && path.is_file();
    entries.iter().any(is_found)
        || deepest > 0 && entries.iter().any(|path| path.is_dir() && holds_pictures(path, deepest - 1))
}

struct Lister<'a> {
    root: &'a Path,
    found: Vec<(String, PathBuf)>,
    skipped: Skipped,
    /// Folders that were read, without links in their names.
    seen: HashSet<PathBuf>,
}

impl Lister<'_> {
    fn list(&mut self, entries: Vec<PathBuf>) {
        for path in entries {
            if path.is_dir() {
                self.list_folder(&path);
            } else if !path.exists() {
                self.skipped.add_path(Reason::DeadLink, self.root, &path);
            } else if is_picture(&name_of(&path)) && path.is_file() {
                let name = path.strip_prefix(self.root).unwrap_or(&path);
                let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
                self.found.push((parts.join("/"), path));
            } else {
                self.skipped.add_path(Reason::OtherFormat, self.root, &path);
            }
        }
    }

    fn list_folder(&mut self, folder: &Path) {
        if folder.canonicalize().is_ok_and(|folder| !self.seen.insert(folder)) {
            return self.skipped.add_path(Reason::Around, self.root, folder);
        }
        match children(folder) {
            Ok(entries) => self.list(entries),
            Err(_) => self.skipped.add_path(Reason::Unreadable, self.root, folder),
        }
    }
}

/// What lies in a folder, sorted; hidden names are left out, among them the `._NAME` files of macOS.
fn children(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries: std::io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut shown: Vec<PathBuf> = entries?.into_iter().filter(|path| !name_of(path).starts_with('.')).collect();
    shown.sort();
    Ok(shown)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
