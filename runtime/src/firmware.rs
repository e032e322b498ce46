//! What a firmware needs of a model: the file, constants about it, and frames with the answers that it must repeat.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::contract::metadata::TRANSFORMATIONS;
use crate::contract::output::transformation;
use crate::flat_json;
use crate::graph::{DataType, Graph};
use crate::memory::AlignedVec;
use crate::model::{Model, ParseError};
use crate::session::{Input, RunError, Session, SessionError};

/// The files of a firmware's `model/` folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolder {
    /// `model.sxt`.
    pub model: Vec<u8>,
    /// `golden.bin`: for each frame the image, then every output's values as little-endian float32.
    pub golden: Vec<u8>,
    /// `description.rs`: Rust constants.
    pub description: String,
    /// Bytes of memory that the graph needs.
    pub arena_bytes: usize,
    /// Multiplications of one run.
    pub macs: u64,
}

/// Most bytes of arena and constants together.
pub const MOST_BYTES: u64 = 1 << 30;
const MOST_OPERATIONS: u64 = 100_000_000_000;

/// Why a model cannot be put into a firmware.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FirmwareError {
    /// The bytes are no model.
    Model(ParseError),
    /// There is no such graph.
    NoSuchGraph,
    /// The graph does not take exactly one image.
    NoImage,
    /// The images are not a whole number of the graph's, or none.
    Images {
        /// Bytes of one image.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The graph asks for more than any firmware has: [`MOST_BYTES`], or 10^11 operations.
    TooCostly {
        /// Bytes of arena and constants.
        bytes: u64,
        /// As [`crate::model::GraphView::operations`] counts them.
        operations: u64,
    },
    /// The graph cannot be prepared.
    Session(SessionError),
    /// The graph does not run.
    Run(RunError),
    /// The graph tells of a transformation whose classes the metadata do not name.
    Transformation {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for FirmwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(error) => write!(f, "{error}"),
            Self::NoSuchGraph => f.write_str("the model has no graph of that name"),
            Self::NoImage => f.write_str("the graph does not take exactly one image of bytes"),
            Self::Images { expected, found } => {
                write!(f, "{found} bytes are no images of {expected} bytes each")
            }
            Self::TooCostly { bytes, operations } => {
                write!(f, "the graph asks for {bytes} bytes and {operations} operations, more than any firmware has")
            }
            Self::Session(error) => write!(f, "{error}"),
            Self::Run(error) => write!(f, "{error}"),
            Self::Transformation { name } => {
                write!(f, "the metadata '{TRANSFORMATIONS}' name no classes of '{name}', or another number of them")
            }
        }
    }
}

impl core::error::Error for FirmwareError {}

/// The folder for that graph of a model file; `images` are golden frames, RGB bytes, one after the other. The answers are
/// those of this engine, which every target repeats bit for bit.
///
/// # Errors
/// When the bytes are no model, its graph does not take one image of that size, or the classes of a transformation have no names.
pub fn model_folder(name: &str, file: &[u8], graph: &str, images: &[u8]) -> Result<ModelFolder, FirmwareError> {
    let bytes = AlignedVec::copy_of(file);
    let model = Model::parse(&bytes).map_err(FirmwareError::Model)?;
    let view = model.graph(graph).ok_or(FirmwareError::NoSuchGraph)?;
    let (bytes, operations) = (view.constant_bytes().saturating_add(view.arena_bytes() as u64), view.operations());
    if bytes > MOST_BYTES || operations > MOST_OPERATIONS {
        return Err(FirmwareError::TooCostly { bytes, operations });
    }
    let network = Graph::from_model(&model, graph).ok_or(FirmwareError::NoSuchGraph)?;
    let &[image] = network.inputs.as_slice() else { return Err(FirmwareError::NoImage) };
    let elements = |shape: &[usize]| shape.iter().product::<usize>();
    let image_bytes = match network.value(image) {
        value if value.data_type == DataType::U8 => elements(&value.shape),
        _ => return Err(FirmwareError::NoImage),
    };
    if images.is_empty() || !images.len().is_multiple_of(image_bytes) {
        return Err(FirmwareError::Images { expected: image_bytes, found: images.len() });
    }
    let (arena_bytes, operators) = (view.arena_bytes(), view.operators());
    let mut arena = AlignedVec::zeroed(arena_bytes);
    let mut session = Session::new(&model, graph, &mut arena).map_err(FirmwareError::Session)?;
    let lengths: Vec<usize> = network.outputs.iter().map(|(_, id)| elements(&network.value(*id).shape)).collect();
    let mut golden = vec![];
    for frame in images.chunks_exact(image_bytes) {
        let mut outputs: Vec<Vec<f32>> = lengths.iter().map(|length| vec![0.0; *length]).collect();
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        session.run(&[Input::U8(frame)], &mut slices).map_err(FirmwareError::Run)?;
        golden.extend_from_slice(frame);
        golden.extend(outputs.iter().flatten().flat_map(|value| value.to_le_bytes()));
    }
    let layers: Vec<(String, u64)> = network.nodes.iter().map(|node| (node.name.clone(), network.macs(node))).collect();
    let macs = layers.iter().fold(0u64, |sum, (_, macs)| sum.saturating_add(*macs));
    let image_shape = &network.value(image).shape;
    let transformations = transformations(&model, &network)?;
    let facts = Facts { name, graph, operators, image_bytes, image_shape, lengths: &lengths, transformations };
    let description = facts.describe(&network, &layers, macs);
    Ok(ModelFolder { model: file.to_vec(), golden, description, arena_bytes, macs })
}

/// The transformations that a graph tells of, in the order of its outputs, and the names of their classes.
fn transformations(model: &Model<'_>, network: &Graph) -> Result<Vec<(String, Vec<String>)>, FirmwareError> {
    let named = model.metadata(TRANSFORMATIONS).and_then(flat_json::string_lists).unwrap_or_default();
    let outputs = network.outputs.iter().filter_map(|(output, id)| Some((transformation(output)?, *id)));
    let classes = outputs.map(|(name, id)| {
        let is_of_all = |classes: &&(String, Vec<String>)| {
            classes.0 == name && network.value(id).shape.iter().product::<usize>() == classes.1.len()
        };
        let found = named.iter().find(is_of_all).cloned();
        found.ok_or_else(|| FirmwareError::Transformation { name: name.to_string() })
    });
    classes.collect()
}

struct Facts<'a> {
    name: &'a str,
    graph: &'a str,
    operators: u64,
    image_bytes: usize,
    image_shape: &'a [usize],
    lengths: &'a [usize],
    transformations: Vec<(String, Vec<String>)>,
}

impl Facts<'_> {
    fn describe(&self, network: &Graph, layers: &[(String, u64)], macs: u64) -> String {
        let Self { name, graph, operators, image_bytes, image_shape, lengths, transformations } = self;
        let mut text = "// Written by `export firmware`; see docs/model-format.md for the model file.\n".to_string();
        let outputs: Vec<&str> = network.outputs.iter().map(|(name, _)| name.as_str()).collect();
        // In a comment: a line end would make code of what follows.
        let names: Vec<String> = outputs.iter().map(|name| name.escape_debug().to_string()).collect();
        let values: usize = lengths.iter().sum();
        let constants = [
            ("What the model is called.", alloc::format!("NAME: &str = {name:?}")),
            ("The graph to run.", alloc::format!("GRAPH: &str = {graph:?}")),
            (
                "The operators that it has: a session of only these links no code for others.",
                alloc::format!("OPERATORS: u64 = {operators:#018x}"),
            ),
            ("Multiplications of one run.", alloc::format!("MACS: u64 = {macs}")),
            (
                &alloc::format!("RGB bytes {image_shape:?}, rows first."),
                alloc::format!("IMAGE_BYTES: usize = {image_bytes}"),
            ),
            (
                &alloc::format!("Values of each output: {}.", names.join(", ")),
                alloc::format!("OUTPUT_LENGTHS: [usize; {}] = {lengths:?}", lengths.len()),
            ),
            ("Values of all outputs.", alloc::format!("OUTPUT_VALUES: usize = {values}")),
            ("Names of the outputs.", alloc::format!("OUTPUT_NAMES: [&str; {}] = {outputs:?}", outputs.len())),
            (
                "Transformations that the model tells of, and what their classes are called.",
                transformations_constant(transformations),
            ),
        ];
        for (meaning, constant) in constants {
            let _ = write!(text, "\n/// {meaning}\npub const {constant};\n");
        }
        let _ = write!(text, "\n/// Operators in the order in which they run, and their multiplications.\n");
        let _ = writeln!(text, "#[rustfmt::skip]\npub static LAYERS: [(&str, u64); {}] = [", layers.len());
        for (layer, macs) in layers {
            let _ = writeln!(text, "    ({layer:?}, {macs}),");
        }
        text.push_str("];\n");
        text
    }
}

fn transformations_constant(transformations: &[(String, Vec<String>)]) -> String {
    let items: Vec<String> =
        transformations.iter().map(|(name, classes)| alloc::format!("({name:?}, &{classes:?})")).collect();
    alloc::format!("TRANSFORMATIONS: [(&str, &[&str]); {}] = [{}]", items.len(), items.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{GraphBuilder, Op, Quantization};
    use crate::model::write;

    fn file() -> Vec<u8> {
        let mut builder = GraphBuilder::new("encode");
        let image = builder.input("image", &[1, 2, 3], DataType::U8);
        let op = Op::QuantizeImage { mean: [0.5; 3], std: [0.25; 3], rows: None };
        let made =
            builder.quantized_node("image/int8", op, &[image], Quantization { scale: 0.02, zero_point: 0 }).unwrap();
        let real = builder.node("real", Op::Dequantize, &[made]).unwrap();
        builder.output("real", real);
        write(&Default::default(), &[builder.finish()]).unwrap()
    }

    #[test]
    fn frames_hold_images_and_answers() {
        let images: Vec<u8> = (0..12).map(|i| i * 20).collect();
        let folder = model_folder("small", &file(), "encode", &images).unwrap();
        assert_eq!(folder.golden.len(), 2 * (6 + 24));
        assert_eq!(folder.golden[..6], images[..6]);
        assert_eq!(folder.golden[30..36], images[6..]);
        // (0 / 255 - 0.5) / 0.25 is -2, as a hundred steps of 0.02.
        assert_eq!(folder.golden[6..10], (-2.0f32).to_le_bytes());
        for part in [
            "NAME: &str = \"small\";",
            "IMAGE_BYTES: usize = 6;",
            // Dequantize to float32 and QuantizeImage to int8.
            "OPERATORS: u64 = 0x0020000000800000;",
            "OUTPUT_LENGTHS: [usize; 1] = [6];",
            "(\"real\", 0),",
        ] {
            assert!(folder.description.contains(part), "{part} in {}", folder.description);
        }
    }

    #[test]
    fn a_program_knows_the_names_of_what_was_done() {
        let mut builder = GraphBuilder::new("encode");
        let image = builder.input("image", &[1, 1, 3], DataType::U8);
        let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
        let map = builder.node("normalize", normalize, &[image]).unwrap();
        let colour = builder.node("colour", Op::GlobalAveragePool, &[map]).unwrap();
        builder.output("transformation_logits.hue", colour);
        let graph = builder.finish();
        let described = |json: &str| {
            let metadata = [(TRANSFORMATIONS.to_string(), json.to_string())].into_iter().collect();
            let file = write(&metadata, core::slice::from_ref(&graph)).unwrap();
            model_folder("hue", &file, "encode", &[0; 3]).map(|folder| folder.description)
        };
        let text = described(r#"{"hue": ["-30°", "0°", "a \"b\""]}"#).unwrap();
        for part in [
            r#"pub const TRANSFORMATIONS: [(&str, &[&str]); 1] = [("hue", &["-30°", "0°", "a \"b\""])];"#,
            r#"pub const OUTPUT_NAMES: [&str; 1] = ["transformation_logits.hue"];"#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let refused = FirmwareError::Transformation { name: "hue".to_string() };
        for json in ["{}", "hue", r#"{"hue": ["a", "b"]}"#] {
            assert_eq!(described(json), Err(refused.clone()), "{json}");
        }
    }

    #[test]
    fn what_no_firmware_can_run_is_refused_before_it_is_tried() {
        use crate::graph::{Activation, Padding};
        let mut builder = GraphBuilder::new("encode");
        let image = builder.input("image", &[1, 1, 3], DataType::U8);
        let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
        let map = builder.node("normalize", normalize, &[image]).unwrap();
        let weight = builder.weight("w", &[8, 1, 1, 3], vec![1.0; 24]).unwrap();
        let bias = builder.weight("b", &[8], vec![0.0; 8]).unwrap();
        let padding = Padding { top: 4000, left: 4000, bottom: 4000, right: 4000 };
        let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation: Activation::Identity };
        let made = builder.node("conv", op, &[map]).unwrap();
        let mean = builder.node("mean", Op::GlobalAveragePool, &[made]).unwrap();
        builder.output("y", mean);
        let file = write(&Default::default(), &[builder.finish()]).unwrap();
        let refused = model_folder("large", &file, "encode", &[0; 3]).unwrap_err();
        assert!(matches!(refused, FirmwareError::TooCostly { bytes, .. } if bytes > MOST_BYTES), "{refused}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |graph: &str, images: &[u8]| model_folder("small", &file(), graph, images).unwrap_err();
        assert_eq!(refused("decode", &[0; 6]), FirmwareError::NoSuchGraph);
        assert_eq!(refused("encode", &[0; 7]), FirmwareError::Images { expected: 6, found: 7 });
        assert_eq!(refused("encode", &[]), FirmwareError::Images { expected: 6, found: 0 });
        assert!(matches!(model_folder("small", b"no", "encode", &[0; 6]), Err(FirmwareError::Model(_))));
    }
}
