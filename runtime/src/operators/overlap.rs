//! Which operators may write over what they read, so that an arena need not hold both.

#[cfg(feature = "alloc")]
use super::Operands;
use crate::tensor::{DataType, Shape};

/// How the result of an operator may share memory with an input that nobody reads after it, or, for
/// [`Overlap::Within`], whoever does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// At the same place: element `i` is read before element `i` of the result is written.
    Same,
    /// The result starts at least that many bytes before the input. Maps are worked on row by row: all that a row of the
    /// result needs is then still there when that row is written (diagonal memory optimisation: Wilson et al., "DMO",
    /// 2020).
    Before(usize),
    /// The result is a part of the input and starts exactly that many bytes after it. Nothing is written, so that others
    /// may still read the input.
    Within(usize),
    /// The input is a part of the result and starts exactly that many bytes after it. Nothing of it is written.
    Holds(usize),
}

impl Overlap {
    /// Whether the input may have readers after the one that makes the result.
    pub fn keeps_input(self) -> bool {
        matches!(self, Self::Within(_))
    }

    /// Whether a result that starts at one byte may share memory with an input that starts at another.
    pub fn allows(self, result: usize, input: usize) -> bool {
        match self {
            Self::Same => result == input,
            Self::Before(bytes) => result.checked_add(bytes).is_some_and(|end| end <= input),
            Self::Within(bytes) => input.checked_add(bytes) == Some(result),
            Self::Holds(bytes) => result.checked_add(bytes) == Some(input),
        }
    }
}

impl Overlap {
    /// Element by element.
    pub fn in_place(input: (Shape, DataType), output: (Shape, DataType)) -> Option<Self> {
        (input.0.elements() == output.0.elements()).then_some(Self::Same)
    }

    /// Of a window that moves down an int8 map by `step` rows.
    pub fn of_window(input: (Shape, DataType), output: (Shape, DataType), step: u16, padding_top: u16) -> Option<Self> {
        if input.1 != DataType::I8 {
            return None;
        }
        let rows = *output.0.extents().first()?;
        let bytes = [row_bytes(input)?, row_bytes(output)?];
        distance(rows, step.into(), padding_top.into(), bytes).map(Self::Before)
    }
}

/// Bytes of the inputs that are listed before that one.
#[cfg(feature = "alloc")]
pub(crate) fn bytes_before(operands: &impl Operands, index: usize) -> Option<usize> {
    (0..index).try_fold(0usize, |bytes, earlier| bytes.checked_add(operands.input(earlier)?.bytes()?))
}

/// Bytes from one row of a map to the next.
pub(crate) fn row_bytes((shape, data_type): (Shape, DataType)) -> Option<usize> {
    let &[_, width, channels] = shape.extents() else { return None };
    width.checked_mul(channels)?.checked_mul(data_type.bytes())
}

/// The most by which the end of a row of the result is ahead of the first byte that this row reads.
///
/// It grows up to the last row whose window begins in the padding, and is a straight line after it: three rows tell. A
/// file may claim four thousand million of them.
fn distance(rows: usize, stride: usize, padding_top: usize, [read, written]: [usize; 2]) -> Option<usize> {
    let last = rows.checked_sub(1)?;
    let in_padding = padding_top.checked_div(stride)?.min(last);
    let mut most = 0;
    for row in [in_padding, in_padding.saturating_add(1).min(last), last] {
        let end = row.checked_add(1)?.checked_mul(written)?;
        let first_read = row.checked_mul(stride)?.saturating_sub(padding_top).checked_mul(read)?;
        most = most.max(end.saturating_sub(first_read));
    }
    Some(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_written_only_over_rows_that_are_done_with() {
        // 3x3, stride 1: row y is written where row y - 2 was.
        assert_eq!(distance(32, 1, 1, [512, 512]), Some(1024));
        // 1x1: row y over row y - 1, so that all channels of a row can be read first.
        assert_eq!(distance(32, 1, 0, [512, 512]), Some(512));
        // Halving a map and doubling its channels halves the bytes.
        assert_eq!(distance(16, 2, 1, [512, 512]), Some(512));
        // Twice the channels: all of the growth.
        assert_eq!(distance(4, 1, 0, [10, 20]), Some(50));
        // A window that begins below the map's end reads nothing.
        assert_eq!(distance(3, 1, 9, [10, 10]), Some(30));
    }

    #[test]
    fn three_rows_tell_what_all_tell() {
        let all = |rows: usize, stride: usize, padding: usize, [read, written]: [usize; 2]| {
            (0..rows).map(|y| ((y + 1) * written).saturating_sub((y * stride).saturating_sub(padding) * read)).max()
        };
        for index in 0..6 * 4 * 6 * 25 {
            let (rows, stride, padding) = (index % 6 + 1, index / 6 % 4 + 1, index / 24 % 6);
            let bytes = [index / 144 % 5 * 3 + 1, index / 720 * 3 + 1];
            assert_eq!(distance(rows, stride, padding, bytes), all(rows, stride, padding, bytes), "{index}");
        }
        assert_eq!(distance(usize::MAX, 1, 1, [1, 2]), None);
    }
}
