use super::error::Fault;
use super::layout::{self, MAX_NAME_BYTES, NONE};
use crate::graph::{DataType, MAX_RANK, Shape};
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

/// One fixed-size record of a section. Fields beyond its end read as zero; the size is known when this is compiled, so
/// that nothing is compared when it runs.
#[derive(Clone, Copy)]
pub(crate) struct Record<'m, const BYTES: usize>(pub &'m [u8; BYTES]);

impl<'m, const BYTES: usize> Record<'m, BYTES> {
    pub fn u8(self, offset: usize) -> u8 {
        self.0.get(offset).copied().unwrap_or(0)
    }

    pub fn u16(self, offset: usize) -> u16 {
        let two = self.0.get(offset..).and_then(|rest| rest.first_chunk::<2>());
        two.map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    pub fn u32(self, offset: usize) -> u32 {
        let four = self.0.get(offset..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    pub fn f32(self, offset: usize) -> f32 {
        f32::from_bits(self.u32(offset))
    }

    /// An index or offset; `None` when the field says so.
    pub fn optional(self, offset: usize) -> Option<u32> {
        Some(self.u32(offset)).filter(|value| *value != NONE)
    }

    /// First index and number of the records of another section that belong to this one.
    pub fn span(self, offset: usize) -> Span {
        Span { first: self.u32(offset) as usize, count: self.u32(offset + 4) as usize }
    }

    /// The text that offset and length refer to.
    pub fn text(self, offset: usize, strings: &'m str) -> Result<&'m str, Fault> {
        text(self.span(offset), strings)
    }

    pub fn name(self, strings: &'m str) -> Result<&'m str, Fault> {
        name(self.span(layout::NAME), strings)
    }

    pub fn data_type(self, offset: usize) -> Result<DataType, Fault> {
        match self.u8(offset) {
            layout::DATA_TYPE_U8 => Ok(DataType::U8),
            layout::DATA_TYPE_F32 => Ok(DataType::F32),
            layout::DATA_TYPE_I8 => Ok(DataType::I8),
            layout::DATA_TYPE_I32 => Ok(DataType::I32),
            _ => Err(Fault::DataType),
        }
    }

    /// The shape with the number of axes at `rank` and the extents at `extents`; unused extents must be zero.
    pub fn shape(self, rank: usize, extents: usize) -> Result<Shape, Fault> {
        shape(self.u8(rank).into(), [0, 4, 8, 12].map(|step| self.u32(extents + step) as usize))
    }

    /// How the filters of a tensor come of the stored ones, unless they are all stored.
    pub fn expansion(self) -> Result<Option<FilterExpansion>, Fault> {
        if self.u32(layout::tensor::GROUP) == 0 {
            return Ok(None);
        }
        self.require_zero(layout::tensor::AFTER_EXPANSION, Fault::ReservedNotZero)?;
        let group = match self.u8(layout::tensor::GROUP) {
            layout::QUARTER_TURNS => PlaneGroup::QuarterTurns,
            layout::TURNS_AND_MIRRORS => PlaneGroup::TurnsAndMirrors,
            _ => return Err(Fault::Expansion),
        };
        let reads = match self.u8(layout::tensor::READS) {
            layout::TRIVIAL => Fibre::Trivial,
            layout::REGULAR => Fibre::Regular,
            _ => return Err(Fault::Expansion),
        };
        Ok(Some(FilterExpansion { group, reads }))
    }

    pub fn require_zero(self, range: core::ops::Range<usize>, fault: Fault) -> Result<(), Fault> {
        match self.0.get(range) {
            Some(bytes) if bytes.iter().all(|byte| *byte == 0) => Ok(()),
            _ => Err(fault),
        }
    }
}

fn text(Span { first, count }: Span, strings: &str) -> Result<&str, Fault> {
    let end = first.checked_add(count).ok_or(Fault::OutOfRange)?;
    if end > strings.len() {
        return Err(Fault::OutOfRange);
    }
    strings.get(first..end).ok_or(Fault::Utf8)
}

#[inline(never)]
fn name(span: Span, strings: &str) -> Result<&str, Fault> {
    let name = text(span, strings)?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES { Err(Fault::NameLength) } else { Ok(name) }
}

#[inline(never)]
fn shape(rank: usize, extents: [usize; MAX_RANK]) -> Result<Shape, Fault> {
    let used = extents.get(..rank).ok_or(Fault::Shape)?;
    if extents.iter().skip(rank).any(|extent| *extent != 0) {
        return Err(Fault::ReservedNotZero);
    }
    Shape::new(used).ok_or(Fault::Shape)
}

/// Consecutive records of a section.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub first: usize,
    pub count: usize,
}

impl Span {
    /// The record of the section that is number `index` of these.
    pub fn at(self, index: usize) -> Option<usize> {
        if index < self.count { self.first.checked_add(index) } else { None }
    }

    /// One past the last record.
    pub fn end(self) -> usize {
        self.first.saturating_add(self.count)
    }
}
