// Written by `export firmware`; see docs/model-format.md for the model file.

/// What the model is called.
pub const NAME: &str = "quickstart";

/// The graph to run.
pub const GRAPH: &str = "encode";

/// The operators that it has: a session of only these links no code for others.
pub const OPERATORS: u64 = 0x0020019c00800808;

/// Multiplications of one run.
pub const MACS: u64 = 2419072;

/// RGB bytes [32, 32, 3], rows first.
pub const IMAGE_BYTES: usize = 3072;

/// Values of each output: rotation_wxyz, class_logits, invariant, equivariant.
pub const OUTPUT_LENGTHS: [usize; 4] = [4, 12, 64, 64];

/// Values of all outputs.
pub const OUTPUT_VALUES: usize = 144;

/// Names of the outputs.
pub const OUTPUT_NAMES: [&str; 4] = ["rotation_wxyz", "class_logits", "invariant", "equivariant"];

/// Transformations that the model tells of, and what their classes are called.
pub const TRANSFORMATIONS: [(&str, &[&str]); 0] = [];

/// Operators in the order in which they run, and their multiplications.
#[rustfmt::skip]
pub static LAYERS: [(&str, u64); 26] = [
    ("normalize", 0),
    ("encoder.stem", 110592),
    ("encoder.block0.shortcut", 32768),
    ("encoder.block0.first", 294912),
    ("encoder.block0.second", 589824),
    ("encoder.block0.second.add", 0),
    ("encoder.block1.shortcut", 32768),
    ("encoder.block1.first", 294912),
    ("encoder.block1.second", 589824),
    ("encoder.block1.second.add", 0),
    ("encoder.block2.shortcut", 20480),
    ("encoder.block2.first", 184320),
    ("encoder.block2.second", 230400),
    ("encoder.block2.second.add", 0),
    ("encoder.squeeze", 7680),
    ("encoder.features", 12288),
    ("features.flatten", 0),
    ("invariant", 0),
    ("equivariant", 0),
    ("rotation_head.hidden", 16384),
    ("rotation_head.hidden/real", 0),
    ("rotation_head.last", 1152),
    ("rotation_wxyz", 0),
    ("invariant/real", 0),
    ("class_head", 768),
    ("equivariant/real", 0),
];
