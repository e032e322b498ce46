use sextant_runtime::rotation::UnitQuaternion;

/// Parameters of one transformation for one view, or what leads from one view's to another's.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A rotation in space.
    Rotation(SignedRotation),
    /// One of finitely many classes.
    Class(u32),
    /// A strength, or several numbers.
    Numbers(Vec<f32>),
}

/// A rotation with the sign that its quaternion has as a product of two others.
///
/// The quaternion of a rotation is taken with w >= 0. A product of two such quaternions may have w < 0, which predictors
/// that are told raw quaternions see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SignedRotation {
    /// The rotation.
    pub rotation: UnitQuaternion,
    /// Whether the quaternion is the negative of the one with w >= 0.
    pub is_negative: bool,
}

impl SignedRotation {
    /// With w >= 0.
    pub fn canonical(rotation: UnitQuaternion) -> Self {
        Self { rotation, is_negative: false }
    }

    /// The quaternion with its sign.
    pub fn raw_wxyz(self) -> [f32; 4] {
        let wxyz = self.rotation.wxyz();
        if self.is_negative { wxyz.map(|v| -v) } else { wxyz }
    }
}

impl Value {
    /// The rotation.
    ///
    /// # Panics
    /// When the value has another form: a transformation was given the parameters of another.
    pub fn rotation(&self) -> SignedRotation {
        match self {
            Self::Rotation(rotation) => *rotation,
            other => panic!("{other:?} is no rotation"),
        }
    }

    /// The class.
    ///
    /// # Panics
    /// When the value has another form: a transformation was given the parameters of another.
    pub fn class(&self) -> u32 {
        match self {
            Self::Class(class) => *class,
            other => panic!("{other:?} is no class"),
        }
    }

    /// The numbers.
    ///
    /// # Panics
    /// When the value has another form: a transformation was given the parameters of another.
    pub fn numbers(&self) -> &[f32] {
        match self {
            Self::Numbers(numbers) => numbers,
            other => panic!("{other:?} are no numbers"),
        }
    }
}
