use std::fs;
use std::path::Path;

use super::load_ply;
use crate::scene::files::measured::{area, extent};
use crate::scene::files::{LoadedMesh, load_mesh};
use crate::scene::{Material, Mesh};

/// A file of text: the properties of vertices and faces, and their values.
fn ascii(comments: &str, vertex: &[&str], vertices: &[&str], face: &[&str], faces: &[&str]) -> String {
    let declared = |properties: &[&str]| properties.iter().map(|line| format!("property {line}\n")).collect::<String>();
    format!(
        "ply\nformat ascii 1.0\n{comments}element vertex {}\n{}element face {}\n{}end_header\n{}\n{}\n",
        vertices.len(),
        declared(vertex),
        faces.len(),
        declared(face),
        vertices.join("\n"),
        faces.join("\n"),
    )
}

const XYZ: [&str; 3] = ["float x", "float y", "float z"];
const LIST: &str = "list uchar int vertex_indices";
const SQUARE: [&str; 4] = ["0 0 0", "1 0 0", "1 1 0", "0 1 0"];

/// A square with further columns of its vertices and faces.
fn square(comments: &str, columns: &[&str], values: &[&str], face: &[&str], values_of_face: &str) -> String {
    let vertex = [&XYZ, columns].concat();
    let rows: Vec<String> =
        SQUARE.iter().enumerate().map(|(i, row)| format!("{row} {}", values.get(i).unwrap_or(&""))).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    ascii(comments, &vertex, &rows, &[&[LIST], face].concat(), &[&format!("4 0 1 2 3 {values_of_face}")])
}

fn loaded(text: &str) -> LoadedMesh {
    load_ply(Path::new("a.ply"), text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn mesh(text: &str) -> Mesh {
    let LoadedMesh { mesh, warnings } = loaded(text);
    assert_eq!(warnings, [""; 0], "{text}");
    mesh
}

fn refusal(bytes: &[u8]) -> String {
    load_ply(Path::new("a.ply"), bytes).expect_err(&String::from_utf8_lossy(bytes)).to_string()
}

#[test]
fn colours_are_read_in_all_spellings() {
    let orange = [1.0, 0.5, 0.0];
    let whole = ["255 128 0"; 4];
    let cases: [(&[&str], &[&str]); 8] = [
        (&["uchar red", "uchar green", "uchar blue"], &whole),
        (&["uint8 Red", "uint8 Green", "uint8 Blue", "uint8 Alpha"], &["255 128 0 255"; 4]),
        (&["uchar diffuse_red", "uchar diffuse_green", "uchar diffuse_blue"], &whole),
        (&["uchar r", "uchar g", "uchar b"], &whole),
        (&["ushort red", "ushort green", "ushort blue"], &["65535 32768 0"; 4]),
        (&["float red", "float green", "float blue"], &["1 0.5 0"; 4]),
        (&["float red", "float green", "float blue", "float alpha"], &["255 127.5 0 1"; 4]),
        (&["int red", "int green", "int blue"], &whole),
    ];
    for (columns, values) in cases {
        let mesh = mesh(&square("", columns, values, &[], ""));
        assert_eq!((mesh.materials.len(), mesh.materials[0].color), (1, orange), "{columns:?}");
    }
    for (columns, value) in [
        (&["uchar red", "uchar green", "uchar blue"][..], "255 128 0"),
        (&["float red", "float green", "float blue", "float alpha"], "1 0.5 0 1"),
    ] {
        assert_eq!(mesh(&square("", &[], &[], columns, value)).materials[0].color, orange, "of the face: {columns:?}");
    }
}

#[test]
fn of_colours_of_vertices_and_faces_those_that_vary_are_drawn() {
    let rgb = ["uchar red", "uchar green", "uchar blue"];
    let vertex: Vec<&str> = XYZ.into_iter().chain(rgb).collect();
    let face: Vec<&str> = [LIST].into_iter().chain(rgb).collect();
    let faces = ["3 0 1 2 255 0 0", "3 0 2 3 0 0 255"];
    let grey = SQUARE.map(|row| format!("{row} 128 128 128"));
    let of_faces = mesh(&ascii("", &vertex, &grey.each_ref().map(String::as_str), &face, &faces));
    assert_eq!(of_faces.materials.iter().map(|m| m.color).collect::<Vec<_>>(), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]);
    let green = [0, 1, 2, 3].map(|i| format!("{} 0 255 {i}", SQUARE[i]));
    let both = loaded(&ascii("", &vertex, &green.each_ref().map(String::as_str), &face, &faces));
    assert_eq!(both.mesh.materials[0].color, [0.0, 1.0, 0.0]);
    assert!(both.warnings.len() == 1 && both.warnings[0].contains("of vertices and of faces"), "{:?}", both.warnings);
}

#[test]
fn what_looks_like_a_colour_and_is_not_read_is_named() {
    let LoadedMesh { mesh, warnings } = loaded(&square(
        "",
        &["float quality", "uint rgba", "float intensity"],
        &["1 2 3"; 4],
        &["int material_index"],
        "0",
    ));
    assert_eq!(mesh.materials, [Material::default()]);
    assert_eq!(
        warnings,
        [
            "a.ply: properties of element vertex that are not drawn: rgba, intensity",
            "a.ply: properties of element face that are not drawn: material_index"
        ]
    );
    let clear =
        loaded(&square("", &["uchar red", "uchar green", "uchar blue", "uchar alpha"], &["9 9 9 40"; 4], &[], ""));
    assert!(clear.warnings.len() == 1 && clear.warnings[0].contains("see-through"), "{:?}", clear.warnings);
}

fn picture(red: u8) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([red, x as u8 * 60, 10]));
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
}

/// The mesh of a text beside two pictures, `wall 1.png` and `b.png`.
fn beside_pictures(text: &str) -> LoadedMesh {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("wall 1.png"), picture(100)).expect("a file");
    fs::write(folder.path().join("b.png"), picture(200)).expect("a file");
    fs::write(folder.path().join("a.ply"), text).expect("a file");
    load_mesh(&folder.path().join("a.ply")).expect("a mesh")
}

#[test]
fn textures_are_read_in_all_spellings() {
    let named = "comment TextureFile wall 1.png\n";
    let uvs = ["0 0", "1 0", "1 1", "0 1"];
    let expected = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0_f32]];
    let texts = [
        square(named, &["float texture_u", "float texture_v"], &uvs, &[], ""),
        square(named, &["float s", "float t"], &uvs, &[], ""),
        square(named, &["double U", "double V"], &uvs, &[], ""),
        square("obj_info texturefile WALL 1.PNG\n", &["float u", "float v"], &uvs, &[], ""),
        square(named, &[], &[], &["list uchar float texcoord"], "8 0 0 1 0 1 1 0 1"),
        square(named, &[], &[], &["list uchar float texcoord", "int texnumber"], "8 0 0 1 0 1 1 0 1 0"),
    ];
    for text in texts {
        let LoadedMesh { mesh, warnings } = beside_pictures(&text);
        assert_eq!((warnings.as_slice(), mesh.uvs.as_slice()), (&[][..], &expected[..]), "{text}");
        let material = &mesh.materials[0];
        assert!(material.color == [1.0; 3] && material.texture.as_ref().is_some_and(|t| t.rgb[0] == 100), "{text}");
    }
}

#[test]
fn faces_choose_among_several_pictures() {
    let face = [LIST, "list uchar float texcoord", "int texnumber"];
    let faces = ["3 0 1 2 6 0 0 1 0 1 1 1", "3 0 2 3 6 0 0 1 1 0 1 0", "3 0 1 3 0 -1"];
    let comments = "comment TextureFile wall 1.png\ncomment TextureFile b.png\n";
    let LoadedMesh { mesh, warnings } = beside_pictures(&ascii(comments, &XYZ, &SQUARE, &face, &faces));
    assert_eq!(warnings, [""; 0]);
    let of = |triangle: usize| mesh.materials[mesh.triangles[triangle].material as usize].texture.clone();
    assert_eq!([0, 1, 2].map(|triangle| of(triangle).map(|texture| texture.rgb[0])), [Some(200), Some(100), None]);
}

#[test]
fn textures_that_cannot_be_drawn_are_warnings() {
    let columns = ["float u", "float v"];
    for (text, expected) in [
        (square("comment TextureFile gone.png\n", &columns, &["0 0"; 4], &[], ""), "texture gone.png"),
        (square("comment TextureFile a.ply\n", &columns, &["0 0"; 4], &[], ""), "texture a.ply"),
        (square("comment TextureFile b.png\n", &[], &[], &[], ""), "no texture coordinates"),
        (square("", &columns, &["0 0"; 4], &[], ""), "TextureFile NAME"),
        (
            square(
                "comment TextureFile b.png\n",
                &[],
                &[],
                &["list uchar float texcoord", "int texnumber"],
                "8 0 0 1 0 1 1 0 1 4",
            ),
            "not listed",
        ),
    ] {
        let warnings = beside_pictures(&text).warnings;
        assert!(warnings.len() == 1 && warnings[0].contains(expected), "{warnings:?}, not {expected}");
    }
    // The picture was made of the colours.
    let rgb = ["float u", "float v", "uchar red", "uchar green", "uchar blue"];
    let both = beside_pictures(&square("comment TextureFile b.png\n", &rgb, &["0 0 9 9 9"; 4], &[], ""));
    assert_eq!(both.mesh.materials[0].color, [1.0; 3]);
    assert!(both.warnings[0].contains("both a texture and colours"), "{:?}", both.warnings);
    let instead = beside_pictures(&square("comment TextureFile gone.png\n", &rgb, &["0 0 255 0 0"; 4], &[], ""));
    assert_eq!(instead.mesh.materials[0].color, [1.0, 0.0, 0.0], "colours in place of a picture that is not there");
}

#[test]
fn concave_polygons_and_strips_cover_their_area() {
    let corner = ["0 0 0", "2 0 0", "2 1 0", "1 1 0", "1 2 0", "0 2 0"];
    for first in 0..6 {
        let turned: Vec<String> = (0..6).map(|i| ((first + i) % 6).to_string()).collect();
        let text = ascii("", &XYZ, &corner, &[LIST], &[&format!("6 {}", turned.join(" "))]);
        assert_eq!((mesh(&text).triangle_count(), area(&mesh(&text))), (4, 3.0), "from corner {first}");
    }
    // Two strips: the upper half of a square, and the lower half of one beside it.
    let strips = "ply\nformat ascii 1.0\nelement vertex 6\nproperty float x\nproperty float y\nproperty float z\n\
                  element tristrips 1\nproperty list int int vertex_indices\nend_header\n\
                  0 0 0\n1 0 0\n0 1 0\n1 1 0\n2 0 0\n2 1 0\n10 0 1 2 3 -1 1 4 3 5 5\n";
    let mesh = mesh(strips);
    assert_eq!((mesh.triangle_count(), area(&mesh)), (4, 2.0));
    assert!(mesh.normals.iter().all(|normal| *normal == [0.0, 0.0, 1.0]), "{:?}", mesh.normals);
}

#[test]
fn shape_survives_far_from_the_origin_and_stray_vertices() {
    let vertices = ["500000.0 4649776 100", "500000.6 4649776 100", "500000.6 4649776.4 100.5", "9 nan 9"];
    let columns = ["double x", "double y", "double z"];
    let mesh = mesh(&ascii("", &columns, &vertices, &[LIST], &["3 0 1 2"]));
    let got = extent(&mesh);
    assert!((0..3).all(|i| (got[i] - [0.6, 0.4, 0.5][i]).abs() < 1e-6), "{got:?}");
    assert_eq!(mesh.positions.len(), 3);
}

#[test]
fn headers_and_order_are_as_others_write_them() {
    let plain = square("", &[], &[], &[], "");
    let crlf = plain.replace('\n', "\r\n");
    let faces_first = "ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_index\nelement vertex 4\n\
                       property float x\nproperty float y\nproperty float z\nend_header\n4 0 1 2 3\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n";
    for text in [
        crlf,
        plain.replace('\n', "\r"),
        format!("\u{feff}{plain}"),
        plain.replace("element face", "obj_info n 4\ncomment\nELEMENT Face"),
        plain.replace("property float", "PROPERTY Float"),
        plain.replace("property float", "property\tfloat64 "),
        plain.replace("vertex_indices", "vertex_index"),
        plain.replace("end_header", "element nothing 0\nelement user 2\nend_header"),
        faces_first.into(),
        plain + "\n \0\n",
    ] {
        assert_eq!(area(&mesh(&text)), 1.0, "{text}");
    }
    let latin =
        [b"ply\nformat ascii 1.0\ncomment St\xfctze\n", faces_first.split_once("1.0\n").expect("a head").1.as_bytes()]
            .concat();
    assert!(load_ply(Path::new("a.ply"), &latin).is_ok());
    let behind = loaded(&(faces_first.to_owned() + "3 0 1 2\n"));
    assert!(behind.warnings[0].contains("bytes behind the last element"), "{:?}", behind.warnings);
    let edges = faces_first
        .replace("end_header\n", "element edge 1\nproperty int vertex1\nproperty int vertex2\nend_header\n")
        + "0 1\n";
    assert!(loaded(&edges).warnings[0].contains("1 elements edge"));
}

#[test]
fn binary_bodies_begin_with_any_byte() {
    // With line ends of one byte, a body may begin with the other.
    let mut bytes = b"ply\rformat binary_big_endian 1.0\relement vertex 3\rproperty uchar x\rproperty short y\r\
                      property double z\relement face 1\rproperty list uchar uint64 vertex_indices\rend_header\r"
        .to_vec();
    for (x, y, z) in [(10_u8, 0_i16, 0.0_f64), (11, 0, 0.0), (10, 2, 0.0)] {
        bytes.push(x);
        bytes.extend(y.to_be_bytes());
        bytes.extend(z.to_be_bytes());
    }
    bytes.push(3);
    bytes.extend([0, 1, 2_u64].iter().flat_map(|v| v.to_be_bytes()));
    let mesh = load_ply(Path::new("a.ply"), &bytes).expect("a mesh").mesh;
    assert_eq!(extent(&mesh), [1.0, 2.0, 0.0]);
}

#[test]
fn what_is_wrong_is_quoted_and_placed() {
    let plain = square("", &[], &[], &[], "");
    for (text, expected) in [
        (plain.replace("4 0 1 2 3", "4 0 1 2 7"), "face 0 names vertex 7, but there are 4"),
        (plain.replace("4 0 1 2 3", "4 0 1 2 -7"), "face 0 names a vertex by a number that is none"),
        (plain.replace("4 0 1 2 3", "4 0 1 2 1.5"), "face 0 names a vertex by a number that is none"),
        (plain.replace("1 1 0", "1 1,5 0"), "vertex 2: y: `1,5` has a decimal comma"),
        (plain.replace("1 1 0", "1 high 0"), "vertex 2: y: `high` is no number"),
        (plain.replace("1 1 0", "1 nan 0"), "vertex 2 of face 0 has a coordinate that is not finite: `NaN`"),
        (plain.replace("4 0 1 2 3", "99 0 1 2 3"), "face 0: a list vertex_indices of 99 values"),
        (plain.replace("4 0 1 2 3", "4 0 1 2"), "face 0: vertex_indices: the file ends early"),
        (plain.replace("vertex_indices", "corners"), "element face has no vertex_indices, but corners"),
        (
            plain.replace("4 0 1 2 3", "").replace("element face 1", "element face 0"),
            "4 points and no face: a point cloud",
        ),
        (plain.replace("float z", "half z"), "unknown type half"),
        (
            plain.replace("element vertex", "element vertex 4\nproperty float x\nelement vertex"),
            "vertices have no x, y and z",
        ),
    ] {
        let error = refusal(text.as_bytes());
        assert!(error.contains(expected) && error.starts_with("a.ply: "), "{error}, not {expected}");
    }
}

#[test]
fn damaged_files_end_in_a_mesh_or_an_error() {
    use rand::{RngExt, SeedableRng};
    let face = ["list uchar float texcoord", "int texnumber", "uchar red", "uchar green", "uchar blue"];
    let sample = square(
        "comment TextureFile gone.png\n",
        &["float nx", "float ny", "float nz", "float s"],
        &["0 0 1 1"; 4],
        &face,
        "8 0 0 1 0 1 1 0 1 0 1 2 3",
    );
    let strips = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n\
                  element tristrips 1\nproperty list int int vertex_indices\nend_header\n\
                  0 0 0\n1 0 0\n0 1 0\n1 1 0\n6 0 1 2 3 -1 1\n";
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(12);
    for sample in [sample.as_bytes(), strips.as_bytes()] {
        let (body, mut accepted) =
            (sample.windows(10).position(|word| word == b"end_header").expect("a header") + 11, 0);
        for round in 0..3000 {
            let mut bytes = sample.to_vec();
            for _ in 0..rng.random_range(1..4) {
                // Few files whose header is damaged get any further.
                let first = if round % 2 == 0 { body } else { 0 };
                let at = rng.random_range(first..bytes.len());
                bytes[at] = if round % 2 == 0 { b"0123456789.-en \n"[rng.random_range(0..16)] } else { rng.random() };
            }
            if let Ok(loaded) = load_ply(Path::new("a.ply"), &bytes) {
                assert_eq!(loaded.mesh.validate(), Ok(()), "round {round}");
                accepted += 1;
            }
        }
        assert!(accepted > 100, "only {accepted} of 3000 are read: the damage is too coarse to test much");
    }
}
