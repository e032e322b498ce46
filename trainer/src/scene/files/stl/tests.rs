use proptest::prelude::*;

use super::*;
use crate::scene::files::measured::colors;

/// A facet of ASCII STL at a height.
fn facet(z: f32) -> String {
    format!(
        " facet normal 0 0 1\n  outer loop\n   vertex 0 0 {z}\n   vertex 1 0 {z}\n   vertex 0 1 {z}\n  endloop\n endfacet\n"
    )
}

fn solid(name: &str, z: f32) -> String {
    format!("solid {name}\n{}endsolid {name}\n", facet(z))
}

/// A binary file of triangles at heights 0, 1, ... with these attributes.
fn binary(header: &[u8], attributes: &[u16]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.resize(80, 0);
    bytes.extend((attributes.len() as u32).to_le_bytes());
    for (z, attribute) in (0_u16..).map(f32::from).zip(attributes) {
        let numbers = [0.0, 0.0, 1.0, 0.0, 0.0, z, 1.0, 0.0, z, 0.0, 1.0, z];
        bytes.extend(numbers.iter().flat_map(|v: &f32| v.to_le_bytes()));
        bytes.extend(attribute.to_le_bytes());
    }
    bytes
}

fn loaded(bytes: &[u8]) -> Result<LoadedMesh, String> {
    load_stl(Path::new("a.stl"), bytes).map_err(|error| error.to_string())
}

#[test]
fn ascii_is_read_as_others_write_it() {
    let plain = solid("part", 0.0);
    let with = |from: &str, to: &str| plain.replace(from, to).into_bytes();
    let utf16: Vec<u8> = format!("\u{feff}{plain}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>); 16] = [
        ("plain", plain.clone().into_bytes()),
        ("upper case", plain.to_uppercase().into_bytes()),
        ("blanks before", format!("\n \t {plain}").into_bytes()),
        ("byte order mark", format!("\u{feff}{plain}").into_bytes()),
        ("UTF-16", utf16),
        ("end solid", with("endsolid", "end solid")),
        ("end loop, end facet", with("endloop", "end loop").into_iter().collect()),
        ("end facet", with("endfacet", "end facet")),
        ("CRLF", with("\n", "\r\n")),
        ("CR", with("\n", "\r")),
        ("one line", with("\n", " ")),
        ("no name", with("solid part", "solid")),
        ("a name of keywords", with("solid part", "solid facet of a vertex")),
        ("NaN normals", with("normal 0 0 1", "normal -nan(ind) 1.#QNAN nan")),
        ("no normals", with(" normal 0 0 1", "")),
        ("zeros behind", with("endsolid part\n", "endsolid part\n\0\0\u{1a}")),
    ];
    for (name, bytes) in cases {
        let LoadedMesh { mesh, warnings } = loaded(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((mesh.positions.len(), mesh.triangle_count()), (3, 1), "{name}");
        assert_eq!((mesh.positions[1], mesh.normals[0]), ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]), "{name}");
        assert_eq!(warnings, [""; 0], "{name}");
    }
}

#[test]
fn names_need_no_encoding() {
    for name in [&b"St\xfctze"[..], b"\xc1\xe3\xbc\xfe1", b"\xff\xfd"] {
        let bytes = [b"solid ", name, b"\n", facet(0.0).as_bytes(), b"endsolid ", name, b"\n"].concat();
        let LoadedMesh { mesh, warnings } = loaded(&bytes).expect("a mesh");
        assert_eq!((mesh.triangle_count(), warnings), (1, vec![]));
    }
}

#[test]
fn all_solids_are_one_mesh() {
    let text = solid("base", 0.0) + &solid("wall", 1.0) + "\n" + &solid("pin", 2.0);
    let LoadedMesh { mesh, warnings } = loaded(text.as_bytes()).expect("a mesh");
    assert_eq!((mesh.triangle_count(), warnings), (3, vec![]));
    assert_eq!(mesh.bounding_box().expect("vertices").max[2], 2.0);
}

#[test]
fn what_an_ascii_file_has_too_little_or_too_much_is_said() {
    let no_end = format!("solid part\n{}", facet(0.0));
    let LoadedMesh { mesh, warnings } = loaded(no_end.as_bytes()).expect("a mesh");
    assert_eq!(mesh.triangle_count(), 1);
    assert_eq!(warnings, ["a.stl: it has no `endsolid`: perhaps the file is cut"]);
    let colored =
        solid("part", 0.0).replace("  endloop", "   color 1 0 0\n  endloop").replace("1 0 0\n   v", "1 0 0 7\n   v");
    let LoadedMesh { mesh, warnings } = loaded(colored.as_bytes()).expect("a mesh");
    assert_eq!(mesh.triangle_count(), 1);
    assert_eq!(warnings, ["a.stl: 2 lines are no part of facets and left out, the first is line 5: `vertex 1 0 0 7`"]);
    let behind = solid("part", 0.0) + "made by hand\nyesterday\n";
    let warnings = loaded(behind.as_bytes()).expect("a mesh").warnings;
    assert_eq!(warnings, ["a.stl: 2 lines are no part of facets and left out, the first is line 10: `made by hand`"]);
}

#[test]
fn broken_ascii_is_named_with_its_line() {
    let plain = solid("part", 0.0);
    for (text, expected) in [
        (plain.replace("vertex 1 0 0", "vertex 1,5 0 0"), "line 5: `1,5` has a decimal comma"),
        (plain.replace("vertex 1 0 0", "vertex 1 nan 0"), "line 5: `nan` is not a finite number"),
        (plain.replace("vertex 1 0 0", "vertex 1 0"), "line 5: a vertex has fewer than 3 coordinates"),
        (plain.replace("   vertex 1 0 0\n", ""), "line 7: a facet has 2 vertices instead of 3"),
        (plain.replace("vertex 1 0 0", "wertex 1 0 0"), "line 8: a facet has 2 vertices instead of 3"),
        (plain.replace(" endfacet\n", ""), "line 8: a facet has no `endfacet`"),
        (plain.replace("  endloop\n endfacet\nendsolid part\n", ""), "line 6: the file is cut"),
        ("solid part\nendsolid part\n".into(), "there is no triangle"),
        ("a letter to somebody. ".repeat(5), "it does not begin with `solid`"),
    ] {
        let error = loaded(text.as_bytes()).expect_err(expected);
        assert!(error.contains(expected), "{error}, not {expected}");
    }
}

#[test]
fn binary_files_may_say_solid_and_hold_more() {
    for header in [&b"solid or so it says"[..], b"SOLID\nfacet", b""] {
        let LoadedMesh { mesh, warnings } = loaded(&binary(header, &[0; 3])).expect("a mesh");
        assert_eq!((mesh.triangle_count(), warnings), (3, vec![]));
        let longer = [&binary(header, &[0; 3])[..], &[7; 60]].concat();
        let LoadedMesh { mesh, warnings } = loaded(&longer).expect("a mesh");
        assert_eq!(mesh.triangle_count(), 3);
        assert_eq!(warnings, ["a.stl: 60 bytes behind the 3 triangles that the header promises are left out"]);
    }
    // A header of text up to its end, as some programs fill it with blanks.
    let blanks = binary(&[&b"solid part"[..], &[b' '; 70]].concat(), &[0; 2]);
    assert_eq!(loaded(&blanks).expect("a mesh").mesh.triangle_count(), 2);
    let error = loaded(&binary(b"part", &[0; 3])[..200]).expect_err("cut");
    assert!(error.ends_with("the file is cut: its header promises 3 triangles, but it holds 2"), "{error}");
    let mut uncounted = binary(b"part", &[0; 3]);
    uncounted[80] = 0;
    let error = loaded(&uncounted).expect_err("no count");
    assert!(error.ends_with("its header promises no triangles, but 3 may follow it"), "{error}");
    assert!(loaded(&[0; 50]).expect_err("short").contains("only 50 bytes"));
}

#[test]
fn facets_of_binary_files_keep_their_colours() {
    let (red, blue) = (31 << 10 | 0x8000, 31 | 0x8000);
    let LoadedMesh { mesh, warnings } = loaded(&binary(b"VisCAM", &[red, blue, 0])).expect("a mesh");
    assert_eq!((colors(&mesh), warnings), (vec![[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.8; 3]], vec![]));
    let magics = b"COLOR=\xff\x00\x00\xff,MATERIAL=";
    let LoadedMesh { mesh, warnings } = loaded(&binary(magics, &[31, 31 << 10, 0x8000])).expect("a mesh");
    assert_eq!((colors(&mesh), warnings), (vec![[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], vec![]));
    assert_eq!(colors(&loaded(&binary(magics, &[0, 0])).expect("a mesh").mesh), [[1.0, 0.0, 0.0]; 2]);
    let warnings = loaded(&binary(b"", &[5, 0])).expect("a mesh").warnings;
    assert_eq!(warnings, ["a.stl: 1 triangles have attributes that are no known colours, and are left plain"]);
}

proptest! {
    /// Whatever the bytes are, loading ends with a valid mesh or an error.
    #[test]
    fn no_bytes_make_it_panic(
        words in prop::collection::vec("(solid|endsolid|end|facet|normal|outer|loop|endloop|endfacet|vertex 0 1|[0-9]|1e9|nan|\n|é)", 0..60),
        raw in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let text = format!("{}{}", solid("a", 0.0), words.join(" "));
        for bytes in [text.as_bytes(), &raw, &[&binary(b"solid", &[7; 2])[..], &raw].concat()] {
            if let Ok(loaded) = loaded(bytes) {
                prop_assert_eq!(loaded.mesh.validate(), Ok(()));
            }
        }
    }
}
