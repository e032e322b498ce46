//! PLY: a text header that declares elements and their properties, then their values as text or binary.

use std::path::Path;

use super::{CREASE_DEG, LoadedMesh, check_triangle_count, checked, malformed};
use crate::scene::mesh_edit::material_index;
use crate::scene::vector::normalized;
use crate::scene::{Material, Mesh, SourceError, Triangle};

/// Levels of each channel that vertex colours are rounded to, so that few materials result.
const COLOR_LEVELS: f32 = 8.0;
/// Corners of one face beyond which the file is taken for broken.
const MOST_CORNERS: usize = 10_000;

/// The mesh in the bytes of an ASCII or binary PLY file; `path` is for messages.
///
/// Vertex colours are averaged over each face and rounded, and become materials.
///
/// # Errors
/// When the bytes are not such a mesh.
pub fn load_ply(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    let broken = |reason: String| malformed(path, format!("broken PLY: {reason}"));
    let (header, body) = Header::parse(bytes).map_err(broken)?;
    let mut values = Values { encoding: header.encoding, rest: body };
    let (mut vertices, mut faces) = (Vertices::default(), Vec::new());
    for element in &header.elements {
        // Each value takes at least a byte: counts beyond that are lies, and would exhaust memory.
        if element.count > values.rest.len() {
            return Err(broken(format!("{} elements {} do not fit in the file", element.count, element.name)));
        }
        match element.name.as_str() {
            "vertex" => vertices = Vertices::read(element, &mut values).map_err(broken)?,
            "face" => {
                check_triangle_count(path, element.count)?;
                faces = read_faces(element, &mut values).map_err(broken)?;
            }
            _ => element.skip(&mut values).map_err(broken)?,
        }
    }
    let mesh = vertices.into_mesh(&faces).map_err(broken)?;
    check_triangle_count(path, mesh.triangles.len())?;
    let has_normals = mesh.normals.iter().all(|normal| *normal != [0.0; 3]);
    let LoadedMesh { mesh, warnings } = checked(path, mesh, Vec::new())?;
    checked(path, if has_normals { mesh } else { mesh.compute_normals(CREASE_DEG) }, warnings)
}

#[derive(Clone, Copy, PartialEq)]
enum Encoding {
    Ascii,
    LittleEndian,
    BigEndian,
}

#[derive(Clone, Copy)]
enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return Err(format!("unknown type {name}")),
        })
    }

    /// What stands for full brightness.
    fn full_scale(self) -> f32 {
        match self {
            Self::F32 | Self::F64 => 1.0,
            Self::U16 | Self::I16 => 65_535.0,
            _ => 255.0,
        }
    }
}

struct Property {
    name: String,
    /// Type of the number of values; none for a single value.
    length: Option<Scalar>,
    value: Scalar,
}

struct Element {
    name: String,
    count: usize,
    properties: Vec<Property>,
}

struct Header {
    encoding: Encoding,
    elements: Vec<Element>,
}

impl Header {
    /// The header, and the bytes behind it.
    fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), String> {
        let mut rest = bytes;
        if next_line(&mut rest).map(|line| line.trim().to_owned()).as_deref() != Some("ply") {
            return Err("the file does not begin with `ply`".into());
        }
        let mut encoding = None;
        let mut elements: Vec<Element> = Vec::new();
        loop {
            let line = next_line(&mut rest).ok_or("the header has no `end_header`")?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] | ["comment" | "obj_info", ..] => {}
                ["format", name, _] => encoding = Some(parse_encoding(name)?),
                ["element", name, count] => {
                    let count = count.parse().map_err(|_| format!("{count} is no number of {name} elements"))?;
                    elements.push(Element { name: name.into(), count, properties: Vec::new() });
                }
                ["property", ref declaration @ ..] => {
                    let element = elements.last_mut().ok_or("a property stands before any element")?;
                    element.properties.push(parse_property(declaration)?);
                }
                ["end_header"] => break,
                _ => return Err(format!("unknown header line `{}`", line.trim())),
            }
        }
        if let Some(empty) = elements.iter().find(|element| element.properties.is_empty() && element.count > 0) {
            return Err(format!("element {} has no properties", empty.name));
        }
        Ok((Self { encoding: encoding.ok_or("the header has no format")?, elements }, rest))
    }
}

fn parse_encoding(name: &str) -> Result<Encoding, String> {
    match name {
        "ascii" => Ok(Encoding::Ascii),
        "binary_little_endian" => Ok(Encoding::LittleEndian),
        "binary_big_endian" => Ok(Encoding::BigEndian),
        _ => Err(format!("unknown format {name}")),
    }
}

fn parse_property(declaration: &[&str]) -> Result<Property, String> {
    match *declaration {
        ["list", length, value, name] => {
            Ok(Property { name: name.into(), length: Some(Scalar::parse(length)?), value: Scalar::parse(value)? })
        }
        [value, name] => Ok(Property { name: name.into(), length: None, value: Scalar::parse(value)? }),
        _ => Err(format!("unknown property `{}`", declaration.join(" "))),
    }
}

/// The text up to the next line feed, which is taken off; none at the end or when a line is absurdly long.
fn next_line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().take(4096).position(|byte| *byte == b'\n')?;
    let line = String::from_utf8_lossy(&rest[..end]).into_owned();
    *rest = &rest[end + 1..];
    Some(line)
}

/// Values behind the header.
struct Values<'a> {
    encoding: Encoding,
    rest: &'a [u8],
}

impl Values<'_> {
    fn next(&mut self, scalar: Scalar) -> Result<f64, String> {
        match self.encoding {
            Encoding::Ascii => self.next_word(),
            Encoding::LittleEndian | Encoding::BigEndian => self.next_binary(scalar),
        }
    }

    fn next_word(&mut self) -> Result<f64, String> {
        let start = self.rest.iter().position(|byte| !byte.is_ascii_whitespace()).ok_or("the file ends early")?;
        let word = &self.rest[start..];
        let end = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
        self.rest = &word[end..];
        let text = String::from_utf8_lossy(&word[..end.min(64)]);
        text.parse().map_err(|_| format!("`{text}` is no number"))
    }

    fn next_binary(&mut self, scalar: Scalar) -> Result<f64, String> {
        Ok(match scalar {
            Scalar::I8 => f64::from(i8::from_le_bytes(self.take()?)),
            Scalar::U8 => f64::from(u8::from_le_bytes(self.take()?)),
            Scalar::I16 => f64::from(i16::from_le_bytes(self.take()?)),
            Scalar::U16 => f64::from(u16::from_le_bytes(self.take()?)),
            Scalar::I32 => f64::from(i32::from_le_bytes(self.take()?)),
            Scalar::U32 => f64::from(u32::from_le_bytes(self.take()?)),
            Scalar::F32 => f64::from(f32::from_le_bytes(self.take()?)),
            Scalar::F64 => f64::from_le_bytes(self.take()?),
        })
    }

    /// The next bytes, in little-endian order.
    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or("the file ends early")?;
        self.rest = rest;
        let mut bytes = *bytes;
        if self.encoding == Encoding::BigEndian {
            bytes.reverse();
        }
        Ok(bytes)
    }
}

impl Property {
    /// Gives each value of the property to `take`.
    fn read(&self, values: &mut Values, mut take: impl FnMut(f64)) -> Result<(), String> {
        let Some(length) = self.length else {
            take(values.next(self.value)?);
            return Ok(());
        };
        let length = values.next(length)?;
        if !(0.0..=MOST_CORNERS as f64).contains(&length) {
            return Err(format!("a list {} of {length} values", self.name));
        }
        (0..length as usize).try_for_each(|_| values.next(self.value).map(&mut take))
    }
}

impl Element {
    fn skip(&self, values: &mut Values) -> Result<(), String> {
        for _ in 0..self.count {
            self.properties.iter().try_for_each(|property| property.read(values, |_| ()))?;
        }
        Ok(())
    }
}

/// What of the vertices is of use.
#[derive(Default)]
struct Vertices {
    positions: Vec<[f32; 3]>,
    normals: Vec<[f32; 3]>,
    /// sRGB in [0, 1].
    colors: Option<Vec<[f32; 3]>>,
}

impl Vertices {
    fn read(element: &Element, values: &mut Values) -> Result<Self, String> {
        const SLOTS: [&str; 9] = ["x", "y", "z", "nx", "ny", "nz", "red", "green", "blue"];
        let slot_of =
            |property: &Property| SLOTS.iter().position(|name| *name == property.name && property.length.is_none());
        let slots: Vec<Option<usize>> = element.properties.iter().map(slot_of).collect();
        if !(0..3).all(|slot| slots.contains(&Some(slot))) {
            return Err("vertices have no x, y and z".into());
        }
        let mut vertices = Self::default();
        let mut colors = Vec::new();
        for _ in 0..element.count {
            let mut read = [0.0_f32; SLOTS.len()];
            for (property, slot) in element.properties.iter().zip(&slots) {
                let scale = if slot.is_some_and(|slot| slot >= 6) { property.value.full_scale() } else { 1.0 };
                property.read(values, |value| {
                    if let Some(slot) = slot {
                        read[*slot] = value as f32 / scale;
                    }
                })?;
            }
            let [x, y, z, nx, ny, nz, red, green, blue] = read;
            vertices.positions.push([x, y, z]);
            vertices.normals.push(normalized([nx, ny, nz]).unwrap_or([0.0; 3]));
            colors.push([red, green, blue]);
        }
        vertices.colors = (6..9).all(|slot| slots.contains(&Some(slot))).then_some(colors);
        Ok(vertices)
    }

    fn into_mesh(self, faces: &[Vec<u32>]) -> Result<Mesh, String> {
        let mut mesh = Mesh { uvs: vec![[0.0; 2]; self.positions.len()], ..Mesh::default() };
        for face in faces {
            if let Some(vertex) = face.iter().find(|vertex| **vertex as usize >= self.positions.len()) {
                return Err(format!("a face names vertex {vertex}, but there are {}", self.positions.len()));
            }
            let material = material_index(&mut mesh.materials, self.material(face));
            let fan = face.windows(2).skip(1).map(|pair| [face[0], pair[0], pair[1]]);
            mesh.triangles.extend(fan.map(|vertices| Triangle { vertices, material }));
        }
        (mesh.positions, mesh.normals) = (self.positions, self.normals);
        Ok(mesh)
    }

    /// The mean colour of a face, rounded.
    fn material(&self, face: &[u32]) -> Material {
        let Some(colors) = &self.colors else { return Material::default() };
        let mean = |channel: usize| {
            let sum: f32 = face.iter().map(|vertex| colors[*vertex as usize][channel]).sum();
            ((sum / face.len().max(1) as f32 * COLOR_LEVELS).round() / COLOR_LEVELS).clamp(0.0, 1.0)
        };
        Material { color: [0, 1, 2].map(mean), ..Material::default() }
    }
}

fn read_faces(element: &Element, values: &mut Values) -> Result<Vec<Vec<u32>>, String> {
    let is_corners = |property: &Property| {
        property.length.is_some() && matches!(property.name.as_str(), "vertex_indices" | "vertex_index")
    };
    if !element.properties.iter().any(is_corners) {
        return Err("faces have no vertex_indices".into());
    }
    let mut faces = Vec::new();
    for _ in 0..element.count {
        let mut corners = Vec::new();
        for property in &element.properties {
            let wanted = is_corners(property);
            property.read(values, |value| {
                if wanted {
                    // Negative and fractional numbers become indices that are out of bounds.
                    corners.push(if value >= 0.0 && value.fract() == 0.0 { value as u32 } else { u32::MAX });
                }
            })?;
        }
        faces.push(corners);
    }
    Ok(faces)
}
