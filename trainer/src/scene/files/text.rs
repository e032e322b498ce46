//! Text of mesh files: programs write it with and without byte order marks, in many encodings, with any line ends.

use std::borrow::Cow;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The bytes of a text without its byte order mark; UTF-16, which such a mark tells, as UTF-8.
pub(super) fn without_mark(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(from_utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(from_utf16(rest, u16::from_be_bytes)),
        _ => Cow::Borrowed(bytes.strip_prefix(UTF8_MARK).unwrap_or(bytes)),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.as_chunks().0.iter().map(|pair| unit(*pair));
    let text: String =
        char::decode_utf16(units).map(|decoded| decoded.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.into_bytes()
}

/// The lines of a text, whatever ends them (`\n`, `\r\n` or `\r`), each decoded by itself.
///
/// A line that is not UTF-8 is taken for Latin-1: no byte is lost, so that names stay different from each other.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.filter(|text| !text.is_empty())?;
        let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(text.len());
        let line_end = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = text.get(end + line_end..);
        Some(decoded(&text[..end]))
    })
}

/// A line as text: UTF-8, or else Latin-1.
pub(super) fn decoded(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(line.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// The number in a word; the error quotes the word, and says what is wrong with it.
pub(super) fn number(word: &str) -> Result<f64, String> {
    match word.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err(format!("`{}` is not a finite number", shortened(word))),
        Err(_) if word.replacen(',', ".", 1).parse::<f64>().is_ok() => {
            Err(format!("`{}` has a decimal comma; export with decimal points", shortened(word)))
        }
        Err(_) => Err(format!("`{}` is no number", shortened(word))),
    }
}

/// A text for messages, cut when it is long.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    let clean: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() { clean + "..." } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_off_and_utf16_is_decoded() {
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> { "\u{feff}vü 1".encode_utf16().flat_map(unit).collect() };
        for bytes in ["vü 1".as_bytes(), "\u{feff}vü 1".as_bytes(), &utf16(u16::to_le_bytes), &utf16(u16::to_be_bytes)]
        {
            assert_eq!(without_mark(bytes).as_ref(), "vü 1".as_bytes());
        }
        assert_eq!(without_mark(b"\xff\xfe\x00\xd8v").as_ref(), "\u{fffd}".as_bytes(), "half a pair, half a unit");
        assert_eq!(without_mark(b"").as_ref(), b"");
    }

    #[test]
    fn lines_end_in_any_way_and_are_decoded_one_by_one() {
        let cases: [(&[u8], &[&str]); 6] = [
            (b"a\nb\n", &["a", "b"]),
            (b"a\r\nb", &["a", "b"]),
            (b"a\rb\r", &["a", "b"]),
            (b"a\n\nb", &["a", "", "b"]),
            (b"", &[]),
            (b"St\xfctze\nSt\xc3\xbctze\n\xc1\xe3", &["Stütze", "Stütze", "Áã"]),
        ];
        for (text, expected) in cases {
            assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_finite_and_errors_quote_them() {
        for (word, expected) in [("1.5", 1.5), ("-2e+003", -2000.0), (".5", 0.5), ("5.", 5.0), ("+1", 1.0)] {
            assert_eq!(number(word), Ok(expected));
        }
        for (word, expected) in [
            ("1,5", "`1,5` has a decimal comma"),
            ("nan", "`nan` is not a finite number"),
            ("-inf", "`-inf` is not"),
            ("1e999", "`1e999` is not"),
            ("zero", "`zero` is no number"),
            ("", "`` is no number"),
        ] {
            assert!(number(word).expect_err(word).starts_with(expected), "{word}: {:?}", number(word));
        }
        assert_eq!(shortened(&"x".repeat(60)), "x".repeat(40) + "...");
    }
}
