use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use serde::Serialize;
use sextant_runtime::backend::NodesByProvider;
use sextant_runtime::command_line::print_answer;
use sextant_runtime::pose::Prediction;

use super::answer::{look_at, warn_of_resizing};
use super::names::PathName;
use super::sources::STDIN;
use super::{ModelArguments, PictureArguments};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// First view: a PNG or JPEG file, or - for standard input.
    a: PathBuf,
    /// Second view.
    b: PathBuf,
    #[command(flatten)]
    pictures: PictureArguments,
    /// Prints one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Comparison {
    a: PathName,
    b: PathName,
    /// The paths in hexadecimal, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    a_bytes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b_bytes: Option<String>,
    /// `A^-1 B`: in the object's frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    relative_rotation_wxyz: Option<[f32; 4]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    angle_deg: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invariant_cosine_similarity: Option<f32>,
    /// Where the model tells no rotation, which says more of that half.
    #[serde(skip_serializing_if = "Option::is_none")]
    equivariant_cosine_similarity: Option<f32>,
    /// What each execution provider was seen to run, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes_by_provider: Option<NodesByProvider>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.a == arguments.b && arguments.a == Path::new(STDIN) {
        bail!("standard input, `-`, can be read once only");
    }
    let mut predictor = arguments.model.predictor()?;
    warn_of_resizing(&predictor);
    let look = arguments.pictures.look(false);
    let (answer_a, a) = look_at(&mut predictor, &arguments.a, &look)?;
    let (answer_b, b) = look_at(&mut predictor, &arguments.b, &look)?;
    let rotations = a.rotation().zip(b.rotation());
    if rotations.is_none() && [a.invariant(), a.equivariant()].iter().all(Option::is_none) {
        bail!("{}: the model has no rotation and no features to compare", predictor.origin());
    }
    let similarity = |half: fn(&Prediction) -> Option<&[f32]>| cosine_similarity(half(&a)?, half(&b)?);
    let comparison = Comparison {
        relative_rotation_wxyz: rotations.map(|(a, b)| a.relative_rotation(b).wxyz()),
        angle_deg: rotations.map(|(a, b)| a.geodesic_angle_rad(b).to_degrees()),
        invariant_cosine_similarity: similarity(Prediction::invariant),
        equivariant_cosine_similarity: similarity(Prediction::equivariant).filter(|_| rotations.is_none()),
        nodes_by_provider: predictor.encoder().nodes_by_provider().cloned(),
        a_bytes: answer_a.image_bytes,
        b_bytes: answer_b.image_bytes,
        a: answer_a.image,
        b: answer_b.image,
    };
    print_answer(arguments.json, &comparison, || describe(&comparison))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(comparison: &Comparison) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<28} {value}\n");
    if let Some([w, x, y, z]) = comparison.relative_rotation_wxyz {
        line("relative_rotation_wxyz", format!("{w:.5} {x:.5} {y:.5} {z:.5}"));
    }
    if let Some(angle_deg) = comparison.angle_deg {
        line("angle_deg", format!("{angle_deg:.2}"));
    }
    if let Some(similarity) = comparison.invariant_cosine_similarity {
        line("invariant_cosine_similarity", format!("{similarity:.4}"));
    }
    if let Some(similarity) = comparison.equivariant_cosine_similarity {
        line("equivariant_cosine_similarity", format!("{similarity:.4}"));
    }
    text
}

/// In [-1, 1]; `None` when one of them is zero.
fn cosine_similarity(a: &[f32], b: &[f32]) -> Option<f32> {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let norms = (dot(a, a) * dot(b, b)).sqrt();
    (norms > 0.0).then(|| (dot(a, b) / norms) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_does_not_depend_on_length() {
        assert_eq!(cosine_similarity(&[1.0, 2.0], &[3.0, 6.0]), Some(1.0));
        assert_eq!(cosine_similarity(&[1.0, 0.0], &[0.0, 5.0]), Some(0.0));
        assert_eq!(cosine_similarity(&[1.0, 0.0], &[0.0, 0.0]), None);
    }
}
