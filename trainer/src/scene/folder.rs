use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::SymmetryGroup;

use super::files::{LoadedMesh, MESH_EXTENSIONS, load_mesh};
use super::{Object, ObjectSource, SourceError};

/// Name of the file that tells which objects look the same from several sides.
const SYMMETRY_FILE: &str = "symmetry.toml";

/// How a folder of meshes becomes objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeshFolderSettings {
    /// Diagonal of the objects' bounding boxes, in (0, 100]; default 1.8.
    pub diagonal: f32,
    /// Objects with more triangles are simplified, from 4 on; default 5000.
    pub max_triangles: usize,
    /// Share of the objects that are kept out of training, in [0, 1); default 0.2.
    pub held_out_share: f32,
    /// Whether y is up in OBJ, STL and PLY files (glTF fixes it); default false: z is up.
    pub y_up: bool,
}

impl Default for MeshFolderSettings {
    fn default() -> Self {
        Self { diagonal: 1.8, max_triangles: 5000, held_out_share: 0.2, y_up: false }
    }
}

/// The meshes of a folder.
///
/// They lie as `CLASS/NAME.{obj,stl,ply,glb,gltf}`; or directly in the folder, or as a single file: then each is a
/// class of its own. An optional `symmetry.toml` in the folder maps `"CLASS/NAME"` or `"CLASS"` to the text of a
/// symmetry group, in the frame of the object with z up. Meshes are loaded when they are first asked for, and kept.
#[derive(Debug)]
pub struct MeshFolder {
    settings: MeshFolderSettings,
    class_names: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    name: String,
    label: usize,
    held_out: bool,
    symmetry: SymmetryGroup,
    loaded: Mutex<Option<(Object, Vec<String>)>>,
}

/// A mesh file that was found.
struct Found {
    class: String,
    name: String,
    path: PathBuf,
}

impl Found {
    fn id(&self) -> String {
        format!("{}/{}", self.class, self.name)
    }
}

impl MeshFolder {
    /// The meshes at a path; none is read yet.
    ///
    /// # Errors
    /// When the path cannot be read, holds no meshes or two of one name, or a setting or `symmetry.toml` is wrong.
    pub fn open(path: &Path, settings: MeshFolderSettings) -> Result<Self, SourceError> {
        settings.validate()?;
        let mut found = find(path)?;
        found.sort_by(|a, b| (&a.class, &a.name, &a.path).cmp(&(&b.class, &b.name, &b.path)));
        if let Some([first, second]) = found.windows(2).find(|pair| pair[0].id() == pair[1].id()) {
            let (first, second) = (first.path.display(), second.path.display());
            return Err(SourceError::Unusable(format!("{first} and {second} would have one name; rename one of them")));
        }
        let symmetries = read_symmetries(path, &found)?;
        let mut class_names: Vec<String> = found.iter().map(|found| found.class.clone()).collect();
        class_names.dedup();
        let held_out = held_out(&found, settings.held_out_share);
        let entries = found.into_iter().zip(held_out).map(|(found, held_out)| {
            let symmetry = symmetries.get(&found.id()).or_else(|| symmetries.get(&found.class));
            Entry {
                label: class_names.partition_point(|class| *class < found.class),
                held_out,
                symmetry: symmetry.copied().unwrap_or(SymmetryGroup::None),
                path: found.path,
                name: found.name,
                loaded: Mutex::new(None),
            }
        });
        Ok(Self { entries: entries.collect(), settings, class_names })
    }

    /// Loads every mesh, so that a broken one is found before hours of work and not after.
    ///
    /// # Errors
    /// Names the first mesh that cannot be read or is broken.
    pub fn load_all(&self) -> Result<(), SourceError> {
        let loaded: Vec<_> = (0..self.len()).into_par_iter().map(|index| self.object(index).map(|_| ())).collect();
        loaded.into_iter().collect()
    }

    fn load(&self, entry: &Entry) -> Result<(Object, Vec<String>), SourceError> {
        let LoadedMesh { mesh, warnings } = load_mesh(&entry.path)?;
        let is_gltf = entry
            .path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("glb") || extension.eq_ignore_ascii_case("gltf"));
        let upright = if self.settings.y_up && !is_gltf { mesh.y_up_to_z_up() } else { mesh };
        let mesh = upright.decimated(self.settings.max_triangles).centred_and_scaled(self.settings.diagonal);
        Ok((Object { mesh: Arc::new(mesh), symmetry: entry.symmetry }, warnings))
    }
}

impl MeshFolderSettings {
    fn validate(&self) -> Result<(), SourceError> {
        let checks = [
            ("diagonal", self.diagonal > 0.0 && self.diagonal <= 100.0, "above 0 and at most 100"),
            ("max_triangles", self.max_triangles >= 4, "at least 4"),
            ("held_out_share", (0.0..1.0).contains(&self.held_out_share), "at least 0 and below 1"),
        ];
        match checks.into_iter().find(|(_, fits, _)| !fits) {
            Some((name, _, expected)) => Err(SourceError::Unusable(format!("{name} must be {expected}"))),
            None => Ok(()),
        }
    }
}

impl ObjectSource for MeshFolder {
    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn id(&self, index: usize) -> String {
        let entry = &self.entries[index];
        format!("{}/{}", self.class_names[entry.label], entry.name)
    }

    fn label(&self, index: usize) -> usize {
        self.entries[index].label
    }

    fn is_held_out(&self, index: usize) -> bool {
        self.entries[index].held_out
    }

    fn object(&self, index: usize) -> Result<Object, SourceError> {
        let entry = &self.entries[index];
        let mut loaded = entry.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            *loaded = Some(self.load(entry)?);
        }
        match &*loaded {
            Some((object, _)) => Ok(object.clone()),
            None => Err(SourceError::Unusable(format!("{} was not loaded", entry.path.display()))),
        }
    }

    fn symmetry(&self, index: usize) -> Result<SymmetryGroup, SourceError> {
        Ok(self.entries[index].symmetry)
    }

    fn warnings(&self) -> Vec<String> {
        let of_entry = |entry: &Entry| {
            let loaded = entry.loaded.lock().unwrap_or_else(PoisonError::into_inner);
            loaded.as_ref().map_or_else(Vec::new, |(_, warnings)| warnings.clone())
        };
        self.entries.iter().flat_map(of_entry).collect()
    }
}

/// All mesh files at a path.
fn find(path: &Path) -> Result<Vec<Found>, SourceError> {
    let metadata = std::fs::metadata(path).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    if metadata.is_file() {
        return Ok(vec![class_of_its_own(path)]);
    }
    let (mut direct, mut in_classes) = (Vec::new(), Vec::new());
    for child in children(path)? {
        if child.is_dir() {
            let class = name_of(child.file_name());
            let meshes = children(&child)?.into_iter().filter(|file| is_mesh(file));
            in_classes.extend(meshes.map(|path| Found { class: class.clone(), name: name_of(path.file_stem()), path }));
        } else if is_mesh(&child) {
            direct.push(class_of_its_own(&child));
        }
    }
    let extensions = MESH_EXTENSIONS.join(",");
    match (direct.is_empty(), in_classes.is_empty()) {
        (true, false) => Ok(in_classes),
        (false, true) => Ok(direct),
        (true, true) => Err(SourceError::Unusable(format!(
            "{}: no meshes there; expected CLASS/NAME.{{{extensions}}} or NAME.{{{extensions}}}",
            path.display()
        ))),
        (false, false) => Err(SourceError::Unusable(format!(
            "{}: meshes lie both in the folder itself ({}) and in folders of classes; put each into a class",
            path.display(),
            name_of(direct[0].path.file_name())
        ))),
    }
}

fn class_of_its_own(path: &Path) -> Found {
    let name = name_of(path.file_stem());
    Found { class: name.clone(), name, path: path.to_owned() }
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let failed = |source| SourceError::Io { path: folder.to_owned(), source };
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

fn is_mesh(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    MESH_EXTENSIONS.contains(&extension.as_str()) && path.is_file()
}

fn name_of(name: Option<&std::ffi::OsStr>) -> String {
    name.unwrap_or_default().to_string_lossy().into_owned()
}

/// Which objects are kept out of training: those whose hashed name falls below the share, so that adding objects moves
/// no other; but never all of a class.
fn held_out(found: &[Found], share: f32) -> Vec<bool> {
    let draws: Vec<f64> = found.iter().map(|found| unit_hash(&found.id())).collect();
    let mut held_out: Vec<bool> = draws.iter().map(|draw| *draw < f64::from(share)).collect();
    let mut start = 0;
    for class in found.chunk_by(|a, b| a.class == b.class) {
        let members = start..start + class.len();
        start = members.end;
        if held_out[members.clone()].iter().all(|held_out| *held_out) {
            let last = members.max_by(|a, b| draws[*a].total_cmp(&draws[*b]));
            last.into_iter().for_each(|last| held_out[last] = false);
        }
    }
    held_out
}

/// A number in [0, 1) that depends on the text only: FNV-1a, mixed as in `SplitMix64`.
fn unit_hash(text: &str) -> f64 {
    let fnv = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (fnv ^ (fnv >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Symmetry groups by `CLASS/NAME` or `CLASS`; empty without a file.
fn read_symmetries(folder: &Path, found: &[Found]) -> Result<HashMap<String, SymmetryGroup>, SourceError> {
    let path = folder.join(SYMMETRY_FILE);
    if folder.is_file() || !path.exists() {
        return Ok(HashMap::new());
    }
    let malformed = |reason: String| SourceError::Malformed { path: path.clone(), reason };
    let text = std::fs::read_to_string(&path).map_err(|source| SourceError::Io { path: path.clone(), source })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| malformed(error.to_string()))?;
    let mut symmetries = HashMap::new();
    for (key, value) in table {
        if !found.iter().any(|found| found.class == key || found.id() == key) {
            return Err(malformed(format!("`{key}` names neither a class nor an object (CLASS/NAME) of the folder")));
        }
        let text = value.as_str().ok_or_else(|| malformed(format!("`{key}` must be a text such as \"cyclic:z:4\"")))?;
        let symmetry = text.parse::<SymmetryGroup>().map_err(|error| malformed(format!("`{key}`: {error}")))?;
        symmetries.insert(key, symmetry);
    }
    Ok(symmetries)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const OBJ: &str = "v 0 0 0\nv 1 0 0\nv 0 2 0\nv 0 0 4\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    fn open(folder: &tempfile::TempDir) -> Result<MeshFolder, SourceError> {
        MeshFolder::open(folder.path(), MeshFolderSettings::default())
    }

    fn ids(meshes: &MeshFolder) -> Vec<String> {
        (0..meshes.len()).map(|index| meshes.id(index)).collect()
    }

    #[test]
    fn classes_and_objects_are_sorted() {
        let folder = folder(&[
            ("mug/b.obj", OBJ),
            ("mug/a.OBJ", OBJ),
            ("mug/notes.txt", ""),
            ("axe/z.obj", OBJ),
            ("README.md", ""),
        ]);
        let meshes = open(&folder).expect("meshes");
        assert_eq!(meshes.class_names(), ["axe", "mug"]);
        assert_eq!(ids(&meshes), ["axe/z", "mug/a", "mug/b"]);
        assert_eq!([0, 1, 2].map(|index| meshes.label(index)), [0, 1, 1]);
    }

    #[test]
    fn loose_files_are_classes_of_their_own() {
        let folder = folder(&[("b.obj", OBJ), ("a.obj", OBJ)]);
        assert_eq!(ids(&open(&folder).expect("meshes")), ["a/a", "b/b"]);
        let single = MeshFolder::open(&folder.path().join("b.obj"), MeshFolderSettings::default()).expect("a mesh");
        assert_eq!((ids(&single), single.is_held_out(0)), (vec!["b/b".to_owned()], false));
    }

    #[test]
    fn objects_are_upright_centred_and_small() {
        let folder = folder(&[("part/a.obj", OBJ)]);
        let settings = MeshFolderSettings { y_up: true, diagonal: 1.5, ..MeshFolderSettings::default() };
        let meshes = MeshFolder::open(folder.path(), settings).expect("meshes");
        let bounds = meshes.object(0).expect("an object").mesh.bounding_box().expect("vertices");
        let size: [f32; 3] = std::array::from_fn(|i| bounds.max[i] - bounds.min[i]);
        assert!((bounds.diagonal() - 1.5).abs() < 1e-5 && size[1] > size[2] && size[2] > size[0], "{size:?}");
        let again = meshes.object(0).expect("an object");
        assert!(Arc::ptr_eq(&again.mesh, &meshes.object(0).expect("an object").mesh), "kept in memory");
    }

    #[test]
    fn the_split_depends_on_names_only_and_leaves_no_class_untrained() {
        let names: Vec<String> = (0..60).map(|index| format!("c{}/n{index}.obj", index % 6)).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), OBJ)).collect();
        let split = |files: &[(&str, &str)], share| {
            let folder = folder(files);
            let settings = MeshFolderSettings { held_out_share: share, ..MeshFolderSettings::default() };
            let meshes = MeshFolder::open(folder.path(), settings).expect("meshes");
            (0..meshes.len()).map(|i| (meshes.id(i), meshes.label(i), meshes.is_held_out(i))).collect::<Vec<_>>()
        };
        let whole = split(&files, 0.2);
        let held_out = whole.iter().filter(|object| object.2).count();
        assert!((5..=20).contains(&held_out), "{held_out} of 60 held out");
        assert!(split(&files[..30], 0.2).iter().all(|object| whole.contains(object)), "fewer files, same split");
        assert_eq!(split(&files, 0.0).iter().filter(|object| object.2).count(), 0);
        let most = split(&files, 0.999);
        assert!((0..6).all(|class| most.iter().filter(|object| object.1 == class && !object.2).count() == 1));
    }

    #[test]
    fn symmetry_of_the_object_goes_before_that_of_its_class() {
        let toml = "bolt = \"cyclic:z:6\"\n\"bolt/plain\" = \"none\"\n";
        let folder = folder(&[("bolt/a.obj", OBJ), ("bolt/plain.obj", OBJ), ("nut/a.obj", OBJ), (SYMMETRY_FILE, toml)]);
        let meshes = open(&folder).expect("meshes");
        let hexagonal = SymmetryGroup::Cyclic { axis: [0.0, 0.0, 1.0], order: 6 };
        let got = [0, 1, 2].map(|index| meshes.object(index).expect("an object").symmetry);
        assert_eq!(got, [hexagonal, SymmetryGroup::None, SymmetryGroup::None]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases: [(&[(&str, &str)], &str); 7] = [
            (&[], "no meshes there"),
            (&[("a/a.obj", OBJ), ("b.obj", OBJ)], "b.obj"),
            (&[("a/a.obj", OBJ), ("a/a.stl", "")], "one name"),
            (&[("a/a.obj", OBJ), (SYMMETRY_FILE, "b = \"none\"")], "`b` names neither"),
            (&[("a/a.obj", OBJ), (SYMMETRY_FILE, "a = 3")], "must be a text"),
            (&[("a/a.obj", OBJ), (SYMMETRY_FILE, "a = \"cubic\"")], "unknown symmetry"),
            (&[("a/a.obj", OBJ), (SYMMETRY_FILE, "a = ")], SYMMETRY_FILE),
        ];
        for (files, expected) in cases {
            let error = open(&folder(files)).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}, not {expected}");
        }
        let folder = folder(&[("a/broken.obj", "v 1 2\nf 1 2 3"), ("a/good.obj", OBJ)]);
        let meshes = open(&folder).expect("meshes");
        let error = meshes.object(0).expect_err("broken").to_string();
        assert!(error.contains("broken.obj"), "{error}");
        assert!(meshes.object(1).is_ok(), "others stay usable");
        let missing = MeshFolder::open(Path::new("/nowhere/at/all"), MeshFolderSettings::default());
        assert!(missing.expect_err("missing").to_string().contains("/nowhere/at/all"));
        let settings = MeshFolderSettings { held_out_share: 1.0, ..MeshFolderSettings::default() };
        assert!(MeshFolder::open(folder.path(), settings).expect_err("bad").to_string().contains("held_out_share"));
    }
}
