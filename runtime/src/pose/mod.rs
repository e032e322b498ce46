//! Picture in, pose out.
//!
//! [`Predictor`] owns a model and all that it needs, takes pictures where they lie in memory, and answers with what the model
//! has heads for: the rotation `camera_from_object`, the class, what was done to the picture, and both halves of the features.
//! [`EncoderOutputs`] reads the same from a session's outputs without `std`.

#[cfg(feature = "std")]
mod classes;
#[cfg(feature = "std")]
mod error;
mod outputs;
#[cfg(feature = "std")]
mod prediction;
#[cfg(feature = "std")]
mod predictor;
#[cfg(feature = "std")]
mod transformation;

#[cfg(all(test, feature = "std"))]
mod tests;

#[cfg(feature = "std")]
pub use classes::Class;
#[cfg(feature = "std")]
pub use error::{PoseError, PoseFault};
pub use outputs::{EncoderOutputs, MOST_TRANSFORMATIONS, OutputFault, TransformationLogits};
#[cfg(feature = "std")]
pub use prediction::{ClassPrediction, Prediction, Timing};
#[cfg(feature = "std")]
pub use predictor::{Predictor, PredictorOptions};
#[cfg(feature = "std")]
pub use transformation::{Transformation, TransformationPrediction};

pub use crate::preprocess::{CropBox, PictureView, PixelFormat, ViewError};
