//! Quarters of the picture in another order.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
use super::{PoseChange, Transformation};

/// The four quarters in each of their 24 orders. Of an odd size the middle row and column stay where they are.
pub const JIGSAW: &dyn Transformation =
    &jigsaw::<false>("jigsaw", "puts the four quarters of the picture into one of their 24 orders");

/// The same with a grey frame in each quarter, in every order: lines that go on beyond an edge do not tell which quarters are
/// neighbours.
pub const JIGSAW_APART: &dyn Transformation =
    &jigsaw::<true>("jigsaw-apart", "the same with grey edges around each quarter, so that neighbours do not touch");

const fn jigsaw<const APART: bool>(name: &'static str, description: &'static str) -> PictureClasses {
    PictureClasses {
        name,
        description,
        count: 24,
        class_name: |class| order(class).iter().map(|tile| (tile + 1).to_string()).collect(),
        group: None,
        pose: PoseChange::Lost,
        visible: Visible::Whole,
        apply: |class, picture, size, scratch| {
            scratch.clear();
            scratch.extend_from_slice(picture);
            for (place, tile) in order(class).into_iter().enumerate() {
                copy_tile(scratch, tile, picture, place, size);
            }
            if APART {
                grey_edges(picture, size);
            }
        },
    }
}

/// Greys a twelfth of the picture's side along each edge of each quarter, and what lies between quarters.
fn grey_edges(picture: &mut [u8], size: usize) {
    const GREY: u8 = 128;
    let (side, edge) = (size / 2, size.div_ceil(12));
    let is_inside = |at: usize| {
        let in_quarter = at.min(size - 1 - at);
        in_quarter >= edge && in_quarter + edge < side
    };
    for (at, pixel) in picture.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        if !(is_inside(at % size) && is_inside(at / size)) {
            *pixel = [GREY; 3];
        }
    }
}

/// Which quarter comes to each place, row by row: the orders of 0 to 3 as a dictionary would have them.
fn order(class: u32) -> [usize; 4] {
    let mut left = vec![0, 1, 2, 3];
    let mut class = class as usize;
    [6, 2, 1, 1].map(|orders_of_the_rest| {
        let next = left.remove(class / orders_of_the_rest);
        class %= orders_of_the_rest;
        next
    })
}

/// Writes one quarter of `from` over another one of `to`.
fn copy_tile(from: &[u8], tile: usize, to: &mut [u8], place: usize, size: usize) {
    let side = size / 2;
    let start = |tile: usize, row: usize| ((tile / 2 * (size - side) + row) * size + tile % 2 * (size - side)) * 3;
    for row in 0..side {
        let (from_start, to_start) = (start(tile, row), start(place, row));
        to[to_start..][..side * 3].copy_from_slice(&from[from_start..][..side * 3]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformation::Value;

    fn shuffled(class: u32, size: usize) -> Vec<u8> {
        of(JIGSAW, class, size)
    }

    fn of(jigsaw: &dyn Transformation, class: u32, size: usize) -> Vec<u8> {
        let mut picture: Vec<u8> = (0..size * size).flat_map(|at| [at as u8; 3]).collect();
        jigsaw.on_pixels().unwrap().apply(&Value::Class(class), &mut picture, size, &mut vec![9; 2]);
        picture.into_iter().step_by(3).collect()
    }

    #[test]
    fn quarters_change_places() {
        assert_eq!(shuffled(0, 2), [0, 1, 2, 3]);
        assert_eq!(shuffled(1, 2), [0, 1, 3, 2]);
        assert_eq!(shuffled(9, 2), [1, 2, 3, 0]);
        assert_eq!(shuffled(23, 4), [10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5]);
        assert_eq!(JIGSAW.class_names()[..3], ["1234", "1243", "1324"]);
        let distinct: std::collections::BTreeSet<_> = (0..24).map(|class| shuffled(class, 2)).collect();
        assert_eq!(distinct.len(), 24);
    }

    #[test]
    fn quarters_apart_have_a_grey_edge_each() {
        let grey = 128;
        // Quarters of three pixels, of which the middle ones are seen.
        let mut expected = [grey; 36];
        for (place, tile) in [(7, 28), (10, 25), (25, 10), (28, 7)] {
            expected[place] = tile;
        }
        assert_eq!(of(JIGSAW_APART, 23, 6), expected);
        assert_eq!(of(JIGSAW_APART, 0, 2), [grey; 4]);
        let seen = of(JIGSAW_APART, 0, 32).iter().filter(|byte| **byte != grey).count();
        // 10 x 10 pixels of each of the quarters, one of them 128 itself, as its place is.
        assert!((396..=400).contains(&seen), "{seen}");
    }

    #[test]
    fn the_middle_of_an_odd_picture_stays() {
        assert_eq!(shuffled(23, 3), [8, 1, 6, 3, 4, 5, 2, 7, 0]);
        assert_eq!(shuffled(5, 1), [0]);
    }
}
