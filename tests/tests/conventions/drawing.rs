//! The picture of the guide: the world with both cameras, and what each of them sees.

use std::fmt::Write;

use sextant_runtime::rotation::UnitQuaternion;
use sextant_trainer::scene::CameraPose;

type Point = [f32; 3];

/// Of x, y and z, everywhere.
const COLOURS: [&str; 3] = ["#c0392b", "#1e8449", "#2e5fb7"];
const GREY: &str = "#777";
/// Half the sides of the box that stands for an object.
const HALF_SIDES: Point = [0.45, 0.3, 0.2];

/// A rule that takes points of the world to the drawing.
struct Panel<'a> {
    place: &'a dyn Fn(Point) -> [f32; 2],
}

impl Panel<'_> {
    fn line(&self, svg: &mut String, [from, to]: [Point; 2], style: &str) {
        let ([x1, y1], [x2, y2]) = ((self.place)(from), (self.place)(to));
        let _ = writeln!(svg, r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" {style}/>"#);
    }

    fn text(&self, svg: &mut String, at: Point, [right, down]: [f32; 2], colour: &str, text: &str) {
        let [x, y] = (self.place)(at);
        let _ = writeln!(svg, r#"<text x="{:.1}" y="{:.1}" fill="{colour}">{text}</text>"#, x + right, y + down);
    }

    /// Three arrows from an origin, with names.
    fn axes(&self, svg: &mut String, origin: Point, axes: [Point; 3], length: f32, names: [&str; 3], style: &str) {
        for ((axis, name), colour) in axes.into_iter().zip(names).zip(COLOURS) {
            let end = beyond(origin, axis, length);
            self.line(svg, [origin, end], &format!(r#"stroke="{colour}" {style} marker-end="url(#{})""#, &colour[1..]));
            self.text(svg, beyond(origin, axis, length + 0.12), [-3.0, 4.0], colour, name);
        }
    }

    fn box_of(&self, svg: &mut String, world_from_object: UnitQuaternion) {
        let corner = |bits: usize| {
            let signed = |axis: usize| if bits >> axis & 1 == 1 { HALF_SIDES[axis] } else { -HALF_SIDES[axis] };
            world_from_object.rotate([signed(0), signed(1), signed(2)])
        };
        for (bits, axis) in (0..8).flat_map(|bits| (0..3).map(move |axis| (bits, axis))) {
            if bits >> axis & 1 == 0 {
                self.line(svg, [corner(bits), corner(bits | 1 << axis)], r##"stroke="#333" stroke-width="1.4""##);
            }
        }
    }
}

fn beyond(origin: Point, axis: Point, length: f32) -> Point {
    std::array::from_fn(|i| origin[i] + axis[i] * length)
}

/// The axes of a turned frame, in the frame that it is turned in.
fn axes_of(turned: UnitQuaternion) -> [Point; 3] {
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]].map(|axis| turned.rotate(axis))
}

/// Where a camera stands.
fn eye(camera: &CameraPose) -> Point {
    let (polar, azimuth) = (camera.polar_deg.to_radians(), camera.azimuth_deg.to_radians());
    let direction = [polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()];
    direction.map(|side| side * camera.distance)
}

fn camera_with_axes(svg: &mut String, panel: &Panel, camera: &CameraPose, name: [&str; 2], shift: [f32; 2]) {
    let (eye, axes) = (eye(camera), axes_of(camera.camera_from_world().inverse()));
    panel.line(svg, [eye, [0.0; 3]], &format!(r#"stroke="{GREY}" stroke-dasharray="3 4""#));
    let side = (camera.fov_deg.to_radians() / 2.0).tan() * 0.7;
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]
        .map(|[x, y]| beyond(beyond(beyond(eye, axes[2], 0.7), axes[0], x * side), axes[1], y * side));
    for (at, corner) in corners.into_iter().enumerate() {
        panel.line(svg, [eye, corner], &format!(r#"stroke="{GREY}""#));
        panel.line(svg, [corner, corners[(at + 1) % 4]], &format!(r#"stroke="{GREY}""#));
    }
    panel.axes(svg, eye, axes, 0.5, ["x", "y", "z"], r#"stroke-width="2""#);
    for (line, name) in name.into_iter().enumerate() {
        panel.text(svg, eye, [shift[0], shift[1] + 15.0 * line as f32], "#222", name);
    }
}

/// The world from one side and above.
fn world(svg: &mut String, world_from_object: UnitQuaternion) {
    let observer = CameraPose { azimuth_deg: -38.0, polar_deg: 70.0, ..CameraPose::default() };
    let view = observer.camera_from_world();
    let place = |point: Point| {
        let [x, y, _] = view.rotate(point);
        [300.0 + 92.0 * x, 245.0 + 92.0 * y]
    };
    let panel = Panel { place: &place };
    for at in -3..=3 {
        let at = at as f32 * 0.5;
        for line in [[[at, -1.5, -1.0], [at, 1.5, -1.0]], [[-1.5, at, -1.0], [1.5, at, -1.0]]] {
            panel.line(svg, line, r##"stroke="#ddd""##);
        }
    }
    panel.text(svg, [1.5, -1.5, -1.0], [20.0, 4.0], GREY, "floor, z = -1");
    let names = ["world x", "world y", "world z"];
    panel.axes(svg, [0.0; 3], axes_of(UnitQuaternion::IDENTITY), 1.25, names, r#"stroke-dasharray="5 3""#);
    panel.box_of(svg, world_from_object);
    panel.axes(svg, [0.0; 3], axes_of(world_from_object), 0.8, ["x", "y", "z"], r#"stroke-width="2.5""#);
    let ours = ["our renders: azimuth -90°", "(on the side of y &lt; 0)"];
    camera_with_axes(svg, &panel, &CameraPose::default(), ours, [-60.0, -34.0]);
    let theirs = ["3DIEBench: azimuth 90°", "(on the side of y &gt; 0)"];
    camera_with_axes(svg, &panel, &CameraPose::THREE_DIE_BENCH, theirs, [-70.0, -44.0]);
}

/// What a camera sees, in a square whose upper left corner is given.
fn picture(
    svg: &mut String,
    camera: &CameraPose,
    world_from_object: UnitQuaternion,
    [left, top]: [f32; 2],
    name: &str,
) {
    const SIDE: f32 = 170.0;
    let view = camera.camera_from_world();
    let focal = SIDE / 2.0 / (camera.fov_deg.to_radians() / 2.0).tan();
    let place = |point: Point| {
        let [x, y, z] = view.rotate(point);
        let scale = focal / (z + camera.distance);
        [left + SIDE / 2.0 + scale * x, top + SIDE / 2.0 + scale * y]
    };
    let panel = Panel { place: &place };
    let _ = writeln!(
        svg,
        r##"<rect x="{left}" y="{top}" width="{SIDE}" height="{SIDE}" fill="#f7f7f7" stroke="{GREY}"/>"##
    );
    panel.box_of(svg, world_from_object);
    panel.axes(svg, [0.0; 3], axes_of(world_from_object), 0.6, ["x", "y", "z"], r#"stroke-width="2.5""#);
    let _ = writeln!(svg, r##"<text x="{left}" y="{:.1}" fill="#222">{name}</text>"##, top + SIDE + 16.0);
}

/// The whole picture as SVG, of an object that is turned so.
pub fn svg(world_from_object: UnitQuaternion) -> String {
    let mut svg = String::from(
        "<!-- drawn by tests/tests/conventions -->\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 420\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"800\" height=\"420\" fill=\"white\"/>\n<defs>\n",
    );
    for colour in COLOURS {
        let _ = writeln!(
            svg,
            r#"<marker id="{}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="6" markerHeight="6" orient="auto" markerUnits="userSpaceOnUse"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>"#,
            &colour[1..]
        );
    }
    svg += "</defs>\n";
    world(&mut svg, world_from_object);
    picture(&mut svg, &CameraPose::default(), world_from_object, [610.0, 10.0], "seen from azimuth -90°");
    picture(&mut svg, &CameraPose::THREE_DIE_BENCH, world_from_object, [610.0, 212.0], "seen from azimuth 90°");
    svg + "</svg>\n"
}
