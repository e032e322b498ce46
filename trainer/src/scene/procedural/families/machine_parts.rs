use std::f32::consts::TAU;

use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, rubber, steel, white};
use super::super::primitives::{arc, block, cone, cylinder, extrusion_x, extrusion_z, lathe, loft, rod, torus};

/// Teeth of every gear.
pub const GEAR_TEETH: u16 = 8;
/// Blades of every fan.
pub const FAN_BLADES: u16 = 3;
/// Spokes of every wheel.
pub const WHEEL_SPOKES: u16 = 5;

const X: [f32; 3] = [1.0, 0.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];

/// A hexagon bolt, head up; its thread is drawn as rings.
pub fn bolt(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [head, thick, shaft] = [draw.range(0.38, 0.48), draw.range(0.2, 0.32), draw.range(0.7, 1.1)];
    let radius = draw.range(0.4, 0.52) * head;
    let rings = draw.count(4, 7);
    let metal = steel(draw);
    let mut bolt = Assembly::new();
    let hexagon = [[0.92 * head, 0.0], [head, 0.05], [head, thick - 0.05], [0.85 * head, thick]];
    bolt.add(lathe(&hexagon, 6).smooth_below(20.0), &main);
    bolt.add(cylinder(1.12 * head, 0.07, 24).at([0.0, 0.0, -0.02]), &accent);
    bolt.add(cylinder(radius, shaft, 24).at([0.0, 0.0, -shaft / 2.0]), &metal);
    for ring in 0..rings {
        let z = -shaft * (1.0 - 0.7 * (f32::from(ring) + 0.4) / f32::from(rings));
        bolt.add(torus(radius, 0.04, 24, 6).at([0.0, 0.0, z]), &metal);
    }
    bolt
}

/// A hexagon nut with a coloured bush, the same from both sides.
pub fn nut(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, bore, thick] = [draw.range(0.55, 0.65), draw.range(0.45, 0.6), draw.range(0.3, 0.5)];
    let lip = draw.range(0.03, 0.08);
    let mut nut = Assembly::new();
    let outline = |radius: f32, z: f32, rounding: f32| -> Vec<[f32; 3]> {
        (0..36u16)
            .map(|i| {
                let angle = TAU * f32::from(i) / 36.0;
                let within = angle.rem_euclid(TAU / 6.0) - TAU / 12.0;
                let hexagonal = (TAU / 12.0).cos() / within.cos();
                let reach = radius * (hexagonal + rounding * (1.0 - hexagonal));
                [reach * angle.cos(), reach * angle.sin(), z]
            })
            .collect()
    };
    let half = thick / 2.0;
    let hole = bore * radius;
    let skin = [
        outline(hole, -half, 1.0),
        outline(0.94 * radius, -half, 0.0),
        outline(radius, 0.04 - half, 0.0),
        outline(radius, half - 0.04, 0.0),
        outline(0.94 * radius, half, 0.0),
        outline(hole, half, 1.0),
        outline(hole, -half, 1.0),
    ];
    nut.add(loft(&skin).smooth_below(25.0), &main);
    let [inner, outer, end] = [0.78 * hole, hole + 0.04, half + lip];
    let bush = [[inner, -end], [outer, -end], [outer, end], [inner, end], [inner, -end]];
    nut.add(lathe(&bush, 36), &accent);
    nut
}

/// A spur gear lying flat, its hub on the upper side only.
pub fn gear(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [root, tooth, thick] = [draw.range(0.44, 0.52), draw.range(0.13, 0.18), draw.range(0.16, 0.26)];
    let [hub, tip] = [draw.range(0.18, 0.26), draw.range(0.2, 0.36)];
    let mut gear = Assembly::new();
    let outline = |z: f32| -> Vec<[f32; 3]> {
        let corner = |turn: f32, radius: f32| [radius * (TAU * turn).cos(), radius * (TAU * turn).sin(), z];
        let teeth = f32::from(GEAR_TEETH);
        let profile = [(-0.36, root), (-0.25, root), (-tip / 2.0, root + tooth), (tip / 2.0, root + tooth)];
        let profile = profile.into_iter().chain([(0.25, root), (0.36, root)]);
        let one = move |i: u16| profile.clone().map(move |(t, r)| corner((f32::from(i) + t) / teeth, r));
        (0..GEAR_TEETH).flat_map(one).collect()
    };
    gear.add(loft(&[outline(0.0), outline(thick)]).smooth_below(15.0), &main);
    let high = thick + draw.range(0.15, 0.3);
    let ring = [[0.1, -0.01], [hub, -0.01], [hub, high], [0.1, high], [0.1, -0.01]];
    gear.add(lathe(&ring, 24), &accent);
    gear.add(lathe(&[[0.1, -0.02], [0.1, high - 0.05]], 24), &rubber(draw));
    gear.add(torus(0.8 * root, 0.04, 32, 6).at([0.0, 0.0, thick]), &accent);
    gear
}

/// An angle bracket: wall plate behind, two holes in the floor plate, a coloured rib at the right.
pub fn bracket(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [width, depth, height] = [draw.range(0.5, 0.75), draw.range(0.7, 0.95), draw.range(0.6, 0.9)];
    let thick = draw.range(0.09, 0.14);
    let dark = rubber(draw);
    let mut bracket = Assembly::new();
    bracket.add(block([width, depth, thick]).at([0.0, -depth / 2.0, 0.0]), &main);
    bracket.add(block([width, thick, height]).at([0.0, 0.0, height / 2.0 - thick / 2.0]), &main);
    let rib = [[0.0, 0.0], [-0.85 * depth, 0.0], [-0.85 * depth, 0.08], [-0.08, 0.85 * height], [0.0, 0.85 * height]];
    bracket.add(extrusion_x(&rib, 0.1).at([width / 2.0 - 0.05, 0.0, 0.0]), &accent);
    let hole = draw.range(0.08, 0.12);
    for y in [-0.35, -0.75] {
        bracket.add(cylinder(hole, thick + 0.03, 16).at([-0.15 * width, y * depth, 0.0]), &dark);
    }
    let screw = cylinder(1.3 * hole, thick + 0.06, 16).turned_x(90.0);
    bracket.add(screw.at([-0.15 * width, 0.0, 0.65 * height]), &white(draw));
    bracket
}

/// A pipe bend between two equal flanges, in the plane y = 0; half a turn about (1, 0, 1) swaps its ends.
pub fn pipe_elbow(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [bend, bore, straight] = [draw.range(0.4, 0.6), draw.range(0.14, 0.22), draw.range(0.12, 0.3)];
    let flange = draw.range(1.35, 1.7) * bore;
    let mut elbow = Assembly::new();
    let dark = rubber(draw);
    let mut path = vec![[bend, 0.0, -straight]];
    path.extend(arc([0.0; 3], [X, Z], bend, [0.0, 90.0], 14));
    path.push([-straight, 0.0, bend]);
    elbow.add(rod(&path, bore, 18), &main);
    let ends = [cylinder(flange, 0.12, 24), cylinder(0.8 * bore, 0.14, 24)];
    for (end, material) in ends.into_iter().zip([&accent, &dark]) {
        elbow.add(end.clone().at([bend, 0.0, -straight]), material);
        elbow.add(end.turned_y(90.0).at([-straight, 0.0, bend]), material);
    }
    elbow
}

/// A fan in a ring, blowing to the front, its nose cone in front.
pub fn fan(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [hub, pitch_deg, chord] = [draw.range(0.14, 0.2), draw.range(25.0, 45.0), draw.range(0.26, 0.4)];
    let nose = draw.range(0.15, 0.35);
    let mut fan = Assembly::new();
    let ring = [[0.66, -0.13], [0.72, -0.13], [0.72, 0.13], [0.66, 0.13], [0.66, -0.13]];
    fan.add(lathe(&ring, 36), &accent);
    let section = |x: f32, chord: f32, pitch_deg: f32| -> Vec<[f32; 3]> {
        let (sin, cos) = pitch_deg.to_radians().sin_cos();
        let corner = |along: f32, across: f32| [x, along * cos - across * sin, along * sin + across * cos];
        vec![corner(-chord, 0.0), corner(0.0, -0.025), corner(chord, 0.0), corner(0.0, 0.025)]
    };
    let stations = (0..=6u16).map(|i| f32::from(i) / 6.0);
    let blade: Vec<Vec<[f32; 3]>> =
        stations.map(|t| section(0.1 + 0.55 * t, chord * (0.35 + 0.25 * t), pitch_deg * (1.3 - 0.6 * t))).collect();
    fan.add_around(&loft(&blade).smooth_below(30.0), FAN_BLADES, &main);
    fan.add(cylinder(hub, 0.2, 24), &accent);
    fan.add(cone(hub, 0.03, nose, 24).at([0.0, 0.0, 0.1 + nose / 2.0]), &white(draw));
    fan.turned_x(90.0)
}

/// A car wheel standing upright, a coloured star of spokes in front of the dark drum.
pub fn wheel(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [rim, width, valley] = [draw.range(0.54, 0.61), draw.range(0.1, 0.15), draw.range(0.2, 0.25)];
    let mut wheel = Assembly::new();
    let tyre = [
        [rim, -width],
        [0.68, -width],
        [0.72, -0.6 * width],
        [0.72, 0.6 * width],
        [0.68, width],
        [rim, width],
        [rim, -width],
    ];
    wheel.add(lathe(&tyre, 40), &rubber(draw));
    wheel.add(lathe(&[[rim, -0.8 * width], [rim, 0.5 * width]], 40), &rubber(draw));
    wheel.add(torus(rim, 0.045, 40, 6).at([0.0, 0.0, width - 0.02]), &main);
    let star: Vec<[f32; 2]> = (0..2 * WHEEL_SPOKES)
        .map(|i| {
            let (sin, cos) = (TAU * f32::from(i) / f32::from(2 * WHEEL_SPOKES)).sin_cos();
            let reach = if i % 2 == 0 { rim } else { valley };
            [reach * cos, reach * sin]
        })
        .collect();
    wheel.add(extrusion_z(&star, 0.1).at([0.0, 0.0, width - 0.04]), &main);
    let lug = cylinder(0.07, 0.1, 10).at([0.72 * rim, 0.0, width]);
    wheel.add_around(&lug, WHEEL_SPOKES, &accent);
    wheel.add(cylinder(0.13, 0.14, 20).at([0.0, 0.0, width]), &accent);
    wheel.turned_x(90.0)
}

/// A life buoy with four coloured bands, the same from both sides.
pub fn lifebuoy(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [thick, band_deg, flat] = [draw.range(0.16, 0.24), draw.range(24.0, 46.0), draw.range(0.6, 1.0)];
    let mut buoy = Assembly::new();
    let sector = |from: f32, to: f32, radius: f32| {
        rod(&arc([0.0; 3], [X, [0.0, 1.0, 0.0]], 0.55, [from, to], 8), radius, 12).scaled([1.0, 1.0, flat])
    };
    let half = band_deg / 2.0;
    buoy.add_around(&sector(half, 90.0 - half, thick), 4, &main);
    buoy.add_around(&sector(-half, half, 1.06 * thick), 4, &accent);
    buoy.turned_x(90.0)
}
