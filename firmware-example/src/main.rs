//! Turns nine noisy numbers into a rotation on a Cortex-M4F and checks the answers; exit status 0 when all are right.
#![no_std]
#![no_main]

mod semihosting;

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m_rt::{entry, exception};
use semihosting::{Console, exit};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion, nearest_rotation};

/// What a pose head might print for Euler angles 30°, -20°, 70°: 1.7 times the matrix, noise of 0.05 added.
const POSE_HEAD_OUTPUT: [f32; 9] = [0.596, -1.523, 0.657, 1.441, 0.25, -0.714, 0.551, 0.839, 1.363];

/// Its nearest rotation, by Newton's iteration for the polar factor in double precision.
const CAMERA_FROM_OBJECT_WXYZ: [f32; 4] = [0.758_807_5, 0.306_685, 0.018_710_277, 0.574_286_8];

/// The same in the robot's frame, by matrix products in double precision.
const ROBOT_FROM_OBJECT_WXYZ: [f32; 4] = [0.203_628_88, -0.130_475_87, 0.942_640_06, -0.230_089_21];

/// The camera looks down and is turned by a quarter, Euler degrees.
const ROBOT_FROM_CAMERA_DEG: [f32; 3] = [180.0, 0.0, -90.0];

const TOLERANCE_DEG: f32 = 1e-4;

#[entry]
fn main() -> ! {
    match run(&mut Console) {
        Ok(all_right) => exit(all_right),
        Err(fmt::Error) => exit(false),
    }
}

/// Prints the rotations and whether all of them are right.
fn run(out: &mut Console) -> Result<bool, fmt::Error> {
    let camera_from_object = nearest_rotation(&POSE_HEAD_OUTPUT);
    let robot_from_camera = UnitQuaternion::from_euler_extrinsic_xyz(ROBOT_FROM_CAMERA_DEG.map(f32::to_radians));
    let robot_from_object = robot_from_camera * camera_from_object;

    let mut all_right = check(out, "camera_from_object", camera_from_object, CAMERA_FROM_OBJECT_WXYZ)?;
    all_right &= check(out, "robot_from_object", robot_from_object, ROBOT_FROM_OBJECT_WXYZ)?;
    all_right &= check_symmetry(out, robot_from_object)?;
    writeln!(out, "{}", if all_right { "all checks passed" } else { "a check failed" })?;
    Ok(all_right)
}

/// Prints one rotation and whether it is the expected one.
fn check(out: &mut Console, name: &str, rotation: UnitQuaternion, expected_wxyz: [f32; 4]) -> Result<bool, fmt::Error> {
    let error_deg = UnitQuaternion::from_wxyz(expected_wxyz)
        .map_or(f32::INFINITY, |expected| rotation.geodesic_angle_rad(expected).to_degrees());
    let [w, x, y, z] = rotation.wxyz();
    let [about_x, about_y, about_z] = rotation.to_euler_extrinsic_xyz().map(f32::to_degrees);
    writeln!(out, "{name}")?;
    writeln!(out, "  rotation_wxyz  {w:.4} {x:.4} {y:.4} {z:.4}")?;
    writeln!(out, "  euler_deg      {about_x:.2} {about_y:.2} {about_z:.2}")?;
    verdict(out, error_deg)
}

/// An object with four equal sides, gripped a quarter turn further, is in the same pose.
fn check_symmetry(out: &mut Console, pose: UnitQuaternion) -> Result<bool, fmt::Error> {
    let axis = [0.0, 0.0, 1.0];
    let quarter_turn = UnitQuaternion::from_axis_angle(axis, core::f32::consts::FRAC_PI_2);
    let turned = pose * quarter_turn;
    writeln!(out, "quarter turn of a square object")?;
    writeln!(out, "  plain_deg      {:.2}", pose.geodesic_angle_rad(turned).to_degrees())?;
    let symmetry = SymmetryGroup::cyclic(axis, 4).unwrap_or(SymmetryGroup::None);
    verdict(out, symmetry.distance_rad(pose, turned).to_degrees())
}

fn verdict(out: &mut Console, error_deg: f32) -> Result<bool, fmt::Error> {
    let right = error_deg < TOLERANCE_DEG;
    if right {
        writeln!(out, "  error_deg      below {TOLERANCE_DEG}: ok")?;
    } else {
        writeln!(out, "  error_deg      {error_deg}: FAILED")?;
    }
    Ok(right)
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    // Nothing is left to do if the console fails too.
    let _ = writeln!(Console, "{info}");
    exit(false)
}

#[exception]
unsafe fn HardFault(frame: &cortex_m_rt::ExceptionFrame) -> ! {
    let _ = writeln!(Console, "hard fault at {:#010x}", frame.pc());
    exit(false)
}
