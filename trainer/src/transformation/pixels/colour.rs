/// A factor of colours, in 65,536ths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor(i32);

const ONE: i32 = 1 << 16;

impl Factor {
    /// Of 0 to 2.
    pub fn new(factor: f32) -> Self {
        Self((factor * ONE as f32).round() as i32)
    }

    /// `other + factor * (byte - other)`, to the nearest byte; more than white is white.
    fn away_from(self, byte: u8, other: u8) -> u8 {
        let (byte, other) = (i32::from(byte), i32::from(other));
        ((other * ONE + (byte - other) * self.0 + ONE / 2) >> 16).clamp(0, 255) as u8
    }
}

/// Multiplies every byte.
pub fn brighten(picture: &mut [u8], factor: Factor) {
    picture.iter_mut().for_each(|byte| *byte = factor.away_from(*byte, 0));
}

/// Takes every byte away from the mean of the picture's greys, or towards it.
pub fn change_contrast(picture: &mut [u8], factor: Factor) {
    let pixels = picture.as_chunks::<3>().0;
    let (count, sum) = (pixels.len() as u64, pixels.iter().map(|pixel| u64::from(grey(*pixel))).sum::<u64>());
    let mean = ((2 * sum + count) / (2 * count.max(1))) as u8;
    picture.iter_mut().for_each(|byte| *byte = factor.away_from(*byte, mean));
}

/// Takes every pixel away from its grey, or towards it.
pub fn change_saturation(picture: &mut [u8], factor: Factor) {
    for pixel in picture.as_chunks_mut::<3>().0 {
        let grey = grey(*pixel);
        *pixel = pixel.map(|byte| factor.away_from(byte, grey));
    }
}

/// Makes every pixel grey.
pub fn turn_grey(picture: &mut [u8]) {
    picture.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = [grey(*pixel); 3]);
}

/// 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601) to the nearest byte, with Pillow's integers.
fn grey([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + (1 << 15)) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut [u8], Factor);

    #[test]
    fn greys_are_weighted_means() {
        let cases = [
            ([0, 0, 0], 0),
            ([255, 255, 255], 255),
            ([255, 0, 0], 76),
            ([0, 255, 0], 150),
            ([0, 0, 255], 29),
            ([10, 20, 30], 18),
        ];
        for (pixel, expected) in cases {
            let mut found = pixel;
            turn_grey(&mut found);
            assert_eq!(found, [expected; 3], "{pixel:?}");
        }
    }

    #[test]
    fn colours_change_as_the_formulas_say() {
        struct Case {
            change: Change,
            factor: f32,
            picture: [u8; 6],
            expected: [u8; 6],
        }
        let picture = [10, 20, 30, 200, 100, 50];
        let cases = [
            Case { change: brighten, factor: 1.5, picture, expected: [15, 30, 45, 255, 150, 75] },
            Case { change: brighten, factor: 0.5, picture, expected: [5, 10, 15, 100, 50, 25] },
            // Greys are 18 and 124 (18.1 and 124.2), their mean is 71.
            Case { change: change_contrast, factor: 0.5, picture, expected: [41, 46, 51, 136, 86, 61] },
            Case { change: change_contrast, factor: 1.25, picture, expected: [0, 7, 20, 232, 107, 45] },
            Case { change: change_saturation, factor: 0.5, picture, expected: [14, 19, 24, 162, 112, 87] },
            Case { change: change_saturation, factor: 1.25, picture, expected: [8, 21, 33, 219, 94, 32] },
            Case { change: change_saturation, factor: 1.0, picture, expected: picture },
        ];
        for Case { change, factor, picture, expected } in cases {
            let mut found = picture;
            change(&mut found, Factor::new(factor));
            assert_eq!(found, expected, "{factor} on {picture:?}");
        }
    }
}
