use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::PairFeatures;
use crate::nn::split_halves;

/// A part of what the network makes of both views of pairs.
pub(super) struct Part {
    /// `invariant`, `equivariant`, `invariant_embedding` or `equivariant_embedding`.
    pub name: &'static str,
    /// `[n, d]` for each view.
    pub views: [Tensor; 2],
}

/// The halves of the features, and the embeddings where there are some.
pub(super) fn parts(pairs: &PairFeatures) -> Result<Vec<Part>> {
    let [first, second] = &pairs.features;
    let ((a, b), (c, d)) = (split_halves(first)?, split_halves(second)?);
    let mut parts = vec![Part { name: INVARIANT, views: [a, c] }, Part { name: EQUIVARIANT, views: [b, d] }];
    if let Some([first, second]) = &pairs.embeddings {
        let both = |a: &Option<Tensor>, b: &Option<Tensor>| Some([a.clone()?, b.clone()?]);
        let embeddings = [
            ("invariant_embedding", both(&first.invariant, &second.invariant)),
            ("equivariant_embedding", both(&first.equivariant, &second.equivariant)),
        ];
        parts.extend(embeddings.into_iter().filter_map(|(name, views)| Some(Part { name, views: views? })));
    }
    Ok(parts)
}
