//! STL in both forms, as the programs of others write it.

mod ascii;
mod binary;

use std::path::Path;

use self::ascii::push_ascii;
use self::binary::{HEADER_BYTES, TRIANGLE_BYTES, binary_count, push_binary};
use crate::scene::SourceError;
use crate::scene::files::opacity::SeeThrough;
use crate::scene::files::surface::Surface;
use crate::scene::files::text::without_mark;
use crate::scene::files::{LoadedMesh, malformed};

/// The mesh in the bytes of a binary or ASCII STL file; `path` is for messages.
///
/// All solids of a file are one mesh. The file's own normals are ignored: they are one per facet, and often wrong.
/// Colours of facets, as VisCAM and Magics write them into binary files, become materials.
///
/// # Errors
/// When the bytes are not such a mesh.
pub fn load_stl(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    let mut surface = Surface::new(path);
    let text = without_mark(bytes);
    match kind_of(bytes, &text) {
        Ok(Kind::Binary) => push_binary(bytes, &mut surface)?,
        Ok(Kind::Text) => push_ascii(path, &text, &mut surface)?,
        Err(reason) => return Err(malformed(path, reason)),
    }
    surface.into_loaded(SeeThrough::Drawn)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Binary,
    Text,
}

/// Tells the forms apart, or says what is wrong with a file that is neither.
fn kind_of(bytes: &[u8], text: &[u8]) -> Result<Kind, String> {
    let count = binary_count(bytes);
    let held = bytes.len().saturating_sub(HEADER_BYTES) / TRIANGLE_BYTES;
    let is_exact = bytes.len() == HEADER_BYTES + held * TRIANGLE_BYTES;
    if is_exact && count == Some(held) {
        return Ok(Kind::Binary);
    }
    // Headers of binary files may begin with `solid`, too; but they hold zeros, at least in the number of triangles.
    let start = &text[..text.len().min(HEADER_BYTES)];
    let is_text = !start.contains(&0);
    if is_text && begins_with_keyword(start) {
        return Ok(Kind::Text);
    }
    match count {
        None => Err(format!("neither ASCII nor binary STL: only {} bytes", bytes.len())),
        Some(0) if held > 0 => Err(format!("its header promises no triangles, but {held} may follow it")),
        Some(count) if count <= held => Ok(Kind::Binary),
        Some(_) if is_text => Err("neither ASCII nor binary STL: it does not begin with `solid`".into()),
        Some(count) => Err(format!("the file is cut: its header promises {count} triangles, but it holds {held}")),
    }
}

fn begins_with_keyword(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [&b"solid"[..], b"facet"].iter().any(|word| text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests;
