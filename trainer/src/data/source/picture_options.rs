//! What the sources of pictures share: how many there are, and how much memory they take.

use std::sync::Arc;

use crate::data::pictures::ListedPictures;
use crate::data::{DataConfig, DataError, ViewSource};
use crate::options::ConfigOption;

/// Bytes in memory that pictures may take where nobody says it.
pub const DEFAULT_PICTURE_MEMORY_BYTES: u64 = 2048 << 20;

pub(super) const LIMIT: ConfigOption = ConfigOption::count(
    "limit",
    0,
    0,
    1_000_000_000,
    "training pictures that are used, each class in proportion, chosen by data.seed; 0: all",
);

pub(super) const MEMORY: ConfigOption = ConfigOption::count(
    "picture_memory_mib",
    (DEFAULT_PICTURE_MEMORY_BYTES >> 20) as i64,
    1,
    1_048_576,
    "memory for pictures; more of them are read anew for each batch, and larger archives are refused",
);

/// Bytes that pictures may take.
pub(super) fn memory_bytes(config: &DataConfig) -> Result<u64, DataError> {
    Ok((config.options.count(MEMORY.key)? as u64) << 20)
}

/// The source of those that were listed.
pub(super) fn load(listed: ListedPictures, config: &DataConfig) -> Result<Arc<dyn ViewSource>, DataError> {
    let listed = listed.limited(config.options.count(LIMIT.key)?, config.seed);
    Ok(Arc::new(listed.load(config.image_size, memory_bytes(config)?, config.skip_broken)?))
}
