use core::mem;

/// Channels `start..start + output_channels` of every position.
///
/// # Shapes
/// `input [.., input_channels]`, `output [.., output_channels]`.
pub(crate) fn slice_channels<T: Copy>(
    start: usize,
    input_channels: usize,
    output_channels: usize,
    input: &[T],
    output: &mut [T],
) {
    if input_channels == 0 || output_channels == 0 {
        return;
    }
    for (to, from) in output.chunks_exact_mut(output_channels).zip(input.chunks_exact(input_channels)) {
        to.iter_mut().zip(from.iter().skip(start)).for_each(|(to, from)| *to = *from);
    }
}

/// Writes `f` of a value's channels into the output's channels from `start` on.
///
/// # Shapes
/// `input [.., input_channels]`, `output [.., output_channels]`.
pub(crate) fn place_channels<T: Copy>(
    start: usize,
    input_channels: usize,
    output_channels: usize,
    input: &[T],
    output: &mut [T],
    f: impl Fn(T) -> T,
) {
    if input_channels == 0 {
        return;
    }
    // Chunks would bring a division, and with it code that can panic, onto a microcontroller.
    let (mut input, mut output) = (input, output);
    while let (Some((from, further)), Some((to, free))) =
        (input.split_at_checked(input_channels), mem::take(&mut output).split_at_mut_checked(output_channels))
    {
        to.iter_mut().skip(start).zip(from).for_each(|(to, from)| *to = f(*from));
        (input, output) = (further, free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slicing_takes_back_what_placing_put() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
        let mut joined = [0.0; 6];
        place_channels(0, 2, 3, &a, &mut joined, |value| value);
        place_channels(2, 1, 3, &b, &mut joined, |value| value);
        assert_eq!(joined, [1.0, 2.0, 5.0, 3.0, 4.0, 6.0]);
        let (mut first, mut second) = ([0.0; 4], [0.0; 2]);
        slice_channels(0, 3, 2, &joined, &mut first);
        slice_channels(2, 3, 1, &joined, &mut second);
        assert_eq!((first, second), (a, b));
    }
}
