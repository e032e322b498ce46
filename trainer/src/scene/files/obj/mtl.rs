//! MTL: the materials of OBJ files.

use super::texture_map::TextureMap;
use crate::scene::files::text::{keyword, number, shortened, statements, without_comment, without_mark};
use crate::scene::files::warnings::Warnings;

/// A material, as an MTL file describes it; what the file does not say is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MtlMaterial {
    /// With what may be a comment: names may hold a `#`.
    pub name: String,
    /// `Kd`: sRGB; may be out of [0, 1].
    pub diffuse: Option<[f32; 3]>,
    /// `Ks`: may be above 1.
    pub specular: Option<[f32; 3]>,
    /// `Ns`: Phong exponent.
    pub shininess: Option<f32>,
    /// `d`: 1 for opaque.
    pub dissolve: Option<f32>,
    /// `Tr`: 0 for opaque by the specification, 1 for opaque by some programs.
    pub transparency: Option<f32>,
    /// `map_Kd`.
    pub diffuse_map: Option<TextureMap>,
}

/// The materials in the bytes of an MTL file; `file` is for warnings.
///
/// A statement that cannot be read is left out and costs one warning, not the file.
pub(super) fn parse_mtl(file: &str, bytes: &[u8], warnings: &mut Warnings) -> Vec<MtlMaterial> {
    let text = without_mark(bytes);
    let mut materials: Vec<MtlMaterial> = Vec::new();
    for (line, statement) in statements(&text) {
        let (key, rest) = keyword(&statement);
        let key = key.to_ascii_lowercase();
        let outcome = match (key.as_str(), materials.last_mut()) {
            ("newmtl", _) if rest.is_empty() => Err("has no name".to_owned()),
            ("newmtl", _) => {
                materials.push(MtlMaterial { name: rest.to_owned(), ..MtlMaterial::default() });
                Ok(())
            }
            (_, Some(material)) => material.set(&key, rest),
            (_, None) => Ok(()),
        };
        if let Err(reason) = outcome {
            let (file, statement) = (shortened(file), shortened(&statement));
            warnings.add(format!("materials {file}, line {line}: `{statement}` {reason}"));
        }
    }
    materials
}

impl MtlMaterial {
    /// Takes the value of one statement; the error says what is left out or changed.
    fn set(&mut self, key: &str, rest: &str) -> Result<(), String> {
        let values = without_comment(rest);
        match key {
            "kd" => {
                let diffuse = color(values)?;
                self.diffuse = Some(diffuse);
                if diffuse.iter().any(|channel| !(0.0..=1.0).contains(channel)) {
                    return Err("is out of 0 to 1, and is clamped".into());
                }
            }
            "ks" => self.specular = Some(color(values)?),
            "ns" => self.shininess = Some(single(values)?),
            "d" => self.dissolve = Some(single(values.trim_start_matches("-halo").trim_start())?),
            "tr" => self.transparency = Some(single(values)?),
            "map_kd" => self.diffuse_map = Some(TextureMap::parse(rest).ok_or("names no file, and is left out")?),
            "tf" => return unless(values, 1.0, "is not used: what is behind the material stays hidden"),
            "ke" => return unless(values, 0.0, "is not used: nothing shines by itself"),
            "map_d" | "map_opacity" | "map_tr" => return Err("is not used: the material is drawn opaque".into()),
            "map_ka" if self.diffuse_map.is_none() => return Err("is not used; map_Kd would be".into()),
            "map_ke" | "map_emissive" | "decal" => return Err("is not used".into()),
            _ => {}
        }
        Ok(())
    }
}

fn single(values: &str) -> Result<f32, String> {
    let word = values.split_whitespace().next().ok_or("has no value, and is left out")?;
    Ok(number(word).map_err(|reason| format!("is left out: {reason}"))? as f32)
}

/// The colour in `R G B` or in `GREY`.
fn color(values: &str) -> Result<[f32; 3], String> {
    let words: Vec<&str> = values.split_whitespace().collect();
    let number = |word: &str| number(word).map_err(|reason| format!("is left out: {reason}"));
    let channels = match words[..] {
        [] => return Err("has no value, and is left out".into()),
        ["spectral" | "xyz", ..] => return Err("is left out: only red, green and blue are read".into()),
        // By the specification, green and blue are as red then.
        [grey] => [number(grey)?; 3],
        [_, _] => return Err("is left out: it has 2 numbers instead of 3".into()),
        [red, green, blue, ..] => [number(red)?, number(green)?, number(blue)?],
    };
    Ok(channels.map(|channel| channel as f32))
}

/// An error, unless all numbers are the one that changes nothing.
fn unless(values: &str, neutral: f64, reason: &str) -> Result<(), String> {
    let is_neutral = values.split_whitespace().filter_map(|word| number(word).ok()).all(|value| value == neutral);
    if is_neutral { Ok(()) } else { Err(reason.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parsed(text: &str) -> (Vec<MtlMaterial>, Vec<String>) {
        let mut warnings = Warnings::new(Path::new("a.obj"));
        (parse_mtl("a.mtl", text.as_bytes(), &mut warnings), warnings.into_lines())
    }

    #[test]
    fn statements_are_read_in_any_spelling() {
        let plain = "newmtl red wall\nKd 1 0.5 0\nKs 0 0 1\nNs 50\nd 0.5\nTr 0.25\nmap_Kd a b.png\n";
        let expected = MtlMaterial {
            name: "red wall".into(),
            diffuse: Some([1.0, 0.5, 0.0]),
            specular: Some([0.0, 0.0, 1.0]),
            shininess: Some(50.0),
            dissolve: Some(0.5),
            transparency: Some(0.25),
            diffuse_map: TextureMap::parse("a b.png"),
        };
        for text in [
            plain.to_owned(),
            format!("\u{feff}{plain}"),
            plain.replace('\n', "\r\n"),
            plain.replace('\n', "\r"),
            plain.replace("Kd 1", "\tKd\t1").replace("Ns 50", "  ns   50 # shiny"),
            plain.replace("Kd 1 0.5", "Kd 1 \\\n 0.5"),
            plain.replace("d 0.5", "d -halo 0.5"),
            format!("# made by hand\nKd 0 0 0\n{plain}Ni 1.5\nillum 2\nTf 1 1 1\nKe 0 0 0\nsharpness 60\n"),
        ] {
            assert_eq!(parsed(&text), (vec![expected.clone()], vec![]), "{text:?}");
        }
    }

    #[test]
    fn a_bad_statement_costs_its_line() {
        for (line, said) in [
            ("map_Kd", "`map_Kd` names no file, and is left out"),
            ("Ns", "`Ns` has no value, and is left out"),
            ("Ns high", "`Ns high` is left out: `high` is no number"),
            ("d -halo", "`d -halo` has no value"),
            ("Tr 1,5", "`1,5` has a decimal comma"),
            ("Kd 1 0", "`Kd 1 0` is left out: it has 2 numbers instead of 3"),
            ("Kd nan 0 0", "`nan` is not a finite number"),
            ("Kd", "`Kd` has no value"),
            ("Kd 204 102 0", "`Kd 204 102 0` is out of 0 to 1, and is clamped"),
            ("Kd spectral red.rfl", "only red, green and blue are read"),
            ("newmtl", "`newmtl` has no name"),
            ("map_d leaf.png", "`map_d leaf.png` is not used: the material is drawn opaque"),
            ("Tf 0.2 0.9 0.9", "`Tf 0.2 0.9 0.9` is not used"),
            ("Ke 1 1 1", "nothing shines by itself"),
        ] {
            let (materials, warnings) = parsed(&format!("newmtl a\n{line}\nnewmtl b\nKd 0 1 0\n"));
            assert!(
                warnings.len() == 1
                    && warnings[0].starts_with("a.obj: materials a.mtl, line 2: ")
                    && warnings[0].contains(said),
                "{line}: {warnings:?}"
            );
            assert_eq!((materials.len(), materials[1].diffuse), (2, Some([0.0, 1.0, 0.0])), "{line}");
        }
        assert_eq!(parsed("newmtl a\nKd 0.5\n").0[0].diffuse, Some([0.5; 3]));
        assert_eq!(parsed("newmtl a\nKd 0 1 0\nKd\n").0[0].diffuse, Some([0.0, 1.0, 0.0]));
    }
}
