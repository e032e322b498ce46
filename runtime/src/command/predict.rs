use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::pose::{Prediction, Predictor};
use super::{ModelArguments, images, print, report};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// PNG or JPEG files of any size; the largest centred square of each is used.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Also prints the invariant and the equivariant features.
    #[arg(long)]
    features: bool,
    /// Prints one JSON array instead.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut predictor = Predictor::new(arguments.model.open()?)?;
    let mut predictions = Vec::new();
    let mut failed = false;
    for path in &arguments.images {
        match predict(&mut predictor, path, arguments.features) {
            Ok(prediction) if arguments.json => predictions.push(prediction),
            Ok(prediction) => print(&describe(&prediction))?,
            Err(error) => {
                report(&error);
                failed = true;
            }
        }
    }
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&predictions)?))?;
    }
    Ok(if failed { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

fn predict(predictor: &mut Predictor, path: &Path, features: bool) -> anyhow::Result<Prediction> {
    let pixels = images::load(path, predictor.encoder.description().image_size)?;
    let mut prediction = predictor.predict(path.display().to_string(), &pixels)?;
    if !features {
        (prediction.invariant, prediction.equivariant) = (None, None);
    }
    Ok(prediction)
}

fn describe(prediction: &Prediction) -> String {
    let mut text = format!("{}\n", prediction.image);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<12} {value}");
    };
    if let Some(wxyz) = prediction.rotation_wxyz {
        line("wxyz", numbers(&wxyz, 5));
    }
    if let Some(euler_deg) = prediction.euler_deg {
        line("euler_deg", numbers(&euler_deg, 2));
    }
    if let (Some(class), Some(probability)) = (&prediction.class, prediction.class_probability) {
        line("class", format!("{class} ({:.1} %)", 100.0 * probability));
    }
    for (name, features) in [(INVARIANT, &prediction.invariant), (EQUIVARIANT, &prediction.equivariant)] {
        if let Some(features) = features {
            line(name, numbers(features, 5));
        }
    }
    text
}

fn numbers(values: &[f32], decimals: usize) -> String {
    let texts: Vec<String> = values.iter().map(|value| format!("{value:.decimals$}")).collect();
    texts.join(" ")
}
