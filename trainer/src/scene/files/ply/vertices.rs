use super::attributes::{ColorColumns, unread, uv_columns};
use super::header::Element;
use super::values::Values;

/// What of the vertices is of use; lists other than the points are empty when the file has no such thing.
#[derive(Debug, Default, PartialEq)]
pub struct Vertices {
    pub points: Vec<[f64; 3]>,
    pub normals: Vec<[f32; 3]>,
    pub uvs: Vec<[f32; 2]>,
    /// sRGB and opacity.
    pub colors: Vec<[f32; 4]>,
    /// Properties that look like colours or textures and are not used.
    pub unread: Vec<String>,
}

impl Vertices {
    /// The vertices of an element.
    ///
    /// # Errors
    /// When there is no position, or a value is broken.
    pub fn read(element: &Element, values: &mut Values) -> Result<Self, String> {
        let columns = |names: [&str; 3]| {
            let [x, y, z] = names.map(|name| element.scalar(name));
            Some([x?, y?, z?])
        };
        let place = columns(["x", "y", "z"]).ok_or("vertices have no x, y and z")?;
        let normal = columns(["nx", "ny", "nz"]);
        let uv = uv_columns(element);
        let color = ColorColumns::of(element);
        let used: Vec<usize> = place
            .into_iter()
            .chain(normal.into_iter().flatten())
            .chain(uv.into_iter().flatten())
            .chain(color.iter().flat_map(ColorColumns::columns))
            .collect();
        let mut vertices = Self { unread: unread(element, &used), ..Self::default() };
        let mut raw_colors = Vec::new();
        let mut row = vec![0.0; element.properties.len()];
        for vertex in 0..element.count {
            read_row(element, &used, values, &mut row).map_err(|error| format!("vertex {vertex}: {error}"))?;
            vertices.points.push(place.map(|column| row[column]));
            vertices.normals.extend(normal.map(|normal| normal.map(|column| row[column] as f32)));
            vertices.uvs.extend(uv.map(|uv| uv.map(|column| row[column] as f32)));
            raw_colors.extend(color.as_ref().map(|color| color_in(&row, color)));
        }
        vertices.colors = color.map(|color| color.scaled(&raw_colors)).unwrap_or_default();
        Ok(vertices)
    }
}

/// Reads the columns that are used, and leaves the others out.
pub fn read_row(element: &Element, used: &[usize], values: &mut Values, row: &mut [f64]) -> Result<(), String> {
    for (column, property) in element.properties.iter().enumerate() {
        if used.contains(&column) {
            property.read(values, |value| row[column] = value)?;
        } else {
            property.skip(values)?;
        }
    }
    Ok(())
}

/// The colour in a row, opaque where the file says nothing.
pub fn color_in(row: &[f64], columns: &ColorColumns) -> [f64; 4] {
    let [red, green, blue] = columns.channels.map(|column| row[column]);
    [red, green, blue, columns.alpha.map_or(1.0, |column| row[column])]
}
