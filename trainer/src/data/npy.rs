//! NumPy's `.npy` files, as far as 3DIEBench's layout needs them: floats, whole numbers and strings of either byte order.
//!
//! `f4` and `f8`, `i1` to `i8`, `u1` to `u8`, `U` (code points) and `S` (bytes) are read; `<f4`, `<f8`, `<i8` and `<U` are
//! written.
//!
//! The format: `\x93NUMPY`, major and minor version, length of the header (2 bytes in version 1, 4 in 2 and 3), a
//! Python dictionary padded with spaces to a multiple of 64 bytes, the values in row-major order.

use std::fs;
use std::io::Write;
use std::iter::repeat;
use std::path::Path;

use super::DataError;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
const ALIGNMENT_BYTES: usize = 64;

/// An array as NumPy stores it.
#[derive(Clone, Debug, PartialEq)]
pub struct NpyArray {
    /// Sizes of the dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: NpyValues,
}

/// The values of an array, by type.
#[derive(Clone, Debug, PartialEq)]
pub enum NpyValues {
    /// `<f4`.
    F32(Vec<f32>),
    /// `<f8`.
    F64(Vec<f64>),
    /// `<i8`.
    I64(Vec<i64>),
    /// `<U`: strings of code points.
    Text(Vec<String>),
}

impl NpyArray {
    /// A one-dimensional array.
    pub fn vector(values: NpyValues) -> Self {
        Self { shape: vec![values.len()], values }
    }
}

impl NpyValues {
    fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Code points per string: that of the longest, and at least 1, as NumPy has it.
    fn text_width(values: &[String]) -> usize {
        values.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1)
    }

    fn descr(&self) -> String {
        match self {
            Self::F32(_) => "<f4".to_owned(),
            Self::F64(_) => "<f8".to_owned(),
            Self::I64(_) => "<i8".to_owned(),
            Self::Text(values) => format!("<U{}", Self::text_width(values)),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::F64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::I64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Text(values) => {
                let width = Self::text_width(values);
                let points = values.iter().flat_map(|text| text.chars().map(u32::from).chain(repeat(0)).take(width));
                points.flat_map(u32::to_le_bytes).collect()
            }
        }
    }
}

/// Writes an array in format 1.0, byte for byte as `numpy.save` does.
///
/// # Errors
/// When the writer refuses.
pub fn write_npy(mut to: impl Write, array: &NpyArray) -> std::io::Result<()> {
    let shape: Vec<String> = array.shape.iter().map(usize::to_string).collect();
    let shape = if let [one] = shape.as_slice() { format!("({one},)") } else { format!("({})", shape.join(", ")) };
    let mut header = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", array.values.descr());
    let unpadded = MAGIC.len() + 4 + header.len() + 1;
    header.push_str(&" ".repeat(unpadded.next_multiple_of(ALIGNMENT_BYTES) - unpadded));
    header.push('\n');
    let header_bytes = u16::try_from(header.len()).map_err(|_| std::io::Error::other("too many dimensions"))?;
    to.write_all(MAGIC)?;
    to.write_all(&[1, 0])?;
    to.write_all(&header_bytes.to_le_bytes())?;
    to.write_all(header.as_bytes())?;
    to.write_all(&array.values.bytes())
}

/// The array in a file.
///
/// # Errors
/// When the file cannot be read, or is no array of a known type.
pub fn read_npy(path: &Path) -> Result<NpyArray, DataError> {
    let bytes = fs::read(path).map_err(DataError::io(path))?;
    parse_npy(&bytes).map_err(|reason| DataError::malformed(path, reason))
}

/// The array in the bytes of a file.
///
/// # Errors
/// What is wrong, in words, when the bytes are no array of a known type.
pub fn parse_npy(bytes: &[u8]) -> Result<NpyArray, String> {
    let (header, body) = split_header(bytes)?;
    let descr = quoted(value_of(header, "descr")?)?;
    let shape = tuple(value_of(header, "shape")?)?;
    if value_of(header, "fortran_order")?.starts_with("True") && shape.len() > 1 {
        return Err("a column-major array; save it with order='C'".to_owned());
    }
    let count = shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side)).ok_or("its shape is absurd")?;
    Ok(NpyArray { values: values(descr, count, body)?, shape })
}

fn split_header(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let rest = bytes.strip_prefix(MAGIC).ok_or("not a NumPy file (.npy)")?;
    let truncated = || "truncated within its header".to_owned();
    let (version, rest) = rest.split_at_checked(2).ok_or_else(truncated)?;
    let length_bytes = match version[0] {
        1 => 2,
        2 | 3 => 4,
        other => return Err(format!("NumPy format {other}, known are 1 to 3")),
    };
    let (length, rest) = rest.split_at_checked(length_bytes).ok_or_else(truncated)?;
    let length = length.iter().rev().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
    let (header, body) = rest.split_at_checked(length).ok_or_else(truncated)?;
    Ok((std::str::from_utf8(header).map_err(|_| "its header is not text")?, body))
}

/// What follows `'key':` in a Python dictionary.
fn value_of<'a>(dictionary: &'a str, key: &str) -> Result<&'a str, String> {
    let quoted_key = format!("'{key}':");
    let (_, value) = dictionary.split_once(&quoted_key).ok_or_else(|| format!("its header has no {key}"))?;
    Ok(value.trim_start())
}

fn quoted(value: &str) -> Result<&str, String> {
    let inner = value.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    inner.map(|(inner, _)| inner).ok_or_else(|| "records are not known".to_owned())
}

fn tuple(value: &str) -> Result<Vec<usize>, String> {
    let inner = value.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or("its shape is no tuple")?.0;
    let sides = inner.split(',').map(str::trim).filter(|side| !side.is_empty());
    sides.map(|side| side.parse().map_err(|_| format!("its shape has the side `{side}`"))).collect()
}

fn values(descr: &str, count: usize, body: &[u8]) -> Result<NpyValues, String> {
    let unknown = || {
        format!(
            "values of type {descr}, known are floats (f4, f8), whole numbers (i1 to i8, u1 to u8) and strings (U, S)"
        )
    };
    if descr.contains('O') {
        return Err("Python objects; save the list with astype(str), the labels with astype(int)".to_owned());
    }
    let (order, kind) = descr.split_at_checked(1).ok_or_else(unknown)?;
    let is_big = match order {
        "<" | "|" | "=" => false,
        ">" => true,
        _ => return Err(unknown()),
    };
    let (kind, width) = kind.split_at_checked(1).ok_or_else(unknown)?;
    let width: usize = width.parse().map_err(|_| unknown())?;
    match (kind, width) {
        ("f", 4) => Ok(NpyValues::F32(numbers(count, body, is_big, f32::from_le_bytes)?)),
        ("f", 8) => Ok(NpyValues::F64(numbers(count, body, is_big, f64::from_le_bytes)?)),
        ("i", 1) => whole(count, body, is_big, i8::from_le_bytes),
        ("i", 2) => whole(count, body, is_big, i16::from_le_bytes),
        ("i", 4) => whole(count, body, is_big, i32::from_le_bytes),
        ("i", 8) => whole(count, body, is_big, i64::from_le_bytes),
        ("u", 1) => whole(count, body, is_big, u8::from_le_bytes),
        ("u", 2) => whole(count, body, is_big, u16::from_le_bytes),
        ("u", 4) => whole(count, body, is_big, u32::from_le_bytes),
        ("u", 8) => whole(count, body, is_big, u64::from_le_bytes),
        ("U", width) => Ok(NpyValues::Text(texts(count, width, body, is_big)?)),
        ("S", width) => Ok(NpyValues::Text(byte_texts(count, width, body)?)),
        _ => Err(unknown()),
    }
}

/// Whole numbers of any type that fit into 64 bits with a sign.
fn whole<T: TryInto<i64>, const N: usize>(
    count: usize,
    body: &[u8],
    is_big: bool,
    from_le: fn([u8; N]) -> T,
) -> Result<NpyValues, String> {
    let read = numbers(count, body, is_big, from_le)?;
    let fitting = read.into_iter().map(|value| value.try_into().map_err(|_| "a number beyond 2^63".to_owned()));
    Ok(NpyValues::I64(fitting.collect::<Result<_, _>>()?))
}

fn numbers<T, const N: usize>(
    count: usize,
    body: &[u8],
    is_big: bool,
    from_le: fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    check_length(count, N, body)?;
    Ok(body.as_chunks::<N>().0.iter().map(|bytes| from_le(in_little_endian(*bytes, is_big))).collect())
}

fn in_little_endian<const N: usize>(mut bytes: [u8; N], is_big: bool) -> [u8; N] {
    if is_big {
        bytes.reverse();
    }
    bytes
}

fn texts(count: usize, width: usize, body: &[u8], is_big: bool) -> Result<Vec<String>, String> {
    let text_bytes = width.checked_mul(4).ok_or("its strings are absurdly long")?;
    strings(count, text_bytes, body, |bytes| text(bytes, is_big))
}

/// Strings of bytes, which must be UTF-8.
fn byte_texts(count: usize, width: usize, body: &[u8]) -> Result<Vec<String>, String> {
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).map_err(|_| "a string of bytes is not UTF-8".to_owned())?;
        Ok(text.trim_end_matches('\0').to_owned())
    };
    strings(count, width, body, text)
}

fn strings(
    count: usize,
    text_bytes: usize,
    body: &[u8],
    text: impl Fn(&[u8]) -> Result<String, String>,
) -> Result<Vec<String>, String> {
    check_length(count, text_bytes, body)?;
    if text_bytes == 0 {
        return if count == 0 { Ok(Vec::new()) } else { Err("its strings have no length".to_owned()) };
    }
    body.chunks_exact(text_bytes).map(text).collect()
}

fn text(bytes: &[u8], is_big: bool) -> Result<String, String> {
    let points = bytes.as_chunks::<4>().0.iter().map(|point| u32::from_le_bytes(in_little_endian(*point, is_big)));
    let text: Option<String> = points.map(char::from_u32).collect();
    text.map(|text| text.trim_end_matches('\0').to_owned()).ok_or_else(|| "a string is not Unicode".to_owned())
}

fn check_length(count: usize, value_bytes: usize, body: &[u8]) -> Result<(), String> {
    let want = count.checked_mul(value_bytes).ok_or("its shape is absurd")?;
    match body.len() {
        have if have < want => Err(format!("truncated: {have} bytes of values, its shape needs {want}")),
        have if have > want => Err(format!("{} bytes too long for its shape", have - want)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(array: &NpyArray) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, array).unwrap();
        bytes
    }

    /// The first bytes of `numpy.save`'s output for these arrays (NumPy 2).
    #[test]
    fn files_are_those_that_numpy_writes() {
        let cases = [
            (
                NpyArray::vector(NpyValues::F64(vec![1.0, -2.5])),
                "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }",
                [1.0f64.to_le_bytes(), (-2.5f64).to_le_bytes()].concat(),
            ),
            (
                NpyArray { shape: vec![1, 2], values: NpyValues::F32(vec![0.5, 1.0]) },
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }",
                vec![0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f],
            ),
            (
                NpyArray::vector(NpyValues::I64(vec![-1])),
                "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }",
                vec![0xff; 8],
            ),
            (
                NpyArray::vector(NpyValues::Text(vec!["/a".to_owned(), "é".to_owned()])),
                "{'descr': '<U2', 'fortran_order': False, 'shape': (2,), }",
                vec![b'/', 0, 0, 0, b'a', 0, 0, 0, 0xe9, 0, 0, 0, 0, 0, 0, 0],
            ),
        ];
        for (array, dictionary, body) in cases {
            let header = format!("{dictionary:<117}\n");
            let golden = [b"\x93NUMPY\x01\x00\x76\x00".as_slice(), header.as_bytes(), &body].concat();
            assert_eq!(written(&array), golden, "{dictionary}");
            assert_eq!(parse_npy(&golden).as_ref(), Ok(&array), "{dictionary}");
        }
    }

    #[test]
    fn every_harmless_type_is_read() {
        let numbers = NpyValues::I64(vec![1, 200]);
        let negative = NpyValues::I64(vec![-2, 3]);
        let floats = NpyValues::F64(vec![-0.5, 2.0]);
        let words = NpyValues::Text(vec!["/a".to_owned(), "b".to_owned()]);
        let cases: [(&str, Vec<u8>, &NpyValues); 14] = [
            ("|u1", vec![1, 200], &numbers),
            ("<u2", vec![1, 0, 200, 0], &numbers),
            (">i2", vec![0, 1, 0, 200], &numbers),
            ("<i4", vec![1, 0, 0, 0, 200, 0, 0, 0], &numbers),
            (">u4", vec![0, 0, 0, 1, 0, 0, 0, 200], &numbers),
            ("<u8", [1u64.to_le_bytes(), 200u64.to_le_bytes()].concat(), &numbers),
            (">i8", [1i64.to_be_bytes(), 200i64.to_be_bytes()].concat(), &numbers),
            ("|i1", vec![0xfe, 3], &negative),
            ("<i4", [(-2i32).to_le_bytes(), 3i32.to_le_bytes()].concat(), &negative),
            (">i4", [(-2i32).to_be_bytes(), 3i32.to_be_bytes()].concat(), &negative),
            (">f8", [(-0.5f64).to_be_bytes(), 2f64.to_be_bytes()].concat(), &floats),
            ("=f8", [(-0.5f64).to_le_bytes(), 2f64.to_le_bytes()].concat(), &floats),
            ("|S2", b"/ab\0".to_vec(), &words),
            (">U2", [47u32, 97, 98, 0].iter().flat_map(|point| point.to_be_bytes()).collect(), &words),
        ];
        for (descr, body, expected) in cases {
            let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2,), }}\n");
            let length = u16::try_from(header.len()).unwrap().to_le_bytes();
            let bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &body].concat();
            assert_eq!(parse_npy(&bytes).map(|array| array.values).as_ref(), Ok(expected), "{descr}");
        }
    }

    #[test]
    fn later_versions_and_empty_arrays_are_read() {
        let header = b"{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }\n";
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        bytes.extend(2.0f32.to_le_bytes());
        assert_eq!(parse_npy(&bytes), Ok(NpyArray::vector(NpyValues::F32(vec![2.0]))));
        let none = NpyArray::vector(NpyValues::Text(Vec::new()));
        assert_eq!(parse_npy(&written(&none)), Ok(none));
    }

    #[test]
    fn broken_files_are_named_as_what_they_are() {
        let good = written(&NpyArray { shape: vec![2, 2], values: NpyValues::F64(vec![1.0; 4]) });
        let edited = |from: &str, to: &str| {
            let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat()
        };
        let cases = [
            ("empty", Vec::new(), "not a NumPy file"),
            ("other format", b"PK\x03\x04".to_vec(), "not a NumPy file"),
            ("no header", good[..9].to_vec(), "truncated within its header"),
            ("half a header", good[..60].to_vec(), "truncated within its header"),
            ("half the values", good[..good.len() - 3].to_vec(), "truncated: 29 bytes of values, its shape needs 32"),
            ("too long", [good.as_slice(), &[0]].concat(), "1 bytes too long"),
            ("future version", edited("\u{1}\0v", "\u{9}\0v"), "NumPy format 9"),
            ("complex numbers", edited("<f8", "<c8"), "values of type <c8"),
            ("no byte order", edited("<f8", "?f8"), "values of type ?f8"),
            ("Python objects", edited("<f8", "|O8"), "Python objects"),
            ("column-major", edited("False", "True "), "column-major"),
            ("absurd shape", edited("(2, 2), }        ", "(99999999999,99),"), "truncated"),
            ("overflowing shape", edited("(2, 2), }              ", "(9999999999,9999999999)"), "absurd"),
            ("negative side", edited("(2, 2)", "(2,-2)"), "the side `-2`"),
            ("no dtype", edited("'descr'", "'xescr'"), "no descr"),
            ("record dtype", edited("'<f8'", "[<f8]"), "records"),
        ];
        for (name, bytes, want) in cases {
            let got = parse_npy(&bytes).expect_err(name);
            assert!(got.contains(want), "{name}: {got}");
        }
    }

    #[test]
    fn a_full_disk_is_reported() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error = write_npy(Full, &NpyArray::vector(NpyValues::I64(vec![1]))).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            numbers in prop::collection::vec(any::<f64>().prop_filter("compared", |x| !x.is_nan()), 0..20),
            texts in prop::collection::vec("[^\\x00]{0,5}", 0..9),
        ) {
            let texts = NpyArray::vector(NpyValues::Text(texts));
            prop_assert_eq!(parse_npy(&written(&texts)), Ok(texts));
            let numbers = NpyArray::vector(NpyValues::F64(numbers));
            prop_assert_eq!(parse_npy(&written(&numbers)), Ok(numbers));
        }

        #[test]
        fn flipped_bits_never_panic(at in 0usize..160, bit in 0u8..8) {
            let mut bytes = written(&NpyArray::vector(NpyValues::Text(vec!["/a/b/".to_owned(), "/c/".to_owned()])));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            let _ = parse_npy(&bytes);
        }
    }
}
