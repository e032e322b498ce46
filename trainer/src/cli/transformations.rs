use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::durable::write_file;
use sextant_runtime::picture::{Picture, PictureLimits};
use sextant_runtime::preprocess::Visible;
use sextant_runtime::typed_command::Program;

use super::output::refuse_dash;
use super::transformation_sheet::{PICTURE_SIDE, TransformationSheet};
use crate::data::{DataConfig, Place, ViewSource, open_objects, stream_rng};
use crate::registry::Registry;
use crate::scene::CameraPose;
use crate::transformation::{Augmentation, Kind, OnPixels, PoseChange, Transformation, Transformations};

/// Arguments of `trainer transformations`.
#[derive(Args)]
pub struct TransformationsArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// PNG file to write: a row for each transformation of pictures in the order of the list, with the first 8 of its
    /// classes or 8 strengths of its scale, and for each augmentation, with 8 draws
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// PNG or JPEG file that the sheet shows [default: a rendered object]
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// For comparisons with a peer: this many draws of each augmentation of the image's middle, 32 pixels a side, as `u8 [draws,
    /// 32, 32, 3]` in the file after --exchange
    #[arg(long, value_name = "N", requires_all = ["exchange", "image"], hide = true)]
    draws: Option<usize>,
    /// The safetensors file
    #[arg(long, value_name = "FILE", requires = "draws", hide = true)]
    exchange: Option<PathBuf>,
}

/// Rows and columns of exchanged draws.
const EXCHANGED_SIDE: usize = 32;

/// Prints every transformation and every augmentation, and draws what they do where that is asked for.
pub fn run(args: TransformationsArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if let (Some(draws), Some(file), Some(image)) = (args.draws, &args.exchange, &args.image) {
        write_file(file, &exchanged_draws(&shown_picture(image, EXCHANGED_SIDE)?, draws)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    anyhow::ensure!(
        args.image.is_none() || args.sheet.is_some(),
        "--image has no effect without --sheet: add --sheet FILE"
    );
    if let Some(file) = &args.sheet {
        refuse_dash("--sheet", file, "a sheet is one PNG file that is written as a whole")?;
        let picture = match &args.image {
            Some(image) => shown_picture(image, PICTURE_SIDE)?,
            None => rendered_picture(registry)?,
        };
        write_file(file, &TransformationSheet::of(&picture, registry.transformations()).png()?)?;
    }
    let known = registry.transformations();
    print_answer(args.json, &listed_as_json(known), || listed_as_text(known))?;
    let first = known.names_on_pixels()[0];
    next(Program::Trainer.command("fit --set").assignment("data.transformations", format!("[\"{first}\"]")));
    Ok(ExitCode::SUCCESS)
}

/// The middle of a file's picture, as a model would be shown it.
fn shown_picture(file: &Path, side: usize) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(file).with_context(|| format!("{}: reading", file.display()))?;
    let picture = Picture::decode(&bytes, &PictureLimits::default()).with_context(|| file.display().to_string())?;
    Ok(picture.view().resized(side, side))
}

/// Draws of each augmentation of a picture under its name, as safetensors.
fn exchanged_draws(picture: &[u8], draws: usize) -> anyhow::Result<Vec<u8>> {
    let drawn = |augmentation: Augmentation| {
        let mut scratch = Vec::new();
        let draw = |draw| {
            let mut changed = picture.to_vec();
            augmentation.apply(&mut stream_rng(0, draw as u64), &mut changed, EXCHANGED_SIDE, &mut scratch);
            changed
        };
        (augmentation.name(), (0..draws).flat_map(draw).collect::<Vec<u8>>())
    };
    let tensors = Augmentation::ALL.map(drawn);
    let shape = vec![draws, EXCHANGED_SIDE, EXCHANGED_SIDE, 3];
    let views = tensors.iter().map(|(name, bytes)| Ok((*name, TensorView::new(Dtype::U8, shape.clone(), bytes)?)));
    Ok(safetensors::serialize(views.collect::<anyhow::Result<Vec<_>>>()?, None)?)
}

/// An object of which neither mirror images nor turns look alike.
fn rendered_picture(registry: &Registry) -> anyhow::Result<Vec<u8>> {
    let config = DataConfig {
        families: vec!["mug".into()],
        objects_per_family: 1,
        held_out_per_family: 1,
        image_size: PICTURE_SIDE,
        ..DataConfig::default()
    };
    let objects = open_objects(registry.sources(), &config, CameraPose::default())?;
    let objects = objects.context("the default source has images, not objects")?;
    Ok(objects.views(&Place::all(&[0]), 1, 0)?.images)
}

fn listed_as_json(known: &Transformations) -> Value {
    json!({
        "transformations": known.iter().map(|entry| as_json(*entry)).collect::<Vec<_>>(),
        "augmentations": Augmentation::ALL.map(augmentation_as_json),
    })
}

fn listed_as_text(known: &Transformations) -> String {
    known.iter().map(|entry| as_text(*entry)).chain(Augmentation::ALL.map(augmentation_as_text)).collect()
}

fn as_json(transformation: &dyn Transformation) -> Value {
    let (kind, on_pixels) = (transformation.kind(), transformation.on_pixels());
    json!({
        "name": transformation.name(),
        "description": transformation.description(),
        "kind": kind_name(kind),
        "classes": kind.classes().map(|_| transformation.class_names()),
        "composes": transformation.group().is_some(),
        "on_pixels": on_pixels.is_some(),
        "pose": on_pixels.map(|on_pixels| pose_name(on_pixels.pose())),
        "visible": on_pixels.map(|on_pixels| on_pixels.visible().name()),
    })
}

fn as_text(transformation: &dyn Transformation) -> String {
    let kind = match transformation.kind() {
        Kind::Classes { count } => format!("{count} classes: {}", transformation.class_names().join(", ")),
        kind => kind_name(kind).into(),
    };
    let applied = transformation.on_pixels().map_or("done by the source of the views".into(), applied);
    format!("{}\n    {}\n    {kind}\n    {applied}\n\n", transformation.name(), transformation.description())
}

fn applied(on_pixels: &dyn OnPixels) -> String {
    let circle = match on_pixels.visible() {
        Visible::Whole => "",
        Visible::Circle => ", of which a circle is seen",
    };
    format!("done to finished pictures{circle}; a known pose is {}", pose_name(on_pixels.pose()))
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::GroupElement => "group element",
        Kind::Classes { .. } => "classes",
        Kind::Scale => "strength",
        Kind::Numbers => "numbers",
    }
}

fn pose_name(pose: PoseChange) -> &'static str {
    match pose {
        PoseChange::Kept => "kept",
        PoseChange::Turned(_) => "turned",
        PoseChange::Lost => "lost",
    }
}

fn augmentation_as_json(augmentation: Augmentation) -> Value {
    json!({
        "name": augmentation.name(),
        "description": augmentation.description(),
        "pose": pose_name(augmentation.pose()),
    })
}

fn augmentation_as_text(augmentation: Augmentation) -> String {
    let (name, pose) = (augmentation.name(), pose_name(augmentation.pose()));
    format!("data.augmentation = {name}\n    {}\n    a known pose is {pose}\n\n", augmentation.description())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformation::INVERSION;

    /// A transformation of another crate.
    struct Negatives;

    impl Transformation for Negatives {
        fn name(&self) -> &'static str {
            "negatives"
        }

        fn description(&self) -> &'static str {
            "makes negatives of another kind"
        }

        fn kind(&self) -> Kind {
            Kind::Scale
        }

        fn on_pixels(&self) -> Option<&dyn OnPixels> {
            INVERSION.on_pixels()
        }

        fn width(&self) -> usize {
            1
        }

        fn write_numbers(&self, _value: &crate::transformation::Value, _numbers: &mut Vec<f32>) {}
    }

    #[test]
    fn those_of_other_crates_are_listed_and_drawn() {
        let picture = vec![7; PICTURE_SIDE * PICTURE_SIDE * 3];
        let mut registry = Registry::default();
        let height = |registry: &Registry| {
            let png = TransformationSheet::of(&picture, registry.transformations()).png().unwrap();
            image::load_from_memory(&png).unwrap().height()
        };
        let before = height(&registry);
        registry.add_transformation(&Negatives).unwrap();
        let text = listed_as_text(registry.transformations());
        let own = "negatives\n    makes negatives of another kind\n    strength\n    done to finished pictures; a known pose is kept\n";
        assert!(text.contains(own), "{text}");
        let json = listed_as_json(registry.transformations());
        assert_eq!(json["transformations"].as_array().unwrap().last().unwrap()["name"], "negatives");
        assert!(height(&registry) > before);
    }

    #[test]
    fn the_object_of_the_sheet_is_no_mirror_image_of_itself() {
        let picture = rendered_picture(&Registry::default()).unwrap();
        let mut mirrored = picture.clone();
        let flip = crate::transformation::HORIZONTAL_FLIP.on_pixels().unwrap();
        flip.apply(&crate::transformation::Value::Class(1), &mut mirrored, PICTURE_SIDE, &mut Vec::new());
        let differing = picture.iter().zip(&mirrored).filter(|(a, b)| a.abs_diff(**b) > 30).count();
        assert!(differing > picture.len() / 20, "{differing}");
    }
}
