//! Data sets say where their camera stood, in numbers and against pictures.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::*;
use crate::options::{ConfigOption, Entries, Options};
use crate::scene::{
    CameraPose, Material, Mesh, Object, ObjectSource, Renderer, RotationSampling, SceneParameters, SceneSettings,
    SourceError, Triangle,
};

const SIZE: usize = 64;
const VIEWS: usize = 6;
/// Where the ball of [`Balls`] lies in its object's frame.
const BALL: [f32; 3] = [0.5, -0.2, 0.3];

/// Two objects, each a small black ball off the origin: it alone is black in a picture.
struct Balls {
    class_names: [String; 1],
}

impl ObjectSource for Balls {
    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn len(&self) -> usize {
        2
    }

    fn id(&self, index: usize) -> String {
        format!("ball/{index}")
    }

    fn label(&self, _index: usize) -> usize {
        0
    }

    fn is_held_out(&self, index: usize) -> bool {
        index == 1
    }

    fn object(&self, _index: usize) -> Result<Object, SourceError> {
        Ok(Object { mesh: Arc::new(octahedron(0.15)), symmetry: SymmetryGroup::None })
    }
}

fn octahedron(radius: f32) -> Mesh {
    let unit = |axis: usize, sign: f32| std::array::from_fn(|i| if i == axis { sign } else { 0.0 });
    let corners: [[f32; 3]; 6] = [0, 1, 2, 3, 4, 5].map(|at| unit(at % 3, if at < 3 { 1.0 } else { -1.0 }));
    let sides = (0..8u32).map(|side| [0, 1, 2].map(|axis| axis + 3 * (side >> axis & 1)));
    Mesh {
        positions: corners.map(|corner| std::array::from_fn(|i| BALL[i] + radius * corner[i])).to_vec(),
        normals: corners.to_vec(),
        uvs: vec![[0.0; 2]; 6],
        triangles: sides.map(|vertices| Triangle { vertices, material: 0 }).collect(),
        materials: vec![Material { color: [0.0; 3], specular: 0.0, shininess: 1.0, texture: None }],
    }
}

fn rendered(camera: CameraPose) -> RenderedViews {
    let settings = SceneSettings { image_size: SIZE, camera, ..SceneSettings::default() };
    let balls = Balls { class_names: ["ball".into()] };
    RenderedViews::new(Arc::new(balls), Renderer::new(settings).unwrap(), RotationSampling::default())
}

/// Renders a data set as `trainer render` does.
fn write(folder: &Path, format: DataFormat, camera: CameraPose) {
    let views = rendered(camera);
    let description = DataSetDescription::of(&views, VIEWS, 4, "balls").unwrap();
    let mut writer: Box<dyn DataSetWriter> = match format {
        DataFormat::Sextant => Box::new(SextantWriter::create(folder, false, description.clone()).unwrap()),
        DataFormat::ThreeDieBench => Box::new(ThreeDieBenchWriter::create(folder, false, description.clone()).unwrap()),
    };
    write_views(&views, &description, writer.as_mut(), &Default::default(), |_, _| {}).unwrap();
    writer.finish().unwrap();
}

/// The source of a configuration; `azimuth_deg` is `data.camera_azimuth_deg`, where the source has it.
fn opened(source: &str, folder: &Path, azimuth_deg: Option<f64>) -> Result<Arc<dyn ViewSource>, DataError> {
    let sources = Entries::new("source", SOURCES);
    let declared = sources.find(source).unwrap().options;
    let set = |option: &ConfigOption| match azimuth_deg {
        Some(azimuth_deg) => ConfigOption::number(option.key, azimuth_deg, -360.0, 360.0, option.help),
        None => *option,
    };
    let options = Options::defaults(&declared.iter().map(set).collect::<Vec<_>>());
    let path = Some(folder.to_owned());
    open(&sources, &DataConfig { source: source.into(), path, image_size: SIZE, options, ..DataConfig::default() })
}

fn batch_of(source: &dyn ViewSource) -> ViewBatch {
    source.views(&Place::all(&[0, 1]), VIEWS, 3).unwrap()
}

/// The middle of what is black in a picture, in pixels from its upper left corner.
fn middle_of_black(image: &[u8]) -> [f32; 2] {
    let is_black = |rgb: &[u8]| rgb.iter().map(|byte| u32::from(*byte)).sum::<u32>() < 70;
    let black = image.chunks_exact(3).enumerate().filter(|(_, rgb)| is_black(rgb));
    let places: Vec<[f32; 2]> = black.map(|(at, _)| [(at % SIZE) as f32 + 0.5, (at / SIZE) as f32 + 0.5]).collect();
    assert!(places.len() > 15, "the ball is in the picture: {}", places.len());
    [0, 1].map(|i| places.iter().map(|place| place[i]).sum::<f32>() / places.len() as f32)
}

/// Where a camera that looks at the origin of an object sees the ball.
fn projected(camera_from_object: UnitQuaternion, camera: CameraPose) -> [f32; 2] {
    let [x, y, z] = camera_from_object.rotate(BALL);
    let half = SIZE as f32 / 2.0;
    let focal = half / (camera.fov_deg.to_radians() / 2.0).tan();
    [x, y].map(|side| half + focal * side / (z + camera.distance))
}

/// Largest distance, in pixels, between the ball in the pictures and where `camera_from_object` has it.
fn largest_error_px(batch: &ViewBatch, camera: CameraPose) -> f32 {
    let errors = (0..VIEWS).flat_map(|view| {
        batch.camera_from_object(view).enumerate().map(move |(object, rotation)| {
            let [seen, told] =
                [middle_of_black(batch.images_at(view, object..object + 1)), projected(rotation, camera)];
            (seen[0] - told[0]).hypot(seen[1] - told[1])
        })
    });
    errors.fold(0.0, f32::max)
}

#[test]
fn rotations_of_every_data_set_are_those_of_its_pictures() {
    let scratch = tempfile::tempdir().unwrap();
    let at = |azimuth_deg| CameraPose { azimuth_deg, ..CameraPose::default() };
    struct Case {
        format: DataFormat,
        stood_at_deg: f32,
        key: Option<f64>,
        is_right: bool,
    }
    let (ours, theirs) = (DataFormat::Sextant, DataFormat::ThreeDieBench);
    let cases = [
        Case { format: ours, stood_at_deg: -90.0, key: None, is_right: true },
        Case { format: ours, stood_at_deg: 25.0, key: None, is_right: true },
        Case { format: theirs, stood_at_deg: 90.0, key: None, is_right: true },
        Case { format: theirs, stood_at_deg: -90.0, key: Some(-90.0), is_right: true },
        Case { format: theirs, stood_at_deg: -90.0, key: None, is_right: false },
    ];
    for (index, Case { format, stood_at_deg, key, is_right }) in cases.into_iter().enumerate() {
        let folder = scratch.path().join(index.to_string());
        write(&folder, format, at(stood_at_deg));
        let source = opened(format.name(), &folder, key).unwrap();
        let error_px = largest_error_px(&batch_of(source.as_ref()), source.camera().unwrap());
        assert_eq!(error_px < 1.0, is_right, "{format:?} from {stood_at_deg}, read with {key:?}: {error_px} px");
        assert_eq!(source.camera() == Some(at(stood_at_deg)), is_right);
    }
    let on_the_fly = rendered(at(140.0));
    assert!(largest_error_px(&batch_of(&on_the_fly), at(140.0)) < 1.0);
}

#[test]
fn one_object_is_seen_from_opposite_sides_in_the_two_layouts() {
    let scratch = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| scratch.path().join(name));
    write(&ours, DataFormat::Sextant, CameraPose::default());
    write(&theirs, DataFormat::ThreeDieBench, CameraPose::THREE_DIE_BENCH);
    let [ours, theirs] = [opened("sextant", &ours, None), opened("3diebench", &theirs, None)]
        .map(|source| batch_of(source.unwrap().as_ref()));
    for view in 0..VIEWS {
        let world = |batch: &ViewBatch| batch.transformations_of(view)[0].rotation().unwrap();
        assert!(world(&ours).geodesic_angle_rad(world(&theirs)) < 1e-3, "the same scenes");
        let [front, back] = [&ours, &theirs].map(|batch| batch.camera_from_object(view).next().unwrap().rotate(BALL));
        // A turn by half about z, which is in the plane of the cameras: left is right.
        assert!((front[0] + back[0]).abs() < 1e-3, "{front:?} {back:?}");
        let [front_px, back_px] = [&ours, &theirs].map(|batch| middle_of_black(batch.images_at(view, 0..1))[0]);
        let left_is_right = (front_px - 32.0) * (back_px - 32.0) <= 0.0;
        assert!(left_is_right || (front_px - 32.0).abs() < 1.0, "{front_px} {back_px}");
    }
}

#[test]
fn a_latent_gives_the_rotation_that_is_worked_out_by_hand() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("set");
    let quarter = std::f32::consts::FRAC_PI_2;
    let turned = SceneParameters {
        euler_xyz_rad: [0.0, 0.0, quarter],
        floor_hue: 0.5,
        light_theta_rad: 0.1,
        light_phi_rad: 0.2,
        light_hue: 0.5,
    };
    let mut description = DataSetDescription::of(&rendered(CameraPose::THREE_DIE_BENCH), 1, 0, "hand").unwrap();
    description.image_size = 8;
    let mut writer = Box::new(ThreeDieBenchWriter::create(&folder, false, description).unwrap());
    for _ in 0..2 {
        writer.write_object(&[turned], &[128; 8 * 8 * 3]).unwrap();
    }
    writer.finish().unwrap();
    // A quarter turn about z puts the object's x axis along y of the world. From y > 0 it points to the camera, from
    // y < 0 away from it; 45 degrees above, the other half of it goes down or up in the picture.
    let half = std::f32::consts::FRAC_1_SQRT_2;
    for (key, wxyz, x_axis) in [
        (None, [0.27060, 0.65328, 0.65328, -0.27060], [0.0, half, -half]),
        (Some(-90.0), [0.27060, 0.65328, -0.65328, 0.27060], [0.0, -half, half]),
    ] {
        let source = opened("3diebench", &folder, key).unwrap();
        let batch = source.views(&Place::all(&[0]), 1, 0).unwrap();
        let found = batch.camera_from_object(0).next().unwrap();
        assert!(found.wxyz().iter().zip(wxyz).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-5), "{key:?}: {found:?}");
        let axis = found.rotate([1.0, 0.0, 0.0]);
        assert!(axis.iter().zip(x_axis).all(|(a, b)| (a - b).abs() < 1e-5), "{key:?}: {axis:?}");
    }
}

#[test]
fn the_description_says_where_the_camera_stood() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("set");
    let stood = CameraPose { azimuth_deg: 25.0, polar_deg: 60.0, distance: 3.0, fov_deg: 50.0 };
    write(&folder, DataFormat::Sextant, stood);
    let manifest = folder.join("dataset.json");
    let text = fs::read_to_string(&manifest).unwrap();
    assert_eq!(opened("sextant", &folder, None).unwrap().camera(), Some(stood));
    // As earlier versions wrote it.
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(old.as_object_mut().unwrap().remove("camera").is_some());
    fs::write(&manifest, old.to_string()).unwrap();
    assert_eq!(opened("sextant", &folder, None).unwrap().camera(), Some(CameraPose::default()));
    fs::write(&manifest, text.replace("\"azimuth_deg\": 25.0", "\"azimuth_deg\": 400.0")).unwrap();
    let error = opened("sextant", &folder, None).err().unwrap().to_string();
    assert!(error.ends_with("`camera.azimuth_deg` is 400; it must be from -360 to 360"), "{error}");
}

#[test]
fn a_layout_is_not_read_in_place_of_the_other() {
    let scratch = tempfile::tempdir().unwrap();
    for (format, other) in [(DataFormat::Sextant, "3diebench"), (DataFormat::ThreeDieBench, "sextant")] {
        let folder = scratch.path().join(format.name());
        write(&folder, format, CameraPose::default());
        let error = opened(other, &folder, None).err().unwrap().to_string();
        assert!(error.ends_with(&format!("not `{other}`: set data.source={}", format.name())), "{error}");
    }
}
