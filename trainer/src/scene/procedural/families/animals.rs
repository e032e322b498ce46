use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, rubber, signal, white};
use super::super::primitives::{ellipsoid, lathe, sphere, superquadric, torus, tube};
use super::super::shape::Shape;

/// An orange beak, the same on every bird.
const BEAK_HUE: f32 = 0.07;

/// A bath duck: beak in front, tail up behind.
pub fn duck(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [long, wide, head] = [draw.range(0.5, 0.62), draw.range(0.33, 0.42), draw.range(0.23, 0.29)];
    let lift = draw.range(0.42, 0.55);
    let mut duck = Assembly::new();
    duck.add(ellipsoid([wide, long, 0.33]), &main);
    let tail = [[0.0, 0.6 * long, 0.1], [0.0, 0.95 * long, 0.22], [0.0, 1.2 * long, 0.48]];
    duck.add(tube(&tail, 10, |t| 0.24 - 0.2 * t), &main);
    let y = -0.55 * long;
    duck.add(sphere(head).at([0.0, y, lift]), &main);
    duck.add(torus(0.17, 0.06, 16, 6).at([0.0, y + 0.04, lift - head + 0.05]), &accent);
    let beak = ellipsoid([0.14, 0.17, 0.055]).at([0.0, y - head - 0.04, lift - 0.03]);
    duck.add(beak, &signal(draw, BEAK_HUE));
    let eye = small(0.06).at([0.4 * head, y - 0.8 * head, lift + 0.4 * head]);
    duck.add_both_sides(eye, &rubber(draw));
    duck.add_both_sides(ellipsoid([0.08, 0.55 * long, 0.17]).turned_x(12.0).at([0.93 * wide, 0.1, 0.08]), &accent);
    duck
}

/// A dog standing: snout in front, tail up behind, one dark ear (right) and one coloured.
pub fn dog(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [long, leg, head] = [draw.range(0.42, 0.55), draw.range(0.3, 0.5), draw.range(0.19, 0.24)];
    let [wag, girth] = [draw.range(0.3, 0.5), draw.range(0.19, 0.25)];
    let [dark, pale] = [rubber(draw), white(draw)];
    let mut dog = Assembly::new();
    dog.add(superquadric([girth, long, girth], 0.8, 0.8), &main);
    for y in [-0.72 * long, 0.72 * long] {
        let foot = [0.75 * girth, y, -leg - 0.5 * girth];
        dog.add_both_sides(tube(&[[0.7 * girth, y, 0.0], foot], 8, |t| 0.1 - 0.03 * t), &main);
        dog.add_both_sides(small(0.09).at(foot), &pale);
    }
    let [y, z] = [-long - 0.12, girth + 0.22];
    dog.add(tube(&[[0.0, -0.7 * long, 0.05], [0.0, y + 0.04, z]], 10, |_| 0.13), &main);
    dog.add(torus(0.13, 0.05, 16, 6).turned_x(35.0).at([0.0, -0.93 * long, 0.75 * girth + 0.03]), &accent);
    dog.add(sphere(head).at([0.0, y, z]), &main);
    dog.add(superquadric([0.1, 0.17, 0.085], 0.7, 0.7).at([0.0, y - head - 0.05, z - 0.05]), &pale);
    dog.add(small(0.055).at([0.0, y - head - 0.22, z]), &dark);
    let ear = ellipsoid([0.05, 0.09, 0.17]).turned_y(-15.0).at([head, y + 0.04, z + 0.06]);
    dog.add(ear.clone(), &dark);
    dog.add(ear.scaled([-1.0, 1.0, 1.0]), &accent);
    let tail = [[0.0, 0.9 * long, 0.1], [0.0, long + 0.18, 0.3], [0.0, long + 0.2, 0.2 + wag]];
    dog.add(tube(&tail, 8, |t| 0.065 - 0.03 * t), &accent);
    dog
}

/// A ball of few triangles.
fn small(radius: f32) -> Shape {
    let ring = |i: u16| (f32::from(i) * std::f32::consts::PI / 6.0).sin_cos();
    let profile: Vec<[f32; 2]> =
        (0..=6).map(|i| [if i % 6 == 0 { 0.0 } else { radius * ring(i).0 }, -radius * ring(i).1]).collect();
    lathe(&profile, 10).smooth_below(60.0)
}
