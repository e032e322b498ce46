use crate::graph::ValueId;
use crate::memory::{as_f32, as_i8};
use crate::model::{GraphView, NodeView};
use crate::session::{Input, arena_range};

/// First byte in the arena and end.
pub(super) type Place = (usize, usize);

/// Where a step finds an operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// One of the caller's inputs.
    Given(usize),
    Arena(Place),
}

impl Source {
    pub fn of(graph: &GraphView<'_>, id: ValueId) -> Option<Self> {
        Some(match graph.inputs().position(|input| input == id) {
            Some(index) => Self::Given(index),
            None => Self::Arena(arena_range(&graph.value(id)?)?),
        })
    }

    pub fn start(&self) -> Option<usize> {
        match self {
            Self::Arena((start, _)) => Some(*start),
            Self::Given(_) => None,
        }
    }

    fn is_at(&self, place: Place) -> bool {
        self.start() == Some(place.0)
    }
}

/// What a step reads: the caller's inputs, and the arena before and after the step's own result.
pub(super) struct Operands<'a> {
    inputs: &'a [Input<'a>],
    before: &'a [u8],
    after: &'a [u8],
    end: usize,
}

impl<'a> Operands<'a> {
    /// With the result.
    pub fn around(inputs: &'a [Input<'a>], arena: &'a mut [u8], (start, end): Place) -> Option<(Self, &'a mut [u8])> {
        let (before, rest) = arena.split_at_mut_checked(start)?;
        let (output, after) = rest.split_at_mut_checked(end.checked_sub(start)?)?;
        Some((Self { inputs, before, after, end }, output))
    }

    fn bytes(&self, (start, end): Place) -> Option<&'a [u8]> {
        match start.checked_sub(self.end) {
            Some(start) => self.after.get(start..end.checked_sub(self.end)?),
            None => self.before.get(start..end),
        }
    }

    pub fn floats(&self, from: Source) -> Option<&'a [f32]> {
        match from {
            Source::Given(index) => match *self.inputs.get(index)? {
                Input::F32(values) => Some(values),
                Input::U8(_) => None,
            },
            Source::Arena(place) => as_f32(self.bytes(place)?),
        }
    }

    pub fn numbers(&self, from: Source) -> Option<&'a [i8]> {
        match from {
            Source::Given(_) => None,
            Source::Arena(place) => Some(as_i8(self.bytes(place)?)),
        }
    }

    pub fn image(&self, from: Source) -> Option<&'a [u8]> {
        match from {
            Source::Given(index) => match *self.inputs.get(index)? {
                Input::U8(image) => Some(image),
                Input::F32(_) => None,
            },
            Source::Arena(_) => None,
        }
    }
}

/// The operands of a sum. Where the result goes over one of them, that one is not read, and the other comes second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addends {
    first: Option<Source>,
    second: Source,
    /// Whether the node's first input is what comes second.
    pub swapped: bool,
}

impl Addends {
    /// `None` when both are one value that the result goes over.
    pub fn of(graph: &GraphView<'_>, node: &NodeView<'_>, to: Place) -> Option<Self> {
        let mut inputs = node.inputs();
        let (a, b) = (Source::of(graph, inputs.next()?)?, Source::of(graph, inputs.next()?)?);
        match (a.is_at(to), b.is_at(to)) {
            (false, false) => Some(Self { first: Some(a), second: b, swapped: false }),
            (true, false) => Some(Self { first: None, second: b, swapped: false }),
            (false, true) => Some(Self { first: None, second: a, swapped: true }),
            (true, true) => None,
        }
    }

    /// The values; the outer `None` when one cannot be read.
    pub fn read<T>(&self, read: impl Fn(Source) -> Option<T>) -> Option<(Option<T>, T)> {
        let first = match self.first {
            Some(first) => Some(read(first)?),
            None => None,
        };
        Some((first, read(self.second)?))
    }
}
