//! Which nodes are shown, and where they stand in the scene.

use super::affine::Affine;
use super::document::{Document, Whole, extension};

/// The nodes of a scene.
#[derive(Debug)]
pub struct Placement {
    /// Where every node of the file stands, shown or not: joints of skins need no place in the scene.
    pub scene_from_node: Vec<Affine>,
    /// The nodes that are shown, each once.
    pub shown: Vec<usize>,
    /// What was guessed or left out.
    pub warnings: Vec<String>,
}

/// `KHR_node_visibility`.
#[derive(serde::Deserialize)]
struct Visibility {
    visible: Option<bool>,
}

impl Placement {
    /// The nodes of the default scene; without scenes, all nodes.
    ///
    /// # Errors
    /// When nodes do not make trees, a scene or a child is not there, or a node's matrix is not affine.
    pub fn of(document: &Document) -> Result<Self, String> {
        let parents = parents(document)?;
        let ordered = parents_first(document, &parents)?;
        let mut scene_from_node = vec![Affine::IDENTITY; document.nodes.len()];
        for &node in &ordered {
            let own = Affine::of_node(&document.nodes[node]).map_err(|error| format!("node {node}: {error}"))?;
            scene_from_node[node] = parents[node].map_or(own, |parent| scene_from_node[parent].after(&own));
        }
        let mut warnings = Vec::new();
        let roots = roots(document, &parents, &mut warnings)?;
        let mut is_shown = vec![false; document.nodes.len()];
        let mut is_root = is_shown.clone();
        for Whole(root) in roots {
            *is_root.get_mut(root).ok_or_else(|| no_such("a scene", "node", root, document.nodes.len()))? = true;
        }
        for &node in &ordered {
            let follows = parents[node].is_some_and(|parent| is_shown[parent]);
            is_shown[node] = (is_root[node] || follows) && is_visible(document, node)?;
        }
        let shown = (0..document.nodes.len()).filter(|node| is_shown[*node]).collect();
        Ok(Self { scene_from_node, shown, warnings })
    }
}

/// The parent of each node.
fn parents(document: &Document) -> Result<Vec<Option<usize>>, String> {
    let count = document.nodes.len();
    let mut parents = vec![None; count];
    for (parent, node) in document.nodes.iter().enumerate() {
        for &Whole(child) in &node.children {
            let known =
                parents.get_mut(child).ok_or_else(|| no_such(&format!("node {parent}"), "child", child, count))?;
            match *known {
                Some(other) if other != parent => {
                    return Err(format!("node {child} is a child of both node {other} and node {parent}"));
                }
                _ => *known = Some(parent),
            }
        }
    }
    Ok(parents)
}

/// All nodes, each behind its parent.
fn parents_first(document: &Document, parents: &[Option<usize>]) -> Result<Vec<usize>, String> {
    let mut ordered: Vec<usize> = (0..parents.len()).filter(|node| parents[*node].is_none()).collect();
    let mut is_ordered = vec![false; parents.len()];
    ordered.iter().for_each(|node| is_ordered[*node] = true);
    let mut next = 0;
    while let Some(&node) = ordered.get(next) {
        for &Whole(child) in &document.nodes[node].children {
            if !std::mem::replace(&mut is_ordered[child], true) {
                ordered.push(child);
            }
        }
        next += 1;
    }
    match is_ordered.iter().position(|is_ordered| !is_ordered) {
        Some(node) => Err(format!("node {node} is its own ancestor or hangs below one that is")),
        None => Ok(ordered),
    }
}

fn roots(document: &Document, parents: &[Option<usize>], warnings: &mut Vec<String>) -> Result<Vec<Whole>, String> {
    if document.scenes.is_empty() {
        return Ok((0..parents.len()).filter(|node| parents[*node].is_none()).map(Whole).collect());
    }
    let Whole(default) = document.scene.unwrap_or_default();
    let count = document.scenes.len();
    let scene = document.scenes.get(default).ok_or_else(|| no_such("the file", "scene", default, count))?;
    if count > 1 {
        let others = (0..count).filter(|scene| *scene != default).map(|scene| name_of_scene(document, scene));
        let others = others.collect::<Vec<_>>().join(", ");
        warnings.push(format!(
            "only its {} scene, {}, is drawn, and not {others}",
            if document.scene.is_some() { "default" } else { "first" },
            name_of_scene(document, default),
        ));
    }
    let listed_child = scene.nodes.iter().find_map(|node| Some((node.0, (*parents.get(node.0)?)?)));
    if let Some((child, parent)) = listed_child {
        warnings.push(format!(
            "its scene lists node {child} as a root, though it is a child of node {parent}: it is drawn once, as a child"
        ));
    }
    Ok(scene.nodes.clone())
}

fn name_of_scene(document: &Document, scene: usize) -> String {
    document.scenes[scene].name.as_ref().map_or_else(|| scene.to_string(), |name| format!("`{}`", name.escape_debug()))
}

fn is_visible(document: &Document, node: usize) -> Result<bool, String> {
    let visibility: Option<Visibility> = extension(&document.nodes[node].extensions, "KHR_node_visibility")?;
    Ok(visibility.and_then(|visibility| visibility.visible).unwrap_or(true))
}

/// The error for an index behind the end of an array.
pub fn no_such(who: &str, what: &str, index: usize, count: usize) -> String {
    format!("{who} names {what} {index}, but there are {count}")
}
