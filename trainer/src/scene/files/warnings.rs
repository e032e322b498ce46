use std::path::Path;

/// Warnings of one file beyond which the rest is only counted.
const MOST_WARNINGS: usize = 12;

/// What a file holds and the mesh does not, in one line each.
pub(super) struct Warnings {
    file: String,
    lines: Vec<String>,
    uncounted: usize,
}

impl Warnings {
    pub fn new(path: &Path) -> Self {
        Self { file: path.display().to_string(), lines: Vec::new(), uncounted: 0 }
    }

    /// Adds one line; the same line is said once.
    pub fn add(&mut self, text: impl AsRef<str>) {
        let line = format!("{}: {}", self.file, text.as_ref());
        if self.lines.contains(&line) {
            return;
        }
        if self.lines.len() < MOST_WARNINGS {
            self.lines.push(line);
        } else {
            self.uncounted += 1;
        }
    }

    /// All lines, and how many more there were.
    pub fn into_lines(mut self) -> Vec<String> {
        if self.uncounted > 0 {
            self.lines.push(format!("{}: {} more warnings", self.file, self.uncounted));
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_the_file_once_and_are_bounded() {
        let mut warnings = Warnings::new(Path::new("a.obj"));
        (0..20).for_each(|line| warnings.add(format!("line {line}")));
        warnings.add("line 3");
        let lines = warnings.into_lines();
        assert_eq!((lines.len(), lines[3].as_str()), (13, "a.obj: line 3"));
        assert_eq!(lines[12], "a.obj: 8 more warnings");
    }
}
