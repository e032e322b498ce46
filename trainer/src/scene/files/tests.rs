use std::fs;
use std::io;

use image::{ImageFormat, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::measured::area;
use super::*;

/// A unit square in the plane z = 0.
const SQUARE_OBJ: &str = "mtllib a.mtl\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n\
                          usemtl red\nf 1/1 2/2 3/3 4/4\n";
const RED_MTL: &str = "newmtl red\nKd 1 0 0\nKs 0.4 0.4 0.4\nNs 50\nmap_Kd -s 1 1 1 pics\\red wall.png\n";
const ASCII_STL: &str = "solid part\n facet normal 0 0 1\n  outer loop\n   vertex 0 0 0\n   vertex 1 0 0\n   vertex 0 1 0\n  \
                         endloop\n endfacet\nendsolid part\n";
const ASCII_PLY: &str = "ply\nformat ascii 1.0\ncomment a square\nelement vertex 4\nproperty float x\nproperty float y\n\
                         property float z\nproperty uchar red\nproperty uchar green\nproperty uchar blue\n\
                         element face 1\nproperty list uchar int vertex_indices\nend_header\n\
                         0 0 0 255 0 0\n1 0 0 255 0 0\n1 1 0 255 0 0\n0 1 0 255 0 0\n4 0 1 2 3\n";

fn picture() -> Vec<u8> {
    let mut bytes = io::Cursor::new(Vec::new());
    RgbImage::from_fn(4, 2, |x, _| image::Rgb([x as u8 * 60, 20, 10]))
        .write_to(&mut bytes, ImageFormat::Png)
        .expect("memory takes it");
    bytes.into_inner()
}

fn binary_stl() -> Vec<u8> {
    let mut bytes = b"solid, or so it says".to_vec();
    bytes.resize(80, 0);
    bytes.extend(1_u32.to_le_bytes());
    let numbers = [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0_f32];
    bytes.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend([0, 0]);
    bytes
}

fn binary_ply(big_endian: bool) -> Vec<u8> {
    let format = if big_endian { "binary_big_endian" } else { "binary_little_endian" };
    let mut bytes = ASCII_PLY.split_once("0 0 0 255").expect("a body").0.replace("ascii", format).into_bytes();
    for corner in [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0_f32]] {
        bytes.extend(corner.iter().flat_map(|v| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() }));
        bytes.extend([255, 0, 0]);
    }
    bytes.push(4);
    bytes.extend([0, 1, 2, 3_i32].iter().flat_map(|v| if big_endian { v.to_be_bytes() } else { v.to_le_bytes() }));
    bytes
}

/// A textured triangle, moved by its node.
fn glb() -> Vec<u8> {
    let picture = picture();
    let mut data: Vec<u8> =
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0_f32].iter().flat_map(|v| v.to_le_bytes()).collect();
    data.extend([0.0, 1.0, 1.0, 1.0, 0.0, 0.0_f32].iter().flat_map(|v| v.to_le_bytes()));
    data.extend([0, 1, 2_u16].iter().flat_map(|v| v.to_le_bytes()));
    data.extend([0, 0]);
    data.extend(&picture);
    data.resize(data.len().next_multiple_of(4), 0);
    let json = serde_json::json!({
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"children": [1], "translation": [10.0, 0.0, 0.0]}, {"mesh": 0, "scale": [2.0, 2.0, 2.0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorFactor": [1.0, 0.5, 0.0, 1.0], "baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}], "images": [{"bufferView": 3, "mimeType": "image/png"}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
            {"bufferView": 1, "componentType": 5126, "count": 3, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5123, "count": 3, "type": "SCALAR"}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 24},
            {"buffer": 0, "byteOffset": 60, "byteLength": 6},
            {"buffer": 0, "byteOffset": 68, "byteLength": picture.len()}],
        "buffers": [{"byteLength": data.len()}],
    });
    let mut json = json.to_string().into_bytes();
    json.resize(json.len().next_multiple_of(4), b' ');
    let total = 12 + 8 + json.len() + 8 + data.len();
    let mut bytes = b"glTF".to_vec();
    bytes.extend([2, total as u32, json.len() as u32].iter().flat_map(|v| v.to_le_bytes()));
    bytes.extend(b"JSON");
    bytes.extend(json);
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(b"BIN\0");
    bytes.extend(data);
    bytes
}

/// The mesh of files that are written to a folder; the first one is loaded.
fn loaded(files: &[(&str, &[u8])]) -> Result<LoadedMesh, SourceError> {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    load_mesh(&folder.path().join(files[0].0))
}

#[test]
fn obj_comes_with_its_materials_and_textures() {
    let picture = picture();
    let files: [(&str, &[u8]); 3] =
        [("a.obj", SQUARE_OBJ.as_bytes()), ("a.mtl", RED_MTL.as_bytes()), ("pics/red wall.png", &picture)];
    let LoadedMesh { mesh, warnings } = loaded(&files).expect("a mesh");
    assert_eq!(warnings, [""; 0]);
    assert_eq!((mesh.triangle_count(), mesh.positions.len(), area(&mesh)), (2, 4, 1.0));
    assert_eq!(mesh.normals, [[0.0, 0.0, 1.0]; 4]);
    let material = &mesh.materials[0];
    assert_eq!((material.color, material.shininess), ([1.0, 0.0, 0.0], 50.0));
    assert!((material.specular - 0.4).abs() < 1e-6);
    let texture = material.texture.as_ref().expect("a texture");
    assert_eq!((texture.width, texture.height, &texture.rgb[..6]), (4, 2, &[0, 20, 10, 60, 20, 10][..]));
}

#[test]
fn what_an_obj_lacks_becomes_a_warning() {
    let no_texture = loaded(&[("a.obj", SQUARE_OBJ.as_bytes()), ("a.mtl", RED_MTL.as_bytes())]).expect("a mesh");
    assert!(
        no_texture.warnings.len() == 1 && no_texture.warnings[0].contains("red wall.png"),
        "{:?}",
        no_texture.warnings
    );
    assert_eq!(no_texture.mesh.materials[0].color, [1.0, 0.0, 0.0]);
    let broken_texture: [(&str, &[u8]); 3] =
        [("a.obj", SQUARE_OBJ.as_bytes()), ("a.mtl", RED_MTL.as_bytes()), ("pics/red wall.png", b"no picture")];
    assert!(loaded(&broken_texture).expect("a mesh").warnings[0].contains("red wall.png"));
    let no_materials = loaded(&[("a.obj", SQUARE_OBJ.as_bytes())]).expect("a mesh");
    assert!(no_materials.warnings[0].contains("a.mtl"), "{:?}", no_materials.warnings);
    assert_eq!(no_materials.mesh.materials, [crate::scene::Material::default()]);
}

#[test]
fn stl_is_read_in_both_forms() {
    let binary = binary_stl();
    let nameless = ASCII_STL.replace("solid part", "solid");
    for bytes in [ASCII_STL.as_bytes(), nameless.as_bytes(), &binary] {
        let mesh = loaded(&[("a.stl", bytes)]).expect("a mesh").mesh;
        assert_eq!((mesh.triangle_count(), area(&mesh), mesh.normals[0]), (1, 0.5, [0.0, 0.0, 1.0]));
    }
}

#[test]
fn ply_is_read_in_all_forms() {
    for bytes in [ASCII_PLY.as_bytes().to_vec(), binary_ply(false), binary_ply(true)] {
        let mesh = loaded(&[("a.ply", &bytes)]).expect("a mesh").mesh;
        assert_eq!((mesh.triangle_count(), area(&mesh)), (2, 1.0));
        assert_eq!((mesh.materials.len(), mesh.materials[0].color), (1, [1.0, 0.0, 0.0]));
        assert_eq!(mesh.normals, [[0.0, 0.0, 1.0]; 4]);
    }
}

#[test]
fn ply_without_colours_may_hold_more_than_is_needed() {
    let text = "ply\nformat ascii 1.0\nelement note 1\nproperty list uchar float values\nelement vertex 3\nproperty double x\n\
                property double y\nproperty double z\nproperty float nx\nproperty float ny\nproperty float nz\n\
                property float quality\nelement face 1\nproperty uchar flags\nproperty list uint8 uint32 vertex_index\n\
                end_header\n2 8 9\n0 0 0 0 0 -1 7\n1 0 0 0 0 -1 7\n0 1 0 0 0 -1 7\n1 3 0 1 2\n";
    let mesh = loaded(&[("a.ply", text.as_bytes())]).expect("a mesh").mesh;
    assert_eq!((mesh.triangle_count(), mesh.normals[0]), (1, [0.0, 0.0, -1.0]));
}

#[test]
fn glb_comes_with_nodes_materials_and_textures() {
    let LoadedMesh { mesh, warnings } = loaded(&[("a.glb", &glb())]).expect("a mesh");
    assert_eq!(warnings, [""; 0]);
    // Doubled, moved along x, and y up became z up.
    assert_eq!(mesh.positions, [[10.0, 0.0, 0.0], [12.0, 0.0, 0.0], [10.0, 0.0, 2.0]]);
    assert_eq!(mesh.uvs, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    assert!((mesh.normals[0][1] + 1.0).abs() < 1e-6, "{:?}", mesh.normals[0]);
    let material = &mesh.materials[0];
    assert!((material.color[1] - 0.735).abs() < 0.001, "linear .5 is sRGB .735: {:?}", material.color);
    assert_eq!(material.texture.as_ref().map(|texture| (texture.width, texture.height)), Some((4, 2)));
}

#[test]
fn broken_files_are_named_with_the_reason() {
    let cases: [(&str, &str, &str); 22] = [
        ("a.txt", "hello", "not a mesh file"),
        ("a.obj", "", "empty"),
        ("a.obj", "hello", "there is no triangle"),
        ("a.obj", "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "line 4: a face names vertex 9, but there are 3"),
        ("a.obj", "v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3\n", "line 2: `nan` is not a finite number"),
        ("a.obj", "v 0 0 0\nv 1e30 0 0\nv 0 1 0\nf 1 2 3\n", "1e15"),
        ("a.obj", "v 0 zero 0\n", "line 1: `zero` is no number"),
        ("a.stl", "hello", "neither ASCII nor binary"),
        ("a.stl", "solid part\nfacet normal 0 0 1\nouter loop\n", "it ends within a facet"),
        ("a.stl", "solid part\nendsolid part\n", "there is no triangle"),
        ("a.ply", "hello\n", "does not begin with `ply`"),
        ("a.ply", "ply\nformat ascii 1.0\n", "no `end_header`"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 99999999999\nproperty float x\nend_header\n1", "do not fit"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nend_header\n1", "no x, y and z"),
        (
            "a.ply",
            "ply\nformat ascii 1.0\nelement face 1\nproperty list char int vertex_indices\nend_header\n-3 ",
            "list",
        ),
        ("a.ply", "ply\nformat ascii 1.0\nelement face 1\nproperty float x\nend_header\n1", "no vertex_indices"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty fraction x\nend_header\n1", "unknown type"),
        ("a.ply", "ply\nformat ebcdic 1.0\nend_header\n", "unknown format"),
        ("a.glb", "hello", "broken glTF"),
        ("a.gltf", "{}", "broken glTF"),
        ("a.gltf", "{\"asset\": {\"version\": \"2.0\"}}", "there is no triangle"),
        (
            "a.gltf",
            "{\"asset\": {\"version\": \"2.0\"}, \"buffers\": [{\"byteLength\": 4, \"uri\": \"gone.bin\"}]}",
            "no node of its scene has a mesh",
        ),
    ];
    for (name, text, expected) in cases {
        let error = loaded(&[(name, text.as_bytes())]).expect_err(text).to_string();
        assert!(error.contains(expected) && error.contains(name), "{text:?}: {error}, not {expected}");
    }
    let face = ASCII_PLY.replace("4 0 1 2 3", "4 0 1 2 7");
    assert!(loaded(&[("a.ply", face.as_bytes())]).expect_err("bad index").to_string().contains("names vertex 7"));
    let missing = load_mesh(Path::new("/nowhere/a.obj")).expect_err("missing").to_string();
    assert!(missing.contains("/nowhere/a.obj"), "{missing}");
}

#[test]
fn truncated_files_are_refused() {
    for (name, bytes) in [("a.stl", binary_stl()), ("a.ply", binary_ply(false)), ("a.glb", glb())] {
        for kept in (1..bytes.len()).step_by(7) {
            assert!(loaded(&[(name, &bytes[..kept])]).is_err(), "{name} cut to {kept} bytes");
        }
    }
}

/// Whatever the bytes are, loading ends with a valid mesh or an error.
#[test]
fn damaged_files_never_panic() {
    type Loader = fn(&Path, &[u8]) -> Result<LoadedMesh, SourceError>;
    let load_obj_alone: Loader = |path, bytes| load_obj(path, bytes, |_| Ok(RED_MTL.as_bytes().to_vec()));
    let samples: [(Loader, Vec<u8>); 7] = [
        (load_obj_alone, SQUARE_OBJ.as_bytes().to_vec()),
        (load_stl, ASCII_STL.as_bytes().to_vec()),
        (load_stl, binary_stl()),
        (load_ply, ASCII_PLY.as_bytes().to_vec()),
        (load_ply, binary_ply(false)),
        (load_ply, binary_ply(true)),
        (load_glb, glb()),
    ];
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (kind, (load, sample)) in samples.iter().enumerate() {
        for round in 0..1500 {
            let mut bytes = sample.clone();
            for _ in 0..rng.random_range(1..6) {
                damage(&mut bytes, &mut rng);
            }
            if let Ok(loaded) = load(Path::new("damaged"), &bytes) {
                assert_eq!(loaded.mesh.validate(), Ok(()), "sample {kind}, round {round}");
            }
        }
    }
}

/// Flips a bit, repeats or removes a part, or puts digits where there was something else.
fn damage(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let at = rng.random_range(0..bytes.len().max(1)).min(bytes.len().saturating_sub(1));
    let end = (at + rng.random_range(1..12)).min(bytes.len());
    match rng.random_range(0..4) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes.extend_from_within(at..end),
        2 if bytes.len() > 20 => drop(bytes.drain(at..end)),
        _ => bytes[at..end].fill(b"0919-.\n \xff"[rng.random_range(0..9)]),
    }
}
