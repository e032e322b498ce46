//! Fewer triangles by collapsing edges where the surface changes least (Garland and Heckbert 1997).
//!
//! Vertices only ever move onto a neighbour. Vertices at one position form a place; a collapse maps each vertex of the
//! place that vanishes to the one of the other place that shares a triangle with it, so that texture coordinates and
//! normals on both sides of a seam follow their side. Where there is none, the collapse is made costly.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::{Mesh, Triangle};

/// Weight of the planes that hold borders and edges between materials, relative to those of faces.
const BORDER_WEIGHT: f64 = 10.0;
/// Cost of tearing a seam, in squared edge lengths times the area that is torn.
const SEAM_WEIGHT: f64 = 0.1;
/// Cost of length by itself, so that flat parts lose their short edges first.
const LENGTH_WEIGHT: f64 = 1e-6;
/// Places with more triangles than this stay where they are: looking at all of them for each edge would take too long.
const MOST_TRIANGLES_AROUND: usize = 128;
/// A face may turn by this much in one collapse: the cosine of 75 degrees.
const LEAST_TURN_COS: f64 = 0.26;

type Point = [f64; 3];

impl Mesh {
    /// The mesh with at most `most_triangles` triangles, its shape kept as well as that allows; triangles without area
    /// go first. Equal meshes give equal results.
    #[must_use]
    pub fn decimated(self, most_triangles: usize) -> Self {
        if self.triangles.len() <= most_triangles {
            return self;
        }
        let mut decimation = Decimation::new(&self);
        // First without turning faces over; where that does not suffice, with.
        for keep_orientation in [true, false] {
            decimation.collapse_until(most_triangles, keep_orientation);
        }
        let triangles = decimation.triangles.iter().zip(&self.triangles).zip(&decimation.alive);
        let triangles = triangles
            .filter(|(_, alive)| **alive)
            .map(|((vertices, original), _)| Triangle { vertices: *vertices, material: original.material })
            .collect();
        Self { triangles, ..self }.without_unused()
    }
}

/// Sum of squared distances to planes, weighted: `p A p + 2 b p + c`.
#[derive(Clone, Copy, Default)]
struct Quadric {
    /// xx, xy, xz, yy, yz, zz.
    a: [f64; 6],
    b: Point,
    c: f64,
}

impl Quadric {
    /// Of the plane through a point with a unit normal.
    fn plane([x, y, z]: Point, point: Point, weight: f64) -> Self {
        let offset = -dot([x, y, z], point);
        Self {
            a: [x * x, x * y, x * z, y * y, y * z, z * z].map(|v| v * weight),
            b: [x, y, z].map(|v| v * offset * weight),
            c: offset * offset * weight,
        }
    }

    fn add(&mut self, other: &Self) {
        (0..6).for_each(|i| self.a[i] += other.a[i]);
        (0..3).for_each(|i| self.b[i] += other.b[i]);
        self.c += other.c;
    }

    fn at(&self, [x, y, z]: Point) -> f64 {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let square = xx * x * x + yy * y * y + zz * z * z + 2.0 * (xy * x * y + xz * x * z + yz * y * z);
        square + 2.0 * dot(self.b, [x, y, z]) + self.c
    }
}

/// A collapse that may be made: cheapest first, then by place. The stamp tells whether it is out of date.
type Candidate = Reverse<(u64, u32, u32, u32)>;

struct Decimation {
    /// Vertices of each triangle.
    triangles: Vec<[u32; 3]>,
    alive: Vec<bool>,
    alive_count: usize,
    /// Place of each vertex.
    places: Vec<u32>,
    points: Vec<Point>,
    quadrics: Vec<Quadric>,
    /// Triangles around each place, some of which are gone.
    around: Vec<Vec<u32>>,
    /// Number of changes of each place.
    stamps: Vec<u32>,
}

impl Decimation {
    fn new(mesh: &Mesh) -> Self {
        let count = mesh.positions.len();
        let centre = mesh.bounding_box().map_or([0.0; 3], |bounds| bounds.centre());
        let mut decimation = Self {
            triangles: mesh.triangles.iter().map(|triangle| triangle.vertices).collect(),
            alive: vec![true; mesh.triangles.len()],
            alive_count: mesh.triangles.len(),
            places: mesh.places(),
            points: mesh.positions.iter().map(|p| [0, 1, 2].map(|i| f64::from(p[i]) - f64::from(centre[i]))).collect(),
            quadrics: vec![Quadric::default(); count],
            around: vec![Vec::new(); count],
            stamps: vec![0; count],
        };
        for triangle in 0..mesh.triangles.len() {
            decimation.add_triangle(triangle);
        }
        decimation.add_borders(mesh);
        decimation
    }

    fn places_of(&self, triangle: usize) -> [u32; 3] {
        self.triangles[triangle].map(|vertex| self.places[vertex as usize])
    }

    fn add_triangle(&mut self, triangle: usize) {
        let places = self.places_of(triangle);
        if has_repeat(places) {
            self.remove(triangle);
            return;
        }
        let points = places.map(|place| self.points[place as usize]);
        let (normal, area) = normal_and_area(points);
        let quadric = Quadric::plane(normal, points[0], area);
        for place in places {
            self.quadrics[place as usize].add(&quadric);
            self.around[place as usize].push(triangle as u32);
        }
    }

    /// Holds borders and edges between materials by planes that stand on them.
    fn add_borders(&mut self, mesh: &Mesh) {
        let mut sides: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
        let mut edges = Vec::new();
        for triangle in (0..self.triangles.len()).filter(|triangle| self.alive[*triangle]) {
            for edge in edges_of(self.places_of(triangle)) {
                let sharing = sides.entry(edge).or_default();
                if sharing.is_empty() {
                    edges.push(edge);
                }
                sharing.push(triangle as u32);
            }
        }
        for edge in edges {
            let sharing = &sides[&edge];
            let material = |triangle: &u32| mesh.triangles[*triangle as usize].material;
            if sharing.len() == 2 && material(&sharing[0]) == material(&sharing[1]) {
                continue;
            }
            let ends = [edge.0, edge.1].map(|place| self.points[place as usize]);
            let along = sub(ends[1], ends[0]);
            let face = self.places_of(sharing[0] as usize).map(|place| self.points[place as usize]);
            let across = unit(cross(normal_and_area(face).0, along));
            let quadric = Quadric::plane(across, ends[0], BORDER_WEIGHT * dot(along, along));
            self.quadrics[edge.0 as usize].add(&quadric);
            self.quadrics[edge.1 as usize].add(&quadric);
        }
    }

    fn remove(&mut self, triangle: usize) {
        self.alive[triangle] = false;
        self.alive_count -= 1;
    }

    fn collapse_until(&mut self, most_triangles: usize, keep_orientation: bool) {
        if self.alive_count <= most_triangles {
            return;
        }
        let live = (0..self.triangles.len()).filter(|triangle| self.alive[*triangle]);
        let edges: BTreeSet<_> = live.flat_map(|triangle| edges_of(self.places_of(triangle))).collect();
        let mut queue: BinaryHeap<Candidate> = edges.into_iter().filter_map(|edge| self.candidate(edge)).collect();
        while self.alive_count > most_triangles {
            let Some(Reverse((_, from, to, stamp))) = queue.pop() else { return };
            let current = self.stamps[from as usize] + self.stamps[to as usize] == stamp;
            if current && !(keep_orientation && self.turns_a_face(from, to)) {
                self.collapse(from, to);
                let neighbours = self.neighbours(to);
                queue.extend(neighbours.into_iter().filter_map(|place| self.candidate((to, place))));
            }
        }
    }

    /// The cheaper direction of an edge.
    fn candidate(&self, (a, b): (u32, u32)) -> Option<Candidate> {
        let stamp = self.stamps[a as usize] + self.stamps[b as usize];
        let directions = [(a.min(b), a.max(b)), (a.max(b), a.min(b))];
        let costs =
            directions.map(|(from, to)| self.cost(from, to).map(|cost| Reverse((cost.to_bits(), from, to, stamp))));
        costs.into_iter().flatten().max()
    }

    /// What a collapse costs, not negative; none when the place that would vanish has too many triangles.
    fn cost(&self, from: u32, to: u32) -> Option<f64> {
        if self.around[from as usize].len() > MOST_TRIANGLES_AROUND {
            return None;
        }
        let (start, end) = (self.points[from as usize], self.points[to as usize]);
        let squared_length = dot(sub(end, start), sub(end, start));
        let shape = self.quadrics[from as usize].at(end) + self.quadrics[to as usize].at(end);
        let (torn, whole) = self.torn_area(from, to);
        let cost = shape.max(0.0) + squared_length * (SEAM_WEIGHT * torn + LENGTH_WEIGHT * whole);
        Some(if cost.is_finite() { cost } else { f64::MAX })
    }

    /// Triangles around a place that are still there.
    fn live_around(&self, place: u32) -> impl Iterator<Item = usize> {
        self.around[place as usize].iter().map(|triangle| *triangle as usize).filter(|triangle| self.alive[*triangle])
    }

    /// Area of the triangles whose vertex has no counterpart at the other end, and of all triangles around.
    fn torn_area(&self, from: u32, to: u32) -> (f64, f64) {
        let pairs = self.vertex_pairs(from, to);
        let (mut torn, mut whole) = (0.0, 0.0);
        for triangle in self.live_around(from) {
            let area = normal_and_area(self.places_of(triangle).map(|place| self.points[place as usize])).1;
            let vertex = self.vertex_at(triangle, from);
            whole += area;
            torn += if pairs.iter().any(|pair| Some(pair.0) == vertex) { 0.0 } else { area };
        }
        (torn, whole)
    }

    /// Vertices of the two places that share a triangle.
    fn vertex_pairs(&self, from: u32, to: u32) -> Vec<(u32, u32)> {
        let pair = |triangle| Some((self.vertex_at(triangle, from)?, self.vertex_at(triangle, to)?));
        self.live_around(from).filter_map(pair).collect()
    }

    fn vertex_at(&self, triangle: usize, place: u32) -> Option<u32> {
        self.triangles[triangle].into_iter().find(|vertex| self.places[*vertex as usize] == place)
    }

    fn neighbours(&self, place: u32) -> BTreeSet<u32> {
        let all = self.live_around(place).flat_map(|triangle| self.places_of(triangle));
        all.filter(|neighbour| *neighbour != place).collect()
    }

    /// Whether a triangle that survives the collapse would turn too far.
    fn turns_a_face(&self, from: u32, to: u32) -> bool {
        self.live_around(from).any(|triangle| {
            let places = self.places_of(triangle);
            if places.contains(&to) {
                return false;
            }
            let before = places.map(|place| self.points[place as usize]);
            let after = places.map(|place| self.points[if place == from { to } else { place } as usize]);
            let (normal_before, area_before) = normal_and_area(before);
            let (normal_after, area_after) = normal_and_area(after);
            area_before > 0.0 && (area_after <= 0.0 || dot(normal_before, normal_after) < LEAST_TURN_COS)
        })
    }

    fn collapse(&mut self, from: u32, to: u32) {
        let pairs = self.vertex_pairs(from, to);
        let Some(fallback) = pairs.first().map(|pair| pair.1) else { return };
        for triangle in std::mem::take(&mut self.around[from as usize]) {
            let index = triangle as usize;
            if !self.alive[index] {
                continue;
            }
            if self.places_of(index).contains(&to) {
                self.remove(index);
                continue;
            }
            for corner in 0..3 {
                let vertex = self.triangles[index][corner];
                if self.places[vertex as usize] == from {
                    let counterpart = pairs.iter().find(|pair| pair.0 == vertex).map_or(fallback, |pair| pair.1);
                    self.triangles[index][corner] = counterpart;
                }
            }
            self.around[to as usize].push(triangle);
        }
        if self.around[to as usize].len() <= 2 * MOST_TRIANGLES_AROUND {
            let mut kept = std::mem::take(&mut self.around[to as usize]);
            kept.retain(|triangle| self.alive[*triangle as usize]);
            self.around[to as usize] = kept;
        }
        let gone = self.quadrics[from as usize];
        self.quadrics[to as usize].add(&gone);
        self.stamps[from as usize] += 1;
        self.stamps[to as usize] += 1;
    }
}

fn has_repeat([a, b, c]: [u32; 3]) -> bool {
    a == b || b == c || c == a
}

/// The edges of a triangle, smaller place first.
fn edges_of([a, b, c]: [u32; 3]) -> [(u32, u32); 3] {
    [(a, b), (b, c), (c, a)].map(|(a, b)| (a.min(b), a.max(b)))
}

/// Unit normal (zero without an area) and area.
fn normal_and_area([a, b, c]: [Point; 3]) -> (Point, f64) {
    let normal = cross(sub(b, a), sub(c, a));
    let doubled = dot(normal, normal).sqrt();
    if doubled > 0.0 { (normal.map(|v| v / doubled), doubled / 2.0) } else { ([0.0; 3], 0.0) }
}

fn unit(a: Point) -> Point {
    let norm = dot(a, a).sqrt();
    if norm > 0.0 { a.map(|v| v / norm) } else { [0.0; 3] }
}

fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Point, b: Point) -> Point {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Material;

    fn from_grid(columns: u32, rows: u32, at: impl Fn(f32, f32) -> [f32; 3]) -> Mesh {
        let mut mesh = Mesh { materials: vec![Material::default()], ..Mesh::default() };
        for (row, column) in (0..=rows).flat_map(|row| (0..=columns).map(move |column| (row, column))) {
            let uv = [column as f32 / columns as f32, row as f32 / rows as f32];
            mesh.positions.push(at(uv[0], uv[1]));
            mesh.uvs.push(uv);
            mesh.normals.push([0.0, 0.0, 1.0]);
        }
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let [a, b] = [row, row + 1].map(|row| row * (columns + 1) + column);
            mesh.triangles.push(Triangle { vertices: [a, a + 1, b + 1], material: 0 });
            mesh.triangles.push(Triangle { vertices: [a, b + 1, b], material: 0 });
        }
        mesh
    }

    fn sphere() -> Mesh {
        from_grid(100, 100, |u, v| {
            let (phi, theta) = (u * std::f32::consts::TAU, v * std::f32::consts::PI);
            [theta.sin() * phi.cos(), theta.sin() * phi.sin(), -theta.cos()]
        })
        .compute_normals(40.0)
    }

    fn area(mesh: &Mesh) -> f64 {
        let corners = mesh.triangles.iter().map(|t| t.vertices.map(|v| mesh.positions[v as usize].map(f64::from)));
        corners.map(|corners| normal_and_area(corners).1).sum()
    }

    #[test]
    fn a_sphere_stays_round() {
        let original = sphere();
        let small = original.clone().decimated(500);
        assert!((450..=500).contains(&small.triangle_count()), "{} triangles", small.triangle_count());
        assert_eq!(small.validate(), Ok(()));
        // A sphere of 500 equal triangles has 97.5 % of the area.
        assert!(area(&small) / area(&original) > 0.95, "{} of {}", area(&small), area(&original));
        let outward = small.triangles.iter().filter(|triangle| {
            let corners = triangle.vertices.map(|vertex| small.positions[vertex as usize].map(f64::from));
            dot(normal_and_area(corners).0, corners[0]) > 0.0
        });
        assert_eq!(outward.count(), small.triangle_count(), "no triangle is turned over");
    }

    #[test]
    fn a_flat_sheet_keeps_its_outline_and_texture() {
        let sheet = from_grid(30, 20, |u, v| [3.0 * u, 2.0 * v, 0.0]);
        let small = sheet.clone().decimated(20);
        assert!(small.triangle_count() <= 20);
        assert!((area(&small) - area(&sheet)).abs() < 1e-4, "{} of {}", area(&small), area(&sheet));
        for (position, uv) in small.positions.iter().zip(&small.uvs) {
            assert!((position[0] - 3.0 * uv[0]).abs() < 1e-5 && (position[1] - 2.0 * uv[1]).abs() < 1e-5);
        }
    }

    #[test]
    fn texture_seams_hold() {
        // A tube whose texture begins anew at one line along it.
        let tube = from_grid(60, 10, |u, v| {
            let phi = u * std::f32::consts::TAU;
            [phi.cos(), phi.sin(), v]
        });
        let small = tube.decimated(200);
        assert!(small.triangle_count() <= 200);
        for triangle in &small.triangles {
            let u = triangle.vertices.map(|vertex| small.uvs[vertex as usize][0]);
            let spread =
                u.iter().fold(0.0, |most: f32, v| most.max(*v)) - u.iter().fold(1.0, |least: f32, v| least.min(*v));
            assert!(spread < 0.5, "a triangle reaches across the seam: {u:?}");
        }
    }

    #[test]
    fn materials_keep_their_parts() {
        let mut sheet = from_grid(20, 20, |u, v| [u, v, 0.0]);
        sheet.materials.push(Material { color: [1.0, 0.0, 0.0], ..Material::default() });
        let left = |mesh: &Mesh, t: &Triangle| t.vertices.iter().all(|v| mesh.positions[*v as usize][0] <= 0.5001);
        let reds: Vec<bool> = sheet.triangles.iter().map(|triangle| left(&sheet, triangle)).collect();
        sheet.triangles.iter_mut().zip(reds).for_each(|(triangle, red)| triangle.material = u32::from(red));
        let small = sheet.decimated(16);
        let red =
            small.materials.iter().position(|material| material.color == [1.0, 0.0, 0.0]).expect("red is kept") as u32;
        for triangle in &small.triangles {
            assert_eq!(left(&small, triangle), triangle.material == red);
        }
    }

    #[test]
    fn equal_meshes_give_equal_results() {
        assert_eq!(sphere().decimated(300), sphere().decimated(300));
    }

    #[test]
    fn any_target_is_reached() {
        // Many loose triangles, some without area, some twice.
        let mut soup = Mesh { materials: vec![Material::default()], ..Mesh::default() };
        for index in 0..200_u32 {
            let at = |k: u32| [(index * 7 + k * 3) % 11, (index * 5 + k) % 13, (index + k * k) % 7].map(|v| v as f32);
            let first = soup.positions.len() as u32;
            soup.positions.extend([0, 1, if index % 9 == 0 { 1 } else { 2 }].map(at));
            soup.triangles.push(Triangle { vertices: [first, first + 1, first + 2], material: 0 });
        }
        soup.normals = vec![[0.0, 0.0, 1.0]; soup.positions.len()];
        soup.uvs = vec![[0.0; 2]; soup.positions.len()];
        for most in [150, 40, 4] {
            let small = soup.clone().decimated(most);
            assert!(small.triangle_count() <= most && small.validate() == Ok(()), "{most}: {}", small.triangle_count());
        }
        assert_eq!(soup.clone().decimated(200), soup, "few enough triangles are left alone");
    }
}
