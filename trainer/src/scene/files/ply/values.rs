//! Values behind the header, as text or binary.

use super::super::text;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoding {
    Ascii,
    LittleEndian,
    BigEndian,
}

impl Encoding {
    pub fn parse(name: &str) -> Result<Self, String> {
        match name.to_ascii_lowercase().as_str() {
            "ascii" => Ok(Self::Ascii),
            "binary_little_endian" => Ok(Self::LittleEndian),
            "binary_big_endian" => Ok(Self::BigEndian),
            _ => Err(format!("unknown format {}", text::shortened(name))),
        }
    }
}

/// Type of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Scalar {
    pub fn parse(name: &str) -> Result<Self, String> {
        Ok(match name.to_ascii_lowercase().as_str() {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "int64" => Self::I64,
            "uint64" => Self::U64,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return Err(format!("unknown type {}", text::shortened(name))),
        })
    }
}

/// What is left of a file.
pub struct Values<'a> {
    pub encoding: Encoding,
    pub rest: &'a [u8],
}

impl<'a> Values<'a> {
    /// The next number; in text it may be NaN or infinite.
    ///
    /// # Errors
    /// When the file ends, or text is no number.
    pub fn next(&mut self, scalar: Scalar) -> Result<f64, String> {
        match self.encoding {
            Encoding::Ascii => {
                let word = self.next_word()?;
                match word.parse() {
                    Ok(number) => Ok(number),
                    Err(_) => text::number(&word),
                }
            }
            Encoding::LittleEndian | Encoding::BigEndian => self.next_binary(scalar),
        }
    }

    /// Leaves the next value out, whatever it is.
    ///
    /// # Errors
    /// When the file ends.
    pub fn skip(&mut self, scalar: Scalar) -> Result<(), String> {
        match self.encoding {
            Encoding::Ascii => self.next_word().map(|_| ()),
            Encoding::LittleEndian | Encoding::BigEndian => self.next_binary(scalar).map(|_| ()),
        }
    }

    fn next_word(&mut self) -> Result<std::borrow::Cow<'a, str>, String> {
        let start = self.rest.iter().position(|byte| !byte.is_ascii_whitespace()).ok_or("the file ends early")?;
        let word = &self.rest[start..];
        let end = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
        self.rest = &word[end..];
        Ok(text::decoded(&word[..end]))
    }

    fn next_binary(&mut self, scalar: Scalar) -> Result<f64, String> {
        Ok(match scalar {
            Scalar::I8 => f64::from(i8::from_le_bytes(self.take()?)),
            Scalar::U8 => f64::from(u8::from_le_bytes(self.take()?)),
            Scalar::I16 => f64::from(i16::from_le_bytes(self.take()?)),
            Scalar::U16 => f64::from(u16::from_le_bytes(self.take()?)),
            Scalar::I32 => f64::from(i32::from_le_bytes(self.take()?)),
            Scalar::U32 => f64::from(u32::from_le_bytes(self.take()?)),
            Scalar::I64 => i64::from_le_bytes(self.take()?) as f64,
            Scalar::U64 => u64::from_le_bytes(self.take()?) as f64,
            Scalar::F32 => f64::from(f32::from_le_bytes(self.take()?)),
            Scalar::F64 => f64::from_le_bytes(self.take()?),
        })
    }

    /// The next bytes, in little-endian order.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or("the file ends early")?;
        self.rest = rest;
        let mut bytes = *bytes;
        if self.encoding == Encoding::BigEndian {
            bytes.reverse();
        }
        Ok(bytes)
    }
}
