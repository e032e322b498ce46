//! What `trainer data info` says of meshes.

use std::path::Path;

use anyhow::Result;
use rayon::prelude::*;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer, warn};

use super::class_counts::ClassCounts;
use super::data::fit_command;
use crate::data::{detect_format, listed};
use crate::progress_bar::progress_bar;
use crate::scene::sweethome3d::SweetHome3d;
use crate::scene::{MESH_EXTENSIONS, MeshFacts, MeshFolder, MeshFolderSettings, ObjectSource, SourceError};

/// Whether a path is a mesh, or a folder that is no data set and holds meshes, right ones or not.
pub(super) fn is_of_meshes(path: &Path) -> bool {
    if path.is_file() {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        return MESH_EXTENSIONS.contains(&extension.as_str());
    }
    let listed = || MeshFolder::open(path, MeshFolderSettings::default());
    path.is_dir()
        && detect_format(path).is_err()
        && prepared_furniture(path).is_none()
        && !matches!(listed(), Err(SourceError::NoMeshes { .. }))
}

/// The furniture that is prepared in a cache folder.
pub(super) fn prepared_furniture(cache: &Path) -> Option<SweetHome3d> {
    SweetHome3d::open(cache, 1.0).ok()
}

/// Prints what every mesh holds, what is wrong, and which are held out.
///
/// # Errors
/// When the folder cannot be used, and after all else was printed when meshes are broken.
pub(super) fn print_meshes(path: &Path, settings: &MeshFolderSettings, json: bool) -> Result<()> {
    let meshes = MeshFolder::open(path, settings.clone())?;
    let inspected = inspect(&meshes);
    let report = Report::new(&meshes, &inspected, settings.max_triangles);
    report.warnings.iter().for_each(warn);
    print_answer(json, &report.json(path), || report.text(path))?;
    let errors: Vec<SourceError> = inspected.into_iter().filter_map(Result::err).collect();
    if !errors.is_empty() {
        return Err(SourceError::BrokenMeshes { errors, meshes: meshes.len() }.into());
    }
    next(fit_command("meshes", path));
    Ok(())
}

fn inspect(meshes: &MeshFolder) -> Vec<Result<MeshFacts, SourceError>> {
    let bar = progress_bar("meshes");
    bar.set_length(meshes.len() as u64);
    let inspect = |index| {
        let facts = meshes.inspect(index);
        bar.inc(1);
        facts
    };
    let facts = (0..meshes.len()).into_par_iter().map(inspect).collect();
    bar.finish_and_clear();
    facts
}

/// All that is said of a folder of meshes.
struct Report<'a> {
    rows: Vec<Row<'a>>,
    broken: Vec<Value>,
    classes: ClassCounts,
    warnings: Vec<String>,
    max_triangles: usize,
}

/// A mesh that can be used.
struct Row<'a> {
    id: String,
    facts: &'a MeshFacts,
    symmetry: String,
    held_out: bool,
}

impl<'a> Report<'a> {
    fn new(meshes: &'a MeshFolder, inspected: &'a [Result<MeshFacts, SourceError>], max_triangles: usize) -> Self {
        let (mut rows, mut broken, mut warnings) = (Vec::new(), Vec::new(), meshes.warnings());
        let mut classes = ClassCounts::default();
        for (index, facts) in inspected.iter().enumerate() {
            classes.add(&meshes.class_names()[meshes.label(index)], meshes.is_held_out(index));
            match facts {
                Ok(facts) => {
                    warnings.extend(facts.warnings.iter().cloned());
                    let symmetry = meshes.symmetry(index).map_or_else(|error| error.to_string(), |it| it.to_string());
                    rows.push(Row { id: meshes.id(index), facts, symmetry, held_out: meshes.is_held_out(index) });
                }
                Err(error) => broken.push(json!({
                    "file": meshes.file(index).to_string_lossy(),
                    "reason": error.to_string(),
                })),
            }
        }
        let unmeasured = classes.unmeasured();
        if unmeasured.len() == classes.len() {
            warnings.push("no object is held out: figures are of new views of the objects trained on".into());
        } else if !unmeasured.is_empty() {
            warnings.push(format!("nothing is held out of {}: figures leave them out", listed(&unmeasured)));
        }
        Self { rows, broken, classes, warnings, max_triangles }
    }

    /// Meshes that lose triangles when they are rendered.
    fn simplified(&self) -> usize {
        self.rows.iter().filter(|row| row.facts.triangles > self.max_triangles).count()
    }

    fn text(&self, path: &Path) -> String {
        let objects = self.rows.len() + self.broken.len();
        let mut text = format!("format\tmeshes\nfolder\t{}\nobjects\t{objects}\n", path.display());
        text += &format!("broken\t{}\nheld out\t{}\n", self.broken.len(), self.classes.held_out());
        text += &format!("simplified\t{} (above {} triangles)\n", self.simplified(), self.max_triangles);
        text += &self.classes.text();
        text += "mesh\ttriangles\tsize\tmaterials\ttextures\tsymmetry\tsplit\n";
        for Row { id, facts, symmetry, held_out } in &self.rows {
            let size = facts.size.map(short).join(" x ");
            let split = if *held_out { "held out" } else { "train" };
            let MeshFacts { triangles, materials, textures, .. } = facts;
            text += &format!("{id}\t{triangles}\t{size}\t{materials}\t{textures}\t{symmetry}\t{split}\n");
        }
        text
    }

    fn json(&self, path: &Path) -> Value {
        let mesh = |row: &Row| {
            json!({
                "id": row.id,
                "triangles": row.facts.triangles,
                "size": row.facts.size,
                "materials": row.facts.materials,
                "textures": row.facts.textures,
                "symmetry": row.symmetry,
                "held_out": row.held_out,
                "warnings": row.facts.warnings,
            })
        };
        json!({
            "format": "meshes",
            "folder": path.to_string_lossy(),
            "objects": self.rows.len() + self.broken.len(),
            "held_out": self.classes.held_out(),
            "simplified": self.simplified(),
            "max_triangles": self.max_triangles,
            "classes": self.classes.json(),
            "meshes": self.rows.iter().map(mesh).collect::<Vec<_>>(),
            "broken": self.broken,
            "warnings": self.warnings,
        })
    }
}

/// A length with four digits that count.
fn short(length: f32) -> String {
    let digits = if length > 0.0 { (3.0 - length.log10().floor()).clamp(0.0, 9.0) } else { 0.0 } as usize;
    let text = format!("{length:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_short() {
        for (length, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.123_456, "0.1235"),
            (12.5, "12.5"),
            (1234.56, "1235"),
            (123_456.0, "123456"),
            (0.000_012_346, "0.00001235"),
        ] {
            assert_eq!(short(length), text);
        }
    }
}
