use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sextant_runtime::rotation::SymmetryGroup;

/// A symmetry group that is written to files as its text, such as `cyclic:z:4`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SymmetryRecord(pub SymmetryGroup);

impl Serialize for SymmetryRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SymmetryRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error| de::Error::custom(format!("symmetry `{text}`: {error}")))
    }
}

impl From<SymmetryRecord> for SymmetryGroup {
    fn from(record: SymmetryRecord) -> Self {
        record.0
    }
}

impl From<SymmetryGroup> for SymmetryRecord {
    fn from(group: SymmetryGroup) -> Self {
        Self(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_json_and_nonsense_is_refused() {
        let axis = [0.0, 0.0, 1.0];
        for group in [
            SymmetryGroup::None,
            SymmetryGroup::Cyclic { axis, order: 4 },
            SymmetryGroup::Dihedral { axis, side: [1.0, 0.0, 0.0], order: 2 },
            SymmetryGroup::Continuous { axis },
            SymmetryGroup::Full,
        ] {
            let json = serde_json::to_string(&SymmetryRecord(group)).unwrap();
            assert_eq!(serde_json::from_str::<SymmetryRecord>(&json).unwrap().0, group, "{json}");
        }
        for json in ["\"\"", "\"cyclic about the moon\"", "3"] {
            assert!(serde_json::from_str::<SymmetryRecord>(json).is_err(), "{json}");
        }
    }
}
