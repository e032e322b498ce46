use super::super::shape::Shape;

/// The polygon (x, y) swept along z, `depth` thick around z = 0.
pub fn extrusion_z(polygon: &[[f32; 2]], depth: f32) -> Shape {
    extrusion(polygon, depth)
}

/// The polygon (y, z) swept along x, `depth` thick around x = 0.
pub fn extrusion_x(polygon: &[[f32; 2]], depth: f32) -> Shape {
    extrusion(polygon, depth).mapped(|[u, v, w]| [w, u, v]).facing_out()
}

/// The polygon (x, z) swept along y, `depth` thick around y = 0.
pub fn extrusion_y(polygon: &[[f32; 2]], depth: f32) -> Shape {
    extrusion(polygon, depth).mapped(|[u, v, w]| [u, w, v]).facing_out()
}

/// A simple polygon of either orientation, without holes, as a slab.
fn extrusion(polygon: &[[f32; 2]], depth: f32) -> Shape {
    let mut outline = polygon.to_vec();
    if signed_area(polygon) < 0.0 {
        outline.reverse();
    }
    let count = outline.len() as u32;
    let mut shape = Shape::new().smooth_below(30.0);
    for z in [-depth / 2.0, depth / 2.0] {
        outline.iter().for_each(|[x, y]| {
            shape.vertex([*x, *y, z]);
        });
    }
    for step in 0..count {
        let next = (step + 1) % count;
        shape.quad([step, next, next + count, step + count]);
    }
    for [a, b, c] in ears(&outline) {
        shape.triangle([a + count, b + count, c + count]);
        shape.triangle([c, b, a]);
    }
    shape
}

fn signed_area(polygon: &[[f32; 2]]) -> f32 {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f32>() / 2.0
}

/// Triangles of a simple counter-clockwise polygon by cutting ears (Meisters 1975).
fn ears(polygon: &[[f32; 2]]) -> Vec<[u32; 3]> {
    let mut rest: Vec<u32> = (0..polygon.len() as u32).collect();
    let mut triangles = Vec::with_capacity(polygon.len());
    while rest.len() > 3 {
        let count = rest.len();
        let corner = |i: usize| [rest[(i + count - 1) % count], rest[i], rest[(i + 1) % count]];
        // A simple polygon always has an ear; rounding may hide it, then any corner does.
        let ear = (0..count).find(|i| is_ear(polygon, &rest, corner(*i))).unwrap_or(0);
        triangles.push(corner(ear));
        rest.remove(ear);
    }
    triangles.push([rest[0], rest[1], rest[2]]);
    triangles
}

fn is_ear(polygon: &[[f32; 2]], rest: &[u32], corner: [u32; 3]) -> bool {
    let [a, b, c] = corner.map(|v| polygon[v as usize]);
    let turn = |p: [f32; 2], q: [f32; 2], r: [f32; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
    let inside = |p: [f32; 2]| turn(a, b, p) >= 0.0 && turn(b, c, p) >= 0.0 && turn(c, a, p) >= 0.0;
    turn(a, b, c) > 1e-7 && !rest.iter().any(|v| !corner.contains(v) && inside(polygon[*v as usize]))
}
