//! The text header, which declares elements and their properties.

use super::super::text;
use super::values::{Encoding, Scalar, Values};

/// Longer lines are no header.
const LONGEST_LINE: usize = 1 << 16;

/// One value or list of an element.
#[derive(Debug, PartialEq)]
pub struct Property {
    /// In lower case.
    pub name: String,
    /// Type of the number of values; none for a single value.
    pub length: Option<Scalar>,
    pub value: Scalar,
}

/// Things of one kind, all with the same properties.
#[derive(Debug, PartialEq)]
pub struct Element {
    /// In lower case.
    pub name: String,
    pub count: usize,
    pub properties: Vec<Property>,
}

#[derive(Debug, PartialEq)]
pub struct Header {
    pub encoding: Encoding,
    pub elements: Vec<Element>,
    /// Names of pictures, from comments `TextureFile NAME`.
    pub textures: Vec<String>,
}

impl Header {
    /// The header, and the bytes behind it.
    ///
    /// # Errors
    /// When the bytes do not begin with a header.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), String> {
        let mut lines = Lines::of(bytes);
        if lines.next().map(|line| line.trim().to_ascii_lowercase()).as_deref() != Some("ply") {
            return Err("the file does not begin with `ply`".into());
        }
        let mut encoding = None;
        let mut header = Self { encoding: Encoding::Ascii, elements: Vec::new(), textures: Vec::new() };
        loop {
            let line = lines.next().ok_or("the header has no `end_header`")?;
            let words: Vec<&str> = line.split_whitespace().collect();
            let Some(first) = words.first() else { continue };
            match (first.to_ascii_lowercase().as_str(), &words[1..]) {
                ("comment" | "obj_info", _) => header.textures.extend(texture_name(&line)),
                ("format", [name, ..]) => encoding = Some(Encoding::parse(name)?),
                ("element", [name, count]) => {
                    let name = name.to_lowercase();
                    let count = count
                        .parse()
                        .map_err(|_| format!("`{}` is no number of {name} elements", text::shortened(count)))?;
                    header.elements.push(Element { name, count, properties: Vec::new() });
                }
                ("property", declaration) => {
                    let element = header.elements.last_mut().ok_or("a property stands before any element")?;
                    element.properties.push(parse_property(declaration)?);
                }
                ("end_header", _) => break,
                _ => return Err(format!("unknown header line `{}`", text::shortened(line.trim()))),
            }
        }
        header.encoding = encoding.ok_or("the header has no format")?;
        Ok((header, lines.rest))
    }
}

/// The name in `comment TextureFile NAME`; names may hold blanks.
fn texture_name(line: &str) -> Option<String> {
    let (_, comment) = line.trim().split_once(char::is_whitespace)?;
    let (key, name) = comment.trim_start().split_once(char::is_whitespace)?;
    let name = name.trim().trim_matches('"');
    (key.eq_ignore_ascii_case("texturefile") && !name.is_empty()).then(|| name.to_owned())
}

fn parse_property(declaration: &[&str]) -> Result<Property, String> {
    match *declaration {
        [list, length, value, name] if list.eq_ignore_ascii_case("list") => Ok(Property {
            name: name.to_lowercase(),
            length: Some(Scalar::parse(length)?),
            value: Scalar::parse(value)?,
        }),
        [value, name] => Ok(Property { name: name.to_lowercase(), length: None, value: Scalar::parse(value)? }),
        _ => Err(format!("unknown property `{}`", text::shortened(&declaration.join(" ")))),
    }
}

/// Lines that end as the first one does: a binary body may begin with any byte.
struct Lines<'a> {
    rest: &'a [u8],
    end: &'static [u8],
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let first_end = bytes.iter().take(LONGEST_LINE).position(|byte| matches!(byte, b'\n' | b'\r'));
        let end: &[u8] = match first_end.map(|at| &bytes[at..]) {
            Some([b'\r', b'\n', ..]) => b"\r\n",
            Some([b'\r', ..]) => b"\r",
            _ => b"\n",
        };
        Self { rest: bytes, end }
    }

    /// The text up to the next line end, which is taken off; none at the end or when a line is absurdly long.
    fn next(&mut self) -> Option<String> {
        // Lines that end in \n alone may stand among those that end in \r\n.
        let last = *self.end.last()?;
        let end = self.rest.iter().take(LONGEST_LINE).position(|byte| *byte == last)?;
        let line = text::decoded(&self.rest[..end]).into_owned();
        self.rest = &self.rest[end + 1..];
        Some(line)
    }
}

impl Property {
    /// Gives each value of the property to `take`.
    ///
    /// # Errors
    /// When a value is broken or a list is longer than the file.
    pub fn read(&self, values: &mut Values, mut take: impl FnMut(f64)) -> Result<(), String> {
        for _ in 0..self.count(values)? {
            take(values.next(self.value).map_err(|error| format!("{}: {error}", self.name))?);
        }
        Ok(())
    }

    /// Leaves the property out.
    ///
    /// # Errors
    /// When the file ends, or the length of a list is broken.
    pub fn skip(&self, values: &mut Values) -> Result<(), String> {
        (0..self.count(values)?).try_for_each(|_| values.skip(self.value))
    }

    fn count(&self, values: &mut Values) -> Result<usize, String> {
        let Some(length) = self.length else { return Ok(1) };
        let length = values.next(length).map_err(|error| format!("{}: {error}", self.name))?;
        // Each value takes at least a byte.
        if length.fract() == 0.0 && (0.0..=values.rest.len() as f64).contains(&length) {
            Ok(length as usize)
        } else {
            Err(format!("a list {} of {length} values", self.name))
        }
    }
}

impl Element {
    /// The place of a single value among the properties.
    pub fn scalar(&self, name: &str) -> Option<usize> {
        self.properties.iter().position(|property| property.length.is_none() && property.name == name)
    }

    /// Leaves the element out.
    ///
    /// # Errors
    /// When the file ends.
    pub fn skip(&self, values: &mut Values) -> Result<(), String> {
        if self.properties.is_empty() {
            return Ok(());
        }
        (0..self.count).try_for_each(|_| self.properties.iter().try_for_each(|property| property.skip(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ply\nformat ascii 1.0\ncomment made by hand\nobj_info x\nelement vertex 3\nproperty float x\n\
                        comment TextureFile red wall.png\nelement Face 1\nproperty LIST uchar Int Vertex_Index\n\
                        comment texturefile b.png\nend_header\n\n1 2";

    #[test]
    fn headers_are_read_with_any_line_ends() {
        let (header, rest) = Header::parse(TEXT.as_bytes()).expect("a header");
        assert_eq!(header.textures, ["red wall.png", "b.png"]);
        assert_eq!(header.elements[1].name, "face");
        let list = Property { name: "vertex_index".into(), length: Some(Scalar::U8), value: Scalar::I32 };
        assert_eq!(header.elements[1].properties, [list]);
        assert_eq!(rest, b"\n1 2", "the body may begin with a line feed");
        for line_end in ["\r\n", "\r"] {
            let (head, _) = TEXT.split_once("\n\n1 2").expect("a body");
            let text = format!("{}{line_end}\n1 2", head.replace('\n', line_end));
            assert_eq!(
                Header::parse(text.as_bytes()),
                Ok((Header::parse(TEXT.as_bytes()).expect("right").0, &b"\n1 2"[..]))
            );
        }
    }
}
