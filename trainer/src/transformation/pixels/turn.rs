use std::cell::RefCell;

use super::spline::{PHASES, weights};

/// Parts of a circle that a turn is a multiple of.
pub const PARTS: u32 = 96;

/// Parts of a quarter turn.
const QUARTER: usize = PARTS as usize / 4;

/// Pixels around the picture that weights may reach.
const MARGIN: usize = 2;

/// Places are whole numbers of 131,072ths of a pixel: the product of a sine in 65,536ths and a half pixel.
const PLACE_BITS: u32 = 17;

/// `cos(k 2 pi / 96)` in 65,536ths, for a quarter of the circle.
const COSINES: [i32; QUARTER + 1] = [
    65_536, 65_396, 64_975, 64_277, 63_303, 62_058, 60_547, 58_777, 56_756, 54_491, 51_993, 49_273, 46_341, 43_211,
    39_896, 36_410, 32_768, 28_986, 25_080, 21_066, 16_962, 12_785, 8554, 4286, 0,
];

/// Red, green and blue of a pixel beside each other in one number, so that one product weighs all three: each has
/// [`CHANNEL_BITS`], of which a weighted sum fills no more.
type Channels = u64;

const CHANNEL_BITS: u32 = 21;
/// One in each channel.
const EACH: Channels = 1 | 1 << CHANNEL_BITS | 1 << (2 * CHANNEL_BITS);

/// A byte has 8 bits; sums along a row add 13, of which 3 are kept, and sums of rows add 10: 21 at most each time.
static ACROSS: [[u64; 4]; PHASES] = weights::<{ 1 << 13 }>();
static DOWN: [[u64; 4]; PHASES] = weights::<{ 1 << 10 }>();

thread_local! {
    /// The picture with its margin, of which one serves all pictures of a thread.
    static PADDED: RefCell<Vec<Channels>> = const { RefCell::new(Vec::new()) };
}

/// Turns a picture counter-clockwise about its middle by so many of [`PARTS`], weighed by cubic B-splines.
/// Beyond an edge its last pixels go on.
pub fn turn_by_parts(parts: u32, picture: &mut [u8], size: usize) {
    PADDED.with_borrow_mut(|padded| {
        pad(picture, size, padded);
        for (row, pixels) in picture.chunks_exact_mut(size * 3).enumerate() {
            let mut place = Place::of_first_column(parts, row, size);
            for pixel in pixels.as_chunks_mut::<3>().0 {
                *pixel = place.weighted(padded, size);
                place.advance_column();
            }
        }
    });
}

/// Where a pixel of the turned picture comes from.
struct Place {
    /// Column and row, in parts of a pixel.
    at: [i32; 2],
    /// What leads to the next column.
    step: [i32; 2],
}

impl Place {
    fn of_first_column(parts: u32, row: usize, size: usize) -> Self {
        let [cos, sin] = cosine_and_sine(parts);
        let size = size as i32;
        // Half pixels from the middle.
        let [right, down] = [1 - size, 2 * row as i32 + 1 - size];
        let middle = (size - 1) << (PLACE_BITS - 1);
        // To the nearest phase.
        let half_a_phase = 1 << (PLACE_BITS - 1 - PHASES.ilog2());
        let origin = middle + half_a_phase;
        Self { at: [origin + cos * right - sin * down, origin + sin * right + cos * down], step: [2 * cos, 2 * sin] }
    }

    fn advance_column(&mut self) {
        self.at = [self.at[0] + self.step[0], self.at[1] + self.step[1]];
    }

    /// The mean around the place; where the corners of a turned picture fall outside of it, that of a pixel at its edge.
    fn weighted(&self, padded: &[Channels], size: usize) -> [u8; 3] {
        let [column, row] = self.at.map(|at| (at >> PLACE_BITS).clamp(-1, size as i32 - 1));
        let [across, down] = self.at.map(|at| (at >> (PLACE_BITS - PHASES.ilog2())) as usize % PHASES);
        let stride = size + 2 * MARGIN;
        // The first pixel with a weight is the one before.
        let first = (row + MARGIN as i32 - 1) as usize * stride + (column + MARGIN as i32 - 1) as usize;
        let mut sum = EACH << 12;
        for (line, weight) in DOWN[down].iter().enumerate() {
            let pixels: &[Channels; 4] = padded[first + line * stride..].first_chunk().expect("a margin all around");
            let of_line =
                (EACH << 9) + pixels.iter().zip(&ACROSS[across]).map(|(pixel, weight)| pixel * weight).sum::<u64>();
            sum += ((of_line >> 10) & (EACH * 0x7ff)) * weight;
        }
        [0, 1, 2].map(|channel| (sum >> (channel * CHANNEL_BITS + 13)) as u8)
    }
}

fn cosine_and_sine(parts: u32) -> [i32; 2] {
    let part = parts as usize % QUARTER;
    let (cos, sin) = (COSINES[part], COSINES[QUARTER - part]);
    [[cos, sin], [-sin, cos], [-cos, -sin], [sin, -cos]][parts as usize / QUARTER % 4]
}

/// Writes the picture with a margin in which its outer pixels go on.
fn pad(picture: &[u8], size: usize, padded: &mut Vec<Channels>) {
    padded.clear();
    let within = |at: usize| at.saturating_sub(MARGIN).min(size - 1);
    for row in 0..size + 2 * MARGIN {
        let pixels = picture[within(row) * size * 3..][..size * 3].as_chunks::<3>().0;
        padded.extend((0..size + 2 * MARGIN).map(|column| {
            let [red, green, blue] = pixels[within(column)].map(Channels::from);
            red | green << CHANNEL_BITS | blue << (2 * CHANNEL_BITS)
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::transformation::pixels::axis::{AxisTaps, resample};
    use crate::transformation::quarter_turned;

    #[test]
    fn cosines_are_those_of_the_circle() {
        for parts in 0..2 * PARTS {
            let angle_rad = f64::from(parts) * TAU / f64::from(PARTS);
            for (found, expected) in cosine_and_sine(parts).into_iter().zip([angle_rad.cos(), angle_rad.sin()]) {
                assert!((f64::from(found) - expected * 65_536.0).abs() <= 0.5, "{parts} parts");
            }
        }
    }

    fn waves(size: usize) -> Vec<u8> {
        let value = |at: usize, channel: usize| {
            let (x, y) = ((at % size) as f64, (at / size) as f64);
            (128.0 + 60.0 * (0.3 * x + 0.2 * y * channel as f64).sin() + 50.0 * (0.4 * y).cos()) as u8
        };
        (0..size * size).flat_map(|at| [0, 1, 2].map(|channel| value(at, channel))).collect()
    }

    #[test]
    fn quarter_turns_are_exact_turns_of_the_blurred_picture() {
        for size in [1, 2, 5, 32, 33] {
            let picture = waves(size);
            let mut blurred = picture.clone();
            let taps = AxisTaps::spline(1.0, 1.0, size);
            resample(&mut blurred, size, [&taps, &taps], &mut Vec::new());
            for quarter in 0..4 {
                let (mut found, mut expected) = (picture.clone(), picture.clone());
                turn_by_parts(quarter * PARTS / 4, &mut found, size);
                quarter_turned(quarter, &blurred, &mut expected, size);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(found.abs_diff(*expected) <= 1, "{size} px, {quarter}: {found}, not {expected}");
                }
            }
        }
    }

    /// A ramp stays a ramp, whose gradient has turned.
    #[test]
    fn ramps_turn_counter_clockwise() {
        let size = 33;
        let ramp: Vec<u8> = (0..size * size).flat_map(|at| [(at % size * 7) as u8; 3]).collect();
        for parts in 0..PARTS {
            let mut found = ramp.clone();
            turn_by_parts(parts, &mut found, size);
            let angle_rad = f64::from(parts) * TAU / f64::from(PARTS);
            for (x, y) in [(0.0, 0.0), (9.0, 0.0), (0.0, 9.0), (-6.0, 7.0)] {
                // With y down, what pointed to the right points up after a quarter turn.
                let expected = 7.0 * (16.0 + x * angle_rad.cos() - y * angle_rad.sin());
                let value = f64::from(found[((16.0 + y) as usize * size + (16.0 + x) as usize) * 3]);
                assert!((value - expected).abs() < 1.0, "{parts} parts at ({x}, {y}): {value}, not {expected}");
            }
        }
    }

    fn inside(size: usize) -> impl Iterator<Item = (usize, usize)> {
        let from_middle = move |at: usize| at as f64 - (size as f64 - 1.0) / 2.0;
        let is_inside = move |&(x, y): &(usize, usize)| from_middle(x).hypot(from_middle(y)) < size as f64 / 2.0 - 2.0;
        (0..size * size).map(move |at| (at % size, at / size)).filter(is_inside)
    }

    fn spread(values: impl Iterator<Item = f64>) -> f64 {
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    }

    fn noise(size: usize) -> Vec<u8> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..size * size * 3).map(|_| rng.random()).collect()
    }

    #[test]
    fn noise_says_next_to_nothing_of_the_angle() {
        let size = 128;
        let picture = noise(size);
        let spreads: Vec<f64> = (0..PARTS)
            .map(|parts| {
                let mut turned = picture.clone();
                turn_by_parts(parts, &mut turned, size);
                spread(inside(size).map(|(x, y)| f64::from(turned[(y * size + x) * 3])))
            })
            .collect();
        let mean = spreads.iter().sum::<f64>() / f64::from(PARTS);
        assert!(spreads.iter().all(|spread| (spread / mean - 1.0).abs() < 0.05), "{spreads:?}");
    }

    /// What bilinear weights do in the same test: an eighth of a turn has two thirds of the spread that there was.
    #[test]
    fn noise_would_tell_of_bilinear_weights() {
        let size = 128;
        let picture = noise(size);
        let turned = |x: usize, y: usize| {
            let [right, down] = [x, y].map(|at| at as f64 - 63.5);
            let half_root = std::f64::consts::FRAC_1_SQRT_2;
            let [column, row] = [(right - down) * half_root + 63.5, (right + down) * half_root + 63.5];
            let value = |x: f64, y: f64| f64::from(picture[(y as usize * size + x as usize) * 3]);
            let along = |row: f64| {
                let (left, part) = (column.floor(), column.fract());
                value(left, row) * (1.0 - part) + value(left + 1.0, row) * part
            };
            along(row.floor()) * (1.0 - row.fract()) + along(row.floor() + 1.0) * row.fract()
        };
        let [upright, eighth] = [
            spread(inside(size).map(|(x, y)| f64::from(picture[(y * size + x) * 3]))),
            spread(inside(size).map(|(x, y)| turned(x, y))),
        ];
        assert!((0.6..0.72).contains(&(eighth / upright)), "{}", eighth / upright);
    }
}
