use super::{BLOCK, Kernel, Operands, OutputScale, Window};
use crate::kernels::window::WindowAxis;

/// A two-dimensional int8 convolution, not depthwise. A linear operator is one of a 1x1 map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Convolution<'w> {
    pub vertical: WindowAxis,
    pub horizontal: WindowAxis,
    pub input_channels: usize,
    /// Height, width, channels.
    pub output: [usize; 3],
    pub groups: usize,
    /// `[cout][row_bytes]`.
    pub filters: &'w [i8],
    pub row_bytes: usize,
    /// Taps of padding read as this: the input's zero point.
    pub padding_value: i8,
    pub scale: OutputScale<'w>,
}

/// Cross-correlation; taps of padding hold the input's zero point.
///
/// The input starts at `arena[from]`, the output at `arena[to]`; they may overlap as `operators::overlap` allows.
/// `scratch` takes four windows of `row_bytes` numbers.
#[inline(always)]
pub(crate) fn convolve_with<K: Kernel>(
    options: &Convolution<'_>,
    arena: &mut [i8],
    from: usize,
    to: usize,
    scratch: &mut [i16],
) {
    let [height, width, channels] = options.output;
    let groups = options.groups.max(1);
    let (group_cin, group_cout) = (options.input_channels / groups, channels / groups);
    let taps = options.vertical.kernel * options.horizontal.kernel * group_cin;
    let row = options.row_bytes;
    if row == 0 || group_cout == 0 {
        return;
    }
    for y in 0..height {
        for x in (0..width).step_by(BLOCK) {
            let count = BLOCK.min(width - x);
            let Some(windows) = scratch.get_mut(..BLOCK * row) else { return };
            for group in 0..groups {
                let Some(input) = arena.get(from + group * group_cin..) else { return };
                for index in 0..count {
                    gather::<K>(options, input, [y, x + index], group_cin, Window { memory: windows, row, index });
                }
                let first = group * group_cout;
                let Some(filters) = options.filters.get(first * row..(first + group_cout) * row) else { return };
                let Some(output) = arena.get_mut(to + (y * width + x) * channels + first..) else { return };
                K::outputs(Operands { filters, windows, count, row, taps }, &options.scale, first, output, channels);
            }
        }
    }
}

/// Widens what lies under the window of one output, channels of one group; `input` starts at the group's first channel.
#[inline(always)]
pub(super) fn gather<K: Kernel>(
    options: &Convolution<'_>,
    input: &[i8],
    [y, x]: [usize; 2],
    group_cin: usize,
    window: Window<'_>,
) {
    let Window { memory, row, index } = window;
    let (taps_y, input_y) = options.vertical.covered(y);
    let (taps_x, input_x) = options.horizontal.covered(x);
    let kernel_width = options.horizontal.kernel;
    if taps_y.len() < options.vertical.kernel || taps_x.len() < kernel_width {
        K::fill(Window { memory, row, index }, options.padding_value);
    }
    // One group: all columns of a window's row stand next to each other.
    let whole = options.groups <= 1;
    let (steps, length) = if whole { (1, taps_x.len() * group_cin) } else { (taps_x.len(), group_cin) };
    for (line, tap_y) in taps_y.enumerate() {
        for step in 0..steps {
            let pixel = (input_y + line) * options.horizontal.size + input_x + step;
            let start = pixel * options.input_channels;
            let tap = tap_y * kernel_width + taps_x.start + step;
            if let Some(values) = input.get(start..start + length) {
                K::place(Window { memory, row, index }, tap * group_cin, values);
            }
        }
    }
}
