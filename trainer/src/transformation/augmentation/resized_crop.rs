use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::transformation::pixels::axis::{AxisTaps, resample};

/// Share of the picture's area that a part has.
const AREA: [f64; 2] = [0.08, 1.0];
/// Width over height of a part.
const RATIO: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];
/// How often a part is drawn that is higher or wider than the picture, until the whole picture is taken.
const TRIES: usize = 10;

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Part {
    /// As torchvision's `RandomResizedCrop` draws it: the area uniformly, the logarithm of the ratio uniformly, then the
    /// place.
    pub fn draw(rng: &mut ChaCha8Rng, size: usize) -> Self {
        for _ in 0..TRIES {
            let area = rng.random_range(AREA[0]..AREA[1]) * (size * size) as f64;
            let ratio = rng.random_range(RATIO[0].ln()..RATIO[1].ln()).exp();
            let [width, height] = [area * ratio, area / ratio].map(|squared| squared.sqrt().round_ties_even() as usize);
            if (1..=size).contains(&width) && (1..=size).contains(&height) {
                let top = rng.random_range(0..=size - height);
                return Self { left: rng.random_range(0..=size - width), top, width, height };
            }
        }
        // The ratio of a square picture is within the limits.
        Self { left: 0, top: 0, width: size, height: size }
    }

    /// Enlarges the part to the whole picture. It is never made smaller, so that there is nothing to smooth.
    pub fn enlarge(self, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
        let across = AxisTaps::bilinear(self.left, self.width, size);
        let down = AxisTaps::bilinear(self.top, self.height, size);
        resample(picture, size, [&across, &down], scratch);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn parts_have_the_areas_and_ratios_that_they_should() {
        let size = 200;
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let parts: Vec<Part> = (0..4000).map(|_| Part::draw(&mut rng, size)).collect();
        let area = |part: &Part| (part.width * part.height) as f64 / (size * size) as f64;
        let ratio = |part: &Part| part.width as f64 / part.height as f64;
        for part in &parts {
            assert!((0.078..=1.0).contains(&area(part)), "{part:?}");
            assert!((0.73..1.37).contains(&ratio(part)), "{part:?}");
            assert!(part.left + part.width <= size && part.top + part.height <= size, "{part:?}");
        }
        let share = |of: &dyn Fn(&Part) -> bool| parts.iter().filter(|part| of(part)).count() as f64 / 4000.0;
        // Of areas below 0.7 every ratio fits, so that they are as frequent as uniform draws, or a little more.
        assert!((0.44..0.60).contains(&share(&|part| area(part) < 0.54)), "{}", share(&|part| area(part) < 0.54));
        assert!((0.46..0.54).contains(&share(&|part| ratio(part) < 1.0)));
        // Places are uniform: as often nearer to the left as to the right.
        assert!((0.45..0.55).contains(&share(&|part| 2 * part.left < size - part.width)));
    }

    #[test]
    fn a_part_is_enlarged() {
        // The right half of the upper row, 2 x 1 pixels: places -0.25, 0.25, 0.75, 1.25 across, one row down.
        let mut picture: Vec<u8> = (0..16).flat_map(|at| [(at * 4) as u8, 200 - at as u8, 50]).collect();
        Part { left: 2, top: 0, width: 2, height: 1 }.enlarge(&mut picture, 4, &mut Vec::new());
        let row = [[8, 198, 50], [9, 198, 50], [11, 197, 50], [12, 197, 50]].concat();
        assert_eq!(picture, row.repeat(4));
    }

    #[test]
    fn a_picture_of_one_pixel_is_its_only_part() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..50 {
            assert_eq!(Part::draw(&mut rng, 1), Part { left: 0, top: 0, width: 1, height: 1 });
        }
    }
}
