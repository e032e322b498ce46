//! Figures where it is known how the camera sees each subject turned: of pairs of views.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use sextant_runtime::rotation::UnitQuaternion;

use super::inner_products::inner_products;
use super::measure::{LabelledFeatures, class_figures, held_out_pairs, images_of, per_class, probe_settings, ranks};
use super::parts::{FEATURES, Part, parts};
use super::pose::{absolute_errors, pose_report, relative_errors};
use super::responses::{mean_tau, response_reports};
use super::split::{ReadRotations, split};
use super::{
    Drift, Evaluation, EvaluationError, Gallery, PairFeatures, PairProbe, ProbeSettings, RotationFigures, RotationR2,
    by_relative_angle, fixed_objects, of_transformed, out_of_range, pair_features, pair_features_and_embeddings,
    predictor_laws, rotation_r2,
};
use crate::config::Config;
use crate::data::ViewSource;
use crate::model::Model;
use crate::scene::CameraPose;
use crate::transformation::{Condition, HUES};

/// Measures a network that has a rotation head.
pub(super) fn evaluate(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<Evaluation, EvaluationError> {
    let (evaluation, transformed) = (&config.evaluation, source);
    let source = &config.untransformed(source)?;
    let settings = probe_settings(evaluation);
    let train_objects = fixed_objects(&source.training_subjects(), evaluation.train_pairs, evaluation.seed);
    let (test_objects, test_seed) = held_out_pairs(source.as_ref(), config);
    // The embeddings of the training pairs are large, and only the probes of parts look at them.
    let train_features = if evaluation.part_probes { pair_features_and_embeddings } else { pair_features };
    let train = train_features(model, source, &train_objects, evaluation.seed.wrapping_add(2))?;
    let test = pair_features_and_embeddings(model, source, &test_objects, test_seed)?;

    let (train_images, test_images) = (labelled(&train)?, labelled(&test)?);
    let class = |logits: &[Tensor; 2]| -> Result<_, EvaluationError> {
        class_figures(&train_images, &test_images, &Tensor::cat(logits, 0)?, evaluation)
    };
    let class = test.class_logits.as_ref().map(class).transpose()?;
    let rotation = Target::rotation(&train, &test)?;
    let published = Target::rotation_of_sie(&train, &test, source.camera())?;
    let rotation_probe = PairProbe::train(&train.features, &rotation.train, settings)?;
    let (train_parts, test_parts) = (parts(&train)?, parts(&test)?);
    let said = match evaluation.part_probes {
        true => rotation.read_from(&train_parts, &test_parts, settings)?,
        false => BTreeMap::new(),
    };
    let split = {
        let read = ReadRotations { truth: &rotation.test, said: &said, width: rotation.width };
        let both = [(&train, &train_parts[..]), (&test, &test_parts[..])];
        split(both, source.as_ref(), source.class_names().len(), &read, settings)?
    };
    let transformed_pictures = of_transformed(model, transformed, config)?;
    let responses = response_reports(model, transformed, config)?;
    let inner_products = evaluation.inner_products.then(|| inner_products(model, transformed, config)).transpose()?;
    let gallery = Gallery::of(model, source.as_ref(), evaluation)?;
    let (absolute, relative) = (absolute_errors(&test, source.as_ref()), relative_errors(&test, source.as_ref()));

    Ok(Evaluation {
        objects: source.held_out_subjects().len(),
        pairs: test_objects.len(),
        rotation: Some(RotationFigures {
            rotation_r2: rotation_r2(&rotation.test, &rotation_probe.predict(&test.features)?, rotation.width),
            rotation_r2_sie_target: {
                let probe = PairProbe::train(&train.features, &published.train, settings)?;
                rotation_r2(&published.test, &probe.predict(&test.features)?, published.width)
            },
            rotation_r2_parts: rotation.r2_of_each(&said),
            split,
            pose: pose_report(&absolute)?,
            pose_transformed: transformed_pictures.pose,
            by_relative_angle: by_relative_angle(&test, &relative),
            relative_pose: pose_report(&relative)?,
        }),
        colour_r2: colour_r2(&train, &test, config, settings)?,
        transformation_top1: transformed_pictures.top1,
        transformations: transformed_pictures.reports,
        class_top1_transformed: transformed_pictures.class_top1,
        order_tau: mean_tau(&responses, |report| report.tau),
        order_tau_augmented: mean_tau(&responses, |report| report.tau_augmented),
        responses,
        inner_products,
        retrieval: gallery.retrieval,
        references: gallery.references,
        predictor: predictor_laws(model, &test)?,
        drift: Drift::of(&test)?,
        effective_rank: ranks(&test, &test_parts)?,
        out_of_range: out_of_range::measure(model, config, &rotation_probe)?,
        per_class: match &class {
            Some(class) => per_class(&test_images.labels, &class.probed, Some(&absolute), source.class_names())?,
            None => Vec::new(),
        },
        class: class.map(|class| class.figures),
    })
}

fn labelled(pairs: &PairFeatures) -> candle_core::Result<LabelledFeatures> {
    let (features, labels) = images_of(pairs)?;
    Ok(LabelledFeatures { features, labels })
}

/// What a probe on pairs is to say.
struct Target {
    /// `[n, width]` for the training pairs.
    train: Tensor,
    /// The same for the held-out pairs, row-major.
    test: Vec<f32>,
    width: usize,
}

impl Target {
    /// The rotation between the views as `wxyz` with `w >= 0`.
    fn rotation(train: &PairFeatures, test: &PairFeatures) -> candle_core::Result<Self> {
        let of = relative_quaternions;
        Ok(Self { train: of(train)?, test: of(test)?.flatten_all()?.to_vec1()?, width: 4 })
    }

    /// The same with the signs of SIE's code, where the quaternion between two poses is a product and keeps its sign: `w < 0`
    /// where the poses' own quaternions, of which each has `w >= 0` in the world's frame, are more than 90 degrees apart.
    fn rotation_of_sie(
        train: &PairFeatures,
        test: &PairFeatures,
        camera: Option<CameraPose>,
    ) -> candle_core::Result<Self> {
        let world = camera.map_or(UnitQuaternion::IDENTITY, |camera| camera.camera_from_world()).inverse();
        let of = |pairs: &PairFeatures| product_quaternions(pairs, world);
        Ok(Self { train: of(train)?, test: of(test)?.flatten_all()?.to_vec1()?, width: 4 })
    }

    /// The differences of the hues of floor and light.
    fn colour(train: &PairFeatures, test: &PairFeatures) -> candle_core::Result<Self> {
        let of = hue_differences;
        Ok(Self { train: of(train)?, test: of(test)?.flatten_all()?.to_vec1()?, width: 2 })
    }

    /// What a probe says of the held-out pairs from each part.
    fn read_from(
        &self,
        train: &[Part],
        test: &[Part],
        settings: ProbeSettings,
    ) -> Result<BTreeMap<&'static str, Vec<f32>>, EvaluationError> {
        let said = |(train, test): (&Part, &Part)| {
            let probe = PairProbe::train(&train.views, &self.train, settings)?;
            Ok((train.name, probe.predict(&test.views)?))
        };
        train.iter().zip(test).map(said).collect()
    }

    /// How well it was said from each part.
    fn r2_of_each(&self, said: &BTreeMap<&'static str, Vec<f32>>) -> BTreeMap<String, RotationR2> {
        let r2 = |(name, said): (&&str, &Vec<f32>)| (name.to_string(), rotation_r2(&self.test, said, self.width));
        said.iter().map(r2).collect()
    }
}

fn colour_r2(
    train: &PairFeatures,
    test: &PairFeatures,
    config: &Config,
    settings: ProbeSettings,
) -> Result<BTreeMap<String, RotationR2>, EvaluationError> {
    if !config.evaluation.colour_probe {
        return Ok(BTreeMap::new());
    }
    let target = Target::colour(train, test)?;
    let whole = |pairs: &PairFeatures| Part { name: FEATURES, views: pairs.features.clone() };
    let mut said = target.read_from(&[whole(train)], &[whole(test)], settings)?;
    if config.evaluation.part_probes {
        said.extend(target.read_from(&parts(train)?, &parts(test)?, settings)?);
    }
    Ok(target.r2_of_each(&said))
}

/// `R1^-1 R2` of each pair as `wxyz` with `w >= 0`, `[n, 4]`.
pub(super) fn relative_quaternions(pairs: &PairFeatures) -> candle_core::Result<Tensor> {
    let [first, second] = &pairs.rotations;
    let numbers: Vec<f32> = first.iter().zip(second).flat_map(|(a, b)| a.relative_rotation(*b).wxyz()).collect();
    Tensor::from_vec(numbers, (first.len(), 4), pairs.features[0].device())
}

/// The same with the sign of the product of both poses' quaternions as `world_from_camera` gives them, each with `w >= 0`.
fn product_quaternions(pairs: &PairFeatures, world_from_camera: UnitQuaternion) -> candle_core::Result<Tensor> {
    let [first, second] = &pairs.rotations;
    let product = |(a, b): (&UnitQuaternion, &UnitQuaternion)| {
        let between = a.relative_rotation(*b).wxyz();
        let [a, b] = [a, b].map(|pose| (world_from_camera * *pose).wxyz());
        let w: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        between.map(|number| if w < 0.0 { -number } else { number })
    };
    let numbers: Vec<f32> = first.iter().zip(second).flat_map(product).collect();
    Tensor::from_vec(numbers, (first.len(), 4), pairs.features[0].device())
}

/// `[floor, light]` hue of the second view less that of the first, `[n, 2]`.
fn hue_differences(pairs: &PairFeatures) -> candle_core::Result<Tensor> {
    Condition { rotation: None, others: &[HUES] }.rows(&pairs.actions(), pairs.features[0].device())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn the_two_targets_differ_in_sign_alone() {
        // Half turns about x and y by 150 degrees: their product has w = cos(75)^2 > 0; about x and -x: w = cos(150) < 0.
        let about = |axis: [f32; 3], degrees: f32| UnitQuaternion::from_axis_angle(axis, degrees.to_radians());
        let (x, y) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
        let camera = about([0.3, -0.5, 0.81], 130.0);
        let seen = |world: [UnitQuaternion; 2]| world.map(|pose| camera * pose).to_vec();
        let nothing = Tensor::zeros((2, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
        let pairs = PairFeatures {
            features: [nothing.clone(), nothing],
            class_logits: None,
            predicted: Default::default(),
            rotations: [seen([about(x, 150.0); 2]), seen([about(y, 150.0), about(x, -150.0)])],
            objects: vec![0; 2],
            labels: vec![0; 2],
            transformations: Default::default(),
            embeddings: None,
        };
        let canonical = relative_quaternions(&pairs).unwrap().to_vec2::<f32>().unwrap();
        let products = product_quaternions(&pairs, camera.inverse()).unwrap().to_vec2::<f32>().unwrap();
        assert_eq!(products[0], canonical[0]);
        assert_eq!(products[1], canonical[1].iter().map(|number| -number).collect::<Vec<f32>>());
        assert!(products[1][0] < -0.8, "{products:?}");
    }
}
