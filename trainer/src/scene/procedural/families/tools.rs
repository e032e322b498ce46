use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, plain_wood, rubber, steel};
use super::super::primitives::{
    block, chamfered_block, cone, cylinder, cylinder_between, extrusion_x, extrusion_y, loft, rod, spline,
};

/// A claw hammer, head up: striking face in front, claw behind.
pub fn hammer(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, face, claw] = [draw.range(0.95, 1.25), draw.range(0.1, 0.14), draw.range(0.35, 0.48)];
    let grip = draw.range(0.35, 0.5);
    let [metal, wood] = [steel(draw), plain_wood(draw)];
    let mut hammer = Assembly::new();
    hammer.add(block([0.11, 0.14, length]).at([0.0, 0.0, -length / 2.0]), &wood);
    let z = grip * length / 2.0 - length;
    hammer.add(chamfered_block([0.15, 0.19, grip * length], 0.04).at([0.0, 0.0, z]), &accent);
    hammer.add(block([0.19, 0.24, 0.22]), &metal);
    hammer.add(cylinder(0.75 * face, 0.24, 16).turned_x(90.0).at([0.0, -0.18, 0.0]), &metal);
    hammer.add(cylinder(face, 0.14, 20).turned_x(90.0).at([0.0, -0.32, 0.0]), &main);
    let claws = [
        [0.05, 0.11],
        [0.5 * claw, 0.1],
        [0.1 + claw, -0.16],
        [0.08 + claw, -0.18],
        [0.5 * claw, -0.03],
        [0.05, -0.11],
    ];
    hammer.add_both_sides(extrusion_x(&claws, 0.075).at([0.055, 0.03, 0.0]), &metal);
    hammer
}

/// A cordless drill: bit in front, pistol grip and battery below.
pub fn drill(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, radius] = [draw.range(0.55, 0.75), draw.range(0.15, 0.19)];
    let [grip, bit] = [draw.range(0.42, 0.55), draw.range(0.25, 0.45)];
    let [metal, dark] = [steel(draw), rubber(draw)];
    let mut drill = Assembly::new();
    let front = -length / 2.0;
    drill.add(cylinder(radius, length, 20).turned_x(90.0), &main);
    drill.add(cylinder(0.9 * radius, 0.1, 20).turned_x(90.0).at([0.0, -front, 0.0]), &accent);
    drill.add(cone(0.06, 0.8 * radius, 0.24, 16).turned_x(-90.0).at([0.0, front - 0.11, 0.0]), &dark);
    let tip = front - 0.2 - bit;
    drill.add(cylinder_between([0.0, front - 0.2, 0.0], [0.0, tip, 0.0], 0.04, 10), &metal);
    let handle = chamfered_block([0.2, 0.22, grip], 0.05).turned_x(12.0);
    drill.add(handle.at([0.0, 0.2, -0.06 - grip / 2.0]), &dark);
    drill.add(block([0.08, 0.1, 0.12]).at([0.0, 0.06, -radius - 0.06]), &accent);
    drill.add(chamfered_block([0.26, 0.42, 0.15], 0.03).at([0.0, 0.22, -0.1 - grip]), &accent);
    drill
}

/// A hand saw: blade to the front, teeth down, grip behind.
pub fn saw(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, tall, slim] = [draw.range(1.1, 1.4), draw.range(0.34, 0.44), draw.range(0.12, 0.2)];
    let teeth = draw.count(8, 12);
    let metal = steel(draw);
    let mut saw = Assembly::new();
    let mut blade = vec![[0.0, tall], [-length, slim + 0.05]];
    for tooth in 0..teeth {
        let y = |t: f32| -length * (1.0 - (f32::from(tooth) + t) / f32::from(teeth));
        blade.extend([[y(0.0), 0.06], [y(0.5), -0.03]]);
    }
    blade.push([0.0, 0.06]);
    saw.add(extrusion_x(&blade, 0.05), &metal);
    saw.add(block([0.13, 0.12, tall + 0.12]).at([0.0, 0.02, tall / 2.0 + 0.03]), &main);
    let loop_path =
        [[0.0, 0.05, tall], [0.0, 0.3, tall + 0.02], [0.0, 0.4, 0.1], [0.0, 0.28, -0.08], [0.0, 0.05, 0.02]];
    saw.add(rod(&spline(&loop_path, 4), 0.07, 8), &main);
    saw.add(block([0.09, 0.5 * length, 0.07]).turned_x(11.0).at([0.0, -0.3 * length, 0.75 * tall + 0.06]), &accent);
    saw
}

/// A combination spanner, open jaw up, ring down; the same after half a turn about its length.
pub fn spanner(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [length, jaw, gap] = [draw.range(0.9, 1.2), draw.range(0.24, 0.3), draw.range(0.1, 0.14)];
    let ring = draw.range(0.19, 0.25);
    let metal = steel(draw);
    let mut spanner = Assembly::new();
    let top = length / 2.0;
    let right = [
        [0.09, -0.22],
        [0.8 * jaw, -0.14],
        [jaw, 0.05],
        [0.85 * jaw, 0.26],
        [gap + 0.02, 0.3],
        [gap, 0.04],
        [0.6 * gap, -0.03],
    ];
    let left = right.iter().rev().map(|[x, z]| [-x, *z]);
    let outline: Vec<[f32; 2]> = right.iter().copied().chain(left).collect();
    spanner.add(extrusion_y(&outline, 0.16).at([0.0, 0.0, top]), &main);
    spanner.add(block([0.15, 0.12, length]), &metal);
    let circle = |radius: f32, y: f32, steps: f32| -> Vec<[f32; 3]> {
        let corner = |i: u16| (f32::from(i) / 24.0 * std::f32::consts::TAU).sin_cos();
        // With 6 steps the outline is a hexagon, sampled as finely as the circle around it.
        let reach = |i: u16| {
            let step = std::f32::consts::TAU / steps;
            let within = (f32::from(i) / 24.0 * std::f32::consts::TAU).rem_euclid(step) - step / 2.0;
            (step / 2.0).cos() / within.cos()
        };
        (0..24).map(|i| [radius * reach(i) * corner(i).1, y, radius * reach(i) * corner(i).0]).collect()
    };
    let eye = [
        circle(ring, -0.09, 24.0),
        circle(ring, 0.09, 24.0),
        circle(0.6 * ring, 0.09, 6.0),
        circle(0.6 * ring, -0.09, 6.0),
        circle(ring, -0.09, 24.0),
    ];
    spanner.add(loft(&eye).smooth_below(30.0).at([0.0, 0.0, -top - 0.8 * ring]), &accent);
    spanner
}

/// A dumbbell along x, the same from both ends.
pub fn dumbbell(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [grip, radius, thick] = [draw.range(0.35, 0.55), draw.range(0.26, 0.36), draw.range(0.14, 0.24)];
    let outer = draw.range(0.6, 0.85);
    let metal = steel(draw);
    let mut dumbbell = Assembly::new();
    let disc = |radius: f32, thick: f32, x: f32| cylinder(radius, thick, 28).turned_y(90.0).at([x, 0.0, 0.0]);
    let half = grip / 2.0;
    dumbbell.add(disc(0.07, grip + 4.0 * thick, 0.0), &metal);
    dumbbell.add_both_sides(disc(radius, thick, half + thick / 2.0), &main);
    dumbbell.add_both_sides(disc(outer * radius, 0.7 * thick, half + 1.35 * thick), &accent);
    dumbbell
}
