//! Files that a mesh file names: material files and textures.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Larger files are no materials and no textures.
const MOST_BYTES: u64 = 1 << 30;

/// The bytes of a file that a mesh file in `folder` names.
///
/// Backslashes separate folders, too. A name written on another computer often holds that computer's folders, or other
/// capitals than the file: when the name leads nowhere, the file is looked for beside the mesh by the last part of it.
///
/// # Errors
/// When there is no such file, or it is no regular file of at most 1 GiB.
pub(super) fn read_companion(folder: &Path, name: &str) -> io::Result<Vec<u8>> {
    let name = name.trim().replace('\\', "/");
    let last = name.rsplit('/').next().unwrap_or_default();
    let mut first_error = None;
    for candidate in [name.as_str(), last] {
        match read_regular(&as_it_is_spelt(folder.join(candidate))) {
            Ok(bytes) => return Ok(bytes),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| Error::from(ErrorKind::NotFound)))
}

/// The path, or one beside it that differs in capitals only.
fn as_it_is_spelt(path: PathBuf) -> PathBuf {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return path };
    if path.exists() {
        return path;
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut same: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|other| other.file_name().is_some_and(|other| other.eq_ignore_ascii_case(name)))
        .collect();
    same.sort();
    same.into_iter().next().unwrap_or(path)
}

/// Devices and pipes would never end.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    if metadata.len() > MOST_BYTES {
        return Err(Error::new(ErrorKind::FileTooLarge, "it is larger than 1 GiB"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_as_other_computers_spell_them() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("maps")).expect("a folder");
        std::fs::write(folder.path().join("maps/red wall.png"), "inner").expect("a file");
        std::fs::write(folder.path().join("Tile.PNG"), "outer").expect("a file");
        for (name, expected) in [
            ("maps/red wall.png", "inner"),
            (" maps\\red wall.png ", "inner"),
            ("maps/Red Wall.PNG", "inner"),
            ("Tile.PNG", "outer"),
            ("tile.png", "outer"),
            ("C:\\Users\\me\\maps\\tile.png", "outer"),
            ("/home/me/Tile.PNG", "outer"),
        ] {
            let bytes = read_companion(folder.path(), name).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(bytes, expected.as_bytes(), "{name}");
        }
        let kind = |name: &str| read_companion(folder.path(), name).expect_err(name).kind();
        assert_eq!(kind("gone.png"), ErrorKind::NotFound);
        assert_eq!(kind("maps"), ErrorKind::InvalidInput);
        assert_eq!(kind(""), ErrorKind::InvalidInput);
        #[cfg(unix)]
        assert_eq!(kind("/dev/zero"), ErrorKind::InvalidInput);
    }
}
