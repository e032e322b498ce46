//! What changes between two views, and how a predictor is told of it.

use candle_core::{Device, Result, Tensor, bail};
use sextant_runtime::rotation::UnitQuaternion;

use super::EquivariantBranch;
use super::MethodConfig;
use crate::options::ConfigOption;
use crate::scene::SceneParameters;

/// What is known of a view: how its object is turned, and the colours of floor and light.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pose {
    /// World-from-object rotation.
    pub rotation: UnitQuaternion,
    /// Hue of the floor and of the spot light, each in [0, 1].
    pub hues: [f32; 2],
}

impl Pose {
    /// The pose of seven latents in the order of [`SceneParameters::latents`].
    pub fn from_latents(latents: [f32; 7]) -> Self {
        let scene = SceneParameters::from_latents(latents);
        Self { rotation: scene.world_from_object(), hues: [scene.floor_hue, scene.light_hue] }
    }
}

/// What leads from one view of an object to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Action {
    /// `R1^-1 R2`, in the object's own frame.
    rotation: UnitQuaternion,
    /// Whether `conj(q1) q2` without canonicalisation is the negative of that quaternion.
    negative: bool,
    /// Differences of the hues of floor and light.
    hues: [f32; 2],
}

impl Action {
    /// What leads from a view to itself.
    pub const IDENTITY: Self = Self { rotation: UnitQuaternion::IDENTITY, negative: false, hues: [0.0; 2] };

    /// What leads from one view to another.
    pub fn between(from: Pose, to: Pose) -> Self {
        let (a, b) = (from.rotation.wxyz(), to.rotation.wxyz());
        let real_part: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        Self {
            rotation: from.rotation.relative_rotation(to.rotation),
            negative: real_part < 0.0,
            hues: [to.hues[0] - from.hues[0], to.hues[1] - from.hues[1]],
        }
    }

    /// A rotation in the object's own frame, with no change of colours.
    pub fn of_rotation(rotation: UnitQuaternion) -> Self {
        Self { rotation, ..Self::IDENTITY }
    }

    /// This and then `next`, in one.
    pub fn then(self, next: Self) -> Self {
        let (a, b) = (self.raw_wxyz(), next.raw_wxyz());
        let real_part = a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3];
        Self {
            rotation: self.rotation * next.rotation,
            negative: real_part < 0.0,
            hues: [self.hues[0] + next.hues[0], self.hues[1] + next.hues[1]],
        }
    }

    /// The way back.
    pub fn inverse(self) -> Self {
        Self { rotation: self.rotation.inverse(), negative: self.negative, hues: self.hues.map(|hue| -hue) }
    }

    /// The rotation.
    pub fn rotation(self) -> UnitQuaternion {
        self.rotation
    }

    /// Differences of the hues of floor and light, each in [-1, 1].
    pub fn hues(self) -> [f32; 2] {
        self.hues
    }

    /// `conj(q1) q2` of the two views' quaternions with `w >= 0`: its own sign is not canonical.
    fn raw_wxyz(self) -> [f32; 4] {
        let wxyz = self.rotation.wxyz();
        if self.negative { wxyz.map(|v| -v) } else { wxyz }
    }
}

/// How an action is written down as numbers for a predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    rotation: Option<RotationCode>,
    colour: bool,
}

/// How a relative rotation is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RotationCode {
    /// Four numbers, of either sign, as the paper's code.
    Quaternion,
    /// Four numbers with w >= 0, so that one rotation has one condition.
    CanonicalQuaternion,
    /// The nine entries of the rotation matrix, row by row.
    Matrix,
}

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
        &["rotation", "colour", "rotation-colour"],
        "what differs between the views and is told: the rotation, the hues of floor and light, or both",
    );

    /// The canonical quaternion alone: the target of supervised rotation.
    pub const CANONICAL_ROTATION: Self = Self { rotation: Some(RotationCode::CanonicalQuaternion), colour: false };

    /// The nine entries of the rotation matrix, row by row.
    pub const MATRIX: Self = Self { rotation: Some(RotationCode::Matrix), colour: false };

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
            "rotation" => Self { rotation: Some(code), colour: false },
            "colour" => Self { rotation: None, colour: true },
            "rotation-colour" => Self { rotation: Some(code), colour: true },
            other => bail!("there is no transformation '{other}'"),
        })
    }

    /// How many numbers.
    pub fn width(self) -> usize {
        let rotation = match self.rotation {
            None => 0,
            Some(RotationCode::Quaternion | RotationCode::CanonicalQuaternion) => 4,
            Some(RotationCode::Matrix) => 9,
        };
        rotation + if self.colour { 2 } else { 0 }
    }

    /// An action as numbers: the rotation first, then the differences of the hues.
    pub fn numbers(self, action: Action) -> Vec<f32> {
        let mut numbers = match self.rotation {
            None => Vec::new(),
            Some(RotationCode::Quaternion) => action.raw_wxyz().to_vec(),
            Some(RotationCode::CanonicalQuaternion) => action.rotation.wxyz().to_vec(),
            Some(RotationCode::Matrix) => action.rotation.to_matrix().concat(),
        };
        if self.colour {
            numbers.extend(action.hues);
        }
        numbers
    }

    /// Actions as rows `[n, width]`.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn rows(self, actions: &[Action], device: &Device) -> Result<Tensor> {
        let numbers: Vec<f32> = actions.iter().flat_map(|action| self.numbers(*action)).collect();
        Tensor::from_vec(numbers, (actions.len(), self.width()), device)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::scene::RotationSampling;

    fn poses(count: usize) -> Vec<Pose> {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut draw = || SceneParameters::sample(&mut rng, RotationSampling::Uniform { limit_deg: 180.0 }).latents();
        (0..count).map(|_| Pose::from_latents(draw())).collect()
    }

    fn near(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
    }

    #[test]
    fn actions_compose_and_invert() {
        let all = Condition { rotation: Some(RotationCode::Matrix), colour: true };
        for views in poses(60).chunks(3) {
            let [a, b, c] = [views[0], views[1], views[2]];
            let (ab, bc, ac) = (Action::between(a, b), Action::between(b, c), Action::between(a, c));
            assert!(near(&all.numbers(ab.then(bc)), &all.numbers(ac)));
            assert!(near(&all.numbers(ab.then(ab.inverse())), &all.numbers(Action::IDENTITY)));
            assert!(near(&all.numbers(Action::between(b, a)), &all.numbers(ab.inverse())));
        }
    }

    #[test]
    fn the_raw_sign_is_that_of_the_product_of_the_views_quaternions() {
        let raw = Condition { rotation: Some(RotationCode::Quaternion), colour: false };
        let mut negative = 0;
        for views in poses(200).chunks(2) {
            let ([w, x, y, z], [v, a, b, c]) = (views[0].rotation.wxyz(), views[1].rotation.wxyz());
            let product =
                [w * v + x * a + y * b + z * c, w * a - x * v - y * c + z * b, w * b - y * v - z * a + x * c, {
                    w * c - z * v - x * b + y * a
                }];
            let numbers = raw.numbers(Action::between(views[0], views[1]));
            assert!(near(&numbers, &product), "{numbers:?} {product:?}");
            negative += usize::from(product[0] < 0.0);
        }
        assert!(negative > 5, "the test needs both signs");
    }

    #[test]
    fn widths_are_the_lengths() {
        for rotation in
            [None, Some(RotationCode::Quaternion), Some(RotationCode::CanonicalQuaternion), Some(RotationCode::Matrix)]
        {
            for colour in [false, true] {
                let condition = Condition { rotation, colour };
                assert_eq!(condition.numbers(Action::IDENTITY).len(), condition.width());
            }
        }
    }
}
