//! Steering: the predictor turns an embedding by a sweep of angles; the nearest real image shows where it got to.

use candle_core::Tensor;
use sextant_runtime::rotation::UnitQuaternion;

use super::gather::{Pool, PoolView};
use super::neighbours::spread;
use super::page::{Page, Picture};
use crate::evaluate::views_of_object;
use crate::method::unit_rows;
use crate::model::Model;
use crate::transformation::{Action, Parameters};

/// Objects that are steered.
const OBJECTS: usize = 4;
/// Views of each object that are looked through.
const VIEWS: usize = 200;
/// Angles of the sweep, degrees.
const SWEEP_DEG: [f32; 7] = [-90.0, -60.0, -30.0, 0.0, 30.0, 60.0, 90.0];

/// For some objects the nearest real view at each angle of a turn about the object's own vertical.
pub fn strips(page: &mut Page, model: &Model, pool: &Pool) -> anyhow::Result<()> {
    if pool.views.iter().all(|view| view.pose.is_none()) {
        return Ok(());
    }
    page.heading(3, "Steering");
    let mut is_first = true;
    let objects = objects_that_show_a_turn(pool);
    for index in spread(objects.len(), OBJECTS) {
        let Some(pictures) = sweep(model, pool, objects[index])? else {
            page.note("This method predicts nothing, so there is nothing to steer.");
            return Ok(());
        };
        if is_first {
            page.note(
                "The embedding of the framed image, turned by the predictor; below each angle the nearest real view of \
                 the object, and how far that view is from the pose that was asked for, symmetric poses being one.",
            );
            is_first = false;
        }
        page.strip(&pictures);
    }
    Ok(())
}

/// Objects of the pool that a turn about their vertical changes; all of them when there are none.
fn objects_that_show_a_turn(pool: &Pool) -> Vec<usize> {
    let step = UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], 30f32.to_radians());
    let shows = |view: &&PoolView| {
        view.pose.as_ref().is_some_and(|pose| pose.symmetry.distance_rad(UnitQuaternion::IDENTITY, step) > 0.1)
    };
    let turning: Vec<usize> = pool.views.iter().filter(shows).map(|view| view.object).collect();
    if turning.is_empty() { pool.views.iter().map(|view| view.object).collect() } else { turning }
}

fn sweep(model: &Model, pool: &Pool, object: usize) -> anyhow::Result<Option<Vec<Picture>>> {
    // A folder may have fewer views of an object.
    let views = views_of_object(pool.source.as_ref(), object, VIEWS, STREAM)?;
    let encoded = model.encode(&model.normalise(&views.images)?)?;
    let Some(embeddings) = model.method.embed(&encoded)?.equivariant else { return Ok(None) };
    let world_from_object = views.transformations.iter().map(Parameters::rotation);
    let Some(world_from_object) = world_from_object.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let start = upright(&world_from_object);
    let rotations = SWEEP_DEG.map(|angle| UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], angle.to_radians()));
    let actions = rotations.map(Action::of_rotation);
    let from = embeddings.narrow(0, start, 1)?.repeat((actions.len(), 1))?;
    let Some(predicted) = model.method.predict(&from, &actions)? else { return Ok(None) };
    let nearest = most_similar(&predicted, &embeddings)?;

    let bytes = pool.image_size * pool.image_size * 3;
    let picture =
        |view: usize, caption: String| Picture::new(&views.images[view * bytes..][..bytes], pool.image_size, caption);
    let class = pool.class_names.get(pool.source.label(object)).cloned();
    let class = class.unwrap_or_else(|| pool.source.subject_id(object));
    let symmetry = pool.source.symmetry(object);
    let mut pictures = vec![picture(start, class)?.into_query()];
    for (index, (rotation, view)) in rotations.iter().zip(nearest).enumerate() {
        let wanted = world_from_object[start] * *rotation;
        let off = symmetry.distance_rad(wanted, world_from_object[view]).to_degrees();
        pictures.push(picture(view, format!("{:+.0}°, off by {off:.0}°", SWEEP_DEG[index]))?);
    }
    Ok(Some(pictures))
}

/// Scene stream of the views.
const STREAM: u64 = 0x57ee4;

/// The view that is nearest to the upright pose.
fn upright(world_from_object: &[UnitQuaternion]) -> usize {
    let angle = |view: usize| world_from_object[view].geodesic_angle_rad(UnitQuaternion::IDENTITY);
    (0..world_from_object.len()).min_by(|a, b| angle(*a).total_cmp(&angle(*b))).unwrap_or(0)
}

/// For each row of `queries` the most similar row of `candidates`, by cosine.
fn most_similar(queries: &Tensor, candidates: &Tensor) -> candle_core::Result<Vec<usize>> {
    let candidates = unit_rows(&candidates.detach())?;
    let similarity = unit_rows(&queries.detach())?.matmul(&candidates.t()?.contiguous()?)?;
    Ok(similarity.argmax(1)?.to_vec1::<u32>()?.into_iter().map(|i| i as usize).collect())
}
