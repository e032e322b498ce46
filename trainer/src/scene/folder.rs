use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::SymmetryGroup;

use super::files::{LoadedMesh, load_mesh};
use super::held_out::{read_list, stratified};
use super::mesh_listing::{FoundMesh, MeshListing, SYMMETRY_FILE, list_meshes};
use super::{Object, ObjectSource, SourceError};

/// How a folder of meshes becomes objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeshFolderSettings {
    /// Diagonal of the objects' bounding boxes, in (0, 100]; default 1.8.
    pub diagonal: f32,
    /// Objects with more triangles are simplified, from 4 on; default 5000.
    pub max_triangles: usize,
    /// Share of each class that is kept out of training, in [0, 1); default 0.2.
    pub held_out_share: f32,
    /// File with a line `CLASS/NAME` for each object that is kept out of training, in place of the share; default none.
    pub held_out_list: Option<PathBuf>,
    /// Decides which objects the share keeps out; default 0.
    pub seed: u64,
    /// Whether [`MeshFolder::load_all`] leaves meshes out that cannot be used; default false: they are an error.
    pub skip_broken: bool,
    /// Whether y is up in OBJ, STL and PLY files (glTF fixes it); default false: z is up.
    pub y_up: bool,
}

impl Default for MeshFolderSettings {
    fn default() -> Self {
        Self {
            diagonal: 1.8,
            max_triangles: 5000,
            held_out_share: 0.2,
            held_out_list: None,
            seed: 0,
            skip_broken: false,
            y_up: false,
        }
    }
}

/// The meshes of a folder.
///
/// They lie as `CLASS/NAME.{obj,stl,ply,glb,gltf}`; or directly in the folder, or as a single file: then each is a
/// class of its own. Names that begin with a dot do not count. An optional `symmetry.toml` in the folder maps
/// `"CLASS/NAME"` or `"CLASS"` to the text of a symmetry group, in the frame of the object with z up. Meshes are loaded
/// when they are first asked for, and kept.
#[derive(Debug)]
pub struct MeshFolder {
    path: PathBuf,
    settings: MeshFolderSettings,
    class_names: Vec<String>,
    entries: Vec<Entry>,
    /// Objects of the list of held-out ones, when there is one.
    listed: Option<BTreeSet<String>>,
    skipped: Option<String>,
    /// Why meshes were left out.
    broken: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    class: String,
    name: String,
    label: usize,
    held_out: bool,
    symmetry: SymmetryGroup,
    loaded: Mutex<Option<(Object, Vec<String>)>>,
}

/// A mesh as its file has it: before it is turned, simplified and scaled.
#[derive(Clone, Debug)]
pub struct MeshFacts {
    /// Triangles in the file.
    pub triangles: usize,
    /// Sides of the bounding box in the file's unit and axes.
    pub size: [f32; 3],
    /// Materials.
    pub materials: usize,
    /// Materials with a picture on them.
    pub textures: usize,
    /// What had to be left out.
    pub warnings: Vec<String>,
}

impl MeshFolder {
    /// The meshes at a path; none is read yet.
    ///
    /// # Errors
    /// When the path cannot be read, holds no meshes or two of one name, or a setting, `symmetry.toml` or the list of
    /// held-out objects is wrong.
    pub fn open(path: &Path, settings: MeshFolderSettings) -> Result<Self, SourceError> {
        settings.validate()?;
        let MeshListing { found, skipped } = list_meshes(path, settings.held_out_list.as_deref())?;
        let symmetries = read_symmetries(path, &found)?;
        let ids: Vec<String> = found.iter().map(FoundMesh::id).collect();
        let listed = settings.held_out_list.as_deref().map(|file| read_list(file, &ids)).transpose()?;
        let entries = found.into_iter().map(|found| {
            let symmetry = symmetries.get(&found.id()).or_else(|| symmetries.get(&found.class));
            Entry {
                label: 0,
                held_out: false,
                symmetry: symmetry.copied().unwrap_or(SymmetryGroup::None),
                path: found.path,
                class: found.class,
                name: found.name,
                loaded: Mutex::new(None),
            }
        });
        let mut folder = Self {
            path: path.to_owned(),
            entries: entries.collect(),
            settings,
            class_names: Vec::new(),
            listed,
            skipped: skipped.summary(),
            broken: Vec::new(),
        };
        folder.label_and_split();
        Ok(folder)
    }

    /// Loads every mesh, so that broken ones are found before hours of work and not after; with
    /// [`MeshFolderSettings::skip_broken`] these are left out, with a warning each.
    ///
    /// # Errors
    /// Names every mesh that cannot be read or is broken, when none is to be left out or none other is there.
    pub fn load_all(mut self) -> Result<Self, SourceError> {
        let loaded: Vec<_> = (0..self.len()).into_par_iter().map(|index| self.object(index).err()).collect();
        let meshes = loaded.len();
        let is_whole: Vec<bool> = loaded.iter().map(Option::is_none).collect();
        let errors: Vec<SourceError> = loaded.into_iter().flatten().collect();
        if errors.is_empty() {
            return Ok(self);
        }
        if !self.settings.skip_broken || errors.len() == meshes {
            return Err(SourceError::BrokenMeshes { errors, meshes });
        }
        self.broken = errors.iter().map(|error| format!("skipped {error}")).collect();
        let classes = std::mem::take(&mut self.class_names);
        let mut whole = is_whole.into_iter();
        self.entries.retain(|_| whole.next().unwrap_or(true));
        self.label_and_split();
        let gone = classes.into_iter().filter(|class| !self.class_names.contains(class));
        self.broken
            .extend(gone.map(|class| format!("the class {class} has no mesh that can be used, and is left out")));
        Ok(self)
    }

    /// Classes, labels and split follow from which meshes there are.
    fn label_and_split(&mut self) {
        let ids: Vec<String> = (0..self.len()).map(|index| self.id(index)).collect();
        let classes: Vec<&str> = self.entries.iter().map(|entry| entry.class.as_str()).collect();
        let held_out: Vec<bool> = match &self.listed {
            Some(listed) => ids.iter().map(|id| listed.contains(id)).collect(),
            None => stratified(&classes, &ids, self.settings.held_out_share, self.settings.seed),
        };
        let mut class_names: Vec<String> = classes.into_iter().map(str::to_owned).collect();
        class_names.dedup();
        for (entry, held_out) in self.entries.iter_mut().zip(held_out) {
            entry.label = class_names.partition_point(|class| *class < entry.class);
            entry.held_out = held_out;
        }
        self.class_names = class_names;
    }

    /// The file of an object.
    pub fn file(&self, index: usize) -> &Path {
        &self.entries[index].path
    }

    /// Reads a mesh anew and says what its file holds.
    ///
    /// # Errors
    /// When it cannot be read or is broken.
    pub fn inspect(&self, index: usize) -> Result<MeshFacts, SourceError> {
        let LoadedMesh { mesh, warnings } = load_mesh(&self.entries[index].path)?;
        let bounds = mesh.bounding_box();
        Ok(MeshFacts {
            triangles: mesh.triangles.len(),
            size: bounds.map_or([0.0; 3], |bounds| std::array::from_fn(|i| bounds.max[i] - bounds.min[i])),
            materials: mesh.materials.len(),
            textures: mesh.materials.iter().filter(|material| material.texture.is_some()).count(),
            warnings,
        })
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
        format!("{}/{}", entry.class, entry.name)
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
        let skipped = self.skipped.iter().map(|summary| format!("{}: skipped {summary}", self.path.display()));
        skipped.chain(self.broken.iter().cloned()).chain(self.entries.iter().flat_map(of_entry)).collect()
    }
}

/// Symmetry groups by `CLASS/NAME` or `CLASS`; empty without a file.
fn read_symmetries(folder: &Path, found: &[FoundMesh]) -> Result<HashMap<String, SymmetryGroup>, SourceError> {
    let path = folder.join(SYMMETRY_FILE);
    if folder.is_file() || !path.exists() {
        return Ok(HashMap::new());
    }
    let malformed = |reason: String| SourceError::MalformedSymmetry { path: path.clone(), reason };
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

    fn split(meshes: &MeshFolder) -> Vec<(String, bool)> {
        (0..meshes.len()).map(|index| (meshes.id(index), meshes.is_held_out(index))).collect()
    }

    #[test]
    fn seed_share_and_list_decide_what_is_held_out() {
        let names: Vec<String> = (0..30).map(|index| format!("c{}/n{index}.obj", index % 3)).collect();
        let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), OBJ)).collect();
        files.push(("held-out.txt", "c0/n0\nc1/n1\n"));
        let folder = folder(&files);
        let with = |settings| split(&MeshFolder::open(folder.path(), settings).expect("meshes"));
        let base = MeshFolderSettings::default;
        let count = |split: &[(String, bool)]| split.iter().filter(|(_, held_out)| *held_out).count();
        assert_eq!(count(&with(base())), 6, "a fifth of each class");
        assert_eq!(count(&with(MeshFolderSettings { held_out_share: 0.5, ..base() })), 15);
        assert_ne!(with(base()), with(MeshFolderSettings { seed: 1, ..base() }));
        let list = Some(folder.path().join("held-out.txt"));
        let listed = with(MeshFolderSettings { held_out_list: list.clone(), ..base() });
        let held_out: Vec<&str> = listed.iter().filter(|(_, out)| *out).map(|(id, _)| id.as_str()).collect();
        assert_eq!(held_out, ["c0/n0", "c1/n1"]);
        let meshes = MeshFolder::open(folder.path(), MeshFolderSettings { held_out_list: list, ..base() }).unwrap();
        assert_eq!(meshes.warnings(), Vec::<String>::new(), "the list itself is no stray file");
    }

    #[test]
    fn all_broken_meshes_are_named_at_once_or_left_out() {
        let broken = "v 1 2\nf 1 2 3";
        let folder = folder(&[
            ("axe/only.obj", broken),
            ("mug/a.obj", OBJ),
            ("mug/b.obj", broken),
            ("mug/c.obj", OBJ),
            ("vase/a.obj", OBJ),
        ]);
        let error = open(&folder).unwrap().load_all().expect_err("two are broken");
        let message = error.to_string();
        assert!(message.starts_with("2 of 5 meshes cannot be used:\n"), "{message}");
        assert!(message.contains("axe/only.obj") && message.contains("mug/b.obj"), "{message}");
        assert!(error.hint().is_some_and(|hint| hint.contains("skip_broken")), "{:?}", error.hint());
        let settings = MeshFolderSettings { skip_broken: true, ..MeshFolderSettings::default() };
        let whole = MeshFolder::open(folder.path(), settings.clone()).unwrap().load_all().expect("three are whole");
        assert_eq!(
            (ids(&whole), whole.class_names()),
            (["mug/a", "mug/c", "vase/a"].map(String::from).to_vec(), &["mug".to_owned(), "vase".into()][..])
        );
        assert_eq!((0..3).filter(|index| whole.is_held_out(*index)).count(), 1, "split anew, without the broken ones");
        let warnings = whole.warnings().join("\n");
        assert!(warnings.contains("skipped") && warnings.contains("mug/b.obj"), "{warnings}");
        assert!(warnings.contains("the class axe has no mesh"), "{warnings}");
        let none = folder.path().join("axe");
        assert!(MeshFolder::open(&none, settings).unwrap().load_all().is_err(), "nothing would be left");
    }

    #[test]
    fn a_file_is_told_as_it_is() {
        let folder = folder(&[("part/a.obj", OBJ)]);
        let facts = open(&folder).expect("meshes").inspect(0).expect("a mesh");
        assert_eq!((facts.triangles, facts.size), (4, [1.0, 2.0, 4.0]));
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
