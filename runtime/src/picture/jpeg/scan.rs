//! Walks through the blocks of one scan as a decoder does (ITU-T T.81, annexes F and G), but computes no pixels.

use std::vec::Vec;

use super::JpegFault;
use super::bits::Bits;
use super::frame::Frame;
use super::huffman::Table;

/// What a scan holds.
pub(super) struct Scan<'t> {
    pub components: Vec<ScanComponent<'t>>,
    /// First and last coefficient.
    pub band: [usize; 2],
    pub kind: Kind,
    /// Bits below those of this scan.
    pub low_bit: u32,
    /// Units between restart markers; 0 without.
    pub restart_interval: usize,
}

pub(super) struct ScanComponent<'t> {
    /// In the frame.
    pub index: usize,
    pub dc: Option<&'t Table>,
    pub ac: Option<&'t Table>,
    /// In the order of the coefficients.
    pub steps: [u16; 64],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Sequential,
    DcFirst,
    DcRefinement,
    AcFirst,
    AcRefinement,
}

/// Coefficients of 8-bit pixels are at most 1024; encoders that sharpen edges overshoot by less than a quarter.
const LARGEST_COEFFICIENT: i64 = 1280;

/// Which coefficients of each block are not zero so far, for each component; only progressive frames need it.
pub(super) type NonZero = [Vec<u64>];

/// Reads all blocks of a scan, and returns where the marker behind them is.
///
/// # Errors
/// When there are fewer blocks than the frame has, or they are none that an encoder writes.
pub(super) fn walk(scan: &Scan<'_>, frame: &Frame, bits: Bits<'_>, nonzero: &mut NonZero) -> Result<usize, JpegFault> {
    let mut walk = Walk { scan, bits, dc: [0; 4], end_of_band_run: 0 };
    let alone = scan.components.len() == 1;
    let [across, down] = match scan.components.as_slice() {
        [component] => frame.blocks(&frame.components[component.index]),
        _ => frame.units(),
    };
    for unit in 0..across * down {
        if scan.restart_interval > 0 && unit > 0 && unit % scan.restart_interval == 0 {
            walk.restart((unit / scan.restart_interval - 1) % 8)?;
        }
        let (x, y) = (unit % across, unit / across);
        for component in &scan.components {
            let of_frame = &frame.components[component.index];
            let [wide, high] = if alone { [1, 1] } else { of_frame.sampling };
            let row_length = frame.blocks_per_row(of_frame);
            for block in 0..wide * high {
                let place = (y * high + block / wide) * row_length + x * wide + block % wide;
                walk.block(component, nonzero.get_mut(component.index).and_then(|blocks| blocks.get_mut(place)))?;
            }
        }
    }
    walk.finish()
}

struct Walk<'s, 'b> {
    scan: &'s Scan<'s>,
    bits: Bits<'b>,
    /// The last block's first coefficient, by component.
    dc: [i64; 4],
    /// Blocks that have nothing more.
    end_of_band_run: u32,
}

impl Walk<'_, '_> {
    fn restart(&mut self, number: usize) -> Result<(), JpegFault> {
        self.check_run()?;
        self.bits.restart(number as u8)?;
        self.dc = [0; 4];
        Ok(())
    }

    fn finish(mut self) -> Result<usize, JpegFault> {
        self.check_run()?;
        self.bits.finish()
    }

    fn check_run(&self) -> Result<(), JpegFault> {
        if self.end_of_band_run == 0 { Ok(()) } else { Err(JpegFault::damaged("a run beyond the last block")) }
    }

    #[inline]
    fn block(&mut self, component: &ScanComponent<'_>, nonzero: Option<&mut u64>) -> Result<(), JpegFault> {
        match (self.scan.kind, nonzero) {
            (Kind::Sequential, _) => {
                self.first_coefficient(component)?;
                self.other_coefficients(component)
            }
            (Kind::DcFirst, _) => self.first_coefficient(component),
            (Kind::DcRefinement, _) => self.bits.take(1).map(|_| ()),
            (Kind::AcFirst, Some(nonzero)) => self.first_of_band(component, nonzero),
            (Kind::AcRefinement, Some(nonzero)) => self.refinement_of_band(component, nonzero),
            (Kind::AcFirst | Kind::AcRefinement, None) => Err(JpegFault::damaged("blocks beyond the picture")),
        }
    }

    fn first_coefficient(&mut self, component: &ScanComponent<'_>) -> Result<(), JpegFault> {
        let length = self.bits.symbol(table(component.dc)?)?;
        let dc = &mut self.dc[component.index];
        *dc += value(&mut self.bits, length)?;
        check(*dc << self.scan.low_bit, component.steps[0])
    }

    fn other_coefficients(&mut self, component: &ScanComponent<'_>) -> Result<(), JpegFault> {
        let table = table(component.ac)?;
        let mut next = 1;
        while next < 64 {
            let symbol = self.bits.symbol(table)?;
            match (symbol >> 4, symbol & 15) {
                (0, 0) => break,
                (15, 0) => next += 16,
                (_, 0) => return Err(JpegFault::damaged("a code that no encoder writes")),
                (zeros, length) => {
                    next += usize::from(zeros);
                    let step = *component.steps.get(next).ok_or_else(beyond_the_block)?;
                    check(value(&mut self.bits, length)?, step)?;
                    next += 1;
                }
            }
        }
        if next > 64 { Err(beyond_the_block()) } else { Ok(()) }
    }

    fn first_of_band(&mut self, component: &ScanComponent<'_>, nonzero: &mut u64) -> Result<(), JpegFault> {
        if self.end_of_band_run > 0 {
            self.end_of_band_run -= 1;
            return Ok(());
        }
        let (table, [mut next, last]) = (table(component.ac)?, self.scan.band);
        while next <= last {
            let symbol = self.bits.symbol(table)?;
            match (symbol >> 4, symbol & 15) {
                (15, 0) => next += 16,
                (run, 0) => {
                    self.end_of_band_run = (1 << run) - 1 + self.bits.take(u32::from(run))?;
                    break;
                }
                (zeros, length) => {
                    next += usize::from(zeros);
                    if next > last {
                        return Err(beyond_the_block());
                    }
                    check(value(&mut self.bits, length)? << self.scan.low_bit, component.steps[next])?;
                    *nonzero |= 1 << next;
                    next += 1;
                }
            }
        }
        Ok(())
    }

    fn refinement_of_band(&mut self, component: &ScanComponent<'_>, nonzero: &mut u64) -> Result<(), JpegFault> {
        let (table, [mut next, last]) = (table(component.ac)?, self.scan.band);
        if self.end_of_band_run == 0 {
            while next <= last {
                let symbol = self.bits.symbol(table)?;
                let (zeros, length) = (symbol >> 4, symbol & 15);
                if length > 1 {
                    return Err(JpegFault::damaged("a code that no encoder writes"));
                }
                if length == 0 && zeros < 15 {
                    self.end_of_band_run = (1 << zeros) + self.bits.take(u32::from(zeros))?;
                    break;
                }
                self.bits.take(u32::from(length))?;
                next = self.refine(next, last, *nonzero, Some(zeros))?;
                if length == 1 {
                    if next > last {
                        return Err(beyond_the_block());
                    }
                    *nonzero |= 1 << next;
                }
                next += 1;
            }
        }
        if self.end_of_band_run > 0 {
            self.refine(next, last, *nonzero, None)?;
            self.end_of_band_run -= 1;
        }
        Ok(())
    }

    /// Reads a bit for each coefficient that is not zero, and stops at the zero after `zeros` others, or at the end.
    fn refine(&mut self, from: usize, last: usize, nonzero: u64, zeros: Option<u8>) -> Result<usize, JpegFault> {
        let mut left = zeros;
        for place in from..=last {
            if nonzero >> place & 1 == 1 {
                self.bits.take(1)?;
            } else if left == Some(0) {
                return Ok(place);
            } else {
                left = left.map(|left| left - 1);
            }
        }
        Ok(last + 1)
    }
}

fn table(table: Option<&Table>) -> Result<&Table, JpegFault> {
    table.ok_or_else(|| JpegFault::damaged("a scan without its Huffman table"))
}

fn beyond_the_block() -> JpegFault {
    JpegFault::damaged("a block of more than 64 coefficients")
}

/// A signed number of that many bits (T.81, figure F.12).
#[inline]
fn value(bits: &mut Bits<'_>, length: u8) -> Result<i64, JpegFault> {
    if length == 0 {
        return Ok(0);
    }
    if length > 15 {
        return Err(JpegFault::damaged("a number of more than 15 bits"));
    }
    let number = i64::from(bits.take(u32::from(length))?);
    let half = 1i64 << (length - 1);
    Ok(if number < half { number - 2 * half + 1 } else { number })
}

#[inline]
fn check(coefficient: i64, step: u16) -> Result<(), JpegFault> {
    let step = i64::from(step);
    // Rounding alone may add a step.
    if coefficient.abs() * step <= LARGEST_COEFFICIENT + step {
        Ok(())
    } else {
        Err(JpegFault::damaged("a coefficient that no pixels have"))
    }
}
