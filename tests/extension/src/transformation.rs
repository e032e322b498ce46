//! Turns of the colours: red, green and blue change places in a circle.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sextant_trainer::transformation::{Cyclic, Group, Kind, OnPixels, Transformation, Value};

pub const COLOUR_TURNS: &dyn Transformation = &ColourTurns;

struct ColourTurns;

impl Transformation for ColourTurns {
    fn name(&self) -> &'static str {
        "colour-turns"
    }

    fn description(&self) -> &'static str {
        "lets red, green and blue change places in a circle"
    }

    fn kind(&self) -> Kind {
        Kind::Classes { count: 3 }
    }

    fn group(&self) -> Option<&dyn Group> {
        Some(&Cyclic { order: 3 })
    }

    fn on_pixels(&self) -> Option<&dyn OnPixels> {
        Some(self)
    }

    fn width(&self) -> usize {
        3
    }

    /// One for the class, zero for the others.
    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>) {
        numbers.extend((0..3).map(|class| if class == value.class() { 1.0 } else { 0.0 }));
    }
}

impl OnPixels for ColourTurns {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Value {
        Value::Class(rng.random_range(0..3))
    }

    /// Class 1 takes red to green, green to blue and blue to red.
    fn apply(&self, value: &Value, picture: &mut [u8], _size: usize, _scratch: &mut Vec<u8>) {
        picture.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| pixel.rotate_right(value.class() as usize));
    }
}
