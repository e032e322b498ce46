use super::{Transformation, Value};

/// What was done to one view of a subject, by transformation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters(Vec<(&'static dyn Transformation, Value)>);

impl Parameters {
    /// Nothing.
    pub const NONE: Self = Self(Vec::new());

    /// With one more transformation, or with other parameters of one that is there.
    #[must_use]
    pub fn with(mut self, transformation: &'static dyn Transformation, value: Value) -> Self {
        self.set(transformation, value);
        self
    }

    /// Adds one more transformation, or changes the parameters of one that is there.
    pub fn set(&mut self, transformation: &'static dyn Transformation, value: Value) {
        match self.0.iter_mut().find(|(known, _)| *known == transformation) {
            Some((_, known)) => *known = value,
            None => self.0.push((transformation, value)),
        }
    }

    /// Forgets a transformation, where it is there.
    pub fn remove(&mut self, transformation: &dyn Transformation) {
        self.0.retain(|(known, _)| *known != transformation);
    }

    /// The parameters of a transformation; `None` where the source does not have it.
    pub fn get(&self, transformation: &dyn Transformation) -> Option<&Value> {
        self.0.iter().find(|(known, _)| *known == transformation).map(|(_, value)| value)
    }

    /// All of them, in the order in which they were done.
    pub fn iter(&self) -> impl Iterator<Item = (&'static dyn Transformation, &Value)> {
        self.0.iter().map(|(transformation, value)| (*transformation, value))
    }
}
