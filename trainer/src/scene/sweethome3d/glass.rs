//! Which models are made of glass, and have to be drawn opaque lest nothing of them is left.

use std::collections::BTreeSet;

/// Materials with less opacity than this are dropped when a model is loaded.
const LEAST_OPACITY: f32 = 0.35;

/// A model of which more than this part of the faces is transparent is made of glass.
const LARGEST_TRANSPARENT_PART: f64 = 0.6;

/// Whether most faces of an OBJ file have a nearly transparent material (`d`, or 1 - `Tr`) of the MTL file.
pub(super) fn is_made_of_glass(obj: &str, mtl: &str) -> bool {
    let transparent = transparent_materials(mtl);
    let mut hidden = false;
    let (mut faces, mut transparent_faces) = (0usize, 0usize);
    for line in obj.lines() {
        match line.trim_start().split_once(char::is_whitespace) {
            Some(("usemtl", name)) => hidden = transparent.contains(name.trim()),
            Some(("f", _)) => {
                faces += 1;
                transparent_faces += usize::from(hidden);
            }
            _ => {}
        }
    }
    transparent_faces as f64 > LARGEST_TRANSPARENT_PART * faces as f64
}

/// An MTL file in which nothing is transparent.
pub(super) fn without_transparency(mtl: &str) -> String {
    mtl.lines().filter(|line| opacity(line).is_none()).flat_map(|line| [line, "\n"]).collect()
}

fn transparent_materials(mtl: &str) -> BTreeSet<&str> {
    let (mut found, mut current) = (BTreeSet::new(), None);
    for line in mtl.lines() {
        if let Some(("newmtl", name)) = line.trim().split_once(char::is_whitespace) {
            current = Some(name.trim());
        }
        if let (Some(name), Some(opacity)) = (current, opacity(line)) {
            if opacity < LEAST_OPACITY {
                found.insert(name)
            } else {
                found.remove(name)
            };
        }
    }
    found
}

fn opacity(line: &str) -> Option<f32> {
    let (key, value) = line.trim().split_once(char::is_whitespace)?;
    let value = value.trim().parse::<f32>().ok()?;
    match key {
        "d" => Some(value),
        "Tr" => Some(1.0 - value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MTL: &str =
        "newmtl glass pane\nKd 1 1 1\nd 0.2\nnewmtl wood\nd 1.0\nnewmtl veil\nTr 0.9\nnewmtl both\nTr 1\nd 1";

    #[test]
    fn a_bottle_is_made_of_glass_and_a_window_is_not() {
        let cases = [
            ("v 0 0 0\nusemtl glass pane\nf 1 2 3\nusemtl wood\nf 1 2 3\nf 2 3 4\n", false),
            ("usemtl veil\nf 1 2 3\nf 2 3 4\nusemtl wood\nf 1 2 3\n", true),
            ("usemtl both\nf 1 2 3\n", false),
            ("f 1 2 3\n", false),
            ("", false),
        ];
        for (obj, want) in cases {
            assert_eq!(is_made_of_glass(obj, MTL), want, "{obj}");
        }
    }

    #[test]
    fn without_transparency_nothing_is_transparent() {
        let opaque = without_transparency(MTL);
        assert!(transparent_materials(&opaque).is_empty());
        assert!(opaque.contains("newmtl glass pane\nKd 1 1 1\nnewmtl wood\n"), "{opaque}");
    }
}
