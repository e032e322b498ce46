//! `trainer data info`.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde_json::json;
use sextant_runtime::command_line::{next, print_answer, warn};
use sextant_runtime::typed_command::Program;

use super::furniture::print_index;
use super::{InfoArgs, fit_command, picture_info};
use crate::cli::class_counts::ClassCounts;
use crate::cli::mesh_info;
use crate::config::with_home;
use crate::data::{DataFormat, SextantFolder, ThreeDieBenchFolder, ViewSource, detect_format};
use crate::progress_bar::progress_bar;
use crate::scene::CameraPose;

/// What `data info` prints.
struct Summary {
    format: DataFormat,
    image_size: usize,
    /// Fewest and most views of an object.
    views: [usize; 2],
    images: usize,
    /// Where the camera stood.
    camera: Option<CameraPose>,
    objects: usize,
    classes: ClassCounts,
    warnings: Vec<String>,
}

/// Prints what a data set holds.
pub(super) fn info(args: &InfoArgs) -> Result<()> {
    let dir = with_home(&args.dir)?;
    if mesh_info::is_of_meshes(&dir) {
        refuse(&dir, args.labels.map(|_| "--labels").as_slice(), "only pictures may go without classes")?;
        return mesh_info::print_meshes(&dir, &args.split.settings(args.seed.unwrap_or(0))?, args.json);
    }
    let prepared = mesh_info::prepared_furniture(&dir);
    if prepared.is_none() && detect_format(&dir).is_err() && picture_info::print_pictures(&dir, args)? {
        return Ok(());
    }
    refuse(&dir, &given(args), "only meshes and pictures are split when they are read")?;
    if let Some(prepared) = prepared {
        print_index(prepared.folder(), prepared.index(), args.json)?;
        next(Program::Trainer.command("fit --preset household --set").assignment("data.path", &dir));
        return Ok(());
    }
    let summary = match detect_format(&dir)? {
        DataFormat::Sextant => Summary::new(DataFormat::Sextant, &SextantFolder::open(&dir, None)?),
        DataFormat::ThreeDieBench => {
            let folder = ThreeDieBenchFolder::open(&dir, None, CameraPose::THREE_DIE_BENCH)?;
            check_every_view(&folder)?;
            Summary::new(DataFormat::ThreeDieBench, &folder)
        }
    };
    summary.warnings.iter().for_each(warn);
    print_answer(args.json, &summary.json(), || summary.to_string())?;
    next(fit_command(summary.format.name(), &dir));
    Ok(())
}

/// The options that decide on classes and split.
pub(super) fn given(args: &InfoArgs) -> Vec<&'static str> {
    let mut given = args.split.given();
    given.extend(args.seed.map(|_| "--seed"));
    given.extend(args.labels.map(|_| "--labels"));
    given
}

/// Refuses options that would do nothing.
pub(super) fn refuse(dir: &Path, given: &[&str], reason: &str) -> Result<()> {
    if !given.is_empty() {
        bail!("{}: {} has no effect: {reason}", dir.display(), given.join(", "));
    }
    Ok(())
}

fn check_every_view(folder: &ThreeDieBenchFolder) -> Result<()> {
    let bar: ProgressBar = progress_bar("objects");
    bar.set_length(folder.subject_count() as u64);
    let checked = (0..folder.subject_count()).into_par_iter().try_for_each(|object| {
        (0..folder.views_of(object)).try_for_each(|view| folder.check_view(object, view))?;
        bar.inc(1);
        Ok::<(), crate::data::DataError>(())
    });
    bar.finish_and_clear();
    checked.context("the data set is broken")
}

impl Summary {
    fn new(format: DataFormat, source: &dyn ViewSource) -> Self {
        let counts: Vec<usize> = (0..source.subject_count()).filter_map(|object| source.view_count(object)).collect();
        let mut classes = ClassCounts::default();
        for object in 0..source.subject_count() {
            classes.add(&source.class_names()[source.label(object)], source.is_held_out(object));
        }
        Self {
            format,
            image_size: source.image_size(),
            views: [counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0)),
            images: counts.iter().sum(),
            camera: source.camera(),
            objects: source.subject_count(),
            classes,
            warnings: source.warnings(),
        }
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "format": self.format.name(),
            "image_size": self.image_size,
            "images": self.images,
            "camera": self.camera,
            "objects": self.objects,
            "held_out": self.classes.held_out(),
            "views": { "fewest": self.views[0], "most": self.views[1] },
            "warnings": self.warnings,
            "classes": self.classes.json(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "format\t{}", self.format.name())?;
        writeln!(f, "image size\t{}", self.image_size)?;
        writeln!(f, "images\t{}", self.images)?;
        match self.views {
            [fewest, most] if fewest == most => writeln!(f, "views\t{most} of each object")?,
            [fewest, most] => writeln!(f, "views\t{fewest} to {most} of each object")?,
        }
        if let Some(camera) = self.camera {
            let is_told = self.format == DataFormat::Sextant;
            writeln!(f, "camera\t{}{camera}", if is_told { "" } else { "not told by this layout; read as " })?;
        }
        writeln!(f, "objects\t{}", self.objects)?;
        writeln!(f, "held out\t{}", self.classes.held_out())?;
        f.write_str(&self.classes.text())
    }
}
