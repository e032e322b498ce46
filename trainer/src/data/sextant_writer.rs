use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::{Dtype, View};
use sextant_runtime::durable::{StagedFolder, write_synced};

use super::latents::latents_of;
use super::manifest::MANIFEST_FILE;
use super::{
    DataError, DataSetDescription, DataSetWriter, FORMAT_NAME, FORMAT_VERSION, FRAME, Manifest, Normalisation,
    ShardRecord,
};
use crate::durable::stage_folder;
use crate::scene::SceneParameters;

/// Pixels of a shard, about; small enough to hold in memory while it fills.
const SHARD_BYTES: usize = 128 << 20;

/// Writes a folder of safetensors shards with a `dataset.json`.
///
/// A shard holds `images` u8 `[n, size, size, 3]`, `latents` f32 `[n, 7]`, `labels` i64 `[n]`, `objects` u32 `[n]`.
#[derive(Debug)]
pub struct SextantWriter {
    folder: StagedFolder,
    description: DataSetDescription,
    objects_written: usize,
    shard: Shard,
    shards: Vec<ShardRecord>,
    statistics: PixelStatistics,
}

#[derive(Debug, Default)]
struct Shard {
    images: Vec<u8>,
    latents: Vec<u8>,
    labels: Vec<u8>,
    objects: Vec<u8>,
    count: usize,
}

/// Exact sums, so that the order of images does not matter.
#[derive(Debug, Default)]
struct PixelStatistics {
    sum: [u64; 3],
    sum_of_squares: [u64; 3],
    pixels: u64,
}

impl SextantWriter {
    /// Starts a data set that will be the folder `destination`.
    ///
    /// # Errors
    /// When the folder exists (unless `overwrite`, and it holds a data set) or cannot be made.
    pub fn create(destination: &Path, overwrite: bool, description: DataSetDescription) -> Result<Self, DataError> {
        let folder = stage_folder(destination, overwrite, super::open::is_data_set)?;
        Ok(Self {
            folder,
            description,
            objects_written: 0,
            shard: Shard::default(),
            shards: Vec::new(),
            statistics: PixelStatistics::default(),
        })
    }

    fn flush_shard(&mut self) -> Result<(), DataError> {
        if self.shard.count == 0 {
            return Ok(());
        }
        let shard = std::mem::take(&mut self.shard);
        let record = ShardRecord { file: format!("shard-{:05}.safetensors", self.shards.len()), images: shard.count };
        shard.write(&self.folder.path().join(&record.file), self.description.image_size)?;
        self.shards.push(record);
        Ok(())
    }

    fn manifest(&self) -> Manifest {
        let description = self.description.clone();
        Manifest {
            format: FORMAT_NAME.to_owned(),
            version: FORMAT_VERSION,
            image_size: description.image_size,
            views_per_object: description.views_per_object,
            class_names: description.class_names,
            objects: description.objects,
            normalisation: self.statistics.normalisation(),
            rotation: description.rotation,
            seed: description.seed,
            frame: FRAME.to_owned(),
            camera: description.camera,
            source: description.source,
            shards: self.shards.clone(),
        }
    }
}

impl DataSetWriter for SextantWriter {
    fn write_object(&mut self, scenes: &[SceneParameters], images: &[u8]) -> Result<(), DataError> {
        self.description.assert_views(self.objects_written, scenes, images);
        let object = self.objects_written as u32;
        let label = self.description.objects[self.objects_written].label as i64;
        for scene in scenes {
            self.shard.latents.extend(latents_of(scene).iter().flat_map(|value| value.to_le_bytes()));
            self.shard.labels.extend(label.to_le_bytes());
            self.shard.objects.extend(object.to_le_bytes());
        }
        self.shard.images.extend_from_slice(images);
        self.shard.count += scenes.len();
        self.statistics.add(images);
        self.objects_written += 1;
        if self.shard.images.len() >= SHARD_BYTES { self.flush_shard() } else { Ok(()) }
    }

    fn write_picture(&mut self, name: &str, rgb: &image::RgbImage) -> Result<(), DataError> {
        write_png(&self.folder.path().join(name), rgb)
    }

    fn finish(mut self: Box<Self>) -> Result<(), DataError> {
        assert_eq!(self.objects_written, self.description.objects.len(), "objects are missing");
        self.flush_shard()?;
        let manifest = serde_json::to_vec_pretty(&self.manifest())
            .map_err(|error| DataError::Unusable(format!("the description cannot be written as JSON: {error}")))?;
        write_synced(&self.folder.path().join(MANIFEST_FILE), |file| file.write_all(&manifest))?;
        Ok(self.folder.commit()?)
    }
}

/// Writes a PNG durably.
pub(crate) fn write_png(path: &Path, rgb: &image::RgbImage) -> Result<(), DataError> {
    let mut png = std::io::Cursor::new(Vec::new());
    rgb.write_to(&mut png, image::ImageFormat::Png)
        .map_err(|error| DataError::malformed(path, format!("cannot be encoded: {error}")))?;
    Ok(write_synced(path, |file| file.write_all(png.get_ref()))?)
}

impl Shard {
    fn write(&self, path: &Path, image_size: usize) -> Result<(), DataError> {
        let n = self.count;
        let tensors = [
            ("images", ShardTensor(Dtype::U8, vec![n, image_size, image_size, 3], &self.images)),
            ("latents", ShardTensor(Dtype::F32, vec![n, 7], &self.latents)),
            ("labels", ShardTensor(Dtype::I64, vec![n], &self.labels)),
            ("objects", ShardTensor(Dtype::U32, vec![n], &self.objects)),
        ];
        let metadata = HashMap::from([("format".to_owned(), FORMAT_NAME.to_owned())]);
        let bytes = safetensors::serialize(tensors, Some(metadata))
            .map_err(|error| DataError::malformed(path, format!("cannot be written: {error}")))?;
        Ok(write_synced(path, |file| file.write_all(&bytes))?)
    }
}

/// A tensor whose bytes lie elsewhere: type, shape, bytes.
struct ShardTensor<'a>(Dtype, Vec<usize>, &'a [u8]);

impl View for ShardTensor<'_> {
    fn dtype(&self) -> Dtype {
        self.0
    }
    fn shape(&self) -> &[usize] {
        &self.1
    }
    fn data(&self) -> Cow<'_, [u8]> {
        self.2.into()
    }
    fn data_len(&self) -> usize {
        self.2.len()
    }
}

impl PixelStatistics {
    fn add(&mut self, rgb: &[u8]) {
        for pixel in rgb.chunks_exact(3) {
            for (channel, &value) in pixel.iter().enumerate() {
                self.sum[channel] += u64::from(value);
                self.sum_of_squares[channel] += u64::from(value).pow(2);
            }
        }
        self.pixels += rgb.len() as u64 / 3;
    }

    fn normalisation(&self) -> Normalisation {
        let pixels = self.pixels.max(1) as f64;
        let mean = self.sum.map(|sum| sum as f64 / pixels / 255.0);
        let mut std = [0.0; 3];
        for (channel, std) in std.iter_mut().enumerate() {
            let square = self.sum_of_squares[channel] as f64 / pixels / (255.0 * 255.0);
            *std = (square - mean[channel] * mean[channel]).max(0.0).sqrt() as f32;
        }
        Normalisation { mean: mean.map(|mean| mean as f32), std }
    }
}
