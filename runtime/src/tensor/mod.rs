//! What values and constants are: element types, shapes, what eight-bit numbers stand for. Kernels and operators are made of
//! it; `graph` and `model` give it to users.

mod activation;
mod constant;
mod data_type;
mod quantization;
mod shape;

pub use activation::Activation;
pub(crate) use constant::{Constant, filter_row_bytes};
pub use constant::{QuantizedFilters, TensorData};
pub use data_type::DataType;
pub use quantization::Quantization;
pub(crate) use quantization::{Blend, MAX_SHIFT, Ratio, requantize, rescale, round_half_up, saturate};
pub use shape::{MAX_RANK, Shape};
