//! What every target repeats.

use super::{Kernel, Operands, Sums};

/// Plain loops: the definition.
pub(crate) struct Scalar;

impl Kernel for Scalar {
    fn place(window: &mut [i16], at: usize, values: &[i8]) {
        for (to, value) in window.iter_mut().skip(at).zip(values) {
            *to = (*value).into();
        }
    }

    fn products(operands: Operands<'_>, sums: &mut Sums) {
        let Operands { filters, windows, row, taps } = operands;
        let row = row.max(1);
        for (window, sums) in windows.chunks_exact(row).zip(sums) {
            for (filter, sum) in filters.chunks_exact(row).zip(sums) {
                let products = filter.iter().zip(window).take(taps).map(|(a, b)| i32::from(*a) * i32::from(*b));
                *sum = products.fold(0, i32::wrapping_add);
            }
        }
    }

    fn accumulate(sums: &mut [i32], filter: &[i8], values: &[i8]) {
        for ((sum, weight), value) in sums.iter_mut().zip(filter).zip(values) {
            *sum = sum.wrapping_add(i32::from(*weight) * i32::from(*value));
        }
    }
}
