use std::ops::Range;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::transformation::{Augmentation, OnPixels, Transformation, Transformations, Value};

/// Side of each picture, pixels.
pub(super) const PICTURE_SIDE: usize = 64;
/// Pictures beside each other.
const COLUMNS: usize = 8;
/// White pixels between pictures of one transformation, and between transformations.
const GAP: usize = 2;
const WIDE_GAP: usize = 8;

/// One picture under each class of each transformation, and under some draws of each augmentation; eight to a row, and
/// each in rows of its own.
pub(super) struct TransformationSheet {
    /// Pictures of each transformation and augmentation.
    groups: Vec<Vec<Vec<u8>>>,
}

impl TransformationSheet {
    /// Of a picture `[PICTURE_SIDE, PICTURE_SIDE, 3]`: those of `known` that are done to finished pictures, in their order,
    /// then the augmentations that do something.
    pub fn of(picture: &[u8], known: &Transformations) -> Self {
        let on_pixels = known.iter().filter_map(|entry| Some((*entry, entry.on_pixels()?)));
        let of_transformations = on_pixels.map(|(entry, on_pixels)| transformed(picture, entry, on_pixels));
        let changing = Augmentation::ALL.into_iter().filter(|augmentation| *augmentation != Augmentation::None);
        let groups = of_transformations.chain(changing.map(|augmentation| augmented(picture, augmentation)));
        Self { groups: groups.collect() }
    }

    /// As a PNG file.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn png(&self) -> anyhow::Result<Vec<u8>> {
        let [width, height] = self.size();
        let mut rgb = vec![255; width * height * 3];
        for (group, rows) in self.groups.iter().zip(self.rows()) {
            for (at, picture) in group.iter().enumerate() {
                let [left, top] = [at % COLUMNS, at / COLUMNS].map(|place| place * (PICTURE_SIDE + GAP));
                paint(picture, &mut rgb, [left, rows.start + top], width);
            }
        }
        let mut png = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive);
        encoder.write_image(&rgb, width as u32, height as u32, ExtendedColorType::Rgb8)?;
        Ok(png)
    }

    /// Width and height, pixels.
    fn size(&self) -> [usize; 2] {
        [COLUMNS * (PICTURE_SIDE + GAP) - GAP, self.rows().last().map_or(0, |rows| rows.end)]
    }

    /// The rows of pixels of each group.
    fn rows(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let rows_of = |group: &Vec<Vec<u8>>| {
            let rows = start..start + group.len().div_ceil(COLUMNS) * (PICTURE_SIDE + GAP) - GAP;
            start = rows.end + WIDE_GAP;
            rows
        };
        self.groups.iter().map(rows_of).collect()
    }
}

/// The picture in every class, or in some draws where there are no finite classes.
fn transformed(picture: &[u8], entry: &dyn Transformation, on_pixels: &dyn OnPixels) -> Vec<Vec<u8>> {
    let values: Vec<Value> = match entry.kind().classes() {
        Some(count) => (0..count as u32).map(Value::Class).collect(),
        None => draws().map(|mut rng| on_pixels.draw(&mut rng)).collect(),
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
        rgb[((top + row) * width + left) * 3..][..PICTURE_SIDE * 3].copy_from_slice(pixels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::transformation::TRANSFORMATIONS;

    #[test]
    fn every_class_has_its_picture() {
        let picture: Vec<u8> = (0..PICTURE_SIDE * PICTURE_SIDE * 3).map(|at| (at % 251) as u8).collect();
        let sheet = TransformationSheet::of(&picture, Registry::default().transformations());
        let shown: Vec<usize> = sheet.groups.iter().map(Vec::len).collect();
        let classes = TRANSFORMATIONS.iter().filter_map(|entry| entry.kind().classes());
        assert_eq!(shown, classes.chain([COLUMNS; 3]).collect::<Vec<_>>());
        assert_eq!(sheet.groups[0][0], picture, "no quarter turn");
        // 32 pictures of the fourth group are in four rows.
        let rows = sheet.rows();
        assert_eq!((rows[0].clone(), rows[3].len()), (0..64, 4 * 64 + 3 * 2));
        let png = image::load_from_memory(&sheet.png().unwrap()).unwrap().to_rgb8();
        assert_eq!([png.width() as usize, png.height() as usize], sheet.size());
        let below = rows[1].start as u32;
        assert_eq!(png.get_pixel(1, below - 1).0, [255; 3]);
        assert_eq!(png.get_pixel(1, below).0, [128; 3], "the corner of a circle");
        assert_eq!(png.get_pixel(3, 2).0[..], picture[(2 * PICTURE_SIDE + 3) * 3..][..3]);
    }
}
