//! The `map_Kd` statement of MTL files: options, then the name of a picture.

use crate::scene::files::text::without_comment;

/// A picture, and how it lies on the surface.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextureMap {
    /// Names by which the picture may be meant: with and without what may be a comment.
    pub names: Vec<String>,
    /// `-s`: multiplies texture coordinates.
    pub scale: [f32; 2],
    /// `-o`: is added after that.
    pub offset: [f32; 2],
}

impl TextureMap {
    /// The map in `[-option value...] NAME`; names may hold blanks. None without a name.
    pub fn parse(statement: &str) -> Option<Self> {
        let mut map = Self { names: Vec::new(), scale: [1.0; 2], offset: [0.0; 2] };
        let mut rest = statement.trim();
        while let Some(after_dash) = rest.strip_prefix('-') {
            let Some((option, values)) = after_dash.split_once(char::is_whitespace) else { break };
            let (numbers, after) = option_values(option, values.trim_start());
            match option {
                "s" => numbers.iter().zip(&mut map.scale).for_each(|(number, scale)| *scale = *number),
                "o" => numbers.iter().zip(&mut map.offset).for_each(|(number, offset)| *offset = *number),
                _ => {}
            }
            rest = after;
        }
        let bare = without_comment(rest);
        map.names = [rest, bare].map(unquoted).into_iter().filter(|name| !name.is_empty()).collect();
        map.names.dedup();
        (!bare.is_empty()).then_some(map)
    }

    /// Whether texture coordinates stay as they are.
    pub fn is_plain(&self) -> bool {
        self.scale == [1.0; 2] && self.offset == [0.0; 2]
    }

    /// The texture coordinate at which the picture is sampled.
    pub fn sampled_at(&self, uv: [f32; 2]) -> [f32; 2] {
        std::array::from_fn(|i| uv[i] * self.scale[i] + self.offset[i])
    }
}

/// The numbers of an option, and what stands behind its values. The last word is never one of them.
fn option_values<'a>(option: &str, mut values: &'a str) -> (Vec<f32>, &'a str) {
    let (most, is_numeric) = match option {
        "o" | "s" | "t" => (3, true),
        "mm" => (2, true),
        "bm" | "boost" | "texres" => (1, true),
        _ => (1, false),
    };
    let (mut numbers, mut taken) = (Vec::new(), 0);
    while taken < most
        && let Some((value, after)) = values.split_once(char::is_whitespace)
    {
        match value.parse::<f32>() {
            Ok(number) if number.is_finite() => numbers.push(number),
            _ if is_numeric => break,
            _ => {}
        }
        taken += 1;
        values = after.trim_start();
    }
    (numbers, values)
}

fn unquoted(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    inner.unwrap_or(name).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_behind_options() {
        let map = |names: &[&str], scale: [f32; 2], offset: [f32; 2]| {
            Some(TextureMap { names: names.iter().map(|name| (*name).to_owned()).collect(), scale, offset })
        };
        let (ones, zeros) = ([1.0; 2], [0.0; 2]);
        for (statement, expected) in [
            ("a.png", map(&["a.png"], ones, zeros)),
            ("pics\\red wall.png", map(&["pics\\red wall.png"], ones, zeros)),
            ("\"red wall.png\"", map(&["red wall.png"], ones, zeros)),
            ("-s 2 3 1 -o 0.5 a b.png", map(&["a b.png"], [2.0, 3.0], [0.5, 0.0])),
            ("-blendu on -clamp off -mm 0 1 a.png", map(&["a.png"], ones, zeros)),
            ("-imfchan m -bm 1 2.png", map(&["2.png"], ones, zeros)),
            ("-s 2", map(&["2"], ones, zeros)),
            ("a.png # the wall", map(&["a.png # the wall", "a.png"], ones, zeros)),
            ("wall #2.png", map(&["wall #2.png", "wall"], ones, zeros)),
            ("", None),
            ("# none", None),
        ] {
            assert_eq!(TextureMap::parse(statement), expected, "{statement}");
        }
        let map = TextureMap::parse("-s 2 2 -o 0 1 a.png").expect("a map");
        assert_eq!((map.is_plain(), map.sampled_at([0.25, 0.5])), (false, [0.5, 2.0]));
    }
}
