use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::vec::Vec;

use super::index::checked_widths;
use super::{Features, FeaturesFault, Half, Index};

/// A picture that is like another.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Its name, relative to the folder.
    pub name: PathBuf,
    /// Cosine of the angle between the features, -1 to 1.
    pub similarity: f64,
}

/// A picture by its position, which is the order of the names. The greatest is the one to be left out first.
#[derive(Clone, Copy, Debug)]
struct Ranked {
    similarity: f64,
    position: usize,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        other.similarity.total_cmp(&self.similarity).then(self.position.cmp(&other.position))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl Index {
    /// The `top` pictures that are most like the one with these features, the most similar first; equal ones in the order of
    /// their names. Every picture is compared, but those whose features are all zero: they have no direction, and are like none.
    /// A picture of the folder finds itself.
    ///
    /// # Errors
    /// When the features are not those of this index's model, not finite, or all zero in the half that is asked for.
    pub fn nearest(&self, query: &Features<'_>, half: Half, top: usize) -> Result<Vec<Match>, FeaturesFault> {
        let widths = checked_widths(self.widths, query)?;
        let range = half.range(widths)?;
        let query = [query.invariant, query.equivariant].concat();
        let query = &query[range.clone()];
        let length = norm(query);
        if length == 0.0 {
            return Err(FeaturesFault::Zero);
        }
        let mut best = BinaryHeap::with_capacity(top.min(self.pictures.len()) + 1);
        for position in 0..self.pictures.len() {
            let row = &self.row(position)[range.clone()];
            let norms = length * norm(row);
            if norms == 0.0 {
                continue;
            }
            // Adding zero makes one zero of two.
            let similarity = (dot(query, row) / norms).clamp(-1.0, 1.0) + 0.0;
            best.push(Ranked { similarity, position });
            if best.len() > top {
                best.pop();
            }
        }
        let matched =
            |ranked: Ranked| Match { name: self.pictures[ranked.position].name.clone(), similarity: ranked.similarity };
        Ok(best.into_sorted_vec().into_iter().map(matched).collect())
    }
}

fn norm(values: &[f32]) -> f64 {
    dot(values, values).sqrt()
}

/// In double precision, which no product of two numbers overflows, and in one order on every machine.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(*a) * f64::from(*b);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    sums.iter().sum::<f64>() + rest
}
