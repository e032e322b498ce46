use std::collections::{HashMap, HashSet};

use super::registry::FAMILIES;
use super::shape::Shape;
use super::*;
use crate::scene::vector::{length, sub};

const OBJECTS: usize = 12;

fn source(held_out_per_family: usize) -> Procedural {
    let settings = ProceduralSettings { objects_per_family: OBJECTS, held_out_per_family, ..Default::default() };
    Procedural::new(settings).unwrap()
}

#[test]
fn every_object_is_a_sound_mesh() {
    let source = source(2);
    for index in 0..source.len() {
        let id = source.id(index);
        let mesh = source.object(index).unwrap().mesh;
        mesh.validate().unwrap_or_else(|error| panic!("{id}: {error}"));
        assert!((200..=2500).contains(&mesh.triangles.len()), "{id}: {} triangles", mesh.triangles.len());
        assert!(mesh.normals.iter().all(|n| (length(*n) - 1.0).abs() < 1e-4), "{id}: normals");
        let [low, high] = [f32::min, f32::max].map(|pick: fn(f32, f32) -> f32| {
            let start = mesh.positions[0];
            mesh.positions.iter().fold(start, |a, p| [0, 1, 2].map(|i| pick(a[i], p[i])))
        });
        assert!((0..3).all(|i| (low[i] + high[i]).abs() < 1e-4), "{id}: centre");
        assert!((length(sub(high, low)) - 1.8).abs() < 1e-3, "{id}: diagonal");
    }
}

/// Edges that are not met by exactly one edge in the other direction.
fn open_edges(shape: &Shape) -> usize {
    let points = shape.welded_points();
    let mut balance: HashMap<[u32; 2], i32> = HashMap::new();
    for [a, b, c] in shape.triangles.iter().map(|t| t.map(|v| points[v as usize])) {
        for [from, to] in [[a, b], [b, c], [c, a]].into_iter().filter(|[from, to]| from != to) {
            *balance.entry([from.min(to), from.max(to)]).or_default() += if from < to { 1 } else { -1 };
        }
    }
    balance.values().filter(|v| **v != 0).count()
}

#[test]
fn every_part_is_closed_and_faces_outwards() {
    for family in FAMILIES {
        for number in 0..4 {
            let assembly = (family.build)(&mut Draw::new(1, family.name, number));
            for (i, part) in assembly.parts().enumerate() {
                assert_eq!(open_edges(part), 0, "{}/{number}: part {i}", family.name);
                assert!(part.signed_volume() > 0.0, "{}/{number}: part {i} is inside out", family.name);
            }
        }
    }
}

/// On the most and the least symmetric families, on upright and on flat ones.
#[test]
fn a_part_more_makes_a_class_without_symmetry() {
    let bases = ["mug", "cube", "bottle", "key", "plane", "wheel"];
    let families: Vec<String> = bases
        .iter()
        .flat_map(|base| ADDED_PARTS.iter().map(move |part| format!("{base}-with-{}", part.name)))
        .chain(["mug".into(), "mug-with-ball-and-box".into(), "cone-with-ball-and-ring-and-fin".into()])
        .collect();
    let settings = ProceduralSettings {
        objects_per_family: 2,
        held_out_per_family: 1,
        families: Some(families.clone()),
        ..Default::default()
    };
    let source = Procedural::new(settings).unwrap();
    assert_eq!(source.class_names(), families);
    for index in 0..source.len() {
        let (id, object) = (source.id(index), source.object(index).unwrap());
        object.mesh.validate().unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(
            (object.symmetry, source.symmetry(index).unwrap()),
            (SymmetryGroup::None, SymmetryGroup::None),
            "{id}"
        );
        // What is added lies in part outside of what was there, so that it is seen.
        let (kind, number) = source.kind_and_number(index);
        let (plain, whole) = ((kind.family.build)(&mut Draw::new(0, &kind.name, number)), kind.build(0, number));
        let extent = |assembly: &Assembly| {
            let [low, high] = assembly.bounds();
            length(sub(high, low))
        };
        let grown = extent(&whole) / extent(&plain);
        let expected = if kind.parts.is_empty() { 1.0..1.0001 } else { 1.02..1.7 };
        assert!(expected.contains(&grown), "{id}: {grown}");
        for (i, part) in whole.parts().enumerate() {
            assert!(open_edges(part) == 0 && part.signed_volume() > 0.0, "{id}: part {i}");
        }
    }
}

#[test]
fn objects_repeat_and_differ() {
    let [source, again] = [source(1), source(1)];
    for (label, family) in FAMILIES.iter().enumerate() {
        let first = label * (OBJECTS + 1);
        let mesh = |source: &Procedural, index: usize| source.object(index).unwrap().mesh;
        assert_eq!(mesh(&source, first), mesh(&again, first));
        let others: Vec<_> = (first + 1..=first + OBJECTS).map(|i| mesh(&source, i)).collect();
        assert!(others.iter().all(|m| m.positions != mesh(&source, first).positions), "{}", family.name);
    }
}

#[test]
fn families_differ_in_form() {
    let extents = |family: &registry::Family| {
        let mesh = (family.build)(&mut Draw::new(3, family.name, 0)).into_mesh(1.0);
        let moment = |i: usize| mesh.positions.iter().map(|p| p[i] * p[i]).sum::<f32>() / mesh.positions.len() as f32;
        [moment(0), moment(1), moment(2), mesh.triangles.len() as f32]
    };
    let known: Vec<_> = FAMILIES.iter().map(|f| (f.name, extents(f))).collect();
    for (i, (name, a)) in known.iter().enumerate() {
        for (other, b) in &known[..i] {
            let marked_twin = name.contains(other) || other.contains(name);
            let apart = (0..4).map(|k| (a[k] - b[k]).abs() / (a[k] + b[k])).fold(0.0, f32::max);
            assert!(marked_twin || apart > 0.02, "{name} looks like {other}");
        }
    }
}

#[test]
fn held_out_objects_share_no_number_with_training() {
    let [few, many] = [source(3), source(9)];
    let numbers = |source: &Procedural, held_out: bool| -> HashSet<String> {
        let chosen = (0..source.len()).filter(|i| source.is_held_out(*i) == held_out);
        chosen.map(|i| source.id(i)).collect()
    };
    assert!(numbers(&many, true).is_disjoint(&numbers(&many, false)));
    assert_eq!(numbers(&few, false), numbers(&many, false));
    assert!(numbers(&few, true).is_subset(&numbers(&many, true)));
    assert_eq!(numbers(&many, true).len(), 9 * FAMILIES.len());
}

#[test]
fn ids_and_labels_name_the_family() {
    let source = source(2);
    for index in 0..source.len() {
        let family = &source.class_names()[source.label(index)];
        assert!(source.id(index).starts_with(&format!("{family}/")));
    }
    assert_eq!(source.class_names().iter().collect::<HashSet<_>>().len(), FAMILIES.len());
}

#[test]
fn chosen_families_are_the_same_objects() {
    let settings = ProceduralSettings { families: Some(vec!["mug".into(), "car".into()]), ..Default::default() };
    let chosen = Procedural::new(settings.clone()).unwrap();
    let all = Procedural::new(ProceduralSettings { families: None, ..settings }).unwrap();
    assert_eq!(chosen.class_names(), ["mug", "car"]);
    let twin = (0..all.len()).find(|i| all.id(*i) == chosen.id(3)).unwrap();
    assert_eq!(all.object(twin).unwrap().mesh, chosen.object(3).unwrap().mesh);
}

#[test]
fn bad_settings_say_what_to_do() {
    let base = ProceduralSettings::default;
    let named = |names: &[&str]| Some(names.iter().map(|n| (*n).to_owned()).collect());
    let cases = [
        (ProceduralSettings { families: named(&["tea-pot"]), ..base() }, "did you mean `teapot`"),
        (ProceduralSettings { families: named(&["mug-with-hat"]), ..base() }, "with some of ball, ring, fin, box"),
        (ProceduralSettings { families: named(&["mug-with-ring-and-ball"]), ..base() }, "in this order"),
        (ProceduralSettings { families: named(&["mug-with-ring-and-ring"]), ..base() }, "in this order"),
        (ProceduralSettings { families: named(&["mug", "mug"]), ..base() }, "named twice"),
        (ProceduralSettings { families: named(&[]), ..base() }, "none are left"),
        (ProceduralSettings { objects_per_family: 0, held_out_per_family: 0, ..base() }, "at least 1"),
        (ProceduralSettings { objects_per_family: usize::MAX, ..base() }, "too large"),
        (ProceduralSettings { object_diagonal: f32::NAN, ..base() }, "object_diagonal is NaN"),
        (ProceduralSettings { object_diagonal: 0.0, ..base() }, "object_diagonal is 0"),
    ];
    for (settings, expected) in cases {
        let message = Procedural::new(settings).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
