//! What a packed kernel allocates, known before it does.

use super::frame::Frame;
use super::tiling::EIGHT;

/// Bytes of a register.
pub(super) const REGISTER: u64 = 32;

/// Memory of one kernel. All counts saturate: a file may ask for more than there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Bytes that stay as long as the kernel does.
    pub kept_bytes: u64,
    /// Bytes that are needed besides while filters are packed.
    pub packing_bytes: u64,
    /// Numbers of scratch memory, which all kernels share.
    pub floats: u64,
    /// As `floats`, of 16 bits.
    pub numbers: u64,
    /// As `floats`, of eight bits.
    pub bytes: u64,
}

impl Footprint {
    /// What two kernels of one graph need together.
    pub fn and(self, other: Self) -> Self {
        Self {
            kept_bytes: self.kept_bytes.saturating_add(other.kept_bytes),
            packing_bytes: self.packing_bytes.max(other.packing_bytes),
            floats: self.floats.max(other.floats),
            numbers: self.numbers.max(other.numbers),
            bytes: self.bytes.max(other.bytes),
        }
    }

    /// With so many more bytes while filters are packed.
    pub fn with_packing(self, more: u64) -> Self {
        Self { packing_bytes: self.packing_bytes.saturating_add(more), ..self }
    }

    /// The most bytes at any time: scratch memory comes after the filters have been packed.
    pub fn peak_bytes(&self) -> u64 {
        let scratch = product(&[self.floats, 4]).saturating_add(product(&[self.numbers, 2])).saturating_add(self.bytes);
        self.kept_bytes.saturating_add(scratch.max(self.packing_bytes))
    }
}

/// How many of what a [`super::tiling::Tiling`] will have.
#[derive(Clone, Copy, Debug)]
pub(super) struct TilingSize {
    pub windows: u64,
    pub segments: u64,
    /// Numbers of a segment.
    pub length: u64,
    /// Of all groups: each has eight output channels of one group at most.
    pub registers: u64,
}

impl TilingSize {
    /// Arguments as those of [`super::tiling::Tiling::new`].
    pub fn new(kernel: [usize; 2], windows: [usize; 2], channels: [usize; 2], groups: usize) -> Self {
        let groups = groups.max(1);
        let [group_cin, group_cout] = channels.map(|channels| channels / groups);
        let [rows, columns] = kernel.map(|extent| extent as u64);
        let (steps, length) = match groups {
            1 => (1, product(&[columns, group_cin as u64])),
            _ => (columns, group_cin as u64),
        };
        Self {
            windows: product(&windows.map(|extent| extent as u64)),
            segments: product(&[rows, steps]),
            length,
            registers: product(&[groups as u64, group_cout.div_ceil(EIGHT) as u64]),
        }
    }

    /// Bytes of the places of windows and segments.
    pub fn place_bytes(&self) -> u64 {
        product(&[self.windows.saturating_add(self.segments), size_of::<usize>() as u64])
    }

    /// Registers of filters whose taps are taken `at_a_time`.
    pub fn filter_registers(&self, at_a_time: u64) -> u64 {
        product(&[self.registers, self.segments, self.length.div_ceil(at_a_time)])
    }
}

/// Numbers of a frame that is copied.
pub(super) fn frame_numbers(frame: &Frame) -> u64 {
    frame.scratch() as u64
}

pub(super) fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor))
}
