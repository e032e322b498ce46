//! Parts that any family can have beside its own: `mug-with-ring` is a class of its own.

use super::assembly::Assembly;
use super::draw::Draw;
use super::palette::Palette;
use super::primitives::{block, cylinder_between, sphere, torus};
use super::shape::Shape;
use crate::scene::vector::{length, sub};

/// A part that is added to the objects of a family.
#[derive(Clone, Copy, Debug)]
pub struct AddedPart {
    /// What follows `-with-` in the name of the class.
    pub name: &'static str,
    /// The part, and its middle.
    shape: fn(&mut Draw, &Body) -> (Shape, [f32; 3]),
}

/// What there is.
pub const ADDED_PARTS: [AddedPart; 4] = [
    AddedPart { name: "ball", shape: ball },
    AddedPart { name: "ring", shape: ring },
    AddedPart { name: "fin", shape: fin },
    AddedPart { name: "box", shape: case },
];

/// The bounding box of the object that a part is added to.
struct Body {
    low: [f32; 3],
    high: [f32; 3],
    /// Length of its diagonal.
    extent: f32,
}

impl Body {
    /// A point by its place in the box: 0 is the middle, -1 and 1 are the sides; then moved by shares of the diagonal.
    fn point(&self, place: [f32; 3], moved: [f32; 3]) -> [f32; 3] {
        [0, 1, 2].map(|i| {
            let (middle, half) = ((self.low[i] + self.high[i]) / 2.0, (self.high[i] - self.low[i]) / 2.0);
            middle + place[i] * half + moved[i] * self.extent
        })
    }
}

impl AddedPart {
    /// Adds the part to an object in these bounds, on a rod from their middle. It stands beside every axis of symmetry, so that none is left.
    pub fn add_to(&self, assembly: &mut Assembly, [low, high]: [[f32; 3]; 2], draw: &mut Draw) {
        let extent = length(sub(high, low));
        let body = Body { low, high, extent };
        let (shape, middle) = (self.shape)(draw, &body);
        let Palette { main, accent } = Palette::draw(draw);
        assembly.add(cylinder_between(body.point([0.0; 3], [0.0; 3]), middle, 0.02 * extent, 8), &accent);
        assembly.add(shape.at(middle), &main);
    }
}

/// Above, to the right and in front.
fn ball(draw: &mut Draw, body: &Body) -> (Shape, [f32; 3]) {
    let radius = draw.range(0.09, 0.13);
    (sphere(radius * body.extent), body.point([0.25, -0.2, 1.0], [0.0, 0.0, 1.3 * radius]))
}

/// Upright, at the left.
fn ring(draw: &mut Draw, body: &Body) -> (Shape, [f32; 3]) {
    let radius = draw.range(0.11, 0.15);
    let ring = torus(radius * body.extent, 0.035 * body.extent, 20, 8).turned_x(90.0);
    (ring, body.point([-1.0, 0.2, 0.1], [-0.9 * radius, 0.0, 0.0]))
}

/// A plate that stands at the back, above.
fn fin(draw: &mut Draw, body: &Body) -> (Shape, [f32; 3]) {
    let [length, height] = [draw.range(0.2, 0.28), draw.range(0.16, 0.24)];
    let plate = block([0.035 * body.extent, length * body.extent, height * body.extent]);
    (plate, body.point([-0.2, 0.9, 1.0], [0.0, 0.0, 0.3 * height]))
}

/// At the right, below.
fn case(draw: &mut Draw, body: &Body) -> (Shape, [f32; 3]) {
    let side = draw.range(0.14, 0.2);
    let size = [side, side * draw.range(0.7, 1.3), side * draw.range(0.7, 1.3)];
    (block(size.map(|side| side * body.extent)), body.point([1.0, -0.15, -0.3], [0.4 * side, 0.0, 0.0]))
}
