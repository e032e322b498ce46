/// Images of the contact sheet: columns and rows.
const COLUMNS: usize = 12;
const ROWS: usize = 8;

/// The first view of objects spread evenly over the data set.
pub(super) struct ContactSheet {
    /// What has been painted so far.
    pub image: image::RgbImage,
    image_size: usize,
    stride: usize,
}

impl ContactSheet {
    pub fn new(objects: usize, image_size: usize) -> Self {
        let stride = objects.div_ceil(COLUMNS * ROWS).max(1);
        let shown = objects.div_ceil(stride);
        let (columns, rows) = (shown.min(COLUMNS), shown.div_ceil(COLUMNS));
        let image = image::RgbImage::new((columns * image_size) as u32, (rows * image_size) as u32);
        Self { image, image_size, stride }
    }

    /// Takes the first of an object's images, if the object is one of those shown.
    pub fn offer(&mut self, object: usize, images: &[u8]) {
        if !object.is_multiple_of(self.stride) {
            return;
        }
        let (size, place) = (self.image_size, object / self.stride);
        let (left, top) = (place % COLUMNS * size, place / COLUMNS * size);
        for (at, rgb) in images[..size * size * 3].as_chunks::<3>().0.iter().enumerate() {
            self.image.put_pixel((left + at % size) as u32, (top + at / size) as u32, image::Rgb(*rgb));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contact_sheet_shows_objects_from_all_over_the_set() {
        for (objects, want) in [(1, (1, 1)), (12, (12, 1)), (13, (12, 2)), (96, (12, 8)), (97, (12, 5)), (650, (12, 8))]
        {
            let mut sheet = ContactSheet::new(objects, 2);
            for object in 0..objects {
                sheet.offer(object, &[200; 2 * 2 * 3]);
            }
            assert_eq!(sheet.image.dimensions(), (want.0 * 2, want.1 * 2), "{objects} objects");
            let painted = sheet.image.pixels().filter(|pixel| pixel.0 == [200; 3]).count();
            assert_eq!(painted, objects.div_ceil(sheet.stride) * 4, "{objects} objects");
        }
    }
}
