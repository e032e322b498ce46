//! Whether the features are split: what each half tells of the class, of the rotation between two views and of the pose.

use std::collections::BTreeMap;

use candle_core::{Result, Tensor};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::measure::share_equal;
use super::parts::Part;
use super::pose::{quantile, symmetries};
use super::{ClassProbe, EvaluationError, PairFeatures, ProbeSettings, rotation_r2};
use crate::data::ViewSource;
use crate::method::unit_rows;

/// What each half of the features tells, on held-out objects.
///
/// A split is one where the invariant half tells the class and is blind to the pose, and the equivariant half tells the pose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Split {
    /// Of the invariant half.
    pub invariant: HalfReport,
    /// Of the equivariant half.
    pub equivariant: HalfReport,
    /// Median angle between the poses of two held-out images at random, in degrees: `neighbour_deg` of a half that is blind to
    /// the pose.
    pub blind_deg: ByObjects,
}

/// What one half tells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HalfReport {
    /// Share of images of which a linear probe tells the class, in [0, 1]; only where the data know classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_top1: Option<f64>,
    /// Share of images whose nearest neighbour by cosine, among all other held-out images, is of their class, in [0, 1]; only
    /// where the data know classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbour_class: Option<f64>,
    /// Median angle between the poses of an image and of that neighbour, in degrees; the nearest equivalent pose counts where the
    /// object has a symmetry.
    pub neighbour_deg: ByObjects,
    /// SIE's rotation R2 of a probe, less its floor: 0 where nothing is read; only with `evaluation.part_probes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2_above_floor: Option<ByObjects>,
}

/// A figure over all held-out objects, and over those without and with a symmetry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByObjects {
    /// Over all of them.
    pub all: f64,
    /// Over those that no rotation turns into themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asymmetric: Option<f64>,
    /// Over the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symmetric: Option<f64>,
}

impl ByObjects {
    /// Of the rows of each kind; `None` where there are none at all.
    fn of(is_symmetric: &[bool], mut figure: impl FnMut(&[usize]) -> f64) -> Option<Self> {
        let rows = |wanted: &dyn Fn(bool) -> bool| -> Vec<usize> {
            (0..is_symmetric.len()).filter(|row| wanted(is_symmetric[*row])).collect()
        };
        let mut over = |rows: Vec<usize>| (!rows.is_empty()).then(|| figure(&rows));
        Some(Self {
            all: over(rows(&|_| true))?,
            asymmetric: over(rows(&|is_symmetric| !is_symmetric)),
            symmetric: over(rows(&|is_symmetric| is_symmetric)),
        })
    }
}

/// What a probe said of the rotation between the two views of each held-out pair, from parts of the features.
pub(super) struct ReadRotations<'a> {
    /// `[n, width]`, row-major.
    pub truth: &'a [f32],
    /// By the name of the part, as `truth`.
    pub said: &'a BTreeMap<&'static str, Vec<f32>>,
    /// Numbers of a rotation.
    pub width: usize,
}

/// Measures both halves.
///
/// `train` and `test` are the parts of the features on pairs of views, `classes` how many classes there are.
///
/// # Errors
/// When there is no held-out image, or shapes differ.
pub(super) fn split(
    [train, test]: [(&PairFeatures, &[Part]); 2],
    source: &dyn ViewSource,
    classes: usize,
    rotations: &ReadRotations,
    settings: ProbeSettings,
) -> std::result::Result<Split, EvaluationError> {
    let ((train, train_parts), (test, test_parts)) = (train, test);
    let images = Images::of(test, source);
    let half = |name: &'static str| -> std::result::Result<HalfReport, EvaluationError> {
        let find = |parts: &[Part]| parts.iter().find(|part| part.name == name).map(|part| Tensor::cat(&part.views, 0));
        let (Some(learned), Some(shown)) = (find(train_parts).transpose()?, find(test_parts).transpose()?) else {
            return Err(EvaluationError::Empty(format!("the features have no part {name}")));
        };
        let neighbours = nearest(&shown)?;
        let class_top1 = || -> std::result::Result<f64, EvaluationError> {
            let probe = ClassProbe::linear(&learned, &train.labels.repeat(2), classes, settings)?;
            Ok(share_equal(&probe.classes(&shown)?, &images.labels))
        };
        let neighbour_class = || {
            let said: Vec<u32> = neighbours.iter().map(|neighbour| images.labels[*neighbour]).collect();
            share_equal(&said, &images.labels)
        };
        Ok(HalfReport {
            class_top1: (classes > 0).then(class_top1).transpose()?,
            neighbour_class: (classes > 0).then(neighbour_class),
            neighbour_deg: images.median_angle(&neighbours)?,
            r2_above_floor: rotations.said.get(name).and_then(|said| images.r2_above_floor(rotations, said)),
        })
    };
    Ok(Split {
        invariant: half(INVARIANT)?,
        equivariant: half(EQUIVARIANT)?,
        blind_deg: images.median_angle(&others_at_random(images.labels.len(), settings.seed))?,
    })
}

/// What is known of the held-out images: all first views of the pairs, then all second views.
struct Images {
    labels: Vec<u32>,
    rotations: Vec<UnitQuaternion>,
    symmetries: Vec<SymmetryGroup>,
    /// Of each pair.
    is_symmetric: Vec<bool>,
}

impl Images {
    fn of(pairs: &PairFeatures, source: &dyn ViewSource) -> Self {
        let symmetries = symmetries(pairs, source);
        let is_symmetric = symmetries.iter().map(|group| *group != SymmetryGroup::None).collect();
        Self {
            labels: pairs.labels.repeat(2),
            rotations: pairs.rotations.concat(),
            symmetries: symmetries.repeat(2),
            is_symmetric,
        }
    }

    /// Between the pose of each image and that of its partner.
    fn median_angle(&self, partners: &[usize]) -> std::result::Result<ByObjects, EvaluationError> {
        let angle = |image: usize| {
            let [own, other] = [image, partners[image]].map(|image| self.rotations[image]);
            self.symmetries[image].distance_rad(own, other).to_degrees()
        };
        let median = |images: &[usize]| {
            let mut angles: Vec<f32> = images.iter().map(|image| angle(*image)).collect();
            angles.sort_by(f32::total_cmp);
            quantile(&angles, 0.5)
        };
        ByObjects::of(&self.is_symmetric.repeat(2), median)
            .ok_or_else(|| EvaluationError::Empty("there is no held-out image to compare halves on".into()))
    }

    fn r2_above_floor(&self, rotations: &ReadRotations, said: &[f32]) -> Option<ByObjects> {
        let of_rows = |values: &[f32], rows: &[usize]| -> Vec<f32> {
            rows.iter().flat_map(|row| &values[row * rotations.width..(row + 1) * rotations.width]).copied().collect()
        };
        ByObjects::of(&self.is_symmetric, |rows| {
            let r2 = rotation_r2(&of_rows(rotations.truth, rows), &of_rows(said, rows), rotations.width);
            r2.sie - r2.floor
        })
    }
}

/// Queries whose similarities are held at once.
const QUERIES: usize = 256;

/// For each row `[n, d]` the other row that is nearest by cosine; the row itself where there is no other.
fn nearest(rows: &Tensor) -> Result<Vec<usize>> {
    let rows = unit_rows(rows)?.contiguous()?;
    let (count, candidates) = (rows.dim(0)?, rows.t()?);
    let mut found = Vec::with_capacity(count);
    for first in (0..count).step_by(QUERIES) {
        let queries = rows.narrow(0, first, QUERIES.min(count - first))?;
        for (offset, similarity) in queries.matmul(&candidates)?.to_vec2::<f32>()?.iter().enumerate() {
            let own = first + offset;
            let others = (0..count).filter(|other| *other != own);
            found.push(others.max_by(|a, b| similarity[*a].total_cmp(&similarity[*b])).unwrap_or(own));
        }
    }
    Ok(found)
}

/// For each of `count` images another one: the next in a random order.
fn others_at_random(count: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut rng);
    let mut others = vec![0; count];
    for (place, image) in order.iter().enumerate() {
        others[*image] = order[(place + 1) % count];
    }
    others
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand::RngExt;

    use super::super::parts::parts;
    use super::*;
    use crate::config::Config;
    use crate::registry::Registry;

    const CLASSES: usize = 3;
    const HALF: usize = 9;

    /// Pairs of views of random poses. The first half of their features holds the class with a little noise, the second half
    /// the rotation matrix; the other way round where `is_swapped`.
    fn pairs(count: usize, objects: &[usize], is_swapped: bool, seed: u64) -> PairFeatures {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut rotation = || {
            let angles = [0.0; 3].map(|_: f32| rng.random_range(-1.5..1.5f32));
            (
                UnitQuaternion::from_euler_extrinsic_xyz(angles),
                [0.0; HALF].map(|_: f32| rng.random_range(-0.01..0.01f32)),
            )
        };
        let labels: Vec<u32> = (0..count).map(|pair| (pair % CLASSES) as u32).collect();
        let mut view = || {
            let (mut rotations, mut numbers) = (Vec::new(), Vec::new());
            for label in &labels {
                let (rotation, noise) = rotation();
                let mut class = noise;
                class[*label as usize] += 1.0;
                let matrix: [f32; HALF] = std::array::from_fn(|i| rotation.to_matrix()[i / 3][i % 3]);
                let [first, second] = if is_swapped { [matrix, class] } else { [class, matrix] };
                numbers.extend([first, second].concat());
                rotations.push(rotation);
            }
            (Tensor::from_vec(numbers, (count, 2 * HALF), &Device::Cpu).unwrap(), rotations)
        };
        let ((first, from), (second, to)) = (view(), view());
        PairFeatures {
            features: [first, second],
            class_logits: None,
            predicted: Default::default(),
            rotations: [from, to],
            objects: (0..count).map(|pair| objects[pair % objects.len()]).collect(),
            labels,
            transformations: Default::default(),
            embeddings: None,
        }
    }

    fn split_of(is_swapped: bool) -> Split {
        let sets = ["data.families=[\"mug\", \"cone\"]", "data.objects_per_family=1", "data.held_out_per_family=1"];
        let source = Config::resolve(&Registry::default(), None, None, &sets.map(String::from)).unwrap();
        let source = source.open_data().unwrap();
        let all: Vec<usize> = (0..source.subject_count()).collect();
        let of = |count, seed| {
            let pairs = pairs(count, &all, is_swapped, seed);
            let parts = parts(&pairs).unwrap();
            (pairs, parts)
        };
        let ((train, train_parts), (test, test_parts)) = (of(60, 1), of(90, 2));
        // The true quaternions from the half with the matrix, the same always from the other.
        let truth: Vec<f32> = (0..90).flat_map(|pair| [1.0, pair as f32 / 90.0]).collect();
        let constant = [1.0, 0.5].repeat(90);
        let (told, untold) = if is_swapped { (INVARIANT, EQUIVARIANT) } else { (EQUIVARIANT, INVARIANT) };
        let said = BTreeMap::from([(told, truth.clone()), (untold, constant)]);
        let read = ReadRotations { truth: &truth, said: &said, width: 2 };
        let settings = ProbeSettings { epochs: 60, lr: 1e-2, seed: 0 };
        split([(&train, &train_parts), (&test, &test_parts)], source.as_ref(), CLASSES, &read, settings).unwrap()
    }

    #[test]
    fn each_half_tells_what_it_holds() {
        let split = split_of(false);
        let (class, pose) = (split.invariant, split.equivariant);
        assert_eq!((class.class_top1, class.neighbour_class), (Some(1.0), Some(1.0)));
        assert!(pose.class_top1.unwrap() < 0.6 && pose.neighbour_class.unwrap() < 0.6, "{pose:?}");
        let near = |blind: f64, angle: f64| (blind - angle).abs() < 25.0;
        assert!(near(split.blind_deg.all, class.neighbour_deg.all), "{split:?}");
        assert!(pose.neighbour_deg.all < 0.5 * split.blind_deg.all, "{split:?}");
        let [told, untold] = [pose, class].map(|half| half.r2_above_floor.unwrap().all);
        assert!(told > 0.2 && untold.abs() < 0.01, "{told} {untold}");
        // Mugs are asymmetric, cones are not: an equivalent pose is nearer.
        let [plain, nearer] = [split.blind_deg.asymmetric, split.blind_deg.symmetric].map(Option::unwrap);
        assert!(nearer < plain, "{split:?}");

        let swapped = split_of(true);
        assert_eq!(swapped.equivariant.neighbour_class, Some(1.0));
        assert!(swapped.invariant.neighbour_deg.all < 0.5 * swapped.blind_deg.all);
    }

    #[test]
    fn neighbours_are_others_by_direction() {
        let rows = Tensor::new(&[[1f32, 0.0], [9.0, 0.5], [0.0, 2.0], [0.1, 0.3]], &Device::Cpu).unwrap();
        assert_eq!(nearest(&rows).unwrap(), [1, 0, 3, 2]);
        assert_eq!(nearest(&rows.narrow(0, 0, 1).unwrap()).unwrap(), [0], "there is no other");
    }

    #[test]
    fn partners_at_random_are_others() {
        let others = others_at_random(50, 3);
        assert!(others.iter().enumerate().all(|(image, other)| image != *other));
        let mut sorted = others.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>(), "each once");
    }
}
