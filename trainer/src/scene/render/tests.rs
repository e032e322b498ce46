use std::f32::consts::{FRAC_PI_4, PI, TAU};
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::UnitQuaternion;

use super::*;
use crate::scene::{Material, RotationSampling, Texture, Triangle};

const UPRIGHT: SceneParameters = SceneParameters {
    euler_xyz_rad: [0.0; 3],
    floor_hue: 0.3,
    light_theta_rad: 0.4,
    light_phi_rad: 1.0,
    light_hue: 0.6,
};

fn matt(color: [f32; 3]) -> Material {
    Material { color, specular: 0.0, shininess: 1.0, texture: None }
}

/// A closed sphere of the given radius about the origin.
fn sphere(rings: u32, radius: f32) -> Mesh {
    let sides = 2 * rings;
    let mut mesh = Mesh { materials: vec![Material::default()], ..Mesh::default() };
    for (ring, side) in (0..=rings).flat_map(|ring| (0..=sides).map(move |side| (ring, side))) {
        let (theta, phi) = (PI * ring as f32 / rings as f32, TAU * side as f32 / sides as f32);
        let normal = [theta.sin() * phi.cos(), theta.sin() * phi.sin(), theta.cos()];
        mesh.positions.push(normal.map(|v| v * radius));
        mesh.normals.push(normal);
        mesh.uvs.push([side as f32 / sides as f32, 1.0 - ring as f32 / rings as f32]);
    }
    for (ring, side) in (0..rings).flat_map(|ring| (0..sides).map(move |side| (ring, side))) {
        let (upper, lower) = (ring * (sides + 1) + side, (ring + 1) * (sides + 1) + side);
        mesh.triangles.push(Triangle { vertices: [upper, lower, lower + 1], material: 0 });
        mesh.triangles.push(Triangle { vertices: [upper, lower + 1, upper + 1], material: 0 });
    }
    mesh
}

/// A horizontal rectangle; texture coordinates grow with x and y.
fn table([x0, x1]: [f32; 2], [y0, y1]: [f32; 2], z: f32, material: Material) -> Mesh {
    Mesh {
        positions: vec![[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]],
        normals: vec![[0.0, 0.0, 1.0]; 4],
        uvs: vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
        triangles: [[0, 1, 2], [0, 2, 3]].map(|vertices| Triangle { vertices, material: 0 }).to_vec(),
        materials: vec![material],
    }
}

fn renderer(change: impl FnOnce(&mut SceneSettings)) -> Renderer {
    let mut settings = SceneSettings::default();
    change(&mut settings);
    Renderer::new(settings).expect("valid settings")
}

/// Which samples a mesh covers.
fn coverage(renderer: &Renderer, mesh: &Mesh, parameters: &SceneParameters) -> Vec<bool> {
    let mut scratch = Scratch::default();
    renderer.render_into(mesh, parameters, &mut scratch, &mut vec![0; renderer.image_bytes()]);
    let rows = (0..renderer.camera.samples).flat_map(|row| scratch.visibility.row(row));
    rows.map(|triangle| *triangle != VisibilityBuffer::NOTHING).collect()
}

fn pixel(image: &[u8], renderer: &Renderer, world: [f32; 3]) -> [u8; 3] {
    let [x, y] = renderer.pixel_of(world).expect("in front of the camera");
    let at = (y as usize * renderer.settings.image_size + x as usize) * 3;
    [image[at], image[at + 1], image[at + 2]]
}

#[test]
fn silhouette_of_a_sphere_is_its_projection() {
    let renderer = renderer(|_| ());
    let radius = 0.5;
    let covered = coverage(&renderer, &sphere(60, radius), &UPRIGHT);
    let identity = UPRIGHT.world_from_object().to_matrix();
    let rays = renderer.camera.rays(&identity);
    let samples = renderer.camera.samples;
    let mut wrong = 0;
    for (sample, covered) in covered.iter().enumerate() {
        let ray = rays.through((sample % samples) as f32, (sample / samples) as f32);
        // The ray meets the sphere when the eye's distance from it along the ray's normal plane is small enough.
        let along = dot(rays.eye, ray) / dot(ray, ray).sqrt();
        let squared_distance = dot(rays.eye, rays.eye) - along * along;
        wrong += usize::from((squared_distance < radius * radius) != *covered);
    }
    let inside = covered.iter().filter(|covered| **covered).count();
    assert!(inside > 3000, "{inside} samples covered");
    // The mesh lies inside of the sphere, by a thousandth of its radius.
    assert!(wrong < 40, "{wrong} samples differ");
}

#[test]
fn a_turned_vertex_lies_where_it_is_projected() {
    let azimuths_deg = [-90.0, 90.0, 20.0, 200.0];
    let renderers = azimuths_deg.map(|azimuth_deg| {
        renderer(|settings| {
            settings.image_size = 128;
            settings.camera.azimuth_deg = azimuth_deg;
        })
    });
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for renderer in renderers.iter().cycle().take(80) {
        let parameters = SceneParameters::sample(&mut rng, RotationSampling::default());
        let marked = [0.45, -0.3, 0.2];
        let mut mesh = sphere(6, 0.02);
        mesh.positions.iter_mut().for_each(|position| *position = std::array::from_fn(|i| position[i] + marked[i]));
        let covered = coverage(renderer, &mesh, &parameters);
        let samples = renderer.camera.samples;
        let places = covered.iter().enumerate().filter(|(_, covered)| **covered).map(|(sample, _)| sample);
        let places: Vec<[f32; 2]> = places.map(|s| [(s % samples) as f32, (s / samples) as f32]).collect();
        let mean = [0, 1].map(|i| {
            (places.iter().map(|place| place[i]).sum::<f32>() / places.len() as f32 + 0.5)
                / renderer.settings.supersampling as f32
        });
        let world = parameters.world_from_object().rotate(marked);
        let expected = renderer.pixel_of(world).expect("in front of the camera");
        // The same by the rotation that a data set gives: the camera looks at the origin from its distance.
        let pose = renderer.settings.camera;
        let [x, y, z] = (pose.camera_from_world() * parameters.world_from_object()).rotate(marked);
        let focal = 64.0 / (pose.fov_deg.to_radians() / 2.0).tan();
        let by_rotation = [x, y].map(|side| 64.0 + focal * side / (z + pose.distance));
        let apart = (by_rotation[0] - expected[0]).hypot(by_rotation[1] - expected[1]);
        assert!(apart < 1e-3, "{pose}: {by_rotation:?}, not {expected:?}");
        let off = (mean[0] - expected[0]).hypot(mean[1] - expected[1]);
        assert!(off < 0.3, "{parameters:?}: {mean:?}, not {expected:?}");
    }
}

#[test]
fn camera_frame_is_that_of_opencv() {
    let renderer = renderer(|settings| settings.camera.polar_deg = 60.0);
    let camera_from_world = renderer.settings().camera.camera_from_world();
    for (world, camera) in [
        (renderer.camera.eye.map(|v| -v / 2.5), [0.0, 0.0, 1.0]),
        ([1.0, 0.0, 0.0], [1.0, 0.0, 0.0]),
        // From above the horizon, up is up in the picture and towards the viewer.
        ([0.0, 0.0, 1.0], [0.0, -(60.0_f32.to_radians().sin()), -(60.0_f32.to_radians().cos())]),
    ] {
        let got = camera_from_world.rotate(world);
        assert!(got.iter().zip(camera).all(|(a, b)| (a - b).abs() < 1e-6), "{world:?}: {got:?}, not {camera:?}");
        let by_axes = renderer.camera.axes.map(|axis| dot(axis, world));
        assert!(got.iter().zip(by_axes).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}, but the picture has {by_axes:?}");
    }
}

/// The scene seen from an azimuth, as a camera at -90 degrees sees it: object and spot light turned the other way.
fn turned_for_the_default_camera(parameters: &SceneParameters, azimuth_deg: f32) -> SceneParameters {
    let turn_rad = -(azimuth_deg + 90.0).to_radians();
    let turn = UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], turn_rad);
    SceneParameters {
        euler_xyz_rad: (turn * parameters.world_from_object()).to_euler_extrinsic_xyz(),
        light_phi_rad: parameters.light_phi_rad + turn_rad,
        ..*parameters
    }
}

#[test]
fn another_azimuth_shows_the_scene_turned_about_z() {
    let from_y_below_zero = renderer(|_| ());
    let mesh = table([-0.5, 0.3], [-0.2, 0.6], 0.1, matt([0.8, 0.3, 0.1]));
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for azimuth_deg in [-90.0, 90.0, 0.0, 33.0, -180.0] {
        let renderer = renderer(|settings| settings.camera.azimuth_deg = azimuth_deg);
        let parameters = SceneParameters::sample(&mut rng, RotationSampling::default());
        let seen = renderer.render(&mesh, &parameters);
        let turned = from_y_below_zero.render(&mesh, &turned_for_the_default_camera(&parameters, azimuth_deg));
        let distance = |other: &[u8]| {
            let sum: f64 = seen.iter().zip(other).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
            sum / seen.len() as f64
        };
        // The samples of the sun's shadow map lie along the axes of the world.
        assert!(distance(&turned) < 0.3, "{azimuth_deg}: {}", distance(&turned));
        let unturned = from_y_below_zero.render(&mesh, &parameters);
        assert_eq!(distance(&unturned) < 1.0, azimuth_deg == -90.0, "{azimuth_deg}: {}", distance(&unturned));
    }
}

#[test]
fn shadows_fall_where_the_lights_are_hidden() {
    let (with, without) = (renderer(|_| ()), renderer(|settings| settings.shadows = false));
    // The spot light shines from the side of +x, so that its shadow falls towards -x.
    let parameters = SceneParameters { light_theta_rad: FRAC_PI_4, light_phi_rad: 0.0, ..UPRIGHT };
    let mesh = table([-0.25, 0.25], [-0.25, 0.25], 0.0, matt([0.5; 3]));
    let [shadowed, lit] = [&with, &without].map(|renderer| renderer.render(&mesh, &parameters));
    let brightness = |image: &[u8], world| pixel(image, &with, world).iter().map(|v| i32::from(*v)).sum::<i32>();
    let change = |world| brightness(&shadowed, world) - brightness(&lit, world);
    assert!(change([-0.1, 0.1, -1.0]) < -60, "the sun's shadow lies beneath: {}", change([-0.1, 0.1, -1.0]));
    assert!(change([-1.0, 0.1, -1.0]) < -20, "the spot light's lies opposite of it: {}", change([-1.0, 0.1, -1.0]));
    for world in [[0.6, 0.5, -1.0], [1.0, 1.0, -1.0], [0.0, 0.0, 0.0], [0.1, -0.1, 0.0]] {
        assert_eq!(change(world), 0, "{world:?} is in full light");
    }
}

#[test]
fn upper_sides_are_brighter_than_lower_ones() {
    let renderer = renderer(|settings| settings.spot_power_w = 0.0);
    let image = renderer.render(&sphere(30, 0.4), &UPRIGHT);
    let [top, front] = [[0.0, 0.0, 0.4], [0.0, -0.39, -0.05]].map(|world| pixel(&image, &renderer, world));
    assert!(top.iter().zip(front).all(|(top, front)| *top > front + 60), "{top:?} against {front:?}");
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let renderer = renderer(|settings| settings.image_size = 32);
    let mut textured = sphere(12, 0.5);
    let rgb = (0..64 * 64 * 3).map(|byte| (byte * 37 % 256) as u8).collect();
    textured.materials[0].texture = Some(Arc::new(Texture { width: 64, height: 64, rgb }));
    let meshes = [sphere(10, 0.4), textured, Mesh::default()];
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let scenes: Vec<(&Mesh, SceneParameters)> = (0..30)
        .map(|index| (&meshes[index % 3], SceneParameters::sample(&mut rng, RotationSampling::default())))
        .collect();
    let one_by_one: Vec<u8> = scenes.iter().flat_map(|(mesh, parameters)| renderer.render(mesh, parameters)).collect();
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
        let mut images = vec![0; one_by_one.len()];
        pool.install(|| renderer.render_batch(&scenes, &mut images));
        assert!(images == one_by_one, "{threads} threads");
    }
}

#[test]
fn textures_stand_upright() {
    let renderer = renderer(|settings| settings.shadows = false);
    let (red, green, blue, grey) = ([255, 0, 0], [0, 255, 0], [0, 0, 255], [128; 3]);
    let rgb = [red, green, blue, grey].concat();
    let texture = Some(Arc::new(Texture { width: 2, height: 2, rgb }));
    let mesh = table([-0.5, 0.5], [-0.5, 0.5], 0.0, Material { texture, ..matt([1.0; 3]) });
    // White light of the sun only.
    let parameters = SceneParameters { light_theta_rad: 0.0, ..UPRIGHT };
    let image = renderer.render(&mesh, &parameters);
    let brightest = |world| {
        let rgb = pixel(&image, &renderer, world);
        (0..3)
            .filter(|channel| u32::from(rgb[*channel]) * 10 >= u32::from(*rgb.iter().max().unwrap_or(&0)) * 9)
            .collect()
    };
    let cases: [([f32; 3], Vec<usize>); 3] =
        [([-0.25, 0.25, 0.0], vec![0]), ([0.25, 0.25, 0.0], vec![1]), ([-0.25, -0.25, 0.0], vec![2])];
    for (world, channels) in cases {
        let seen: Vec<usize> = brightest(world);
        assert_eq!(seen, channels, "{world:?}: {:?}", pixel(&image, &renderer, world));
    }
}

#[test]
fn surfaces_are_cut_at_the_camera() {
    let renderer = renderer(|settings| settings.shadows = false);
    // Reaches from behind the camera far into the picture, just beneath the eye.
    let (across, along, height) = ([-0.4, 0.7], [-4.0, 0.9], 1.2);
    let covered = coverage(&renderer, &table(across, along, height, matt([0.5; 3])), &UPRIGHT);
    let rays = renderer.camera.rays(&UPRIGHT.world_from_object().to_matrix());
    let samples = renderer.camera.samples;
    let mut inside = 0;
    for (sample, covered) in covered.iter().enumerate() {
        let ray = rays.through((sample % samples) as f32, (sample / samples) as f32);
        let depth = (height - rays.eye[2]) / ray[2];
        let [x, y] = [0, 1].map(|i| rays.eye[i] + ray[i] * depth);
        let margin = (x - across[0]).min(across[1] - x).min(y - along[0]).min(along[1] - y);
        // Samples on the very edge may fall to either side.
        if margin.abs() > 1e-4 {
            assert_eq!(*covered, margin > 0.0, "the ray through sample {sample} meets the plane at {x}, {y}");
        }
        inside += usize::from(*covered);
    }
    assert!(inside > 1000, "only {inside} samples");
}

#[test]
fn meshes_without_area_leave_the_floor_as_it_is() {
    let renderer = renderer(|_| ());
    let floor = renderer.render(&Mesh::default(), &UPRIGHT);
    assert!(floor.chunks_exact(3).all(|rgb| rgb.iter().all(|v| *v > 0)), "the floor fills the picture");
    let point = [0.1, 0.1, 0.1];
    let vertices = [[point; 3], [[0.0; 3], [0.5; 3], [0.25; 3]], [point, point, [0.4, 0.0, 0.0]]];
    for positions in vertices {
        let mesh = Mesh {
            positions: positions.to_vec(),
            normals: vec![[0.0; 3]; 3],
            uvs: vec![[0.0; 2]; 3],
            triangles: vec![Triangle { vertices: [0, 1, 2], material: 0 }],
            materials: vec![matt([1.0; 3])],
        };
        let differing = renderer.render(&mesh, &UPRIGHT).iter().zip(&floor).filter(|(a, b)| a != b).count();
        assert!(differing < 30, "{positions:?} changes {differing} bytes");
    }
}

#[test]
fn both_sides_are_lit_alike() {
    let renderer = renderer(|_| ());
    let outside = sphere(30, 0.4);
    let mut inside_out = outside.clone();
    inside_out.normals.iter_mut().for_each(|normal| *normal = normal.map(|v| -v));
    inside_out.triangles.iter_mut().for_each(|triangle| triangle.vertices.swap(1, 2));
    let [a, b] = [outside, inside_out].map(|mesh| renderer.render(&mesh, &UPRIGHT));
    let largest = a.iter().zip(&b).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(largest <= Some(2), "{largest:?}");
}

#[test]
fn brightness_is_near_that_of_3diebench() {
    let renderer = renderer(|_| ());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mesh = sphere(16, 0.3);
    let scenes: Vec<_> =
        (0..200).map(|_| (&mesh, SceneParameters::sample(&mut rng, RotationSampling::default()))).collect();
    let mut images = vec![0; scenes.len() * renderer.image_bytes()];
    renderer.render_batch(&scenes, &mut images);
    let values = images.iter().map(|byte| f64::from(*byte) / 255.0);
    let mean = values.clone().sum::<f64>() / images.len() as f64;
    let deviation = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / images.len() as f64).sqrt();
    assert!((mean - 0.50).abs() < 0.03, "mean {mean}, published .50");
    assert!((deviation - 0.10).abs() < 0.04, "standard deviation {deviation}, published .10");
}

#[test]
fn settings_change_what_they_name() {
    let mesh = sphere(12, 0.5);
    let image = |change: fn(&mut SceneSettings)| renderer(change).render(&mesh, &UPRIGHT);
    let plain = image(|_| ());
    type Change = fn(&mut SceneSettings);
    let changes: [(&str, Change); 12] = [
        ("supersampling", |s| s.supersampling = 3),
        ("shadows", |s| s.shadows = false),
        ("shadow_map_size", |s| s.shadow_map_size = 32),
        ("camera.distance", |s| s.camera.distance = 3.0),
        ("camera.polar_deg", |s| s.camera.polar_deg = 30.0),
        ("camera.azimuth_deg", |s| s.camera.azimuth_deg = 90.0),
        ("camera.fov_deg", |s| s.camera.fov_deg = 60.0),
        ("sun_energy", |s| s.sun_energy = 1.0),
        ("spot_power_w", |s| s.spot_power_w = 100.0),
        ("spot_cone_deg", |s| s.spot_cone_deg = 10.0),
        ("spot_distance", |s| s.spot_distance = 3.0),
        ("exposure", |s| s.exposure = 0.5),
    ];
    for (name, change) in changes {
        assert!(image(change) != plain, "{name} changes nothing");
    }
    assert_eq!(renderer(|s| s.image_size = 33).render(&mesh, &UPRIGHT).len(), 33 * 33 * 3);
    // Above the horizon, the background is seen.
    let sky = renderer(|s| {
        s.camera.polar_deg = 90.0;
        s.background_linear_rgb = [0.0, 0.0, 1.0];
    });
    assert_eq!(sky.render(&Mesh::default(), &UPRIGHT)[..3], [0, 0, 255]);
}
