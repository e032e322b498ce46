//! What a deployed file answers on the held-out views that `trainer eval` measures.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use sextant_runtime::pose::{PictureView, PixelFormat, PoseError, Prediction, Predictor};

use super::features::fixed_batches;
use super::measure::held_out_pairs;
use super::pose::pose_report;
use super::{Better, DeployedFigure, EvaluationError, Figure, GeodesicError, PoseReport, Unit, figure};
use crate::config::Config;
use crate::data::{DataError, GroundTruth, ViewBatch, ViewSource, labels_by_name};
use crate::transformation::Transformations;

/// Figures of one model file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeployedEvaluation {
    /// The file.
    pub path: PathBuf,
    /// Both views of each held-out pair, or one of each picture whose rotation is not known.
    pub images: usize,
    /// Share of images whose class is right, in [0, 1]; `None` without classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_top1_head: Option<f64>,
    /// Mean over transformations of the share of images of which it tells what was done to them, in [0, 1]; `None` where
    /// it says nothing of transformations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformation_top1: Option<f64>,
    /// Errors of its rotations; `None` without rotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<PoseReport>,
}

/// A model file beside the float32 one that it was made from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeployedComparison {
    /// `model.sxt` of the run.
    pub float32: DeployedEvaluation,
    /// The file that was asked for.
    pub deployed: DeployedEvaluation,
    /// Of the median rotation error, in degrees; each cost is `None` where its figure was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_cost_deg: Option<f64>,
    /// The same against the nearest rotation that looks the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symmetric_rotation_cost_deg: Option<f64>,
    /// Of the share of right classes, in points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_cost_points: Option<f64>,
    /// Of the share of right transformations, in points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformation_cost_points: Option<f64>,
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
            transformation_cost_points: cost(Row::TRANSFORMATION),
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
    let of_data = |opened: Result<_, DataError>| opened.map_err(EvaluationError::from);
    let has_rotations = GroundTruth::of(of_data(config.shown(source))?.as_ref()).rotations;
    // Classes and rotations are asked of pictures as they are.
    let (plain, views) = (of_data(config.untransformed(source))?, if has_rotations { 2 } else { 1 });
    fixed_batches(&plain, &objects, views, seed, |batch| answers.add(path, &mut predictor, &batch, source.as_ref()))?;
    if !predictor.transformations().is_empty() {
        let asked = of_data(config.asked(source))?;
        let known = config.registry().transformations();
        fixed_batches(&asked, &objects, 1, seed, |batch| answers.add_transformed(path, &mut predictor, &batch, known))?;
    }
    Ok(DeployedEvaluation {
        path: path.to_path_buf(),
        images: answers.images,
        class_top1_head: answers.classes.value(),
        transformation_top1: answers.transformations.value(),
        pose: (!answers.errors.is_empty()).then(|| pose_report(&answers.errors)).transpose()?,
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
    images: usize,
    errors: Vec<GeodesicError>,
    classes: Share,
    /// Over all transformations, each as often.
    transformations: Share,
}

/// How often an answer was right.
#[derive(Clone, Copy, Default)]
struct Share {
    right: usize,
    asked: usize,
}

impl Share {
    fn add(&mut self, is_right: bool) {
        self.asked += 1;
        self.right += usize::from(is_right);
    }

    /// In [0, 1]; `None` where nothing was asked.
    fn value(self) -> Option<f64> {
        (self.asked > 0).then(|| self.right as f64 / self.asked as f64)
    }
}

impl Answers {
    /// What the model says of the images of a batch, of which classes and rotations are known where the source knows them.
    fn add(
        &mut self,
        path: &Path,
        predictor: &mut Predictor,
        batch: &ViewBatch,
        source: &dyn ViewSource,
    ) -> Result<(), DeployedError> {
        let knows_classes = !source.class_names().is_empty();
        for view in 0..batch.view_count() {
            let truths: Vec<_> = batch.camera_from_object(view).collect();
            for (row, answer) in predictions(path, predictor, batch, view)?.into_iter().enumerate() {
                self.images += 1;
                if let Some(truth) = truths.get(row) {
                    let rotation = answer.rotation().ok_or_else(|| other(path, "has no output rotation_wxyz"))?;
                    let symmetry = source.symmetry(batch.subjects[row] as usize);
                    self.errors.push(GeodesicError::of(symmetry, *truth, rotation));
                }
                if knows_classes {
                    let class = answer.class().ok_or_else(|| other(path, "has no output class_logits"))?;
                    self.classes.add(self.labels.get(batch.labels[row] as usize) == Some(&class.index));
                }
            }
        }
        Ok(())
    }
}

impl Answers {
    /// What the model says was done to the images of a batch.
    fn add_transformed(
        &mut self,
        path: &Path,
        predictor: &mut Predictor,
        batch: &ViewBatch,
        known: &Transformations,
    ) -> Result<(), DeployedError> {
        let done = batch.transformations_of(0);
        for (answer, done) in predictions(path, predictor, batch, 0)?.iter().zip(done) {
            for said in answer.transformations() {
                let name = &said.transformation.name;
                let truth = known.find(name).and_then(|transformation| done.get(*transformation));
                let truth =
                    truth.ok_or_else(|| other(path, &format!("tells {name}, which is not done to the data")))?;
                self.transformations.add(said.index == truth.class() as usize);
            }
        }
        Ok(())
    }
}

/// What the model says of the images of a view.
fn predictions(
    path: &Path,
    predictor: &mut Predictor,
    batch: &ViewBatch,
    view: usize,
) -> Result<Vec<Prediction>, DeployedError> {
    let [height, width] = predictor.image_size();
    let predict = |image: &[u8]| {
        let picture = PictureView::new(image, PixelFormat::Rgb8, width, height);
        let picture = picture.map_err(|error| other(path, &format!("was given no image: {error}")))?;
        Ok(predictor.predict(&picture)?)
    };
    batch.images_of(view).chunks_exact(3 * width * height).map(predict).collect()
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
    const TRANSFORMATION: &'static str = "transformation_top1";

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

    fn value(&self, evaluation: &DeployedEvaluation) -> Option<f64> {
        Some(self.unit().1 * self.compared.of(evaluation)?)
    }

    /// By how much the deployed model is worse.
    fn cost(&self, float32: &DeployedEvaluation, deployed: &DeployedEvaluation) -> Option<f64> {
        let loss = |evaluation| match self.figure.better {
            Better::More => Some(-self.value(evaluation)?),
            Better::Less | Better::Neither | Better::Floor => self.value(evaluation),
        };
        Some(loss(deployed)? - loss(float32)?)
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
            (Row::TRANSFORMATION, self.transformation_cost_points),
        ] {
            let row = Row::of(key);
            let (name, (unit, _)) = (row.compared.name, row.unit());
            let [float32, deployed] = [&self.float32, &self.deployed].map(|evaluation| row.value(evaluation));
            let (Some(float32), Some(deployed), Some(cost)) = (float32, deployed, cost) else { continue };
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
        DeployedEvaluation {
            path: "model.sxt".into(),
            images: 2400,
            class_top1_head: Some(class_top1_head),
            transformation_top1: None,
            pose: Some(pose),
        }
    }

    #[test]
    fn rows_tell_figures_and_what_is_worse() {
        let compared = DeployedComparison::of(evaluation(0.995, 13.75, 7.981), evaluation(0.9925, 13.875, 7.5));
        let costs = [compared.rotation_cost_deg, compared.symmetric_rotation_cost_deg, compared.class_cost_points];
        assert_eq!(costs, [0.125, 7.5 - 7.981, -99.25 + 99.5].map(Some));
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
