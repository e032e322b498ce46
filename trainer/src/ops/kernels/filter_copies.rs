//! Filters of every orientation as copies of those of the first.

use rayon::prelude::*;
use sextant_runtime::plane_group::{Fibre, FilterExpansion};

use super::channel_sums::CHUNK_LEN;

/// Where the numbers of expanded filters come from. Channels of one orientation stay together, so that they are copied at once.
pub(crate) struct FilterCopies {
    /// Numbers in a filter.
    filter_len: usize,
    /// Base filters.
    fields: usize,
    /// Channels that stay together.
    run_len: usize,
    /// For each orientation and each run of an expanded filter, the place of its first number in the base filter.
    sources: Vec<Vec<usize>>,
}

impl FilterCopies {
    /// For expanded filters of a shape `[filters, side, side, channels]` that the expansion fits.
    pub(crate) fn new(expansion: FilterExpansion, shape: [usize; 4]) -> Self {
        let [filters, side, _, channels] = shape;
        let order = expansion.group.order();
        let runs = match expansion.reads {
            Fibre::Trivial => 1,
            Fibre::Regular => order,
        };
        let (fields, run_len) = (filters / order, channels / runs);
        let source = |orientation: usize, run: usize| {
            let (pixel, first) = (run / runs, run % runs * run_len);
            expansion.base_index(shape, [orientation * fields, pixel / side, pixel % side, first])
        };
        let of_orientation = |orientation| (0..side * side * runs).map(|run| source(orientation, run)).collect();
        let sources = (0..order).map(of_orientation).collect();
        Self { filter_len: side * side * channels, fields, run_len, sources }
    }

    /// Expanded filters `[order, fields, ..]` of base filters `[fields, ..]`.
    ///
    /// # Panics
    /// When there are not as many numbers as the shape has.
    pub(crate) fn expand(&self, base: &[f32]) -> Vec<f32> {
        assert_eq!(base.len(), self.fields * self.filter_len);
        let mut expanded = vec![0.0; base.len() * self.sources.len()];
        let filters = expanded.par_chunks_exact_mut(self.filter_len).with_min_len(self.filters_together());
        filters.enumerate().for_each(|(filter, expanded)| {
            let base = &base[filter % self.fields * self.filter_len..][..self.filter_len];
            let sources = &self.sources[filter / self.fields];
            for (run, &source) in expanded.chunks_exact_mut(self.run_len).zip(sources) {
                run.copy_from_slice(&base[source..source + self.run_len]);
            }
        });
        expanded
    }

    /// Gradient by the base filters, of that by the expanded ones: the sum over all copies, in the order of orientations.
    ///
    /// # Panics
    /// When there are not as many numbers as the shape has.
    pub(crate) fn sum_over_copies(&self, gradient: &[f32]) -> Vec<f32> {
        let base_len = self.fields * self.filter_len;
        assert_eq!(gradient.len(), base_len * self.sources.len());
        let mut sums = vec![0.0; base_len];
        let filters = sums.par_chunks_exact_mut(self.filter_len).with_min_len(self.filters_together());
        filters.enumerate().for_each(|(field, sums)| {
            for (orientation, sources) in self.sources.iter().enumerate() {
                let filter = (orientation * self.fields + field) * self.filter_len;
                let gradient = &gradient[filter..filter + self.filter_len];
                for (run, &source) in gradient.chunks_exact(self.run_len).zip(sources) {
                    let sums = &mut sums[source..source + self.run_len];
                    sums.iter_mut().zip(run).for_each(|(sum, gradient)| *sum += gradient);
                }
            }
        });
        sums
    }

    /// Filters that are worth handing to another thread.
    fn filters_together(&self) -> usize {
        (CHUNK_LEN / self.filter_len).max(1)
    }
}
