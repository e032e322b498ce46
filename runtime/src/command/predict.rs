use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sextant_runtime::command_line::{FAILED, Reader, print, report};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};
use sextant_runtime::pose::Predictor;

use super::answer::{Answer, look_at, warn_of_resizing};
use super::names::{PathName, shown};
use super::{ModelArguments, PictureArguments, hint_of, sources};

/// Prints what the model says of each image: rotation and class of the object, and what was done to the picture.
///
/// A rotation turns object coordinates to camera coordinates: x right, y down, z forward, away from the camera. It is
/// printed as a unit quaternion `wxyz`, and as `euler_deg`, the turns about the camera's fixed axes x, then y, then z, in
/// degrees (extrinsic xyz). Where the model says that objects of the class look the same from several sides, the rotation
/// is one of several that cannot be told apart: `class_symmetry` names the group, about the object's own axes. Which camera
/// a model was trained for is in its metadata (`export inspect MODEL`); docs/conventions.md has a picture of all axes.
///
/// Of a transformation, such as `quarter-turns`, the most probable class is printed, and its probability: turns are
/// counter-clockwise.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// PNG or JPEG files of any size, of each of which the largest centred square is used; folders, for the PNG and JPEG
    /// files in them; or - for standard input.
    #[arg(required_unless_present = "list")]
    images: Vec<PathBuf>,
    /// File with one path a line, of further images and folders; - for standard input.
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    #[command(flatten)]
    pictures: PictureArguments,
    /// Also prints the invariant and the equivariant features.
    #[arg(long)]
    features: bool,
    /// Prints one JSON array instead.
    #[arg(long)]
    json: bool,
    /// Prints one JSON object a line for each image, as soon as it is known; those that fail have a key `error`.
    #[arg(long, conflicts_with = "json")]
    json_lines: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut predictor = arguments.model.predictor()?;
    warn_of_resizing(&predictor);
    let sources = sources::expand(&arguments.images, arguments.list.as_deref())?;
    let mut printed = 0;
    let mut failed = false;
    for path in &sources {
        let outcome = predict(&mut predictor, path, arguments);
        if let Err(error) = &outcome {
            report(error, hint_of);
            failed = true;
        }
        let text = match (&outcome, arguments) {
            (Ok(answer), Arguments { json: true, .. }) => array_item(printed, answer)?,
            (Ok(answer), Arguments { json_lines: true, .. }) => serde_json::to_string(answer)? + "\n",
            (Ok(answer), _) => describe(answer),
            (Err(error), Arguments { json_lines: true, .. }) => failure_line(path, error)?,
            (Err(_), _) => continue,
        };
        printed += 1;
        if print(&text)? == Reader::Gone {
            return Ok(status(failed));
        }
    }
    if arguments.json {
        print(if printed == 0 { "[]\n" } else { "\n]\n" })?;
    }
    Ok(status(failed))
}

fn status(failed: bool) -> ExitCode {
    if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

fn predict(predictor: &mut Predictor, path: &Path, arguments: &Arguments) -> anyhow::Result<Answer> {
    let look = arguments.pictures.look(arguments.features);
    look_at(predictor, path, &look).map(|(answer, _)| answer)
}

/// An item of the array that `serde_json` would print of all of them, with what stands before it.
fn array_item(before: usize, answer: &Answer) -> anyhow::Result<String> {
    let start = if before == 0 { "[" } else { "," };
    let item = serde_json::to_string_pretty(answer)?;
    Ok(item.lines().fold(start.to_string(), |text, line| text + "\n  " + line))
}

fn failure_line(path: &Path, error: &anyhow::Error) -> anyhow::Result<String> {
    let PathName { text, bytes } = PathName::of(path);
    let mut failure = serde_json::json!({ "image": text, "error": format!("{error:#}") });
    if let Some(bytes) = bytes {
        failure["image_bytes"] = bytes.into();
    }
    Ok(serde_json::to_string(&failure)? + "\n")
}

fn describe(answer: &Answer) -> String {
    let mut text = format!("{}\n", shown(&answer.image.text));
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    if let Some(wxyz) = answer.rotation_wxyz {
        line("wxyz", numbers(&wxyz, 5));
    }
    if let Some(euler_deg) = answer.euler_deg {
        line("euler_deg", numbers(&euler_deg, 2));
    }
    if let (Some(class), Some(probability)) = (&answer.class, answer.class_probability) {
        line("class", format!("{} ({:.1} %)", shown(class), 100.0 * probability));
    }
    if let Some(symmetry) = &answer.class_symmetry {
        line("symmetry", shown(symmetry) + &equivalents(answer.equivalent_poses));
    }
    for done in &answer.transformations {
        line(&shown(&done.name), format!(" {}  {:.3}", shown(&done.class), done.probability));
    }
    let says_more = answer.rotation_wxyz.is_some() || answer.class.is_some() || !answer.transformations.is_empty();
    let halves = [(INVARIANT, &answer.invariant), (EQUIVARIANT, &answer.equivariant)];
    for ((name, features), width) in halves.into_iter().zip(answer.half_widths) {
        match (features, width) {
            (Some(features), _) => line(name, numbers(features, 5)),
            (None, Some(width)) if !says_more => line(name, format!("{width} numbers (--features prints them)")),
            (None, _) => {}
        }
    }
    text
}

fn equivalents(poses: Option<u32>) -> String {
    match poses {
        Some(count) => format!(": one of {count} poses that look the same"),
        None => ": one of many poses that look the same".to_string(),
    }
}

fn numbers(values: &[f32], decimals: usize) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:.decimals$}")).collect();
    texts.join(" ")
}
