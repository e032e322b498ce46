use super::super::shape::{Shape, direction};
use super::rod;
use crate::scene::vector::{add, cross, dot, length, scaled, sub};

/// A convex polyhedron around the origin as corners and faces.
#[derive(Clone, Debug)]
pub struct Polyhedron {
    /// Corners at distance 1.
    pub corners: Vec<[f32; 3]>,
    /// Corners of each face, counter-clockwise seen from outside.
    pub faces: Vec<Vec<usize>>,
}

impl Polyhedron {
    /// The regular tetrahedron with a corner at (1, 1, 1).
    pub fn tetrahedron() -> Self {
        let corners = [[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]];
        Self::hull(corners.to_vec(), 3)
    }

    /// The cube with faces perpendicular to the axes.
    pub fn cube() -> Self {
        Self::octahedron().dual()
    }

    /// The octahedron with corners on the axes.
    pub fn octahedron() -> Self {
        let corners = (0..3).flat_map(|axis| [-1.0, 1.0].map(|s| [0, 1, 2].map(|i| if i == axis { s } else { 0.0 })));
        Self::hull(corners.collect(), 4)
    }

    /// The icosahedron with corners at the cyclic permutations of (0, ±1, ±golden ratio).
    pub fn icosahedron() -> Self {
        let golden = (1.0 + 5f32.sqrt()) / 2.0;
        let signs = [[-1.0, -golden], [-1.0, golden], [1.0, -golden], [1.0, golden]];
        let corners = signs.iter().flat_map(|[a, b]| [[0.0, *a, *b], [*b, 0.0, *a], [*a, *b, 0.0]]);
        Self::hull(corners.collect(), 5)
    }

    /// The dodecahedron with the icosahedron's rotations.
    pub fn dodecahedron() -> Self {
        Self::icosahedron().dual()
    }

    /// The deltahedron over `corners` (any length), each with `neighbours` nearest neighbours.
    fn hull(corners: Vec<[f32; 3]>, neighbours: usize) -> Self {
        let corners: Vec<[f32; 3]> = corners.into_iter().map(direction).collect();
        let mut distances: Vec<f32> = corners[1..].iter().map(|c| length(sub(*c, corners[0]))).collect();
        distances.sort_by(f32::total_cmp);
        let edge = distances[neighbours - 1] * 1.01;
        let near = |a: usize, b: usize| length(sub(corners[a], corners[b])) < edge;
        let mut faces = Vec::new();
        for a in 0..corners.len() {
            for b in a + 1..corners.len() {
                for c in b + 1..corners.len() {
                    if near(a, b) && near(b, c) && near(c, a) {
                        let outward = dot(corners[a], cross(corners[b], corners[c])) > 0.0;
                        faces.push(if outward { vec![a, b, c] } else { vec![a, c, b] });
                    }
                }
            }
        }
        Self { corners, faces }
    }

    /// The polyhedron whose corners are the middles of this one's faces.
    fn dual(&self) -> Self {
        let middle = |face: &Vec<usize>| face.iter().fold([0.0; 3], |sum, c| add(sum, self.corners[*c]));
        let corners: Vec<[f32; 3]> = self.faces.iter().map(|f| direction(middle(f))).collect();
        let faces = (0..self.corners.len()).map(|corner| self.faces_in_order_around(corner)).collect();
        Self { corners, faces }
    }

    fn faces_in_order_around(&self, corner: usize) -> Vec<usize> {
        let mut around: Vec<usize> = (0..self.faces.len()).filter(|f| self.faces[*f].contains(&corner)).collect();
        // Counter-clockwise: each next face holds the edge by which the last one leaves towards `corner`.
        for i in 1..around.len() {
            let face = &self.faces[around[i - 1]];
            let place = face.iter().position(|c| *c == corner).unwrap_or(0);
            let shared = face[(place + face.len() - 1) % face.len()];
            if let Some(next) = (i..around.len()).find(|k| self.faces[around[*k]].contains(&shared)) {
                around.swap(i, next);
            }
        }
        around
    }

    /// Each edge once.
    pub fn edges(&self) -> Vec<[usize; 2]> {
        let around = |face: &Vec<usize>| -> Vec<[usize; 2]> {
            (0..face.len()).map(|i| [face[i], face[(i + 1) % face.len()]]).collect()
        };
        self.faces.iter().flat_map(around).filter(|[a, b]| a < b).collect()
    }

    /// The faces pushed in or out by `relief` at their middles, as one closed surface.
    pub fn surface(&self, relief: f32) -> Shape {
        let mut shape = Shape::new().smooth_below(5.0);
        self.corners.iter().for_each(|c| {
            shape.vertex(*c);
        });
        (0..self.faces.len()).for_each(|face| self.push_fan(&mut shape, face, relief));
        shape.facing_out()
    }

    /// A thin slab on one face, smaller than the face by the factor `size`.
    pub fn plate(&self, face: usize, size: f32, thickness: f32) -> Shape {
        let middle = self.middle_of(face);
        let outward = direction(middle);
        let outline = |lift: f32| -> Vec<[f32; 3]> {
            let shifted = add(middle, scaled(outward, lift));
            let corner = |c: &usize| add(shifted, scaled(sub(self.corners[*c], middle), size));
            self.faces[face].iter().map(corner).collect()
        };
        super::loft(&[outline(-thickness / 2.0), outline(thickness / 2.0)]).smooth_below(5.0)
    }

    /// Rods along the edges and balls on the corners.
    pub fn frame(&self, rod_radius: f32, ball_radius: f32) -> Vec<Shape> {
        let along = |[a, b]: [usize; 2]| rod(&[self.corners[a], self.corners[b]], rod_radius, 6);
        let balls = self.corners.iter().map(|c| small_ball(ball_radius).at(*c));
        self.edges().into_iter().map(along).chain(balls).collect()
    }

    fn push_fan(&self, shape: &mut Shape, face: usize, relief: f32) {
        let middle = self.middle_of(face);
        let centre = shape.vertex(add(middle, scaled(direction(middle), relief)));
        let corners = &self.faces[face];
        for i in 0..corners.len() {
            shape.triangle([corners[i] as u32, corners[(i + 1) % corners.len()] as u32, centre]);
        }
    }

    fn middle_of(&self, face: usize) -> [f32; 3] {
        let corners = &self.faces[face];
        let sum = corners.iter().fold([0.0; 3], |sum, c| add(sum, self.corners[*c]));
        scaled(sum, 1.0 / corners.len() as f32)
    }
}

/// A ball of few triangles: an icosahedron once subdivided.
fn small_ball(radius: f32) -> Shape {
    let solid = Polyhedron::icosahedron();
    let mut shape = Shape::new().smooth_below(90.0);
    for face in &solid.faces {
        let [a, b, c] = [face[0], face[1], face[2]].map(|v| solid.corners[v]);
        let [ab, bc, ca] = [add(a, b), add(b, c), add(c, a)].map(direction);
        for corners in [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]] {
            let triangle = corners.map(|p| shape.vertex(scaled(p, radius)));
            shape.triangle(triangle);
        }
    }
    shape
}
