/// Numbers that look random, the same for the same seed on every machine (a 64-bit linear congruential generator).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed)
    }

    /// In `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }

    pub fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }

    /// Changes some bytes, or loses, repeats or inserts some, from `first` on.
    pub fn damage(&mut self, bytes: &mut Vec<u8>, first: usize) {
        for _ in 0..1 + self.below(4) {
            if bytes.len() <= first + 1 {
                return;
            }
            let at = first + self.below(bytes.len() - first);
            let length = 1 + self.below((bytes.len() - at).min(600));
            match self.below(8) {
                0..=2 => bytes[at] ^= 1 << self.below(8),
                3 => bytes[at] = *self.pick(&[0, 1, 0x7f, 0x80, 0xff]),
                4 => bytes.truncate(at),
                5 => drop(bytes.drain(at..at + length)),
                6 => {
                    let copy = bytes[at..at + length].to_vec();
                    let to = first + self.below(bytes.len() - first);
                    bytes.splice(to..to, copy);
                }
                _ => bytes[at..at + length].fill(*self.pick(&[0, 0xff])),
            }
        }
    }
}
