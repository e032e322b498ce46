use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::transformation::pixels::colour::{Factor, brighten, change_contrast, change_saturation};
use crate::transformation::pixels::hue::shift_hue;

/// Brightness, contrast and saturation are multiplied by 1 less or more up to this.
const STRENGTH: f32 = 0.4;
/// The hue moves by up to this share of the circle, either way.
const HUE: f32 = 0.1;

/// A change of all colours of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ColourChange {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    Hue(f32),
}

/// One change of each kind, in a random order, as torchvision's `ColorJitter` draws them: the order first.
pub(super) fn draw(rng: &mut ChaCha8Rng) -> [ColourChange; 4] {
    let mut order = [0, 1, 2, 3];
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last as u32) as usize);
    }
    let factors = [(); 3].map(|()| rng.random_range(1.0 - STRENGTH..1.0 + STRENGTH));
    let changes = [
        ColourChange::Brightness(factors[0]),
        ColourChange::Contrast(factors[1]),
        ColourChange::Saturation(factors[2]),
        ColourChange::Hue(rng.random_range(-HUE..HUE)),
    ];
    order.map(|kind: usize| changes[kind])
}

impl ColourChange {
    pub fn apply(self, picture: &mut [u8]) {
        match self {
            Self::Brightness(factor) => brighten(picture, Factor::new(factor)),
            Self::Contrast(factor) => change_contrast(picture, Factor::new(factor)),
            Self::Saturation(factor) => change_saturation(picture, Factor::new(factor)),
            Self::Hue(share) => shift_hue(picture, share),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn kinds_come_in_every_order_and_factors_all_over_their_range() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut orders, mut factors) = (BTreeMap::new(), [(); 4].map(|()| Vec::new()));
        for _ in 0..4800 {
            let drawn = draw(&mut rng).map(|change| match change {
                ColourChange::Brightness(factor) => (0, factor),
                ColourChange::Contrast(factor) => (1, factor),
                ColourChange::Saturation(factor) => (2, factor),
                ColourChange::Hue(share) => (3, share),
            });
            *orders.entry(drawn.map(|(kind, _)| kind)).or_insert(0) += 1;
            drawn.into_iter().for_each(|(kind, factor)| factors[kind].push(factor));
        }
        assert_eq!(orders.len(), 24);
        assert!(orders.values().all(|count| (140..260).contains(count)), "{orders:?}");
        for (factors, [least, most]) in factors.iter().zip([[0.6, 1.4], [0.6, 1.4], [0.6, 1.4], [-0.1, 0.1]]) {
            assert!(factors.iter().all(|factor| (least..=most).contains(factor)));
            let mean = factors.iter().sum::<f32>() / 4800.0;
            assert!((mean - f32::midpoint(least, most)).abs() < 0.02 * (most - least), "{mean}");
        }
    }

    #[test]
    fn changes_are_done_to_bytes() {
        let changed = |changes: &[ColourChange]| {
            let mut picture = [10, 20, 30, 200, 100, 50];
            changes.iter().for_each(|change| change.apply(&mut picture));
            picture
        };
        let (darker, paler) = (ColourChange::Brightness(0.5), ColourChange::Saturation(0.5));
        assert_eq!(changed(&[darker]), [5, 10, 15, 100, 50, 25]);
        // Greys of what is darker: 9 and 62.
        assert_eq!(changed(&[darker, paler]), [7, 10, 12, 81, 56, 44]);
        assert_eq!(changed(&[ColourChange::Contrast(0.5)]), [41, 46, 51, 136, 86, 61]);
        assert_eq!(changed(&[ColourChange::Hue(1.0 / 3.0)]), [30, 10, 20, 50, 200, 100]);
    }
}
