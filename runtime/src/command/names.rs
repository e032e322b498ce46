//! Paths as they are shown and as they are written to JSON.

use std::path::Path;

use serde::Serialize;

/// A path in JSON. A name that is not UTF-8 would be merged with others there, so its bytes go beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathName {
    /// As text; what is not UTF-8 is replaced.
    pub text: String,
    /// The bytes in hexadecimal, where the text is not exactly the path.
    pub bytes: Option<String>,
}

impl PathName {
    pub fn of(path: &Path) -> Self {
        let bytes = match path.to_str() {
            Some(_) => None,
            None => Some(path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        Self { text: path.to_string_lossy().into_owned(), bytes }
    }
}

impl Serialize for PathName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// A name for people: control characters, which a terminal would follow, are escaped.
pub fn shown(name: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    name.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_followed() {
        assert_eq!(shown("a picture, café.png"), "a picture, café.png");
        assert_eq!(shown("a\nb\u{1b}[2Jc"), "a\\nb\\u{1b}[2Jc");
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_text_keep_their_bytes() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let plain = PathName::of(Path::new("café.png"));
        assert_eq!(plain, PathName { text: "café.png".into(), bytes: None });
        let latin = PathName::of(Path::new(OsStr::from_bytes(b"caf\xe9.png")));
        assert_eq!(latin, PathName { text: "caf\u{fffd}.png".into(), bytes: Some("636166e92e706e67".into()) });
    }
}
