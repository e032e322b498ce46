//! ASCII STL: words, in any letters and with any line ends.

use std::path::Path;

use crate::scene::SourceError;
use crate::scene::files::malformed;
use crate::scene::files::surface::{Corner, NONE, Surface};
use crate::scene::files::text::{lines, number, shortened};

/// Adds the facets of all solids.
///
/// # Errors
/// Names the line of a facet that cannot be read.
pub(super) fn push_ascii(path: &Path, text: &[u8], surface: &mut Surface) -> Result<(), SourceError> {
    let mut parser = Parser {
        path,
        surface,
        line: 0,
        place: Place::Outside,
        corners: Vec::new(),
        is_ended: false,
        unknown: 0,
        first_unknown: None,
    };
    for line in lines(text) {
        parser.line += 1;
        parser.read(&line)?;
    }
    parser.finish()
}

/// Where the parser stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Outside,
    /// Behind `facet`, where the normal stands, which is not used.
    Normal,
    /// Behind `outer`.
    Loop,
}

struct Parser<'a> {
    path: &'a Path,
    surface: &'a mut Surface,
    /// Counted from 1.
    line: usize,
    place: Place,
    /// Of the facet so far.
    corners: Vec<Corner>,
    /// Whether the last solid is ended.
    is_ended: bool,
    /// Lines that mean nothing.
    unknown: usize,
    first_unknown: Option<String>,
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

impl Parser<'_> {
    fn read(&mut self, line: &str) -> Result<(), SourceError> {
        let mut words = line.split(is_separator).filter(|word| !word.is_empty());
        let mut in_name = false;
        while let Some(word) = words.next() {
            match (self.place, word.to_ascii_lowercase().as_str()) {
                (_, "facet") if words.clone().next().is_none_or(|next| next.eq_ignore_ascii_case("normal")) => {
                    self.begin_facet()?;
                    in_name = false;
                }
                // Names of solids are any words.
                (Place::Outside, _) if in_name => {}
                (Place::Outside, keyword @ ("solid" | "endsolid" | "end")) => {
                    self.is_ended = keyword != "solid";
                    in_name = true;
                }
                (_, "outer") => self.place = Place::Loop,
                (_, "endfacet") => self.end_facet()?,
                (_, "end") if words.clone().next().is_some_and(|next| next.eq_ignore_ascii_case("facet")) => {
                    words.next();
                    self.end_facet()?;
                }
                (_, "endsolid") => return Err(self.broken("a facet has no `endfacet`")),
                (Place::Normal, _) | (_, "loop" | "endloop" | "end") => {}
                (Place::Loop, "vertex") => self.add_vertex([words.next(), words.next(), words.next()])?,
                (Place::Outside | Place::Loop, _) => {
                    self.unknown += 1;
                    self.first_unknown
                        .get_or_insert_with(|| format!("line {}: `{}`", self.line, shortened(line.trim())));
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn broken(&self, reason: impl std::fmt::Display) -> SourceError {
        malformed(self.path, format!("line {}: {reason}", self.line))
    }

    fn begin_facet(&mut self) -> Result<(), SourceError> {
        if self.place != Place::Outside {
            return Err(self.broken("a facet has no `endfacet`"));
        }
        self.place = Place::Normal;
        Ok(())
    }

    fn add_vertex(&mut self, words: [Option<&str>; 3]) -> Result<(), SourceError> {
        let mut point = [0.0; 3];
        for (coordinate, word) in point.iter_mut().zip(words) {
            let word = word.ok_or_else(|| self.broken("a vertex has fewer than 3 coordinates"))?;
            *coordinate = number(word).map_err(|reason| self.broken(reason))?;
        }
        self.corners.push(Corner::at(self.surface.points.len() as u32));
        self.surface.points.push(point);
        Ok(())
    }

    fn end_facet(&mut self) -> Result<(), SourceError> {
        let count = self.corners.len();
        if count < 3 {
            return Err(self.broken(format!("a facet has {count} vertices instead of 3")));
        }
        self.surface.add_face(&self.corners, NONE)?;
        self.corners.clear();
        self.place = Place::Outside;
        Ok(())
    }

    fn finish(self) -> Result<(), SourceError> {
        if self.place != Place::Outside {
            return Err(self.broken("the file is cut: it ends within a facet"));
        }
        if !self.is_ended {
            self.surface.warnings.add("it has no `endsolid`: perhaps the file is cut");
        }
        if let Some(first) = self.first_unknown {
            let count = self.unknown;
            self.surface
                .warnings
                .add(format!("{count} lines are no part of facets and left out, the first is {first}"));
        }
        Ok(())
    }
}
