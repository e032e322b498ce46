use std::collections::{BTreeMap, HashMap};
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::PoseFault;
use crate::contract::metadata::{CLASS_NAMES, CLASS_SYMMETRY};
use crate::flat_json;
use crate::rotation::SymmetryGroup;

/// A class that a model knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name; its number, where the model has no names.
    pub name: Arc<str>,
    /// The rotations of its objects that cannot be seen.
    pub symmetry: SymmetryGroup,
}

/// The classes of a model in the order of its logits; empty where it names none.
pub(super) fn of_metadata(metadata: &BTreeMap<String, String>) -> Result<Vec<Class>, PoseFault> {
    let no_names = PoseFault::Metadata { key: CLASS_NAMES, expected: "JSON array of strings" };
    let no_groups =
        PoseFault::Metadata { key: CLASS_SYMMETRY, expected: "JSON object from classes to symmetry groups" };
    let names = metadata.get(CLASS_NAMES).map(|json| flat_json::strings(json).ok_or(no_names));
    let groups = metadata.get(CLASS_SYMMETRY).map(|json| symmetries(json).ok_or(no_groups));
    let (names, groups) = (names.transpose()?, groups.transpose()?.unwrap_or_default());
    let class = |name: String| {
        let symmetry = groups.get(&name).copied().unwrap_or(SymmetryGroup::None);
        Class { name: name.into(), symmetry }
    };
    Ok(names.unwrap_or_default().into_iter().map(class).collect())
}

fn symmetries(json: &str) -> Option<HashMap<String, SymmetryGroup>> {
    let pairs = flat_json::string_pairs(json)?;
    pairs.into_iter().map(|(name, group)| Some((name, group.parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn read(entries: &[(&str, &str)]) -> Result<Vec<Class>, PoseFault> {
        of_metadata(&entries.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn classes_have_names_and_symmetries() {
        let classes = read(&[
            (CLASS_NAMES, r#"["mug", "caf\u00e9 \"table\""]"#),
            (CLASS_SYMMETRY, r#"{"caf\u00e9 \"table\"": "cyclic:z:4", "gone": "full"}"#),
        ]);
        let classes = classes.unwrap();
        let shown: Vec<_> = classes.iter().map(|class| (&*class.name, class.symmetry.to_string())).collect();
        assert_eq!(shown, [("mug", "none".to_string()), ("café \"table\"", "cyclic:z:4".to_string())]);
        assert!(read(&[]).unwrap().is_empty());
    }

    #[test]
    fn metadata_that_says_something_else_is_refused() {
        for (key, value) in [
            (CLASS_NAMES, "mug"),
            (CLASS_NAMES, "[1]"),
            (CLASS_NAMES, "{}"),
            (CLASS_SYMMETRY, "[]"),
            (CLASS_SYMMETRY, r#"{"mug": 4}"#),
            (CLASS_SYMMETRY, r#"{"mug": "round"}"#),
        ] {
            let read = read(&[(key, value)]);
            assert!(
                matches!(read, Err(PoseFault::Metadata { key: found, .. }) if found == key),
                "{key} = {value}: {read:?}"
            );
        }
    }
}
