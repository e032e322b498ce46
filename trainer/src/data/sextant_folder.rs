use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors};
use sextant_runtime::preprocess::RgbView;
use sextant_runtime::rotation::SymmetryGroup;

use super::latents::check_latents;
use super::pair_source::{LoadedView, collect_pairs};
use super::split::{split_warnings, view_warnings};
use super::view_order::{stream_rng, two_indices_below};
use super::{DataError, Manifest, PairBatch, PairSource, ShardRecord};

/// A folder of safetensors shards, memory-mapped.
#[derive(Debug)]
pub struct SextantFolder {
    folder: PathBuf,
    manifest: Manifest,
    image_size: usize,
    shards: Vec<MappedShard>,
    /// For each object its images, as shard and row.
    views: Vec<Vec<(u32, u32)>>,
}

#[derive(Debug)]
struct MappedShard {
    map: Mmap,
    images_at: usize,
    latents: Vec<[f32; 7]>,
}

impl SextantFolder {
    /// Opens and checks a data set; images are resized to `image_size` when it is given.
    ///
    /// # Errors
    /// When a file is missing, truncated, of another version, or holds shapes, types or numbers it must not.
    pub fn open(folder: &Path, image_size: Option<usize>) -> Result<Self, DataError> {
        let manifest = Manifest::read(folder)?;
        let mut views = vec![Vec::new(); manifest.objects.len()];
        let mut shards = Vec::with_capacity(manifest.shards.len());
        for (number, record) in manifest.shards.iter().enumerate() {
            let path = folder.join(&record.file);
            let (shard, objects) = MappedShard::open(&path, record, &manifest)?;
            for (row, object) in objects.into_iter().enumerate() {
                views[object as usize].push((number as u32, row as u32));
            }
            shards.push(shard);
        }
        match views.iter().position(|views| views.len() != manifest.views_per_object) {
            Some(object) => Err(DataError::malformed(
                folder,
                format!(
                    "object {} has {} images instead of {}",
                    manifest.objects[object].id,
                    views[object].len(),
                    manifest.views_per_object
                ),
            )),
            None => {
                let (folder, image_size) = (folder.to_owned(), image_size.unwrap_or(manifest.image_size));
                Ok(Self { folder, image_size, manifest, shards, views })
            }
        }
    }

    /// The description of the data set.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn load(&self, object: usize, view: usize) -> Result<LoadedView, DataError> {
        let (shard, row) = self.views[object][view];
        let (shard, row) = (&self.shards[shard as usize], row as usize);
        let size = self.manifest.image_size;
        let start = shard.images_at + row * size * size * 3;
        let pixels = &shard.map[start..start + size * size * 3];
        let rgb = match RgbView::new(pixels, size, size) {
            Some(picture) if size != self.image_size => picture.crop_and_resize(self.image_size, self.image_size),
            _ => pixels.to_vec(),
        };
        Ok(LoadedView { rgb, latents: shard.latents[row] })
    }
}

impl PairSource for SextantFolder {
    fn image_size(&self) -> usize {
        self.image_size
    }

    fn class_names(&self) -> &[String] {
        &self.manifest.class_names
    }

    fn object_count(&self) -> usize {
        self.manifest.objects.len()
    }

    fn object_id(&self, object: usize) -> String {
        self.manifest.objects[object].id.clone()
    }

    fn label(&self, object: usize) -> usize {
        self.manifest.objects[object].label
    }

    fn symmetry(&self, object: usize) -> SymmetryGroup {
        self.manifest.objects[object].symmetry.into()
    }

    fn is_held_out(&self, object: usize) -> bool {
        self.manifest.objects[object].held_out
    }

    fn view_count(&self, object: usize) -> Option<usize> {
        Some(self.views[object].len())
    }

    fn warnings(&self) -> Vec<String> {
        let place = self.folder.display();
        let own = self.manifest.warnings().into_iter().map(|warning| format!("{place}: {warning}"));
        own.chain(view_warnings(self)).chain(split_warnings(self)).collect()
    }

    fn pairs(&self, objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        self.pairs_at(&Vec::from_iter(0..objects.len()), objects, stream_seed)
    }

    fn pairs_at(&self, positions: &[usize], objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        let pair = |&position: &usize| {
            let object = objects[position];
            let chosen = two_indices_below(&mut stream_rng(stream_seed, position as u64), self.views[object].len());
            Ok([self.load(object, chosen[0])?, self.load(object, chosen[1])?])
        };
        let views: Result<Vec<_>, DataError> = positions.par_iter().map(pair).collect();
        let listed: Vec<usize> = positions.iter().map(|&position| objects[position]).collect();
        Ok(collect_pairs(self, &listed, views?))
    }
}

impl MappedShard {
    /// The shard and the object of each row.
    fn open(path: &Path, record: &ShardRecord, manifest: &Manifest) -> Result<(Self, Vec<u32>), DataError> {
        let file = File::open(path).map_err(DataError::io(path))?;
        // SAFETY: the map is read-only and private to this process. A file that another process changes meanwhile
        // gives other bytes, which are only ever read as pixels: everything else was copied out and checked.
        let map = unsafe { Mmap::map(&file) }.map_err(DataError::io(path))?;
        let malformed = |reason: String| DataError::malformed(path, reason);
        let (shard, objects) = parse_shard(&map, record.images, manifest).map_err(malformed)?;
        let ShardLayout { images_at, latents } = shard;
        Ok((Self { map, images_at, latents }, objects))
    }
}

struct ShardLayout {
    images_at: usize,
    latents: Vec<[f32; 7]>,
}

/// Where the pixels lie in a shard's bytes, with the checked latents and objects.
fn parse_shard(bytes: &[u8], rows: usize, manifest: &Manifest) -> Result<(ShardLayout, Vec<u32>), String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| format!("not a whole safetensors file ({error})"))?;
    let tensor = |name: &str, dtype: Dtype, shape: &[usize]| {
        let view = file.tensor(name).map_err(|_| format!("has no tensor `{name}`"))?;
        if view.dtype() != dtype || view.shape() != shape {
            let (have, have_shape) = (view.dtype(), view.shape());
            return Err(format!("`{name}` is {have:?} {have_shape:?}, expected {dtype:?} {shape:?}"));
        }
        Ok(view.data())
    };
    let size = manifest.image_size;
    let images = tensor("images", Dtype::U8, &[rows, size, size, 3])?;
    let latents = latents_of(tensor("latents", Dtype::F32, &[rows, 7])?)?;
    let labels: Vec<i64> = words(tensor("labels", Dtype::I64, &[rows])?, i64::from_le_bytes);
    let objects: Vec<u32> = words(tensor("objects", Dtype::U32, &[rows])?, u32::from_le_bytes);
    for (row, (&object, &label)) in objects.iter().zip(&labels).enumerate() {
        match manifest.objects.get(object as usize) {
            None => return Err(format!("row {row} is of object {object}, which dataset.json does not list")),
            Some(record) if record.label as i64 != label => {
                return Err(format!("row {row} has label {label}, but object {} has {}", record.id, record.label));
            }
            Some(_) => {}
        }
    }
    // The tensor's bytes are a part of `bytes`, so the difference of the addresses is its offset.
    let images_at = images.as_ptr().addr() - bytes.as_ptr().addr();
    Ok((ShardLayout { images_at, latents }, objects))
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
            let checked = latents.iter().enumerate().map(|(row, latents)| {
                check_latents(latents).map_err(|reason| format!("`latents` in row {row}: {reason}"))
            });
            checked.collect::<Result<(), String>>()?;
            Ok(latents)
        }
    }
}
