use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, glass, plain_wood, rubber, signal, steel, white};
use super::super::primitives::{
    block, chamfered_block, cylinder, cylinder_between, ellipsoid, extrusion_x, extrusion_z, loft, superquadric,
};
use super::super::shape::Shape;

/// A rectangle at height `z`, `half` wide on each side, from `front` to `back` along y.
fn rectangle(half: f32, [front, back]: [f32; 2], z: f32) -> Vec<[f32; 3]> {
    vec![[-half, front, z], [half, front, z], [half, back, z], [-half, back, z]]
}

/// A wheel whose axle is along x.
fn wheel(radius: f32, width: f32) -> Shape {
    cylinder(radius, width, 18).turned_y(90.0)
}

/// A motor car: yellow lamps in front, red ones behind.
pub fn car(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, width] = [draw.range(1.4, 1.7), draw.range(0.6, 0.72)];
    let [cabin, tail, radius] = [draw.range(0.24, 0.34), draw.range(0.02, 0.3), draw.range(0.14, 0.18)];
    let [panes, tyre, lamp, stop] = [glass(draw), rubber(draw), signal(draw, 0.14), signal(draw, 0.0)];
    let mut car = Assembly::new();
    let [front, back] = [-length / 2.0, length / 2.0];
    let side = [
        [front, 0.1],
        [front, 0.26],
        [front + 0.1, 0.34],
        [front + 0.42, 0.4],
        [back - 0.08, 0.4],
        [back, 0.34],
        [back, 0.1],
    ];
    car.add(extrusion_x(&side, width), &main);
    let foot = [front + 0.34, back - tail];
    let roof = [front + 0.58, back - tail - 0.12];
    car.add(
        loft(&[rectangle(0.46 * width, foot, 0.38), rectangle(0.36 * width, roof, 0.39 + cabin)]).smooth_below(10.0),
        &panes,
    );
    let [middle, long] = [(roof[0] + roof[1]) / 2.0, roof[1] - roof[0]];
    car.add(block([0.74 * width, long, 0.05]).at([0.0, middle, 0.4 + cabin]), &accent);
    car.add(block([0.77 * width, 0.08, cabin]).at([0.0, middle, 0.38 + cabin / 2.0]), &main);
    for y in [front + 0.28, back - 0.3] {
        car.add_both_sides(wheel(radius, 0.14).at([width / 2.0 - 0.03, y, 0.11]), &tyre);
        car.add_both_sides(wheel(0.5 * radius, 0.06).at([width / 2.0 + 0.03, y, 0.11]), &white(draw));
    }
    car.add_both_sides(block([0.17, 0.06, 0.11]).at([0.34 * width, front, 0.24]), &lamp);
    car.add_both_sides(block([0.17, 0.06, 0.09]).at([0.34 * width, back, 0.3]), &stop);
    car
}

/// A lorry: cab in front, a tall coloured box with red lamps behind.
pub fn truck(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [cargo, width, tall] = [draw.range(0.8, 1.1), draw.range(0.48, 0.56), draw.range(0.5, 0.68)];
    let [cab, radius] = [draw.range(0.36, 0.46), draw.range(0.12, 0.15)];
    let [panes, tyre, lamp, stop] = [glass(draw), rubber(draw), signal(draw, 0.14), signal(draw, 0.0)];
    let mut truck = Assembly::new();
    let front = -cargo / 2.0 - cab;
    truck.add(block([0.8 * width, cargo + cab, 0.1]).at([0.0, -cab / 2.0, 0.16]), &tyre);
    truck.add(block([width, cargo, tall]).at([0.0, 0.03, 0.21 + tall / 2.0]), &accent);
    let nose = [[front, 0.14], [front, 0.34], [front + 0.1, 0.6], [front + cab, 0.62], [front + cab, 0.14]];
    truck.add(extrusion_x(&nose, 0.94 * width), &main);
    let screen = [[front - 0.01, 0.36], [front + 0.08, 0.57], [front + 0.12, 0.57], [front + 0.06, 0.36]];
    truck.add(extrusion_x(&screen, 0.8 * width), &panes);
    truck.add(block([0.96 * width, 0.15, 0.17]).at([0.0, front + 0.22, 0.46]), &panes);
    for y in [front + 0.2, cargo / 2.0 - 0.42, cargo / 2.0 - 0.12] {
        truck.add_both_sides(wheel(radius, 0.13).at([width / 2.0 - 0.05, y, 0.1]), &tyre);
    }
    truck.add_both_sides(block([0.11, 0.06, 0.1]).at([0.33 * width, front, 0.24]), &lamp);
    truck.add_both_sides(block([0.11, 0.06, 0.1]).at([0.33 * width, cargo / 2.0 + 0.02, 0.28]), &stop);
    truck
}

/// An air liner: nose and cockpit in front, coloured fin behind.
pub fn plane(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, span] = [draw.range(1.3, 1.6), draw.range(0.6, 0.8)];
    let [sweep, chord, body] = [draw.range(0.1, 0.4), draw.range(0.3, 0.42), draw.range(0.12, 0.16)];
    let mut plane = Assembly::new();
    let rib = |y: f32, radius: f32, lift: f32| -> Vec<[f32; 3]> {
        let corner = |i: u16| (f32::from(i) / 14.0 * std::f32::consts::TAU).sin_cos();
        (0..14).map(|i| [radius * corner(i).1, y * length, lift + radius * corner(i).0]).collect()
    };
    let hull = [
        rib(-0.5, 0.2 * body, -0.02),
        rib(-0.47, 0.6 * body, -0.01),
        rib(-0.4, 0.92 * body, 0.0),
        rib(-0.3, body, 0.0),
        rib(0.2, body, 0.0),
        rib(0.5, 0.25 * body, 0.6 * body),
    ];
    plane.add(loft(&hull).smooth_below(60.0), &main);
    plane.add(ellipsoid([0.75 * body, 0.14, 0.6 * body]).at([0.0, -0.41 * length, 0.5 * body]), &glass(draw));
    let wing = [[0.0, -0.6 * chord], [span, sweep - 0.1 * chord], [span, sweep + 0.25 * chord], [0.0, 0.5 * chord]];
    plane.add_both_sides(extrusion_z(&wing, 0.05).at([0.0, -0.04, -0.3 * body]), &white(draw));
    let engine = cylinder(0.085, 0.28, 14).turned_x(90.0).at([0.42 * span, sweep * 0.4 - 0.2, -0.3 * body - 0.09]);
    plane.add_both_sides(engine, &accent);
    let tail = [[0.0, -0.1], [0.34 * span, 0.08], [0.34 * span, 0.2], [0.0, 0.14]];
    plane.add_both_sides(extrusion_z(&tail, 0.045).at([0.0, 0.41 * length, 0.5 * body]), &accent);
    let top = draw.range(0.34, 0.46);
    let fin = [[0.27 * length, body - 0.02], [0.43 * length, top], [0.52 * length, top], [0.49 * length, 0.3 * body]];
    plane.add(extrusion_x(&fin, 0.055), &accent);
    plane
}

/// A helicopter: glass nose in front, boom behind with its rotor at the right.
pub fn helicopter(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [body, boom, blade] = [draw.range(0.36, 0.46), draw.range(0.6, 0.85), draw.range(0.55, 0.75)];
    let first_blade_deg = draw.range(15.0, 75.0);
    let [metal, dark] = [steel(draw), rubber(draw)];
    let mut helicopter = Assembly::new();
    helicopter.add(superquadric([0.25, body, 0.25], 0.8, 0.8), &main);
    helicopter.add(ellipsoid([0.235, 0.26, 0.22]).at([0.0, -body + 0.19, 0.04]), &glass(draw));
    let end = body + boom;
    helicopter.add(cylinder_between([0.0, 0.6 * body, 0.06], [0.0, end, 0.12], 0.065, 10), &main);
    let fin = [[end - 0.16, 0.1], [end - 0.02, 0.42], [end + 0.1, 0.42], [end + 0.04, 0.06]];
    helicopter.add(extrusion_x(&fin, 0.05), &accent);
    helicopter.add(block([0.03, 0.06, 0.4]).turned_x(30.0).at([0.1, end, 0.16]), &dark);
    helicopter.add(block([0.03, 0.06, 0.4]).turned_x(120.0).at([0.1, end, 0.16]), &dark);
    helicopter.add(cylinder(0.05, 0.2, 10).at([0.0, 0.0, 0.3]), &metal);
    for turn in [0.0, 90.0] {
        let arm = block([2.0 * blade, 0.09, 0.03]).turned_z(first_blade_deg + turn);
        helicopter.add(arm.at([0.0, 0.0, 0.4]), &dark);
    }
    let skid = cylinder_between([0.22, -0.35, -0.36], [0.22, 0.35, -0.36], 0.035, 8);
    helicopter.add_both_sides(skid, &accent);
    for y in [-0.17, 0.17] {
        helicopter.add_both_sides(cylinder_between([0.13, y, -0.18], [0.22, y, -0.36], 0.03, 8), &metal);
    }
    helicopter
}

/// A sailing boat: bow in front, main sail behind the mast, its boom out to the right.
pub fn boat(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, beam, mast] = [draw.range(1.1, 1.35), draw.range(0.2, 0.28), draw.range(0.9, 1.15)];
    let swing_deg = draw.range(5.0, 25.0);
    let wood = plain_wood(draw);
    let mut boat = Assembly::new();
    let rib = |along: f32, half: f32, keel: f32, deck: f32| -> Vec<[f32; 3]> {
        let [x, y] = [half * beam, along * length];
        vec![[-x, y, deck], [-0.8 * x, y, 0.4 * keel], [0.0, y, keel], [0.8 * x, y, 0.4 * keel], [x, y, deck]]
    };
    let hull = [
        rib(-0.55, 0.04, 0.12, 0.26),
        rib(-0.4, 0.5, -0.1, 0.22),
        rib(-0.15, 0.95, -0.2, 0.18),
        rib(0.2, 1.0, -0.22, 0.17),
        rib(0.45, 0.8, -0.14, 0.2),
    ];
    boat.add(loft(&hull).smooth_below(50.0), &main);
    boat.add(chamfered_block([1.1 * beam, 0.3 * length, 0.14], 0.03).at([0.0, 0.16 * length, 0.22]), &wood);
    boat.add(cylinder_between([0.0, -0.08, 0.1], [0.0, -0.08, 0.2 + mast], 0.03, 8), &wood);
    let sail = [[0.0, 0.36], [0.0, 0.15 + mast], [0.3 * length, 0.5 + 0.1 * mast], [0.44 * length, 0.4]];
    let set = extrusion_x(&sail, 0.04).turned_z(-swing_deg).at([0.0, -0.06, 0.0]);
    boat.add(set, &white(draw));
    let jib = [[-0.5 * length, 0.28], [-0.11, 0.05 + 0.85 * mast], [-0.14, 0.34]];
    boat.add(extrusion_x(&jib, 0.04), &accent);
    boat.add(block([0.03, 0.16, 0.1]).at([0.0, 0.0, 0.2 + mast]), &signal(draw, 0.0));
    boat
}
