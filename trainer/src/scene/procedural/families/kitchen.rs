use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, rubber, steel, white};
use super::super::primitives::{arc, cylinder, ellipsoid, lathe, rod, sphere, spline, torus, tube};

const X: [f32; 3] = [1.0, 0.0, 0.0];
const Y: [f32; 3] = [0.0, 1.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];

/// A cup with its handle at the right (+x) and a badge in front.
pub fn mug(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [height, bottom, top] = [draw.range(0.8, 1.1), draw.range(0.3, 0.42), draw.range(0.36, 0.48)];
    let [reach, thickness] = [draw.range(0.22, 0.32), draw.range(0.05, 0.08)];
    let mut mug = Assembly::new();
    let wall = 0.05;
    let cup = [[bottom - 0.05, 0.0], [bottom, 0.05], [top, height], [top - wall, height], [bottom - wall, 0.1]];
    mug.add(lathe(&cup, 28), &main);
    let handle = arc([(bottom + top) / 2.0 - 0.03, 0.0, 0.5 * height], [X, Z], reach, [-105.0, 84.0], 12);
    mug.add(rod(&handle, thickness, 8), &accent);
    let badge = cylinder(0.5 * bottom, 0.1, 20).turned_x(90.0);
    mug.add(badge.at([0.0, -(bottom + top) / 2.0, 0.5 * height]), &white(draw));
    mug
}

/// A pot with its spout in front and its handle behind.
pub fn teapot(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, height] = [draw.range(0.42, 0.52), draw.range(0.3, 0.45)];
    let [spout, grip] = [draw.range(0.3, 0.42), draw.range(0.2, 0.28)];
    let mut pot = Assembly::new();
    pot.add(ellipsoid([radius, radius, height]), &main);
    pot.add(lathe(&[[0.6 * radius, -height - 0.03], [0.7 * radius, -0.7 * height]], 20), &accent);
    let lid = [[0.55 * radius, 0.8 * height], [0.5 * radius, 0.95 * height], [0.1, 1.15 * height]];
    pot.add(lathe(&lid, 20), &accent);
    pot.add(sphere(0.075).at([0.0, 0.0, 1.15 * height + 0.05]), &accent);
    let path =
        [[0.0, -0.7 * radius, -0.35 * height], [0.0, -radius - 0.5 * spout, -0.1], [0.0, -radius - spout, height]];
    pot.add(tube(&spline(&path, 5), 10, |t| 0.14 - 0.08 * t), &main);
    let handle = arc([0.0, radius - 0.02, 0.0], [Y, Z], grip, [-105.0, 105.0], 12);
    pot.add(rod(&handle, 0.05, 8), &accent);
    pot
}

/// A frying pan with its handle in front.
pub fn pan(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, depth, handle] = [draw.range(0.42, 0.52), draw.range(0.14, 0.26), draw.range(0.55, 0.8)];
    let dark = rubber(draw);
    let mut pan = Assembly::new();
    let outside = [[0.8 * radius, 0.0], [radius, depth], [radius - 0.04, depth]];
    let outside: Vec<[f32; 2]> = outside.into_iter().chain([[0.8 * radius - 0.03, 0.05]]).collect();
    pan.add(lathe(&outside, 32), &main);
    pan.add(cylinder(0.8 * radius - 0.04, 0.03, 32).at([0.0, 0.0, 0.055]), &dark);
    let tip = -0.95 * radius - handle;
    let path = [[0.0, -0.92 * radius, 0.7 * depth], [0.0, tip / 2.0 - 0.2, depth + 0.06], [0.0, tip, depth + 0.1]];
    pan.add(tube(&spline(&path, 5), 10, |t| 0.045 + 0.03 * t), &accent);
    pan.add(cylinder(0.05, 0.2, 12).turned_x(80.0).at([0.0, -radius, 0.75 * depth]), &steel(draw));
    pan
}

/// A soup ladle: bowl below, its lip in front, the handle rising behind with a hook at its end.
pub fn ladle(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, length, lean] = [draw.range(0.26, 0.34), draw.range(0.8, 1.1), draw.range(0.05, 0.3)];
    let mut ladle = Assembly::new();
    let quarter = |scale: f32, from: f32| -> Vec<[f32; 2]> {
        let angle = |i: u32| (from * i as f32 / 6.0).to_radians();
        (0..=6).map(|i| [scale * angle(i).sin(), -scale * angle(i).cos()]).collect()
    };
    let inside = quarter(radius - 0.05, 90.0).into_iter().rev();
    let bowl: Vec<[f32; 2]> = quarter(radius, 90.0).into_iter().chain(inside).collect();
    ladle.add(lathe(&bowl, 24), &main);
    let top = [0.0, radius + lean, length];
    let path = [[0.0, radius - 0.03, -0.05], [0.0, radius + 0.3 * lean, 0.4 * length], top];
    ladle.add(tube(&spline(&path, 4), 8, |t| 0.04 + 0.02 * t), &main);
    ladle.add(rod(&arc([0.0, top[1] - 0.15, length], [Y, Z], 0.15, [-10.0, 190.0], 10), 0.055, 8), &accent);
    ladle.add(sphere(0.085).at([0.0, top[1], 0.75 * length]), &accent);
    ladle
}

/// A bottle with cap and label, round about the vertical.
pub fn bottle(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, shoulder, neck] = [draw.range(0.2, 0.32), draw.range(0.55, 0.8), draw.range(0.07, 0.11)];
    let height = draw.range(1.05, 1.3);
    let mut bottle = Assembly::new();
    let slope = (height + shoulder) / 2.0;
    let curve = spline(&[[radius, shoulder], [0.6 * radius + 0.4 * neck, slope], [neck, height - 0.05]], 4);
    let mut profile = vec![[0.85 * radius, 0.0], [radius, 0.05]];
    profile.extend(curve);
    bottle.add(lathe(&profile, 24), &main);
    let [low, high] = [draw.range(0.12, 0.22), shoulder - 0.05];
    bottle.add(lathe(&[[radius + 0.012, low], [radius + 0.012, high]], 24), &white(draw));
    bottle.add(cylinder(neck + 0.03, 0.16, 24).at([0.0, 0.0, height]), &accent);
    bottle
}

/// A wine glass, round about the vertical.
pub fn goblet(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [foot, stem, bowl] = [draw.range(0.25, 0.36), draw.range(0.35, 0.6), draw.range(0.28, 0.4)];
    let [depth, mouth] = [draw.range(0.4, 0.6), draw.range(0.75, 1.0)];
    let mut goblet = Assembly::new();
    goblet.add(lathe(&spline(&[[foot, 0.0], [foot, 0.03], [0.08, 0.1], [0.045, stem]], 3), 24), &accent);
    goblet.add(torus(0.05, 0.04, 24, 8).at([0.0, 0.0, 0.6 * stem]), &main);
    let wall = |inset: f32| {
        let points = [[0.05, stem + inset], [bowl - inset, stem + 0.4 * depth], [mouth * bowl - inset, stem + depth]];
        spline(&points, 4)
    };
    let profile: Vec<[f32; 2]> = wall(0.0).into_iter().chain(wall(0.03).into_iter().rev()).collect();
    goblet.add(lathe(&profile, 24), &main);
    goblet
}
