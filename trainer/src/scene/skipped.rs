//! What lies beside the files that are read, counted with examples.

use std::collections::BTreeMap;
use std::path::Path;

/// Names that are given for each kind of what is skipped.
const EXAMPLES: usize = 3;

/// Why something is not read.
pub(crate) trait SkipReason: Copy + Ord {
    /// What it is, of one or of several.
    fn words(self, count: usize) -> &'static str;
}

/// What is not read, by reason. Names that begin with a dot are not even counted.
#[derive(Debug)]
pub(crate) struct Skipped<R>(BTreeMap<R, (usize, Vec<String>)>);

impl<R> Default for Skipped<R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<R: SkipReason> Skipped<R> {
    /// One more, by its name.
    pub fn add(&mut self, reason: R, name: String) {
        let (count, examples) = self.0.entry(reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(name);
        }
    }

    /// One more, by its path below `root`.
    pub fn add_path(&mut self, reason: R, root: &Path, path: &Path) {
        self.add(reason, path.strip_prefix(root).unwrap_or(path).display().to_string());
    }

    /// How many of which kind, with examples; `None` when nothing was skipped.
    pub fn summary(&self) -> Option<String> {
        let kind = |(reason, (count, examples)): (&R, &(usize, Vec<String>))| {
            let more = if *count > EXAMPLES { ", …" } else { "" };
            format!("{count} {} ({}{more})", reason.words(*count), examples.join(", "))
        };
        (!self.0.is_empty()).then(|| self.0.iter().map(kind).collect::<Vec<_>>().join(", "))
    }
}
