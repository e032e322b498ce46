//! What a node reads and makes, wherever it is stored.

use core::ops::Range;

use super::WeightId;
use crate::plane_group::FilterExpansion;
use crate::tensor::{Constant, DataType, Quantization, Shape, TensorData};

/// A value that a node reads or makes.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    pub shape: Shape,
    pub data_type: DataType,
    pub quantization: Option<Quantization>,
}

impl Operand {
    /// Bytes of it.
    pub fn bytes(&self) -> Option<usize> {
        self.shape.elements().checked_mul(self.data_type.bytes())
    }

    pub fn channels(&self) -> usize {
        self.shape.split_channels().1
    }
}

/// A constant that a node reads.
#[derive(Clone, Copy)]
pub(crate) struct WeightInfo {
    /// Of all filters, also of those that are copies of stored ones.
    pub shape: Shape,
    pub data_type: DataType,
    /// Stored filters that it has multipliers for; 0 when it is not of eight bits.
    pub requantized_channels: usize,
    /// How the filters come of those that are stored, unless they are all stored.
    pub expansion: Option<FilterExpansion>,
}

impl WeightInfo {
    /// `None` when the stored filters cannot be expanded.
    pub fn new(
        stored: Shape,
        data_type: DataType,
        requantized_channels: usize,
        expansion: Option<FilterExpansion>,
    ) -> Option<Self> {
        let shape = match expansion {
            Some(expansion) => stored.expanded(expansion)?,
            None => stored,
        };
        Some(Self { shape, data_type, requantized_channels, expansion })
    }

    /// How many of its filters come of one that is stored.
    pub fn orientations(&self) -> usize {
        self.expansion.map_or(1, |expansion| expansion.group.order())
    }

    pub fn elements(&self) -> u64 {
        self.shape.elements() as u64
    }
}

impl Constant<'_> {
    /// What is known of it without its numbers; `None` when stored filters cannot be expanded.
    pub fn info(&self) -> Option<WeightInfo> {
        let (data_type, requantized_channels) = match self.data {
            TensorData::F32(_) => (DataType::F32, 0),
            TensorData::I32(_) => (DataType::I32, 0),
            TensorData::I8(filters) => (DataType::I8, filters.multipliers.len()),
        };
        WeightInfo::new(self.shape, data_type, requantized_channels, self.expansion)
    }
}

/// What is known of a node's inputs and constants: in a graph that is built, or in a model file.
pub(crate) trait Operands {
    fn input_count(&self) -> usize;
    fn input(&self, index: usize) -> Option<Operand>;
    fn weight(&self, id: WeightId) -> Option<WeightInfo>;
}

/// The numbers of a node's constants, in the model file.
pub(crate) trait Constants<'m> {
    fn constant(&self, id: WeightId) -> Option<Constant<'m>>;
}

/// The numbers that a node reads: the caller's, and those beside the node's own result or exactly where it goes.
pub(crate) trait NodeInputs<'a>: Constants<'a> {
    fn count(&self) -> usize;
    fn operand(&self, index: usize) -> Option<Operand>;
    /// The bytes of an image of the caller's.
    fn image(&self, index: usize) -> Option<&'a [u8]>;
    fn floats(&self, index: usize) -> Option<&'a [f32]>;
    fn numbers(&self, index: usize) -> Option<&'a [i8]>;
    /// Whether an input is where the result goes.
    fn is_in_place(&self, index: usize) -> bool;

    fn quantization(&self, index: usize) -> Option<Quantization> {
        self.operand(index)?.quantization
    }

    fn float_pair(&self) -> Option<Pair<'a, f32>> {
        self.pair(|inputs, index| inputs.floats(index))
    }

    fn number_pair(&self) -> Option<Pair<'a, i8>> {
        self.pair(|inputs, index| inputs.numbers(index))
    }

    fn pair<T>(&self, read: impl Fn(&Self, usize) -> Option<&'a [T]>) -> Option<Pair<'a, T>> {
        Some(match [self.is_in_place(0), self.is_in_place(1)] {
            [false, false] => Pair::Apart(read(self, 0)?, read(self, 1)?),
            [true, false] => Pair::FirstInPlace(read(self, 1)?),
            [false, true] => Pair::SecondInPlace(read(self, 0)?),
            [true, true] => Pair::Same,
        })
    }
}

/// Where the two operands of an element-wise operator are.
pub(crate) enum Pair<'a, T> {
    /// Both beside the output.
    Apart(&'a [T], &'a [T]),
    /// The first is where the output goes.
    FirstInPlace(&'a [T]),
    /// The second is where the output goes.
    SecondInPlace(&'a [T]),
    /// Both are, since they are one value.
    Same,
}

/// A node and the whole arena.
pub(crate) trait ArenaNode<'m>: Constants<'m> {
    fn count(&self) -> usize;
    /// An input, and its first byte in the arena, unless it is the caller's.
    fn input(&self, index: usize) -> Option<(Operand, Option<usize>)>;
    fn made(&self) -> &Operand;
    /// The numbers of an input that is the caller's; the inner `None` when it is no numbers.
    fn given_floats(&self, index: usize) -> Option<Option<&'m [f32]>>;
    /// The bytes of the result.
    fn place(&self) -> Range<usize>;
    /// Activations, and the scratch memory after them.
    fn memory(&mut self) -> Option<(&mut [u8], &mut [u8])>;
}
