//! Images per second of the renderer: 64 pixels, 2x2 samples, shadows, two threads.
//!
//! `cargo bench -p sextant-trainer --bench render` prints elements per second: one element is one image.

use std::f32::consts::TAU;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::ThreadPoolBuilder;
use sextant_trainer::scene::{
    Material, Mesh, Renderer, RotationSampling, SceneParameters, SceneSettings, Texture, Triangle,
};

const IMAGES_PER_ROUND: usize = 128;
const THREADS: usize = 2;

/// A textured torus of `2 * rings * sides` triangles whose bounding box has a diagonal of 1.8.
fn torus(rings: u32, sides: u32) -> Mesh {
    let rgb = (0..256 * 256).flat_map(|texel| [(texel % 251) as u8, (texel / 256) as u8, 128]).collect();
    let texture = Some(Arc::new(Texture { width: 256, height: 256, rgb }));
    let material = Material { color: [1.0; 3], specular: 0.2, shininess: 30.0, texture };
    let mut mesh = Mesh { materials: vec![material], ..Mesh::default() };
    for (ring, side) in (0..=rings).flat_map(|ring| (0..=sides).map(move |side| (ring, side))) {
        let uv = [ring as f32 / rings as f32, side as f32 / sides as f32];
        let [(around_sin, around_cos), (tube_sin, tube_cos)] = uv.map(|turn| (turn * TAU).sin_cos());
        let normal = [around_cos * tube_cos, around_sin * tube_cos, tube_sin];
        let centre = [around_cos, around_sin, 0.0];
        mesh.positions.push(std::array::from_fn(|i| centre[i] + 0.45 * normal[i]));
        mesh.normals.push(normal);
        mesh.uvs.push(uv);
    }
    for (ring, side) in (0..rings).flat_map(|ring| (0..sides).map(move |side| (ring, side))) {
        let [a, b] = [ring, ring + 1].map(|ring| ring * (sides + 1) + side);
        mesh.triangles.push(Triangle { vertices: [a, b, b + 1], material: 0 });
        mesh.triangles.push(Triangle { vertices: [a, b + 1, a + 1], material: 0 });
    }
    mesh.centred_and_scaled(1.8)
}

fn images_per_second(criterion: &mut Criterion) {
    let renderer = Renderer::new(SceneSettings::default()).expect("the defaults are valid");
    let pool = ThreadPoolBuilder::new().num_threads(THREADS).build().expect("a pool of threads");
    let mut group = criterion.benchmark_group("render 64 px, 2x2 samples, shadows, 2 threads");
    group.throughput(Throughput::Elements(IMAGES_PER_ROUND as u64));
    group.sample_size(20);
    for mesh in [torus(25, 10), torus(100, 25)] {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut draw = || SceneParameters::sample(&mut rng, RotationSampling::default());
        let scenes: Vec<(&Mesh, SceneParameters)> = (0..IMAGES_PER_ROUND).map(|_| (&mesh, draw())).collect();
        let mut images = vec![0; IMAGES_PER_ROUND * renderer.image_bytes()];
        group.bench_function(format!("{} triangles", mesh.triangle_count()), |bencher| {
            bencher.iter(|| pool.install(|| renderer.render_batch(black_box(&scenes), &mut images)));
        });
    }
    group.finish();
}

criterion_group!(benches, images_per_second);
criterion_main!(benches);
