//! The pictures of a folder that are most like a picture, by cosine similarity of a model's features.
//!
//! An [`Index`] holds both halves of the features of each picture, so that one index answers for either half and for both. The
//! answer is exact: every picture is compared. [`Listing`] finds the pictures of a folder, [`Index::changes`] those whose
//! features are not known yet, and [`Index::update`] computes these on as many threads as the predictor has.
//!
//! ```
//! use sextant_runtime::search::{Features, Half, Index, ModelMark, NewPicture, Stamp};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut index = Index::new(ModelMark { path: "model.sxt".into(), bytes: 1024, checksum: 7 });
//! let picture = |name: &str, invariant: [f32; 2]| NewPicture {
//!     name: name.into(),
//!     stamp: Stamp::default(),
//!     invariant: invariant.into(),
//!     equivariant: vec![],
//! };
//! index.extend([picture("mug.png", [3.0, 0.1]), picture("duck.png", [0.0, 2.0])])?;
//! let query = Features { invariant: &[1.0, 0.0], equivariant: &[] };
//! let matches = index.nearest(&query, Half::Invariant, 1)?;
//! assert_eq!(matches[0].name.to_str(), Some("mug.png"));
//! assert!(matches[0].similarity > 0.99);
//! assert_eq!(Index::of_bytes(&index.to_bytes())?, index);
//! # Ok(())
//! # }
//! ```

mod error;
mod features;
mod folder;
mod format;
mod index;
mod ranking;
mod update;

#[cfg(test)]
mod tests;

pub use error::{FeaturesFault, IndexFault, SearchError};
pub use features::{Features, Half};
pub use folder::{Listing, Stamp};
pub use index::{Index, IndexedPicture, ModelMark, NewPicture};
pub use ranking::Match;
pub use update::{Changes, Unreadable};

/// The file of a folder's index, where no other is asked for.
pub const INDEX_NAME: &str = ".sextant-index";
