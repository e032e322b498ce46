// Written by `export firmware`; see docs/model-format.md for the model file.

/// What the model is called.
pub const NAME: &str = "odd";

/// The graph to run.
pub const GRAPH: &str = "encode";

/// The operators that it has: a session of only these links no code for others.
pub const OPERATORS: u64 = 0x8022000c00800008;

/// Multiplications of one run.
pub const MACS: u64 = 33618;

/// RGB bytes [13, 13, 3], rows first.
pub const IMAGE_BYTES: usize = 507;

/// Values of each output: class_logits.
pub const OUTPUT_LENGTHS: [usize; 1] = [3];

/// Values of all outputs.
pub const OUTPUT_VALUES: usize = 3;

/// Names of the outputs.
pub const OUTPUT_NAMES: [&str; 1] = ["class_logits"];

/// Transformations that the model tells of, and what their classes are called.
pub const TRANSFORMATIONS: [(&str, &[&str]); 0] = [];

/// Operators in the order in which they run, and their multiplications.
#[rustfmt::skip]
pub static LAYERS: [(&str, u64); 13] = [
    ("normalize", 0),
    ("stem", 6804),
    ("depthwise3x3", 2268),
    ("depthwise3x3.limited", 2268),
    ("pointwise.limited", 2520),
    ("depthwise5x5", 9000),
    ("grouped", 9720),
    ("depthwise2x2", 216),
    ("wide", 750),
    ("flat", 0),
    ("linear", 45),
    ("features", 0),
    ("head", 27),
];
