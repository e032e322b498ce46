use super::{Group, Parameters, Transformation, Value};

/// What leads from one view of a subject to another: a change of each transformation that has a [`Group`].
#[derive(Clone, Debug, PartialEq)]
pub struct Action(Parameters);

impl Action {
    /// What leads from a view to itself.
    pub const IDENTITY: Self = Self(Parameters::NONE);

    /// A change of one transformation alone.
    pub fn of(transformation: &'static dyn Transformation, change: Value) -> Self {
        Self(Parameters::NONE.with(transformation, change))
    }

    /// What leads from one view to another, of all that is known of both.
    pub fn between(from: &Parameters, to: &Parameters) -> Self {
        let mut changes = Parameters::NONE;
        for (transformation, start) in from.iter() {
            if let (Some(group), Some(end)) = (transformation.group(), to.get(transformation)) {
                changes.set(transformation, group.between(start, end));
            }
        }
        Self(changes)
    }

    /// This and then `next`, in one.
    pub fn then(&self, next: &Self) -> Self {
        let mut joined = next.0.clone();
        for (transformation, group, change) in self.changes() {
            let change = match next.0.get(transformation) {
                Some(next) => group.then(change, next),
                None => change.clone(),
            };
            joined.set(transformation, change);
        }
        Self(joined)
    }

    /// The way back.
    pub fn inverse(&self) -> Self {
        let mut inverted = Parameters::NONE;
        for (transformation, group, change) in self.changes() {
            inverted.set(transformation, group.inverse(change));
        }
        Self(inverted)
    }

    /// The change of a transformation; `None` where it changes nothing, or is not known of both views.
    pub fn get(&self, transformation: &dyn Transformation) -> Option<&Value> {
        self.0.get(transformation)
    }

    fn changes(&self) -> impl Iterator<Item = (&'static dyn Transformation, &'static dyn Group, &Value)> {
        // Nothing without a group comes into an action.
        self.0.iter().filter_map(|(transformation, change)| Some((transformation, transformation.group()?, change)))
    }
}
