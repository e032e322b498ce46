//! Skins: vertices that follow joints.

use super::accessor::{Data, Integers, Items};
use super::affine::Affine;
use super::document::{Document, Primitive, Skin, Whole};
use super::placement::no_such;

/// The joints of a skin as they stand in the file.
pub struct Pose {
    /// From the coordinates of the mesh to the scene, as each joint moves them.
    scene_from_mesh: Vec<Affine>,
}

impl Pose {
    /// The pose of a skin.
    ///
    /// # Errors
    /// When a joint or a matrix is not there.
    pub fn of(document: &Document, data: &Data, scene_from_node: &[Affine], skin: Whole) -> Result<Self, String> {
        let skins = &document.skins;
        let skin: &Skin = skins.get(skin.0).ok_or_else(|| no_such("a node", "skin", skin.0, skins.len()))?;
        let inverses =
            skin.inverse_bind_matrices.map(|accessor| data.items(accessor, Integers::AsDeclared)).transpose()?;
        let joint = |(index, Whole(node)): (usize, &Whole)| {
            let nodes = scene_from_node.len();
            let joint = scene_from_node.get(*node).ok_or_else(|| no_such("a skin", "joint", *node, nodes))?;
            let Some(inverses) = &inverses else { return Ok(*joint) };
            let columns = inverses.get::<16>(index).ok_or("a skin has fewer matrices than joints")?;
            let inverse = Affine::from_columns(&columns).ok_or("a matrix of a skin is not affine")?;
            Ok(joint.after(&inverse))
        };
        Ok(Self { scene_from_mesh: skin.joints.iter().enumerate().map(joint).collect::<Result<_, String>>()? })
    }
}

/// Joints and weights of the vertices of a primitive, in sets of four.
pub struct Binding {
    sets: Vec<[std::rc::Rc<Items>; 2]>,
}

impl Binding {
    /// What binds a primitive to joints; none when nothing does.
    ///
    /// # Errors
    /// When an accessor is broken.
    pub fn of(primitive: &Primitive, data: &Data) -> Result<Option<Self>, String> {
        let mut sets = Vec::new();
        for set in 0.. {
            let named = |name: &str| primitive.attributes.get(&format!("{name}_{set}"));
            let (Some(joints), Some(weights)) = (named("JOINTS"), named("WEIGHTS")) else { break };
            sets.push([data.items(*joints, Integers::AsDeclared)?, data.items(*weights, Integers::Fractions)?]);
        }
        Ok((!sets.is_empty()).then_some(Self { sets }))
    }

    /// How a vertex is moved: the mean of its joints' maps by weight.
    ///
    /// # Errors
    /// When the vertex has no weights, or names a joint that is not there.
    pub fn scene_from_mesh(&self, pose: &Pose, vertex: usize) -> Result<Affine, String> {
        let mut sum = Affine { linear: [[0.0; 3]; 3], translation: [0.0; 3] };
        let mut total = 0.0;
        for [joints, weights] in &self.sets {
            let joints = joints.get::<4>(vertex).ok_or_else(|| format!("vertex {vertex} has no joints"))?;
            let weights = weights.get::<4>(vertex).ok_or_else(|| format!("vertex {vertex} has no weights"))?;
            for (joint, weight) in joints.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0) {
                let maps = &pose.scene_from_mesh;
                let map =
                    maps.get(joint as usize).ok_or_else(|| no_such("a vertex", "joint", joint as usize, maps.len()))?;
                sum = sum.plus(map, weight);
                total += weight;
            }
        }
        if total > 0.0 { Ok(sum.divided(total)) } else { Err(format!("the weights of vertex {vertex} are all zero")) }
    }
}

impl Affine {
    fn plus(&self, other: &Self, weight: f64) -> Self {
        Self {
            linear: std::array::from_fn(|r| std::array::from_fn(|c| self.linear[r][c] + other.linear[r][c] * weight)),
            translation: std::array::from_fn(|i| self.translation[i] + other.translation[i] * weight),
        }
    }

    fn divided(&self, by: f64) -> Self {
        Self { linear: self.linear.map(|row| row.map(|v| v / by)), translation: self.translation.map(|v| v / by) }
    }
}
