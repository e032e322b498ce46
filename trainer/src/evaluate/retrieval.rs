use candle_core::{Result, Tensor};
use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::UnitQuaternion;

use crate::method::unit_rows;

/// How well the predictions of all views of an object from its first view find those views (SIE, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrieval {
    /// Objects that were asked about.
    pub objects: usize,
    /// Views of each object, which are the candidates.
    pub views: usize,
    /// Over all queries, with the one that asks for the first view itself.
    #[serde(flatten)]
    pub all: RetrievalFigures,
    /// Without that query, whose action is the identity.
    pub without_identity: RetrievalFigures,
    /// Standard error of those over the objects: how far other objects would move them.
    pub standard_error: RetrievalFigures,
    /// The same of the objects that no rotation turns into themselves; of the others several views look alike. `None` where
    /// there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asymmetric: Option<RetrievalOfSome>,
    /// What guessing scores.
    pub chance: RetrievalFigures,
}

/// Figures without the identity query of some of the objects, which are looked for in the whole gallery all the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrievalOfSome {
    /// How many they are.
    pub objects: usize,
    /// Over all their queries but that for the first view itself.
    #[serde(flatten)]
    pub figures: RetrievalFigures,
    /// Standard error over the objects.
    pub standard_error: RetrievalFigures,
}

/// Figures of a set of queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RetrievalFigures {
    /// Prediction retrieval error: mean of `1 - <q, q'>^2` between the true rotation and that of the nearest view in
    /// the whole gallery; 0 is perfect, in [0, 1].
    pub pre: f64,
    /// Mean reciprocal rank of the true view among the views of its object, in (0, 1].
    pub mrr: f64,
    /// Share of true views at rank 1, in [0, 1].
    pub h1: f64,
    /// Share at rank 5 or better.
    pub h5: f64,
    /// Share at rank 10 or better.
    pub h10: f64,
}

/// One query: the rank of the true view, and the error of the nearest view's rotation.
struct Answer {
    rank: f64,
    rotation_error: f64,
}

/// Ranks by cosine; equal candidates share the mean of their ranks, so that collapse gains nothing.
///
/// # Shapes
/// `embeddings` and `predicted` are `[objects * views, d]`, object by object; row `i` of `predicted` is the prediction
/// of view `i` from the first view of its object. `rotations` are of the same views, `is_symmetric` is of the objects.
///
/// # Errors
/// When shapes differ.
pub fn retrieval(
    embeddings: &Tensor,
    predicted: &Tensor,
    rotations: &[UnitQuaternion],
    views: usize,
    is_symmetric: &[bool],
) -> Result<Retrieval> {
    let (embeddings, predicted) = (unit_rows(embeddings)?, unit_rows(predicted)?);
    let candidates = embeddings.t()?.contiguous()?;
    let mut answers = Vec::with_capacity(rotations.len());
    for object in 0..rotations.len() / views {
        let first = object * views;
        let similarity = predicted.narrow(0, first, views)?.contiguous()?.matmul(&candidates)?.to_vec2::<f32>()?;
        for (view, row) in similarity.iter().enumerate() {
            answers.push(answer(row, first, views, first + view, rotations));
        }
    }
    let all: Vec<&Answer> = answers.iter().collect();
    // An object's first query asks for the view that it starts from.
    let of_objects: Vec<RetrievalFigures> = answers
        .chunks(views)
        .map(|answers| RetrievalFigures::of(&answers.iter().skip(1).collect::<Vec<_>>()))
        .collect();
    let asymmetric: Vec<RetrievalFigures> = of_objects
        .iter()
        .zip(is_symmetric)
        .filter(|(_, symmetric)| !**symmetric)
        .map(|(figures, _)| *figures)
        .collect();
    let [without_identity, standard_error] = mean_and_error(&of_objects);
    Ok(Retrieval {
        objects: rotations.len() / views,
        views,
        all: RetrievalFigures::of(&all),
        without_identity,
        standard_error,
        asymmetric: (!asymmetric.is_empty()).then(|| {
            let [figures, standard_error] = mean_and_error(&asymmetric);
            RetrievalOfSome { objects: asymmetric.len(), figures, standard_error }
        }),
        chance: chance(rotations, views),
    })
}

/// `row` holds the similarity of a prediction to every view of the gallery.
fn answer(row: &[f32], first: usize, views: usize, truth: usize, rotations: &[UnitQuaternion]) -> Answer {
    let own = &row[first..first + views];
    let better = own.iter().filter(|s| **s > row[truth]).count();
    let equal = own.iter().filter(|s| **s == row[truth]).count() - 1;
    let mut nearest = 0;
    for (i, similarity) in row.iter().enumerate() {
        if *similarity > row[nearest] {
            nearest = i;
        }
    }
    Answer {
        rank: 1.0 + better as f64 + equal as f64 / 2.0,
        rotation_error: 1.0 - cosine_of(rotations[truth], rotations[nearest]).powi(2),
    }
}

fn cosine_of(a: UnitQuaternion, b: UnitQuaternion) -> f64 {
    let product: f64 = a.wxyz().iter().zip(b.wxyz()).map(|(a, b)| f64::from(*a) * f64::from(b)).sum();
    product.clamp(-1.0, 1.0)
}

impl RetrievalFigures {
    fn of(answers: &[&Answer]) -> Self {
        let mean =
            |of: &dyn Fn(&Answer) -> f64| answers.iter().map(|a| of(a)).sum::<f64>() / answers.len().max(1) as f64;
        let within = |rank: f64| mean(&|a| f64::from(u8::from(a.rank <= rank)));
        Self {
            pre: mean(&|a| a.rotation_error),
            mrr: mean(&|a| 1.0 / a.rank),
            h1: within(1.0),
            h5: within(5.0),
            h10: within(10.0),
        }
    }

    fn numbers(&self) -> [f64; 5] {
        [self.pre, self.mrr, self.h1, self.h5, self.h10]
    }

    fn from_numbers([pre, mrr, h1, h5, h10]: [f64; 5]) -> Self {
        Self { pre, mrr, h1, h5, h10 }
    }
}

/// Mean over objects, and its standard error, which is 0 of a single object.
fn mean_and_error(of_objects: &[RetrievalFigures]) -> [RetrievalFigures; 2] {
    let count = of_objects.len() as f64;
    let estimates = std::array::from_fn(|figure| {
        let values = || of_objects.iter().map(|figures| figures.numbers()[figure]);
        let mean = values().sum::<f64>() / count.max(1.0);
        let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        [mean, (variance / count.max(1.0)).sqrt()]
    });
    [0, 1].map(|at| RetrievalFigures::from_numbers(estimates.map(|estimate| estimate[at])))
}

/// Random ranks, and a random view of the gallery as the nearest.
fn chance(rotations: &[UnitQuaternion], views: usize) -> RetrievalFigures {
    // The mean of <q_i, q_j>^2 over all i and j is the squared norm of the mean of q q^T.
    let mut moment = [[0.0f64; 4]; 4];
    for rotation in rotations {
        let q = rotation.wxyz().map(f64::from);
        for (row, a) in moment.iter_mut().zip(q) {
            row.iter_mut().zip(q).for_each(|(sum, b)| *sum += a * b / rotations.len() as f64);
        }
    }
    let share = |rank: usize| rank.min(views) as f64 / views as f64;
    RetrievalFigures {
        pre: 1.0 - moment.iter().flatten().map(|m| m * m).sum::<f64>(),
        mrr: (1..=views).map(|rank| 1.0 / rank as f64).sum::<f64>() / views as f64,
        h1: share(1),
        h5: share(5),
        h10: share(10),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::scene::{RotationSampling, SceneParameters};

    const WIDTH: usize = 16;

    fn random(rows: usize, seed: u64) -> Tensor {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let numbers: Vec<f32> = (0..rows * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect();
        Tensor::from_vec(numbers, (rows, WIDTH), &Device::Cpu).unwrap()
    }

    fn rotations(count: usize) -> Vec<UnitQuaternion> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut draw = || SceneParameters::sample(&mut rng, RotationSampling::default()).world_from_object();
        (0..count).map(|_| draw()).collect()
    }

    #[test]
    fn a_perfect_predictor_has_mrr_1_and_pre_0() {
        let embeddings = random(4 * 50, 1);
        let found = retrieval(&embeddings, &embeddings, &rotations(200), 50, &[false; 4]).unwrap();
        for figures in [found.all, found.without_identity] {
            assert!(figures.pre.abs() < 1e-6);
            assert_eq!((figures.mrr, figures.h1, figures.h5, figures.h10), (1.0, 1.0, 1.0, 1.0));
        }
        assert_eq!((found.objects, found.views), (4, 50));
    }

    #[test]
    fn a_random_predictor_has_the_chance_levels_of_3diebench() {
        let found = retrieval(&random(40 * 50, 1), &random(40 * 50, 2), &rotations(2000), 50, &[true; 40]).unwrap();
        let known = RetrievalFigures { pre: 0.63, mrr: 0.090, h1: 0.02, h5: 0.10, h10: 0.20 };
        for (figures, tolerance) in
            [(found.chance, [0.02, 5e-4, 1e-9, 1e-9, 1e-9]), (found.all, [0.03, 0.015, 0.01, 0.02, 0.03])]
        {
            let pairs = [
                (figures.pre, known.pre),
                (figures.mrr, known.mrr),
                (figures.h1, known.h1),
                (figures.h5, known.h5),
                (figures.h10, known.h10),
            ];
            for ((found, known), tolerance) in pairs.iter().zip(tolerance) {
                assert!((found - known).abs() < tolerance, "{found} is not {known}");
            }
        }
    }

    #[test]
    fn ranks_by_hand() {
        let tensor =
            |rows: &[[f32; 2]]| Tensor::from_slice(rows.as_flattened(), (rows.len(), 2), &Device::Cpu).unwrap();
        let embeddings = tensor(&[[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]);
        // View 0 is found first, view 1 second (view 2 is nearer), view 2 last, view 3 third.
        let predicted = tensor(&[[3.0, 0.1], [-1.0, 0.9], [1.0, 0.0], [0.5, 0.4]]);
        let quarter =
            |i: usize| UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], i as f32 * std::f32::consts::FRAC_PI_2);
        let found =
            retrieval(&embeddings, &predicted, &[quarter(0), quarter(1), quarter(2), quarter(3)], 4, &[false]).unwrap();
        assert!((found.all.mrr - (1.0 + 1.0 / 2.0 + 1.0 / 4.0 + 1.0 / 3.0) / 4.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found.all.h1, 0.25);
        assert!((found.without_identity.mrr - (1.0 / 2.0 + 1.0 / 4.0 + 1.0 / 3.0) / 3.0).abs() < 1e-9);
        // Nearest views: 0, 2, 0, 0, at quarter turns 0, 1, 2, 1 from the truth: errors 0, 1/2, 1, 1/2.
        assert!((found.all.pre - 0.5).abs() < 1e-6);
    }

    #[test]
    fn errors_are_over_objects_and_symmetric_ones_apart() {
        // The first object's views are all found, of the second none at first.
        let truth = random(2 * 4, 5);
        let second = truth.narrow(0, 4, 4).unwrap();
        let rotated = Tensor::cat(&[&second.narrow(0, 1, 3).unwrap(), &second.narrow(0, 0, 1).unwrap()], 0).unwrap();
        let predicted = Tensor::cat(&[&truth.narrow(0, 0, 4).unwrap(), &rotated], 0).unwrap();
        let found = |is_symmetric: [bool; 2]| retrieval(&truth, &predicted, &rotations(8), 4, &is_symmetric).unwrap();
        let both = found([false, true]);
        // Means 1 and 0 of two objects: their mean is 1/2, its standard error sqrt(1/2 / 2).
        assert_eq!((both.without_identity.h1, both.standard_error.h1), (0.5, 0.5));
        let asymmetric = both.asymmetric.unwrap();
        assert_eq!((asymmetric.objects, asymmetric.figures.h1, asymmetric.standard_error.h1), (1, 1.0, 0.0));
        assert_eq!(found([true, true]).asymmetric, None);
    }

    #[test]
    fn collapse_is_no_perfect_score() {
        let same = Tensor::ones((50, WIDTH), candle_core::DType::F32, &Device::Cpu).unwrap();
        let found = retrieval(&same, &same, &rotations(50), 50, &[false]).unwrap();
        assert!((found.all.mrr - 1.0 / 25.5).abs() < 1e-9 && found.all.h1 == 0.0);
    }
}
