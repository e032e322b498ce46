//! The parts of a file: JSON, and in GLB files a block of binary data.

use serde::Deserialize;
use serde_json::Value;

use super::document::Document;

const MAGIC: &[u8] = b"glTF";
const JSON_CHUNK: u32 = u32::from_le_bytes(*b"JSON");
const BINARY_CHUNK: u32 = u32::from_le_bytes(*b"BIN\0");

/// The document of a GLB or glTF file, and the binary data that a GLB file carries.
///
/// # Errors
/// When the bytes are neither, or of another version of glTF.
pub fn open(bytes: &[u8]) -> Result<(Document, Option<&[u8]>), String> {
    let (json, binary) = if bytes.starts_with(MAGIC) { chunks(bytes)? } else { (bytes, None) };
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    check_version(json)?;
    let document = serde_json::from_slice(json).map_err(|error| format!("its JSON: {error}"))?;
    Ok((document, binary))
}

fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), String> {
    let mut rest = &bytes[MAGIC.len()..];
    let version = word(&mut rest)?;
    if version != 2 {
        return Err(other_version(&version.to_string()));
    }
    let promised = word(&mut rest)? as usize;
    let Some(mut rest) = bytes.get(bytes.len() - rest.len()..promised) else {
        return Err(format!("its header promises {promised} bytes, but there are {}; copy it again", bytes.len()));
    };
    let (mut json, mut binary) = (None, None);
    // A lone padding byte or three behind the last chunk are no chunk.
    while rest.len() >= 8 {
        let (length, kind) = (word(&mut rest)? as usize, word(&mut rest)?);
        let (chunk, behind) = rest.split_at_checked(length).ok_or("a chunk reaches beyond the end of the file")?;
        match kind {
            JSON_CHUNK => json = json.or(Some(chunk)),
            BINARY_CHUNK => binary = binary.or(Some(chunk)),
            // Chunks of extensions.
            _ => {}
        }
        rest = behind;
    }
    Ok((json.ok_or("the file holds no JSON")?, binary))
}

fn word(rest: &mut &[u8]) -> Result<u32, String> {
    let (bytes, behind) = rest.split_first_chunk().ok_or("the file ends early")?;
    *rest = behind;
    Ok(u32::from_le_bytes(*bytes))
}

fn check_version(json: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Head {
        asset: Option<Asset>,
    }
    #[derive(Deserialize)]
    struct Asset {
        version: Option<Value>,
    }
    let head: Head = serde_json::from_slice(json).map_err(|error| format!("its JSON: {error}"))?;
    let version = head.asset.and_then(|asset| asset.version).ok_or("its JSON has no asset.version")?;
    let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    if version == "2" || version.starts_with("2.") { Ok(()) } else { Err(other_version(&version)) }
}

fn other_version(version: &str) -> String {
    let version: String = version.chars().filter(|c| !c.is_control()).take(20).collect();
    format!("it is glTF {version}, and only glTF 2.0 is read; convert it to 2.0, for example with Blender")
}
