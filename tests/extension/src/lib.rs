//! A method, an encoder, a source of data and a transformation of a crate of its own: see `docs/extending.md`.

mod encoder;
mod method;
mod source;
mod transformation;

use sextant_trainer::registry::{Registry, RegistryError};

/// Everything of Sextant and what this crate adds.
pub fn registry() -> Result<Registry, RegistryError> {
    let mut registry = Registry::default();
    registry.add_method(method::ENTRY)?;
    registry.add_encoder(encoder::ENTRY)?;
    registry.add_source(source::ENTRY)?;
    registry.add_transformation(transformation::COLOUR_TURNS)?;
    Ok(registry)
}
