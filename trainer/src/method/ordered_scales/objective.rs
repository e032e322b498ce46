//! What keeps features of one picture in the order of a transformation's strengths, three at a time: s0 < s1 < s2.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::method::{Views, WeightedTerm, negative_log_softmax};
use crate::nn::{Mlp, Scope};
use crate::transformation::Transformation;

/// Positions of the views of each subject on the scale of the transformation that it was given, rising; the same number for
/// all views where it was given one without a scale.
pub(super) struct Scales(Vec<Vec<f32>>);

impl Scales {
    /// Of some views, in the order of their strengths. Of each subject one of the ordered transformations at most changes from
    /// the first to the last.
    ///
    /// # Errors
    /// When the views do not have one of them.
    pub fn of(views: &Views, ordered: &[&'static dyn Transformation], shown: &[usize]) -> Result<Self> {
        let mut rows = vec![vec![0.0; shown.len()]; views.views[0].transformations.len()];
        for transformation in ordered {
            let positions = shown.iter().map(|view| views.positions(*view, *transformation));
            let positions = positions.collect::<Result<Vec<_>>>()?;
            for (row, scales) in rows.iter_mut().enumerate() {
                let found: Vec<f32> = positions.iter().map(|of_view| of_view[row]).collect();
                if found.first() != found.last() {
                    *scales = found;
                }
            }
        }
        Ok(Self(rows))
    }

    /// Those of three views.
    fn triple(&self, views: [usize; 3]) -> Triple {
        Triple(self.0.iter().map(|row| views.map(|view| row[view])).collect())
    }
}

/// Positions `[s0, s1, s2]` of three views for each row.
struct Triple(Vec<[f32; 3]>);

impl Triple {
    /// A column `[n]` of a number that each row gives.
    fn column(&self, of: impl Fn([f32; 3]) -> f32, device: &Device) -> Result<Tensor> {
        Tensor::from_vec(self.0.iter().map(|row| of(*row)).collect::<Vec<f32>>(), self.0.len(), device)
    }

    /// 1 where a row has strengths in an order, else 0, `[n]`.
    fn is_ordered(&self, device: &Device) -> Result<Tensor> {
        self.column(|[first, _, last]| if last > first { 1.0 } else { 0.0 }, device)
    }
}

/// Every three of so many views, in their order.
fn triples(views: usize) -> Vec<[usize; 3]> {
    let later = move |from: usize| from + 1..views;
    (0..views).flat_map(|a| later(a).flat_map(move |b| later(b).map(move |c| [a, b, c]))).collect()
}

/// What keeps the order.
pub(super) enum Objective {
    /// Less of it lies nearer than more.
    Ranking {
        /// By how much, of the whole scale.
        margin: f64,
    },
    /// From the features of both ends, and from where it lies between them, the features of a strength are told apart from
    /// those of all others.
    Reconstruction {
        /// From both ends' unit vectors and a share to features.
        network: Mlp,
        /// Divides the cosines before the softmax.
        temperature: f64,
    },
}

impl Objective {
    /// A network of one hidden layer.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn reconstruction(width: usize, hidden: usize, temperature: f64, scope: &mut Scope) -> Result<Self> {
        Ok(Self::Reconstruction { network: Mlp::new(&[2 * width + 1, hidden, width], scope)?, temperature })
    }

    /// The weighted term of the features of views in the order of their strengths, `[n, width]` each, of this rank's rows: the
    /// mean over every three of them. Beside it the share of comparisons that are in order, to be watched.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn terms(
        &self,
        features: &[&Tensor],
        scales: &Scales,
        views: &Views,
        weight: f64,
    ) -> Result<Vec<WeightedTerm>> {
        let (mut losses, mut shares) = (Vec::new(), Vec::new());
        for triple in triples(features.len()) {
            let of_triple = triple.map(|view| features[view]);
            let positions = scales.triple(triple);
            losses.push(self.loss(of_triple, &positions, views)?);
            shares.push(share_in_order(of_triple.map(Tensor::detach).each_ref(), &positions)?);
        }
        let mean = |terms: &[Tensor]| Tensor::stack(terms, 0)?.mean_all();
        Ok(vec![(self.name(), weight, mean(&losses)?), ("in_order", 0.0, mean(&shares)?)])
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Ranking { .. } => "ranking",
            Self::Reconstruction { .. } => "reconstruction",
        }
    }

    fn loss(&self, features: [&Tensor; 3], scales: &Triple, views: &Views) -> Result<Tensor> {
        let (network, temperature) = match self {
            Self::Ranking { margin } => return ranking(features, scales, *margin),
            Self::Reconstruction { network, temperature } => (network, *temperature),
        };
        let [start, middle, end] = features;
        let device = start.device();
        let share = scales.column(share_of_the_way, device)?.unsqueeze(1)?;
        let rebuilt = network.forward(&Tensor::cat(&[&directions(start)?, &directions(end)?, &share], 1)?)?;
        let counted = scales.is_ordered(device)?.unsqueeze(1)?;
        let [rebuilt, middle, start, end, counted] = &views.of_whole_batch([&rebuilt, middle, start, end, &counted])?;
        reconstruction(rebuilt, [middle, start, end], counted, temperature)
    }
}

/// Where s1 lies between s0 and s2, from 0 to 1.
fn share_of_the_way([first, middle, last]: [f32; 3]) -> f32 {
    if last > first { (middle - first) / (last - first) } else { 0.0 }
}

/// Added to the squared length of a row: features of a picture that shows next to nothing may be all but zero, and have no
/// direction that a gradient could turn.
const LEAST_SQUARE: f64 = 1e-2;

/// Rows scaled to unit length, shorter where there is next to nothing in them.
fn directions(x: &Tensor) -> Result<Tensor> {
    x.broadcast_div(&(x.sqr()?.sum_keepdim(D::Minus1)? + LEAST_SQUARE)?.sqrt()?)
}

/// `[d(s0, s1), d(s1, s2), d(s0, s2)]` of each row, `[n]`, where `d` is 1 less the inner product of [`directions`].
fn distances(features: [&Tensor; 3]) -> Result<[Tensor; 3]> {
    let [start, middle, end] = features.map(directions);
    let (start, middle, end) = (start?, middle?, end?);
    let distance = |a: &Tensor, b: &Tensor| 1.0 - (a * b)?.sum(D::Minus1)?;
    Ok([distance(&start, &middle)?, distance(&middle, &end)?, distance(&start, &end)?])
}

/// Mean over rows and both comparisons of `max(0, d(s0, s1) - d(s0, s2) + m (s2 - s1))` and
/// `max(0, d(s1, s2) - d(s0, s2) + m (s1 - s0))`: the margin goes with how far the strengths lie apart. Rows without an order
/// count as 0.
///
/// # Shapes
/// Features are `[n, width]` each.
fn ranking(features: [&Tensor; 3], scales: &Triple, margin: f64) -> Result<Tensor> {
    let device = features[0].device();
    let [nearer, later, whole] = distances(features)?;
    let margin = |of: fn([f32; 3]) -> f32| scales.column(of, device)? * margin;
    let too_far = |part: &Tensor, margin: Tensor| ((part - &whole)? + margin)?.relu();
    let first = too_far(&nearer, margin(|[_, middle, last]| last - middle)?)?;
    let second = too_far(&later, margin(|[first, middle, _]| middle - first)?)?;
    ((first + second)? * scales.is_ordered(device)?)?.mean_all()? * 0.5
}

/// Share of both comparisons that are in order, over the rows that have one; 1 where none has.
fn share_in_order(features: [&Tensor; 3], scales: &Triple) -> Result<Tensor> {
    let device = features[0].device();
    let [nearer, later, whole] = distances(features)?;
    let counted = scales.is_ordered(device)?;
    let right = (nearer.lt(&whole)?.to_dtype(DType::F32)? + later.lt(&whole)?.to_dtype(DType::F32)?)?;
    let count = counted.sum_all()?.to_scalar::<f32>()?;
    if count == 0.0 {
        return Tensor::new(1f32, device);
    }
    (right * counted)?.sum_all()? * f64::from(0.5 / count)
}

/// Mean over the counted rows' share of all of InfoNCE between what was rebuilt and the middle view, among all views of all
/// subjects: ends of the same subject are no answer either.
///
/// # Shapes
/// `rebuilt` and each of the views are `[n, width]`, `counted` is `[n, 1]`.
fn reconstruction(rebuilt: &Tensor, views: [&Tensor; 3], counted: &Tensor, temperature: f64) -> Result<Tensor> {
    let rows = rebuilt.dim(0)?;
    let keys = directions(&Tensor::cat(&views, 0)?)?;
    let cosines = directions(rebuilt)?.matmul(&keys.t()?)?;
    let own = Tensor::arange(0, rows as u32, rebuilt.device())?.unsqueeze(1)?;
    let losses = negative_log_softmax(&(cosines / temperature)?)?.gather(&own, 1)?;
    (losses * counted)?.mean_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{Case, Matrix, check, dot, matrix};

    const WIDTH: usize = 3;
    const ROWS: usize = 5;

    /// The third row was given something without a scale.
    fn scales() -> Triple {
        Triple(vec![[0.0, 0.25, 0.5], [0.0, 0.0625, 1.0], [0.0; 3], [0.25, 0.75, 1.0], [0.0, 0.5, 0.5625]])
    }

    fn inputs(count: usize) -> Vec<Matrix> {
        (0..count).map(|number| matrix(ROWS, WIDTH, number)).collect()
    }

    fn row(view: &[f64], at: usize) -> &[f64] {
        &view[at * WIDTH..][..WIDTH]
    }

    /// Of directions.
    fn inner_product(a: &[f64], b: &[f64]) -> f64 {
        dot(a, b) / ((dot(a, a) + LEAST_SQUARE) * (dot(b, b) + LEAST_SQUARE)).sqrt()
    }

    #[test]
    fn features_without_direction_turn_no_weights() {
        let nothing = candle_core::Var::zeros((1, WIDTH), DType::F32, &Device::Cpu).unwrap();
        let other = Tensor::new(&[[3f32, 4.0, 0.0]], &Device::Cpu).unwrap();
        let scales = Triple(vec![[0.0, 0.5, 1.0]]);
        let loss = ranking([&other, nothing.as_tensor(), &other], &scales, 0.2).unwrap();
        let gradients = loss.backward().unwrap();
        let largest = gradients.get(&nothing).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
        assert!((0.1..20.0).contains(&largest), "{largest}");
    }

    #[test]
    fn the_ranking_agrees_with_loops() {
        let scales = scales();
        for margin in [0.0, 0.3] {
            let tensors = |x: &[Tensor]| ranking([&x[0], &x[1], &x[2]], &scales, margin);
            let loops = |x: &[Vec<f64>]| {
                let mut sum = 0.0;
                for (at, scale) in scales.0.iter().enumerate() {
                    let [first, middle, last] = scale.map(f64::from);
                    let distance = |a: usize, b: usize| 1.0 - inner_product(row(&x[a], at), row(&x[b], at));
                    if last > first {
                        sum += (distance(0, 1) - distance(0, 2) + margin * (last - middle)).max(0.0);
                        sum += (distance(1, 2) - distance(0, 2) + margin * (middle - first)).max(0.0);
                    }
                }
                sum / (2 * ROWS) as f64
            };
            check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs(3) });
        }
    }

    #[test]
    fn the_reconstruction_agrees_with_loops() {
        let scales = scales();
        let tensors = |x: &[Tensor]| {
            let counted = scales.is_ordered(&Device::Cpu)?.unsqueeze(1)?;
            reconstruction(&x[0], [&x[1], &x[2], &x[3]], &counted, 0.3)
        };
        let loops = |x: &[Vec<f64>]| {
            let mut total = 0.0;
            for at in (0..ROWS).filter(|at| scales.0[*at][2] > scales.0[*at][0]) {
                let term =
                    |view: usize, other: usize| (inner_product(row(&x[0], at), row(&x[view], other)) / 0.3).exp();
                let sum: f64 =
                    (1..4).flat_map(|view| (0..ROWS).map(move |other| (view, other))).map(|(v, o)| term(v, o)).sum();
                total -= (term(1, at) / sum).ln();
            }
            total / ROWS as f64
        };
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs(4) });
    }

    #[test]
    fn features_on_an_arc_are_in_order_and_cost_nothing() {
        let on_arc = |at: fn([f32; 3]) -> f32| {
            let angles = scales().0.into_iter().map(at);
            let numbers: Vec<f32> = angles.flat_map(|share| [share.cos(), share.sin(), 0.0]).collect();
            Tensor::from_vec(numbers, (ROWS, WIDTH), &Device::Cpu).unwrap()
        };
        let [first, middle, last] = [on_arc(|s| s[0]), on_arc(|s| s[1]), on_arc(|s| s[2])];
        let number = |tensor: Result<Tensor>| tensor.unwrap().to_scalar::<f32>().unwrap();
        let right = [&first, &middle, &last];
        assert_eq!(number(ranking(right, &scales(), 0.0)), 0.0);
        assert_eq!(number(share_in_order(right, &scales())), 1.0);
        let wrong = [&first, &last, &middle];
        assert!(number(ranking(wrong, &scales(), 0.0)) > 0.0);
        // Of each pair of comparisons one is wrong, or both.
        assert!(number(share_in_order(wrong, &scales())) <= 0.5);
        assert_eq!(number(share_in_order(right, &Triple(vec![[0.0; 3]; ROWS]))), 1.0, "no order, none broken");
    }

    #[test]
    fn every_three_of_the_views_are_compared() {
        assert_eq!(triples(4), [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]);
        assert!(triples(2).is_empty());
        let scales = Scales(vec![vec![0.0, 0.25, 0.5, 1.0], vec![0.0; 4]]);
        assert_eq!(scales.triple([0, 2, 3]).0, [[0.0, 0.5, 1.0], [0.0; 3]]);
    }

    #[test]
    fn the_share_of_the_way_is_that_between_the_ends() {
        let shares: Vec<f32> = scales().0.into_iter().map(share_of_the_way).collect();
        assert_eq!(shares, [0.5, 0.0625, 0.0, 2.0 / 3.0, 8.0 / 9.0]);
    }
}
