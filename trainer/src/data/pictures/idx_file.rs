//! IDX files of bytes, as the MNIST data sets have them, plain or in gzip.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::data::DataError;

/// Two zeros and the code of unsigned bytes; the number of sizes follows.
const MAGIC: [u8; 3] = [0, 0, 8];

/// The bytes of an IDX file with its sizes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Idx {
    /// Where it was read.
    pub path: PathBuf,
    /// The outermost first.
    pub sizes: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// The file of that name in a folder, or that with `.gz` behind its name.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}

/// Reads a file with so many sizes. Nothing is allocated because the file claims it, and nothing is unpacked behind the end
/// that its sizes tell.
///
/// # Errors
/// When it is no such file, has more or fewer bytes than its sizes tell, or claims more than `most_bytes`.
pub(super) fn read(path: &Path, size_count: usize, most_bytes: u64) -> Result<Idx, DataError> {
    let file = BufReader::new(File::open(path).map_err(DataError::io(path))?);
    let is_packed = path.extension().is_some_and(|extension| extension == "gz");
    let read = if is_packed {
        read_from(MultiGzDecoder::new(file), size_count, most_bytes)
    } else {
        read_from(file, size_count, most_bytes)
    };
    let (sizes, bytes) = read.map_err(|reason| DataError::malformed(path, reason))?;
    Ok(Idx { path: path.to_owned(), sizes, bytes })
}

fn read_from(mut stream: impl Read, size_count: usize, most_bytes: u64) -> Result<(Vec<usize>, Vec<u8>), String> {
    let mut magic = [0; 4];
    stream.read_exact(&mut magic).map_err(|error| fault(&error, "ends within its header"))?;
    if magic[..3] != MAGIC || usize::from(magic[3]) != size_count {
        let expected = [&MAGIC[..], &[size_count as u8]].concat();
        return Err(format!(
            "is no IDX file of bytes with {size_count} sizes: it begins with {magic:?}, not {expected:?}"
        ));
    }
    let mut sizes = vec![0; 4 * size_count];
    stream.read_exact(&mut sizes).map_err(|error| fault(&error, "ends within its header"))?;
    let sizes: Vec<usize> = sizes.as_chunks::<4>().0.iter().map(|size| u32::from_be_bytes(*size) as usize).collect();
    let claimed = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size as u64));
    let claimed = claimed.filter(|claimed| *claimed <= most_bytes).ok_or_else(|| {
        let sizes = sizes.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ");
        format!("claims {sizes} bytes, more than data.picture_memory_mib = {}", most_bytes >> 20)
    })?;
    let mut bytes = Vec::new();
    stream.take(claimed + 1).read_to_end(&mut bytes).map_err(|error| fault(&error, "is cut off"))?;
    match bytes.len() as u64 {
        found if found < claimed => Err(format!("has {found} bytes behind its header, not {claimed}: copy it again")),
        found if found > claimed => {
            Err(format!("goes on behind the {claimed} bytes that its header tells: copy it again"))
        }
        _ => Ok((sizes, bytes)),
    }
}

fn fault(error: &io::Error, at_end: &str) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{at_end}: copy it again"),
        _ => format!("cannot be unpacked ({error}): copy it again"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn file(magic: [u8; 4], sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [&magic[..], &sizes, bytes].concat()
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn files_are_read_plain_and_packed() {
        let folder = tempfile::tempdir().unwrap();
        let good = file([0, 0, 8, 3], &[2, 1, 2], &[1, 2, 3, 4]);
        for (name, bytes) in [("plain", good.clone()), ("packed.gz", packed(&good))] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let idx = read(&path, 3, 4).unwrap();
            assert_eq!((idx.sizes, idx.bytes), (vec![2, 1, 2], vec![1, 2, 3, 4]), "{name}");
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused() {
        let good = file([0, 0, 8, 3], &[2, 1, 2], &[1, 2, 3, 4]);
        let bomb = packed(&file([0, 0, 8, 3], &[2, 1, 2], &vec![0; 50 << 20]));
        assert!(bomb.len() < 100_000);
        let cases = [
            ("empty", vec![], "ends within its header"),
            ("half a header", good[..9].to_vec(), "ends within its header"),
            ("of floats", file([0, 0, 13, 3], &[2, 1, 2], &[0; 16]), "begins with [0, 0, 13, 3], not [0, 0, 8, 3]"),
            ("labels", file([0, 0, 8, 1], &[4, 0, 0], &[0; 4]), "is no IDX file of bytes with 3 sizes"),
            ("a byte less", good[..good.len() - 1].to_vec(), "has 3 bytes behind its header, not 4"),
            ("a byte more", [&good[..], &[0]].concat(), "goes on behind the 4 bytes"),
            ("claims", file([0, 0, 8, 3], &[u32::MAX, 28, 28], &[]), "claims 4294967295 x 28 x 28 bytes"),
            ("overflows", file([0, 0, 8, 3], &[u32::MAX; 3], &[]), "more than data.picture_memory_mib = 1"),
            ("not packed.gz", good.clone(), "cannot be unpacked"),
            ("cut.gz", packed(&good)[..20].to_vec(), "copy it again"),
            ("bomb.gz", bomb, "goes on behind the 4 bytes"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, want) in cases {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let error = read(&path, 3, 1 << 20).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains(name), "{name}: {error}");
        }
    }
}
