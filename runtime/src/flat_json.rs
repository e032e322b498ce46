//! JSON of strings as model files have it: `["a", "b"]`, `{"a": "b"}` and `{"a": ["b", "c"]}`.
//!
//! A library that deploys shall not bring a JSON parser of six crates for two lines of text; and text from a model file may
//! nest as deep as it likes, which is an error here and no recursion.

use alloc::string::String;
use alloc::vec::Vec;

/// The items of an array of strings; `None` for other text.
#[cfg(any(test, feature = "std"))]
pub(crate) fn strings(json: &str) -> Option<Vec<String>> {
    Reader { rest: json }.whole(Reader::strings)
}

/// The entries of an object of strings; `None` for other text.
#[cfg(any(test, feature = "std"))]
pub(crate) fn string_pairs(json: &str) -> Option<Vec<(String, String)>> {
    Reader { rest: json }.whole(|reader| reader.entries(Reader::string))
}

/// The entries of an object of arrays of strings; `None` for other text.
pub(crate) fn string_lists(json: &str) -> Option<Vec<(String, Vec<String>)>> {
    Reader { rest: json }.whole(|reader| reader.entries(Reader::strings))
}

struct Reader<'j> {
    rest: &'j str,
}

impl Reader<'_> {
    /// What is read, and nothing behind it.
    fn whole<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<T> {
        let value = read(self)?;
        self.skip_space();
        self.rest.is_empty().then_some(value)
    }

    fn strings(&mut self) -> Option<Vec<String>> {
        self.items(['[', ']'], Self::string)
    }

    fn entries<T>(&mut self, value: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<(String, T)>> {
        self.items(['{', '}'], |reader| {
            let name = reader.string()?;
            reader.mark(':')?;
            Some((name, value(reader)?))
        })
    }

    /// Items with commas between brackets.
    fn items<T>(&mut self, [open, close]: [char; 2], item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.mark(open)?;
        if self.mark(close).is_none() {
            items.push(item(self)?);
            while self.mark(',').is_some() {
                items.push(item(self)?);
            }
            self.mark(close)?;
        }
        Some(items)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Goes on behind the mark, if it comes next.
    fn mark(&mut self, mark: char) -> Option<()> {
        self.skip_space();
        self.rest = self.rest.strip_prefix(mark)?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn string(&mut self) -> Option<String> {
        self.mark('"')?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escaped()?),
                control if control < ' ' => return None,
                letter => text.push(letter),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            letter @ ('"' | '\\' | '/') => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.code_point(),
            _ => return None,
        })
    }

    /// One unit of UTF-16, or two that belong together.
    fn code_point(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        self.rest = self.rest.strip_prefix("\\u")?;
        let second = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
    }

    fn unit(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        // The parser of numbers would take a sign, too.
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_json_of_strings_is_read() {
        let cases: [(&str, &[&str]); 6] = [
            ("[]", &[]),
            (" [ \"\" ]\n", &[""]),
            (r#"["a","b \"c\" \\ \/"]"#, &["a", "b \"c\" \\ /"]),
            (r#"["caf\u00e9", "Å", "\ud83d\ude00"]"#, &["café", "Å", "😀"]),
            (r#"["\n\t\r\b\f"]"#, &["\n\t\r\u{8}\u{c}"]),
            ("[\"[{\"]", &["[{"]),
        ];
        for (json, want) in cases {
            assert_eq!(strings(json).as_deref(), Some(&want.iter().map(|s| (*s).into()).collect::<Vec<String>>()[..]));
        }
        let pairs = string_pairs(r#"{"a": "x", "b" :"y"}"#).unwrap();
        assert_eq!(pairs, [("a".into(), "x".into()), ("b".into(), "y".into())]);
        assert_eq!(string_pairs("{}"), Some(std::vec![]));
        let lists = string_lists(r#" {"turns": ["0°" , "90\u00b0"], "grey":[]} "#).unwrap();
        assert_eq!(lists, [("turns".into(), std::vec!["0°".into(), "90°".into()]), ("grey".into(), std::vec![])]);
    }

    #[test]
    fn other_text_is_refused() {
        let deep = "[".repeat(1_000_000);
        for json in [
            "",
            "a",
            "[",
            "[\"a\"",
            "[\"a]",
            "[\"a\",]",
            "[,]",
            "[1]",
            "[\"a\"] x",
            "[[\"a\"]]",
            "{\"a\":\"b\"}",
            "[\"\\x\"]",
            "[\"\\u00g0\"]",
            "[\"\\u+041\"]",
            "[\"\\ud800\"]",
            "[\"\\ud800\\u0041\"]",
            "[\"\\udc00\"]",
            "[\"\\u12",
            "[\"a\nb\"]",
            &deep,
        ] {
            assert_eq!(strings(json), None, "{}", json.chars().take(20).collect::<String>());
        }
        for json in ["[]", "{\"a\"}", "{\"a\":1}", "{\"a\":\"b\",}", "{\"a\" \"b\"}"] {
            assert_eq!(string_pairs(json), None, "{json}");
        }
        for json in ["[]", "{\"a\":\"b\"}", "{\"a\":[\"b\"}", "{\"a\":[[\"b\"]]}", "{\"a\":[]} x"] {
            assert_eq!(string_lists(json), None, "{json}");
        }
    }
}
