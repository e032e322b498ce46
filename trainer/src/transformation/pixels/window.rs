/// The window of a picture with a black border, `right` and `down` pixels from the picture itself: what lies outside of the
/// picture is black.
pub fn shift(picture: &mut [u8], size: usize, [right, down]: [isize; 2], scratch: &mut Vec<u8>) {
    scratch.clear();
    scratch.extend_from_slice(picture);
    let columns = |shift: isize| {
        let first = (-shift).clamp(0, size as isize) as usize;
        first..(size as isize - shift).clamp(first as isize, size as isize) as usize
    };
    let (inside, inside_rows) = (columns(right), columns(down));
    for (row, pixels) in picture.chunks_exact_mut(size * 3).enumerate() {
        pixels.fill(0);
        if inside_rows.contains(&row) {
            let start = row.wrapping_add_signed(down) * size + inside.start.wrapping_add_signed(right);
            let from = &scratch[start * 3..][..inside.len() * 3];
            pixels[inside.start * 3..inside.end * 3].copy_from_slice(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_is_black() {
        let cases: [([isize; 2], [u8; 9]); 6] = [
            ([0, 0], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
            ([1, 0], [2, 3, 0, 5, 6, 0, 8, 9, 0]),
            ([-1, 2], [0, 7, 8, 0, 0, 0, 0, 0, 0]),
            ([0, -1], [0, 0, 0, 1, 2, 3, 4, 5, 6]),
            ([3, 0], [0; 9]),
            ([-4, 4], [0; 9]),
        ];
        for (shift_by, expected) in cases {
            let mut picture: Vec<u8> = (1..10).flat_map(|at| [at; 3]).collect();
            shift(&mut picture, 3, shift_by, &mut Vec::new());
            let found: Vec<u8> = picture.into_iter().step_by(3).collect();
            assert_eq!(found, expected, "{shift_by:?}");
        }
    }
}
