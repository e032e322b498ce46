//! Paths in JSON: as text, and in hexadecimal beside it where a name is not UTF-8 and the text is not exactly the path.

use std::path::{Path, PathBuf};

use serde::ser::{SerializeMap, Serializer};

/// Keys `path`, and `path_bytes` where it is needed; for a flattened field.
pub(crate) fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    entries(["path", "path_bytes"], Some(path), serializer)
}

/// Keys `sxt_path`, `null` without one, and `sxt_path_bytes` where it is needed; for a flattened field.
pub(crate) fn sxt_path<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    entries(["sxt_path", "sxt_path_bytes"], path.as_deref(), serializer)
}

fn entries<S: Serializer>([text, bytes]: [&str; 2], path: Option<&Path>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry(text, &path.map(Path::to_string_lossy))?;
    if let Some(path) = path.filter(|path| path.to_str().is_none()) {
        let hexadecimal = path.as_os_str().as_encoded_bytes().iter().map(|byte| format!("{byte:02x}"));
        map.serialize_entry(bytes, &hexadecimal.collect::<String>())?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    struct Report {
        #[serde(flatten, serialize_with = "path")]
        path: PathBuf,
        #[serde(flatten, serialize_with = "sxt_path")]
        sxt_path: Option<PathBuf>,
    }

    #[test]
    fn names_that_are_not_text_keep_their_bytes() {
        let json = |path: PathBuf| serde_json::to_string(&Report { sxt_path: Some(path.clone()), path }).unwrap();
        assert_eq!(json("é.sxt".into()), r#"{"path":"é.sxt","sxt_path":"é.sxt"}"#);
        let none = Report { path: "a".into(), sxt_path: None };
        assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"path":"a","sxt_path":null}"#);
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStringExt;
            let latin = std::ffi::OsString::from_vec(b"n\xe9w".to_vec());
            let expected = r#"{"path":"n�w","path_bytes":"6ee977","sxt_path":"n�w","sxt_path_bytes":"6ee977"}"#;
            assert_eq!(json(latin.into()), expected);
        }
    }
}
