use super::{Group, Value};

/// The group of `order` classes that follow each other in a circle, such as turns of a square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cyclic {
    /// How many classes there are.
    pub order: u32,
}

impl Group for Cyclic {
    fn identity(&self) -> Value {
        Value::Class(0)
    }

    fn between(&self, from: &Value, to: &Value) -> Value {
        self.then(&self.inverse(from), to)
    }

    fn then(&self, first: &Value, next: &Value) -> Value {
        Value::Class((first.class() + next.class()) % self.order)
    }

    fn inverse(&self, change: &Value) -> Value {
        Value::Class((self.order - change.class()) % self.order)
    }
}
