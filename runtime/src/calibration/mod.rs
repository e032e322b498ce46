//! Which eight-bit numbers suit a float32 network: ranges of its values on calibration images, scales of its filters.
//!
//! The quantiser and the training for eight bits both ask here, so that a network is trained with the numbers that it
//! is deployed with.

mod observer;
mod range;
mod symmetric;

use core::fmt;

pub use observer::{Observer, for_each_output, for_each_value};
pub use range::Calibration;
pub use symmetric::{LARGEST_WEIGHT, SymmetricScale};

use crate::model::{ParseError, WriteError};
use crate::session::{RunError, SessionError};

/// Images of one size, one after the other, RGB bytes.
#[derive(Clone, Copy, Debug)]
pub struct Images<'i> {
    /// `[count, h, w, 3]`.
    pub pixels: &'i [u8],
    /// How many.
    pub count: usize,
}

impl<'i> Images<'i> {
    /// The images, one by one.
    pub fn iter(&self) -> impl Iterator<Item = &'i [u8]> {
        self.pixels.chunks_exact((self.pixels.len() / self.count.max(1)).max(1))
    }
}

/// Why a graph could not be watched.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CalibrationError {
    /// It cannot be stored.
    Write(WriteError),
    /// What was stored cannot be read.
    Model(ParseError),
    /// It cannot be prepared.
    Session(SessionError),
    /// It did not run on an image.
    Run(RunError),
}

impl fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => error.fmt(f),
            Self::Model(error) => error.fmt(f),
            Self::Session(error) => error.fmt(f),
            Self::Run(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for CalibrationError {}
