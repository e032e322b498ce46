//! The options by which a method says what its predictor is told.

use candle_core::{Result, bail};

use super::{EquivariantBranch, MethodConfig};
use crate::options::ConfigOption;
use crate::transformation::{Condition, HUES, QUARTER_TURNS, RotationCode};

impl Condition {
    /// How a rotation is written down.
    pub const CODE: ConfigOption = ConfigOption::choice(
        "condition",
        &["quaternion", "canonical-quaternion", "matrix"],
        "how a relative rotation is written down: raw quaternion, quaternion with w >= 0, or nine matrix entries",
    );

    /// What is written down.
    pub const TRANSFORMATION: ConfigOption = ConfigOption::choice(
        "transformation",
        &["rotation", "colour", "rotation-colour", "quarter-turns"],
        "what differs between the views and is told: the rotation, the hues of floor and light, both, or turns of the \
         picture",
    );

    /// What [`Self::CODE`] and [`Self::TRANSFORMATION`] are set to; a predictor that is the rotation is told its matrix.
    ///
    /// # Errors
    /// When the method does not have both options, or a name is unknown.
    pub fn of(config: &MethodConfig) -> Result<Self> {
        let predictor = EquivariantBranch::PREDICTOR.key;
        if config.options.get(predictor).is_some() && config.choice(predictor)? == EquivariantBranch::ROTATION {
            return Ok(Self::MATRIX);
        }
        let code = match config.choice(Self::CODE.key)?.as_str() {
            "quaternion" => RotationCode::Quaternion,
            "canonical-quaternion" => RotationCode::CanonicalQuaternion,
            "matrix" => RotationCode::Matrix,
            other => bail!("there is no condition '{other}'"),
        };
        Ok(match config.choice(Self::TRANSFORMATION.key)?.as_str() {
            "rotation" => Self { rotation: Some(code), others: &[] },
            "colour" => Self { rotation: None, others: &[HUES] },
            "rotation-colour" => Self { rotation: Some(code), others: &[HUES] },
            "quarter-turns" => Self { rotation: None, others: &[QUARTER_TURNS] },
            other => bail!("there is no transformation '{other}'"),
        })
    }
}
