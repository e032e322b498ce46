//! Batches of views that are stored: which ones are shown, and how they are read on all cores.

use rayon::prelude::*;

use super::view_order::{distinct_indices, stream_rng};
use super::{DataError, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::{HUES, Parameters, ROTATION, Transformation};

/// What is known of stored views.
pub(super) fn offered() -> Vec<&'static dyn Transformation> {
    vec![ROTATION, HUES]
}

/// The batch of stored views, which one camera has made: `load` reads a view of a subject into `[size, size, 3]` bytes.
///
/// Which views of a subject come, is drawn without repetition as long as there are others, then anew.
pub(super) fn stored_views(
    source: &impl ViewSource,
    camera: CameraPose,
    places: &[Place],
    count: usize,
    stream_seed: u64,
    load: impl Fn(usize, usize, &mut [u8]) -> Result<Parameters, DataError> + Sync,
) -> Result<ViewBatch, DataError> {
    let chosen: Vec<Vec<usize>> = places
        .iter()
        .map(|place| {
            let stored = source.view_count(place.subject).unwrap_or(1);
            distinct_indices(&mut stream_rng(stream_seed, place.position as u64), stored, count)
        })
        .collect();
    let image_bytes = source.image_size().pow(2) * 3;
    let mut images = vec![0; count * places.len() * image_bytes];
    let read = |(index, picture): (usize, &mut [u8])| {
        let (view, place) = (index / places.len(), index % places.len());
        load(places[place].subject, chosen[place][view], picture)
    };
    let transformations = images.par_chunks_exact_mut(image_bytes).enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(ViewBatch {
        images,
        transformations,
        labels: places.iter().map(|place| source.label(place.subject) as u32).collect(),
        subjects: places.iter().map(|place| place.subject as u32).collect(),
        camera_from_world: camera.camera_from_world(),
    })
}
