//! How the subject is turned in space, as the camera sees it.

use sextant_runtime::rotation::UnitQuaternion;

use super::{Action, Group, Kind, Parameters, PoseChange, SignedRotation, Transformation, Value};

/// The rotation that takes the subject's coordinates to those of the world; the renderer applies it.
///
/// Where a picture was turned in its plane, this is the rotation that the unturned camera would have seen so: the
/// camera-from-subject rotation is always `camera_from_world` times it.
pub const ROTATION: &dyn Transformation = &RotationInSpace;

struct RotationInSpace;

impl Transformation for RotationInSpace {
    fn name(&self) -> &'static str {
        "rotation"
    }

    fn description(&self) -> &'static str {
        "turns the subject in space"
    }

    fn kind(&self) -> Kind {
        Kind::GroupElement
    }

    fn group(&self) -> Option<&dyn Group> {
        Some(self)
    }

    fn width(&self) -> usize {
        RotationCode::Matrix.width()
    }

    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>) {
        RotationCode::Matrix.write_numbers(value.rotation(), numbers);
    }
}

/// SO(3), acting from the right: what leads from one view to another is `R1^-1 R2`, in the subject's own frame.
impl Group for RotationInSpace {
    fn identity(&self) -> Value {
        Value::Rotation(SignedRotation::canonical(UnitQuaternion::IDENTITY))
    }

    fn between(&self, from: &Value, to: &Value) -> Value {
        let (from, to) = (from.rotation(), to.rotation());
        let (a, b) = (from.raw_wxyz(), to.raw_wxyz());
        // The real part of conj(a) b.
        let real_part: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
        let rotation = from.rotation.relative_rotation(to.rotation);
        Value::Rotation(SignedRotation { rotation, is_negative: real_part < 0.0 })
    }

    fn then(&self, first: &Value, next: &Value) -> Value {
        let (first, next) = (first.rotation(), next.rotation());
        let (a, b) = (first.raw_wxyz(), next.raw_wxyz());
        let real_part = a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3];
        Value::Rotation(SignedRotation { rotation: first.rotation * next.rotation, is_negative: real_part < 0.0 })
    }

    fn inverse(&self, change: &Value) -> Value {
        let SignedRotation { rotation, is_negative } = change.rotation();
        Value::Rotation(SignedRotation { rotation: rotation.inverse(), is_negative })
    }
}

/// How a relative rotation is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationCode {
    /// Four numbers, of either sign, as the paper's code.
    Quaternion,
    /// Four numbers with w >= 0, so that one rotation has one condition.
    CanonicalQuaternion,
    /// The nine entries of the rotation matrix, row by row.
    Matrix,
}

impl RotationCode {
    /// How many numbers.
    pub fn width(self) -> usize {
        match self {
            Self::Quaternion | Self::CanonicalQuaternion => 4,
            Self::Matrix => 9,
        }
    }

    /// Adds the numbers of a rotation.
    pub fn write_numbers(self, rotation: SignedRotation, numbers: &mut Vec<f32>) {
        match self {
            Self::Quaternion => numbers.extend(rotation.raw_wxyz()),
            Self::CanonicalQuaternion => numbers.extend(rotation.rotation.wxyz()),
            Self::Matrix => numbers.extend(rotation.rotation.to_matrix().as_flattened()),
        }
    }
}

impl Parameters {
    /// The rotation that takes the subject's coordinates to those of the world; `None` where the source does not know it.
    pub fn rotation(&self) -> Option<UnitQuaternion> {
        self.get(ROTATION).map(|value| value.rotation().rotation)
    }

    /// With the subject turned so.
    #[must_use]
    pub fn with_rotation(self, world_from_subject: UnitQuaternion) -> Self {
        self.with(ROTATION, Value::Rotation(SignedRotation::canonical(world_from_subject)))
    }

    /// Notes that the camera was turned by `turned_from_camera`, where the rotation is known.
    pub fn turn_camera(&mut self, camera_from_world: UnitQuaternion, turned_from_camera: UnitQuaternion) {
        if let Some(world_from_subject) = self.rotation() {
            let seen = turned_from_camera * camera_from_world * world_from_subject;
            let rotation = SignedRotation::canonical(camera_from_world.inverse() * seen);
            self.set(ROTATION, Value::Rotation(rotation));
        }
    }

    /// Notes what a change of the finished picture did to the pose, where that is known.
    pub fn change_pose(&mut self, change: PoseChange, value: &Value, camera_from_world: UnitQuaternion) {
        match change {
            PoseChange::Kept => {}
            PoseChange::Turned(turn) => {
                let turn = turn(value);
                // A product with the identity may differ in the last bit.
                if turn != UnitQuaternion::IDENTITY {
                    self.turn_camera(camera_from_world, turn);
                }
            }
            PoseChange::Lost => self.remove(ROTATION),
        }
    }
}

impl Action {
    /// A rotation in the subject's own frame, with no other change.
    pub fn of_rotation(rotation: UnitQuaternion) -> Self {
        Self::of(ROTATION, Value::Rotation(SignedRotation::canonical(rotation)))
    }

    /// `R1^-1 R2`, in the subject's own frame.
    pub fn rotation(&self) -> UnitQuaternion {
        self.signed_rotation().rotation
    }

    /// `R1^-1 R2` with the sign of the quaternions' product.
    pub fn signed_rotation(&self) -> SignedRotation {
        let none = SignedRotation::canonical(UnitQuaternion::IDENTITY);
        self.get(ROTATION).map_or(none, Value::rotation)
    }
}
