//! Operators as bytes: one code, one activation, 44 bytes of parameters.

#[cfg(feature = "alloc")]
use super::parameter::NewParameters;
use super::parameter::{CLAMP_BOUNDS, PARAMETER_BYTES, Parameter, Parameters, Places};
use super::{Op, places_of};
use crate::tensor::Activation;

/// Operator code, activation code and parameters of a node's record.
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpCode {
    pub operator: u8,
    pub activation: u8,
    pub parameters: [u8; PARAMETER_BYTES],
}

/// Why bytes are no operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeError {
    /// There is none of that code.
    Operator,
    /// Its activation or its parameters are none of this version.
    Parameters,
}

/// The operator of these bytes.
pub(crate) fn decode(operator: u8, activation: u8, bytes: &[u8; PARAMETER_BYTES]) -> Result<Op, CodeError> {
    let mut parameters = Parameters { activation: Activation::Identity, bytes };
    let mut clamp = Places::NONE;
    parameters.activation = match activation {
        0 => Activation::Identity,
        1 => Activation::Relu,
        2 => Activation::Relu6,
        3 => {
            clamp = const { Places::of(CLAMP_BOUNDS, 8) };
            let [low, high] = Parameter::read(&parameters, CLAMP_BOUNDS);
            Activation::Clamp { low, high }
        }
        _ => return Err(CodeError::Parameters),
    };
    let op = Op::read(operator, &parameters).ok_or(CodeError::Operator)?;
    // Whatever this version would not write, a later one may mean: refuse it.
    let places = places_of(op.kind());
    if activation != 0 && !places.with_activation() {
        return Err(CodeError::Parameters);
    }
    for (index, byte) in bytes.iter().enumerate() {
        if *byte != 0 && !places.has_byte(index) && !clamp.has_byte(index) {
            return Err(CodeError::Parameters);
        }
    }
    Ok(op)
}

#[cfg(feature = "alloc")]
impl OpCode {
    /// The bytes of an operator.
    pub fn of(op: &Op) -> Self {
        let mut parameters = NewParameters { activation: Activation::Identity, bytes: [0; PARAMETER_BYTES] };
        op.write(&mut parameters);
        let activation = match parameters.activation {
            Activation::Identity => 0,
            Activation::Relu => 1,
            Activation::Relu6 => 2,
            Activation::Clamp { .. } => 3,
        };
        Self { operator: op.kind() as u8, activation, parameters: parameters.bytes }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::super::KINDS;
    use super::*;

    /// Every code and activation, with one byte of the parameters that is not zero.
    #[test]
    fn only_what_would_be_written_is_read() {
        let mut taken = 0;
        for operator in 0..=40 {
            for (activation, place) in (0..=4).flat_map(|activation| (0..=44).map(move |place| (activation, place))) {
                let mut code = OpCode { operator, activation, parameters: [0; PARAMETER_BYTES] };
                if let Some(byte) = code.parameters.get_mut(place) {
                    *byte = 1;
                }
                match decode(operator, activation, &code.parameters) {
                    Ok(op) => {
                        assert_eq!(OpCode::of(&op), code, "{op:?}, byte {place}");
                        taken += 1;
                    }
                    Err(error) => {
                        assert!(KINDS.iter().all(|kind| *kind as u8 != operator) || error == CodeError::Parameters)
                    }
                }
            }
        }
        // With all bytes zero and one more for each byte that means something, with each activation; a clamp has eight more.
        let of_kind = |places: Places| match (1 + places.count(), places.with_activation()) {
            (codes, true) => 4 * codes + 8,
            (codes, false) => codes,
        };
        assert_eq!(taken, KINDS.iter().map(|kind| of_kind(places_of(*kind))).sum::<usize>());
        // Of version 1, before other operators came.
        let first = [1, 2, 3, 6, 8, 14, 17, 18, 21];
        let bytes = [24, 24, 8, 16, 8, 8, 16, 4, 28];
        for (code, bytes) in first.into_iter().zip(bytes) {
            let kind = KINDS.iter().find(|kind| **kind as u8 == code).unwrap();
            assert_eq!(places_of(*kind).count(), bytes, "{kind:?}");
        }
    }
}
