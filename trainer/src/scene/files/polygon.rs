//! Polygons cut into triangles: fans where they are convex, ears where they are not.

/// A point in the polygon's plane.
type Point2 = [f64; 2];

/// Visits of corners that the polygons of one file may take together. Beyond that, fans are drawn: cutting ears takes the
/// cube of the number of corners at worst, and a hostile file must end.
const MOST_VISITS: u64 = 500_000_000;

/// Cuts polygons into triangles.
pub(super) struct Triangulator {
    visits_left: u64,
    /// Scratch: corners in the plane, and the ring of those that are left.
    points: Vec<Point2>,
    ring: Vec<usize>,
}

impl Triangulator {
    pub fn new() -> Self {
        Self::with_visits(MOST_VISITS)
    }

    /// Without visits, all polygons become fans.
    pub fn with_visits(visits_left: u64) -> Self {
        Self { visits_left, points: Vec::new(), ring: Vec::new() }
    }

    /// Gives the triangles of a polygon to `take`, as numbers of its corners, and turned as the polygon is.
    ///
    /// Polygons that cannot be cut become fans: those without area, that cross themselves, or have too many corners.
    /// Gives the area by which such a fan covers something else than the polygon: 0 for all others.
    pub fn triangulate(&mut self, corners: &[[f64; 3]], take: impl FnMut([usize; 3])) -> f64 {
        if corners.len() <= 3 {
            fan(corners.len(), take);
            return 0.0;
        }
        let Some(extent) = project(corners, &mut self.points) else {
            fan(corners.len(), take);
            return fan_area(corners);
        };
        if is_convex(&self.points, extent) {
            fan(corners.len(), take);
            return 0.0;
        }
        self.cut_ears(extent, take)
    }

    /// Takes off one corner after the other whose triangle lies within the polygon (Meisters 1975).
    fn cut_ears(&mut self, extent: f64, mut take: impl FnMut([usize; 3])) -> f64 {
        let count = self.points.len();
        self.ring.clear();
        self.ring.extend(0..count);
        let mut triangles = Vec::with_capacity(count - 2);
        let (mut at, mut refused, mut is_exhausted) = (1, 0, false);
        while self.ring.len() > 2 {
            let length = self.ring.len();
            let visits = length as u64;
            is_exhausted = self.visits_left < visits;
            // Only corners on straight lines are left, when the polygon does not cross itself.
            if is_exhausted || refused >= length {
                break;
            }
            self.visits_left -= visits;
            at %= length;
            if is_ear(&self.points, &self.ring, at, extent) {
                triangles.push([self.ring[(at + length - 1) % length], self.ring[at], self.ring[(at + 1) % length]]);
                self.ring.remove(at);
                refused = 0;
            } else {
                refused += 1;
            }
            // Skips a corner, so that the triangles do not become a fan of slivers.
            at += 1;
        }
        let (rest, _) = fan_areas(self.ring.iter().map(|corner| self.points[*corner]));
        if rest > 1e-9 * extent * extent {
            fan(count, take);
            let (covered, area) = fan_areas(self.points.iter().copied());
            return (if is_exhausted { covered } else { covered - area }) / 2.0;
        }
        triangles.into_iter().for_each(&mut take);
        0.0
    }
}

/// Twice the area that the triangles of a fan cover, and that of the polygon, which is less where they overlap.
fn fan_areas(mut points: impl Iterator<Item = Point2>) -> (f64, f64) {
    let (Some(first), Some(mut last)) = (points.next(), points.next()) else { return (0.0, 0.0) };
    let areas = points.map(|point| turn(first, std::mem::replace(&mut last, point), point));
    areas.fold((0.0, 0.0), |(covered, area), turned| (covered + turned.abs(), area + turned))
}

/// The triangles between the first corner and each side.
pub(super) fn fan(count: usize, mut take: impl FnMut([usize; 3])) {
    (1..count.saturating_sub(1)).for_each(|corner| take([0, corner, corner + 1]));
}

/// Puts the corners into the plane of coordinates that shows most of the polygon, counter-clockwise; gives their extent.
/// None for polygons without area.
fn project(corners: &[[f64; 3]], points: &mut Vec<Point2>) -> Option<f64> {
    let origin = corners[0];
    let relative = |corner: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|i| corner[i] - origin[i]) };
    let mut extent = 0.0_f64;
    // Newell's normal: right for concave and not quite flat polygons, too.
    let mut normal = [0.0; 3];
    for (index, corner) in corners.iter().enumerate() {
        let (a, b) = (relative(corner), relative(&corners[(index + 1) % corners.len()]));
        extent = a.iter().fold(extent, |most, v| most.max(v.abs()));
        for (axis, sum) in normal.iter_mut().enumerate() {
            let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
            *sum += a[u] * b[v] - a[v] * b[u];
        }
    }
    let axis = (0..3).max_by(|a, b| normal[*a].abs().total_cmp(&normal[*b].abs()))?;
    if normal[axis].abs() <= 1e-12 * extent * extent {
        return None;
    }
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    let (u, v) = if normal[axis] > 0.0 { (u, v) } else { (v, u) };
    points.clear();
    points.extend(corners.iter().map(relative).map(|corner| [corner[u], corner[v]]));
    Some(extent)
}

/// The area of a fan in space; that of polygons whose corners lie on one line is 0.
fn fan_area(corners: &[[f64; 3]]) -> f64 {
    let side = |corner: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|i| corner[i] - corners[0][i]) };
    let area = |pair: &[[f64; 3]]| {
        let (a, b) = (side(&pair[0]), side(&pair[1]));
        (0..3).map(|i| (a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3]).powi(2)).sum::<f64>().sqrt()
            / 2.0
    };
    corners.windows(2).skip(1).map(area).sum()
}

/// Twice the area of a triangle; negative when it is clockwise.
fn turn(a: Point2, b: Point2, c: Point2) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Whether a polygon never turns right, and turns once as a whole.
fn is_convex(points: &[Point2], extent: f64) -> bool {
    let count = points.len();
    let at = |index: usize| points[index % count];
    let turns_left = (0..count).all(|i| turn(at(i), at(i + 1), at(i + 2)) >= -1e-12 * extent * extent);
    // A star turns left everywhere, but twice: its fan turns right.
    turns_left && (1..count - 1).all(|i| turn(at(0), at(i), at(i + 1)) >= -1e-12 * extent * extent)
}

/// Whether the triangle at a corner of the ring lies within it.
fn is_ear(points: &[Point2], ring: &[usize], at: usize, extent: f64) -> bool {
    let length = ring.len();
    let corner = |index: usize| points[ring[index % length]];
    let (a, b, c) = (corner(at + length - 1), corner(at), corner(at + 1));
    if turn(a, b, c) <= 1e-14 * extent * extent {
        return false;
    }
    if length == 3 {
        return true;
    }
    let holds = |p: Point2| turn(a, b, p) >= 0.0 && turn(b, c, p) >= 0.0 && turn(c, a, p) >= 0.0;
    (0..length).all(|index| {
        let (p, q) = (corner(index), corner(index + 1));
        // Polygons with holes pass some places twice: those do not count as inside.
        let is_inside = p != a && p != b && p != c && holds(p);
        !is_inside && !crosses(a, c, p, q)
    })
}

/// Whether two lines cross between their ends.
fn crosses(a: Point2, c: Point2, p: Point2, q: Point2) -> bool {
    turn(a, c, p) * turn(a, c, q) < 0.0 && turn(p, q, a) * turn(p, q, c) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangles(corners: &[[f64; 3]]) -> (Vec<[usize; 3]>, f64) {
        let mut triangles = Vec::new();
        let lost = Triangulator::new().triangulate(corners, |triangle| triangles.push(triangle));
        (triangles, lost)
    }

    fn area(corners: &[[f64; 3]], triangles: &[[usize; 3]]) -> f64 {
        let double = |t: &[usize; 3]| {
            let [a, b, c] = t.map(|corner| corners[corner]);
            let [u, v] = [b, c].map(|p| [p[0] - a[0], p[1] - a[1], p[2] - a[2]]);
            let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
            normal.iter().map(|v| v * v).sum::<f64>().sqrt()
        };
        triangles.iter().map(double).sum::<f64>() / 2.0
    }

    /// An angle of 60 by 50 with legs of 8: 816 in area.
    const ANGLE: [Point2; 6] = [[0.0, 0.0], [60.0, 0.0], [60.0, 8.0], [8.0, 8.0], [8.0, 50.0], [0.0, 50.0]];

    #[test]
    fn convex_polygons_become_fans() {
        let square = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]];
        assert_eq!(triangles(&square), (vec![[0, 1, 2], [0, 2, 3]], 0.0));
        assert_eq!(triangles(&square[..3]), (vec![[0, 1, 2]], 0.0));
        assert_eq!(triangles(&square[..2]), (vec![], 0.0));
        let hexagon: Vec<[f64; 3]> = (0..6)
            .map(|k| (f64::from(k) * std::f64::consts::FRAC_PI_3).sin_cos())
            .map(|(sin, cos)| [4e6 + sin, 7.0, cos])
            .collect();
        assert_eq!(triangles(&hexagon).0, [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]]);
    }

    #[test]
    fn concave_polygons_keep_their_area_from_any_corner_in_any_plane() {
        let planes: [fn(Point2) -> [f64; 3]; 4] = [
            |[x, y]| [x, y, 0.0],
            |[x, y]| [y, 3.0, x],
            |[x, y]| [0.6 * x, 0.8 * x, y],
            |[x, y]| [5e5 + x, 4.6e6 - y, x + 0.5 * y],
        ];
        for (number, plane) in planes.into_iter().enumerate() {
            for first in 0..6 {
                for mirrored in [false, true] {
                    let mut corners: Vec<[f64; 3]> = (0..6).map(|k| plane(ANGLE[(first + k) % 6])).collect();
                    if mirrored {
                        corners.reverse();
                    }
                    let (made, lost) = triangles(&corners);
                    let stretch = [1.0, 1.0, 1.0, 1.5][number];
                    let found = area(&corners, &made);
                    assert!((found - 816.0 * stretch).abs() < 1e-6, "plane {number}, corner {first}: {found}");
                    assert!(lost == 0.0 && made.len() == 4);
                }
            }
        }
    }

    #[test]
    fn combs_stars_and_polygons_with_holes_are_whole() {
        let comb: Vec<[f64; 3]> = (0..40)
            .map(|k| [f64::from(k), if k % 2 == 0 { 1.0 } else { 5.0 }, 0.0])
            .chain([[39.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
            .collect();
        // A square of 10 with a hole of 4, which a cut from corner to corner joins to the outside.
        let holed = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0], [3, 3], [3, 7], [7, 7], [7, 3], [3, 3]]
            .map(|[x, y]| [f64::from(x), f64::from(y), 0.0]);
        let dented = [[0.0, 0.0, 0.0], [2.0, 1.0, 0.0], [0.0, 2.0, 0.0], [1.0, 1.0, 0.0]];
        let with_straight_corners = [[0, 0], [1, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2], [0, 1]]
            .map(|[x, y]| [f64::from(x), 0.0, f64::from(y)]);
        let cases: [(&str, &[[f64; 3]], f64); 4] = [
            ("comb", &comb, 117.0),
            ("holed", &holed, 84.0),
            ("dented", &dented, 1.0),
            ("straight corners", &with_straight_corners, 3.0),
        ];
        for (name, corners, expected) in cases {
            let (made, lost) = triangles(corners);
            assert!((area(corners, &made) - expected).abs() < 1e-9, "{name}: {} of {expected}", area(corners, &made));
            assert_eq!(lost, 0.0, "{name}");
        }
    }

    #[test]
    fn what_crosses_itself_is_said() {
        let bow = [[0.0, 0.0, 0.0], [2.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0]];
        assert_eq!(triangles(&bow).1, 4.0);
        let star: Vec<[f64; 3]> = (0..5)
            .map(|k| (f64::from(k) * 0.8 * std::f64::consts::PI).sin_cos())
            .map(|(sin, cos)| [sin, cos, 1.0])
            .collect();
        assert!(triangles(&star).1 > 0.5);
        let line = [[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0]];
        assert_eq!(triangles(&line).1, 0.0, "nothing is lost of a polygon without area");
        assert_eq!(triangles(&[[7.0; 3]; 5]).1, 0.0);
    }

    #[test]
    fn endless_polygons_end() {
        let spiral: Vec<[f64; 3]> = (0..9000)
            .map(|k| f64::from(k) * 1.9)
            .map(|angle| [angle.cos() * (1.0 + angle), angle.sin() * (1.0 + angle), 0.0])
            .collect();
        let mut triangulator = Triangulator::with_visits(1_000_000);
        let mut count = 0;
        assert!(triangulator.triangulate(&spiral, |_| count += 1) > 1.0);
        assert_eq!(count, spiral.len() - 2);
    }
}
