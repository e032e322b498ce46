use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::transformation::{Augmentation, OnPixels, Transformation, Transformations, Value};

/// Side of each picture, pixels.
pub(super) const PICTURE_SIDE: usize = 64;
/// Pictures in a row, at most.
const COLUMNS: usize = 8;
/// White pixels between pictures, and between rows.
const GAP: usize = 2;
const ROW_GAP: usize = 8;
/// Distance of the levels that channels are rounded to: the file is a third as large.
const LEVEL: u8 = 8;

/// A row of pictures for each transformation, the first eight of its classes, and for each augmentation, eight draws.
pub(super) struct TransformationSheet {
    rows: Vec<Vec<Vec<u8>>>,
}

impl TransformationSheet {
    /// Of a picture `[PICTURE_SIDE, PICTURE_SIDE, 3]`: those of `known` that are done to finished pictures, in their order,
    /// then the augmentations that do something.
    pub fn of(picture: &[u8], known: &Transformations) -> Self {
        let on_pixels = known.iter().filter_map(|entry| Some((*entry, entry.on_pixels()?)));
        let of_transformations = on_pixels.map(|(entry, on_pixels)| transformed(picture, entry, on_pixels));
        let changing = Augmentation::ALL.into_iter().filter(|augmentation| *augmentation != Augmentation::None);
        let rows = of_transformations.chain(changing.map(|augmentation| augmented(picture, augmentation)));
        Self { rows: rows.collect() }
    }

    /// As a PNG file.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        let [width, height] = self.size();
        let mut rgb = vec![255; width * height * 3];
        for (row, pictures) in self.rows.iter().enumerate() {
            for (column, picture) in pictures.iter().enumerate() {
                let corner = [column * (PICTURE_SIDE + GAP), row * (PICTURE_SIDE + ROW_GAP)];
                paint(picture, &mut rgb, corner, width);
            }
        }
        let mut png = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::NoFilter);
        encoder.write_image(&rgb, width as u32, height as u32, ExtendedColorType::Rgb8)?;
        Ok(png)
    }

    /// Width and height, pixels.
    fn size(&self) -> [usize; 2] {
        [COLUMNS * (PICTURE_SIDE + GAP) - GAP, self.rows.len() * (PICTURE_SIDE + ROW_GAP) - ROW_GAP]
    }
}

/// The picture in the first classes, or with strengths at even distances; in some draws where there is neither.
fn transformed(picture: &[u8], entry: &dyn Transformation, on_pixels: &dyn OnPixels) -> Vec<Vec<u8>> {
    let values: Vec<Value> = match (entry.kind().classes(), entry.scale()) {
        (Some(count), _) => (0..count.min(COLUMNS) as u32).map(Value::Class).collect(),
        (None, Some(scale)) => scale.at_even_distances(COLUMNS as u32),
        (None, None) => draws().map(|mut rng| on_pixels.draw(&mut rng)).collect(),
    };
    let changed = |value: &Value| {
        let mut changed = picture.to_vec();
        on_pixels.apply(value, &mut changed, PICTURE_SIDE, &mut Vec::new());
        on_pixels.visible().apply(&mut changed, PICTURE_SIDE);
        changed
    };
    values.iter().map(changed).collect()
}

fn augmented(picture: &[u8], augmentation: Augmentation) -> Vec<Vec<u8>> {
    let changed = |mut rng: ChaCha8Rng| {
        let mut changed = picture.to_vec();
        augmentation.apply(&mut rng, &mut changed, PICTURE_SIDE, &mut Vec::new());
        changed
    };
    draws().map(changed).collect()
}

/// The generators of a row of draws.
fn draws() -> impl Iterator<Item = ChaCha8Rng> {
    (0..COLUMNS as u64).map(ChaCha8Rng::seed_from_u64)
}

fn paint(picture: &[u8], rgb: &mut [u8], [left, top]: [usize; 2], width: usize) {
    for (row, pixels) in picture.chunks_exact(PICTURE_SIDE * 3).enumerate() {
        let painted = &mut rgb[((top + row) * width + left) * 3..][..PICTURE_SIDE * 3];
        painted.iter_mut().zip(pixels).for_each(|(painted, byte)| *painted = level(*byte));
    }
}

/// The nearest multiple of [`LEVEL`], or white.
fn level(byte: u8) -> u8 {
    if byte >= u8::MAX - LEVEL / 2 { u8::MAX } else { (byte + LEVEL / 2) / LEVEL * LEVEL }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::transformation::TRANSFORMATIONS;

    #[test]
    fn each_has_a_row_of_up_to_eight_pictures() {
        let picture: Vec<u8> = (0..PICTURE_SIDE * PICTURE_SIDE * 3).map(|at| (at % 251) as u8).collect();
        let sheet = TransformationSheet::of(&picture, Registry::default().transformations());
        let shown: Vec<usize> = sheet.rows.iter().map(Vec::len).collect();
        let drawn = TRANSFORMATIONS.iter().filter(|entry| entry.on_pixels().is_some());
        let expected = drawn.map(|entry| entry.kind().classes().map_or(8, |count| count.min(8)));
        assert_eq!(shown, expected.chain([8; 3]).collect::<Vec<_>>());
        assert_eq!(sheet.rows[0][0], picture, "no quarter turn");
        let png = image::load_from_memory(&sheet.png().unwrap()).unwrap().to_rgb8();
        assert_eq!([png.width() as usize, png.height() as usize], sheet.size());
        assert_eq!(png.get_pixel(1, 71).0, [255; 3]);
        assert_eq!(png.get_pixel(1, 72).0, [128; 3], "the corner of a circle");
        let pixel: Vec<u8> = picture[(2 * PICTURE_SIDE + 3) * 3..][..3].iter().map(|byte| level(*byte)).collect();
        assert_eq!(png.get_pixel(3, 2).0[..], pixel);
    }

    #[test]
    fn levels_are_near() {
        assert_eq!([0, 3, 4, 128, 131, 132, 250, 251, 255].map(level), [0, 0, 8, 128, 128, 136, 248, 255, 255]);
        assert!((0..=255u8).all(|byte| level(byte).abs_diff(byte) <= LEVEL / 2));
    }
}
