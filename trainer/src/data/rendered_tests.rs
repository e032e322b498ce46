//! Views rendered on the fly.

use std::sync::Arc;

use super::view_order::stream_rng;
use super::{Place, RenderedViews, ViewSource};
use crate::scene::{Procedural, ProceduralSettings, Renderer, RotationSampling, SceneParameters, SceneSettings};

const IMAGE_BYTES: usize = 16 * 16 * 3;

fn rendered(rotation: RotationSampling) -> RenderedViews {
    let objects = ProceduralSettings { objects_per_family: 1, held_out_per_family: 1, ..ProceduralSettings::default() };
    let scene = SceneSettings { image_size: 16, supersampling: 1, ..SceneSettings::default() };
    RenderedViews::new(Arc::new(Procedural::new(objects).unwrap()), Renderer::new(scene).unwrap(), rotation)
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let source = rendered(RotationSampling::default());
    let places = Place::all(&[3, 0, 8, 3, 5]);
    let on_threads = |count| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        pool.install(|| source.views(&places, 3, 42).unwrap())
    };
    let alone = on_threads(1);
    assert_eq!(on_threads(5), alone);
    assert_ne!(source.views(&places, 3, 43).unwrap(), alone);
    assert_eq!(alone.subjects, [3, 0, 8, 3, 5]);
    assert_eq!((alone.len(), alone.view_count(), alone.images.len()), (5, 3, 15 * IMAGE_BYTES));
    let first = alone.transformations_of(0);
    assert_ne!(first[0], first[3], "one object twice in a batch gives different views");
}

#[test]
fn a_view_depends_on_its_place_and_not_on_the_rest() {
    let source = rendered(RotationSampling::default());
    let (long, short) = (Place::all(&[1, 2, 4]), Place::all(&[6, 2]));
    let (long, short) = (source.views(&long, 4, 7).unwrap(), source.views(&short, 2, 7).unwrap());
    let part = source.views(&[Place { position: 1, subject: 2 }], 3, 7).unwrap();
    for view in 0..2 {
        assert_eq!(long.transformations_at(view, 1..2), short.transformations_at(view, 1..2));
        assert_eq!(long.images_at(view, 1..2), short.images_at(view, 1..2));
        assert_eq!(long.images_at(view, 1..2), part.images_of(view));
    }
}

#[test]
fn the_scenes_of_a_place_are_drawn_one_after_the_other() {
    let source = rendered(RotationSampling::default());
    let batch = source.views(&Place::all(&[5, 1]), 3, 19).unwrap();
    for position in 0..2 {
        let mut rng = stream_rng(19, position as u64);
        for view in 0..3 {
            let scene = SceneParameters::sample(&mut rng, RotationSampling::default());
            assert_eq!(batch.transformations_of(view)[position], scene.transformations(), "view {view} at {position}");
        }
    }
}

#[test]
fn views_of_an_object_stay_within_the_rotation_limit() {
    let source = rendered(RotationSampling::Euler { limit_deg: 30.0 });
    let (scenes, images) = source.scenes_of(2, 20, 1).unwrap();
    assert_eq!((scenes.len(), images.len()), (20, 20 * IMAGE_BYTES));
    assert!(scenes.iter().flat_map(|scene| &scene.euler_xyz_rad).all(|angle| angle.abs() <= 30f32.to_radians() + 1e-6));
    assert_eq!(source.scenes_of(2, 3, 1).unwrap().0, scenes[..3], "fewer views are the first of more");
}
