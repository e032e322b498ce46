use super::super::shape::Shape;

/// A box around the origin with slightly broken edges.
pub fn block(size: [f32; 3]) -> Shape {
    let smallest = size[0].min(size[1]).min(size[2]);
    chamfered_block(size, 0.08 * smallest)
}

/// A box around the origin whose edges are cut off at 45 degrees, `chamfer` deep.
pub fn chamfered_block(size: [f32; 3], chamfer: f32) -> Shape {
    let half = size.map(|v| v / 2.0);
    let mut shape = Shape::new().smooth_below(20.0);
    // The vertex of corner `signs` that lies on the face perpendicular to `axis` is number 3 * corner + axis.
    for corner in 0..8 {
        let sign = |axis: usize| if corner >> axis & 1 == 1 { 1.0 } else { -1.0 };
        for axis in 0..3 {
            shape.vertex([0, 1, 2].map(|i| sign(i) * if i == axis { half[i] } else { half[i] - chamfer }));
        }
    }
    (0..8).for_each(|corner| corner_triangle(&mut shape, corner));
    (0..3).for_each(|axis| faces_and_edges(&mut shape, axis));
    shape
}

fn corner_triangle(shape: &mut Shape, corner: u32) {
    let [x, y, z] = [0, 1, 2].map(|axis| 3 * corner + axis);
    let mirrored = corner.count_ones().is_multiple_of(2);
    shape.triangle(if mirrored { [x, z, y] } else { [x, y, z] });
}

/// The two faces perpendicular to `axis` and the four edges along it.
fn faces_and_edges(shape: &mut Shape, axis: u32) {
    let [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
    let corner = |a: u32, b: u32, c: u32| a << axis | b << u | c << v;
    let on_face = |a, b, c| 3 * corner(a, b, c) + axis;
    shape.quad([on_face(1, 0, 0), on_face(1, 1, 0), on_face(1, 1, 1), on_face(1, 0, 1)]);
    shape.quad([on_face(0, 0, 0), on_face(0, 0, 1), on_face(0, 1, 1), on_face(0, 1, 0)]);
    for [b, c] in [[0, 0], [0, 1], [1, 0], [1, 1]] {
        let [low, high] = [corner(0, b, c), corner(1, b, c)];
        let edge = [3 * low + u, 3 * low + v, 3 * high + v, 3 * high + u];
        let [p, q, r, s] = edge;
        shape.quad(if b == c { [p, q, r, s] } else { [s, r, q, p] });
    }
}
