//! The built-in objects: parametric families that need no download.
//!
//! Every object stands in its family's canonical pose: z up, its front towards -y. Front-back, left-right and
//! top-bottom differ in form or colour wherever the family has no symmetry.

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
    /// Names of the families to use, in the order of their labels; all of them when absent.
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
    families: Vec<&'static Family>,
    class_names: Vec<String>,
}

impl Procedural {
    /// The source that `settings` describe.
    ///
    /// # Errors
    /// [`SourceError::Unusable`] for an unknown or repeated family, no object at all, or a diagonal that is no length.
    pub fn new(settings: ProceduralSettings) -> Result<Self, SourceError> {
        let families = match &settings.families {
            Some(names) => chosen_families(names)?,
            None => FAMILIES.iter().collect(),
        };
        check_sizes(&settings, families.len())?;
        let class_names = families.iter().map(|f| f.name.to_owned()).collect();
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
    fn family_and_number(&self, index: usize) -> (&'static Family, u64) {
        assert!(index < self.len(), "object {index} of {}", self.len());
        let within = index % self.per_family();
        let held_out = within.checked_sub(self.settings.objects_per_family);
        let number = held_out.map_or(2 * within, |i| 2 * i + 1);
        (self.families[index / self.per_family()], number as u64)
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
        let (family, number) = self.family_and_number(index);
        format!("{}/{number:05}", family.name)
    }

    fn label(&self, index: usize) -> usize {
        index / self.per_family()
    }

    fn is_held_out(&self, index: usize) -> bool {
        index % self.per_family() >= self.settings.objects_per_family
    }

    fn object(&self, index: usize) -> Result<Object, SourceError> {
        let (family, number) = self.family_and_number(index);
        let assembly = (family.build)(&mut Draw::new(self.settings.seed, family.name, number));
        let mesh = Arc::new(assembly.into_mesh(self.settings.object_diagonal));
        Ok(Object { mesh, symmetry: family.symmetry })
    }

    fn symmetry(&self, index: usize) -> Result<SymmetryGroup, SourceError> {
        Ok(self.family_and_number(index).0.symmetry)
    }
}

fn chosen_families(names: &[String]) -> Result<Vec<&'static Family>, SourceError> {
    if let Some(repeated) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return Err(SourceError::Unusable(format!("procedural family `{}` is named twice; remove one", repeated.1)));
    }
    names.iter().map(|name| FAMILIES.iter().find(|f| f.name == name).ok_or_else(|| unknown_family(name))).collect()
}

fn unknown_family(name: &str) -> SourceError {
    let nearest = Procedural::family_names().max_by(|a, b| {
        let likeness = |known: &str| strsim::jaro_winkler(known, name);
        likeness(a).total_cmp(&likeness(b))
    });
    let all: Vec<&str> = Procedural::family_names().collect();
    SourceError::Unusable(format!(
        "unknown procedural family `{name}`; did you mean `{}`? There are: {}",
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
