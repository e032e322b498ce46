use crate::kernels::window::WindowAxis;

/// Most numbers of a frame for each number of the map and of the result.
const MOST_TIMES: usize = 4;
/// Numbers that a frame may always have: padding is many times a map of one pixel.
const ALWAYS: usize = 1 << 16;

/// A map with padding around it, exactly as far as the windows of a convolution reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    vertical: Side,
    horizontal: Side,
    channels: usize,
}

/// One axis of a frame.
#[derive(Clone, Copy, Debug)]
struct Side {
    /// Positions of the map.
    size: usize,
    /// Positions of padding before them.
    before: usize,
    /// Positions of the frame.
    extent: usize,
    /// From one position that is copied to the next: windows of one position skip what lies between them.
    step: usize,
    /// From one window to the next in the frame.
    stride: usize,
}

impl Side {
    fn new(axis: WindowAxis, windows: usize) -> Self {
        let WindowAxis { size, kernel, stride, padding_before: before } = axis;
        let last = windows.saturating_sub(1);
        if kernel == 1 && before == 0 {
            return Self { size, before, extent: windows, step: stride, stride: 1 };
        }
        Self { size, before, extent: last * stride + kernel, step: 1, stride }
    }

    /// How many positions of the frame are the map's.
    fn covered(&self) -> usize {
        self.size.div_ceil(self.step).min(self.extent.saturating_sub(self.before))
    }

    fn is_bare(&self) -> bool {
        self.before == 0 && self.step == 1 && self.extent <= self.size
    }
}

/// The most numbers of a frame for a map and a result of so many numbers.
pub(super) fn most_numbers(map: usize, made: usize) -> Option<usize> {
    map.checked_add(made)?.checked_mul(MOST_TIMES)?.checked_add(ALWAYS)
}

impl Frame {
    /// The frame for `windows` windows down and across, which make `output` channels each.
    ///
    /// `None` where it is many times the map and the result: a small file can claim more padding than there is memory, and
    /// such convolutions are left to the kernels that need no frame.
    pub fn new(
        vertical: WindowAxis,
        horizontal: WindowAxis,
        [channels, output]: [usize; 2],
        windows: [usize; 2],
    ) -> Option<Self> {
        let [rows, columns] = windows;
        let frame = Self { vertical: Side::new(vertical, rows), horizontal: Side::new(horizontal, columns), channels };
        let numbers = |extents: [usize; 3]| extents.into_iter().try_fold(1usize, usize::checked_mul);
        let map = numbers([vertical.size, horizontal.size, channels])?;
        let made = numbers([rows, columns, output])?;
        let length = numbers([frame.vertical.extent, frame.horizontal.extent, channels])?;
        (length <= most_numbers(map, made)?).then_some(frame)
    }

    /// Whether the map is its own frame.
    fn is_map(&self) -> bool {
        self.vertical.is_bare() && self.horizontal.is_bare() && self.horizontal.extent == self.horizontal.size
    }

    /// Numbers of scratch memory that [`Self::of`] needs.
    pub fn scratch(&self) -> usize {
        if self.is_map() { 0 } else { self.len() }
    }

    /// The frame of a map, with zeros around it: the map itself where that is its frame, else a copy in the scratch memory.
    pub fn of<'f>(&self, map: &'f [f32], scratch: &'f mut [f32]) -> Option<&'f [f32]> {
        if self.is_map() {
            return Some(map);
        }
        let frame = scratch.get_mut(..self.len())?;
        self.fill(map, frame, 0.0, |value| value);
        Some(frame)
    }

    /// Numbers in the frame.
    pub fn len(&self) -> usize {
        self.vertical.extent * self.row()
    }

    /// Numbers in a row of the frame.
    pub fn row(&self) -> usize {
        self.horizontal.extent * self.channels
    }

    /// Row and column of the frame where a window starts.
    pub fn position(&self, [y, x]: [usize; 2]) -> [usize; 2] {
        [y * self.vertical.stride, x * self.horizontal.stride]
    }

    /// The number of the frame where a window starts.
    pub fn window(&self, window: [usize; 2]) -> usize {
        let [y, x] = self.position(window);
        y * self.row() + x * self.channels
    }

    /// Copies the map `[h, w, c]` into the frame, with `padding` where there is no map.
    #[inline(always)]
    pub fn fill<T: Copy, U: Copy>(&self, map: &[T], frame: &mut [U], padding: U, convert: impl Fn(T) -> U) {
        let (row, covered_rows) = (self.row().max(1), self.vertical.covered());
        let (before, covered) = (self.horizontal.before * self.channels, self.horizontal.covered() * self.channels);
        let map_row = self.horizontal.size * self.channels;
        for (y, to) in frame.chunks_exact_mut(row).take(self.vertical.extent).enumerate() {
            let line = y.wrapping_sub(self.vertical.before);
            if line >= covered_rows {
                to.fill(padding);
                continue;
            }
            let (left, rest) = to.split_at_mut(before.min(row));
            let (middle, right) = rest.split_at_mut(covered.min(rest.len()));
            left.fill(padding);
            right.fill(padding);
            let from = map.get(line * self.vertical.step * map_row..).unwrap_or(&[]);
            if self.horizontal.step == 1 {
                middle.iter_mut().zip(from).for_each(|(to, from)| *to = convert(*from));
            } else {
                let channels = self.channels.max(1);
                let pixels = from.chunks(channels).step_by(self.horizontal.step);
                for (to, from) in middle.chunks_exact_mut(channels).zip(pixels) {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = convert(*from));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;

    #[test]
    fn frames_hold_what_windows_cover() {
        let axis = |size, kernel, stride, padding_before| WindowAxis { size, kernel, stride, padding_before };
        let map: Vec<u8> = (1..=12).collect();
        let framed = |vertical, horizontal, windows| {
            let frame = Frame::new(vertical, horizontal, [1, 1], windows).unwrap();
            let mut numbers = vec![99u16; frame.len()];
            frame.fill(&map, &mut numbers, 0, u16::from);
            numbers
        };
        // Padding on all sides of three rows of four.
        let expected = [[0; 6], [0, 1, 2, 3, 4, 0], [0, 5, 6, 7, 8, 0], [0, 9, 10, 11, 12, 0], [0; 6]].concat();
        assert_eq!(framed(axis(3, 3, 1, 1), axis(4, 3, 1, 1), [3, 4]), expected);
        // The last row and column are under no window.
        assert_eq!(framed(axis(3, 2, 2, 0), axis(4, 3, 2, 0), [1, 1]), [1, 2, 3, 5, 6, 7]);
        // Windows of one pixel: what lies between them is left out.
        assert_eq!(framed(axis(3, 1, 2, 0), axis(4, 1, 3, 0), [2, 2]), [1, 4, 9, 12]);
        // A window above the map and one below it.
        assert_eq!(framed(axis(1, 1, 2, 1), axis(4, 1, 1, 0), [2, 4]), [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0]);
    }

    #[test]
    fn frames_are_a_few_times_what_they_are_for() {
        let axis = |size, kernel, stride, padding_before| WindowAxis { size, kernel, stride, padding_before };
        let length = |axis, channels, windows| Some(Frame::new(axis, axis, channels, [windows; 2])?.len());
        // Usual layers: 3x3 on a map of one pixel and of many, 7x7 by steps of two, 1x1 by steps of two.
        assert_eq!(length(axis(1, 3, 1, 1), [512, 512], 1), Some(9 * 512));
        assert_eq!(length(axis(112, 3, 1, 1), [64, 64], 112), Some(114 * 114 * 64));
        assert_eq!(length(axis(224, 7, 2, 3), [3, 64], 112), Some(229 * 229 * 3));
        assert_eq!(length(axis(56, 1, 2, 0), [64, 128], 28), Some(28 * 28 * 64));
        // Windows far apart, in padding that no memory holds.
        assert_eq!(length(axis(1, 1, 65_535, 65_535), [1, 1], 3), None);
        // Padded windows of one pixel, each step four pixels, with many channels: sixteen pixels for each window.
        assert_eq!(length(axis(1, 1, 4, 400), [64, 1], 200), None);
        // A few large windows in nothing but padding.
        assert_eq!(length(axis(1, 1000, 1, 999), [64, 1], 1000), None);
    }
}
