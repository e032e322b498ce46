//! Which objects and views come when: pure functions of a seed, whatever the threads do.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The generator of one sample: sample `index` of the batch drawn with `stream_seed`.
pub fn stream_rng(stream_seed: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(stream_seed);
    rng.set_stream(index);
    rng
}

/// The `stream_seed` of batch `index` of a run; `purpose` keeps uses of one seed apart.
pub fn stream_seed(seed: u64, purpose: &str, index: u64) -> u64 {
    let purpose = purpose
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    stream_rng(seed ^ purpose, index).next_u64()
}

/// An index below `count`, by the high half of a product (bias below `count` / 2^64).
pub(crate) fn index_below(rng: &mut impl Rng, count: usize) -> usize {
    ((u128::from(rng.next_u64()) * count as u128) >> 64) as usize
}

/// `wanted` indices below `count`: different ones as long as there are, then different ones anew.
///
/// # Panics
/// When there is no index to draw.
pub(crate) fn distinct_indices(rng: &mut impl Rng, count: usize, wanted: usize) -> Vec<usize> {
    assert!(count > 0 || wanted == 0, "no index is below 0");
    let mut drawn = Vec::with_capacity(wanted);
    // Those of the present round, ascending.
    let mut taken: Vec<usize> = Vec::with_capacity(wanted.min(count));
    for _ in 0..wanted {
        if taken.len() == count {
            taken.clear();
        }
        // The index is one of those that are left; each taken one up to it moves it on.
        let index =
            taken.iter().fold(index_below(rng, count - taken.len()), |at, taken| at + usize::from(at >= *taken));
        taken.insert(taken.partition_point(|taken| *taken < index), index);
        drawn.push(index);
    }
    drawn
}

/// The endless order in which objects are shown: one fresh permutation after another.
///
/// Batches are cut from it without gaps, so each object is shown exactly once an epoch, whatever the batch size.
#[derive(Clone, Debug)]
pub struct ObjectOrder {
    objects: Vec<usize>,
    seed: u64,
    shuffled: Option<(u64, Vec<usize>)>,
}

impl ObjectOrder {
    /// The order of `objects` under `seed`.
    ///
    /// # Panics
    /// When there are no objects.
    pub fn new(objects: Vec<usize>, seed: u64) -> Self {
        assert!(!objects.is_empty(), "an order needs objects");
        Self { objects, seed, shuffled: None }
    }

    /// The `batch_size` objects of step `step`; a pure function of the seed and the step.
    pub fn batch(&mut self, step: u64, batch_size: usize) -> Vec<usize> {
        let start = u128::from(step) * batch_size as u128;
        (0..batch_size).map(|offset| self.at(start + offset as u128)).collect()
    }

    /// The epoch to which the first object of a step belongs.
    pub fn epoch(&self, step: u64, batch_size: usize) -> u64 {
        (u128::from(step) * batch_size as u128 / self.objects.len() as u128) as u64
    }

    fn at(&mut self, position: u128) -> usize {
        let count = self.objects.len() as u128;
        let (epoch, place) = ((position / count) as u64, (position % count) as usize);
        if self.shuffled.as_ref().is_none_or(|(shuffled, _)| *shuffled != epoch) {
            self.shuffled = Some((epoch, self.permutation(epoch)));
        }
        self.shuffled.as_ref().map_or(0, |(_, order)| order[place])
    }

    /// Fisher-Yates, written out so that it does not change with the version of a crate.
    fn permutation(&self, epoch: u64) -> Vec<usize> {
        let mut rng = stream_rng(stream_seed(self.seed, "object order", epoch), 0);
        let mut order = self.objects.clone();
        for last in (1..order.len()).rev() {
            order.swap(last, index_below(&mut rng, last + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_epoch_shows_each_object_once_in_a_fresh_order() {
        let objects: Vec<usize> = (0..10).map(|index| index * 3).collect();
        let mut order = ObjectOrder::new(objects.clone(), 7);
        let shown: Vec<usize> = (0..5).flat_map(|step| order.batch(step, 4)).collect();
        for epoch in shown.chunks(10) {
            assert_eq!(epoch.iter().copied().collect::<BTreeSet<_>>(), objects.iter().copied().collect());
        }
        assert_ne!(shown[..10], shown[10..]);
    }

    #[test]
    fn a_batch_does_not_depend_on_the_ones_before() {
        let objects: Vec<usize> = (0..13).collect();
        let mut continued = ObjectOrder::new(objects.clone(), 1);
        let all: Vec<_> = (0..9).map(|step| continued.batch(step, 5)).collect();
        for step in [8, 0, 3] {
            assert_eq!(ObjectOrder::new(objects.clone(), 1).batch(step, 5), all[step as usize]);
        }
        assert_ne!(ObjectOrder::new(objects, 2).batch(0, 5), all[0]);
    }

    #[test]
    fn a_batch_may_exceed_the_number_of_objects() {
        let mut order = ObjectOrder::new(vec![4, 5], 0);
        let batch = order.batch(3, 6);
        assert_eq!(batch.iter().filter(|&&object| object == 4).count(), 3);
        assert_eq!(order.epoch(3, 6), 9);
    }

    #[test]
    fn seeds_of_steps_and_purposes_differ() {
        let mut seeds = BTreeSet::new();
        for purpose in ["pairs", "object order"] {
            for seed in 0..10 {
                seeds.extend((0..10).map(|index| stream_seed(seed, purpose, index)));
            }
        }
        assert_eq!(seeds.len(), 200);
    }

    #[test]
    fn indices_come_again_only_when_all_have_been() {
        for (count, wanted) in [(1, 3), (2, 2), (3, 2), (3, 3), (5, 13), (7, 0)] {
            for index in 0..50 {
                let drawn = distinct_indices(&mut stream_rng(3, index), count, wanted);
                assert_eq!(drawn.len(), wanted);
                for round in drawn.chunks(count) {
                    assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), round.len(), "{drawn:?}");
                    assert!(round.iter().all(|at| *at < count), "{drawn:?}");
                }
                if count > 1 && wanted > 1 {
                    let mut rng = stream_rng(3, index);
                    let (first, other) = (index_below(&mut rng, count), index_below(&mut rng, count - 1));
                    assert_eq!(drawn[..2], [first, other + usize::from(other >= first)]);
                }
                let more = distinct_indices(&mut stream_rng(3, index), count, wanted + 2);
                assert_eq!(more[..wanted], drawn, "fewer are the first of more");
            }
        }
    }

    #[test]
    fn every_order_of_indices_is_as_frequent() {
        let mut counts = std::collections::BTreeMap::new();
        for index in 0..6000 {
            *counts.entry(distinct_indices(&mut stream_rng(8, index), 3, 3)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
