use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, grained_wood, plain_wood, rubber, white};
use super::super::primitives::{block, cylinder, extrusion_y, spline};

/// A guitar, neck up: sound hole and bridge in front, a cutaway and a guard at the right.
pub fn guitar(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [lower, waist, upper] = [draw.range(0.36, 0.44), draw.range(0.22, 0.28), draw.range(0.27, 0.33)];
    let [depth, neck] = [draw.range(0.16, 0.24), draw.range(0.65, 0.85)];
    let [top, board, dark] = [grained_wood(draw), plain_wood(draw), rubber(draw)];
    let mut guitar = Assembly::new();
    let half = [[0.0, -0.5], [0.7 * lower, -0.45], [lower, -0.2], [waist, 0.1], [upper, 0.3]];
    let left_shoulder = [[0.6 * upper, 0.45], [0.08, 0.48]];
    let right = [half.as_slice(), &[[0.55 * upper, 0.36], [0.1, 0.2]]].concat();
    let left = [half.as_slice(), &left_shoulder].concat();
    let mut outline = spline(&right, 4);
    outline.extend(spline(&left, 4).into_iter().skip(1).rev().map(|[x, z]| [-x, z]));
    guitar.add(extrusion_y(&outline, depth), &main);
    let plate: Vec<[f32; 2]> = outline.iter().map(|[x, z]| [0.93 * x, 0.93 * z]).collect();
    let front = -depth / 2.0;
    guitar.add(extrusion_y(&plate, 0.03).at([0.0, front, 0.0]), &top);
    guitar.add(cylinder(0.12, 0.03, 20).turned_x(90.0).at([0.0, front - 0.015, 0.08]), &dark);
    guitar.add(block([0.26, 0.05, 0.06]).at([0.0, front - 0.03, -0.22]), &dark);
    guitar.add(block([0.14, 0.05, 0.3]).turned_y(-15.0).at([0.19, front - 0.015, -0.05]), &white(draw));
    guitar.add(block([0.1, 0.09, neck + 0.3]).at([0.0, front + 0.01, 0.15 + (neck + 0.3) / 2.0]), &board);
    let head = block([0.17, 0.08, 0.24]).turned_x(-12.0);
    guitar.add(head.at([0.0, front + 0.04, 0.52 + neck]), &accent);
    guitar
}
