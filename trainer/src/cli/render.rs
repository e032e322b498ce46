//! `trainer render`: writes a data set of objects with known poses.

use std::path::PathBuf;
use std::sync::Arc;

use crate::config::with_home;
use crate::data::{
    DataFormat, DataSetDescription, DataSetWriter, RenderedViews, SextantWriter, ThreeDieBenchWriter, ViewSource,
    set_warnings, write_views,
};
use crate::scene::sweethome3d::{SweetHome3d, default_cache_folder};
use crate::scene::{
    MeshFolder, MeshFolderSettings, ObjectSource, Procedural, ProceduralSettings, Renderer, RotationSampling,
    SceneError, SceneSettings,
};
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, ValueEnum};
use sextant_runtime::command_line::{next, warn};

use super::data::fit_command;
use super::interrupt::stop_on_interrupt;
use super::output::{print_named, refuse_dash};
use super::progress::progress_bar;

/// Renders a data set of objects with known poses.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Folder to make
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where the objects come from
    #[arg(long, value_enum, default_value_t = Source::Procedural)]
    source: Source,
    /// Mesh file, folder of meshes, or folder CLASS/MESH, for --source meshes
    #[arg(long, value_name = "PATH", required_if_eq("source", "meshes"))]
    meshes: Option<PathBuf>,
    /// Folder for caches, for --source sweethome3d [default: $SEXTANT_CACHE, else $XDG_CACHE_HOME/sextant, else
    /// ~/.cache/sextant]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Layout of the folder
    #[arg(long, value_enum, default_value_t = Format::Sextant)]
    format: Format,
    /// Objects of each family, for --source procedural [default: 20]
    #[arg(long, value_name = "N")]
    objects_per_family: Option<usize>,
    /// Images of each object
    #[arg(long, value_name = "N", default_value_t = 50)]
    views: usize,
    /// Rows and columns of an image
    #[arg(long, value_name = "S", default_value_t = 64)]
    image_size: usize,
    /// How objects are turned: each Euler angle within the limit, or uniformly on SO(3)
    #[arg(long, value_enum, default_value_t = Rotation::Euler)]
    rotation: Rotation,
    /// Largest Euler angle, or largest angle from the upright pose [default: 90 for euler, 180 for uniform]
    #[arg(long, value_name = "DEG")]
    rotation_limit: Option<f32>,
    /// Decides every scene, procedural objects and the split of meshes
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Samples along each side of a pixel
    #[arg(long, value_name = "K", default_value_t = 2)]
    supersampling: usize,
    /// Diagonal of the objects' bounding boxes
    #[arg(long, value_name = "D", default_value_t = 1.8)]
    object_diagonal: f32,
    /// Render without shadows
    #[arg(long)]
    no_shadows: bool,
    /// y is up in OBJ, STL and PLY files, for --source meshes (glTF files say so themselves)
    #[arg(long)]
    y_up: bool,
    /// Leave meshes out that cannot be used, with a warning each, for --source meshes
    #[arg(long)]
    skip_broken: bool,
    #[command(flatten)]
    split: SplitArgs,
    /// Replace a data set that is there
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

// Which meshes are held out. No documentation: it would become the command's.
#[derive(Debug, Args)]
pub(super) struct SplitArgs {
    /// Share of the meshes of each class that is held out, at least one of two [default: 0.2]
    #[arg(long, value_name = "SHARE")]
    pub held_out_share: Option<f32>,
    /// File with a line CLASS/NAME for each mesh that is held out, in place of the share
    #[arg(long, value_name = "FILE", conflicts_with = "held_out_share")]
    pub held_out_list: Option<PathBuf>,
}

impl SplitArgs {
    /// The settings of a folder of meshes that is split so.
    pub fn settings(&self, seed: u64) -> Result<MeshFolderSettings> {
        let defaults = MeshFolderSettings::default();
        let share = self.held_out_share.unwrap_or(defaults.held_out_share);
        if !(0.0..1.0).contains(&share) {
            bail!("--held-out-share {share}: must be at least 0 and below 1");
        }
        let held_out_list = self.held_out_list.as_deref().map(with_home).transpose()?;
        Ok(MeshFolderSettings { held_out_share: share, held_out_list, seed, ..defaults })
    }

    /// The options that were given.
    pub fn given(&self) -> Vec<&'static str> {
        let share = self.held_out_share.map(|_| "--held-out-share");
        share.into_iter().chain(self.held_out_list.as_ref().map(|_| "--held-out-list")).collect()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Source {
    /// Parametric families of objects, made by the program
    Procedural,
    /// The furniture that `trainer data prepare sweethome3d` has put into the cache
    #[value(name = "sweethome3d")]
    SweetHome3d,
    /// OBJ, STL, PLY or GLB files
    Meshes,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// Safetensors shards and dataset.json
    Sextant,
    /// CLASS/NAME/image_k.jpg and latent_k.npy, as 3DIEBench has them
    #[value(name = "3diebench")]
    ThreeDieBench,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rotation {
    Euler,
    Uniform,
}

/// Name of the picture with a sample of the images.
const CONTACT_SHEET: &str = "contact-sheet.png";

/// Images of the contact sheet: columns and rows.
const SHEET_COLUMNS: usize = 12;
const SHEET_ROWS: usize = 8;

/// Memory that the images of one object may take.
const LARGEST_OBJECT_BYTES: usize = 1 << 30;

/// Runs the command.
///
/// # Errors
/// When objects cannot be had, the folder exists, or it cannot be written; nothing is left of it then.
pub fn run(args: RenderArgs) -> Result<()> {
    refuse_dash("--out", &args.out, "a data set is a folder of files")?;
    refuse_unused(&args)?;
    let stop = stop_on_interrupt()?;
    let renderer = Renderer::new(scene_settings(&args)).map_err(by_option)?;
    check_sizes(&args)?;
    let pairs = RenderedViews::new(object_source(&args)?, renderer, rotation(&args)?);
    pairs.object_source().warnings().into_iter().chain(pairs.visibility_warnings()).for_each(warn);
    let description = DataSetDescription::of(&pairs, args.views, args.seed, args.source.name())?;
    let mut writer = create_writer(&args, description.clone())?;
    let mut sheet = ContactSheet::new(pairs.subject_count(), args.image_size);
    let bar = progress_bar("images");
    bar.set_length((pairs.subject_count() * args.views) as u64);
    write_views(&pairs, &description, writer.as_mut(), &stop, |object, images| {
        sheet.offer(object, images);
        bar.inc(args.views as u64);
    })?;
    bar.finish_and_clear();
    writer.write_picture(CONTACT_SHEET, &sheet.image)?;
    writer.finish()?;
    print_outcome(&args, &pairs)
}

/// Options that the source has no use for would be forgotten silently.
fn refuse_unused(args: &RenderArgs) -> Result<()> {
    let of_meshes: [Option<&str>; 3] = [
        args.meshes.as_ref().map(|_| "--meshes"),
        args.y_up.then_some("--y-up"),
        args.skip_broken.then_some("--skip-broken"),
    ];
    let given: [(Source, Vec<&str>); 3] = [
        (Source::Meshes, of_meshes.into_iter().flatten().chain(args.split.given()).collect()),
        (Source::SweetHome3d, args.cache.iter().map(|_| "--cache").collect()),
        (Source::Procedural, args.objects_per_family.iter().map(|_| "--objects-per-family").collect()),
    ];
    let unused = given.into_iter().filter(|(source, options)| *source != args.source && !options.is_empty());
    let told: Vec<String> = unused
        .map(|(source, options)| format!("{}: only --source {} has a use for it", options.join(", "), source.name()))
        .collect();
    if told.is_empty() {
        return Ok(());
    }
    bail!("{}; the source is {} (--source)", told.join("; "), args.source.name())
}

/// The error with the setting as it is called on the command line.
fn by_option(error: SceneError) -> anyhow::Error {
    anyhow!("--{} {}: must be {}", error.setting.replace('_', "-"), error.value, error.expected)
}

/// The images of one object are in memory together.
fn check_sizes(args: &RenderArgs) -> Result<()> {
    let most_views = LARGEST_OBJECT_BYTES / (3 * args.image_size * args.image_size);
    if !(1..=most_views).contains(&args.views) {
        bail!("--views {}: must be from 1 to {most_views} at --image-size {}", args.views, args.image_size);
    }
    if !(args.object_diagonal > 0.0 && args.object_diagonal <= 100.0) {
        bail!("--object-diagonal {}: must be above 0 and at most 100", args.object_diagonal);
    }
    if args.objects_per_family == Some(0) {
        bail!("--objects-per-family 0: must be at least 1");
    }
    Ok(())
}

fn object_source(args: &RenderArgs) -> Result<Arc<dyn ObjectSource>> {
    Ok(match (args.source, &args.meshes) {
        (Source::Procedural, _) => Arc::new(Procedural::new(procedural_settings(args))?),
        (Source::SweetHome3d, _) => {
            let cache = match &args.cache {
                Some(cache) => with_home(cache)?,
                None => default_cache_folder()?,
            };
            Arc::new(SweetHome3d::open(&cache, args.object_diagonal)?)
        }
        (Source::Meshes, Some(path)) => {
            let settings = MeshFolderSettings {
                diagonal: args.object_diagonal,
                skip_broken: args.skip_broken,
                y_up: args.y_up,
                ..args.split.settings(args.seed)?
            };
            Arc::new(MeshFolder::open(&with_home(path)?, settings)?.load_all()?)
        }
        (Source::Meshes, None) => bail!("--source meshes needs --meshes PATH"),
    })
}

/// A fifth of the objects of a family is held out, at least one where there are two.
fn procedural_settings(args: &RenderArgs) -> ProceduralSettings {
    const OBJECTS_PER_FAMILY: usize = 20;
    let objects = args.objects_per_family.unwrap_or(OBJECTS_PER_FAMILY);
    let held_out_per_family = (objects / 5).max(usize::from(objects > 1));
    ProceduralSettings {
        objects_per_family: objects - held_out_per_family,
        held_out_per_family,
        seed: args.seed,
        object_diagonal: args.object_diagonal,
        ..ProceduralSettings::default()
    }
}

fn scene_settings(args: &RenderArgs) -> SceneSettings {
    SceneSettings {
        image_size: args.image_size,
        supersampling: args.supersampling,
        shadows: !args.no_shadows,
        ..SceneSettings::default()
    }
}

fn rotation(args: &RenderArgs) -> Result<RotationSampling> {
    let rotation = match args.rotation {
        Rotation::Euler => RotationSampling::Euler { limit_deg: args.rotation_limit.unwrap_or(90.0) },
        Rotation::Uniform => RotationSampling::Uniform { limit_deg: args.rotation_limit.unwrap_or(180.0) },
    };
    rotation.validate().context("--rotation-limit")?;
    Ok(rotation)
}

fn create_writer(args: &RenderArgs, description: DataSetDescription) -> Result<Box<dyn DataSetWriter>> {
    Ok(match args.format {
        Format::Sextant => Box::new(SextantWriter::create(&args.out, args.overwrite, description)?),
        Format::ThreeDieBench => Box::new(ThreeDieBenchWriter::create(&args.out, args.overwrite, description)?),
    })
}

fn print_outcome(args: &RenderArgs, pairs: &RenderedViews) -> Result<()> {
    let format = match args.format {
        Format::Sextant => DataFormat::Sextant,
        Format::ThreeDieBench => DataFormat::ThreeDieBench,
    };
    let objects = pairs.subject_count();
    let values = [
        ("folder", args.out.display().to_string().into()),
        ("images", (objects * args.views).into()),
        ("objects", objects.into()),
        ("held out", (0..objects).filter(|&object| pairs.is_held_out(object)).count().into()),
        ("contact sheet", args.out.join(CONTACT_SHEET).display().to_string().into()),
    ];
    print_named(&values, args.json)?;
    set_warnings(pairs, args.views).into_iter().for_each(warn);
    next(fit_command(format.name(), &args.out));
    Ok(())
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Procedural => "procedural",
            Self::SweetHome3d => "sweethome3d",
            Self::Meshes => "meshes",
        }
    }
}

/// The first view of objects spread evenly over the data set.
struct ContactSheet {
    image: image::RgbImage,
    image_size: usize,
    stride: usize,
}

impl ContactSheet {
    fn new(objects: usize, image_size: usize) -> Self {
        let stride = objects.div_ceil(SHEET_COLUMNS * SHEET_ROWS).max(1);
        let shown = objects.div_ceil(stride);
        let (columns, rows) = (shown.min(SHEET_COLUMNS), shown.div_ceil(SHEET_COLUMNS));
        let image = image::RgbImage::new((columns * image_size) as u32, (rows * image_size) as u32);
        Self { image, image_size, stride }
    }

    /// Takes the first of an object's images, if the object is one of those shown.
    fn offer(&mut self, object: usize, images: &[u8]) {
        if !object.is_multiple_of(self.stride) {
            return;
        }
        let (size, place) = (self.image_size, object / self.stride);
        let (left, top) = (place % SHEET_COLUMNS * size, place / SHEET_COLUMNS * size);
        for (at, rgb) in images[..size * size * 3].as_chunks::<3>().0.iter().enumerate() {
            self.image.put_pixel((left + at % size) as u32, (top + at / size) as u32, image::Rgb(*rgb));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contact_sheet_shows_objects_from_all_over_the_set() {
        for (objects, want) in [(1, (1, 1)), (12, (12, 1)), (13, (12, 2)), (96, (12, 8)), (97, (12, 5)), (650, (12, 8))]
        {
            let mut sheet = ContactSheet::new(objects, 2);
            for object in 0..objects {
                sheet.offer(object, &[200; 2 * 2 * 3]);
            }
            assert_eq!(sheet.image.dimensions(), (want.0 * 2, want.1 * 2), "{objects} objects");
            let painted = sheet.image.pixels().filter(|pixel| pixel.0 == [200; 3]).count();
            assert_eq!(painted, objects.div_ceil(sheet.stride) * 4, "{objects} objects");
        }
    }
}
