//! What `trainer data info` says of pictures.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer, warn};

use super::info::{given, refuse};
use super::{InfoArgs, Labels, fit_pictures_command};
use crate::cli::class_counts::ClassCounts;
use crate::data::pictures::{
    CifarLabels, ListedPictures, PictureFolderSettings, holds_cifar, list_cifar, list_idx, list_pictures,
    looks_like_idx, looks_like_pictures,
};
use crate::data::{DEFAULT_PICTURE_MEMORY_BYTES, DataError, listed};
use crate::scene::MeshFolderSettings;

/// Prints what a folder or an archive of pictures holds and which are broken; `false` where there are no pictures.
///
/// # Errors
/// When the pictures are not as their format has them, and after all else was printed when some are broken.
pub(super) fn print_pictures(path: &Path, args: &InfoArgs) -> Result<bool> {
    let Some((source, pictures)) = pictures_at(path, args)? else { return Ok(false) };
    let report = Report::new(source, &pictures);
    report.warnings.iter().for_each(warn);
    print_answer(args.json, &report.json(), || report.text())?;
    if !report.broken.is_empty() {
        let errors = report.broken;
        return Err(DataError::BrokenPictures { place: path.to_owned(), errors, pictures: pictures.len() }.into());
    }
    let fit = fit_pictures_command(source, path);
    next(if args.labels == Some(Labels::None) { fit.words("--set data.labels=none") } else { fit });
    Ok(true)
}

/// The pictures with the name of their source.
fn pictures_at(path: &Path, args: &InfoArgs) -> Result<Option<(&'static str, ListedPictures)>> {
    let memory_bytes = DEFAULT_PICTURE_MEMORY_BYTES;
    let is_cifar = holds_cifar(path, memory_bytes)?;
    if is_cifar || looks_like_idx(path) {
        refuse(path, &given(args), "the data set tells its classes and its split itself")?;
        return Ok(Some(match is_cifar {
            true => ("cifar", list_cifar(path, CifarLabels::Fine, memory_bytes)?),
            false => ("idx", list_idx(path, memory_bytes)?),
        }));
    }
    if !looks_like_pictures(path) {
        return Ok(None);
    }
    let list = args.split.held_out_list.as_ref().map(|_| "--held-out-list");
    refuse(path, list.as_slice(), "only meshes are held out by a list")?;
    let MeshFolderSettings { held_out_share, seed, .. } = args.split.settings(args.seed.unwrap_or(0))?;
    let with_classes = args.labels != Some(Labels::None);
    let settings = PictureFolderSettings { with_classes, held_out_share, seed, archive_bytes: memory_bytes };
    Ok(Some(("pictures", list_pictures(path, &settings)?)))
}

/// All that is said of pictures.
struct Report<'a> {
    source: &'static str,
    layout: &'a str,
    pictures: usize,
    held_out: usize,
    /// Width and height of the pictures with the fewest and the most pixels.
    sizes: Option<[[usize; 2]; 2]>,
    /// None where nothing is known of classes.
    classes: Option<ClassCounts>,
    broken: Vec<String>,
    warnings: Vec<String>,
}

impl<'a> Report<'a> {
    fn new(source: &'static str, pictures: &'a ListedPictures) -> Self {
        let (mut sizes, mut broken) = (Vec::new(), Vec::new());
        for outcome in pictures.inspect() {
            match outcome {
                Ok(size) => sizes.push(size),
                Err(error) => broken.push(error),
            }
        }
        let area = |size: &&[usize; 2]| (size[0] * size[1], size[0]);
        let sizes = sizes.iter().min_by_key(area).zip(sizes.iter().max_by_key(area)).map(|(a, b)| [*a, *b]);
        let classes = (!pictures.class_names().is_empty()).then(|| class_counts(pictures));
        let held_out = (0..pictures.len()).filter(|&picture| pictures.is_held_out(picture)).count();
        let mut warnings = pictures.warnings().to_vec();
        warnings.extend(unmeasured(held_out, classes.as_ref()));
        let layout = pictures.layout();
        Self { source, layout, pictures: pictures.len(), held_out, sizes, classes, broken, warnings }
    }

    fn text(&self) -> String {
        let Self { source, layout, pictures, held_out, .. } = self;
        let mut text = format!("format\t{source}\nlayout\t{layout}\npictures\t{pictures}\n");
        let _ = write!(text, "held out\t{held_out}\nbroken\t{}\n", self.broken.len());
        match self.sizes {
            Some([[width, height], most]) if most == [width, height] => {
                let _ = writeln!(text, "size\t{width} x {height}");
            }
            Some([least, most]) => {
                let _ = writeln!(text, "size\t{} x {} to {} x {}", least[0], least[1], most[0], most[1]);
            }
            None => {}
        }
        text + &self.classes.as_ref().map_or_else(|| "classes\tnone\n".into(), ClassCounts::text)
    }

    fn json(&self) -> Value {
        json!({
            "format": self.source,
            "layout": self.layout,
            "pictures": self.pictures,
            "held_out": self.held_out,
            "broken": self.broken,
            "size": self.sizes.map(|[least, most]| json!({ "fewest_pixels": least, "most_pixels": most })),
            "classes": self.classes.as_ref().map(ClassCounts::json),
            "warnings": self.warnings,
        })
    }
}

fn class_counts(pictures: &ListedPictures) -> ClassCounts {
    let mut classes = ClassCounts::default();
    for picture in 0..pictures.len() {
        classes.add(&pictures.class_names()[pictures.label(picture)], pictures.is_held_out(picture));
    }
    classes
}

fn unmeasured(held_out: usize, classes: Option<&ClassCounts>) -> Option<String> {
    if held_out == 0 {
        return Some("no picture is held out: figures are of the very pictures that are trained on".into());
    }
    let unmeasured = classes.map(ClassCounts::unmeasured).filter(|unmeasured| !unmeasured.is_empty())?;
    Some(format!("nothing is held out of {}: figures leave them out", listed(&unmeasured)))
}
