use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::colour_jitter;
use super::mirror_every_other;
use super::resized_crop::Part;
use crate::transformation::pixels::colour::turn_grey;

/// How often colours are jittered.
const JITTERED: f64 = 0.8;
/// How often a picture is made grey.
const GREY: f64 = 0.2;

/// SimCLR's augmentation for small pictures, with half of its full strength of colours and no blur: a part enlarged, every
/// other picture mirrored, colours jittered, and grey.
pub(super) fn simclr(rng: &mut ChaCha8Rng, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
    Part::draw(rng, size).enlarge(picture, size, scratch);
    mirror_every_other(rng, picture, size);
    if rng.random_bool(JITTERED) {
        colour_jitter::draw(rng).into_iter().for_each(|change| change.apply(picture));
    }
    if rng.random_bool(GREY) {
        turn_grey(picture);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Augmentation;
    use super::super::tests::outcomes;

    /// A picture of one colour shows what becomes of colours alone.
    #[test]
    fn one_of_five_stays_as_it_was_and_one_of_five_is_grey() {
        let colour = [180, 90, 40];
        let found = outcomes(Augmentation::Simclr, &colour.repeat(16), 4, 4000);
        let share = |is_one: &dyn Fn([u8; 3]) -> bool| {
            found.iter().filter(|found| is_one([found[0], found[1], found[2]])).count() as f64 / 4000.0
        };
        assert!(found.iter().all(|found| found.as_chunks::<3>().0.iter().all(|pixel| *pixel == found[..3])));
        let grey = share(&|[red, green, blue]| red == green && green == blue);
        assert!((0.18..0.22).contains(&grey), "{grey}");
        let same = share(&|pixel| pixel == colour);
        assert!((0.14..0.18).contains(&same), "{same}");
    }

    #[test]
    fn every_other_picture_is_mirrored() {
        // Brighter to the right, which no change of colours turns round.
        let ramp: Vec<u8> = (0..64).flat_map(|at| [(60 + at % 8 * 10) as u8; 3]).collect();
        let found = outcomes(Augmentation::Simclr, &ramp, 8, 2000);
        let mirrored = found.iter().filter(|found| found[0] > found[7 * 3]).count();
        let flat = found.iter().filter(|found| found[0] == found[7 * 3]).count();
        assert!((930..1070).contains(&(mirrored + flat / 2)), "{mirrored} mirrored, {flat} flat");
    }
}
