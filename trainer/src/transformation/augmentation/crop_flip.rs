use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::mirror_every_other;
use crate::transformation::pixels::window::shift;

/// Width of the black border, pixels.
const BORDER: isize = 4;

/// A black border, a window of the picture's size at a random place, and every other picture mirrored.
pub(super) fn crop_flip(rng: &mut ChaCha8Rng, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
    let [right, down] = [(); 2].map(|()| rng.random_range(0..=2 * BORDER as i32) as isize - BORDER);
    shift(picture, size, [right, down], scratch);
    mirror_every_other(rng, picture, size);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Augmentation;
    use super::super::tests::outcomes;

    /// One bright pixel in the middle of nine: each of 81 windows shows it elsewhere, as often as the others.
    #[test]
    fn windows_are_everywhere_within_the_border() {
        let (size, middle) = (9, 40);
        let mut picture = vec![0; size * size * 3];
        picture[middle * 3..][..3].copy_from_slice(&[200, 100, 50]);
        let mut places = BTreeMap::new();
        for found in outcomes(Augmentation::CropFlip, &picture, size, 8100) {
            let pixels = found.as_chunks::<3>().0;
            let bright: Vec<usize> = (0..pixels.len()).filter(|at| pixels[*at] == [200, 100, 50]).collect();
            assert_eq!((bright.len(), found.iter().filter(|byte| **byte > 0).count()), (1, 3));
            *places.entry(bright[0]).or_insert(0) += 1;
        }
        assert_eq!(places.len(), 81);
        assert!(places.values().all(|count| (55..150).contains(count)), "{places:?}");
    }
}
