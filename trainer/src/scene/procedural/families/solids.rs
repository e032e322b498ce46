use super::super::assembly::Assembly;
use super::super::draw::Draw;
use super::super::palette::{Palette, rubber, signal, white};
use super::super::primitives::{Polyhedron, cylinder, lathe, torus};

/// A cone on a coloured foot.
pub fn cone(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, height, band] = [draw.range(0.4, 0.55), draw.range(0.8, 1.2), draw.range(0.2, 0.45)];
    let foot = draw.range(0.06, 0.14);
    let mut cone = Assembly::new();
    let at = |share: f32, grow: f32| [radius * (1.0 - share) + grow, foot + share * height];
    cone.add(lathe(&[at(0.0, 0.0), at(0.97, 0.0)], 32).smooth_below(50.0), &main);
    cone.add(lathe(&[at(band, 0.008), at(band + 0.22, 0.008)], 32), &accent);
    cone.add(cylinder(1.1 * radius, foot, 32).at([0.0, 0.0, foot / 2.0]), &accent);
    cone
}

/// A cylinder with equal rims at both ends.
pub fn plain_cylinder(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, height, rim] = [draw.range(0.3, 0.42), draw.range(0.9, 1.2), draw.range(0.08, 0.2)];
    let mut solid = Assembly::new();
    solid.add(cylinder(radius, height, 32), &main);
    for z in [-1.0, 1.0] {
        let edge = cylinder(radius + 0.03, rim, 32);
        solid.add(edge.at([0.0, 0.0, z * (height - rim) / 2.0 + 0.01 * z]), &accent);
    }
    solid
}

/// A cylinder with one coloured end and an off-centre disc on its front.
pub fn marked_cylinder(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [radius, height, dot] = [draw.range(0.32, 0.42), draw.range(0.8, 1.0), draw.range(0.22, 0.28)];
    let mut solid = Assembly::new();
    solid.add(cylinder(radius, height, 32), &main);
    solid.add(cylinder(radius + 0.02, 0.2, 32).at([0.0, 0.0, 0.43 * height]), &accent);
    solid.add(cylinder(dot, radius, 20).turned_x(90.0).at([0.0, -0.56 * radius, -0.12 * height]), &white(draw));
    let patch = cylinder(0.9 * dot, radius, 20).turned_y(90.0);
    solid.add(patch.at([0.56 * radius, 0.0, -0.2 * height]), &rubber(draw));
    solid
}

/// A ball with a coloured cap in front.
pub fn marked_sphere(draw: &mut Draw) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [cap_deg, ring_deg, lift] = [draw.range(25.0, 50.0), draw.range(70.0, 110.0), draw.range(0.01, 0.04)];
    let mut solid = Assembly::new();
    let slice = |radius: f32, from: f32, to: f32, steps: u16| -> Vec<[f32; 2]> {
        let angle = |i: u16| (from + (to - from) * f32::from(i) / f32::from(steps)).to_radians();
        (0..=steps).map(|i| [radius * angle(i).sin().max(0.0), radius * angle(i).cos()]).collect()
    };
    solid.add(lathe(&slice(0.6, 180.0, 0.0, 14), 28).smooth_below(60.0), &main);
    solid.add(lathe(&slice(0.6 + lift, cap_deg, 0.0, 5), 28).smooth_below(60.0), &accent);
    let [sin, cos] = [ring_deg.to_radians().sin(), ring_deg.to_radians().cos()];
    solid.add(torus(0.6 * sin, 0.03, 28, 6).at([0.0, 0.0, 0.6 * cos]), &white(draw));
    solid.turned_x(90.0)
}

/// The solid with an edge frame of another colour.
fn framed(draw: &mut Draw, solid: &Polyhedron) -> Assembly {
    let Palette { main, accent } = Palette::draw(draw);
    let [rod, ball, relief] = [draw.range(0.03, 0.06), draw.range(0.07, 0.13), draw.range(-0.1, 0.05)];
    let mut assembly = Assembly::new();
    assembly.add(solid.surface(relief), &main);
    solid.frame(rod, ball).into_iter().for_each(|part| assembly.add(part, &accent));
    assembly
}

/// A framed tetrahedron.
pub fn tetrahedron(draw: &mut Draw) -> Assembly {
    framed(draw, &Polyhedron::tetrahedron())
}

/// A framed cube.
pub fn cube(draw: &mut Draw) -> Assembly {
    framed(draw, &Polyhedron::cube())
}

/// A framed octahedron.
pub fn octahedron(draw: &mut Draw) -> Assembly {
    framed(draw, &Polyhedron::octahedron())
}

/// A framed icosahedron.
pub fn icosahedron(draw: &mut Draw) -> Assembly {
    framed(draw, &Polyhedron::icosahedron())
}

/// A framed dodecahedron.
pub fn dodecahedron(draw: &mut Draw) -> Assembly {
    framed(draw, &Polyhedron::dodecahedron())
}

/// A framed tetrahedron, its face opposite (1, 1, 1) in white.
pub fn marked_tetrahedron(draw: &mut Draw) -> Assembly {
    let solid = Polyhedron::tetrahedron();
    let mut assembly = framed(draw, &solid);
    let size = draw.range(0.6, 0.85);
    let opposite = solid.faces.iter().position(|face| !face.contains(&0)).unwrap_or(0);
    assembly.add(solid.plate(opposite, size, 0.14), &white(draw));
    assembly
}

/// A framed cube whose six faces have colours of their own, the same ones on every object.
pub fn coloured_cube(draw: &mut Draw) -> Assembly {
    let solid = Polyhedron::cube();
    let mut assembly = framed(draw, &solid);
    let size = draw.range(0.7, 0.88);
    let (blank, ink) = (white(draw), rubber(draw));
    // In the order of the cube's faces: -x, +x, -y, +y, -z, +z.
    let colours = [signal(draw, 0.33), signal(draw, 0.6), signal(draw, 0.0), signal(draw, 0.15), ink, blank];
    for (face, colour) in colours.iter().enumerate() {
        assembly.add(solid.plate(face, size, 0.25), colour);
    }
    assembly
}
