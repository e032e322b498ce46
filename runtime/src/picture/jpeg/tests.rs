use std::vec::Vec;

use super::super::tests::{BASELINE, ONE_BY_ONE, PROGRESSIVE, PROGRESSIVE_RESTARTS, RESTARTS, decode};
use super::*;

/// Where the data of the last scan begin.
fn data_start(jpeg: &[u8]) -> usize {
    let scan = jpeg.windows(2).rposition(|bytes| bytes == [0xff, SOS]).unwrap();
    scan + 2 + usize::from(u16::from_be_bytes([jpeg[scan + 2], jpeg[scan + 3]]))
}

fn fault(jpeg: &[u8]) -> Option<JpegFault> {
    check(jpeg).err()
}

#[test]
fn data_that_end_before_the_last_block_are_found() {
    for jpeg in [BASELINE, RESTARTS, ONE_BY_ONE, PROGRESSIVE] {
        // The last bytes of a scan may be padding.
        for end in data_start(jpeg)..jpeg.len() - 4 {
            assert!(fault(&jpeg[..end]).is_some(), "cut at {end}");
            assert!(fault(&[&jpeg[..end], &[0xff, EOI]].concat()).is_some(), "cut at {end}, with an end");
        }
    }
    assert_eq!(fault(&BASELINE[..BASELINE.len() / 2 + 300]), Some(JpegFault::CutOff));
}

#[test]
fn a_second_picture_inside_is_found() {
    let middle = (data_start(BASELINE) + BASELINE.len()) / 2;
    let damaged = [&BASELINE[..middle], BASELINE].concat();
    assert_eq!(fault(&damaged), Some(JpegFault::damaged("another picture begins inside of it")));
}

#[test]
fn restart_markers_out_of_order_are_found() {
    let markers: Vec<usize> = (data_start(RESTARTS)..RESTARTS.len() - 1)
        .filter(|at| RESTARTS[*at] == 0xff && (RST0..=RST7).contains(&RESTARTS[at + 1]))
        .collect();
    assert!(markers.len() >= 8);
    let mut swapped = RESTARTS.to_vec();
    swapped.swap(markers[1] + 1, markers[2] + 1);
    assert_eq!(fault(&swapped), Some(JpegFault::damaged("restart markers out of order")));
    // A piece between two markers is lost.
    let lost = [&RESTARTS[..markers[3]], &RESTARTS[markers[4]..]].concat();
    assert_eq!(fault(&lost), Some(JpegFault::damaged("restart markers out of order")));
    let eaten = [&RESTARTS[..markers[3]], &RESTARTS[markers[3] + 2..]].concat();
    assert!(fault(&eaten).is_some());
}

#[test]
fn lost_and_repeated_bytes_are_found() {
    for jpeg in [BASELINE, PROGRESSIVE, RESTARTS, ONE_BY_ONE] {
        let (start, end) = (data_start(jpeg), jpeg.len() - 2);
        let length = (end - start) / 3;
        for at in start..end - length {
            let lost = [&jpeg[..at], &jpeg[at + length..]].concat();
            assert!(fault(&lost).is_some(), "{length} bytes lost at {at}");
            let repeated = [&jpeg[..at + length], &jpeg[at..]].concat();
            assert!(fault(&repeated).is_some(), "{length} bytes repeated at {at}");
        }
    }
}

/// JPEG has no checksum: what a flipped bit does to numbers alone cannot be found. In large pictures a flipped bit that does
/// more, puts the codes out of step, is nearly always found; in these small ones numbers are most of the data.
#[test]
fn flipped_bits_that_change_much_are_mostly_found() {
    for jpeg in [BASELINE, RESTARTS, PROGRESSIVE, PROGRESSIVE_RESTARTS] {
        let whole = decode(jpeg).unwrap().view().resized(45, 35);
        let (mut flips, mut found, mut visible) = (0, 0, 0);
        for bit in 8 * data_start(jpeg)..8 * (jpeg.len() - 2) {
            let mut damaged = jpeg.to_vec();
            damaged[bit / 8] ^= 0x80 >> (bit % 8);
            flips += 1;
            match decode(&damaged) {
                Err(_) => found += 1,
                Ok(picture) => {
                    let pixels = picture.view().resized(45, 35);
                    let sum: u64 = pixels.iter().zip(&whole).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                    visible += usize::from(sum > 10 * whole.len() as u64);
                }
            }
        }
        let shares = [found, visible].map(|count| 100 * count / flips);
        std::println!("{flips} flips: {} % found, {} % not found and visible", shares[0], shares[1]);
        assert!(shares[0] >= LEAST_FOUND_PERCENT && shares[1] <= MOST_VISIBLE_PERCENT, "{shares:?}");
    }
}

const LEAST_FOUND_PERCENT: usize = 25;
const MOST_VISIBLE_PERCENT: usize = 15;

#[test]
fn nothing_makes_it_panic_or_run_on() {
    let mut state = 0x5eed_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for jpeg in [BASELINE, PROGRESSIVE, RESTARTS, PROGRESSIVE_RESTARTS, ONE_BY_ONE] {
        for _ in 0..2000 {
            let mut damaged = jpeg.to_vec();
            for _ in 0..1 + random() % 4 {
                let place = random() % damaged.len();
                damaged[place] = if random() % 2 == 0 { random() as u8 } else { damaged[place] ^ 1 << (random() % 8) };
            }
            if random() % 4 == 0 {
                damaged.truncate(random() % damaged.len());
            }
            let _ = decode(&damaged);
        }
    }
}

#[test]
fn tables_that_are_not_there_are_named() {
    let cases: [(&str, u8, &str); 2] =
        [("quantisation", DQT, "a scan without its quantisation table"), ("frame", 0xc0, "no frame before its data")];
    for (name, marker, message) in cases {
        let at = BASELINE.windows(2).position(|bytes| bytes == [0xff, marker]).unwrap();
        let length = usize::from(u16::from_be_bytes([BASELINE[at + 2], BASELINE[at + 3]]));
        let lacking = [&BASELINE[..at], &BASELINE[at + 2 + length..]].concat();
        assert_eq!(fault(&lacking), Some(JpegFault::Damaged(message)), "{name}");
    }
}

#[test]
fn samplings_that_the_decoder_paints_wrong_are_refused_by_name() {
    let frame = BASELINE.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap();
    for (sampling, kind) in
        [([0x11, 0x22], "chrominance finer than luminance"), ([0x31, 0x11], "chrominance at a third of the pixels")]
    {
        let mut other = BASELINE.to_vec();
        [other[frame + 11], other[frame + 14], other[frame + 17]] = [sampling[0], sampling[1], sampling[1]];
        assert_eq!(fault(&other), Some(JpegFault::Unsupported(kind)));
    }
}
