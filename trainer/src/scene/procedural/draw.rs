use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The random numbers from which one object's shape and colours are drawn.
#[derive(Clone, Debug)]
pub struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    /// The numbers of object `number` of a family.
    pub fn new(seed: u64, family: &str, number: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ fnv1a(family));
        rng.set_stream(number);
        Self { rng }
    }

    /// A length, angle or share, uniform in [low, high].
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        self.rng.random_range(low..=high)
    }

    /// A whole number, uniform in [low, high].
    pub fn count(&mut self, low: u16, high: u16) -> u16 {
        self.rng.random_range(low..=high)
    }

    /// An index below `len`.
    pub fn index(&mut self, len: usize) -> usize {
        self.rng.random_range(0..len)
    }

    /// Whether an event of the given probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }
}

/// The 64-bit FNV-1a hash, so that a family's objects do not depend on which other families there are.
fn fnv1a(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
