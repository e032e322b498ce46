use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::latents::check_latents;
use super::{DataError, Manifest, ShardRecord};

/// The longest header that the format allows.
const LARGEST_HEADER: u64 = 100_000_000;
/// Shards whose files stay open: systems allow a process some hundreds.
const MOST_OPEN_FILES: usize = 128;

/// A safetensors file of images. Latents are in memory; an image is read when it is asked for, so that a file that
/// another process cuts short is an error then.
#[derive(Debug)]
pub(super) struct Shard {
    path: PathBuf,
    /// `None` where there are too many shards: the file is opened for each image.
    file: Option<File>,
    images_at: u64,
    image_len: usize,
    latents: Vec<[f32; 7]>,
}

impl Shard {
    /// The shard of a number and the object of each row.
    ///
    /// # Errors
    /// When it cannot be read, or its tensors are not what `record` and `manifest` say.
    pub(super) fn open(
        path: &Path,
        number: usize,
        record: &ShardRecord,
        manifest: &Manifest,
    ) -> Result<(Self, Vec<u32>), DataError> {
        let file = File::open(path).map_err(DataError::io(path))?;
        let tensors = Tensors::of(&file, path)?;
        let (rows, size) = (record.images, manifest.image_size);
        let images_at = tensors.place("images", Dtype::U8, &[rows, size, size, 3])?.start;
        let latents = latents_of(&tensors.read("latents", Dtype::F32, &[rows, 7])?);
        let latents = latents.map_err(|reason| DataError::malformed(path, reason))?;
        let labels: Vec<i64> = words(&tensors.read("labels", Dtype::I64, &[rows])?, i64::from_le_bytes);
        let objects: Vec<u32> = words(&tensors.read("objects", Dtype::U32, &[rows])?, u32::from_le_bytes);
        check_labels(&objects, &labels, manifest).map_err(|reason| DataError::malformed(path, reason))?;
        let file = (number < MOST_OPEN_FILES).then_some(file);
        Ok((Self { path: path.into(), file, images_at, image_len: size * size * 3, latents }, objects))
    }

    /// The latents of a row.
    pub(super) fn latents(&self, row: usize) -> [f32; 7] {
        self.latents[row]
    }

    /// Reads the pixels of a row, `[size, size, 3]`.
    ///
    /// # Errors
    /// When the file cannot be read, such as when it was cut short meanwhile.
    ///
    /// # Panics
    /// When there is another number of bytes for them.
    pub(super) fn read_image(&self, row: usize, pixels: &mut [u8]) -> Result<(), DataError> {
        assert_eq!(pixels.len(), self.image_len, "bytes of an image");
        let at = self.images_at + (row * self.image_len) as u64;
        let read = match &self.file {
            Some(file) => read_exact_at(file, pixels, at),
            None => File::open(&self.path).and_then(|file| read_exact_at(&file, pixels, at)),
        };
        read.map_err(|error| refused(&self.path, &format!("image {row}"), error))
    }
}

/// Where the tensors of a file are.
struct Tensors<'a> {
    file: &'a File,
    path: &'a Path,
    /// Offset of the first byte after the header.
    data_at: u64,
    metadata: Metadata,
}

impl<'a> Tensors<'a> {
    /// The header of a file that is as long as it says.
    fn of(file: &'a File, path: &'a Path) -> Result<Self, DataError> {
        let broken =
            |what: &dyn std::fmt::Display| DataError::malformed(path, format!("not a whole safetensors file ({what})"));
        let file_len = file.metadata().map_err(DataError::io(path))?.len();
        let mut word = [0; 8];
        let in_header = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => broken(&"it ends within its header"),
            _ => DataError::io(path)(error),
        };
        read_exact_at(file, &mut word, 0).map_err(in_header)?;
        let header_len = u64::from_le_bytes(word);
        if header_len > LARGEST_HEADER || header_len + 8 > file_len {
            return Err(broken(&format!("a header of {header_len} bytes in a file of {file_len}")));
        }
        let mut header = vec![0; header_len as usize];
        read_exact_at(file, &mut header, 8).map_err(in_header)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|error| broken(&error))?;
        let (data_at, data_len) = (8 + header_len, metadata.data_len() as u64);
        match data_at.checked_add(data_len) {
            Some(expected) if expected == file_len => Ok(Self { file, path, data_at, metadata }),
            _ => Err(broken(&format!("{data_len} bytes of tensors in a file of {file_len}"))),
        }
    }

    /// The bytes of a tensor of this type and shape, from the start of the file.
    fn place(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<std::ops::Range<u64>, DataError> {
        let malformed = |reason| DataError::malformed(self.path, reason);
        let info = self.metadata.info(name).ok_or_else(|| malformed(format!("has no tensor `{name}`")))?;
        let TensorInfo { dtype: have, shape: have_shape, data_offsets: (start, end) } = info;
        if *have != dtype || have_shape != shape {
            return Err(malformed(format!("`{name}` is {have:?} {have_shape:?}, expected {dtype:?} {shape:?}")));
        }
        Ok(self.data_at + *start as u64..self.data_at + *end as u64)
    }

    fn read(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<Vec<u8>, DataError> {
        let place = self.place(name, dtype, shape)?;
        let mut bytes = vec![0; (place.end - place.start) as usize];
        read_exact_at(self.file, &mut bytes, place.start)
            .map_err(|error| refused(self.path, &format!("`{name}`"), error))?;
        Ok(bytes)
    }
}

/// Labels in the order of rows are those of the listed objects.
fn check_labels(objects: &[u32], labels: &[i64], manifest: &Manifest) -> Result<(), String> {
    for (row, (&object, &label)) in objects.iter().zip(labels).enumerate() {
        match manifest.objects.get(object as usize) {
            None => return Err(format!("row {row} is of object {object}, which dataset.json does not list")),
            Some(record) if record.label as i64 != label => {
                return Err(format!("row {row} has label {label}, but object {} has {}", record.id, record.label));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn words<T, const N: usize>(bytes: &[u8], from_le: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|word| from_le(*word)).collect()
}

fn latents_of(bytes: &[u8]) -> Result<Vec<[f32; 7]>, String> {
    let values = words(bytes, f32::from_le_bytes);
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(format!("`latents` holds {} in row {}", values[at], at / 7)),
        None => {
            let latents = values.as_chunks::<7>().0.to_vec();
            for (row, latents) in latents.iter().enumerate() {
                check_latents(latents).map_err(|reason| format!("`latents` in row {row}: {reason}"))?;
            }
            Ok(latents)
        }
    }
}

/// The file was whole when it was opened.
fn refused(path: &Path, what: &str, error: io::Error) -> DataError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            DataError::malformed(path, format!("was cut short after it was opened: {what} is no longer in it"))
        }
        _ => DataError::io(path)(error),
    }
}

/// Reads without moving a position that other threads share.
#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

/// Reads at a place, whatever other threads do to the position that they share.
#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        match file.seek_read(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                bytes = &mut bytes[read..];
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
