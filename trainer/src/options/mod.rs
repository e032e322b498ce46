//! Keys of the configuration: what each may hold, and checks that tell all that is wrong at once.
//!
//! Each room declares and checks the keys that configure it; [`crate::config`] puts them together.

mod checks;
mod entries;
mod option;
mod values;

pub use checks::{Checks, OutOfRange, UnusedKey, goes_with};
pub use entries::{Entries, NameTaken, Named};
pub use option::{ConfigOption, ListedTransformations, OptionKind};
pub use values::{Options, WrongOption};

/// TOML's whole numbers are signed.
pub const LARGEST_SEED: u64 = i64::MAX as u64;
/// Largest weight of a term of a loss.
pub const LARGEST_WEIGHT: f64 = 1e6;
