use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::Palette;
use super::super::primitives::{arc, block, extrusion_y};
use super::super::shape::Shape;

const X: [f32; 3] = [1.0, 0.0, 0.0];
const Z: [f32; 3] = [0.0, 0.0, 1.0];

/// The strokes of a letter, `depth` thick, as parts that may overlap.
type Strokes<'a> = dyn Fn(f32) -> Vec<Shape> + 'a;

/// The letter with a thin face of another colour in front.
fn two_coloured(draw: &mut Draw, strokes: &Strokes) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let depth = draw.range(0.25, 0.4);
    let mut letter = Assembly::new();
    strokes(depth).into_iter().for_each(|stroke| letter.add(stroke, &main));
    let face = |stroke: Shape| stroke.at([0.0, -depth / 2.0 - 0.02, 0.0]);
    strokes(0.07).into_iter().for_each(|stroke| letter.add(face(stroke), &accent));
    letter
}

/// The letter F, read from the front.
pub fn letter_f(draw: &mut Draw) -> Assembly {
    let [width, height, stroke] = [draw.range(0.6, 0.75), draw.range(0.95, 1.15), draw.range(0.17, 0.23)];
    let [middle, short] = [draw.range(0.45, 0.55) * height, draw.range(0.65, 0.8) * width];
    two_coloured(draw, &|depth| {
        let bar = |length: f32, z: f32| block([length, depth, stroke]).at([length / 2.0, 0.0, z]);
        let stem = block([stroke, depth, height]).at([stroke / 2.0, 0.0, height / 2.0]);
        vec![stem, bar(width, height - stroke / 2.0), bar(short, middle)]
    })
}

/// The letter R, read from the front.
pub fn letter_r(draw: &mut Draw) -> Assembly {
    let [height, stroke] = [draw.range(0.95, 1.15), draw.range(0.16, 0.21)];
    let [bowl, foot] = [draw.range(0.26, 0.3) * height, draw.range(0.55, 0.7)];
    two_coloured(draw, &|depth| {
        let stem = block([stroke, depth, height]).at([stroke / 2.0, 0.0, height / 2.0]);
        let half_ring = half_ring(bowl, bowl - stroke, depth).at([0.8 * stroke + 0.12, 0.0, height - bowl]);
        let bar = block([0.2 + stroke, depth, stroke]);
        let [top, waist] = [height - stroke / 2.0, height - 2.0 * bowl + stroke / 2.0];
        let leg = [[0.3, waist], [0.3 + 1.15 * stroke, waist], [foot, 0.0], [foot - 1.2 * stroke, 0.0]];
        vec![
            stem,
            bar.clone().at([0.1 + stroke / 2.0, 0.0, top]),
            bar.at([0.1 + stroke / 2.0, 0.0, waist]),
            half_ring,
            extrusion_y(&leg, depth),
        ]
    })
}

/// The right half of a flat ring standing upright.
fn half_ring(outer: f32, inner: f32, depth: f32) -> Shape {
    let bend = |radius: f32, angles: [f32; 2]| arc([0.0; 3], [X, Z], radius, angles, 12);
    let outline = bend(outer, [-90.0, 90.0]).into_iter().chain(bend(inner, [90.0, -90.0]));
    extrusion_y(&outline.map(|[x, _, z]| [x, z]).collect::<Vec<_>>(), depth)
}
