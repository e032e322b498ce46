//! One primitive of a mesh: its vertices in the scene, and its triangles.

use std::collections::HashMap;
use std::rc::Rc;

use super::accessor::{Data, Integers, Items};
use super::affine::Affine;
use super::document::{Primitive, Whole};
use super::look::UvSource;
use super::morph::Displacements;
use super::skin::{Binding, Pose};

/// How the vertices of a primitive come to the scene.
pub enum Way<'a> {
    /// All by one map: the node's.
    Node(Affine),
    /// Each by the joints that it is bound to; those of a primitive without such, by the node's map.
    Skin { pose: &'a Pose, node: Affine },
}

/// The vertices that triangles name, and the triangles.
#[derive(Debug, Default, PartialEq)]
pub struct Part {
    /// In the scene, with z up.
    pub positions: Vec<[f64; 3]>,
    /// Not of unit length; none when the file has none.
    pub normals: Option<Vec<[f64; 3]>>,
    /// Origin at the lower left corner; none without texture.
    pub uvs: Option<Vec<[f64; 2]>>,
    /// Linear red, green, blue and opacity; none when the file has none.
    pub colors: Option<Vec<[f64; 4]>>,
    /// Counter-clockwise seen from outside.
    pub triangles: Vec<[u32; 3]>,
    /// What of it is not drawn.
    pub warnings: Vec<String>,
}

/// How indices make triangles; none where they make points or lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    List,
    Strip,
    Fan,
}

/// `(x, y, z)` of glTF, where y is up, to `(x, -z, y)`.
const UPRIGHT: Affine = Affine { linear: [[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], translation: [0.0; 3] };

/// Name of what a mode other than triangles draws; none for triangles.
///
/// # Errors
/// When there is no such mode.
pub fn drawn_otherwise(primitive: &Primitive) -> Result<Option<&'static str>, String> {
    match primitive.mode.map(|mode| mode.0) {
        None | Some(4..=6) => Ok(None),
        Some(0) => Ok(Some("points")),
        Some(1..=3) => Ok(Some("lines")),
        Some(other) => Err(format!("a primitive has mode {other}, which does not exist")),
    }
}

fn mode(primitive: &Primitive) -> Mode {
    match primitive.mode.map(|mode| mode.0) {
        Some(5) => Mode::Strip,
        Some(6) => Mode::Fan,
        _ => Mode::List,
    }
}

/// The triangles of a primitive with the vertices that they name; `weights` are those of its morph targets.
///
/// # Errors
/// When an accessor is broken or an index is out of bounds.
pub fn read(primitive: &Primitive, weights: &[f64], uv: &UvSource, way: &Way, data: &Data) -> Result<Part, String> {
    let attributes = Attributes::of(primitive, weights, uv, data)?;
    let indices = indices(primitive, attributes.positions.count(), data)?;
    let binding = Binding::of(primitive, data)?;
    let mut warnings = Vec::new();
    if mode(primitive) == Mode::List && !indices.len().is_multiple_of(3) {
        warnings.push(format!("the last {} corners of a mesh make no triangle", indices.len() % 3));
    }
    let mut part = Part {
        warnings,
        normals: attributes.normals.is_some().then(Vec::new),
        uvs: attributes.uvs.is_some().then(Vec::new),
        colors: attributes.colors.is_some().then(Vec::new),
        ..Part::default()
    };
    let mut known: HashMap<usize, u32> = HashMap::new();
    let mut mirrored = Vec::new();
    for corners in triangles(&indices, mode(primitive)) {
        let mut made = [0; 3];
        for (made, vertex) in made.iter_mut().zip(corners) {
            *made = match known.get(&vertex) {
                Some(index) => *index,
                None => {
                    let map = UPRIGHT.after(&match (way, &binding) {
                        (Way::Skin { pose, .. }, Some(binding)) => binding.scene_from_mesh(pose, vertex)?,
                        (Way::Node(node) | Way::Skin { node, .. }, _) => *node,
                    });
                    mirrored.push(map.mirrors());
                    attributes.push(vertex, &map, &mut part)?;
                    known.insert(vertex, part.positions.len() as u32 - 1);
                    part.positions.len() as u32 - 1
                }
            };
        }
        if mirrored[made[0] as usize] {
            made.swap(1, 2);
        }
        part.triangles.push(made);
    }
    Ok(part)
}

/// The arrays of a primitive that are drawn.
struct Attributes<'a> {
    positions: Rc<Items>,
    moves: Displacements,
    normals: Option<Rc<Items>>,
    normal_moves: Displacements,
    uvs: Option<Rc<Items>>,
    uv: &'a UvSource,
    colors: Option<Rc<Items>>,
}

impl<'a> Attributes<'a> {
    fn of(primitive: &Primitive, weights: &[f64], uv: &'a UvSource, data: &Data) -> Result<Self, String> {
        let named = |name: &str, widths: &[usize], integers| {
            let Some(accessor) = primitive.attributes.get(name) else { return Ok(None) };
            let items = data.items(*accessor, integers).map_err(|error| with_compression(primitive, name, &error))?;
            if widths.contains(&items.width) {
                Ok(Some(items))
            } else {
                Err(format!("{name} has {} numbers", items.width))
            }
        };
        let positions = named("POSITION", &[3], Integers::AsDeclared)?;
        let uvs = match uv {
            UvSource::None => None,
            UvSource::Channel { channel, .. } => named(&format!("TEXCOORD_{channel}"), &[2], Integers::AsDeclared)?,
        };
        let attributes = Self {
            positions: positions.ok_or("a primitive has no POSITION")?,
            moves: Displacements::of(primitive, "POSITION", weights, data)?,
            normals: named("NORMAL", &[3], Integers::AsDeclared)?,
            normal_moves: Displacements::of(primitive, "NORMAL", weights, data)?,
            uvs,
            uv,
            colors: named("COLOR_0", &[3, 4], Integers::Fractions)?,
        };
        let count = attributes.positions.count();
        let others = [("NORMAL", &attributes.normals), ("TEXCOORD", &attributes.uvs), ("COLOR_0", &attributes.colors)];
        for (name, items) in others {
            if let Some(items) = items.as_ref().filter(|items| items.count() != count) {
                return Err(format!("a primitive has {count} positions, but {} of {name}", items.count()));
            }
        }
        Ok(attributes)
    }

    fn push(&self, vertex: usize, scene_from_mesh: &Affine, part: &mut Part) -> Result<(), String> {
        let missing = || format!("an index names vertex {vertex}, but there are {}", self.positions.count());
        let position = self.positions.get::<3>(vertex).ok_or_else(missing)?;
        part.positions.push(scene_from_mesh.point(sum(position, self.moves.at(vertex))));
        if let (Some(all), Some(items)) = (&mut part.normals, &self.normals) {
            let normal = sum(items.get(vertex).ok_or_else(missing)?, self.normal_moves.at(vertex));
            all.push(scene_from_mesh.for_normals().vector(normal));
        }
        if let (Some(all), Some(items)) = (&mut part.uvs, &self.uvs) {
            all.push(self.uv.transformed(items.get(vertex).ok_or_else(missing)?));
        }
        if let (Some(all), Some(items)) = (&mut part.colors, &self.colors) {
            let color = match items.get::<4>(vertex) {
                Some(with_opacity) => with_opacity,
                None => items.get::<3>(vertex).map(|[red, green, blue]| [red, green, blue, 1.0]).ok_or_else(missing)?,
            };
            all.push(color);
        }
        Ok(())
    }
}

/// The error with the extension that took the data away.
fn with_compression(primitive: &Primitive, attribute: &str, error: &str) -> String {
    match primitive.extensions.keys().find(|name| name.contains("compression")) {
        Some(extension) => format!("{attribute} is compressed ({}): {error}", extension.escape_debug()),
        None => format!("{attribute}: {error}"),
    }
}

fn indices(primitive: &Primitive, vertices: usize, data: &Data) -> Result<Vec<usize>, String> {
    let Some(accessor) = primitive.indices else { return Ok((0..vertices).collect()) };
    let items =
        data.items(accessor, Integers::AsDeclared).map_err(|error| with_compression(primitive, "indices", &error))?;
    if items.width != 1 {
        return Err("indices are not single numbers".into());
    }
    let whole = |number: &f64| (*number >= 0.0 && number.fract() == 0.0).then_some(*number as usize);
    let indices: Option<Vec<usize>> = items.numbers.iter().map(whole).collect();
    indices.ok_or_else(|| "an index is no whole number".into())
}

fn triangles(indices: &[usize], mode: Mode) -> Vec<[usize; 3]> {
    match mode {
        Mode::List => indices.as_chunks().0.to_vec(),
        // Every other triangle of a strip is turned over.
        Mode::Strip => {
            let strip = indices.windows(3).enumerate();
            strip.map(|(k, w)| if k % 2 == 0 { [w[0], w[1], w[2]] } else { [w[1], w[0], w[2]] }).collect()
        }
        Mode::Fan => indices.windows(2).skip(1).map(|pair| [indices[0], pair[0], pair[1]]).collect(),
    }
}

fn sum(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| a[i] + b[i])
}

/// The weights of a primitive's morph targets: the node's, else the mesh's, else none.
pub fn weights<'a>(node: Option<&'a Vec<f64>>, mesh: Option<&'a Vec<f64>>) -> &'a [f64] {
    node.or(mesh).map_or(&[], Vec::as_slice)
}

/// The maps of `EXT_mesh_gpu_instancing`: one for each copy of a node's mesh.
///
/// # Errors
/// When an accessor is broken.
pub fn instances(attributes: &std::collections::BTreeMap<String, Whole>, data: &Data) -> Result<Vec<Affine>, String> {
    let named =
        |name: &str| attributes.get(name).map(|accessor| data.items(*accessor, Integers::AsDeclared)).transpose();
    let (moves, turns, scales) = (named("TRANSLATION")?, named("ROTATION")?, named("SCALE")?);
    let count = [&moves, &turns, &scales].into_iter().flatten().map(|items| items.count()).min().unwrap_or(0);
    let instance = |index| {
        Affine::from_parts(
            moves.as_ref().and_then(|items| items.get(index)).unwrap_or_default(),
            turns.as_ref().and_then(|items| items.get(index)).unwrap_or([0.0, 0.0, 0.0, 1.0]),
            scales.as_ref().and_then(|items| items.get(index)).unwrap_or([1.0; 3]),
        )
    };
    Ok((0..count).map(instance).collect())
}
