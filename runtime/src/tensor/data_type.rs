/// The type of a value's or weight's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// Unsigned bytes: images.
    U8,
    /// 32-bit floating point.
    F32,
    /// Signed bytes that stand for real numbers, see [`super::Quantization`].
    I8,
    /// 32-bit integers: biases of quantised operators.
    I32,
}

impl DataType {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::F32 | Self::I32 => 4,
        }
    }
}
