use super::attributes::{ColorColumns, unread};
use super::header::{Element, Property};
use super::values::Values;
use super::vertices::color_in;

/// Names of the list of a face's vertices.
const CORNERS: [&str; 3] = ["vertex_indices", "vertex_index", "vertex_indexes"];
/// Names of the list of u and v at each corner.
const UVS: [&str; 2] = ["texcoord", "texcoords"];
/// Names of the number of a face's picture.
const TEXTURES: [&str; 3] = ["texnumber", "texnum", "texture_index"];

/// Stands for a vertex that no file can have.
const NO_VERTEX: u32 = u32::MAX;

/// Polygons, one behind the other.
#[derive(Debug, Default, PartialEq)]
pub struct Faces {
    pub corners: Vec<u32>,
    /// By face: behind its last corner.
    pub ends: Vec<usize>,
    /// By corner; not a number where a face has none. Empty when no face has any.
    pub uvs: Vec<[f32; 2]>,
    /// By face: number of its picture. Empty when the file has none.
    pub textures: Vec<i64>,
    /// By face: sRGB and opacity. Empty when the file has none.
    pub colors: Vec<[f32; 4]>,
    /// Properties that look like colours or textures and are not used.
    pub unread: Vec<String>,
}

/// What a property of a face is.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Corners,
    Uvs,
    Number,
    Nothing,
}

impl Faces {
    /// The polygons of an element.
    ///
    /// # Errors
    /// When there is no list of vertices, or a value is broken.
    pub fn read(element: &Element, values: &mut Values) -> Result<Self, String> {
        let corners = list(element, &CORNERS).ok_or_else(|| no_corners(element))?;
        let uvs = list(element, &UVS);
        let texture = TEXTURES.iter().find_map(|name| element.scalar(name));
        let color = ColorColumns::of(element);
        let numbers: Vec<usize> = texture.into_iter().chain(color.iter().flat_map(ColorColumns::columns)).collect();
        let use_of = |column: usize| match column {
            _ if column == corners => Use::Corners,
            _ if Some(column) == uvs => Use::Uvs,
            _ if numbers.contains(&column) => Use::Number,
            _ => Use::Nothing,
        };
        let uses: Vec<Use> = (0..element.properties.len()).map(use_of).collect();
        let used: Vec<usize> = numbers.iter().copied().chain([corners]).chain(uvs).collect();
        let mut faces = Self { unread: unread(element, &used), ..Self::default() };
        let (mut row, mut wedge, mut raw_colors) = (vec![0.0; uses.len()], Vec::new(), Vec::new());
        for face in 0..element.count {
            wedge.clear();
            for (column, (property, is)) in element.properties.iter().zip(&uses).enumerate() {
                faces
                    .read_property(property, *is, values, &mut row[column], &mut wedge)
                    .map_err(|error| format!("face {face}: {error}"))?;
            }
            if uvs.is_some() {
                faces.add_uvs(&wedge);
            }
            faces.ends.push(faces.corners.len());
            faces.textures.extend(texture.map(|column| row[column] as i64));
            raw_colors.extend(color.as_ref().map(|color| color_in(&row, color)));
        }
        faces.colors = color.map(|color| color.scaled(&raw_colors)).unwrap_or_default();
        Ok(faces)
    }

    fn read_property(
        &mut self,
        property: &Property,
        is: Use,
        values: &mut Values,
        number: &mut f64,
        wedge: &mut Vec<f32>,
    ) -> Result<(), String> {
        match is {
            Use::Corners => property.read(values, |value| self.corners.push(vertex(value))),
            Use::Uvs => property.read(values, |value| wedge.push(value as f32)),
            Use::Number => property.read(values, |value| *number = value),
            Use::Nothing => property.skip(values),
        }
    }

    /// Adds the coordinates of the corners of the newest face.
    fn add_uvs(&mut self, wedge: &[f32]) {
        let first = self.ends.last().copied().unwrap_or(0);
        let corners = self.corners.len() - first;
        let is_whole = wedge.len() == 2 * corners;
        let uv = |corner: usize| if is_whole { [wedge[2 * corner], wedge[2 * corner + 1]] } else { [f32::NAN; 2] };
        self.uvs.extend((0..corners).map(uv));
    }

    /// Adds the triangles of strips: lists of vertices in which -1 begins anew.
    ///
    /// # Errors
    /// When there is no list of vertices, or a value is broken.
    pub fn read_strips(&mut self, element: &Element, values: &mut Values) -> Result<(), String> {
        let corners = list(element, &CORNERS).ok_or_else(|| no_corners(element))?;
        for strip in 0..element.count {
            let (mut last_two, mut is_odd) = ([None; 2], false);
            let mut take = |value: f64| {
                if value < 0.0 {
                    (last_two, is_odd) = ([None; 2], false);
                    return;
                }
                let next = vertex(value);
                if let [Some(a), Some(b)] = last_two {
                    self.add_triangle(if is_odd { [b, a, next] } else { [a, b, next] });
                    is_odd = !is_odd;
                }
                last_two = [last_two[1], Some(next)];
            };
            for (column, property) in element.properties.iter().enumerate() {
                let read = if column == corners { property.read(values, &mut take) } else { property.skip(values) };
                read.map_err(|error| format!("strip {strip}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Triangles that join strips have a vertex twice.
    fn add_triangle(&mut self, corners: [u32; 3]) {
        let [a, b, c] = corners;
        if a != b && b != c && c != a {
            self.corners.extend(corners);
            self.ends.push(self.corners.len());
        }
    }

    /// The corners of each face, as places in the lists by corner.
    pub fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> {
        std::iter::once(&0).chain(&self.ends).zip(&self.ends).map(|(start, end)| *start..*end)
    }
}

/// The place of a list of one of some names.
fn list(element: &Element, names: &[&str]) -> Option<usize> {
    element.properties.iter().position(|property| property.length.is_some() && names.contains(&property.name.as_str()))
}

fn no_corners(element: &Element) -> String {
    let names: Vec<&str> = element.properties.iter().map(|property| property.name.as_str()).collect();
    format!("element {} has no vertex_indices, but {}", element.name, super::text::shortened(&names.join(", ")))
}

/// Negative and fractional numbers become a vertex that is not there.
fn vertex(value: f64) -> u32 {
    if value >= 0.0 && value.fract() == 0.0 && value < f64::from(u32::MAX) { value as u32 } else { NO_VERTEX }
}
