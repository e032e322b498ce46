use std::collections::HashMap;
use std::io::{self, Cursor, Error, ErrorKind};
use std::path::Path;

use proptest::prelude::*;

use image::{DynamicImage, ImageFormat, RgbaImage};

use super::*;
use crate::scene::Mesh;
use crate::scene::files::measured::colors;

/// Three triangles in a row along x; `usemtl` before each.
const ROW: &str = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 2 0 0\nv 3 0 0\nv 2 1 0\nv 4 0 0\nv 5 0 0\nv 4 1 0\n\
                   usemtl red\nf 1 2 3\nusemtl green\nf 4 5 6\nusemtl blue\nf 7 8 9\n";
const COLORS: &str = "newmtl red\nKd 1 0 0\nnewmtl green\nKd 0 1 0\nnewmtl blue\nKd 0 0 1\n";
const RED: [f32; 3] = [1.0, 0.0, 0.0];
const GREEN: [f32; 3] = [0.0, 1.0, 0.0];
const BLUE: [f32; 3] = [0.0, 0.0, 1.0];
const PLAIN: [f32; 3] = [0.8; 3];
/// Statements of OBJ and MTL files with all kinds of values, as a regular expression.
const STATEMENT: &str = "(v|vt|vn|f|l|p|o|g|s|usemtl|newmtl|mtllib|Kd|Ks|Ns|d|Tr|map_Kd|-s|#|\\\\)( |/|-|\t|[0-4]|1e9|nan|\\.5|a|é|\\\\|\r){0,14}";

/// The mesh of the first text, which finds the other files.
fn loaded(obj: impl AsRef<[u8]>, files: &[(&str, &[u8])]) -> Result<LoadedMesh, String> {
    let files: HashMap<&str, &[u8]> = files.iter().copied().collect();
    let resolve = |name: &str| -> io::Result<Vec<u8>> {
        files.get(name).map(|bytes| bytes.to_vec()).ok_or_else(|| Error::from(ErrorKind::NotFound))
    };
    load_obj(Path::new("a.obj"), obj.as_ref(), resolve).map_err(|error| error.to_string())
}

fn mesh_and_warnings(obj: impl AsRef<[u8]>, files: &[(&str, &[u8])]) -> (Mesh, Vec<String>) {
    let LoadedMesh { mesh, warnings } = loaded(obj, files).expect("a mesh");
    (mesh, warnings)
}

fn picture(format: ImageFormat, alpha: u8) -> Vec<u8> {
    let rgba = RgbaImage::from_fn(4, 4, |x, _| image::Rgba([x as u8 * 80, 100, 100, if x == 0 { alpha } else { 255 }]));
    let (mut bytes, rgba) = (Cursor::new(Vec::new()), DynamicImage::ImageRgba8(rgba));
    let picture = if format == ImageFormat::Png { rgba } else { rgba.into_rgb8().into() };
    picture.write_to(&mut bytes, format).expect("memory takes it");
    bytes.into_inner()
}

#[test]
fn text_may_have_marks_any_line_ends_and_any_encoding() {
    let obj = format!("mtllib a.mtl\n{ROW}");
    let utf16 =
        |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect() };
    let cases: [(&str, Vec<u8>, Vec<u8>); 9] = [
        ("plain", obj.clone().into(), COLORS.into()),
        ("byte order marks", format!("\u{feff}{obj}").into(), format!("\u{feff}{COLORS}").into()),
        ("UTF-16", utf16(&obj), utf16(COLORS)),
        ("CRLF", obj.replace('\n', "\r\n").into(), COLORS.replace('\n', "\r\n").into()),
        ("CR", obj.replace('\n', "\r").into(), COLORS.replace('\n', "\r").into()),
        ("tabs", obj.replace(' ', "\t").into(), COLORS.replace(' ', " \t").into()),
        ("comments", obj.replace('\n', " # here\n").into(), COLORS.replace('\n', " # here\n#\n").into()),
        ("continued lines", obj.replace("f 1 2", "f 1 \\\n2").into(), COLORS.replace("Kd 1", "Kd \\\r\n1").into()),
        ("Latin-1", [b"# Gr\xfc\xdfe\n", obj.as_bytes()].concat(), [b"# \xfc\n", COLORS.as_bytes()].concat()),
    ];
    for (name, obj, mtl) in cases {
        let (mesh, warnings) = mesh_and_warnings(obj, &[("a.mtl", &mtl)]);
        assert_eq!((colors(&mesh), warnings), (vec![RED, GREEN, BLUE], vec![]), "{name}");
        assert_eq!(mesh.positions[4], [3.0, 0.0, 0.0], "{name}");
    }
    // Names are compared byte by byte, whatever they mean.
    let in_gbk = |text: &str| -> Vec<u8> {
        let red = [&b"\xc1\xe3"[..], b"\xbc\xfe"].concat();
        text.split("red").map(str::as_bytes).collect::<Vec<_>>().join(&red[..])
    };
    let (mesh, _) = mesh_and_warnings(in_gbk(&obj), &[("a.mtl", &in_gbk(COLORS))]);
    assert_eq!(colors(&mesh), [RED, GREEN, BLUE]);
}

#[test]
fn indices_count_from_both_ends() {
    let plain = mesh_and_warnings("v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 1\nvn 0 0 -2\nf 1/1/1 2/1/1 3/1/1\n", &[]).0;
    assert_eq!((plain.normals[0], plain.uvs[0]), ([0.0, 0.0, -1.0], [0.0, 1.0]));
    for obj in [
        "v 0 0 0 1.0\nv 1 0 0 1.0\nv 0 1 0 1.0\nvt 0 1\nvn 0 0 -2\nf -3/-1/-1 -2/-1/-1 -1/-1/-1\n",
        "f 1/1/1 2/1/1 3/1/1\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 1 0\nvn 0 0 -2\n",
        "V 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 1\nvn 0 0 -2\nfo 1/1/1 2/1/1 3/1/1\n",
    ] {
        assert_eq!(mesh_and_warnings(obj, &[]), (plain.clone(), vec![]), "{obj}");
    }
    let no_uv = mesh_and_warnings("v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0 -1\nf 1//1 2//1 3//1\n", &[]).0;
    assert_eq!(no_uv.normals, [[0.0, 0.0, -1.0]; 3]);
}

#[test]
fn broken_lines_are_named() {
    let start = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
    for (rest, expected) in [
        ("f 1 2 9", "line 4: a face names vertex 9, but there are 3"),
        ("f 1 2 -4", "line 4: a face names vertex `-4`, but vertices count from 1 or back from -1, to -3"),
        ("f 0 1 2", "line 4: a face names vertex `0`"),
        ("f 1 2 x", "line 4: a face names vertex `x`, which is no whole number"),
        ("f 1 2 99999999999999999999", "which is no whole number"),
        ("f", "line 4: a face has no corners"),
        ("v 1,5 0 0", "line 4: `1,5` has a decimal comma"),
        ("v 1 2", "line 4: a vertex has fewer than 3 coordinates"),
        ("v 1 2 # 3", "line 4: a vertex has fewer than 3 coordinates"),
        ("v inf 0 0\nf 1 2 4", "line 5: a face names a vertex that cannot be drawn, of line 4: `inf`"),
        ("v 1e16 0 0\nf 1 2 4", "larger than 1e15"),
        ("l 1 2", "there is no triangle in it, only 1 lines or points"),
    ] {
        let error = loaded(format!("{start}{rest}\n"), &[]).expect_err(expected);
        assert!(error.starts_with("a.obj: ") && error.contains(expected), "{rest}: {error}, not {expected}");
    }
}

#[test]
fn what_is_not_drawn_is_counted() {
    let face = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n";
    for (line, expected) in [
        ("l 1 2\nl 2 3\np 1", "3 lines and points are not drawn, the first is line 5: `l 1 2`"),
        ("f 1 2", "1 lines and points are not drawn, the first is line 5: `f 1 2`"),
        ("surf 0 1 0 1 1 2 3", "1 free-form curves and surfaces are not drawn"),
        ("vn 0 0 zero", "1 normals, texture coordinates or colours cannot be read"),
        ("vt nan 0", "1 normals, texture coordinates or colours cannot be read"),
        ("f 1/-9 2/-9 3/-9", "3 normals, texture coordinates or colours cannot be read"),
        ("v 1 2 3 red green blue", "1 normals, texture coordinates or colours"),
        ("made by hand", "1 statements are unknown and left out, the first is line 5: `made by hand`"),
        ("usemtl", "1 statements are unknown"),
        ("#MRGB ffffffff", "the colours in comments (#MRGB) are not read"),
    ] {
        let (mesh, warnings) = mesh_and_warnings(format!("{face}{line}\n"), &[]);
        assert!(warnings.len() == 1 && warnings[0].contains(expected), "{line}: {warnings:?}");
        assert!(mesh.triangle_count() >= 1);
    }
    let quiet = format!("{face}s off\ng a b\no c\nlod 1\nvp 0 1\nv nan nan nan\n# made by hand\n");
    assert_eq!(mesh_and_warnings(quiet, &[]).1, [""; 0], "a vertex that no face names may be anything");
}

#[test]
fn materials_come_from_several_files_in_any_order() {
    let (red, rest) = COLORS.split_at(COLORS.find("newmtl green").expect("there"));
    let files: &[(&str, &[u8])] =
        &[("a b.mtl", red.as_bytes()), ("c.mtl", rest.as_bytes()), ("sub/all.mtl", COLORS.as_bytes())];
    for obj in [
        format!("mtllib a b.mtl c.mtl\n{ROW}"),
        format!("mtllib a b.mtl\nmtllib c.mtl\n{ROW}"),
        format!("{ROW}mtllib c.mtl a b.mtl\n"),
        format!("mtllib sub/all.mtl # materials\n{ROW}"),
        format!("mtllib \"sub/all.mtl\"\n{ROW}"),
    ] {
        let (mesh, warnings) = mesh_and_warnings(&obj, files);
        assert_eq!((colors(&mesh), warnings), (vec![RED, GREEN, BLUE], vec![]), "{obj}");
    }
    let named = ROW.replace("usemtl red", "usemtl Wall #25");
    let mtl = COLORS.replace("newmtl red", "newmtl Wall #25");
    let (mesh, _) = mesh_and_warnings(format!("mtllib m\n{named}"), &[("m", mtl.as_bytes())]);
    assert_eq!(colors(&mesh), [RED, GREEN, BLUE]);
}

#[test]
fn materials_that_nobody_describes_are_named() {
    let (mesh, warnings) = mesh_and_warnings(ROW, &[]);
    assert_eq!(colors(&mesh), [PLAIN; 3]);
    assert_eq!(warnings[0], "a.obj: material red: there is no mtllib; its faces are plain");
    assert_eq!(warnings.len(), 3);
    let (mesh, warnings) = mesh_and_warnings(format!("mtllib m\n{ROW}"), &[("m", b"newmtl green\nKd 0 1 0\n")]);
    assert_eq!(colors(&mesh), [PLAIN, GREEN, PLAIN]);
    assert_eq!(warnings[1], "a.obj: material blue: no material file describes it; its faces are plain");
    let (_, warnings) = mesh_and_warnings(format!("mtllib m.mtl n.mtl\n{ROW}"), &[("m.mtl", COLORS.as_bytes())]);
    assert!(warnings.len() == 1 && warnings[0].starts_with("a.obj: materials n.mtl: "), "{warnings:?}");
}

#[test]
fn vertex_colours_become_materials() {
    let with = |colors: [&str; 3]| -> String {
        let mut lines: Vec<String> =
            ROW.lines().filter(|line| !line.starts_with("usemtl")).map(str::to_owned).collect();
        lines[..9].iter_mut().zip(0..).for_each(|(line, k): (_, usize)| line.push_str(colors[k / 3]));
        lines.join("\n")
    };
    for (colors_of, expected) in [
        ([" 1 0 0", " 0 1 0", " 0 0 1"], [RED, GREEN, BLUE]),
        ([" 1 0 0 1", " 0 1 0 1", " 0 0 1 1"], [RED, GREEN, BLUE]),
        ([" 255 0 0", " 0 255 0", " 0 0 255"], [RED, GREEN, BLUE]),
        ([" 255 0 0 255", " 0 255 0 255", " 0 0 255 255"], [RED, GREEN, BLUE]),
        ([" 1 0 0", "", " 0 0 1"], [RED, PLAIN, BLUE]),
        (["", " 1", " 0 0 1"], [PLAIN, PLAIN, BLUE]),
    ] {
        let (mesh, warnings) = mesh_and_warnings(with(colors_of), &[]);
        assert_eq!((colors(&mesh), warnings), (expected.to_vec(), vec![]), "{colors_of:?}");
    }
    let (_, warnings) = mesh_and_warnings(with([" 1 0 0 0.5", " 0 1 0 1", " 0 0 1 1"]), &[]);
    assert_eq!(warnings, ["a.obj: 1 faces have colours that are see-through, and are drawn opaque"]);
    // A material's colour and a vertex's multiply in linear light: sRGB .735 is linear .5.
    let both = "mtllib m\nusemtl a\nv 0 0 0 0.5 1 0\nv 1 0 0 0.5 1 0\nv 0 1 0 0.5 1 0\nf 1 2 3\n";
    let (mesh, _) = mesh_and_warnings(both, &[("m", b"newmtl a\nKd 0.7353 0.7353 1\n")]);
    let [red, green, blue] = colors(&mesh)[0];
    assert!((red - 0.3612).abs() < 1e-3 && (green - 0.7353).abs() < 1e-6 && blue == 0.0, "{red} {green} {blue}");
}

/// A red base, and a pin within its outline or around it.
fn see_through(pin_size: f32) -> String {
    let cube = |low: f32, high: f32, first: usize| {
        let corner = |k: usize| [k & 1, k >> 1 & 1, k >> 2].map(|high_bit| if high_bit == 1 { high } else { low });
        let vertices: String = (0..8).map(corner).map(|[x, y, z]| format!("v {x} {y} {z}\n")).collect();
        let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let faces: String =
            faces.map(|f| format!("f {} {} {} {}\n", f[0] + first, f[1] + first, f[2] + first, f[3] + first)).concat();
        (vertices, faces)
    };
    let ((base, base_faces), (pin, pin_faces)) = (cube(-1.0, 1.0, 1), cube(-pin_size, pin_size, 9));
    format!("mtllib m\n{base}{pin}usemtl base\n{base_faces}usemtl pin\n{pin_faces}")
}

#[test]
fn see_through_materials_are_drawn_unless_they_enclose_the_rest() {
    let kept = "a.obj: 12 triangles of material pin are see-through (opacity 0.30) and drawn opaque";
    let dropped = "a.obj: 12 triangles of material pin are see-through (opacity 0.30) and left out, since they enclose \
                   everything else; make it opaque to have them drawn";
    for (size, mtl, triangles, said) in [
        (0.5, "newmtl base\nnewmtl pin\nd 0.3\n", 24, vec![kept]),
        (0.5, "newmtl base\nnewmtl pin\nTr 0.7\n", 24, vec![kept]),
        (0.5, "newmtl base\nnewmtl pin\nd 1\nTr 0\n", 24, vec![]),
        (0.5, "newmtl base\nnewmtl pin\nd 1\nTr 1\n", 24, vec![]),
        (2.0, "newmtl base\nnewmtl pin\nd 0.3\n", 12, vec![dropped]),
        (2.0, "newmtl base\nnewmtl pin\nd 1\nTr 1\n", 24, vec![]),
        (
            2.0,
            "newmtl base\nnewmtl pin\nTr 1\n",
            24,
            vec!["a.obj: material pin has `Tr 1` without `d`, which is taken for an opacity of 1"],
        ),
        (
            2.0,
            "newmtl base\nTr 0.8\nnewmtl pin\nTr 1\n",
            24,
            vec![
                "a.obj: material base has `Tr 0.8` without `d`, which is taken for an opacity of 0.8",
                "a.obj: material pin has `Tr 1` without `d`, which is taken for an opacity of 1",
                "a.obj: 12 triangles of material base are see-through (opacity 0.80) and drawn opaque",
            ],
        ),
    ] {
        let (mesh, warnings) = mesh_and_warnings(see_through(size), &[("m", mtl.as_bytes())]);
        assert_eq!(
            (mesh.triangle_count(), warnings),
            (triangles, said.iter().map(|s| (*s).to_owned()).collect()),
            "{mtl}"
        );
    }
}

#[test]
fn furniture_has_no_panes_but_glasses() {
    let obj = "mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nusemtl wood\nf 1 2 3\nusemtl pane\nf 1 2 3\n";
    for (mtl, triangles) in [
        ("newmtl wood\nd 1\nnewmtl pane\nd 0.2\n", 1),
        ("newmtl wood\nd 1\nnewmtl pane\nTr 0.8\n", 1),
        ("newmtl wood\nd 1\nnewmtl pane\nTr 1\n", 1),
        ("newmtl wood\nd 1\nnewmtl pane\nd 0.5\n", 2),
        ("newmtl wood\nd 0.1\nnewmtl pane\nd 0.2\n", 2),
    ] {
        let resolve = |_: &str| Ok(mtl.as_bytes().to_vec());
        let mesh = load_furniture(Path::new("a.obj"), obj.as_bytes(), resolve).expect("a mesh").mesh;
        assert_eq!(mesh.triangle_count(), triangles, "{mtl}");
    }
}

#[test]
fn textures_are_found_and_their_faults_cost_the_texture() {
    let obj = "mtllib sub/m\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n";
    let (png, jpeg) = (picture(ImageFormat::Png, 255), picture(ImageFormat::Jpeg, 255));
    let see_through = picture(ImageFormat::Png, 20);
    let files = |mtl: &'static str| -> Vec<(&'static str, &[u8])> {
        vec![
            ("sub/m", mtl.as_bytes()),
            ("sub/beside.png", &png),
            ("outer.png", &jpeg),
            ("clear.png", &see_through),
            ("old.bmp", b"BM\x9a\0\0\0\0\0\0\0"),
            ("text.png", b"no picture"),
        ]
    };
    for (mtl, has_texture, said) in [
        ("newmtl a\nKd 0 0 0\nmap_Kd beside.png\n", true, None),
        ("newmtl a\nKd 0 0 0\nmap_Kd outer.png\n", true, None),
        ("newmtl a\nmap_Kd -s 1 1 1 outer.png # wood\n", true, None),
        ("newmtl a\nmap_Kd clear.png\n", true, Some("texture clear.png is see-through in places, and drawn opaque")),
        ("newmtl a\nmap_Kd old.bmp\n", false, Some("texture old.bmp: it is a picture in Bmp format; convert it")),
        ("newmtl a\nmap_Kd text.png\n", false, Some("texture text.png: it is neither a PNG nor a JPEG picture")),
        ("newmtl a\nmap_Kd gone.png\n", false, Some("texture gone.png: ")),
    ] {
        let (mesh, warnings) = mesh_and_warnings(obj, &files(mtl));
        assert_eq!(mesh.materials[0].texture.is_some(), has_texture, "{mtl}");
        assert_eq!(warnings.len(), usize::from(said.is_some()), "{mtl}: {warnings:?}");
        assert!(said.is_none_or(|said| warnings[0].contains(said)), "{mtl}: {warnings:?}");
    }
    let black = mesh_and_warnings(obj, &files("newmtl a\nKd 0 0 0\nmap_Kd beside.png\n")).0;
    assert_eq!(black.materials[0].color, [1.0; 3]);
    let moved = mesh_and_warnings(obj, &files("newmtl a\nmap_Kd -s 2 3 -o 0.5 0 beside.png\n")).0;
    assert_eq!(moved.uvs, [[0.5, 0.0], [2.5, 0.0], [0.5, 3.0]]);
}

#[test]
fn a_face_without_attributes_costs_its_own() {
    let png = picture(ImageFormat::Png, 255);
    let obj = "mtllib m\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 1\nvt 0 0\nvt 1 0\nvt 0 1\nvn 0 0 -1\nvn 0 0 0\n";
    let files: &[(&str, &[u8])] = &[("m", b"newmtl a\nKd 1 1 1\nmap_Kd t.png\n"), ("t.png", &png)];
    for other in ["f 2 4 3", "f 2/2 4 3", "f 2/2/2 4/2/2 3/3/2", "f 2/9/9 4/1/1 3/1/1"] {
        let (mesh, warnings) = mesh_and_warnings(format!("{obj}f 1/1/1 2/2/1 3/3/1\n{other}\n"), files);
        let first = mesh.triangles[0];
        assert!(mesh.materials[first.material as usize].texture.is_some(), "{other}");
        assert_eq!(mesh.normals[first.vertices[0] as usize], [0.0, 0.0, -1.0], "{other}");
        let normal = mesh.normals[mesh.triangles[1].vertices[0] as usize];
        assert!((normal[2] - 0.577).abs() < 1e-3, "{other}: {normal:?}");
        let last = &mesh.materials[mesh.triangles[1].material as usize];
        if other == "f 2/2/2 4/2/2 3/3/2" {
            assert!(last.texture.is_some() && warnings.is_empty(), "{warnings:?}");
        } else {
            // The mean of 0, 80, 160 and 240.
            assert!(last.texture.is_none() && (last.color[0] - 120.0 / 255.0).abs() < 1e-6, "{other}: {last:?}");
            let said = "1 faces have a texture, but no texture coordinates; they are drawn in its mean colour";
            assert!(warnings.iter().any(|warning| warning.contains(said)), "{other}: {warnings:?}");
            assert_eq!(warnings.len() > 1, other.contains('9'), "{other}: {warnings:?}");
        }
    }
}

#[test]
fn what_lies_far_away_keeps_its_shape_and_what_is_unused_does_not_count() {
    let near =
        mesh_and_warnings("v 0 0 0\nv 0.6 0 0\nv 0 0.4 0\nv 0 0 0.06\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n", &[]).0;
    let far = "v 500000.0000 4649776.0000 100.0000\nv 500000.6000 4649776.0000 100.0000\nv 0 0 0\n\
               v 500000.0000 4649776.4000 100.0000\nv 500000.0000 4649776.0000 100.0600\nf 1 4 2\nf 1 2 5\nf 1 5 4\nf 2 4 5\n";
    let far = mesh_and_warnings(far, &[]).0;
    assert_eq!(near.positions[0], [0.0; 3], "near meshes keep their numbers");
    let (near, far) = (near.centred_and_scaled(1.0), far.centred_and_scaled(1.0));
    assert_eq!(near.triangles, far.triangles);
    for (near, far) in near.positions.iter().flatten().zip(far.positions.iter().flatten()) {
        assert!((near - far).abs() < 1e-6, "{near} {far}");
    }
}

proptest! {
    /// Whatever the bytes of the file and of those it names are, loading ends with a valid mesh or an error.
    #[test]
    fn no_text_makes_it_panic(statements in prop::collection::vec(STATEMENT, 0..12), raw in prop::collection::vec(any::<u8>(), 0..40)) {
        let text = format!("v 0 0 0\nv 1 0 0\nv 0 1 0\n{}\n", statements.join("\n"));
        let bytes = [text.as_bytes(), &raw].concat();
        let resolve = |_: &str| Ok(bytes.clone());
        for rule in [load_obj, load_furniture] {
            if let Ok(loaded) = rule(Path::new("a.obj"), &bytes[..], &resolve) {
                prop_assert_eq!(loaded.mesh.validate(), Ok(()));
            }
        }
    }
}

#[test]
fn faces_of_many_corners_may_be_concave() {
    let obj = "v 0 0 0\nv 60 0 0\nv 60 0 8\nv 8 0 8\nv 8 0 50\nv 0 0 50\nf 2 3 4 5 6 1\n";
    let (mesh, warnings) = mesh_and_warnings(obj, &[]);
    let area: f32 = mesh
        .triangles
        .iter()
        .map(|t| t.vertices.map(|vertex| mesh.positions[vertex as usize]))
        .map(|[a, b, c]| ((b[0] - a[0]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[0] - a[0])).abs() / 2.0)
        .sum();
    assert_eq!((mesh.triangle_count(), area, warnings), (4, 816.0, vec![]));
    let crossed = "v 0 0 0\nv 2 2 0\nv 2 0 0\nv 0 2 0\nf 1 2 3 4\n";
    let (mesh, warnings) = mesh_and_warnings(crossed, &[]);
    assert!(mesh.triangle_count() == 2 && warnings[0].contains("1 faces cross themselves"), "{warnings:?}");
}
