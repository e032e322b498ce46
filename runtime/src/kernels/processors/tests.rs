//! Every kernel that this machine has, against the definition and, bit for bit, against `scalar`.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::Native;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use super::avx2;
#[cfg(target_arch = "aarch64")]
use super::neon;
use crate::kernels::int8::expanded;
use crate::kernels::int8::scalar::Scalar;
use crate::kernels::int8::tests::by_chance::any_case;
use crate::kernels::int8::tests::{Case, Network, check};

#[test]
fn kernels_agree_with_the_definition() {
    check::<Native>("native");
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if avx2::is_available() {
        check::<avx2::Avx2>("AVX2");
    }
    #[cfg(target_arch = "aarch64")]
    if neon::has_dot_products() {
        check::<neon::NeonDot>("NEON with dot products");
    }
}

#[test]
fn kernels_compute_with_base_filters_what_scalar_does_with_all() {
    expanded::tests::check::<Native>("native");
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if avx2::is_available() {
        expanded::tests::check::<avx2::Avx2>("AVX2");
    }
    #[cfg(target_arch = "aarch64")]
    if neon::has_dot_products() {
        expanded::tests::check::<neon::NeonDot>("NEON with dot products");
    }
}

/// What each kernel computes.
fn computed_by_all(case: &Case, network: &Network, gap: Option<usize>) -> Vec<(&'static str, Vec<i8>)> {
    #[allow(unused_mut)] // where there is no other
    let mut found = vec![("native", case.computed::<Native>(network, gap))];
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if avx2::is_available() {
        found.push(("AVX2", case.computed::<avx2::Avx2>(network, gap)));
    }
    #[cfg(target_arch = "aarch64")]
    if neon::has_dot_products() {
        found.push(("NEON with dot products", case.computed::<neon::NeonDot>(network, gap)));
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn every_kernel_repeats_scalar_bit_for_bit(case in any_case()) {
        let network = case.network();
        let scalar = case.computed::<Scalar>(&network, None);
        prop_assert_eq!(&scalar, &case.expected(&network));
        for gap in [None, Some(case.gap())] {
            for (kernel, found) in computed_by_all(&case, &network, gap) {
                prop_assert_eq!(&scalar, &found, "{}", kernel);
            }
        }
    }
}
