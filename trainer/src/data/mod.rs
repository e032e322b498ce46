//! Data sets on disk, views of their subjects, and the feed of training batches.
//!
//! [`ViewSource`] is what training sees: it gives any number of views of each listed subject, and says what was done to
//! each. Three things make views of objects: [`RenderedViews`] (rendered on the fly), [`SextantFolder`] (safetensors shards) and
//! [`ThreeDieBenchFolder`] (3DIEBench's layout). [`pictures`] are sets of which no more than classes is known. [`TransformedViews`] changes the finished pictures of another source.
//! [`Feed`] makes batches ahead of the step that needs them.

mod config;
mod drawing;
mod error;
mod feed;
mod from_config;
mod ground_truth;
mod latents;
mod manifest;
mod named_classes;
mod npy;
mod open;
pub mod pictures;
mod rendered;
mod sextant_folder;
mod sextant_writer;
mod shard;
mod source;
mod split;
mod stored_views;
mod three_die_bench;
mod three_die_bench_writer;
mod transformed;
mod validation;
mod view_batch;
mod view_order;
mod view_source;
mod visibility;
mod write_views;
mod writer;

pub use config::{DataConfig, goes_with_rendering};
pub use drawing::{CONTRASTED_VIEWS, Drawing, LOOKS};
pub use error::DataError;
pub use feed::{BatchShare, Feed, FeedSettings, StepBatch};
pub use from_config::{open, open_objects};
pub use ground_truth::GroundTruth;
pub use manifest::{FORMAT_NAME, FORMAT_VERSION, FRAME, Manifest, Normalisation, ObjectRecord, ShardRecord};
pub(crate) use named_classes::labels_by_name;
pub use npy::{NpyArray, NpyValues, parse_npy, read_npy, write_npy};
pub use open::{DataFormat, detect_format};
pub use rendered::RenderedViews;
pub use sextant_folder::SextantFolder;
pub use sextant_writer::SextantWriter;
pub use source::{BuildSource, CAMERA_AZIMUTH, DEFAULT_PICTURE_MEMORY_BYTES, PathUse, SOURCES, SharedKey, SourceEntry};
pub(crate) use split::{listed, set_warnings};
pub use three_die_bench::ThreeDieBenchFolder;
pub use three_die_bench_writer::ThreeDieBenchWriter;
pub use transformed::{TransformedViews, as_seen, listed_values, transformed};
pub(crate) use validation::share_of_classes;
pub use view_batch::ViewBatch;
pub use view_order::{ObjectOrder, stream_rng, stream_seed};
pub use view_source::{Place, ViewSource};
pub use write_views::write_views;
pub use writer::{DataSetDescription, DataSetWriter};

#[cfg(test)]
mod camera_tests;
#[cfg(test)]
mod folder_tests;
#[cfg(test)]
mod rendered_tests;
