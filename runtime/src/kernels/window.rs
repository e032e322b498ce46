use core::ops::Range;

/// One axis of a sliding window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowAxis {
    /// Positions of the input.
    pub size: usize,
    /// Positions of the window.
    pub kernel: usize,
    pub stride: usize,
    /// Positions before the input that the first window covers.
    pub padding_before: usize,
}

impl WindowAxis {
    /// Which positions of the window lie on the input, and where on the input the first of them is.
    pub fn covered(&self, output_position: usize) -> (Range<usize>, usize) {
        let start = output_position.saturating_mul(self.stride);
        let first = self.padding_before.saturating_sub(start);
        let end = self.size.saturating_add(self.padding_before).saturating_sub(start).min(self.kernel);
        let input = (start + first).saturating_sub(self.padding_before);
        (first.min(end)..end, input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_clipped_to_the_input() {
        struct Case {
            axis: [usize; 4],
            position: usize,
            expected: (Range<usize>, usize),
        }
        let cases = [
            Case { axis: [5, 3, 1, 1], position: 0, expected: (1..3, 0) },
            Case { axis: [5, 3, 1, 1], position: 2, expected: (0..3, 1) },
            Case { axis: [5, 3, 1, 1], position: 4, expected: (0..2, 3) },
            Case { axis: [1, 7, 2, 3], position: 0, expected: (3..4, 0) },
            Case { axis: [2, 1, 1, 3], position: 0, expected: (1..1, 0) },
        ];
        for case in cases {
            let [size, kernel, stride, padding_before] = case.axis;
            let axis = WindowAxis { size, kernel, stride, padding_before };
            let (taps, input) = axis.covered(case.position);
            assert_eq!(taps, case.expected.0, "{axis:?}");
            if !taps.is_empty() {
                assert_eq!(input, case.expected.1, "{axis:?}");
            }
        }
    }
}
