//! What is asked of any operator before it runs: which operands it takes, what it makes of them, and what that costs.

#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::Rows;
use super::operator::{InputCount, OnArena, Types};
use super::{Op, Operand, Operands, Operator, Overlap, ShapeError, is_known};
use crate::tensor::{DataType, Quantization, Shape};

/// What an operator is, whatever its parameters are.
#[derive(Clone, Copy)]
struct Properties {
    inputs: InputCount,
    types: Types,
    keeps_quantization: bool,
}

impl Properties {
    const fn of<O: Operator>() -> Self {
        Self { inputs: O::INPUTS, types: O::TYPES, keeps_quantization: O::KEEPS_QUANTIZATION }
    }
}

/// What an operator is, as a constant.
#[inline(always)]
fn properties_of<O: Operator>(_: O) -> Properties {
    const { Properties::of::<O>() }
}

impl Op {
    fn properties(&self) -> Properties {
        each_operator!(self, |operator| properties_of(operator))
    }

    /// How many inputs the operator reads; for [`Op::Concat`] and [`Op::ConcatRows`] the least number.
    pub fn input_count(&self) -> usize {
        self.properties().inputs.least()
    }

    /// Whether an int8 result has the scale and zero point of its inputs: numbers are only chosen or moved.
    pub fn keeps_quantization(&self) -> bool {
        self.properties().keeps_quantization
    }

    /// The element type that the operator makes of inputs of one type; `None` when it does not take them.
    ///
    /// # Example
    /// ```
    /// use sextant_runtime::graph::{DataType, Op};
    /// assert_eq!(Op::Relu.result_type(DataType::I8), Some(DataType::I8));
    /// assert_eq!(Op::Quantize.result_type(DataType::F32), Some(DataType::I8));
    /// assert_eq!(Op::Softmax.result_type(DataType::I8), None);
    /// ```
    pub fn result_type(&self, reads: DataType) -> Option<DataType> {
        self.properties().types.made_of(reads)
    }

    /// Multiplications of constants with inputs that the operator does; 0 when it reads no constants.
    #[cfg(feature = "alloc")]
    pub(crate) fn products(&self, operands: &impl Operands, output: Shape) -> u64 {
        each_operator!(self, |operator| operator.products(operands, output))
    }

    /// At least as many as its multiply-adds and comparisons.
    pub(crate) fn operations(&self, operands: &impl Operands, output: Shape) -> u64 {
        each_operator!(self, |operator| operator.operations(operands, output))
    }

    /// Which rows of its inputs a row of its result comes of.
    #[cfg(feature = "alloc")]
    pub(crate) fn rows(&self, operands: &impl Operands) -> Rows {
        each_operator!(self, |operator| operator.rows(operands))
    }

    /// The operator for some rows of its result, with that padding above and below them.
    #[cfg(feature = "alloc")]
    pub(crate) fn of_rows(&self, made: &Range<usize>, padding: [u16; 2]) -> Option<Self> {
        each_operator!(self, |operator| operator.of_rows(made, padding).map(Op::from))
    }
}

/// The shape and type of what `op`, which is one of the `OPERATORS`, makes of its operands.
pub(crate) fn infer<const OPERATORS: u64>(op: &Op, operands: &impl Operands) -> Result<(Shape, DataType), ShapeError> {
    let Properties { inputs, types, .. } = op.properties();
    let count = operands.input_count();
    if !inputs.allows(count) {
        return Err(ShapeError::Inputs);
    }
    let first = operands.input(0).ok_or(ShapeError::Inputs)?;
    let makes = types.made_of(first.data_type).ok_or(ShapeError::InputType)?;
    for index in 1..count {
        if operands.input(index).ok_or(ShapeError::Inputs)?.data_type != first.data_type {
            return Err(ShapeError::InputType);
        }
    }
    let shape = each_operator!(op, |operator| shape_of::<OPERATORS, _>(operator, first, operands))?;
    Ok((shape, makes))
}

#[inline(always)]
fn shape_of<const OPERATORS: u64, O: Operator>(
    operator: O,
    first: Operand,
    operands: &impl Operands,
) -> Result<Shape, ShapeError> {
    if !is_known(OPERATORS, O::KIND) {
        return Err(ShapeError::Inputs);
    }
    if operator.has_valid_parameters() { operator.shape(first, operands) } else { Err(ShapeError::Activation) }
}

/// Whether the scales of an int8 operator are such that its fixed-point arithmetic holds.
pub(crate) fn check_scales<const OPERATORS: u64>(
    op: &Op,
    operands: &impl Operands,
    makes: DataType,
    output: Option<Quantization>,
) -> Result<(), ShapeError> {
    if makes != DataType::I8 {
        return if output.is_none() { Ok(()) } else { Err(ShapeError::Scales) };
    }
    let output = output.filter(Quantization::is_valid).ok_or(ShapeError::Scales)?;
    if op.keeps_quantization() {
        let keeps = |index| operands.input(index).and_then(|operand| operand.quantization) == Some(output);
        return if (0..operands.input_count()).all(keeps) { Ok(()) } else { Err(ShapeError::Scales) };
    }
    each_operator!(op, |operator| check_scales_of::<OPERATORS, _>(operator, operands, output))
}

#[inline(always)]
fn check_scales_of<const OPERATORS: u64, O: Operator>(
    operator: O,
    operands: &impl Operands,
    output: Quantization,
) -> Result<(), ShapeError> {
    if O::KEEPS_QUANTIZATION || !super::is_linked_in_any_case(OPERATORS, O::KIND, DataType::I8) {
        return Ok(());
    }
    operator.check_scales(operands, output)
}

/// The overlap that `op`, which is one of the `OPERATORS`, allows between its result and one of its inputs. `before` tells
/// the bytes of the inputs that are listed before that one.
pub(crate) fn overlap<const OPERATORS: u64>(
    op: &Op,
    input: (Shape, DataType),
    output: (Shape, DataType),
    before: impl FnOnce() -> Option<usize>,
) -> Option<Overlap> {
    if input.1 != output.1 {
        return None;
    }
    each_operator!(op, |operator| overlap_of::<OPERATORS, _>(operator, input, output, before))
}

#[inline(always)]
fn overlap_of<const OPERATORS: u64, O: Operator>(
    operator: O,
    input: (Shape, DataType),
    output: (Shape, DataType),
    before: impl FnOnce() -> Option<usize>,
) -> Option<Overlap> {
    if is_known(OPERATORS, O::KIND) { operator.overlap(input, output, before) } else { None }
}

/// Bytes that an operator needs beside its inputs and its result.
pub(crate) fn scratch_bytes<const OPERATORS: u64>(op: &Op, operands: &impl Operands) -> usize {
    each_operator!(op, |operator| scratch_bytes_of::<OPERATORS, _>(operator, operands))
}

#[inline(always)]
fn scratch_bytes_of<const OPERATORS: u64, O: Operator>(operator: O, operands: &impl Operands) -> usize {
    if is_known(OPERATORS, O::KIND) { operator.scratch_bytes(operands) } else { 0 }
}

/// Whether the result of `op`, which is one of the `OPERATORS`, is its inputs one after the other.
#[inline(always)]
pub(crate) fn joins<const OPERATORS: u64>(op: &Op) -> bool {
    each_operator!(op, |operator| joins_of::<OPERATORS, _>(operator))
}

#[inline(always)]
fn joins_of<const OPERATORS: u64, O: Operator>(_: O) -> bool {
    O::JOINS && is_known(OPERATORS, O::KIND)
}

/// Whether `op`, which is one of the `OPERATORS`, runs on the arena as a whole when it makes numbers of that type.
#[inline(always)]
pub(crate) fn runs_on_arena<const OPERATORS: u64>(op: &Op, makes: DataType) -> bool {
    each_operator!(op, |operator| on_arena_of::<OPERATORS, _>(operator)).when_making(makes)
}

#[inline(always)]
fn on_arena_of<const OPERATORS: u64, O: Operator>(_: O) -> OnArena {
    if is_known(OPERATORS, O::KIND) { O::ON_ARENA } else { OnArena::Never }
}
