use super::{DataError, DataSetDescription, DataSetWriter, ObjectRecord, RenderedViews, ViewSource, stream_seed};
use crate::stop::StopFlag;

impl DataSetDescription {
    /// What a set of `views` images of each object will be about; `source` says where the objects come from.
    ///
    /// # Errors
    /// When an object cannot be loaded.
    pub fn of(rendered: &RenderedViews, views: usize, seed: u64, source: &str) -> Result<Self, DataError> {
        let objects = rendered.object_source();
        let record = |object| {
            Ok(ObjectRecord {
                id: objects.id(object),
                label: objects.label(object),
                held_out: objects.is_held_out(object),
                symmetry: objects.symmetry(object)?.into(),
            })
        };
        Ok(Self {
            image_size: rendered.image_size(),
            views_per_object: views,
            class_names: objects.class_names().to_vec(),
            objects: (0..objects.len()).map(record).collect::<Result<_, DataError>>()?,
            rotation: rendered.rotation(),
            seed,
            camera: rendered.renderer().settings().camera,
            source: source.to_owned(),
        })
    }
}

/// Renders what the description says, object by object; `each` is shown every object's images before they are written.
///
/// # Errors
/// When an object cannot be loaded, a file cannot be written, or the user stops it; nothing then is left of the set.
pub fn write_views(
    views: &RenderedViews,
    description: &DataSetDescription,
    writer: &mut dyn DataSetWriter,
    stop: &StopFlag,
    mut each: impl FnMut(usize, &[u8]),
) -> Result<(), DataError> {
    for object in 0..views.subject_count() {
        if stop.is_set() {
            return Err(DataError::Interrupted);
        }
        let stream = stream_seed(description.seed, "render", object as u64);
        let (scenes, images) = views.scenes_of(object, description.views_per_object, stream)?;
        each(object, &images);
        writer.write_object(&scenes, &images)?;
    }
    Ok(())
}
