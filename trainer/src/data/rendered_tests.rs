//! Pairs rendered on the fly.

use std::sync::Arc;

use super::{PairSource, RenderedPairs};
use crate::scene::{Procedural, ProceduralSettings, Renderer, RotationSampling, SceneSettings};

fn pairs(rotation: RotationSampling) -> RenderedPairs {
    let objects = ProceduralSettings { objects_per_family: 1, held_out_per_family: 1, ..ProceduralSettings::default() };
    let scene = SceneSettings { image_size: 16, supersampling: 1, ..SceneSettings::default() };
    RenderedPairs::new(Arc::new(Procedural::new(objects).unwrap()), Renderer::new(scene).unwrap(), rotation)
}

#[test]
fn the_bytes_do_not_depend_on_the_threads() {
    let source = pairs(RotationSampling::default());
    let objects = [3, 0, 8, 3, 5];
    let on_threads = |count| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build().unwrap();
        pool.install(|| source.pairs(&objects, 42).unwrap())
    };
    let alone = on_threads(1);
    assert_eq!(on_threads(5), alone);
    assert_ne!(source.pairs(&objects, 43).unwrap(), alone);
    assert_eq!(alone.objects, [3, 0, 8, 3, 5]);
    assert_eq!(alone.images.each_ref().map(Vec::len), [5 * 16 * 16 * 3; 2]);
    assert_ne!(alone.latents[0][0], alone.latents[0][3], "one object twice in a batch gives different views");
}

#[test]
fn a_sample_depends_on_its_place_and_not_on_the_rest() {
    let source = pairs(RotationSampling::default());
    let (long, short) = (source.pairs(&[1, 2, 4], 7).unwrap(), source.pairs(&[6, 2], 7).unwrap());
    let image = 16 * 16 * 3;
    for side in 0..2 {
        assert_eq!(long.latents[side][1], short.latents[side][1]);
        assert_eq!(long.images[side][image..2 * image], short.images[side][image..2 * image]);
    }
    assert_eq!(source.pairs_at(&[2, 0], &[1, 2, 4], 7).unwrap(), long.at(&[2, 0]));
}

#[test]
fn views_of_an_object_stay_within_the_rotation_limit() {
    let source = pairs(RotationSampling::Euler { limit_deg: 30.0 });
    let (latents, images) = source.views(2, 20, 1).unwrap();
    assert_eq!((latents.len(), images.len()), (20, 20 * 16 * 16 * 3));
    assert!(latents.iter().flat_map(|latent| &latent[..3]).all(|angle| angle.abs() <= 30f32.to_radians() + 1e-6));
    assert_eq!(source.views(2, 3, 1).unwrap().0, latents[..3], "fewer views are the first of more");
}
