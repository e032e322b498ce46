use std::collections::HashMap;

use crate::scene::vector::{Vector3, cross, dot, length, normalized, sub};

/// A closed surface of triangles without material, in object units; the stuff that primitives return.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub positions: Vec<[f32; 3]>,
    /// Corners, counter-clockwise seen from outside once [`Self::facing_out`] has seen to it.
    pub triangles: Vec<[u32; 3]>,
    /// Faces that meet at less than this angle share their normals.
    pub crease_deg: f32,
}

/// One corner of a triangle as the renderer sees it.
#[derive(Clone, Copy, Debug)]
pub struct Corner {
    /// Index into [`Shape::positions`].
    pub position: u32,
    pub normal: [f32; 3],
}

impl Shape {
    /// An empty surface whose edges look round below 40 degrees.
    pub fn new() -> Self {
        Self { crease_deg: 40.0, ..Self::default() }
    }

    /// The surface with every edge below `crease_deg` smoothed away.
    pub fn smooth_below(mut self, crease_deg: f32) -> Self {
        self.crease_deg = crease_deg;
        self
    }

    /// Appends a vertex and gives back its index.
    pub fn vertex(&mut self, position: [f32; 3]) -> u32 {
        self.positions.push(position);
        self.positions.len() as u32 - 1
    }

    /// Appends a triangle unless two of its corners coincide.
    pub fn triangle(&mut self, vertices: [u32; 3]) {
        let [a, b, c] = vertices.map(|v| self.positions[v as usize]);
        if a != b && b != c && c != a {
            self.triangles.push(vertices);
        }
    }

    /// Appends a quadrilateral given in order around its edge.
    pub fn quad(&mut self, [a, b, c, d]: [u32; 4]) {
        self.triangle([a, b, c]);
        self.triangle([a, c, d]);
    }

    /// The surface moved.
    pub fn at(self, offset: [f32; 3]) -> Self {
        self.mapped(|p| [p[0] + offset[0], p[1] + offset[1], p[2] + offset[2]])
    }

    /// The surface stretched along the axes; negative factors mirror.
    pub fn scaled(self, factors: [f32; 3]) -> Self {
        self.mapped(|p| [p[0] * factors[0], p[1] * factors[1], p[2] * factors[2]])
    }

    /// The surface turned about the x axis.
    pub fn turned_x(self, angle_deg: f32) -> Self {
        let (sin, cos) = sin_cos_deg(angle_deg);
        self.mapped(|[x, y, z]| [x, cos * y - sin * z, sin * y + cos * z])
    }

    /// The surface turned about the y axis.
    pub fn turned_y(self, angle_deg: f32) -> Self {
        let (sin, cos) = sin_cos_deg(angle_deg);
        self.mapped(|[x, y, z]| [cos * x + sin * z, y, cos * z - sin * x])
    }

    /// The surface turned about the z axis.
    pub fn turned_z(self, angle_deg: f32) -> Self {
        let (sin, cos) = sin_cos_deg(angle_deg);
        self.mapped(|[x, y, z]| [cos * x - sin * y, sin * x + cos * y, z])
    }

    /// The surface with each point moved by `map`.
    pub fn mapped(mut self, map: impl Fn([f32; 3]) -> [f32; 3]) -> Self {
        self.positions.iter_mut().for_each(|p| *p = map(*p));
        self
    }

    /// Six times the enclosed volume; negative when the triangles face inwards.
    pub fn signed_volume(&self) -> f32 {
        self.corners().map(|[a, b, c]| dot(a, cross(b, c))).sum()
    }

    /// The closed surface with its triangles counter-clockwise seen from outside.
    pub fn facing_out(mut self) -> Self {
        if self.signed_volume() < 0.0 {
            self.triangles.iter_mut().for_each(|t| t.swap(1, 2));
        }
        self
    }

    /// The three corners with their normals, triangle by triangle.
    ///
    /// A corner's normal is the mean of the faces around its point, weighted by area, that meet its own face at less
    /// than the crease angle.
    pub fn shaded_corners(&self) -> Vec<[Corner; 3]> {
        let areas: Vec<[f32; 3]> = self.corners().map(|[a, b, c]| cross(sub(b, a), sub(c, a))).collect();
        let faces: Vec<[f32; 3]> = areas.iter().map(|a| direction(*a)).collect();
        let points = self.welded_points();
        let around = self.faces_around(&points);
        let least_cosine = self.crease_deg.to_radians().cos();
        let normal_at = |face: usize, vertex: u32| {
            let mut sum = [0.0; 3];
            for &neighbour in &around[points[vertex as usize] as usize] {
                if dot(faces[face], faces[neighbour as usize]) >= least_cosine {
                    let area = areas[neighbour as usize];
                    sum = [sum[0] + area[0], sum[1] + area[1], sum[2] + area[2]];
                }
            }
            if length(sum) > 0.0 { direction(sum) } else { faces[face] }
        };
        let corner = |face: usize, position: u32| Corner { position, normal: normal_at(face, position) };
        self.triangles.iter().enumerate().map(|(face, t)| t.map(|v| corner(face, v))).collect()
    }

    fn corners(&self) -> impl Iterator<Item = [[f32; 3]; 3]> + '_ {
        self.triangles.iter().map(|t| t.map(|v| self.positions[v as usize]))
    }

    /// For each vertex the first one at the same place.
    pub fn welded_points(&self) -> Vec<u32> {
        let mut first_at = HashMap::with_capacity(self.positions.len());
        let key = |p: &[f32; 3]| p.map(|v| (v * 8192.0).round() as i32);
        self.positions.iter().enumerate().map(|(i, p)| *first_at.entry(key(p)).or_insert(i as u32)).collect()
    }

    fn faces_around(&self, points: &[u32]) -> Vec<Vec<u32>> {
        let mut around = vec![Vec::new(); self.positions.len()];
        for (face, triangle) in self.triangles.iter().enumerate() {
            for vertex in triangle {
                around[points[*vertex as usize] as usize].push(face as u32);
            }
        }
        around
    }
}

fn sin_cos_deg(angle_deg: f32) -> (f32, f32) {
    angle_deg.to_radians().sin_cos()
}

/// The unit vector along `a`; up when `a` is zero.
pub fn direction(a: Vector3) -> Vector3 {
    normalized(a).unwrap_or([0.0, 0.0, 1.0])
}
