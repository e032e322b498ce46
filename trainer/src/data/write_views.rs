use super::{DataError, DataSetDescription, DataSetWriter, ObjectRecord, PairSource, RenderedPairs, stream_seed};
use crate::stop::StopFlag;

impl DataSetDescription {
    /// What a set of `views` images of each object will be about; `source` says where the objects come from.
    ///
    /// # Errors
    /// When an object cannot be loaded.
    pub fn of(pairs: &RenderedPairs, views: usize, seed: u64, source: &str) -> Result<Self, DataError> {
        let objects = pairs.object_source();
        let record = |object| {
            Ok(ObjectRecord {
                id: objects.id(object),
                label: objects.label(object),
                held_out: objects.is_held_out(object),
                symmetry: objects.symmetry(object)?.into(),
            })
        };
        Ok(Self {
            image_size: pairs.image_size(),
            views_per_object: views,
            class_names: objects.class_names().to_vec(),
            objects: (0..objects.len()).map(record).collect::<Result<_, DataError>>()?,
            rotation: pairs.rotation(),
            seed,
            source: source.to_owned(),
        })
    }
}

/// Renders what the description says, object by object; `each` is shown every object's images before they are written.
///
/// # Errors
/// When an object cannot be loaded, a file cannot be written, or the user stops it; nothing then is left of the set.
pub fn write_views(
    pairs: &RenderedPairs,
    description: &DataSetDescription,
    writer: &mut dyn DataSetWriter,
    stop: &StopFlag,
    mut each: impl FnMut(usize, &[u8]),
) -> Result<(), DataError> {
    for object in 0..pairs.object_count() {
        if stop.is_set() {
            return Err(DataError::Interrupted);
        }
        let stream = stream_seed(description.seed, "render", object as u64);
        let (latents, images) = pairs.views(object, description.views_per_object, stream)?;
        each(object, &images);
        writer.write_object(&latents, &images)?;
    }
    Ok(())
}
