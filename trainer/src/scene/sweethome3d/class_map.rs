use std::collections::BTreeMap;

use serde::Deserialize;
use sextant_runtime::rotation::SymmetryGroup;

use crate::scene::SymmetryRecord;

const CLASSES_TOML: &str = include_str!("classes.toml");

/// Part of each class that is kept out of training.
const HELD_OUT_PART: f64 = 0.2;

/// Which models are objects of which class.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClassMap {
    /// Catalogue ids of each class; sorted by name, so the position is the label.
    pub classes: BTreeMap<String, Vec<String>>,
    /// Symmetries that the geometric test gets wrong, by catalogue id.
    symmetry: BTreeMap<String, SymmetryRecord>,
}

impl ClassMap {
    /// The map that is part of the program.
    pub fn embedded() -> Result<Self, String> {
        toml::from_str(CLASSES_TOML).map_err(|error| format!("classes.toml: {error}"))
    }

    /// Tells a cache that was made with another map.
    pub fn crc32() -> u32 {
        crc32fast::hash(CLASSES_TOML.as_bytes())
    }

    /// Label of a model, if it is an object.
    pub fn labels(&self) -> BTreeMap<&str, usize> {
        self.classes
            .values()
            .enumerate()
            .flat_map(|(label, ids)| ids.iter().map(move |id| (id.as_str(), label)))
            .collect()
    }

    /// The symmetry that a person has stated for a model.
    pub fn stated_symmetry(&self, catalogue_id: &str) -> Option<SymmetryGroup> {
        self.symmetry.get(catalogue_id).map(|stated| stated.0)
    }
}

/// Which of the objects of one class are held out: a fifth, at least one, chosen by a hash of the id.
pub(super) fn held_out(ids: &[&str]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&index| (crc32fast::hash(ids[index].as_bytes()), ids[index]));
    let count = ((ids.len() as f64 * HELD_OUT_PART).round() as usize).max(1);
    let mut held_out = vec![false; ids.len()];
    for &index in order.iter().take(count.min(ids.len().saturating_sub(1))) {
        held_out[index] = true;
    }
    held_out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn classes_are_large_enough_and_disjoint() {
        let map = ClassMap::embedded().unwrap();
        assert!((40..=50).contains(&map.classes.len()), "{} classes", map.classes.len());
        let mut seen = BTreeSet::new();
        for (class, ids) in &map.classes {
            assert!(ids.len() >= 8, "{class} has {} objects", ids.len());
            for id in ids {
                assert!(
                    id.split_once('#').is_some_and(|(catalogue, model)| !catalogue.is_empty() && !model.is_empty())
                );
                assert!(seen.insert(id), "{id} is in two classes");
            }
        }
        assert!(map.symmetry.keys().all(|id| seen.contains(id)), "every override names an object");
        assert_eq!(map.labels().len(), seen.len());
    }

    #[test]
    fn a_fifth_of_each_class_is_held_out() {
        let ids: Vec<String> = (0..40).map(|number| format!("S#{number}")).collect();
        for (count, want) in [(1, 0), (2, 1), (8, 2), (10, 2), (40, 8)] {
            let ids: Vec<&str> = ids[..count].iter().map(String::as_str).collect();
            let held = held_out(&ids);
            assert_eq!(held.iter().filter(|&&held| held).count(), want, "of {count}");
            let reversed: Vec<&str> = ids.iter().copied().rev().collect();
            assert_eq!(held_out(&reversed).into_iter().rev().collect::<Vec<_>>(), held, "whatever the order");
        }
    }
}
