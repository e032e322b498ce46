//! The part of a batch of maps that one block of output pixels reads: in place, or as a zero-padded copy.

use super::aligned::AlignedBuffer;

/// Channels-last maps of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Maps {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl Maps {
    pub(crate) fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// How output pixels look at a source: `taps` window positions, `step` between outputs, `depth` channels from
/// `first_channel` on. Output 0 starts at `origin`, negative where there is padding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub source: Maps,
    pub first_channel: usize,
    pub depth: usize,
    pub taps: [usize; 2],
    pub step: [usize; 2],
    pub origin: [isize; 2],
    /// Rows and columns of output pixels.
    pub grid: [usize; 2],
}

/// Some rows of output pixels of some images.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub first_image: usize,
    pub images: usize,
    pub first_row: usize,
    pub rows: usize,
}

impl Block {
    pub(crate) fn pixels(&self, window: &Window) -> usize {
        self.images * self.rows * window.grid[1]
    }

    /// Cuts a batch into blocks of about `pixels` output pixels: whole images, or bands of rows of one image.
    pub(crate) fn cut(images: usize, window: &Window, pixels: usize) -> Vec<Block> {
        let [rows, columns] = window.grid;
        if rows * columns == 0 || images == 0 {
            return Vec::new();
        }
        if rows * columns >= pixels {
            let band = even_share(rows, (pixels / columns).max(1));
            let bands = |image| (0..rows).step_by(band).map(move |row| (image, row));
            let block = |(first_image, first_row)| Block {
                first_image,
                images: 1,
                first_row,
                rows: band.min(rows - first_row),
            };
            return (0..images).flat_map(bands).map(block).collect();
        }
        let share = even_share(images, (pixels / (rows * columns)).max(1));
        let block = |first_image| Block { first_image, images: share.min(images - first_image), first_row: 0, rows };
        (0..images).step_by(share).map(block).collect()
    }
}

/// The share that splits `total` evenly into parts of at most about `target`.
fn even_share(total: usize, target: usize) -> usize {
    total.div_ceil(total.div_ceil(target))
}

/// Where the pixels of a block lie in a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceView {
    /// Offset of the first pixel's window.
    pub start: usize,
    /// From image to image, output row to output row, output pixel to output pixel.
    pub strides: [usize; 3],
    /// Between consecutive window rows.
    pub tap_row_stride: usize,
}

impl Window {
    /// The rows of a matrix `[rows, columns]`, as maps of one pixel.
    pub(crate) fn matrix_rows(columns: usize) -> Self {
        Window {
            source: Maps { height: 1, width: 1, channels: columns },
            first_channel: 0,
            depth: columns,
            taps: [1, 1],
            step: [1, 1],
            origin: [0, 0],
            grid: [1, 1],
        }
    }

    /// Consecutive numbers in one window row.
    pub(crate) fn run_len(&self) -> usize {
        self.taps[1] * self.depth
    }

    /// Whether windows can be read where they lie.
    pub(crate) fn reads_in_place(&self) -> bool {
        let inside = |axis: usize, size: usize| {
            self.origin[axis] >= 0
                && self.origin[axis] as usize + (self.grid[axis] - 1) * self.step[axis] + self.taps[axis] <= size
        };
        let dense = self.taps[1] == 1 || self.depth == self.source.channels;
        dense && inside(0, self.source.height) && inside(1, self.source.width)
    }

    /// The block's pixels in the whole source. Only for windows that [`Self::reads_in_place`].
    pub(crate) fn view_in_place(&self, block: &Block) -> SourceView {
        let Maps { width, channels, .. } = self.source;
        let row = self.origin[0] as usize + block.first_row * self.step[0];
        let start = (row * width + self.origin[1] as usize) * channels + self.first_channel;
        SourceView {
            start: block.first_image * self.source.image_len() + start,
            strides: [self.source.image_len(), self.step[0] * width * channels, self.step[1] * channels],
            tap_row_stride: width * channels,
        }
    }

    fn copy_size(&self, block: &Block) -> [usize; 2] {
        let extent = |axis: usize, outputs: usize| (outputs - 1) * self.step[axis] + self.taps[axis];
        [extent(0, block.rows), extent(1, self.grid[1])]
    }

    /// Copies what the block reads into `buffer`, with zeros outside the source and `slack` readable numbers at
    /// the end.
    pub(crate) fn copy_block(
        &self,
        block: &Block,
        source: &[f32],
        slack: usize,
        buffer: &mut AlignedBuffer,
    ) -> SourceView {
        let [rows, columns] = self.copy_size(block);
        let row_len = columns * self.depth;
        let copy = buffer.reserve(block.images * rows * row_len + slack);
        let first_row = self.origin[0] + (block.first_row * self.step[0]) as isize;
        for (i, target) in copy.chunks_exact_mut(row_len).enumerate().take(block.images * rows) {
            let image = &source[(block.first_image + i / rows) * self.source.image_len()..][..self.source.image_len()];
            self.copy_row(image, first_row + (i % rows) as isize, target);
        }
        SourceView {
            start: 0,
            strides: [rows * row_len, self.step[0] * row_len, self.step[1] * self.depth],
            tap_row_stride: row_len,
        }
    }

    /// One source row, or zeros when it lies outside.
    fn copy_row(&self, image: &[f32], row: isize, target: &mut [f32]) {
        let Maps { height, width, channels } = self.source;
        if row < 0 || row >= height as isize {
            target.fill(0.0);
            return;
        }
        let columns = (target.len() / self.depth) as isize;
        let left = (-self.origin[1]).clamp(0, columns) as usize;
        let right = (width as isize - self.origin[1]).clamp(left as isize, columns) as usize;
        target[..left * self.depth].fill(0.0);
        target[right * self.depth..].fill(0.0);
        let first = (row as usize * width) as isize + self.origin[1] + left as isize;
        let inside = &mut target[left * self.depth..right * self.depth];
        if inside.is_empty() {
            return;
        }
        let source = &image[first as usize * channels..];
        if self.depth == channels {
            inside.copy_from_slice(&source[..inside.len()]);
            return;
        }
        for (pixel, source) in inside.chunks_exact_mut(self.depth).zip(source.chunks(channels)) {
            pixel.copy_from_slice(&source[self.first_channel..][..self.depth]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_row_once() {
        for (images, rows, columns, pixels) in
            [(5, 4, 4, 40), (3, 9, 7, 20), (2, 1, 1, 448), (1, 64, 64, 448), (0, 3, 3, 9)]
        {
            let source = Maps { height: rows, width: columns, channels: 1 };
            let (taps, step, origin, grid) = ([1, 1], [1, 1], [0, 0], [rows, columns]);
            let window = Window { source, first_channel: 0, depth: 1, taps, step, origin, grid };
            let mut seen = vec![0; images * rows];
            for block in Block::cut(images, &window, pixels) {
                for image in block.first_image..block.first_image + block.images {
                    for row in block.first_row..block.first_row + block.rows {
                        seen[image * rows + row] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{images} {rows} {columns} {pixels}");
        }
    }
}
