use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, plain_wood, rubber, signal, steel};
use super::super::primitives::{arc, block, cylinder, cylinder_between, extrusion_y, lathe, loft, rod, torus, tube};

const Y: [f32; 3] = [0.0, 1.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];

/// A watering can: long spout in front, handle behind.
pub fn watering_can(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, height] = [draw.range(0.32, 0.42), draw.range(0.55, 0.75)];
    let [reach, grip] = [draw.range(0.55, 0.75), draw.range(0.28, 0.36)];
    let mut can = Assembly::new();
    let wall = [[radius, 0.0], [0.9 * radius, height], [0.85 * radius, height], [radius - 0.06, 0.1]];
    can.add(lathe(&wall, 24), &main);
    can.add(torus(0.9 * radius, 0.035, 24, 6).at([0.0, 0.0, height]), &accent);
    let [root, tip] = [[0.0, -0.85 * radius, 0.16], [0.0, -radius - reach, height + 0.12]];
    can.add(tube(&[root, tip], 10, |t| 0.09 - 0.045 * t), &main);
    let rose = lathe(&[[0.05, -0.08], [0.16, 0.08]], 16).turned_x(55.0).at(tip);
    can.add(rose, &accent);
    let handle = arc([0.0, 0.7 * radius, 0.65 * height], [Y, Z], grip, [-80.0, 130.0], 12);
    can.add(rod(&handle, 0.045, 8), &accent);
    can
}

/// A letter box on a post: door in front, red flag at the right.
pub fn mailbox(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, length] = [draw.range(0.36, 0.46), draw.range(0.7, 0.95)];
    let [side, post] = [draw.range(0.2, 0.3), draw.range(0.35, 0.6)];
    let mut mailbox = Assembly::new();
    let vault = |grow: f32| -> Vec<[f32; 2]> {
        let radius = width / 2.0 + grow;
        let round = (0..=14).map(|i| (180.0 * i as f32 / 14.0).to_radians().sin_cos());
        let roof = round.map(|(sin, cos)| [radius * cos, side + radius * sin]);
        [[-radius, -grow], [radius, -grow]].into_iter().chain(roof).collect()
    };
    mailbox.add(extrusion_y(&vault(0.0), length), &main);
    mailbox.add(extrusion_y(&vault(0.03), 0.08).at([0.0, -length / 2.0, 0.0]), &accent);
    mailbox.add(block([0.1, 0.06, 0.05]).at([0.0, -length / 2.0 - 0.06, side + 0.1]), &steel(draw));
    let wood = plain_wood(draw);
    mailbox.add(block([0.13, 0.13, post]).at([0.0, 0.0, -post / 2.0]), &wood);
    mailbox.add(block([0.4, 0.4, 0.05]).at([0.0, 0.0, -post]), &wood);
    let flag = signal(draw, 0.0);
    let x = width / 2.0 + 0.04;
    mailbox.add(block([0.05, 0.06, 0.42]).at([x, 0.05, side + 0.16]), &flag);
    mailbox.add(block([0.05, 0.24, 0.16]).at([x, -0.06, side + 0.33]), &flag);
    mailbox
}

/// A wheelbarrow: its wheel in front, two handles behind.
pub fn wheelbarrow(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, length] = [draw.range(0.5, 0.65), draw.range(0.6, 0.8)];
    let [depth, wheel] = [draw.range(0.22, 0.32), draw.range(0.17, 0.24)];
    let mut barrow = Assembly::new();
    let rim = |grow: f32, z: f32| -> Vec<[f32; 3]> {
        let [x, back] = [width / 2.0 + grow, length / 2.0 + grow];
        let front = -length / 2.0 - 1.8 * grow;
        vec![[-x, front, z], [x, front, z], [x, back, z], [-x, back, z]]
    };
    let tray = [rim(-0.1, 0.0), rim(0.06, depth), rim(0.02, depth), rim(-0.13, 0.04)];
    barrow.add(loft(&tray).smooth_below(20.0), &main);
    let [rail, grip] = [steel(draw), rubber(draw)];
    let axle = [0.06, -length / 2.0 - wheel - 0.05, -0.08];
    let end = [width / 2.0, length / 2.0 + 0.6, 0.16];
    let along = |t: f32| [0, 1, 2].map(|i| axle[i] + t * (end[i] - axle[i]));
    barrow.add_both_sides(cylinder_between(axle, end, 0.035, 8), &rail);
    barrow.add_both_sides(cylinder_between(along(0.86), along(1.02), 0.055, 8), &accent);
    let knee = along(0.62);
    barrow.add_both_sides(cylinder_between(knee, [knee[0], knee[1], -0.3], 0.035, 8), &rail);
    let tyre = torus(wheel - 0.06, 0.06, 20, 8).turned_y(90.0);
    barrow.add(tyre.at([0.0, axle[1], axle[2]]), &grip);
    barrow.add(cylinder(wheel - 0.07, 0.07, 16).turned_y(90.0).at([0.0, axle[1], axle[2]]), &accent);
    barrow
}
