use std::collections::{BTreeMap, BTreeSet};

use super::references::Reference;

/// Which rooms each room uses.
type Uses<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The rooms of a circle in the order of their use, the first once more at the end; `None` when there is no circle.
pub fn circle(references: &[Reference]) -> Option<Vec<String>> {
    let mut uses = Uses::new();
    for Reference { from, to, .. } in references {
        uses.entry(from).or_default().insert(to);
    }
    let mut done = BTreeSet::new();
    uses.keys().find_map(|room| circle_from(room, &uses, &mut Vec::new(), &mut done))
}

fn circle_from<'a>(
    room: &'a str,
    uses: &Uses<'a>,
    way: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<String>> {
    if let Some(start) = way.iter().position(|passed| *passed == room) {
        return Some(way[start..].iter().chain([&room]).map(ToString::to_string).collect());
    }
    if done.contains(room) {
        return None;
    }
    way.push(room);
    let found = uses.get(room).into_iter().flatten().find_map(|used| circle_from(used, uses, way, done));
    way.pop();
    done.insert(room);
    found
}

/// A circle with the lines that make it.
pub fn told(rooms: &[String], references: &[Reference]) -> String {
    let mut text = rooms.join(" -> ");
    for pair in rooms.windows(2) {
        for Reference { line, .. } in references.iter().filter(|r| r.from == pair[0] && r.to == pair[1]) {
            text += &format!("\n  {line}");
        }
    }
    text
}
