//! Which files of a folder are meshes, and what else lies there.

use std::fs;
use std::path::{Path, PathBuf};

use super::SourceError;
use super::files::MESH_EXTENSIONS;
use super::skipped::{SkipReason, Skipped};

/// Name of the file that tells which objects look the same from several sides.
pub(super) const SYMMETRY_FILE: &str = "symmetry.toml";
/// What meshes refer to: materials, textures and buffers.
const COMPANION_EXTENSIONS: [&str; 16] = [
    "mtl", "png", "jpg", "jpeg", "bmp", "tga", "gif", "webp", "tif", "tiff", "dds", "ktx", "ktx2", "hdr", "exr", "bin",
];
/// Folders below a class that are looked into for meshes, which are counted and not read.
const DEEPEST: usize = 4;

/// A mesh file that was found.
pub(super) struct FoundMesh {
    pub class: String,
    pub name: String,
    pub path: PathBuf,
}

impl FoundMesh {
    pub fn id(&self) -> String {
        format!("{}/{}", self.class, self.name)
    }

    /// A loose file is a class of its own.
    fn alone(path: &Path) -> Self {
        let name = name_of(path.file_stem());
        Self { class: name.clone(), name, path: path.to_owned() }
    }
}

/// All mesh files at a path, sorted by class and name, and what was left out.
pub(super) struct MeshListing {
    pub found: Vec<FoundMesh>,
    pub skipped: Skipped<Reason>,
}

/// Why something beside the meshes is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    OtherFormat,
    DeeperFolder,
    NoMeshes,
    DeadLink,
    Unreadable,
}

impl SkipReason for Reason {
    fn words(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::OtherFormat, 1) => "file that is no mesh",
            (Self::OtherFormat, _) => "files that are no meshes",
            (Self::DeeperFolder, 1) => "deeper folder with meshes",
            (Self::DeeperFolder, _) => "deeper folders with meshes",
            (Self::NoMeshes, 1) => "folder without meshes",
            (Self::NoMeshes, _) => "folders without meshes",
            (Self::DeadLink, 1) => "dead link",
            (Self::DeadLink, _) => "dead links",
            (Self::Unreadable, 1) => "folder that cannot be read",
            (Self::Unreadable, _) => "folders that cannot be read",
        }
    }
}

/// The meshes at a path: those of the folders in it, which are classes, or its own, each a class of its own; `apart` is
/// a file that may lie there and is no mesh.
///
/// # Errors
/// When the path cannot be read, or meshes lie nowhere, or in both places, or two have one name.
pub(super) fn list_meshes(path: &Path, apart: Option<&Path>) -> Result<MeshListing, SourceError> {
    let metadata = fs::metadata(path).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    if metadata.is_file() {
        return Ok(MeshListing { found: vec![FoundMesh::alone(path)], skipped: Skipped::default() });
    }
    let mut lister = Lister { root: path, apart, skipped: Skipped::default() };
    let (loose, in_classes) = lister.list()?;
    let mut found = lister.in_one_place(loose, in_classes)?;
    found.sort_by(|a, b| (&a.class, &a.name, &a.path).cmp(&(&b.class, &b.name, &b.path)));
    if let Some([first, second]) = found.windows(2).find(|pair| pair[0].id() == pair[1].id()) {
        let (first, second) = (first.path.display(), second.path.display());
        return Err(SourceError::Unusable(format!("{first} and {second} would have one name; rename one of them")));
    }
    Ok(MeshListing { found, skipped: lister.skipped })
}

struct Lister<'a> {
    root: &'a Path,
    apart: Option<&'a Path>,
    skipped: Skipped<Reason>,
}

impl Lister<'_> {
    /// Loose meshes, and those in folders of classes.
    fn list(&mut self) -> Result<(Vec<FoundMesh>, Vec<FoundMesh>), SourceError> {
        let (mut loose, mut in_classes) = (Vec::new(), Vec::new());
        let entries = children(self.root).map_err(|source| SourceError::Io { path: self.root.to_owned(), source })?;
        for child in entries {
            if child.is_dir() {
                self.list_class(&child, &mut in_classes);
            } else if is_mesh(&child) {
                loose.push(FoundMesh::alone(&child));
            } else {
                self.skip_file(&child);
            }
        }
        Ok((loose, in_classes))
    }

    fn list_class(&mut self, folder: &Path, found: &mut Vec<FoundMesh>) {
        let Ok(files) = children(folder) else { return self.skipped.add_path(Reason::Unreadable, self.root, folder) };
        let (class, before) = (name_of(folder.file_name()), found.len());
        let mut has_deeper = false;
        for path in files {
            if path.is_dir() {
                if holds_meshes(&path, DEEPEST) {
                    self.skipped.add_path(Reason::DeeperFolder, self.root, &path);
                    has_deeper = true;
                }
            } else if is_mesh(&path) {
                found.push(FoundMesh { class: class.clone(), name: name_of(path.file_stem()), path });
            } else {
                self.skip_file(&path);
            }
        }
        if found.len() == before && !has_deeper {
            self.skipped.add_path(Reason::NoMeshes, self.root, folder);
        }
    }

    fn skip_file(&mut self, path: &Path) {
        let is_of_ours = path == self.root.join(SYMMETRY_FILE) || self.apart.is_some_and(|apart| same(apart, path));
        if !path.exists() {
            self.skipped.add_path(Reason::DeadLink, self.root, path);
        } else if !is_of_ours && !COMPANION_EXTENSIONS.contains(&extension(path).as_str()) {
            self.skipped.add_path(Reason::OtherFormat, self.root, path);
        }
    }

    fn in_one_place(&self, loose: Vec<FoundMesh>, in_classes: Vec<FoundMesh>) -> Result<Vec<FoundMesh>, SourceError> {
        match (loose.first(), in_classes.is_empty()) {
            (None, false) => Ok(in_classes),
            (Some(_), true) => Ok(loose),
            (None, true) => Err(SourceError::NoMeshes { path: self.root.to_owned(), skipped: self.skipped.summary() }),
            (Some(first), false) => Err(SourceError::Unusable(format!(
                "{}: meshes lie both in the folder itself ({}) and in folders of classes; put each into a class",
                self.root.display(),
                name_of(first.path.file_name())
            ))),
        }
    }
}

/// Whether a folder or one below it holds a mesh.
fn holds_meshes(folder: &Path, deepest: usize) -> bool {
    let Ok(entries) = children(folder) else { return false };
    entries.iter().any(|path| is_mesh(path) || (deepest > 0 && path.is_dir() && holds_meshes(path, deepest - 1)))
}

/// What lies in a folder, sorted; hidden names are left out, among them the `._NAME` files of macOS.
fn children(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_shown = |path: &PathBuf| !name_of(path.file_name()).starts_with('.');
    let entries: std::io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut shown: Vec<PathBuf> = entries?.into_iter().filter(is_shown).collect();
    shown.sort();
    Ok(shown)
}

/// By its extension; links are followed.
fn is_mesh(path: &Path) -> bool {
    MESH_EXTENSIONS.contains(&extension(path).as_str()) && path.is_file()
}

fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

fn same(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

fn name_of(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for name in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, "x").expect("a file");
        }
        folder
    }

    fn listed(folder: &Path) -> (Vec<String>, Option<String>) {
        let listing = list_meshes(folder, None).unwrap_or_else(|error| panic!("{error}"));
        (listing.found.iter().map(FoundMesh::id).collect(), listing.skipped.summary())
    }

    #[test]
    fn names_that_begin_with_a_dot_are_no_meshes_and_no_classes() {
        let folder = folder(&["bolt/a.stl", "bolt/._a.stl", "._bolt/a.stl", ".ipynb_checkpoints/a.stl", ".DS_Store"]);
        assert_eq!(listed(folder.path()), (vec!["bolt/a".to_owned()], None));
    }

    #[test]
    fn what_is_skipped_is_counted_with_examples() {
        let folder = folder(&[
            "bolt/a.STL",
            "bolt/a.fbx",
            "bolt/b.step",
            "bolt/c.dxf",
            "bolt/d.dae",
            "bolt/a.mtl",
            "bolt/textures/steel.png",
            "bolt/old/v1/a.stl",
            "nut/notes.md",
            "symmetry.toml",
        ]);
        let (ids, summary) = listed(folder.path());
        assert_eq!(ids, ["bolt/a"]);
        let expected = "5 files that are no meshes (bolt/a.fbx, bolt/b.step, bolt/c.dxf, …), \
                        1 deeper folder with meshes (bolt/old), 1 folder without meshes (nut)";
        assert_eq!(summary.as_deref(), Some(expected));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_and_dead_ones_counted() {
        use std::os::unix::fs::symlink;
        let folder = folder(&["elsewhere.d/one.stl", "parts/bolt/a.stl"]);
        let parts = folder.path().join("parts");
        symlink(folder.path().join("elsewhere.d/one.stl"), parts.join("bolt/b.stl")).unwrap();
        symlink(folder.path().join("elsewhere.d"), parts.join("nut")).unwrap();
        symlink("nowhere.stl", parts.join("bolt/c.stl")).unwrap();
        symlink("..", parts.join("bolt/round")).unwrap();
        let (ids, summary) = listed(&parts);
        assert_eq!(ids, ["bolt/a", "bolt/b", "nut/one"]);
        let summary = summary.expect("something is skipped");
        assert!(summary.contains("1 dead link (bolt/c.stl)"), "{summary}");
    }

    #[test]
    fn a_folder_without_meshes_says_what_lies_there() {
        let folder = folder(&["part.step"]);
        let error = list_meshes(folder.path(), None).err().expect("no mesh").to_string();
        assert!(error.contains("no meshes there") && error.contains("1 file that is no mesh (part.step)"), "{error}");
    }
}
