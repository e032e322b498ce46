//! The hues of the floor and of the spot light.

use super::{Group, Kind, Parameters, Transformation, Value};

/// Hue of the floor and of the spot light, each in [0, 1]; the renderer applies them.
pub const HUES: &dyn Transformation = &Hues;

struct Hues;

impl Transformation for Hues {
    fn name(&self) -> &'static str {
        "hues"
    }

    fn description(&self) -> &'static str {
        "colours the floor and the spot light"
    }

    fn kind(&self) -> Kind {
        Kind::Numbers
    }

    fn group(&self) -> Option<&dyn Group> {
        Some(self)
    }

    fn width(&self) -> usize {
        2
    }

    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>) {
        numbers.extend(value.numbers());
    }
}

/// Differences add up.
impl Group for Hues {
    fn identity(&self) -> Value {
        Value::Numbers(vec![0.0; 2])
    }

    fn between(&self, from: &Value, to: &Value) -> Value {
        Value::Numbers(from.numbers().iter().zip(to.numbers()).map(|(from, to)| to - from).collect())
    }

    fn then(&self, first: &Value, next: &Value) -> Value {
        Value::Numbers(first.numbers().iter().zip(next.numbers()).map(|(first, next)| first + next).collect())
    }

    fn inverse(&self, change: &Value) -> Value {
        Value::Numbers(change.numbers().iter().map(|hue| -hue).collect())
    }
}

impl Parameters {
    /// Hue of the floor and of the light; `None` where the source does not know them.
    pub fn hues(&self) -> Option<[f32; 2]> {
        self.get(HUES).map(|value| std::array::from_fn(|at| value.numbers()[at]))
    }

    /// With floor and light of these hues.
    #[must_use]
    pub fn with_hues(self, floor_and_light: [f32; 2]) -> Self {
        self.with(HUES, Value::Numbers(floor_and_light.to_vec()))
    }
}
