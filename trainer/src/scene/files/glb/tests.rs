use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::load_glb;
use crate::scene::files::measured::{area, extent};
use crate::scene::files::{LoadedMesh, load_mesh};
use crate::scene::vector::{cross, sub};
use crate::scene::{Mesh, SourceError};

const FLOAT: u32 = 5126;
const U8: u32 = 5121;
const U16: u32 = 5123;

/// The data of a file, which grows by accessors.
#[derive(Default)]
struct File {
    data: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl File {
    fn view(&mut self, bytes: &[u8]) -> usize {
        self.views.push(json!({"buffer": 0, "byteOffset": self.data.len(), "byteLength": bytes.len()}));
        self.data.extend(bytes);
        self.data.resize(self.data.len().next_multiple_of(4), 0);
        self.views.len() - 1
    }

    fn accessor(&mut self, component: u32, shape: &str, count: usize, bytes: &[u8]) -> usize {
        let view = self.view(bytes);
        self.accessors.push(json!({"bufferView": view, "componentType": component, "count": count, "type": shape}));
        self.accessors.len() - 1
    }

    fn floats<const N: usize>(&mut self, items: &[[f32; N]]) -> usize {
        let bytes: Vec<u8> = items.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
        let shape = ["", "SCALAR", "VEC2", "VEC3", "VEC4"].get(N).copied().unwrap_or("MAT4");
        self.accessor(FLOAT, shape, items.len(), &bytes)
    }

    fn indices(&mut self, indices: &[u16]) -> usize {
        let bytes: Vec<u8> = indices.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.accessor(U16, "SCALAR", indices.len(), &bytes)
    }

    /// The document: `rest` with the data's description.
    fn document(&self, mut rest: Value) -> Value {
        for (key, value) in [
            ("asset", json!({"version": "2.0"})),
            ("accessors", json!(self.accessors)),
            ("bufferViews", json!(self.views)),
            ("buffers", json!([{"byteLength": self.data.len()}])),
        ] {
            if rest.get(key).is_none() {
                rest[key] = value;
            }
        }
        rest
    }

    fn glb(&self, rest: Value) -> Vec<u8> {
        packed(&self.document(rest), &self.data)
    }
}

fn packed(document: &Value, data: &[u8]) -> Vec<u8> {
    let mut json = document.to_string().into_bytes();
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

const TRIANGLE: [[f32; 3]; 3] = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];

/// A file of one triangle whose node, primitive and further parts are given.
fn triangle(file: &mut File, node: Value, primitive: Value, rest: Value) -> Vec<u8> {
    let positions = file.floats(&TRIANGLE);
    let mut node = node;
    node["mesh"] = json!(0);
    let mut primitive = primitive;
    if primitive["attributes"].get("POSITION").is_none() {
        primitive["attributes"]["POSITION"] = json!(positions);
    }
    let mut rest = rest;
    rest["scene"] = json!(0);
    rest["scenes"] = json!([{"nodes": [0]}]);
    rest["meshes"] = json!([{"primitives": [primitive]}]);
    if rest.get("nodes").is_none() {
        rest["nodes"] = json!([node]);
    } else {
        rest["nodes"][0] = node;
    }
    file.glb(rest)
}

fn loaded(bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    load_glb(Path::new("a.glb"), bytes)
}

fn mesh(bytes: &[u8]) -> Mesh {
    let LoadedMesh { mesh, warnings } = loaded(bytes).expect("a mesh");
    assert_eq!(warnings, [""; 0]);
    mesh
}

fn refusal(bytes: &[u8]) -> String {
    loaded(bytes).expect_err("to be refused").to_string()
}

#[track_caller]
fn assert_near<const N: usize>(got: [f32; N], expected: [f32; N]) {
    assert!((0..N).all(|i| (got[i] - expected[i]).abs() < 1e-3), "{got:?}, not {expected:?}");
}

/// A mesh on a node, and on its child, which the parent lifts.
fn family(scenes: Value) -> Vec<u8> {
    let mut file = File::default();
    let positions = file.floats(&TRIANGLE);
    let mut rest = json!({
        "nodes": [{"children": [1], "translation": [0, 5, 0]}, {"mesh": 0, "children": [2]}, {"mesh": 0, "translation": [0, 2, 0]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": positions}}]}],
    });
    if !scenes.is_null() {
        rest["scenes"] = scenes;
    }
    file.glb(rest)
}

#[test]
fn roots_are_nobodys_children_where_there_are_no_scenes() {
    let reference = mesh(&family(json!([{"nodes": [0]}])));
    assert_eq!((reference.triangle_count(), extent(&reference)), (2, [1.0, 0.0, 3.0]));
    assert_eq!(mesh(&family(Value::Null)), reference);
    // Not allowed, and drawn once.
    let listed = loaded(&family(json!([{"nodes": [0, 1, 2, 2]}]))).expect("a mesh");
    assert_eq!(listed.mesh, reference);
    assert!(
        listed.warnings.len() == 1 && listed.warnings[0].contains("lists node 1 as a root"),
        "{:?}",
        listed.warnings
    );
}

#[test]
fn the_default_scene_is_drawn_and_the_others_are_named() {
    let mut file = File::default();
    let positions = file.floats(&TRIANGLE);
    let scenes = |default: Value| {
        let mut rest = json!({
            "nodes": [{"mesh": 0}, {"mesh": 0, "scale": [2, 2, 2]}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": positions}}]}],
            "scenes": [{"nodes": [0], "name": "small"}, {"nodes": [1], "name": "large"}, {"nodes": []}],
        });
        if !default.is_null() {
            rest["scene"] = default;
        }
        file.glb(rest)
    };
    let LoadedMesh { mesh, warnings } = loaded(&scenes(json!(1))).expect("a mesh");
    assert_eq!(area(&mesh), 2.0);
    assert_eq!(warnings, ["a.glb: only its default scene, `large`, is drawn, and not `small`, 2"]);
    let first = loaded(&scenes(Value::Null)).expect("a mesh");
    assert_eq!(area(&first.mesh), 0.5);
    assert!(first.warnings[0].contains("only its first scene, `small`"), "{:?}", first.warnings);
    assert!(refusal(&scenes(json!(3))).contains("scene 3, but there are 3"));
    assert!(refusal(&scenes(json!(2))).contains("no node of its scene has a mesh"));
}

#[test]
fn nodes_that_make_no_trees_are_refused() {
    let mut file = File::default();
    let positions = file.floats(&TRIANGLE);
    for (nodes, expected) in [
        (json!([{"children": [1]}, {"children": [0], "mesh": 0}]), "its own ancestor"),
        (json!([{"children": [0], "mesh": 0}]), "its own ancestor"),
        (json!([{"children": [2]}, {"children": [2]}, {"mesh": 0}]), "a child of both node 0 and node 1"),
        (json!([{"children": [7], "mesh": 0}]), "child 7, but there are 1"),
        (json!([{"mesh": 4}]), "mesh 4, but there are 1"),
        (json!([{"mesh": 0, "skin": 1}]), "skin 1, but there are 0"),
    ] {
        let rest = json!({"nodes": nodes, "meshes": [{"primitives": [{"attributes": {"POSITION": positions}}]}]});
        let error = refusal(&file.glb(rest));
        assert!(error.contains(expected), "{error}, not {expected}");
    }
    // Deep trees are no cycles.
    let mut nodes: Vec<Value> = (1..3000).map(|child| json!({"children": [child]})).collect();
    nodes.push(json!({"mesh": 0}));
    let rest = json!({"nodes": nodes, "meshes": [{"primitives": [{"attributes": {"POSITION": positions}}]}]});
    assert_eq!(mesh(&file.glb(rest)).triangle_count(), 1);
}

#[test]
fn nodes_far_from_the_origin_keep_their_shape() {
    for node in [
        json!({"translation": [500_000.125, 4_649_776.25, 100.0], "scale": [0.001, 0.001, 0.001]}),
        json!({"matrix": [0.001, 0, 0, 0, 0, 0.001, 0, 0, 0, 0, 0.001, 0, 500_000.125, 4_649_776.25, 100, 1]}),
    ] {
        let mesh = mesh(&triangle(&mut File::default(), node, json!({}), json!({})));
        let [x, y, z] = extent(&mesh);
        assert!((x - 0.001).abs() < 1e-8 && y == 0.0 && (z - 0.001).abs() < 1e-8, "{x} {y} {z}");
    }
}

#[test]
fn mirrors_turn_neither_faces_nor_normals_inside_out() {
    for scale in [[1, 1, 1], [-1, 1, 1], [1, -1, -2]] {
        let mut file = File::default();
        let normals = file.floats(&[[0.0, 0.0, 1.0]; 3]);
        for attributes in [json!({"NORMAL": normals}), json!({})] {
            let bytes = triangle(&mut file, json!({"scale": scale}), json!({"attributes": attributes}), json!({}));
            let mesh = mesh(&bytes);
            let [a, b, c] = mesh.triangles[0].vertices.map(|vertex| mesh.positions[vertex as usize]);
            let facing = cross(sub(b, a), sub(c, a));
            // z of the file is -y here.
            let outside = if scale[2] > 0 { -1.0 } else { 1.0 };
            assert!(facing[1] * outside > 0.0, "{scale:?}: {facing:?}");
            assert_near(mesh.normals[0], [0.0, outside, 0.0]);
        }
    }
}

#[test]
fn vertex_colours_multiply_the_base_colour() {
    let white = json!({"pbrMetallicRoughness": {"baseColorFactor": [1, 1, 1, 1]}});
    let half = json!({"pbrMetallicRoughness": {"baseColorFactor": [0.5, 1, 1, 1]}});
    let of = |material: Option<&Value>, component: u32, shape: &str, bytes: &[u8]| {
        let mut file = File::default();
        let colors = file.accessor(component, shape, 3, bytes);
        file.accessors[colors]["normalized"] = json!(component != FLOAT);
        let mut primitive = json!({"attributes": {"COLOR_0": colors}});
        if material.is_some() {
            primitive["material"] = json!(0);
        }
        mesh(&triangle(&mut file, json!({}), primitive, json!({"materials": material.into_iter().collect::<Vec<_>>()})))
            .materials[0]
            .color
    };
    let floats = |item: &[f32]| item.repeat(3).iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let words = |item: &[u16]| item.repeat(3).iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let red = [1.0, 0.0, 0.0];
    assert_eq!(of(None, FLOAT, "VEC3", &floats(&[1.0, 0.0, 0.0])), red);
    assert_eq!(of(None, FLOAT, "VEC4", &floats(&[1.0, 0.0, 0.0, 1.0])), red);
    assert_eq!(of(Some(&white), U8, "VEC4", &[255, 0, 0, 255].repeat(3)), red);
    assert_eq!(of(Some(&white), U16, "VEC3", &words(&[65_535, 0, 0])), red);
    // Linear 0.5 is sRGB 0.735, of which vertex colours keep eighths.
    assert_near(of(Some(&half), U8, "VEC4", &[255, 0, 255, 255].repeat(3)), [0.735, 0.0, 1.0]);
    assert_near(of(None, FLOAT, "VEC3", &floats(&[0.5, 0.5, 0.5])), [0.75; 3]);
}

#[test]
fn textures_are_placed_as_the_file_says() {
    let uvs = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0_f32]];
    let of = |info: Value, rest: Value| {
        let mut file = File::default();
        let wrong = file.floats(&[[0.5_f32; 2]; 3]);
        let right = file.accessor(U8, "VEC2", 3, &[0, 0, 255, 0, 0, 255]);
        file.accessors[right]["normalized"] = json!(true);
        let picture = file.view(&picture());
        let mut rest = rest;
        rest["materials"] = json!([{"pbrMetallicRoughness": {"baseColorTexture": info}}]);
        rest["images"] = json!([{"bufferView": picture}]);
        if rest.get("textures").is_none() {
            rest["textures"] = json!([{"source": 0}]);
        }
        let primitive = json!({"attributes": {"TEXCOORD_0": wrong, "TEXCOORD_1": right}, "material": 0});
        loaded(&triangle(&mut file, json!({}), primitive, rest)).expect("a mesh")
    };
    let second = of(json!({"index": 0, "texCoord": 1}), json!({}));
    assert_eq!((second.warnings.as_slice(), second.mesh.uvs), (&[][..], uvs.map(|[u, v]| [u, 1.0 - v]).to_vec()));
    assert!(second.mesh.materials[0].texture.is_some());
    let transform = json!({"KHR_texture_transform": {"offset": [0.5, 0], "scale": [0.5, 0.25], "texCoord": 1}});
    let moved =
        of(json!({"index": 0, "extensions": transform}), json!({"extensionsRequired": ["KHR_texture_transform"]}));
    assert_eq!((moved.warnings.as_slice(), moved.mesh.uvs), (&[][..], vec![[0.5, 1.0], [1.0, 1.0], [0.5, 0.75]]));
    // What the renderer cannot do is said.
    let clamped = json!({"textures": [{"source": 0, "sampler": 0}], "samplers": [{"wrapS": 33071, "wrapT": 10497}]});
    let twice = json!({"KHR_texture_transform": {"scale": [2, 1], "texCoord": 1}});
    let repeated = of(json!({"index": 0, "extensions": twice}), clamped.clone());
    assert!(repeated.warnings.len() == 1 && repeated.warnings[0].contains("is repeated"), "{:?}", repeated.warnings);
    assert_eq!(of(json!({"index": 0, "texCoord": 1}), clamped).warnings, [""; 0]);
    for (textures, expected) in [
        (json!([{"extensions": {"KHR_texture_basisu": {"source": 0}}}]), "a KTX2 picture (KHR_texture_basisu)"),
        (json!([{"extensions": {"EXT_texture_webp": {"source": 0}}}]), "a WebP picture"),
        (json!([{"source": 8}]), "image 8, but there are 1"),
        (json!([]), "texture 0, but there are 0"),
    ] {
        let plain = of(json!({"index": 0}), json!({"textures": textures}));
        assert!(plain.warnings.len() == 1 && plain.warnings[0].contains(expected), "{:?}", plain.warnings);
        assert!(plain.mesh.materials[0].texture.is_none());
    }
}

fn picture() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let image = image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([x as u8 * 60, 20, 10]));
    image.write_to(&mut bytes, image::ImageFormat::Png).expect("memory takes it");
    bytes.into_inner()
}

#[test]
fn older_materials_and_unlit_ones_keep_their_colour() {
    let of = |material: Value| {
        mesh(&triangle(&mut File::default(), json!({}), json!({"material": 0}), json!({"materials": [material]})))
            .materials[0]
            .clone()
    };
    let older = of(json!({"extensions": {"KHR_materials_pbrSpecularGlossiness":
        {"diffuseFactor": [1, 0, 0, 1], "specularFactor": [0, 0, 0], "glossinessFactor": 0.5}}}));
    assert_eq!((older.color, older.specular), ([1.0, 0.0, 0.0], 0.1));
    let unlit = of(
        json!({"pbrMetallicRoughness": {"baseColorFactor": [0, 1, 0, 1]}, "extensions": {"KHR_materials_unlit": {}}}),
    );
    assert_eq!((unlit.color, unlit.specular), ([0.0, 1.0, 0.0], 0.0));
    let without = mesh(&triangle(&mut File::default(), json!({}), json!({}), json!({})));
    assert_near(without.materials[0].color, crate::scene::Material::default().color);
    let glowing = json!({"materials": [{"name": "lamp", "emissiveFactor": [1, 1, 0]}]});
    let glowing = triangle(&mut File::default(), json!({}), json!({"material": 0}), glowing);
    assert_eq!(
        loaded(&glowing).expect("a mesh").warnings,
        ["a.glb: material `lamp` has an emissive colour, which is not drawn"]
    );
}

#[test]
fn opacity_counts_in_the_modes_that_use_it() {
    let warnings = |mut material: Value| {
        material["pbrMetallicRoughness"] = json!({"baseColorFactor": [1, 1, 1, 0.3]});
        let bytes = triangle(&mut File::default(), json!({}), json!({"material": 0}), json!({"materials": [material]}));
        loaded(&bytes).expect("a mesh").warnings
    };
    assert_eq!(warnings(json!({})), [""; 0]);
    assert_eq!(warnings(json!({"alphaMode": "MASK", "alphaCutoff": 0.2})), [""; 0]);
    for clear in [
        json!({"alphaMode": "BLEND", "name": "glass"}),
        json!({"alphaMode": "MASK", "name": "glass"}),
        json!({"extensions": {"KHR_materials_transmission": {"transmissionFactor": 0.7}}, "name": "glass"}),
    ] {
        let warnings = warnings(clear.clone());
        assert!(
            warnings.len() == 1 && warnings[0].contains("`glass`") && warnings[0].contains("see-through"),
            "{clear}: {warnings:?}"
        );
    }
}

#[test]
fn numbers_are_read_in_every_form() {
    // Quantised: steps of a 256th, moved to their place by the node.
    let mut file = File::default();
    let quantised = file.accessor(U8, "VEC3", 3, &[0, 0, 0, 9, 255, 0, 0, 9, 0, 255, 0]);
    file.views[quantised]["byteStride"] = json!(4);
    let primitive = |positions: usize| json!({"attributes": {"POSITION": positions}});
    let required = json!({"extensionsRequired": ["KHR_mesh_quantization"]});
    let scaled = json!({"scale": [0.1, 0.1, 0.1]});
    let whole = mesh(&triangle(&mut file, scaled, primitive(quantised), required.clone()));
    assert_near(extent(&whole), [25.5, 0.0, 25.5]);
    file.accessors[quantised]["normalized"] = json!(true);
    assert_near(extent(&mesh(&triangle(&mut file, json!({}), primitive(quantised), required))), [1.0, 0.0, 1.0]);

    // Sparse: one vertex of the triangle replaced, and all of it made of nothing.
    let mut file = File::default();
    let base = file.floats(&TRIANGLE);
    let (at, to) = (file.view(&[1]), file.view(&[3.0, 0.0, 0.0_f32].map(f32::to_le_bytes).concat()));
    file.accessors[base]["sparse"] =
        json!({"count": 1, "indices": {"bufferView": at, "componentType": U8}, "values": {"bufferView": to}});
    assert_eq!(extent(&mesh(&triangle(&mut file, json!({}), primitive(base), json!({})))), [3.0, 0.0, 1.0]);
    file.accessors[base]["sparse"]["indices"]["byteOffset"] = json!(1);
    assert!(refusal(&triangle(&mut file, json!({}), primitive(base), json!({}))).contains("reach beyond its data"));
    let mut file = File::default();
    let (at, to) = (file.view(&[1, 2]), file.view(&[1.0, 0.0, 0.0, 0.0, 2.0, 0.0_f32].map(f32::to_le_bytes).concat()));
    file.accessors.push(json!({"componentType": FLOAT, "count": 3, "type": "VEC3", "sparse":
        {"count": 2, "indices": {"bufferView": at, "componentType": U8}, "values": {"bufferView": to}}}));
    assert_eq!(extent(&mesh(&triangle(&mut file, json!({}), primitive(0), json!({})))), [1.0, 0.0, 2.0]);

    // Whole numbers may be written as 3.0.
    let mut file = File::default();
    let base = file.floats(&TRIANGLE);
    file.accessors[base]["count"] = json!(3.0);
    assert_eq!(mesh(&triangle(&mut file, json!({}), primitive(base), json!({}))).triangle_count(), 1);
}

#[test]
fn strips_and_fans_are_triangles_and_points_are_named() {
    let corners = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0_f32]];
    let of = |mode: u32, indices: &[u16]| {
        let mut file = File::default();
        let (positions, indices) = (file.floats(&corners), file.indices(indices));
        let primitive = json!({"attributes": {"POSITION": positions}, "indices": indices, "mode": mode});
        triangle(&mut file, json!({}), primitive, json!({}))
    };
    for (mode, indices) in [(4, &[0, 1, 2, 2, 1, 3][..]), (5, &[0, 1, 2, 3]), (6, &[0, 1, 3, 2])] {
        let mesh = mesh(&of(mode, indices));
        assert_eq!((mesh.triangle_count(), area(&mesh)), (2, 1.0), "mode {mode}");
        assert!(mesh.normals.iter().all(|normal| *normal == [0.0, -1.0, 0.0]), "mode {mode}: {:?}", mesh.normals);
    }
    let left_over = loaded(&of(4, &[0, 1, 2, 2])).expect("a mesh");
    assert!(left_over.warnings[0].contains("the last 1 corners"), "{:?}", left_over.warnings);
    assert!(refusal(&of(4, &[0, 1, 9])).contains("vertex 9, but there are 4"));
    assert!(refusal(&of(9, &[0, 1, 2])).contains("mode 9"));
    assert!(refusal(&of(0, &[0, 1, 2])).contains("there is no triangle"));
    let mut file = File::default();
    let positions = file.floats(&corners);
    let primitives =
        json!([{"attributes": {"POSITION": positions}, "mode": 1}, {"attributes": {"POSITION": positions}, "mode": 6}]);
    let mixed = file.glb(json!({"nodes": [{"mesh": 0}], "meshes": [{"primitives": primitives}]}));
    assert_eq!(loaded(&mixed).expect("a mesh").warnings, ["a.glb: its lines are not drawn, only triangles are"]);
}

#[test]
fn vertices_that_nothing_names_do_not_matter() {
    let mut file = File::default();
    let positions = file.floats(&[[900.0, 0.0, 0.0], TRIANGLE[0], TRIANGLE[1], TRIANGLE[2], [f32::NAN; 3]]);
    let normals = file.floats(&[[0.0, 0.0, 1.0_f32]; 5]);
    let indices = file.indices(&[1, 2, 3]);
    let primitive = json!({"attributes": {"POSITION": positions, "NORMAL": normals}, "indices": indices});
    let mesh = mesh(&triangle(&mut file, json!({}), primitive, json!({})));
    assert_eq!((mesh.positions.len(), extent(&mesh)), (3, [1.0, 0.0, 1.0]));
}

#[test]
fn skins_are_drawn_as_their_joints_stand() {
    let mut file = File::default();
    let joints = file.accessor(U8, "VEC4", 3, &[0, 1, 0, 0].repeat(3));
    let weights = file.floats(&[[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0_f32]]);
    let moved = |z: f32| [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, z, 1.0];
    let inverses = file.floats(&[moved(0.0), moved(-2.0)]);
    let rest = json!({
        "nodes": [null, {"translation": [0, 0, 0]}, {"translation": [0, 0, 6]}],
        "skins": [{"joints": [1, 2], "inverseBindMatrices": inverses}],
    });
    let primitive = json!({"attributes": {"JOINTS_0": joints, "WEIGHTS_0": weights}});
    // The node's own transformation is nobody's.
    let node = json!({"skin": 0, "translation": [100, 0, 0], "scale": [9, 9, 9]});
    let bytes = triangle(&mut file, node.clone(), primitive, rest.clone());
    // By 0, 2 and 4 along z, which is -y here.
    assert_eq!(mesh(&bytes).positions, [[0.0, 0.0, 0.0], [1.0, -2.0, 0.0], [0.0, -4.0, 1.0]]);
    let unknown = file.accessor(U8, "VEC4", 3, &[0, 7, 0, 0].repeat(3));
    let primitive = json!({"attributes": {"JOINTS_0": unknown, "WEIGHTS_0": weights}});
    assert!(refusal(&triangle(&mut file, node, primitive, rest)).contains("joint 7, but there are 2"));
}

#[test]
fn morph_targets_count_by_their_weights() {
    let mut file = File::default();
    let steps = file.floats(&[[0.0; 3], [2.0, 0.0, 0.0], [0.0; 3]]);
    let primitive = json!({"targets": [{"POSITION": steps}]});
    for (node, width) in [(json!({}), 1.0), (json!({"weights": [0]}), 1.0), (json!({"weights": [0.5]}), 2.0)] {
        let mesh = mesh(&triangle(&mut file, node, primitive.clone(), json!({})));
        assert_eq!(extent(&mesh)[0], width);
    }
}

#[test]
fn instances_are_drawn_each() {
    let mut file = File::default();
    let places = file.floats(&[[0.0, 0.0, 0.0], [3.0, 0.0, 0.0_f32]]);
    let node = json!({"extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}});
    let mesh = mesh(&triangle(&mut file, node, json!({}), json!({})));
    assert_eq!((mesh.triangle_count(), extent(&mesh)), (2, [4.0, 0.0, 1.0]));
    let hidden = json!({"extensions": {"KHR_node_visibility": {"visible": false}}});
    assert!(refusal(&triangle(&mut file, hidden, json!({}), json!({}))).contains("no node of its scene"));
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let with = |rest: Value| refusal(&triangle(&mut File::default(), json!({}), json!({}), rest));
    let draco = with(json!({"extensionsRequired": ["KHR_draco_mesh_compression"]}));
    assert!(draco.contains("KHR_draco_mesh_compression") && draco.contains("without compression"), "{draco}");
    let older = with(json!({"asset": {"version": "1.0"}}));
    assert!(older.contains("glTF 1.0") && older.contains("convert it to 2.0"), "{older}");
    let mut header = triangle(&mut File::default(), json!({}), json!({}), json!({}));
    header[4] = 1;
    assert!(refusal(&header).contains("glTF 1,"), "{}", refusal(&header));
    // Compressed, though nothing says that it must be.
    let mut file = File::default();
    file.floats(&TRIANGLE);
    file.views[0] = json!({"buffer": 1, "byteLength": 36, "extensions": {"EXT_meshopt_compression": {}}});
    let rest = json!({
        "buffers": [{"byteLength": 36}, {"byteLength": 36}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
    });
    let error = refusal(&file.glb(rest));
    assert!(error.contains("EXT_meshopt_compression") && error.contains("without compression"), "{error}");
    let mut file = File::default();
    file.accessors.push(json!({"componentType": FLOAT, "count": 3, "type": "VEC3"}));
    let primitive = json!({"attributes": {"POSITION": 0}, "extensions": {"KHR_draco_mesh_compression": {}}});
    let error = refusal(&triangle(&mut file, json!({}), primitive, json!({})));
    assert!(error.contains("POSITION is compressed (KHR_draco_mesh_compression)"), "{error}");
    let not_affine = json!({"matrix": [1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]});
    assert!(refusal(&triangle(&mut file, not_affine, json!({}), json!({}))).contains("not affine"));
    let huge = json!({"componentType": FLOAT, "count": 4_000_000_000_u64, "type": "VEC3", "sparse": {"count": 0,
        "indices": {"bufferView": 0, "componentType": U8}, "values": {"bufferView": 0}}});
    let mut file = File::default();
    file.accessors.push(huge);
    assert!(
        refusal(&triangle(&mut file, json!({}), json!({"attributes": {"POSITION": 0}}), json!({}))).contains("claims")
    );
}

#[test]
fn gltf_files_name_their_data_and_pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut file = File::default();
    let (positions, uvs) = (file.floats(&TRIANGLE), file.floats(&[[0.0_f32; 2]; 3]));
    fs::create_dir(folder.path().join("my data")).expect("a folder");
    fs::write(folder.path().join("my data/a+b.bin"), &file.data).expect("a file");
    fs::write(folder.path().join("my data/é.png"), picture()).expect("a file");
    let document = |buffer: &str, image: &str| {
        file.document(json!({
            "buffers": [{"byteLength": file.data.len(), "uri": buffer}], "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": positions, "TEXCOORD_0": uvs}, "material": 0}]}],
            "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
            "textures": [{"source": 0}], "images": [{"uri": image}],
        }))
    };
    let load = |document: &Value| {
        fs::write(folder.path().join("a.gltf"), format!("\u{feff}{document:#}")).expect("a file");
        load_mesh(&folder.path().join("a.gltf"))
    };
    let inline = |media: &str, bytes: &[u8]| {
        use base64::Engine;
        format!("data:{media};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes))
    };
    for (buffer, image) in [
        ("my%20data/a+b.bin".to_owned(), "my%20data/%C3%A9.png".to_owned()),
        ("my data\\a+b.bin".to_owned(), "./my data/é.png".to_owned()),
        (inline("application/octet-stream", &file.data), inline("image/png", &picture())),
    ] {
        let LoadedMesh { mesh, warnings } = load(&document(&buffer, &image)).expect("a mesh");
        assert_eq!(warnings, [""; 0], "{buffer}");
        assert!(mesh.materials[0].texture.is_some() && mesh.triangle_count() == 1, "{buffer}");
    }
    let gone = load(&document("my%20data/a+b.bin", "gone.png")).expect("a mesh").warnings;
    assert!(gone.len() == 1 && gone[0].contains("gone.png"), "{gone:?}");
    let error = load(&document("gone.bin", "gone.png")).expect_err("no data").to_string();
    assert!(error.contains("gone.bin"), "{error}");
}

#[test]
fn damaged_documents_end_in_a_mesh_or_an_error() {
    use rand::{RngExt, SeedableRng};
    let mut file = File::default();
    let joints = file.accessor(U8, "VEC4", 3, &[0; 12]);
    let weights = file.floats(&[[1.0, 0.0, 0.0, 0.0_f32]; 3]);
    let (colors, uvs) = (file.floats(&[[0.5_f32; 4]; 3]), file.floats(&[[0.5_f32; 2]; 3]));
    let (at, to) = (file.view(&[1]), file.view(&[0; 12]));
    let steps = file.floats(&[[0.1_f32; 3]; 3]);
    file.accessors[steps]["sparse"] =
        json!({"count": 1, "indices": {"bufferView": at, "componentType": U8}, "values": {"bufferView": to}});
    let picture = file.view(&picture());
    let primitive = json!({
        "attributes": {"JOINTS_0": joints, "WEIGHTS_0": weights, "COLOR_0": colors, "TEXCOORD_0": uvs},
        "material": 0, "mode": 4, "targets": [{"POSITION": steps}],
    });
    let rest = json!({
        "nodes": [null, {"children": [2], "translation": [1, 2, 3]}, {"rotation": [0, 0, 0, 1], "scale": [1, 1, 1]}],
        "skins": [{"joints": [1, 2]}], "images": [{"bufferView": picture}], "textures": [{"source": 0, "sampler": 0}],
        "samplers": [{"wrapS": 33071}],
        "materials": [{"alphaMode": "BLEND", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
    });
    let sample = triangle(&mut file, json!({"skin": 0, "weights": [0.5]}), primitive, rest);
    assert!(loaded(&sample).is_ok());
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(11);
    let digits: Vec<usize> = (0..sample.len()).filter(|at| sample[*at].is_ascii_digit()).collect();
    let mut accepted = 0;
    for round in 0..4000 {
        let mut bytes = sample.clone();
        for _ in 0..rng.random_range(1..4) {
            // Numbers of the document keep it well formed; other bytes seldom do.
            let at = if round % 4 == 0 {
                rng.random_range(0..bytes.len())
            } else {
                digits[rng.random_range(0..digits.len())]
            };
            bytes[at] = if round % 4 == 0 { rng.random() } else { b'0' + rng.random_range(0..10) };
        }
        if let Ok(loaded) = loaded(&bytes) {
            assert_eq!(loaded.mesh.validate(), Ok(()), "round {round}");
            accepted += 1;
        }
    }
    assert!(accepted > 400, "only {accepted} of 4000 are read: the damage is too coarse to test much");
}
