//! A penalty on what nearest neighbours by the invariant half tell of the pose.

use std::sync::Arc;

use candle_core::{D, Result, Tensor};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::head_losses::KnownSubject;
use crate::collective::{Collective, gather_rows};
use crate::method::unit_rows;

/// Share of the spread of similarities by which they are divided: few neighbours weigh much.
const SHARPNESS: f64 = 0.5;
/// In place of the similarity of an image to itself, and to images whose labels are unknown.
const NEVER: f32 = -1e4;

/// By how much soft nearest neighbours agree in pose beyond chance, squared: a scalar that is 0 where they are blind to the pose.
///
/// `invariant` `[views n, d]` holds the first views of all objects, then the second ones and so on, as `poses` do
/// (camera-from-object), and `subjects` are the `n` objects. With `s` the cosines of all images of the batch and `p` the
/// agreement `(1 + cos angle) / 2` of their poses, the angle to the nearest equivalent pose,
///
/// `excess(i) = sum_j w_ij p_ij - mean_j p_ij`, where `w_ij = softmax_j(s_ij / t)` over all `j` but `i`,
///
/// and `t` is half the standard deviation of the cosines between views of one object, so that the penalty looks as closely as
/// views of one object lie together. The penalty is `share m^2` with the mean excess `m` of objects without symmetry, and the same
/// of those with one. Images whose labels are unknown are left out.
///
/// # Errors
/// When shapes differ, or another rank has ended.
pub(super) fn pose_blindness(
    invariant: &Tensor,
    poses: &[Vec<UnitQuaternion>],
    subjects: &[KnownSubject],
    ranks: &Arc<dyn Collective>,
) -> Result<Tensor> {
    let rows = Rows::of_rank(invariant, poses, subjects, ranks)?;
    let count = rows.is_labelled.sum_all()?.to_scalar::<f32>()?;
    if count < 2.0 {
        return Tensor::zeros((), invariant.dtype(), invariant.device());
    }
    let scores = ((rows.similarity / (SHARPNESS * rows.spread))? + rows.unmet)?;
    let weights = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
    let weights = weights.broadcast_div(&weights.sum_keepdim(D::Minus1)?)?;
    let excess = (weights * rows.agreement)?.sum(D::Minus1)?;
    let of_kind = |is_member: Tensor| -> Result<Tensor> {
        let members = is_member.sum_all()?.to_scalar::<f32>()?.max(1.0);
        let mean = ((&excess * &is_member)?.sum_all()? / f64::from(members))?;
        mean.sqr()? * f64::from(members / count)
    };
    let is_asymmetric = (&rows.is_labelled - &rows.is_symmetric)?;
    of_kind(rows.is_symmetric)? + of_kind(is_asymmetric)?
}

/// All images of the whole batch against all others.
struct Rows {
    /// Cosines, `[m, m]`, with their gradient.
    similarity: Tensor,
    /// Agreement of poses less its mean over those that a row meets, 0 with the others, `[m, m]`.
    agreement: Tensor,
    /// [`NEVER`] where a row meets itself or an image whose labels are unknown, else 0, `[m, m]`.
    unmet: Tensor,
    /// 1 for images whose labels are known, else 0, `[m]`.
    is_labelled: Tensor,
    /// 1 for those of objects with a symmetry, else 0, `[m]`.
    is_symmetric: Tensor,
    /// Standard deviation of the cosines between views of one object; of all where objects have one view.
    spread: f64,
}

impl Rows {
    /// What this rank knows of its own images, joined with what the others know of theirs.
    fn of_rank(
        invariant: &Tensor,
        poses: &[Vec<UnitQuaternion>],
        subjects: &[KnownSubject],
        ranks: &Arc<dyn Collective>,
    ) -> Result<Self> {
        let device = invariant.device();
        let own: Vec<UnitQuaternion> = poses.iter().flatten().copied().collect();
        let (objects, images, first) = (subjects.len(), own.len(), ranks.rank() * own.len());
        let flag = |is_set: bool| f32::from(u8::from(is_set));
        let is_labelled = Tensor::from_iter((0..images).map(|at| flag(subjects[at % objects].is_labelled())), device)?;
        let is_labelled = gather_rows(&is_labelled, ranks)?;
        let labelled: Vec<bool> = is_labelled.to_vec1::<f32>()?.iter().map(|flag| *flag > 0.0).collect();
        let numbers: Vec<f32> = own.iter().flat_map(|pose| pose.wxyz()).collect();
        let numbers = gather_rows(&Tensor::from_vec(numbers, (images, 4), device)?, ranks)?.to_vec2::<f32>()?;
        let all = numbers
            .iter()
            .map(|q| UnitQuaternion::from_wxyz([q[0], q[1], q[2], q[3]]).unwrap_or(UnitQuaternion::IDENTITY));
        let all: Vec<UnitQuaternion> = all.collect();

        let (mut agreement, mut siblings) = (Vec::new(), Vec::new());
        for (image, pose) in own.iter().enumerate() {
            let symmetry = subjects[image % objects].symmetry;
            let agrees = |other: &UnitQuaternion| (1.0 + symmetry.distance_rad(*pose, *other).cos()) / 2.0;
            let is_met = |other: usize| labelled[other] && other != first + image;
            let mut row: Vec<f32> = all.iter().map(agrees).collect();
            let met: Vec<f32> = (0..row.len()).filter(|other| is_met(*other)).map(|other| row[other]).collect();
            let mean = met.iter().sum::<f32>() / met.len().max(1) as f32;
            let less_mean =
                |(other, value): (usize, &mut f32)| *value = if is_met(other) { *value - mean } else { 0.0 };
            row.iter_mut().enumerate().for_each(less_mean);
            agreement.extend(row);
            let is_sibling = |other: usize| {
                let own = other.checked_sub(first).filter(|other| *other < images && *other != image);
                own.is_some_and(|other| other % objects == image % objects)
            };
            siblings.extend((0..all.len()).map(|other| flag(is_sibling(other))));
        }
        let joined = |values: Vec<f32>| gather_rows(&Tensor::from_vec(values, (images, all.len()), device)?, ranks);
        let (agreement, siblings) = (joined(agreement)?, joined(siblings)?);
        let is_symmetric = (0..images).map(|image| {
            let subject = subjects[image % objects];
            flag(subject.is_labelled() && subject.symmetry != SymmetryGroup::None)
        });
        let is_symmetric = gather_rows(&Tensor::from_iter(is_symmetric, device)?, ranks)?;
        let unit = gather_rows(&unit_rows(invariant)?, ranks)?;
        let similarity = unit.matmul(&unit.t()?.contiguous()?)?;
        let others = (1.0 - Tensor::eye(all.len(), similarity.dtype(), device)?)?;
        let compared = if poses.len() > 1 { &siblings } else { &others };
        let met = others.broadcast_mul(&is_labelled)?;
        Ok(Self {
            spread: deviation(&similarity.detach(), compared)?,
            unmet: ((1.0 - met)? * f64::from(NEVER))?,
            similarity,
            agreement,
            is_labelled,
            is_symmetric,
        })
    }
}

/// Standard deviation of the values where `is_meant` is 1, at least so much that it can be divided by.
fn deviation(values: &Tensor, is_meant: &Tensor) -> Result<f64> {
    let count = f64::from(is_meant.sum_all()?.to_scalar::<f32>()?.max(1.0));
    let mean = f64::from((values * is_meant)?.sum_all()?.to_scalar::<f32>()?) / count;
    let squares = ((values - mean)?.sqr()? * is_meant)?.sum_all()?.to_scalar::<f32>()?;
    Ok((f64::from(squares) / count).sqrt().max(1e-6))
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::collective::{Alone, Threads};
    use crate::optimiser::{Optimiser, OptimiserConfig};

    const OBJECTS: usize = 6;
    const VIEWS: usize = 3;

    fn alone() -> Arc<dyn Collective> {
        Arc::new(Alone)
    }

    fn random_poses(seed: u64) -> Vec<Vec<UnitQuaternion>> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut pose =
            || UnitQuaternion::from_euler_extrinsic_xyz([0.0; 3].map(|_: f32| rng.random_range(-1.5..1.5f32)));
        (0..VIEWS).map(|_| (0..OBJECTS).map(|_| pose()).collect()).collect()
    }

    fn subjects() -> Vec<KnownSubject> {
        let symmetric = SymmetryGroup::Continuous { axis: [0.0, 0.0, 1.0] };
        let symmetry = |object| if object < 2 { symmetric } else { SymmetryGroup::None };
        (0..OBJECTS).map(|object| KnownSubject { symmetry: symmetry(object), label_weight: 1.0 }).collect()
    }

    fn random_features(seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..VIEWS * OBJECTS * 9).map(|_| rng.random_range(-1.0..1.0f32)).collect()
    }

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::from_slice(values, (values.len() / 9, 9), &Device::Cpu).unwrap()
    }

    fn penalty(features: &Tensor, poses: &[Vec<UnitQuaternion>]) -> f32 {
        pose_blindness(features, poses, &subjects(), &alone()).unwrap().to_scalar().unwrap()
    }

    /// The same with one image after another, of labelled objects.
    fn by_loops(features: &[f32], poses: &[Vec<UnitQuaternion>], is_labelled: fn(usize) -> bool) -> f64 {
        let poses: Vec<UnitQuaternion> = poses.concat();
        let rows: Vec<&[f32]> = features.chunks(9).collect();
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        let others = |image: usize| (0..rows.len()).filter(move |other| *other != image);
        let siblings: Vec<f64> = (0..rows.len())
            .flat_map(|image| {
                others(image).filter(move |other| other % OBJECTS == image % OBJECTS).map(move |other| (image, other))
            })
            .map(|(a, b)| cosine(rows[a], rows[b]))
            .collect();
        let mean = siblings.iter().sum::<f64>() / siblings.len() as f64;
        let spread = (siblings.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / siblings.len() as f64).sqrt();
        let excess = |image: usize| {
            let symmetry = subjects()[image % OBJECTS].symmetry;
            let agrees =
                |other: usize| (1.0 + f64::from(symmetry.distance_rad(poses[image], poses[other]).cos())) / 2.0;
            let weight = |other: usize| (cosine(rows[image], rows[other]) / (SHARPNESS * spread)).exp();
            let others: Vec<usize> = others(image).filter(|other| is_labelled(other % OBJECTS)).collect();
            let sum: f64 = others.iter().map(|other| weight(*other)).sum();
            let soft: f64 = others.iter().map(|other| weight(*other) / sum * agrees(*other)).sum();
            soft - others.iter().map(|other| agrees(*other)).sum::<f64>() / others.len() as f64
        };
        let labelled: Vec<usize> = (0..rows.len()).filter(|image| is_labelled(image % OBJECTS)).collect();
        let of = |images: Vec<usize>| {
            let mean = images.iter().map(|image| excess(*image)).sum::<f64>() / images.len() as f64;
            mean.powi(2) * images.len() as f64 / labelled.len() as f64
        };
        let (symmetric, others): (Vec<usize>, Vec<usize>) = labelled.iter().partition(|image| **image % OBJECTS < 2);
        of(symmetric) + of(others)
    }

    #[test]
    fn it_agrees_with_loops() {
        for seed in 0..3 {
            let (features, poses) = (random_features(seed), random_poses(seed + 10));
            let (found, expected) =
                (f64::from(penalty(&tensor(&features), &poses)), by_loops(&features, &poses, |_| true));
            assert!((found - expected).abs() < 1e-5 * expected.max(1e-2), "{found} is not {expected}");
        }
    }

    #[test]
    fn features_that_are_the_pose_pay_and_learn_not_to() {
        let poses = random_poses(1);
        let matrices: Vec<f32> = poses.iter().flatten().flat_map(|pose| pose.to_matrix().concat()).collect();
        let told = penalty(&tensor(&matrices), &poses);
        let untold = penalty(&tensor(&random_features(5)), &poses);
        assert!(told > 0.02 && untold < 0.3 * told, "{told} {untold}");
        let features = Var::from_tensor(&tensor(&matrices)).unwrap();
        let mut optimiser = Optimiser::new(&OptimiserConfig::default(), &[("x".into(), features.clone())]).unwrap();
        for _ in 0..200 {
            let loss = pose_blindness(&features, &poses, &subjects(), &alone()).unwrap();
            optimiser.step(&loss.backward().unwrap(), 1e-2).unwrap();
        }
        assert!(penalty(&features, &poses) < 0.05 * told);
    }

    #[test]
    fn ranks_find_what_one_finds() {
        let (features, poses) = (random_features(3), random_poses(4));
        let half = |views: &[Vec<UnitQuaternion>], rank: usize| -> Vec<Vec<UnitQuaternion>> {
            views.iter().map(|view| view[rank * OBJECTS / 2..][..OBJECTS / 2].to_vec()).collect()
        };
        // A rank has the objects of its share in all views, and the gradient is the mean of the ranks'.
        let rows = |rank: usize| {
            let of_view =
                |view: usize| (0..OBJECTS / 2).map(move |object| view * OBJECTS + rank * OBJECTS / 2 + object);
            (0..VIEWS).flat_map(of_view).collect::<Vec<usize>>()
        };
        let gradient =
            |rows: &[usize], poses: &[Vec<UnitQuaternion>], subjects: &[KnownSubject], ranks: Arc<dyn Collective>| {
                let own: Vec<f32> = rows.iter().flat_map(|row| features[row * 9..][..9].to_vec()).collect();
                let own = Var::from_tensor(&tensor(&own)).unwrap();
                let loss = pose_blindness(&own, poses, subjects, &ranks).unwrap();
                let gradients = (&loss / ranks.size() as f64).unwrap().backward().unwrap();
                let gradient = gradients.get(own.as_tensor()).unwrap().to_vec2::<f32>().unwrap();
                (loss.to_scalar::<f32>().unwrap(), rows.iter().copied().zip(gradient).collect::<Vec<_>>())
            };
        let all: Vec<usize> = (0..VIEWS * OBJECTS).collect();
        let (whole, expected) = gradient(&all, &poses, &subjects(), alone());
        let found: Vec<_> = std::thread::scope(|scope| {
            let start = |rank: Threads| {
                let (gradient, poses) = (&gradient, &poses);
                scope.spawn(move || {
                    let at = rank.rank();
                    let subjects = subjects()[at * OBJECTS / 2..][..OBJECTS / 2].to_vec();
                    gradient(&rows(at), &half(poses, at), &subjects, Arc::new(rank))
                })
            };
            let threads: Vec<_> = Threads::ranks(2).into_iter().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (loss, rows) in found {
            assert!((loss - whole).abs() < 1e-6, "{loss} is not {whole}");
            for (row, gradient) in rows {
                for (found, expected) in gradient.iter().zip(&expected[row].1) {
                    assert!((found - expected).abs() < 1e-5, "row {row}: {found} is not {expected}");
                }
            }
        }
    }

    #[test]
    fn images_without_labels_are_left_out() {
        let (features, poses) = (random_features(6), random_poses(7));
        let mut subjects = subjects();
        [1, 4].into_iter().for_each(|object| subjects[object].label_weight = 0.0);
        let found = |subjects: &[KnownSubject]| {
            let penalty = pose_blindness(&tensor(&features), &poses, subjects, &alone()).unwrap();
            f64::from(penalty.to_scalar::<f32>().unwrap())
        };
        let expected = by_loops(&features, &poses, |object| object != 1 && object != 4);
        assert!((found(&subjects) - expected).abs() < 1e-5 * expected.max(1e-2));
        subjects.iter_mut().for_each(|subject| subject.label_weight = 0.0);
        assert_eq!(found(&subjects), 0.0);
    }

    #[test]
    fn little_to_compare_is_no_error() {
        let one = |views: usize, objects: usize| {
            let poses = vec![vec![UnitQuaternion::IDENTITY; objects]; views];
            let features = tensor(&random_features(1)[..views * objects * 9]);
            pose_blindness(&features, &poses, &subjects()[..objects], &alone()).unwrap().to_scalar::<f32>().unwrap()
        };
        for (views, objects) in [(1, 1), (2, 1), (1, 2)] {
            assert!(one(views, objects).is_finite(), "{views} views of {objects}");
        }
    }
}
