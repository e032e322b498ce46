//! Room for results: clearing it before a kernel writes them would cost a pass over memory.

#![allow(unsafe_code)]

use std::mem::MaybeUninit;

/// Numbers of which none may be read before it is written.
pub type Unwritten = [MaybeUninit<f32>];

/// The `len` numbers that `fill` writes; it gives its argument back as numbers, all of them.
///
/// # Panics
/// When `fill` gives back anything else than the room that it got.
pub fn filled(len: usize, fill: impl for<'a> FnOnce(&'a mut Unwritten) -> &'a mut [f32]) -> Vec<f32> {
    let [numbers] = all_filled(len, |[room]| [fill(room)]);
    numbers
}

/// As [`filled`], for a kernel with several results of one length.
///
/// # Panics
/// As [`filled`].
pub fn all_filled<const N: usize>(
    len: usize,
    fill: impl for<'a> FnOnce([&'a mut Unwritten; N]) -> [&'a mut [f32]; N],
) -> [Vec<f32>; N] {
    let mut all: [Vec<f32>; N] = [const { Vec::new() }; N];
    let rooms = all.each_mut().map(|numbers| {
        numbers.reserve_exact(len);
        &mut numbers.spare_capacity_mut()[..len]
    });
    let starts = rooms.each_ref().map(|room| room.as_ptr());
    for (written, start) in fill(rooms).iter().zip(starts) {
        assert!(written.len() == len && written.as_ptr() == start.cast::<f32>(), "a kernel gave back another slice");
    }
    for numbers in &mut all {
        // SAFETY: there is room for `len`, and `fill` gave all of it back as a slice of numbers, which safe code can
        // only do once they are written.
        unsafe { numbers.set_len(len) };
    }
    all
}

/// All of a room as copies of one number.
#[inline(always)]
pub(super) fn cleared(room: &mut Unwritten, value: f32) -> &mut [f32] {
    room.fill(MaybeUninit::new(value));
    // SAFETY: every number was written in the line above.
    unsafe { room.assume_init_mut() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_what_was_written() {
        assert_eq!(filled(5, |room| cleared(room, 2.5)), [2.5; 5]);
        assert!(filled(0, |room| cleared(room, 1.0)).is_empty());
        let [first, second] = all_filled(3, |[a, b]| [cleared(a, 1.0), b.write_copy_of_slice(&[1.0, 2.0, 3.0])]);
        assert_eq!((first, second), (vec![1.0; 3], vec![1.0, 2.0, 3.0]));
    }

    #[test]
    #[should_panic(expected = "gave back another slice")]
    fn a_part_of_the_room_is_not_all_of_it() {
        filled(4, |room| cleared(&mut room[..3], 0.0));
    }

    #[test]
    #[should_panic(expected = "gave back another slice")]
    fn rooms_do_not_change_places() {
        all_filled(4, |[a, b]| [cleared(b, 0.0), cleared(a, 0.0)]);
    }
}
