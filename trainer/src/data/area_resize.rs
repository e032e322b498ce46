use super::DataError;

/// An image of `to`² pixels in which each pixel is the mean of the area it covers; enlarging repeats pixels.
///
/// # Shapes
/// `rgb` is `[height, width, 3]`, the result `[to, to, 3]`.
///
/// # Errors
/// When a side is zero or the bytes do not fit the sides.
pub fn resize_rgb(rgb: &[u8], [height, width]: [usize; 2], to: usize) -> Result<Vec<u8>, DataError> {
    if height == 0 || width == 0 || to == 0 || rgb.len() != height * width * 3 {
        return Err(DataError::Unusable(format!(
            "cannot resize an image of {width}x{height} pixels and {} bytes to {to}x{to}",
            rgb.len()
        )));
    }
    if height == to && width == to {
        return Ok(rgb.to_vec());
    }
    let (rows, columns) = (coverage(height, to), coverage(width, to));
    // Columns first: `narrow` is [height, to, 3].
    let mut narrow = vec![0.0f32; height * to * 3];
    for row in 0..height {
        for (column, spans) in columns.iter().enumerate() {
            for channel in 0..3 {
                narrow[(row * to + column) * 3 + channel] =
                    spans.iter().map(|&(from, part)| part * f32::from(rgb[(row * width + from) * 3 + channel])).sum();
            }
        }
    }
    let mut out = Vec::with_capacity(to * to * 3);
    for spans in &rows {
        for place in 0..to * 3 {
            let mean: f32 = spans.iter().map(|&(from, part)| part * narrow[from * to * 3 + place]).sum();
            out.push((mean + 0.5) as u8);
        }
    }
    Ok(out)
}

/// For each of `to` equal intervals over `from` cells: the cells it covers, and the part of it that each makes up.
fn coverage(from: usize, to: usize) -> Vec<Vec<(usize, f32)>> {
    // In units of 1/to of a cell an interval is `from` long and a cell `to`, so all edges are whole numbers.
    let interval = |index: usize| {
        let (start, end) = (index * from, (index + 1) * from);
        let cells = start / to..=(end - 1) / to;
        cells.map(move |cell| {
            let covered = end.min((cell + 1) * to) - start.max(cell * to);
            (cell, covered as f32 / from as f32)
        })
    };
    (0..to).map(|index| interval(index).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(pixels: &[u8]) -> Vec<u8> {
        pixels.iter().flat_map(|&value| [value; 3]).collect()
    }

    #[test]
    fn resizing_takes_means_over_areas() {
        struct Case {
            name: &'static str,
            from: &'static [u8],
            sides: [usize; 2],
            to: usize,
            want: &'static [u8],
        }
        let cases = [
            Case { name: "same size", from: &[1, 2, 3, 4], sides: [2, 2], to: 2, want: &[1, 2, 3, 4] },
            Case { name: "halved", from: &[0, 4, 8, 12], sides: [2, 2], to: 1, want: &[6] },
            Case {
                name: "3 to 2",
                from: &[0, 30, 60, 0, 30, 60, 0, 30, 60],
                sides: [3, 3],
                to: 2,
                want: &[10, 50, 10, 50],
            },
            Case { name: "enlarged", from: &[7], sides: [1, 1], to: 2, want: &[7, 7, 7, 7] },
            Case { name: "not square", from: &[10, 20], sides: [1, 2], to: 2, want: &[10, 20, 10, 20] },
        ];
        for case in cases {
            let got = resize_rgb(&grey(case.from), case.sides, case.to).unwrap();
            assert_eq!(got, grey(case.want), "{}", case.name);
        }
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for (sides, to) in [([0, 2], 2), ([2, 0], 2), ([2, 2], 0), ([3, 2], 2)] {
            assert!(resize_rgb(&[0; 12], sides, to).is_err(), "{sides:?} to {to}");
        }
    }
}
