use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::PairFeatures;
use crate::nn::split_halves;

/// The whole features, where figures are told part by part.
pub const FEATURES: &str = "features";
/// What the method makes of the invariant half, before its loss.
const INVARIANT_EMBEDDING: &str = "invariant_embedding";
/// What the method makes of the equivariant half, before its loss.
const EQUIVARIANT_EMBEDDING: &str = "equivariant_embedding";

/// How a part of the features is called.
pub struct PartName {
    /// In `evaluation.json` and by `trainer eval`.
    pub name: &'static str,
    /// In sentences.
    pub words: &'static str,
    /// Below a bar, which has room for few letters.
    pub short: &'static str,
    /// The column of a study that tells how well the rotation is read from it.
    pub r2_column: Option<&'static str>,
}

/// All parts, in the order in which tables and charts show them.
pub static PARTS: [PartName; 5] = [
    PartName { name: FEATURES, words: "features", short: "features", r2_column: None },
    PartName { name: INVARIANT, words: "invariant half", short: "inv. half", r2_column: Some("R2 invariant half") },
    PartName {
        name: EQUIVARIANT,
        words: "equivariant half",
        short: "equi. half",
        r2_column: Some("R2 equivariant half"),
    },
    PartName { name: INVARIANT_EMBEDDING, words: "invariant embedding", short: "inv. emb.", r2_column: None },
    PartName { name: EQUIVARIANT_EMBEDDING, words: "equivariant embedding", short: "equi. emb.", r2_column: None },
];

/// A part of what the network makes of both views of pairs.
pub(super) struct Part {
    /// One of the names of [`PARTS`].
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
            (INVARIANT_EMBEDDING, both(&first.invariant, &second.invariant)),
            (EQUIVARIANT_EMBEDDING, both(&first.equivariant, &second.equivariant)),
        ];
        parts.extend(embeddings.into_iter().filter_map(|(name, views)| Some(Part { name, views: views? })));
    }
    Ok(parts)
}
