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

/// The statements of an OBJ or MTL file with the number of the line on which each begins: trimmed, neither empty nor
/// comments, and joined with the next line where a line ends in a backslash.
pub(super) fn statements(text: &[u8]) -> impl Iterator<Item = (usize, Cow<'_, str>)> {
    let mut lines = (1..).zip(lines(text));
    std::iter::from_fn(move || {
        loop {
            let (number, line) = lines.next()?;
            let mut statement = trimmed(line);
            if statement.is_empty() || statement.starts_with('#') {
                continue;
            }
            while let Some(start) = statement.strip_suffix('\\') {
                let (_, next) = lines.next().unwrap_or_default();
                statement = Cow::Owned(format!("{start} {}", next.trim()));
            }
            return Some((number, statement));
        }
    })
}

fn trimmed(line: Cow<'_, str>) -> Cow<'_, str> {
    match line {
        Cow::Borrowed(line) => Cow::Borrowed(line.trim()),
        Cow::Owned(line) => Cow::Owned(line.trim().to_owned()),
    }
}

/// The keyword of a statement, and what stands behind it.
pub(super) fn keyword(statement: &str) -> (&str, &str) {
    let (keyword, rest) = statement.split_once(char::is_whitespace).unwrap_or((statement, ""));
    (keyword, rest.trim_start())
}

/// A statement without the comment behind it. Names may hold a `#`, but hardly begin with one.
pub(super) fn without_comment(statement: &str) -> &str {
    let comment = statement
        .match_indices('#')
        .find(|(at, _)| statement[..*at].chars().next_back().is_none_or(char::is_whitespace));
    comment.map_or(statement, |(at, _)| statement[..at].trim_end())
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
    const LONGEST: usize = 100;
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
    fn statements_are_joined_and_comments_are_none() {
        let text = b"# a \\\nv 1 \\\r\n 2\t\\\n3\n\n\tf 1\n #\nend \\";
        let expected = [(2, "v 1  2\t 3"), (6, "f 1"), (8, "end  ")].map(|(line, text)| (line, Cow::Borrowed(text)));
        assert_eq!(statements(text).collect::<Vec<_>>(), expected);
        assert_eq!(keyword("usemtl\tred wall"), ("usemtl", "red wall"));
        assert_eq!(keyword("Ns"), ("Ns", ""));
        for (statement, expected) in [("1 2 # a", "1 2"), ("wall#2", "wall#2"), ("# a", ""), ("a #1 #2", "a"), ("", "")]
        {
            assert_eq!(without_comment(statement), expected);
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
        assert_eq!(shortened(&"x".repeat(101)), "x".repeat(100) + "...");
    }
}
