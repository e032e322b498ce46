use std::collections::BTreeMap;

/// The models of one archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    /// Under what licence all of them are.
    pub licence: String,
    /// The models, in the catalogue's order.
    pub entries: Vec<CatalogueEntry>,
}

/// One model of a catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueEntry {
    /// Identifier, `CATALOGUE#MODEL`.
    pub id: String,
    /// What it is, in English.
    pub name: String,
    /// Path of the OBJ file within the archive.
    pub model: String,
    /// Who made it.
    pub creator: String,
    /// Rotation that brings the model upright, row-major, in the model's frame (y up).
    pub model_rotation: Option<[[f32; 3]; 3]>,
}

/// The models that a catalogue lists (`PluginFurnitureCatalog.properties`, Latin-1).
///
/// # Errors
/// Names the model and the key that is missing or broken.
pub fn parse_catalogue(latin1: &[u8]) -> Result<Catalogue, String> {
    let text: String = latin1.iter().map(|&byte| char::from(byte)).collect();
    let mut licence = "unknown".to_owned();
    let mut models: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
    for (key, value) in properties(&text)? {
        match key.split_once('#').map(|(key, number)| (key, number.parse())) {
            Some((key, Ok(number))) => {
                models.entry(number).or_default().insert(key.to_owned(), value);
            }
            None if key == "license" => licence = value,
            _ => {}
        }
    }
    let entries: Result<_, String> = models.into_iter().map(|(number, keys)| entry(number, keys)).collect();
    Ok(Catalogue { licence, entries: entries? })
}

fn entry(number: u32, mut keys: BTreeMap<String, String>) -> Result<CatalogueEntry, String> {
    let mut take = |key: &str| keys.remove(key).ok_or_else(|| format!("model {number} has no `{key}`"));
    let (id, name, model) = (take("id")?, take("name")?, take("model")?);
    let creator = take("creator").unwrap_or_else(|_| "unknown".to_owned());
    let model_rotation = match take("modelRotation") {
        Ok(text) => Some(rotation(&text).ok_or_else(|| format!("`modelRotation` of {id} is not a rotation: {text}"))?),
        Err(_) => None,
    };
    Ok(CatalogueEntry { id, name, model: model.trim_start_matches('/').to_owned(), creator, model_rotation })
}

/// Nine numbers, row by row, with orthogonal rows of unit length (to the catalogue's precision).
fn rotation(text: &str) -> Option<[[f32; 3]; 3]> {
    let numbers: Vec<f32> = text.split_whitespace().map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let rows: [[f32; 3]; 3] = numbers.as_chunks::<3>().0.try_into().ok()?;
    let dot = |a: usize, b: usize| (0..3).map(|k| rows[a][k] * rows[b][k]).sum::<f32>();
    let orthonormal = (0..3).all(|a| (0..3).all(|b| (dot(a, b) - f32::from(a == b)).abs() < 0.01));
    (numbers.len() == 9 && orthonormal).then_some(rows)
}

/// Keys and values of a Java properties file.
fn properties(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_owned();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while continues(&line) {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        let end = line.find(['=', ':']).unwrap_or(line.len());
        let (key, value) = (&line[..end], line.get(end + 1..).unwrap_or_default());
        found.push((unescaped(key.trim())?, unescaped(value.trim_start())?));
    }
    Ok(found)
}

/// Whether a line ends with an odd number of backslashes.
fn continues(line: &str) -> bool {
    line.chars().rev().take_while(|&c| c == '\\').count() % 2 == 1
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '\\' { rest.next() } else { None }) {
            ('\\', Some('u')) => {
                let hex: String = rest.by_ref().take(4).collect();
                let code = u32::from_str_radix(&hex, 16).map_err(|_| format!("`\\u{hex}` is no character"))?;
                out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some(other)) => out.push(other),
            ('\\', None) => {}
            (c, _) => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_is_read_with_its_escapes() {
        let text = b"# comment\r\nid=Package#X\nlicense=CC-BY\nid#2=S#b\nname#2=Frame H\xf4i An\nmodel#2=/s/b/b.obj\n\
            id#1=S#a\nname#1=Bill 10\\u20ac\nmodel#1 = /s/a.obj\ncreator#1=A \\\n   B\n\
            modelRotation#1=1 0 0 0 0 1 0 -1 0\nwidth#1=3\n";
        let Catalogue { licence, entries } = parse_catalogue(text).unwrap();
        assert_eq!(licence, "CC-BY");
        assert_eq!(
            entries[0],
            CatalogueEntry {
                id: "S#a".to_owned(),
                name: "Bill 10€".to_owned(),
                model: "s/a.obj".to_owned(),
                creator: "A B".to_owned(),
                model_rotation: Some([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
            }
        );
        assert_eq!((entries[1].name.as_str(), entries[1].creator.as_str()), ("Frame Hôi An", "unknown"));
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn broken_catalogues_are_named_as_what_they_are() {
        let cases: [(&[u8], &str); 5] = [
            (b"id#1=a\nname#1=b\n", "model 1 has no `model`"),
            (b"id#1=a\nname#1=\\u12x4", "is no character"),
            (b"id#1=a\nname#1=b\nmodel#1=c\nmodelRotation#1=1 0 0", "`modelRotation` of a"),
            (b"id#1=a\nname#1=b\nmodel#1=c\nmodelRotation#1=2 0 0 0 1 0 0 0 1", "`modelRotation` of a"),
            (b"id#1=a\nname#1=b\nmodel#1=c\nmodelRotation#1=1 0 0 0 1 0 0 0 NaN", "`modelRotation` of a"),
        ];
        for (text, want) in cases {
            let error = parse_catalogue(text).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
        assert_eq!(parse_catalogue(b"\\").unwrap().entries, []);
    }
}
