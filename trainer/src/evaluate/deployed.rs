//! What a deployed file answers on the held-out views that `trainer eval` measures.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use sextant_runtime::pose::{PictureView, PixelFormat, PoseError, Predictor};

use super::features::fixed_batches;
use super::measure::held_out_pairs;
use super::pose::pose_report;
use super::{Better, DeployedFigure, EvaluationError, Figure, GeodesicError, PoseReport, Unit, figure};
use crate::config::Config;
use crate::data::{DataError, ViewBatch, ViewSource, labels_by_name};

/// Figures of one model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeployedEvaluation {
    /// The file.
    pub path: PathBuf,
    /// Both views of each held-out pair.
    pub images: usize,
    /// Share of images whose class is right, in [0, 1].
    pub class_top1_head: f64,
    /// Errors of its rotations.
    pub pose: PoseReport,
}

/// A model file beside the float32 one that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeployedComparison {
    /// `model.sxt` of the run.
    pub float32: DeployedEvaluation,
    /// The file that was asked for.
    pub deployed: DeployedEvaluation,
    /// Of the median rotation error, in degrees.
    pub rotation_cost_deg: f64,
    /// The same against the nearest rotation that looks the same.
    pub symmetric_rotation_cost_deg: f64,
    /// Of the share of right classes, in points.
    pub class_cost_points: f64,
}

/// Why a deployed file could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum DeployedError {
    /// The file is no model, or does not run.
    #[error(transparent)]
    Model(#[from] PoseError),
    /// It is a model, but not one of this run.
    #[error("{path}: {reason}", path = .path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The data have classes that the model does not know.
    #[error("{path}: the classes differ: the data have {data}, which the model does not know; the model has {model}, which the data do not have", path = .path.display())]
    OtherClasses {
        /// The file.
        path: PathBuf,
        /// Classes of the model that the data do not have.
        model: String,
        /// Classes of the data that the model does not have.
        data: String,
    },
    /// The images could not be had.
    #[error(transparent)]
    Evaluation(#[from] EvaluationError),
}

/// Measures `path`, a `.sxt` file or another that a backend of the runtime reads, and `float32` on the same images.
///
/// # Errors
/// When a file is no model of such images, or the images cannot be had.
pub fn compare_deployed(
    path: &Path,
    float32: &Path,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<DeployedComparison, DeployedError> {
    let deployed = evaluate_deployed(path, source, config)?;
    let float32 = evaluate_deployed(float32, source, config)?;
    Ok(DeployedComparison::of(float32, deployed))
}

impl DeployedComparison {
    fn of(float32: DeployedEvaluation, deployed: DeployedEvaluation) -> Self {
        let cost = |key| Row::of(key).cost(&float32, &deployed);
        Self {
            rotation_cost_deg: cost(Row::ROTATION),
            symmetric_rotation_cost_deg: cost(Row::SYMMETRIC_ROTATION),
            class_cost_points: cost(Row::CLASS),
            float32,
            deployed,
        }
    }
}

fn evaluate_deployed(
    path: &Path,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<DeployedEvaluation, DeployedError> {
    let mut predictor = Predictor::open(path)?;
    let size = config.data.image_size;
    if predictor.image_size() != [size, size] {
        return Err(other(path, &format!("takes images {:?}, the run has {size}", predictor.image_size())));
    }
    let labels = model_labels(path, &predictor, source.class_names())?;
    let (objects, seed) = held_out_pairs(source.as_ref(), config);
    let mut answers = Answers { labels, ..Answers::default() };
    fixed_batches(source, &objects, seed, |batch| answers.add(path, &mut predictor, &batch, source.as_ref()))?;
    Ok(DeployedEvaluation {
        path: path.to_path_buf(),
        images: answers.errors.len(),
        class_top1_head: answers.right as f64 / answers.errors.len().max(1) as f64,
        pose: pose_report(&answers.errors)?,
    })
}

/// The model's label of each class of the data, by name; the data's own where the file has no names.
///
/// # Errors
/// When the data have a class that the model does not know.
fn model_labels(path: &Path, predictor: &Predictor, classes: &[String]) -> Result<Vec<usize>, DeployedError> {
    let names: Vec<String> = predictor.classes().iter().map(|class| class.name.to_string()).collect();
    if names.is_empty() {
        return Ok((0..classes.len()).collect());
    }
    labels_by_name(&names, classes).map_err(|error| match error {
        DataError::OtherClasses { run, data } => {
            DeployedError::OtherClasses { path: path.to_path_buf(), model: run.join(", "), data: data.join(", ") }
        }
        error => EvaluationError::from(error).into(),
    })
}

#[derive(Default)]
struct Answers {
    /// The model's label of each of the data's.
    labels: Vec<usize>,
    errors: Vec<GeodesicError>,
    right: usize,
}

impl Answers {
    fn add(
        &mut self,
        path: &Path,
        predictor: &mut Predictor,
        batch: &ViewBatch,
        source: &dyn ViewSource,
    ) -> Result<(), DeployedError> {
        let size = source.image_size();
        for view in 0..batch.view_count() {
            let images = batch.images_of(view).chunks_exact(3 * size * size);
            for (row, (image, truth)) in images.zip(batch.camera_from_object(view)).enumerate() {
                let picture = PictureView::new(image, PixelFormat::Rgb8, size, size);
                let picture = picture.map_err(|error| other(path, &format!("was given no image: {error}")))?;
                let answer = predictor.predict(&picture)?;
                let rotation = answer.rotation().ok_or_else(|| other(path, "has no output rotation_wxyz"))?;
                let class = answer.class().ok_or_else(|| other(path, "has no output class_logits"))?;
                let symmetry = source.symmetry(batch.subjects[row] as usize);
                self.errors.push(GeodesicError::of(symmetry, truth, rotation));
                self.right += usize::from(self.labels.get(batch.labels[row] as usize) == Some(&class.index));
            }
        }
        Ok(())
    }
}

fn other(path: &Path, reason: &str) -> DeployedError {
    DeployedError::OtherModel { path: path.to_path_buf(), reason: reason.to_string() }
}

/// A row of a comparison, by its key among [`FIGURES`](super::FIGURES).
struct Row {
    figure: &'static Figure,
    compared: DeployedFigure,
}

impl Row {
    const ROTATION: &'static str = "pose.median_deg";
    const SYMMETRIC_ROTATION: &'static str = "pose.symmetric.median_deg";
    const CLASS: &'static str = "class_top1_head";

    /// # Panics
    /// When deployed models have no such figure.
    fn of(key: &str) -> Self {
        let figure = figure(key);
        let compared = figure.deployed.unwrap_or_else(|| panic!("{key} is not compared between deployed models"));
        Self { figure, compared }
    }

    /// The unit in letters, and how many of it a figure of 1 is: shares are shown in percent.
    fn unit(&self) -> (&'static str, f64) {
        match self.figure.unit {
            Unit::Share => ("%", 100.0),
            Unit::Degrees => ("deg", 1.0),
            Unit::Ratio | Unit::Dimensions => ("", 1.0),
        }
    }

    fn value(&self, evaluation: &DeployedEvaluation) -> f64 {
        self.unit().1 * self.compared.of(evaluation)
    }

    /// By how much the deployed model is worse.
    fn cost(&self, float32: &DeployedEvaluation, deployed: &DeployedEvaluation) -> f64 {
        let loss = |evaluation| match self.figure.better {
            Better::More => -self.value(evaluation),
            Better::Less | Better::Neither | Better::Floor => self.value(evaluation),
        };
        loss(deployed) - loss(float32)
    }
}

impl fmt::Display for DeployedComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "held-out images                 {:>10}", self.deployed.images)?;
        writeln!(f, "                                {:>10} {:>10} {:>10}", "float32", "deployed", "cost")?;
        for (key, cost) in [
            (Row::ROTATION, self.rotation_cost_deg),
            (Row::SYMMETRIC_ROTATION, self.symmetric_rotation_cost_deg),
            (Row::CLASS, self.class_cost_points),
        ] {
            let row = Row::of(key);
            let (name, (unit, _)) = (row.compared.name, row.unit());
            let [float32, deployed] = [&self.float32, &self.deployed].map(|evaluation| row.value(evaluation));
            writeln!(f, "{name:<24} {unit:>6} {float32:>10.3} {deployed:>10.3} {cost:>+10.3}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::PoseErrors;

    fn evaluation(class_top1_head: f64, median_deg: f64, symmetric_median_deg: f64) -> DeployedEvaluation {
        let errors = |median_deg| PoseErrors { median_deg, mean_deg: 0.0, p90_deg: 0.0, acc15: 0.0, acc30: 0.0 };
        let pose = PoseReport { plain: errors(median_deg), symmetric: errors(symmetric_median_deg) };
        DeployedEvaluation { path: "model.sxt".into(), images: 2400, class_top1_head, pose }
    }

    #[test]
    fn rows_tell_figures_and_what_is_worse() {
        let compared = DeployedComparison::of(evaluation(0.995, 13.75, 7.981), evaluation(0.9925, 13.875, 7.5));
        let costs = [compared.rotation_cost_deg, compared.symmetric_rotation_cost_deg, compared.class_cost_points];
        assert_eq!(costs, [0.125, 7.5 - 7.981, -99.25 + 99.5]);
        assert_eq!(
            compared.to_string(),
            "\
held-out images                       2400
                                   float32   deployed       cost
median rotation error       deg     13.750     13.875     +0.125
  as symmetry allows        deg      7.981      7.500     -0.481
right class                   %     99.500     99.250     +0.250
"
        );
    }
}
