//! Bytes that a glTF file names: in the file itself, in an address that holds them, or in a file beside it.

use std::borrow::Cow;
use std::path::Path;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::scene::files::companion::read_companion;
use crate::scene::files::text;

/// Takes what exporters write: with padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes at an address: `data:`, or a file below `folder`, whose name may be percent-encoded.
///
/// # Errors
/// When they cannot be had, in words that name the file.
pub fn fetch(folder: &Path, address: &str) -> Result<Vec<u8>, String> {
    if let Some(data) = address.strip_prefix("data:") {
        return from_data_address(data);
    }
    if let Some((scheme, _)) = address.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        return Err(format!("{scheme} addresses are not fetched; put the file beside the mesh"));
    }
    let name = address.strip_prefix("file://").unwrap_or(address);
    let decoded = text::decoded(&percent_decoded(name)).into_owned();
    let bytes = read_companion(folder, &decoded).or_else(|error| {
        // Some exporters do not encode names, and a percent sign then stands for itself.
        if decoded == name { Err(error) } else { read_companion(folder, name).map_err(|_| error) }
    });
    bytes.map_err(|error| format!("{}: {error}", text::shortened(&decoded)))
}

/// `[MEDIA TYPE][;base64],DATA`.
fn from_data_address(data: &str) -> Result<Vec<u8>, String> {
    let (kind, data) = data.split_once(',').ok_or("a data: address without a comma")?;
    let bytes = percent_decoded(data);
    if !kind.to_ascii_lowercase().ends_with(";base64") {
        return Ok(bytes.into_owned());
    }
    let symbols: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64.decode(symbols).map_err(|error| format!("a data: address is no base64: {error}"))
}

/// Every `%` with two hexadecimal digits replaced by their byte; others stay.
fn percent_decoded(text: &str) -> Cow<'_, [u8]> {
    if !text.contains('%') {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let digits = digits.filter(|digits| *first == b'%' && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_addresses_hold_their_bytes() {
        for (address, expected) in [
            ("data:application/octet-stream;base64,AQID", &[1, 2, 3][..]),
            ("data:;base64,AQI=", &[1, 2]),
            ("data:image/png;BASE64,AQI", &[1, 2]),
            ("data:application/gltf-buffer;charset=x;base64,AQ\nID", &[1, 2, 3]),
            ("data:;base64,AQI%3D", &[1, 2]),
            ("data:text/plain,a%20b%", b"a b%"),
        ] {
            assert_eq!(fetch(Path::new(""), address).as_deref(), Ok(expected), "{address}");
        }
        for address in ["data:AQID", "data:;base64,***", "https://example.org/a.bin"] {
            assert!(fetch(Path::new(""), address).is_err(), "{address}");
        }
    }

    #[test]
    fn files_are_found_by_encoded_and_plain_names() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("a b")).expect("a folder");
        std::fs::write(folder.path().join("a b/é.bin"), [7]).expect("a file");
        std::fs::write(folder.path().join("50%25.bin"), [8]).expect("a file");
        for (name, expected) in
            [("a%20b/%C3%A9.bin", 7), ("a b/é.bin", 7), ("a b\\é.bin", 7), ("./a b/é.bin", 7), ("50%25.bin", 8)]
        {
            assert_eq!(fetch(folder.path(), name), Ok(vec![expected]), "{name}");
        }
        let error = fetch(folder.path(), "gone%20away.bin").expect_err("it is not there");
        assert!(error.contains("gone away.bin"), "{error}");
        assert!(fetch(folder.path(), "a b").expect_err("a folder").contains("no file"));
    }
}
