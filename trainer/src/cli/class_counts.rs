use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Objects to train on and held-out objects of each class, by its name.
#[derive(Default)]
pub(super) struct ClassCounts(BTreeMap<String, Count>);

#[derive(Clone, Copy, Default)]
struct Count {
    train: usize,
    held_out: usize,
}

impl ClassCounts {
    /// One more object.
    pub fn add(&mut self, class: &str, is_held_out: bool) {
        let count = self.0.entry(class.to_owned()).or_default();
        *if is_held_out { &mut count.held_out } else { &mut count.train } += 1;
    }

    /// Held-out objects of all classes.
    pub fn held_out(&self) -> usize {
        self.0.values().map(|count| count.held_out).sum()
    }

    /// Number of classes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Classes of which nothing is held out.
    pub fn unmeasured(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, count)| count.held_out == 0).map(|(class, _)| class.as_str()).collect()
    }

    /// Their number, and a line for each.
    pub fn text(&self) -> String {
        let line = |(class, Count { train, held_out }): (&String, &Count)| {
            format!("  {class}\t{train} + {held_out} held out\n")
        };
        format!("classes\t{}\n{}", self.len(), self.0.iter().map(line).collect::<String>())
    }

    /// An object with a key for each.
    pub fn json(&self) -> Value {
        let class = |(name, count): (&String, &Count)| {
            (name.clone(), json!({ "train": count.train, "held_out": count.held_out }))
        };
        self.0.iter().map(class).collect::<Map<_, _>>().into()
    }
}
