//! Sums over neighbouring taps of a depthwise filter, by plain loops.

/// Neighbouring taps of a depthwise filter: `taps` times `sums.len()` numbers, each `step` after the one before.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    pub filters: &'a [i8],
    pub taps: usize,
    pub step: usize,
}

/// Sums that are added to at a time.
pub(super) const QUAD: usize = 4;

/// See [`Kernel::accumulate`](super::Kernel::accumulate).
#[inline(always)]
pub(crate) fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
    let Segment { filters, taps, step } = segment;
    let taps = steps(filters, step).zip(steps(values, step)).take(taps);
    if let Ok(quad) = <&mut [i32; QUAD]>::try_from(&mut *sums) {
        // Sums that stay in registers.
        let mut held = *quad;
        for (filter, values) in taps {
            let (Some(filter), Some(values)) = (filter.first_chunk::<QUAD>(), values.first_chunk::<QUAD>()) else {
                return;
            };
            for ((sum, weight), value) in held.iter_mut().zip(filter).zip(values) {
                *sum = sum.wrapping_add(i32::from(*weight) * i32::from(*value));
            }
        }
        *quad = held;
        return;
    }
    for (filter, values) in taps {
        for ((sum, weight), value) in sums.iter_mut().zip(filter).zip(values) {
            *sum = sum.wrapping_add(i32::from(*weight) * i32::from(*value));
        }
    }
}

/// See [`Kernel::accumulate_constant`](super::Kernel::accumulate_constant).
#[inline(always)]
pub(crate) fn accumulate_constant(sums: &mut [i32], segment: Segment<'_>, value: i8) {
    let Segment { filters, taps, step } = segment;
    for filter in steps(filters, step).take(taps) {
        for (sum, weight) in sums.iter_mut().zip(filter) {
            *sum = sum.wrapping_add(i32::from(*weight) * i32::from(value));
        }
    }
}

/// The numbers from each multiple of `step` on.
#[inline(always)]
fn steps(numbers: &[i8], step: usize) -> impl Iterator<Item = &[i8]> {
    let mut rest = Some(numbers);
    core::iter::from_fn(move || {
        let here = rest?;
        rest = here.get(step..);
        Some(here)
    })
}
