use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, rubber, signal, steel, white};
use super::super::primitives::{
    arc, block, chamfered_block, cone, cylinder, cylinder_between, extrusion_y, loft, rod, sphere, torus,
};

const Y: [f32; 3] = [0.0, 1.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];

/// A jointed lamp: base behind, shade reaching to the front.
pub fn desk_lamp(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [lower, upper] = [draw.range(0.6, 0.8), draw.range(0.5, 0.7)];
    let [lean, drop] = [draw.range(5.0, 25.0), draw.range(-5.0, 25.0)];
    let shade = draw.range(0.24, 0.32);
    let mut lamp = Assembly::new();
    lamp.add(cone(0.3, 0.24, 0.1, 28), &main);
    let metal = steel(draw);
    let elbow = [0.0, lower * lean.to_radians().sin(), lower * lean.to_radians().cos()];
    let head = [0.0, elbow[1] - upper * drop.to_radians().cos(), elbow[2] + 0.12 - upper * drop.to_radians().sin()];
    lamp.add(cylinder_between([0.0; 3], elbow, 0.045, 10), &metal);
    lamp.add(cylinder_between(elbow, head, 0.045, 10), &metal);
    lamp.add(sphere(0.085).at(elbow), &accent);
    lamp.add(cone(shade, 0.1, 0.34, 24).turned_x(-25.0).at([0.0, head[1] - 0.02, head[2] - 0.05]), &main);
    let bulb = sphere(0.16).at([0.0, 0.0, -0.14]).turned_x(-25.0);
    lamp.add(bulb.at([0.0, head[1] - 0.02, head[2] - 0.05]), &signal(draw, 0.14));
    lamp
}

/// A water tap: spout in front, red lever at the right.
pub fn faucet(draw: &mut Draw) -> Assembly {
    let Palette { main, accent: _ } = Palette::draw(draw);
    let [height, reach, bore] = [draw.range(0.5, 0.8), draw.range(0.22, 0.34), draw.range(0.075, 0.105)];
    let lever = draw.range(0.35, 0.5);
    let metal = steel(draw);
    let mut faucet = Assembly::new();
    faucet.add(cone(0.3, 0.26, 0.1, 24), &main);
    faucet.add(cylinder(bore + 0.06, 0.34, 20).at([0.0, 0.0, 0.2]), &main);
    let mut path = vec![[0.0, 0.0, 0.1], [0.0, 0.0, height]];
    path.extend(arc([0.0, -reach, height], [Y, Z], reach, [10.0, 180.0], 12));
    path.push([0.0, -2.0 * reach, height - 0.14]);
    faucet.add(rod(&path, bore, 12), &metal);
    faucet.add(cylinder(bore + 0.03, 0.12, 16).at([0.0, -2.0 * reach, height - 0.16]), &main);
    let red = signal(draw, 0.0);
    faucet.add(cylinder_between([0.1, 0.0, 0.25], [0.3, 0.0, 0.25], 0.09, 12), &metal);
    faucet.add(cylinder_between([0.27, 0.0, 0.25], [0.4, 0.0, 0.25 + lever], 0.06, 10), &red);
    faucet.add(sphere(0.085).at([0.4, 0.0, 0.25 + lever]), &red);
    faucet
}

/// A sports shoe: toe in front, a stripe on its outer side (+x).
pub fn shoe(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, width] = [draw.range(1.1, 1.3), draw.range(0.4, 0.5)];
    let [ankle, sole] = [draw.range(0.5, 0.8), draw.range(0.08, 0.15)];
    let [rim, dark] = [white(draw), rubber(draw)];
    let mut shoe = Assembly::new();
    // Share of the length from toe to heel, half width, height of the upper.
    let ribs = [
        [0.0, 0.25, 0.16],
        [0.05, 0.6, 0.22],
        [0.15, 0.85, 0.27],
        [0.3, 1.0, 0.32],
        [0.45, 0.95, 0.42],
        [0.58, 0.85, 0.7 * ankle],
        [0.64, 0.8, ankle],
        [0.95, 0.78, ankle],
        [1.0, 0.6, 0.9 * ankle],
    ];
    let outline = |[along, half, top]: [f32; 3], foot: f32| -> Vec<[f32; 3]> {
        let [x, y] = [half * width / 2.0, (along - 0.5) * length];
        let corner = |dx: f32, dz: f32| [dx * x + 0.05 * (1.0 - along), y, foot + dz * (top - foot)];
        vec![
            corner(-1.0, 0.0),
            corner(1.0, 0.0),
            corner(1.0, 0.55),
            corner(0.55, 1.0),
            corner(-0.55, 1.0),
            corner(-1.0, 0.55),
        ]
    };
    let upper: Vec<Vec<[f32; 3]>> = ribs.iter().map(|r| outline(*r, 0.0)).collect();
    shoe.add(loft(&upper).smooth_below(50.0), &main);
    let slab = |r: &[f32; 3]| outline([r[0] * 1.04 - 0.02, r[1] * 1.12, 0.0], -sole);
    let tread: Vec<Vec<[f32; 3]>> = ribs.iter().map(slab).collect();
    shoe.add(loft(&tread).smooth_below(30.0), &rim);
    let opening = chamfered_block([0.62 * width, 0.27 * length, 0.05], 0.02);
    shoe.add(opening.at([0.01, 0.3 * length, ankle]), &dark);
    let stripe = block([0.05, 0.16, 0.3]).turned_x(25.0);
    shoe.add(stripe.clone().at([0.44 * width, 0.05, 0.18]), &accent);
    shoe.add(stripe.at([0.42 * width, 0.3, 0.2]), &accent);
    for lace in 0..3 {
        let t = lace as f32 / 2.0;
        let bar = block([0.6 * width, 0.06, 0.05]);
        shoe.add(bar.at([0.02, length * (-0.17 + 0.13 * t), 0.34 + t * (0.62 * ankle - 0.28)]), &accent);
    }
    shoe
}

/// Open scissors, points up: the right handle in another colour, the screw in front.
pub fn scissors(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [blade, shank] = [draw.range(0.75, 1.0), draw.range(0.3, 0.42)];
    let [opening_deg, eye] = [draw.range(14.0, 26.0), draw.range(0.15, 0.2)];
    let metal = steel(draw);
    let mut scissors = Assembly::new();
    let outline = [[-0.08, -0.2], [0.07, -0.2], [0.09, 0.1], [0.02, blade], [-0.05, blade - 0.1], [-0.1, 0.1]];
    for (side, grip) in [(1.0, &main), (-1.0, &accent)] {
        let y = 0.045 * side;
        let half = extrusion_y(&outline, 0.08).scaled([side, 1.0, 1.0]).turned_y(side * opening_deg).at([0.0, y, 0.0]);
        scissors.add(half, &metal);
        let (sin, cos) = (opening_deg + 6.0).to_radians().sin_cos();
        let end = [-side * shank * sin, y, -shank * cos];
        scissors.add(cylinder_between([0.0, y, -0.1], end, 0.06, 8), grip);
        let ring = torus(eye, 0.06, 20, 8).scaled([0.85, 1.15, 1.0]).turned_x(90.0).turned_y(side * 15.0);
        scissors.add(ring.at([end[0] - side * 0.09, y, end[2] - eye]), grip);
    }
    scissors.add(cylinder(0.075, 0.12, 12).turned_x(90.0).at([0.0, -0.08, -0.02]), &rubber(draw));
    scissors
}

/// A key, bow up: its bits to the right, a light badge in front of the coloured bow.
pub fn key(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [bow, shaft] = [draw.range(0.24, 0.32), draw.range(0.7, 0.95)];
    let bits = draw.count(2, 4);
    let metal = steel(draw);
    let mut key = Assembly::new();
    let head = cylinder(bow, 0.16, 24).scaled([1.0, draw.range(0.75, 1.0), 1.0]).turned_x(90.0);
    key.add(head.at([0.0, 0.0, 0.8 * bow]), &main);
    key.add(cylinder(0.55 * bow, 0.06, 20).turned_x(90.0).at([0.0, -0.09, 0.8 * bow]), &white(draw));
    key.add(block([0.2, 0.24, 0.12]).at([0.0, 0.0, -0.05]), &accent);
    key.add(block([0.13, 0.12, shaft]).at([0.0, 0.0, -shaft / 2.0]), &metal);
    let pitch = 0.55 * shaft / f32::from(bits);
    for bit in 0..bits {
        let depth = draw.range(0.14, 0.26);
        let z = -shaft + pitch * (f32::from(bit) + 0.5);
        key.add(block([depth, 0.1, 0.65 * pitch]).at([0.05 + depth / 2.0, 0.0, z]), &metal);
    }
    key
}

/// A photo camera: lens in front, red release and grip at the right, flash at the left.
pub fn camera(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, height, depth] = [draw.range(0.9, 1.1), draw.range(0.5, 0.65), draw.range(0.26, 0.36)];
    let [lens, reach] = [draw.range(0.17, 0.22), draw.range(0.22, 0.42)];
    let [dark, red, pale] = [rubber(draw), signal(draw, 0.0), white(draw)];
    let mut camera = Assembly::new();
    camera.add(chamfered_block([width, depth, height], 0.04), &main);
    let front = -depth / 2.0;
    camera.add(cylinder(lens + 0.04, 0.1, 24).turned_x(90.0).at([0.0, front, 0.0]), &accent);
    camera.add(cone(lens, 0.85 * lens, reach, 24).turned_x(90.0).at([0.0, front - reach / 2.0, 0.0]), &dark);
    camera.add(cylinder(0.65 * lens, 0.03, 20).turned_x(90.0).at([0.0, front - reach, 0.0]), &pale);
    let finder = block([0.3, 0.8 * depth, 0.16]).at([-0.05, 0.0, height / 2.0 + 0.06]);
    camera.add(finder, &main);
    camera.add(block([0.2, 0.05, 0.13]).at([-0.33 * width, front - 0.01, 0.3 * height]), &pale);
    camera.add(chamfered_block([0.16, depth + 0.1, 0.9 * height], 0.04).at([width / 2.0 - 0.08, -0.05, 0.0]), &dark);
    camera.add(cylinder(0.075, 0.12, 12).at([0.36 * width, -0.05, height / 2.0 + 0.03]), &red);
    camera.add(block([0.46 * width, 0.04, 0.6 * height]).at([-0.1 * width, depth / 2.0, 0.0]), &accent);
    camera
}

/// A screen on a foot: dark picture with a window at its upper left in front, a coloured back.
pub fn monitor(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, aspect, frame] = [draw.range(1.0, 1.3), draw.range(0.55, 0.75), draw.range(0.04, 0.08)];
    let neck = draw.range(0.2, 0.32);
    let height = aspect * width;
    let metal = steel(draw);
    let mut monitor = Assembly::new();
    monitor.add(chamfered_block([width, 0.12, height], 0.03), &main);
    let [x, z] = [width / 2.0 - frame, height / 2.0 - frame];
    monitor.add(block([2.0 * x, 0.03, 2.0 * z]).at([0.0, -0.06, 0.0]), &rubber(draw));
    monitor.add(block([0.9 * x, 0.03, 0.9 * z]).at([-0.5 * x, -0.075, 0.5 * z]), &white(draw));
    monitor.add(block([0.55 * x, 0.03, 0.4 * z]).at([0.6 * x, -0.075, -0.6 * z]), &accent);
    monitor.add(chamfered_block([0.5 * width, 0.16, 0.5 * height], 0.05).at([0.0, 0.1, 0.0]), &accent);
    let bottom = -height / 2.0 - neck;
    monitor.add(block([0.14, 0.08, neck + 0.2]).at([0.0, 0.06, bottom + (neck + 0.2) / 2.0]), &metal);
    monitor.add(block([0.5, 0.36, 0.05]).at([0.0, 0.0, bottom]), &metal);
    monitor
}
