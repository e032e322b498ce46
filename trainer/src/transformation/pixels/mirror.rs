/// Left and right change places.
pub fn mirror_left_right(picture: &mut [u8], size: usize) {
    picture.chunks_exact_mut(size * 3).for_each(|row| row.as_chunks_mut::<3>().0.reverse());
}

/// Top and bottom change places.
pub fn mirror_up_down(picture: &mut [u8], size: usize) {
    let (top, bottom) = picture.split_at_mut(size / 2 * size * 3);
    for (upper, lower) in top.chunks_exact_mut(size * 3).zip(bottom.rchunks_exact_mut(size * 3)) {
        upper.swap_with_slice(lower);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_mirrored_whole_pixels() {
        let numbered = |order: &[u8]| order.iter().flat_map(|&at| [at, 7, 9]).collect::<Vec<u8>>();
        let cases: [(usize, &[u8], &[u8]); 3] = [
            (1, &[0], &[0]),
            (2, &[1, 0, 3, 2], &[2, 3, 0, 1]),
            (3, &[2, 1, 0, 5, 4, 3, 8, 7, 6], &[6, 7, 8, 3, 4, 5, 0, 1, 2]),
        ];
        for (size, across, down) in cases {
            let picture = numbered(&(0..(size * size) as u8).collect::<Vec<_>>());
            let (mut mirrored, mut upside_down) = (picture.clone(), picture);
            mirror_left_right(&mut mirrored, size);
            mirror_up_down(&mut upside_down, size);
            assert_eq!((mirrored, upside_down), (numbered(across), numbered(down)), "{size} px");
        }
    }
}
