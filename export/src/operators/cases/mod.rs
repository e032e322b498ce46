//! The cases, operator by operator.

mod convolution;
mod elementwise;
mod linear;
mod moving;
mod pooling;
mod quantizing;
mod reducing;
mod rotation;

use sextant_runtime::graph::GraphError;

use super::EngineId;
use super::case::Case;

/// All cases.
pub(super) fn all() -> Result<Vec<Case>, GraphError> {
    let mut cases = vec![];
    for of_operators in [
        quantizing::cases,
        convolution::cases,
        linear::cases,
        pooling::cases,
        elementwise::cases,
        moving::cases,
        reducing::cases,
        rotation::cases,
    ] {
        cases.extend(of_operators()?);
    }
    for case in cases.iter_mut().filter(|case| case.is_int8()) {
        *case = case.clone().ignoring(EngineId::CandleOnnx, "knows no QuantizeLinear");
    }
    Ok(cases)
}
