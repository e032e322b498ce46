//! OBJ: lines of a keyword and its values.

use std::collections::HashMap;
use std::path::Path;

use crate::scene::SourceError;
use crate::scene::files::malformed;
use crate::scene::files::surface::{Corner, NONE, Surface};
use crate::scene::files::text::{keyword, number, shortened, statements, without_comment};

/// Colours above this count up to 255.
const UNIT_COLORS: f32 = 2.0;

/// What an OBJ file says beside its faces.
pub(super) struct Objects {
    /// With indices into `material_names` for materials.
    pub surface: Surface,
    /// As `usemtl` writes them, each once.
    pub material_names: Vec<String>,
    /// What stands behind each `mtllib`.
    pub libraries: Vec<String>,
}

/// The statements in the text of an OBJ file; `path` is for messages.
///
/// # Errors
/// Names the line of a vertex or a face that cannot be read.
pub(super) fn parse_obj(path: &Path, text: &[u8]) -> Result<Objects, SourceError> {
    let mut parser = Parser::new(path);
    for (line, statement) in statements(text) {
        parser.line = line;
        parser.read(&statement)?;
    }
    parser.warn_of_polypaint(text);
    parser.finish()
}

/// Statements that are left out, and the first of them.
#[derive(Default)]
struct LeftOut {
    count: usize,
    first: String,
}

impl LeftOut {
    fn add(&mut self, line: usize, statement: &str) {
        if self.count == 0 {
            self.first = format!("line {line}: `{}`", shortened(statement));
        }
        self.count += 1;
    }
}

struct Parser<'a> {
    path: &'a Path,
    objects: Objects,
    /// Counted from 1.
    line: usize,
    material: u32,
    /// Indices of the material names.
    material_of: HashMap<String, u32>,
    /// Index of a point's colour; may be shorter than the points.
    color_of: Vec<u32>,
    /// Points that are not finite, and why. Faces may not name them.
    bad_points: HashMap<u32, String>,
    /// The largest index of a point in a face, and its line: faces may stand before their vertices.
    last_point: Option<(u32, usize)>,
    corners: Vec<Corner>,
    lines_and_points: LeftOut,
    free_forms: LeftOut,
    bad_attributes: LeftOut,
    unknown: LeftOut,
}

impl<'a> Parser<'a> {
    fn new(path: &'a Path) -> Self {
        let objects = Objects { surface: Surface::new(path), material_names: Vec::new(), libraries: Vec::new() };
        Self {
            path,
            objects,
            line: 0,
            material: NONE,
            material_of: HashMap::new(),
            color_of: Vec::new(),
            bad_points: HashMap::new(),
            last_point: None,
            corners: Vec::new(),
            lines_and_points: LeftOut::default(),
            free_forms: LeftOut::default(),
            bad_attributes: LeftOut::default(),
            unknown: LeftOut::default(),
        }
    }

    fn broken(&self, reason: impl std::fmt::Display) -> SourceError {
        malformed(self.path, format!("line {}: {reason}", self.line))
    }

    fn read(&mut self, statement: &str) -> Result<(), SourceError> {
        let (key, rest) = keyword(statement);
        match key {
            "v" | "V" => return self.add_point(rest),
            "f" | "F" | "fo" => return self.add_face(rest),
            "vt" | "VT" => {
                let [u, v] = self.attribute(rest, statement, 1);
                self.objects.surface.uvs.push([u, v]);
            }
            "vn" | "VN" => {
                let normal = self.attribute(rest, statement, 3);
                self.objects.surface.normals.push(normal);
            }
            _ => self.read_rare(&key.to_ascii_lowercase(), rest, statement),
        }
        Ok(())
    }

    fn read_rare(&mut self, key: &str, rest: &str, statement: &str) {
        match key {
            "o" | "g" => self.objects.surface.begin_part(),
            "usemtl" => self.use_material(rest),
            "mtllib" => self.objects.libraries.push(rest.to_owned()),
            "l" | "p" => self.lines_and_points.add(self.line, statement),
            "curv" | "curv2" | "surf" => self.free_forms.add(self.line, statement),
            // Smoothing is told from the shape; the rest belongs to free forms, or changes no face.
            "s" | "mg" | "vp" | "cstype" | "deg" | "bmat" | "step" | "parm" | "trim" | "hole" | "scrv" | "sp"
            | "end" | "con" | "bevel" | "c_interp" | "d_interp" | "lod" | "ctech" | "stech" | "shadow_obj"
            | "trace_obj" => {}
            _ => self.unknown.add(self.line, statement),
        }
    }

    fn add_point(&mut self, rest: &str) -> Result<(), SourceError> {
        let index = self.objects.surface.points.len() as u32;
        let mut words = without_comment(rest).split_whitespace();
        let mut point = [0.0; 3];
        for coordinate in &mut point {
            let Some(word) = words.next() else {
                return Err(self.broken("a vertex has fewer than 3 coordinates"));
            };
            *coordinate = match (number(word), word.parse::<f64>()) {
                (Ok(number), _) => number,
                // Scanners write such points where they see nothing.
                (Err(reason), Ok(not_finite)) => {
                    self.bad_points.insert(index, format!("line {}: {reason}", self.line));
                    not_finite
                }
                (Err(reason), Err(_)) => return Err(self.broken(reason)),
            };
        }
        self.objects.surface.points.push(point);
        let values: Vec<&str> = words.collect();
        // A single value more is a weight, which polygons do not have.
        if values.len() > 1 {
            self.add_color(index, &values);
        }
        Ok(())
    }

    fn add_color(&mut self, point: u32, values: &[&str]) {
        let numbers: Option<Vec<f32>> = values.iter().map(|word| number(word).ok().map(|v| v as f32)).collect();
        let color = match numbers.as_deref() {
            Some(&[red, green, blue]) => [red, green, blue, f32::NAN],
            Some(&[red, green, blue, alpha]) => [red, green, blue, alpha],
            _ => return self.bad_attributes.add(self.line, &format!("colour {}", values.join(" "))),
        };
        self.color_of.resize(point as usize, NONE);
        self.color_of.push(self.objects.surface.colors.len() as u32);
        self.objects.surface.colors.push(color);
    }

    /// Numbers of a normal or a texture coordinate, of which so many must be there; NaN for what is no number, which
    /// costs the faces this attribute.
    fn attribute<const N: usize>(&mut self, rest: &str, statement: &str, least: usize) -> [f32; N] {
        let mut words = rest.split_whitespace();
        let values = std::array::from_fn(|i| match words.next() {
            Some(word) if !word.starts_with('#') => word.parse::<f32>().unwrap_or(f32::NAN),
            _ if i < least => f32::NAN,
            _ => 0.0,
        });
        if values.iter().any(|value| !value.is_finite()) {
            self.bad_attributes.add(self.line, statement);
        }
        values
    }

    fn use_material(&mut self, name: &str) {
        if name.is_empty() {
            self.unknown.add(self.line, "usemtl without a name");
            return;
        }
        let names = &mut self.objects.material_names;
        let known = self.material_of.get(name).copied().unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() as u32 - 1
        });
        if known as usize >= self.material_of.len() {
            self.material_of.insert(name.to_owned(), known);
        }
        if self.material != known {
            self.objects.surface.begin_part();
        }
        self.material = known;
    }

    fn add_face(&mut self, rest: &str) -> Result<(), SourceError> {
        let mut corners = std::mem::take(&mut self.corners);
        corners.clear();
        for word in without_comment(rest).split_whitespace() {
            corners.push(self.corner(word)?);
        }
        match corners.len() {
            0 => return Err(self.broken("a face has no corners")),
            1 | 2 => self.lines_and_points.add(self.line, &format!("f {rest}")),
            _ => self.objects.surface.add_face(&corners, self.material)?,
        }
        self.corners = corners;
        Ok(())
    }

    /// The corner in `POINT`, `POINT/UV`, `POINT//NORMAL` or `POINT/UV/NORMAL`.
    fn corner(&mut self, word: &str) -> Result<Corner, SourceError> {
        let mut parts = word.split('/');
        let surface = &self.objects.surface;
        let (points, uvs, normals) = (surface.points.len(), surface.uvs.len(), surface.normals.len());
        let point = match index(parts.next().unwrap_or_default(), points) {
            Ok(point) => point,
            Err(reason) => return Err(self.broken(format!("a face names vertex `{}`{reason}", shortened(word)))),
        };
        if self.last_point.is_none_or(|(last, _)| last < point) {
            self.last_point = Some((point, self.line));
        }
        if let Some(reason) = self.bad_points.get(&point) {
            return Err(self.broken(format!("a face names a vertex that cannot be drawn, of {reason}")));
        }
        let uv = self.attribute_index(parts.next(), uvs, word);
        let normal = self.attribute_index(parts.next(), normals, word);
        Ok(Corner { point, uv, normal, color: NONE })
    }

    /// [`NONE`] also where the index is wrong: that costs the face its texture or its normals.
    fn attribute_index(&mut self, part: Option<&str>, count: usize, word: &str) -> u32 {
        match part {
            None | Some("") => NONE,
            Some(part) => index(part, count).unwrap_or_else(|_| {
                self.bad_attributes.add(self.line, &format!("corner {word}"));
                NONE
            }),
        }
    }

    fn finish(mut self) -> Result<Objects, SourceError> {
        let count = self.objects.surface.points.len();
        if let Some((last, line)) = self.last_point
            && last as usize >= count
        {
            self.line = line;
            return Err(self.broken(format!("a face names vertex {}, but there are {count}", last + 1)));
        }
        if self.objects.surface.face_count() == 0 && self.lines_and_points.count > 0 {
            let lines = self.lines_and_points.count;
            return Err(malformed(self.path, format!("there is no triangle in it, only {lines} lines or points")));
        }
        self.finish_colors();
        self.warn_of_missing_attributes();
        for (left_out, what) in [
            (&self.lines_and_points, "lines and points are not drawn"),
            (&self.free_forms, "free-form curves and surfaces are not drawn; export them as polygons"),
            (&self.bad_attributes, "normals, texture coordinates or colours cannot be read and are left out"),
            (&self.unknown, "statements are unknown and left out"),
        ] {
            if left_out.count > 0 {
                let LeftOut { count, first } = left_out;
                self.objects.surface.warnings.add(format!("{count} {what}, the first is {first}"));
            }
        }
        Ok(self.objects)
    }

    /// Indices from the front may come before what they name, so that this shows at the end only.
    fn warn_of_missing_attributes(&mut self) {
        let surface = &mut self.objects.surface;
        let is_missing = |index: u32, count: usize| index != NONE && index as usize >= count;
        let names_missing = |corner: &Corner| {
            is_missing(corner.uv, surface.uvs.len()) || is_missing(corner.normal, surface.normals.len())
        };
        let missing =
            (0..surface.face_count()).filter(|face| surface.corners_of(*face).iter().any(names_missing)).count();
        if missing > 0 {
            surface.warnings.add(format!("{missing} faces name normals or texture coordinates that are not there"));
        }
    }

    /// Puts colours into [0, 1], and gives each corner that of its point.
    fn finish_colors(&mut self) {
        let surface = &mut self.objects.surface;
        if surface.colors.is_empty() {
            return;
        }
        let largest = |channels: &[usize]| {
            let values = surface.colors.iter().flat_map(|color| channels.iter().map(|channel| color[*channel]));
            values.fold(0.0, f32::max)
        };
        let full = |largest: f32| if largest > UNIT_COLORS { 255.0 } else { 1.0 };
        let (full_color, full_alpha) = (full(largest(&[0, 1, 2])), full(largest(&[3])));
        for [red, green, blue, alpha] in &mut surface.colors {
            for channel in [red, green, blue] {
                *channel = (*channel / full_color).clamp(0.0, 1.0);
            }
            *alpha = if alpha.is_nan() { 1.0 } else { (*alpha / full_alpha).clamp(0.0, 1.0) };
        }
        for face in 0..surface.face_count() {
            for corner in surface.corners_of_mut(face) {
                corner.color = self.color_of.get(corner.point as usize).copied().unwrap_or(NONE);
            }
        }
    }

    /// `ZBrush` hides its colours in comments.
    fn warn_of_polypaint(&mut self, text: &[u8]) {
        if text.windows(6).any(|window| window == b"\n#MRGB") {
            self.objects.surface.warnings.add("the colours in comments (#MRGB) are not read; export them as a texture");
        }
    }
}

/// The index in a word that counts from 1, or from the last one back; the error goes on after the word.
fn index(word: &str, count: usize) -> Result<u32, String> {
    let number: i64 = word.parse().map_err(|_| ", which is no whole number".to_owned())?;
    let index = if number < 0 { number.saturating_add(count as i64) } else { number - 1 };
    let is_there = number != 0 && index >= 0 && index < i64::from(NONE);
    if is_there { Ok(index as u32) } else { Err(format!(", but vertices count from 1 or back from -1, to -{count}")) }
}
