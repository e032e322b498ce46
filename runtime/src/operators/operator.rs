#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::Rows;
use super::{ArenaNode, NodeInputs, Operand, Operands, OperatorKind, Overlap, ShapeError};
use crate::tensor::{DataType, Quantization, Shape};

/// What the table says of an operator.
pub(crate) trait Entry: Copy {
    const KIND: OperatorKind;

    /// Whether each parameter is one that some operator could have.
    fn has_valid_parameters(&self) -> bool;
}

/// What an operator tells of itself, and how it runs. All that is known of an operator stands in its implementation, but for
/// its line in the table and its form in ONNX.
///
/// `OPERATORS` are those that the program links.
pub(crate) trait Operator: Entry {
    /// How many values it reads.
    const INPUTS: InputCount = InputCount::One;
    /// What it makes of which numbers.
    const TYPES: Types = Types::FloatOrInt8;
    /// Whether an int8 result has scale and zero point of its inputs.
    const KEEPS_QUANTIZATION: bool = false;
    /// Whether each number of its result comes of the numbers at the same place of its inputs, and may go there.
    const IN_PLACE: bool = false;
    /// Whether each row of a map that it makes comes of the same row of each map that it reads.
    #[cfg_attr(not(feature = "alloc"), allow(dead_code, reason = "only graphs that are rewritten ask"))]
    const KEEPS_ROWS: bool = false;
    /// Whether its result is its inputs one after the other, in one run of bytes each.
    const JOINS: bool = false;
    /// When it runs on the arena as a whole.
    const ON_ARENA: OnArena = OnArena::Never;

    /// The shape of its result; as many inputs as it reads are there, of one type that it takes.
    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        let _ = operands;
        Ok(first.shape)
    }

    /// Whether the scales are such that the arithmetic of int8 holds; not asked where it keeps them.
    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        let _ = (operands, output);
        Ok(())
    }

    /// The overlap of its result and one of its inputs, which are of one type. `before` tells the bytes of the inputs that are
    /// listed before that one.
    fn overlap(
        &self,
        input: (Shape, DataType),
        output: (Shape, DataType),
        before: impl FnOnce() -> Option<usize>,
    ) -> Option<Overlap> {
        let _ = before;
        if Self::IN_PLACE { Overlap::in_place(input, output) } else { None }
    }

    /// Bytes that it needs beside its inputs and its result.
    fn scratch_bytes(&self, operands: &impl Operands) -> usize {
        let _ = operands;
        0
    }

    /// Multiplications of constants with inputs.
    fn products(&self, operands: &impl Operands, output: Shape) -> u64 {
        let _ = (operands, output);
        0
    }

    /// At least as many as the multiply-adds and comparisons of one run, without moving what it reads and makes.
    fn operations(&self, operands: &impl Operands, output: Shape) -> u64 {
        self.products(operands, output)
    }

    /// Which rows of its inputs a row of its result comes of.
    #[cfg(feature = "alloc")]
    fn rows(&self, operands: &impl Operands) -> Rows {
        let _ = operands;
        if Self::KEEPS_ROWS { Rows::Same } else { Rows::All }
    }

    /// The operator that makes only some rows of the result, with that padding above and below them; `None` when it cannot
    /// count so many rows.
    #[cfg(feature = "alloc")]
    fn of_rows(self, made: &Range<usize>, padding: [u16; 2]) -> Option<Self> {
        let _ = (made, padding);
        Some(self)
    }

    /// Makes float32 numbers. `None` cannot be for a model that was checked.
    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let _ = (inputs, made, output);
        None
    }

    /// Makes int8 numbers, `to` saying what they stand for.
    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let _ = (inputs, made, to, output);
        None
    }

    /// Runs where [`Self::ON_ARENA`] says so: the result may lie over what is read.
    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let _ = node;
        None
    }

    /// One with parameters that fit a first input of these extents, for the graphs of tests; `None` when there is none, or it
    /// reads constants.
    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self>;
}

/// How many values an operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputCount {
    One,
    Two,
    TwoOrMore,
}

impl InputCount {
    pub fn least(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two | Self::TwoOrMore => 2,
        }
    }

    pub fn allows(self, count: usize) -> bool {
        count == self.least() || (self == Self::TwoOrMore && count > 2)
    }
}

/// What an operator makes of inputs of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// float32 of bytes.
    BytesToFloat,
    /// int8 of bytes.
    BytesToInt8,
    FloatToInt8,
    Int8ToFloat,
    /// float32 of float32.
    Float,
    /// Each of its own kind.
    FloatOrInt8,
}

impl Types {
    /// `None` when the operator does not take them.
    pub fn made_of(self, reads: DataType) -> Option<DataType> {
        match (self, reads) {
            (Self::BytesToFloat, DataType::U8) => Some(DataType::F32),
            (Self::BytesToInt8, DataType::U8) | (Self::FloatToInt8, DataType::F32) => Some(DataType::I8),
            (Self::Int8ToFloat, DataType::I8) => Some(DataType::F32),
            (Self::Float | Self::FloatOrInt8, DataType::F32) | (Self::FloatOrInt8, DataType::I8) => Some(reads),
            _ => None,
        }
    }
}

/// When an operator runs on the arena as a whole, and not beside what it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnArena {
    Never,
    /// Where it makes int8 numbers.
    OfInt8,
    Always,
}

impl OnArena {
    pub const fn when_making(self, made: DataType) -> bool {
        match self {
            Self::Never => false,
            Self::OfInt8 => matches!(made, DataType::I8),
            Self::Always => true,
        }
    }
}
