//! Parameters of operators, and their bytes in a model file.

use crate::tensor::Activation;

/// Names a weight of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeightId(pub u32);

/// Zero padding in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Padding {
    /// Rows above.
    pub top: u16,
    /// Columns to the left.
    pub left: u16,
    /// Rows below.
    pub bottom: u16,
    /// Columns to the right.
    pub right: u16,
}

/// Bytes of the parameters in a node's record.
pub(crate) const PARAMETER_BYTES: usize = 44;
/// Where the bounds of an activation's clamp stand in them.
pub(super) const CLAMP_BOUNDS: usize = 36;

/// The activation and the bytes of the parameters of a node's record.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'r> {
    pub activation: Activation,
    pub bytes: &'r [u8; PARAMETER_BYTES],
}

impl Parameters<'_> {
    pub fn u16(&self, offset: usize) -> u16 {
        let two = self.bytes.get(offset..).and_then(|rest| rest.first_chunk::<2>());
        two.map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    pub fn u32(&self, offset: usize) -> u32 {
        let four = self.bytes.get(offset..).and_then(|rest| rest.first_chunk::<4>());
        four.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

/// The same in the making.
#[cfg(feature = "alloc")]
pub(super) struct NewParameters {
    pub activation: Activation,
    pub bytes: [u8; PARAMETER_BYTES],
}

#[cfg(feature = "alloc")]
impl NewParameters {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes.iter_mut().skip(offset).zip(bytes).for_each(|(to, from)| *to = *from);
    }
}

/// Which bytes of the parameters mean something, a bit each, and whether the activation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places(u64);

impl Places {
    pub const NONE: Self = Self(0);
    const ACTIVATION: Self = Self(1 << 63);

    /// Of a parameter of that many bytes ([`Parameter::BYTES`]).
    pub const fn of(first: usize, count: usize) -> Self {
        assert!(first + count <= PARAMETER_BYTES, "a parameter ends after the record");
        if count == 0 { Self::ACTIVATION } else { Self(((1 << count) - 1) << first) }
    }

    /// # Panics
    /// When both have a byte in common: a table of operators that is not right does not compile.
    pub const fn and(self, other: Self) -> Self {
        assert!(self.0 & other.0 == 0, "two parameters share a byte");
        Self(self.0 | other.0)
    }

    pub const fn with_activation(self) -> bool {
        self.0 & Self::ACTIVATION.0 != 0
    }

    pub const fn has_byte(self, index: usize) -> bool {
        self.0 >> index & 1 != 0
    }

    /// How many bytes.
    #[cfg(test)]
    pub fn count(self) -> usize {
        (self.0 & !Self::ACTIVATION.0).count_ones() as usize
    }
}

/// A parameter of an operator.
pub(super) trait Parameter: Copy {
    /// In a record; 0 for the activation, which has its own field.
    const BYTES: usize;

    fn read(from: &Parameters<'_>, offset: usize) -> Self;
    #[cfg(feature = "alloc")]
    fn write(self, to: &mut NewParameters, offset: usize);

    /// Whether some operator could have it.
    fn is_valid(&self) -> bool {
        true
    }

    /// The constant that it names.
    #[cfg(feature = "alloc")]
    fn weight(&self) -> Option<WeightId> {
        None
    }

    #[cfg(feature = "alloc")]
    fn change_weight(&mut self, other: &mut impl FnMut(WeightId) -> WeightId) {
        let _ = other;
    }
}

/// Numbers that stand little-endian.
macro_rules! numbers {
    ($($number:ty: |$from:ident, $offset:ident| $read:expr;)+) => {$(
        impl Parameter for $number {
            const BYTES: usize = size_of::<$number>();

            #[inline(always)]
            fn read($from: &Parameters<'_>, $offset: usize) -> Self {
                $read
            }

            #[cfg(feature = "alloc")]
            fn write(self, to: &mut NewParameters, offset: usize) {
                to.put(offset, &self.to_le_bytes());
            }
        }
    )+};
}

numbers! {
    u8: |from, offset| from.bytes.get(offset).copied().unwrap_or(0);
    u16: |from, offset| from.u16(offset);
    u32: |from, offset| from.u32(offset);
    f32: |from, offset| f32::from_bits(from.u32(offset));
}

impl<T: Parameter, const N: usize> Parameter for [T; N] {
    const BYTES: usize = N * T::BYTES;

    #[inline(always)]
    fn read(from: &Parameters<'_>, offset: usize) -> Self {
        core::array::from_fn(|index| T::read(from, offset + index * T::BYTES))
    }

    #[cfg(feature = "alloc")]
    fn write(self, to: &mut NewParameters, offset: usize) {
        self.into_iter().enumerate().for_each(|(index, value)| value.write(to, offset + index * T::BYTES));
    }
}

/// All zero for none.
impl Parameter for Option<[u16; 2]> {
    const BYTES: usize = 4;

    #[inline(always)]
    fn read(from: &Parameters<'_>, offset: usize) -> Self {
        (from.u32(offset) != 0).then_some(Parameter::read(from, offset))
    }

    #[cfg(feature = "alloc")]
    fn write(self, to: &mut NewParameters, offset: usize) {
        self.unwrap_or_default().write(to, offset);
    }
}

impl Parameter for Padding {
    const BYTES: usize = 8;

    #[inline(always)]
    fn read(from: &Parameters<'_>, offset: usize) -> Self {
        let [top, left, bottom, right] = Parameter::read(from, offset);
        Self { top, left, bottom, right }
    }

    #[cfg(feature = "alloc")]
    fn write(self, to: &mut NewParameters, offset: usize) {
        [self.top, self.left, self.bottom, self.right].write(to, offset);
    }
}

impl Parameter for WeightId {
    const BYTES: usize = 4;

    #[inline(always)]
    fn read(from: &Parameters<'_>, offset: usize) -> Self {
        Self(from.u32(offset))
    }

    #[cfg(feature = "alloc")]
    fn write(self, to: &mut NewParameters, offset: usize) {
        self.0.write(to, offset);
    }

    #[cfg(feature = "alloc")]
    fn weight(&self) -> Option<WeightId> {
        Some(*self)
    }

    #[cfg(feature = "alloc")]
    fn change_weight(&mut self, other: &mut impl FnMut(WeightId) -> WeightId) {
        *self = other(*self);
    }
}

impl Parameter for Activation {
    const BYTES: usize = 0;

    #[inline(always)]
    fn read(from: &Parameters<'_>, _: usize) -> Self {
        from.activation
    }

    #[cfg(feature = "alloc")]
    fn write(self, to: &mut NewParameters, _: usize) {
        to.activation = self;
        if let Self::Clamp { low, high } = self {
            [low, high].write(to, CLAMP_BOUNDS);
        }
    }

    fn is_valid(&self) -> bool {
        Self::is_valid(*self)
    }
}
