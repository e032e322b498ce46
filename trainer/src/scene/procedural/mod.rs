//! The built-in objects: parametric families that need no download.
//!
//! Every object stands in its family's canonical pose: z up, its front towards -y. Front-back, left-right and
//! top-bottom differ in form or colour wherever the family has no symmetry.

mod added_part;
mod assembly;
mod draw;
mod families;
mod palette;
mod primitives;
mod registry;
mod shape;
mod texture;

#[cfg(test)]
mod symmetry_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::SymmetryGroup;

use self::added_part::{ADDED_PARTS, AddedPart};
use self::assembly::Assembly;
use self::draw::Draw;
use self::registry::{FAMILIES, Family};
use super::{Object, ObjectSource, SourceError};

/// Which procedural objects there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProceduralSettings {
    /// Training objects of each family.
    pub objects_per_family: usize,
    /// Objects of each family kept out of training; they come after the training objects.
    pub held_out_per_family: usize,
    /// Other seeds give other shapes and colours.
    pub seed: u64,
    /// Length of the bounding box's diagonal; the floor is 1 below the centre.
    pub object_diagonal: f32,
    /// Names of the families to use, in the order of their labels; all of them when absent. Each is also there with more
    /// parts, of `ball`, `ring`, `fin` and `box` in this order: `mug-with-ring`, `mug-with-ball-and-fin`.
    pub families: Option<Vec<String>>,
}

impl Default for ProceduralSettings {
    fn default() -> Self {
        Self { objects_per_family: 200, held_out_per_family: 20, seed: 0, object_diagonal: 1.8, families: None }
    }
}

/// Objects of the built-in families, made on demand.
#[derive(Clone, Debug)]
pub struct Procedural {
    settings: ProceduralSettings,
    families: Vec<Kind>,
    class_names: Vec<String>,
}

/// A family, or one with parts more.
#[derive(Clone, Debug)]
struct Kind {
    name: String,
    family: &'static Family,
    parts: Vec<AddedPart>,
}

/// What stands between the names of a family and of an added part.
const WITH: &str = "-with-";
/// What stands between the names of two of them.
const AND: &str = "-and-";

impl Kind {
    fn plain(family: &'static Family) -> Self {
        Self { name: family.name.into(), family, parts: Vec::new() }
    }

    /// `None` where there is no such family or part, or a part comes twice or before its turn.
    fn named(name: &str) -> Option<Self> {
        let (family, added) = name.split_once(WITH).map_or((name, None), |(family, added)| (family, Some(added)));
        let family = FAMILIES.iter().find(|known| known.name == family)?;
        let place = |name: &str| ADDED_PARTS.iter().position(|known| known.name == name);
        let places: Vec<usize> = added.iter().flat_map(|added| added.split(AND)).map(place).collect::<Option<_>>()?;
        let is_in_order = places.is_sorted_by(|a, b| a < b);
        let parts = places.into_iter().map(|place| ADDED_PARTS[place]).collect();
        is_in_order.then(|| Self { name: name.into(), family, parts })
    }

    fn build(&self, seed: u64, number: u64) -> Assembly {
        let mut draw = Draw::new(seed, &self.name, number);
        let mut assembly = (self.family.build)(&mut draw);
        let body = assembly.bounds();
        for part in &self.parts {
            part.add_to(&mut assembly, body, &mut draw);
        }
        assembly
    }

    fn symmetry(&self) -> SymmetryGroup {
        if self.parts.is_empty() { self.family.symmetry } else { SymmetryGroup::None }
    }
}

impl Procedural {
    /// The source that `settings` describe.
    ///
    /// # Errors
    /// [`SourceError::Unusable`] for an unknown or repeated family, no object at all, or a diagonal that is no length.
    pub fn new(settings: ProceduralSettings) -> Result<Self, SourceError> {
        let families = match &settings.families {
            Some(names) => chosen_families(names)?,
            None => FAMILIES.iter().map(Kind::plain).collect(),
        };
        check_sizes(&settings, families.len())?;
        let class_names = families.iter().map(|kind| kind.name.clone()).collect();
        Ok(Self { settings, families, class_names })
    }

    /// Names of all built-in families.
    pub fn family_names() -> impl Iterator<Item = &'static str> {
        FAMILIES.iter().map(|f| f.name)
    }

    fn per_family(&self) -> usize {
        self.settings.objects_per_family + self.settings.held_out_per_family
    }

    /// The family of an object and its number there: even for training, odd for held-out objects, so that neither
    /// set depends on the size of the other.
    fn kind_and_number(&self, index: usize) -> (&Kind, u64) {
        assert!(index < self.len(), "object {index} of {}", self.len());
        let within = index % self.per_family();
        let held_out = within.checked_sub(self.settings.objects_per_family);
        let number = held_out.map_or(2 * within, |i| 2 * i + 1);
        (&self.families[index / self.per_family()], number as u64)
    }
}

impl ObjectSource for Procedural {
    fn is_built_in(&self) -> bool {
        true
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn len(&self) -> usize {
        self.families.len() * self.per_family()
    }

    fn id(&self, index: usize) -> String {
        let (kind, number) = self.kind_and_number(index);
        format!("{}/{number:05}", kind.name)
    }

    fn label(&self, index: usize) -> usize {
        index / self.per_family()
    }

    fn is_held_out(&self, index: usize) -> bool {
        index % self.per_family() >= self.settings.objects_per_family
    }

    fn object(&self, index: usize) -> Result<Object, SourceError> {
        let (kind, number) = self.kind_and_number(index);
        let assembly = kind.build(self.settings.seed, number);
        let mesh = Arc::new(assembly.into_mesh(self.settings.object_diagonal));
        Ok(Object { mesh, symmetry: kind.symmetry() })
    }

    fn symmetry(&self, index: usize) -> Result<SymmetryGroup, SourceError> {
        Ok(self.kind_and_number(index).0.symmetry())
    }
}

fn chosen_families(names: &[String]) -> Result<Vec<Kind>, SourceError> {
    if let Some(repeated) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(SourceError::Unusable(format!("procedural family `{}` is named twice; remove one", repeated.1)));
    }
    names.iter().map(|name| Kind::named(name).ok_or_else(|| unknown_family(name))).collect()
}

fn unknown_family(name: &str) -> SourceError {
    let nearest = Procedural::family_names().max_by(|a, b| {
        let likeness = |known: &str| strsim::jaro_winkler(known, name);
        likeness(a).total_cmp(&likeness(b))
    });
    let all: Vec<&str> = Procedural::family_names().collect();
    let parts = ADDED_PARTS.map(|part| part.name).join(", ");
    SourceError::Unusable(format!(
        "unknown procedural family `{name}`; did you mean `{}`? There are: {}; each also with some of {parts} in this order, as `mug-with-ring` and \
         `mug-with-ball-and-fin`",
        nearest.unwrap_or_default(),
        all.join(", ")
    ))
}

fn check_sizes(settings: &ProceduralSettings, families: usize) -> Result<(), SourceError> {
    let unusable = |text: String| Err(SourceError::Unusable(text));
    let per_family = settings.objects_per_family.checked_add(settings.held_out_per_family);
    let numbers_fit = per_family.and_then(|n| n.checked_mul(2 * families.max(1))).is_some();
    if !numbers_fit {
        return unusable("procedural objects: objects_per_family and held_out_per_family are too large".to_owned());
    }
    if families == 0 || per_family == Some(0) {
        return unusable(
            "procedural objects: none are left; name at least one family and give objects_per_family at least 1"
                .to_owned(),
        );
    }
    let diagonal = settings.object_diagonal;
    if !(1e-3..=1e3).contains(&diagonal) {
        return unusable(format!("procedural objects: object_diagonal is {diagonal}; give a length in [0.001, 1000]"));
    }
    Ok(())
}
