//! Whether a JPEG file is whole.
//!
//! The decoder is lenient: it paints what is missing grey, and goes on after codes that it cannot read with whatever comes
//! next. So the file is read once before it: every segment, and every block of every scan. That finds data that end before
//! the last block or go on behind it, codes and numbers that no encoder writes, and restart markers out of order. JPEG has
//! no checksum: a changed bit that leaves the codes in step and the numbers possible cannot be found.

mod bits;
mod frame;
mod huffman;
mod markers;
mod scan;
mod standard_tables;

#[cfg(test)]
mod tests;

use std::vec;
use std::vec::Vec;

use bits::Bits;
pub(super) use frame::Frame;
use huffman::Table;
use markers::{DHT, DNL, DQT, DRI, EOI, Markers, RST0, RST7, SOI, SOS};
use scan::{Kind, Scan, ScanComponent};
pub(super) use standard_tables::STANDARD_TABLES;

/// Why a JPEG file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JpegFault {
    NoPixels,
    CutOff,
    Damaged(&'static str),
    Unsupported(&'static str),
}

impl JpegFault {
    fn damaged(what: &'static str) -> Self {
        Self::Damaged(what)
    }
}

/// A JPEG file that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WholeJpeg {
    /// Where its picture ends; what follows is not the picture's.
    pub end: usize,
    /// Whether the marker at the end is missing.
    pub lacks_end: bool,
    /// Whether it has no Huffman tables, as the frames of cameras have that leave the standard ones out.
    pub lacks_tables: bool,
    /// Whether scans are missing that would show more of it.
    pub is_coarse: bool,
}

/// More scans than any encoder writes; each costs a decoder a pass over the picture.
const MOST_SCANS: usize = 100;

/// The frame of a JPEG file, as its first scan has it.
pub(super) fn frame(jpeg: &[u8]) -> Result<Frame, JpegFault> {
    let mut markers = Markers::new(jpeg);
    let mut frame: Option<Frame> = None;
    loop {
        match (markers.next()?, &frame) {
            (None | Some((EOI, _)), None) => return Err(JpegFault::CutOff),
            (None | Some((EOI, _)), Some(_)) => return frame.ok_or(JpegFault::CutOff),
            (Some((SOS | SOI, _)), None) => return Err(JpegFault::damaged("no frame before its data")),
            (Some((SOS, scan)), Some(found)) => {
                let together = scan.first().is_some_and(|count| usize::from(*count) == found.components.len());
                if !found.progressive && !together {
                    // The decoder paints such a picture wrong where components differ in resolution.
                    return Err(JpegFault::Unsupported("sequential coding with a scan for each component"));
                }
                return frame.ok_or(JpegFault::CutOff);
            }
            (Some((marker, payload)), None) if is_frame(marker) => frame = Some(Frame::read(marker, payload)?),
            _ => {}
        }
    }
}

/// Reads a JPEG file to its end.
///
/// # Errors
/// When it is cut off, damaged, or of a kind that is not read.
pub(super) fn check(jpeg: &[u8]) -> Result<WholeJpeg, JpegFault> {
    let mut markers = Markers::new(jpeg);
    let mut state = State::default();
    loop {
        let start = markers.at;
        match markers.next() {
            Ok(Some((EOI, _))) => return state.end(markers.at, false),
            Ok(Some((SOS, payload))) => markers.at = state.scan(payload, Bits::new(jpeg, markers.at))?,
            Ok(Some((SOI, _))) if state.is_complete() => return state.end(start, true),
            Ok(Some((marker, payload))) => state.segment(marker, payload)?,
            Ok(None) => return state.end(jpeg.len(), true),
            Err(_) if state.is_complete() => return state.end(start, true),
            Err(fault) => return Err(fault),
        }
    }
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, DHT | 0xc8 | 0xcc)
}

/// What a decoder remembers between segments.
#[derive(Default)]
struct State {
    frame: Option<Frame>,
    dc_tables: [Option<Table>; 4],
    ac_tables: [Option<Table>; 4],
    has_tables: bool,
    lacks_tables: bool,
    quantization: [Option<[u16; 64]>; 4],
    restart_interval: usize,
    scans: usize,
    /// For each component and coefficient the lowest bit that was sent.
    sent: Vec<[Option<u32>; 64]>,
    nonzero: Vec<Vec<u64>>,
}

impl State {
    fn segment(&mut self, marker: u8, payload: &[u8]) -> Result<(), JpegFault> {
        match marker {
            DHT => self.huffman_tables(payload),
            DQT => self.quantization_tables(payload),
            DRI => {
                let &[high, low] = payload else { return Err(JpegFault::damaged("a restart interval of odd length")) };
                self.restart_interval = usize::from(u16::from_be_bytes([high, low]));
                Ok(())
            }
            0xcc => Err(JpegFault::Unsupported("arithmetic coding")),
            DNL => Err(JpegFault::Unsupported("a height behind the data")),
            SOI => Err(JpegFault::damaged("another picture begins inside of it")),
            RST0..=RST7 => Err(JpegFault::damaged("a restart marker between scans")),
            _ if is_frame(marker) && self.frame.is_some() => Err(JpegFault::damaged("a second frame")),
            _ if is_frame(marker) => {
                let frame = Frame::read(marker, payload)?;
                self.sent = vec![[None; 64]; frame.components.len()];
                if frame.progressive {
                    let blocks = |component| vec![0; frame.all_blocks(component)];
                    self.nonzero = frame.components.iter().map(blocks).collect();
                }
                self.frame = Some(frame);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn huffman_tables(&mut self, mut payload: &[u8]) -> Result<(), JpegFault> {
        self.has_tables = true;
        while let Some((&[place], rest)) = payload.split_first_chunk() {
            let broken = || JpegFault::damaged("a Huffman table that cannot be");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(broken)?;
            let count: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, rest) = rest.split_at_checked(count).ok_or_else(broken)?;
            let table = Table::new(counts, symbols).ok_or_else(broken)?;
            let tables = if place >> 4 == 0 { &mut self.dc_tables } else { &mut self.ac_tables };
            *tables.get_mut(usize::from(place & 15)).filter(|_| place < 32).ok_or_else(broken)? = Some(table);
            payload = rest;
        }
        Ok(())
    }

    fn quantization_tables(&mut self, mut payload: &[u8]) -> Result<(), JpegFault> {
        while let Some((&[place], rest)) = payload.split_first_chunk() {
            let broken = || JpegFault::damaged("a quantisation table that cannot be");
            let width = if place >> 4 == 0 { 1 } else { 2 };
            let (steps, rest) = rest.split_at_checked(64 * width).ok_or_else(broken)?;
            let mut table = [0; 64];
            for (step, bytes) in table.iter_mut().zip(steps.chunks_exact(width)) {
                *step = bytes.iter().fold(0, |step, byte| step << 8 | u16::from(*byte));
            }
            *self.quantization.get_mut(usize::from(place & 15)).ok_or_else(broken)? = Some(table);
            payload = rest;
        }
        Ok(())
    }

    /// Reads a scan; where the marker behind it is.
    fn scan(&mut self, header: &[u8], bits: Bits<'_>) -> Result<usize, JpegFault> {
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(JpegFault::damaged("more than 100 scans"));
        }
        if !self.has_tables {
            self.huffman_tables(&STANDARD_TABLES[4..])?;
            self.lacks_tables = true;
        }
        let frame = self.frame.as_ref().ok_or(JpegFault::damaged("no frame before its data"))?;
        let broken = || JpegFault::damaged("a scan that cannot be");
        let (&[count], rest) = header.split_first_chunk().ok_or_else(broken)?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(broken)?;
        let &[first, last, bit] = rest else { return Err(broken()) };
        // A sequential frame sends all bits at once, whatever it says.
        let (high, low) = if frame.progressive { (u32::from(bit >> 4), u32::from(bit & 15)) } else { (0, 0) };
        let (band, kind) = band_and_kind(frame, [first, last].map(usize::from), high).ok_or_else(broken)?;
        let mut components = Vec::new();
        for &[id, tables] in chosen.as_chunks::<2>().0 {
            let index = frame.components.iter().position(|component| component.id == id).ok_or_else(broken)?;
            let steps = self.quantization[frame.components[index].quantization_table];
            components.push(ScanComponent {
                index,
                dc: self.dc_tables.get(usize::from(tables >> 4)).and_then(Option::as_ref),
                ac: self.ac_tables.get(usize::from(tables & 15)).and_then(Option::as_ref),
                steps: steps.ok_or(JpegFault::damaged("a scan without its quantisation table"))?,
            });
        }
        let is_twice = |index: usize| components[..index].iter().any(|other| other.index == components[index].index);
        let needs_one = matches!(kind, Kind::AcFirst | Kind::AcRefinement);
        if components.is_empty()
            || (needs_one && components.len() > 1)
            || (0..components.len()).any(is_twice)
            || low > 13
        {
            return Err(broken());
        }
        let sent_before = matches!(kind, Kind::DcRefinement | Kind::AcRefinement).then_some(high);
        for component in &components {
            for sent in &mut self.sent[component.index][band[0]..=band[1]] {
                if *sent != sent_before || sent_before.is_some_and(|high| high != low + 1) {
                    return Err(JpegFault::damaged("scans out of order"));
                }
                *sent = Some(low);
            }
        }
        let scan = Scan { components, band, kind, low_bit: low, restart_interval: self.restart_interval };
        scan::walk(&scan, frame, bits, &mut self.nonzero)
    }

    /// Whether every component has been sent.
    fn is_complete(&self) -> bool {
        self.frame.is_some() && self.sent.iter().all(|sent| sent[0].is_some())
    }

    fn end(&self, end: usize, lacks_end: bool) -> Result<WholeJpeg, JpegFault> {
        let is_coarse = self.sent.iter().flatten().any(|sent| *sent != Some(0));
        if !self.is_complete() || (lacks_end && is_coarse) {
            return Err(JpegFault::CutOff);
        }
        Ok(WholeJpeg { end, lacks_end, lacks_tables: self.lacks_tables, is_coarse })
    }
}

fn band_and_kind(frame: &Frame, [first, last]: [usize; 2], high: u32) -> Option<([usize; 2], Kind)> {
    if !frame.progressive {
        return Some(([0, 63], Kind::Sequential));
    }
    match (first, last) {
        (0, 0) => Some(([0, 0], if high == 0 { Kind::DcFirst } else { Kind::DcRefinement })),
        (1..=63, 1..=63) if first <= last => {
            Some(([first, last], if high == 0 { Kind::AcFirst } else { Kind::AcRefinement }))
        }
        _ => None,
    }
}
