//! Laws that every transformation keeps, and by hand what each one does.
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::UnitQuaternion;

use super::*;

const RAW: Condition = Condition { rotation: Some(RotationCode::Quaternion), others: &[] };
const ALL: Condition = Condition {
    rotation: Some(RotationCode::Matrix),
    others: &[HUES, QUARTER_TURNS, ROTATIONS_32, HORIZONTAL_FLIP, INVERSION, HUE],
};

/// Views with all that the built-in sources know.
fn views(count: usize) -> Vec<Parameters> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let view = |_| {
        let rotation = UnitQuaternion::from_euler_extrinsic_xyz([(); 3].map(|()| rng.random_range(-3.0..3.0)));
        let mut parameters = Parameters::NONE.with_rotation(rotation).with_hues(rng.random());
        for transformation in TRANSFORMATIONS {
            if let Some(on_pixels) = transformation.on_pixels() {
                parameters.set(transformation, on_pixels.draw(&mut rng));
            }
        }
        parameters
    };
    (0..count).map(view).collect()
}

fn near(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn actions_compose_and_invert() {
    for views in views(60).chunks(3) {
        let [a, b, c] = [&views[0], &views[1], &views[2]];
        let (ab, bc, ac) = (Action::between(a, b), Action::between(b, c), Action::between(a, c));
        assert!(near(&ALL.numbers(&ab.then(&bc)), &ALL.numbers(&ac)));
        assert!(near(&ALL.numbers(&ab.then(&ab.inverse())), &ALL.numbers(&Action::IDENTITY)));
        assert!(near(&ALL.numbers(&Action::between(b, a)), &ALL.numbers(&ab.inverse())));
        assert_eq!(ab.then(&Action::IDENTITY), ab);
        assert!(near(&ALL.numbers(&Action::IDENTITY.then(&ab)), &ALL.numbers(&ab)));
    }
}

#[test]
fn the_raw_sign_is_that_of_the_product_of_the_views_quaternions() {
    let mut negative = 0;
    for views in views(200).chunks(2) {
        let wxyz = |view: &Parameters| view.rotation().unwrap().wxyz();
        let ([w, x, y, z], [v, a, b, c]) = (wxyz(&views[0]), wxyz(&views[1]));
        let product = [w * v + x * a + y * b + z * c, w * a - x * v - y * c + z * b, w * b - y * v - z * a + x * c, {
            w * c - z * v - x * b + y * a
        }];
        let numbers = RAW.numbers(&Action::between(&views[0], &views[1]));
        assert!(near(&numbers, &product), "{numbers:?} {product:?}");
        negative += usize::from(product[0] < 0.0);
    }
    assert!(negative > 5, "the test needs both signs");
}

#[test]
fn widths_are_the_lengths() {
    for rotation in
        [None, Some(RotationCode::Quaternion), Some(RotationCode::CanonicalQuaternion), Some(RotationCode::Matrix)]
    {
        for others in [&[][..], &[HUES], &[HUES, QUARTER_TURNS]] {
            let condition = Condition { rotation, others };
            assert_eq!(condition.numbers(&Action::IDENTITY).len(), condition.width());
            let told = usize::from(rotation.is_some()) + others.len();
            assert_eq!(condition.transformations().count(), told);
        }
    }
    let view = &views(1)[0];
    for transformation in TRANSFORMATIONS {
        let mut numbers = Vec::new();
        transformation.write_numbers(view.get(transformation).unwrap(), &mut numbers);
        assert_eq!(numbers.len(), transformation.width(), "{transformation:?}");
    }
}

#[test]
fn every_transformation_is_found_by_its_own_name() {
    let all = Transformations::new("transformation", TRANSFORMATIONS);
    for transformation in TRANSFORMATIONS {
        assert_eq!(all.find(transformation.name()).copied(), Some(transformation));
    }
    assert!(all.find("quarter-turn").is_none());
    assert_eq!(all.names_on_pixels(), all.names()[2..]);
    assert_eq!(all.names_with_classes(), all.names()[2..18]);
    assert_eq!(all.names_with_scale(), all.names()[18..]);
}

#[test]
fn drawn_classes_are_all_that_there_are_and_equally_frequent() {
    for transformation in TRANSFORMATIONS {
        let (Some(count), Some(drawing)) = (transformation.kind().classes(), transformation.on_pixels()) else {
            continue;
        };
        let mut counts = vec![0; count];
        for index in 0..20_000 {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            rng.set_stream(index);
            counts[drawing.draw(&mut rng).class() as usize] += 1;
        }
        let expected = 20_000 / count as i32;
        assert!(counts.iter().all(|drawn: &i32| (drawn - expected).abs() < expected / 5), "{counts:?}");
    }
}

/// A picture whose pixels are told apart by their first byte: row by row from 0.
fn numbered(size: usize) -> Vec<u8> {
    (0..size * size).flat_map(|at| [at as u8, 7, 9]).collect()
}

fn turned(turns: u32, picture: &[u8], size: usize) -> Vec<u8> {
    let (mut picture, mut scratch) = (picture.to_vec(), vec![1; 5]);
    QUARTER_TURNS.on_pixels().unwrap().apply(&Value::Class(turns), &mut picture, size, &mut scratch);
    picture
}

#[test]
fn a_quarter_turn_is_counter_clockwise() {
    let first_bytes = |turns| turned(turns, &numbered(3), 3).iter().step_by(3).copied().collect::<Vec<u8>>();
    assert_eq!(first_bytes(0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(first_bytes(1), [2, 5, 8, 1, 4, 7, 0, 3, 6]);
    assert_eq!(first_bytes(2), [8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(first_bytes(3), [6, 3, 0, 7, 4, 1, 8, 5, 2]);
    assert_eq!(turned(1, &numbered(3), 3)[1..3], [7, 9], "channels stay together");
}

#[test]
fn the_camera_turns_with_the_picture() {
    // The subject's x points to the right of the picture, its y down and its z away from the camera; the camera looks
    // along the world's y, whose z is up.
    let camera_from_world = UnitQuaternion::from_axis_angle([1.0, 0.0, 0.0], -std::f32::consts::FRAC_PI_2);
    let upright = Parameters::NONE.with_rotation(camera_from_world.inverse());
    let (right, up, left, down) = ([1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]);
    for (turns, direction, edge) in [(0, right, 5), (1, up, 1), (2, left, 3), (3, down, 7)] {
        // What was at the middle of the right edge is where the subject's x points to.
        assert_eq!(turned(turns, &numbered(3), 3)[edge * 3], 5, "{turns} turns");
        let mut parameters = upright.clone();
        let pose = QUARTER_TURNS.on_pixels().unwrap().pose();
        parameters.change_pose(pose, &Value::Class(turns), camera_from_world);
        let camera_from_subject = camera_from_world * parameters.rotation().unwrap();
        assert!(near(&camera_from_subject.rotate(right), &direction), "{turns} turns");
        assert!(near(&camera_from_subject.rotate([0.0, 0.0, 1.0]), &[0.0, 0.0, 1.0]), "{turns} turns");
    }
}

#[test]
fn finer_turns_turn_the_camera_as_quarters_do() {
    let camera_from_world = UnitQuaternion::from_axis_angle([1.0, 0.0, 0.0], -std::f32::consts::FRAC_PI_2);
    let rotation = |transformation: &'static dyn Transformation, class| {
        let mut parameters = Parameters::NONE.with_rotation(UnitQuaternion::IDENTITY);
        let pose = transformation.on_pixels().unwrap().pose();
        parameters.change_pose(pose, &Value::Class(class), camera_from_world);
        parameters.rotation().unwrap()
    };
    for (transformation, folds) in [(ROTATIONS_4, 4), (ROTATIONS_8, 8), (ROTATIONS_16, 16), (ROTATIONS_32, 32)] {
        for quarter in 0..4 {
            let [fine, coarse] = [rotation(transformation, quarter * folds / 4), rotation(QUARTER_TURNS, quarter)];
            assert!(fine.geodesic_angle_rad(coarse) < 1e-3, "{transformation:?}, {quarter}");
        }
        let step = rotation(transformation, 1).geodesic_angle_rad(UnitQuaternion::IDENTITY).to_degrees();
        assert!((step - 360.0 / folds as f32).abs() < 0.1, "{transformation:?}: {step}");
    }
}

#[test]
fn mirrors_jigsaws_and_windows_lose_the_pose() {
    let of_all: Vec<&str> = TRANSFORMATIONS
        .iter()
        .filter(|transformation| {
            let pose = transformation.on_pixels().map(OnPixels::pose);
            matches!(pose, Some(PoseChange::Lost))
        })
        .map(|transformation| transformation.name())
        .collect();
    assert_eq!(of_all, ["horizontal-flip", "vertical-flip", "jigsaw", "jigsaw-apart", "crop-position"]);
    let mut parameters = views(1).remove(0);
    parameters.change_pose(PoseChange::Lost, &Value::Class(1), UnitQuaternion::IDENTITY);
    assert_eq!((parameters.rotation(), parameters.hues().is_some()), (None, true));
}

#[test]
fn every_class_has_a_name_of_its_own() {
    for transformation in TRANSFORMATIONS {
        let mut names = transformation.class_names();
        assert_eq!(names.len(), transformation.kind().classes().unwrap_or(0), "{transformation:?}");
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{transformation:?}");
    }
    let shown = [(ROTATIONS_32, 1, "11.25°"), (ROTATIONS_8, 3, "135°"), (BLUR, 2, "9 px"), (SCALE, 1, "0.84")];
    for (transformation, class, name) in shown {
        assert_eq!(transformation.class_names()[class], name);
    }
}

/// Every class changes a picture of many colours otherwise, class 0 not at all unless it smooths.
#[test]
fn classes_look_different() {
    let size = 16;
    let picture: Vec<u8> = (0..size * size * 3).map(|at| (at * at / 7 % 200) as u8).collect();
    for transformation in TRANSFORMATIONS {
        let Some(on_pixels) = transformation.on_pixels() else { continue };
        let applied = |class: usize| {
            let (mut changed, mut scratch) = (picture.clone(), vec![1; 7]);
            on_pixels.apply(&Value::Class(class as u32), &mut changed, size, &mut scratch);
            changed
        };
        let Some(classes) = transformation.kind().classes() else { continue };
        let looks: Vec<Vec<u8>> = (0..classes).map(applied).collect();
        let distinct: std::collections::BTreeSet<_> = looks.iter().collect();
        assert_eq!(distinct.len(), looks.len(), "{transformation:?}");
        let change_all = [ROTATIONS_4, ROTATIONS_8, ROTATIONS_16, ROTATIONS_32, JIGSAW_APART, SCALE, CROP_POSITION];
        assert_eq!(looks[0] != picture, change_all.contains(&transformation), "{transformation:?}");
    }
}

#[test]
fn pixels_change_as_they_should() {
    let picture = [10, 20, 30, 200, 100, 50];
    let cases: [(&dyn Transformation, u32, [u8; 6]); 9] = [
        (VERTICAL_FLIP, 1, picture),
        (GRAYSCALE, 1, [18, 18, 18, 124, 124, 124]),
        (GRAYSCALE, 0, picture),
        (INVERSION, 1, [245, 235, 225, 55, 155, 205]),
        (BRIGHTNESS, 1, [7, 14, 21, 141, 71, 35]),
        (BRIGHTNESS, 2, [5, 10, 15, 100, 50, 25]),
        (BRIGHTNESS, 3, [4, 7, 11, 71, 35, 18]),
        // Hues of 210 and 20 degrees.
        (HUE, 2, [30, 20, 10, 50, 150, 200]),
        (HUE, 1, [30, 10, 30, 75, 200, 50]),
    ];
    for (transformation, class, expected) in cases {
        let mut square = [&picture[..], &picture].concat();
        transformation.on_pixels().unwrap().apply(&Value::Class(class), &mut square, 2, &mut Vec::new());
        assert_eq!(square, [expected, expected].concat(), "{transformation:?} {class}");
    }
    for (flip, expected) in [(HORIZONTAL_FLIP, [2, 1, 4, 3]), (VERTICAL_FLIP, [3, 4, 1, 2])] {
        let mut square: Vec<u8> = [1, 2, 3, 4].iter().flat_map(|at| [*at, 7, 9]).collect();
        flip.on_pixels().unwrap().apply(&Value::Class(1), &mut square, 2, &mut Vec::new());
        assert_eq!(square.into_iter().step_by(3).collect::<Vec<u8>>(), expected, "{flip:?}");
    }
}

proptest! {
    #[test]
    fn turns_of_pictures_compose_as_their_classes_do(
        (size, picture) in (1..6_usize).prop_flat_map(|size| {
            (Just(size), proptest::collection::vec(any::<u8>(), size * size * 3))
        }),
        first in 0..4_u32,
        next in 0..4_u32,
    ) {
        let group = QUARTER_TURNS.group().unwrap();
        let both = group.then(&Value::Class(first), &Value::Class(next));
        prop_assert_eq!(turned(next, &turned(first, &picture, size), size), turned(both.class(), &picture, size));
        let back = group.inverse(&Value::Class(first));
        prop_assert_eq!(turned(back.class(), &turned(first, &picture, size), size), picture);
        let between = group.between(&Value::Class(first), &both);
        prop_assert_eq!(between, Value::Class(next));
    }
}
