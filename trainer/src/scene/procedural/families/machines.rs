use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, rubber, signal, steel};
use super::super::primitives::{block, chamfered_block, cone, cylinder, cylinder_between};

/// An industrial arm reaching to the front, its motor at the right, a red gripper.
pub fn robot_arm(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [upper, fore] = [draw.range(0.55, 0.75), draw.range(0.45, 0.65)];
    let [shoulder_deg, elbow_deg] = [draw.range(-10.0, 25.0), draw.range(60.0, 110.0)];
    let [dark, metal] = [rubber(draw), steel(draw)];
    let mut arm = Assembly::new();
    arm.add(chamfered_block([0.6, 0.6, 0.1], 0.03).at([0.0, 0.0, -0.22]), &dark);
    arm.add(cone(0.26, 0.19, 0.2, 24).at([0.0, 0.0, -0.1]), &main);
    // Angles lean from the vertical towards the front.
    let reach = |from: [f32; 3], length: f32, lean_deg: f32| {
        let (sin, cos) = lean_deg.to_radians().sin_cos();
        [from[0], from[1] - length * sin, from[2] + length * cos]
    };
    let shoulder = [0.0, 0.0, 0.08];
    let elbow = reach(shoulder, upper, shoulder_deg - 20.0);
    let wrist = reach(elbow, fore, elbow_deg);
    let tip = reach(wrist, 0.1, elbow_deg);
    let joint = |at: [f32; 3], radius: f32, width: f32| cylinder(radius, width, 18).turned_y(90.0).at(at);
    arm.add(joint(shoulder, 0.15, 0.34), &accent);
    arm.add(joint([0.24, shoulder[1], shoulder[2]], 0.11, 0.16), &dark);
    arm.add(cylinder_between(shoulder, elbow, 0.11, 14), &main);
    arm.add(joint(elbow, 0.13, 0.28), &accent);
    arm.add(cylinder_between(elbow, wrist, 0.085, 14), &main);
    arm.add(joint(wrist, 0.09, 0.2), &metal);
    let red = signal(draw, 0.0);
    let finger = block([0.05, 0.07, 0.24]).at([0.1, 0.0, 0.14]).turned_x(elbow_deg).at(tip);
    arm.add_both_sides(finger, &red);
    arm.add(block([0.28, 0.1, 0.07]).turned_x(elbow_deg).at(tip), &red);
    arm
}
