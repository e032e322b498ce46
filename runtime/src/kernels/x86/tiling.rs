use super::frame::Frame;
use crate::kernels::window::WindowAxis;

/// Channels of a register's width.
pub(crate) const EIGHT: usize = 8;

/// How a convolution is cut into tiles: where its windows start in the frame, and where the segments of a window are.
#[derive(Clone, Debug)]
pub(crate) struct Tiling {
    /// The first number of each window, in the order of the outputs.
    pub windows: Vec<usize>,
    /// Of each segment, counted from the window's first number.
    pub segments: Vec<usize>,
    /// Numbers of a segment.
    pub length: usize,
    pub groups: usize,
    /// Input channels of a group.
    pub group_cin: usize,
    /// Output channels of a group.
    pub group_cout: usize,
    /// Numbers that the frame must have: the end of what the last window reads.
    pub reach: usize,
}

impl Tiling {
    /// `[input channels, output channels]`.
    pub fn new(frame: &Frame, kernel: [usize; 2], windows: [usize; 2], channels: [usize; 2], groups: usize) -> Self {
        let [kernel_height, kernel_width] = kernel;
        let [rows, columns] = windows;
        let [group_cin, group_cout] = channels.map(|channels| channels / groups.max(1));
        // One group: all columns of a window's row stand next to each other.
        let (steps, length) = if groups <= 1 { (1, kernel_width * group_cin) } else { (kernel_width, group_cin) };
        let segment = |[y, x]: [usize; 2]| y * frame.row() + x * channels[0];
        let windows = places([rows, columns], |place| frame.window(place));
        let segments = places([kernel_height, steps], segment);
        let groups = groups.max(1);
        let last = |places: &[usize]| places.iter().copied().max().unwrap_or(0);
        let reach = last(&windows) + last(&segments) + length + (groups - 1) * group_cin;
        Self { windows, segments, length, groups, group_cin, group_cout, reach }
    }

    /// The panels of all groups, in the order in which they are packed.
    pub fn panels(&self) -> impl Iterator<Item = Panel> + use<> {
        let (group_cin, group_cout) = (self.group_cin, self.group_cout);
        (0..self.groups).flat_map(move |group| {
            (0..group_cout).step_by(2 * EIGHT).map(move |first| {
                let channels = (2 * EIGHT).min(group_cout - first);
                let registers = channels.div_ceil(EIGHT);
                Panel { first_input: group * group_cin, first: group * group_cout + first, channels, registers }
            })
        })
    }

    /// Registers of all panels.
    pub fn registers(&self) -> usize {
        self.groups * self.group_cout.div_ceil(EIGHT)
    }

    /// The taps of a filter, `N` at a time; what is left of a segment stands alone.
    pub fn taps<const N: usize>(&self) -> impl Iterator<Item = [Option<usize>; N]> + use<N> {
        let length = self.length;
        let tap = move |segment: usize, k: usize| (k < length).then_some(segment * length + k);
        (0..self.segments.len()).flat_map(move |segment| {
            (0..length).step_by(N).map(move |k| core::array::from_fn(|index| tap(segment, k + index)))
        })
    }
}

/// Where each of `rows` by `columns` is, rows first. Exactly as much is allocated.
pub(crate) fn places([rows, columns]: [usize; 2], place: impl Fn([usize; 2]) -> usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(rows * columns);
    (0..rows).for_each(|y| places.extend((0..columns).map(|x| place([y, x]))));
    places
}

/// Neighbouring output channels that are computed together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    /// Their group's first input channel.
    pub first_input: usize,
    pub first: usize,
    /// At most eight for each register.
    pub channels: usize,
    pub registers: usize,
}

/// Cuts `count` windows into tiles of `most` at most, as equal as can be: starts and sizes.
pub(crate) fn tiles(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let tiles = count.div_ceil(most).max(1);
    (0..tiles).map(move |tile| {
        let [start, end] = [tile, tile + 1].map(|tile| tile * count / tiles);
        (start, end - start)
    })
}

/// The window's extents.
pub(crate) fn kernel(vertical: WindowAxis, horizontal: WindowAxis) -> [usize; 2] {
    [vertical.kernel, horizontal.kernel]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_all_windows_once() {
        for count in 1..40 {
            let mut next = 0;
            for (start, size) in tiles(count, 6) {
                assert_eq!(start, next);
                assert!((1..=6).contains(&size), "{size} of {count}");
                next += size;
            }
            assert_eq!(next, count);
        }
        assert_eq!(tiles(16, 6).map(|(_, size)| size).collect::<Vec<_>>(), [5, 5, 6]);
    }
}
