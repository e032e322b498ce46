//! Which pictures a command is to look at: files, standard input, folders and lists.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use sextant_runtime::command_line::warn;
use sextant_runtime::picture::is_named_as_picture;

use super::names::shown;

/// A picture's place. `-` is standard input.
pub type Source = PathBuf;

/// What names standard input.
pub const STDIN: &str = "-";

/// The pictures of the arguments, a folder replaced by the PNG and JPEG files in it, and then those of the list.
///
/// What a folder holds besides is counted in a warning on stderr.
pub fn expand(arguments: &[PathBuf], list: Option<&Path>) -> anyhow::Result<Vec<Source>> {
    let stdin_uses =
        arguments.iter().map(PathBuf::as_path).chain(list).filter(|path| *path == Path::new(STDIN)).count();
    if stdin_uses > 1 {
        bail!("standard input, `-`, can be read once only");
    }
    let mut sources = vec![];
    let listed = list.map(read_list).transpose()?.unwrap_or_default();
    for path in arguments.iter().cloned().chain(listed) {
        if path.is_dir() { sources.extend(pictures_in(&path)?) } else { sources.push(path) }
    }
    Ok(sources)
}

/// What a path names, to be read once.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    Ok(if path == Path::new(STDIN) { Box::new(io::stdin().lock()) } else { Box::new(fs::File::open(path)?) })
}

/// One path a line, relative to the current folder; empty lines do not count.
fn read_list(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let shown = shown(&path.to_string_lossy());
    let mut bytes = vec![];
    open(path).and_then(|mut file| file.read_to_end(&mut bytes)).with_context(|| shown.clone())?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let paths: Option<Vec<PathBuf>> = lines.filter(|line| !line.is_empty()).map(path_of_bytes).collect();
    let paths = paths.with_context(|| format!("{shown}: holds a name that is not UTF-8"))?;
    if paths.is_empty() {
        bail!("{shown}: lists no picture");
    }
    Ok(paths)
}

#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes.to_vec()).into())
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    Some(OsString::from(String::from_utf8(bytes.to_vec()).ok()?).into())
}

/// What there is in a folder besides pictures.
#[derive(Debug, Default, PartialEq, Eq)]
struct Skipped {
    folders: usize,
    hidden: usize,
    dead_links: usize,
    others: usize,
}

fn pictures_in(folder: &Path) -> anyhow::Result<Vec<Source>> {
    let shown = shown(&folder.to_string_lossy());
    let (pictures, skipped) = sorted_pictures(folder).with_context(|| shown.clone())?;
    if pictures.is_empty() {
        bail!("{shown}: a folder without PNG or JPEG files{}", skipped.in_words("; it has "));
    }
    let words = skipped.in_words("");
    if !words.is_empty() {
        warn(format_args!("{shown}: skipped {words}"));
    }
    Ok(pictures)
}

fn sorted_pictures(folder: &Path) -> io::Result<(Vec<Source>, Skipped)> {
    let (mut pictures, mut skipped) = (vec![], Skipped::default());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        match fs::metadata(&path) {
            _ if entry.file_name().as_encoded_bytes().starts_with(b".") => skipped.hidden += 1,
            Err(_) => skipped.dead_links += 1,
            Ok(metadata) if metadata.is_dir() => skipped.folders += 1,
            Ok(metadata) if metadata.is_file() && is_picture(&path) => pictures.push(path),
            Ok(_) => skipped.others += 1,
        }
    }
    pictures.sort();
    Ok((pictures, skipped))
}

/// By its name or by its first bytes; a broken one shall be named, not skipped.
fn is_picture(path: &Path) -> bool {
    let mut start = [0; 4];
    is_named_as_picture(path)
        || fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
            && (start == *b"\x89PNG" || start.starts_with(b"\xff\xd8\xff"))
}

impl Skipped {
    /// For example `1 other file, 2 folders`, after `before`; empty when nothing was skipped.
    fn in_words(&self, before: &str) -> String {
        let kinds = [
            (self.others, "other file", "other files"),
            (self.folders, "folder", "folders"),
            (self.hidden, "hidden entry", "hidden entries"),
            (self.dead_links, "dead link", "dead links"),
        ];
        let counted = kinds.iter().filter(|(count, ..)| *count > 0);
        let words: Vec<String> =
            counted.map(|(count, one, many)| format!("{count} {}", if *count == 1 { one } else { many })).collect();
        if words.is_empty() { String::new() } else { format!("{before}{}", words.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_counted() {
        let skipped = Skipped { folders: 2, hidden: 0, dead_links: 1, others: 1 };
        assert_eq!(skipped.in_words(""), "1 other file, 2 folders, 1 dead link");
        assert_eq!(Skipped::default().in_words("x"), "");
    }
}
