// Written by `export firmware`; see docs/model-format.md for the model file.

/// What the model is called.
pub const NAME: &str = "small";

/// The graph to run.
pub const GRAPH: &str = "encode";

/// The operators that it has: a session of only these links no code for others.
pub const OPERATORS: u64 = 0x8020008400800008;

/// Multiplications of one run.
pub const MACS: u64 = 95008;

/// RGB bytes [24, 24, 3], rows first.
pub const IMAGE_BYTES: usize = 1728;

/// Values of each output: class_logits.
pub const OUTPUT_LENGTHS: [usize; 1] = [4];

/// Values of all outputs.
pub const OUTPUT_VALUES: usize = 4;

/// Names of the outputs.
pub const OUTPUT_NAMES: [&str; 1] = ["class_logits"];

/// Transformations that the model tells of, and what their classes are called.
pub const TRANSFORMATIONS: [(&str, &[&str]); 0] = [];

/// Operators in the order in which they run, and their multiplications.
#[rustfmt::skip]
pub static LAYERS: [(&str, u64); 13] = [
    ("normalize", 0),
    ("stem", 31104),
    ("block0.depthwise", 2592),
    ("block0.pointwise", 4608),
    ("block1.depthwise", 5184),
    ("block1.pointwise", 18432),
    ("block2.depthwise", 2592),
    ("block2.pointwise", 9216),
    ("block3.depthwise", 2592),
    ("block3.pointwise", 18432),
    ("pool", 0),
    ("features", 0),
    ("head", 256),
];
