//! Where each activation stands in the arena: values that are not needed at the same time share bytes, and a value may
//! overlap the one that it is made from where the operator allows it.

use alloc::vec;
use alloc::vec::Vec;

use super::layout::{SECTION_ALIGNMENT_BYTES, aligned};
use super::parse::{Place, arena_size};
use crate::graph::{
    Graph, Operand, Operands, Overlap, Shape, ValueId, ValueInfo, WeightId, WeightInfo, overlap, scratch_bytes,
};

/// The memory plan of a graph.
pub(crate) struct Plan {
    /// Of each value; `None` for inputs.
    pub places: Vec<Option<Place>>,
    /// What the graph needs to run.
    pub arena_bytes: usize,
    /// The part of it after the activations.
    pub scratch_bytes: usize,
}

/// Places the values in a few orders, each value at the lowest place that is free while it is needed, and keeps the order
/// that needs the least memory (greedy by size: Pisarchyk and Lee, "Efficient memory management for deep neural net
/// inference", 2020, section 5.2; and greedy by time).
///
/// `None` when sizes are beyond the address space.
pub(crate) fn plan_memory(graph: &Graph) -> Option<Plan> {
    let ranges = live_ranges(graph)?;
    let values: Vec<usize> = (0..ranges.len()).filter(|index| ranges[*index].is_some()).collect();
    let bytes = |index: &usize| core::cmp::Reverse(ranges[*index].as_ref().map(|place| place.end));
    let maker = |index: &usize| ranges[*index].as_ref().map(|place| place.made_by);
    let mut by_size = values.clone();
    by_size.sort_by_key(bytes);
    let mut latest_first_by_size = values.clone();
    latest_first_by_size.sort_by_key(|index| (bytes(index), core::cmp::Reverse(maker(index))));
    let mut by_time = values.clone();
    by_time.sort_by_key(maker);
    let mut backwards = by_time.clone();
    backwards.reverse();
    let sharing = sharing(graph);
    let mut best: Option<(usize, Vec<Option<Place>>)> = None;
    for order in [by_size, latest_first_by_size, by_time, backwards] {
        let places = place_all(&ranges, &order, &sharing)?;
        let end = places.iter().flatten().map(|place| place.end).max().unwrap_or(0);
        if best.as_ref().is_none_or(|(smallest, _)| end < *smallest) {
            best = Some((end, places));
        }
    }
    let (end, places) = best?;
    let (arena_bytes, scratch_bytes) = arena_size(end, scratch(graph))?;
    Some(Plan { places, arena_bytes, scratch_bytes })
}

/// For each value the values that it may overlap, and how.
type Sharing = Vec<Vec<(usize, Overlap)>>;

fn place_all(ranges: &[Option<Place>], order: &[usize], sharing: &Sharing) -> Option<Vec<Option<Place>>> {
    let mut places: Vec<Option<Place>> = ranges.iter().map(|_| None).collect();
    let mut placed: Vec<usize> = vec![];
    for &index in order {
        let value = ranges[index].as_ref()?;
        let neighbours: Vec<(&Place, Relation)> = placed
            .iter()
            .filter_map(|other| Some((places[*other].as_ref()?, relation(sharing, index, *other))))
            .filter(|(other, _)| value.lives_with(other))
            .collect();
        let start = lowest_start(&neighbours, value.end)?;
        let end = start.checked_add(value.end)?;
        places[index] = Some(Place { start, end, made_by: value.made_by, last_use: value.last_use });
        placed.push(index);
    }
    Some(places)
}

/// How a value that is being placed may overlap one that has its place.
#[derive(Clone, Copy)]
enum Relation {
    Apart,
    Same,
    /// The new value starts at least that far before the other.
    Before(usize),
    /// The new value starts at least that far after the other's start.
    After(usize),
}

fn relation(sharing: &Sharing, index: usize, other: usize) -> Relation {
    let over =
        |result: usize, input: usize| sharing[result].iter().find(|(read, _)| *read == input).map(|(_, how)| *how);
    match (over(index, other), over(other, index)) {
        (Some(Overlap::Same), _) | (_, Some(Overlap::Same)) => Relation::Same,
        (Some(Overlap::Before(bytes)), _) => Relation::Before(bytes),
        (_, Some(Overlap::Before(bytes))) => Relation::After(bytes),
        (None, None) => Relation::Apart,
    }
}

/// The lowest place for that many bytes; only places next to a neighbour can be the lowest.
fn lowest_start(neighbours: &[(&Place, Relation)], bytes: usize) -> Option<usize> {
    let mut candidates = vec![0];
    for (other, relation) in neighbours {
        candidates.push(aligned(other.end)?);
        match relation {
            Relation::Apart => {}
            Relation::Same => candidates.push(other.start),
            Relation::Before(distance) => {
                let start = other.start.checked_sub(*distance);
                candidates.extend(start.map(|start| start - start % SECTION_ALIGNMENT_BYTES));
            }
            Relation::After(distance) => candidates.push(aligned(other.start.checked_add(*distance)?)?),
        }
    }
    candidates.sort_unstable();
    let fits = |start: &usize| {
        start.checked_add(bytes).is_some_and(|end| {
            neighbours.iter().all(|(other, relation)| {
                let apart = end <= other.start || other.end <= *start;
                apart
                    || match relation {
                        Relation::Apart => false,
                        Relation::Same => *start == other.start,
                        Relation::Before(distance) => start + distance <= other.start,
                        Relation::After(distance) => other.start + distance <= *start,
                    }
            })
        })
    };
    candidates.into_iter().find(fits)
}

/// Every activation at the arena's start, with the nodes from which and to which it is needed.
fn live_ranges(graph: &Graph) -> Option<Vec<Option<Place>>> {
    let mut places: Vec<Option<Place>> = graph.values.iter().map(|_| None).collect();
    for (index, node) in graph.nodes.iter().enumerate() {
        for input in &node.inputs {
            if let Some(place) = &mut places[input.0 as usize] {
                place.last_use = index;
            }
        }
        let end = value_bytes(graph.value(node.output))?;
        places[node.output.0 as usize] = Some(Place { start: 0, end, made_by: index, last_use: index });
    }
    for (_, output) in &graph.outputs {
        if let Some(place) = &mut places[output.0 as usize] {
            place.last_use = graph.nodes.len();
        }
    }
    Some(places)
}

/// Which inputs each value may overlap: those whose last reader makes it.
fn sharing(graph: &Graph) -> Sharing {
    let mut last_reader: Vec<Option<usize>> = vec![None; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|input| last_reader[input.0 as usize] = Some(index));
    }
    for (_, output) in &graph.outputs {
        last_reader[output.0 as usize] = None;
    }
    let mut sharing: Sharing = vec![vec![]; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let made = shape_and_type(graph.value(node.output));
        for input in node.inputs.iter().filter(|input| last_reader[input.0 as usize] == Some(index)) {
            let read = shape_and_type(graph.value(*input));
            if let Some(how) = read.zip(made).and_then(|(read, made)| overlap(&node.op, read, made)) {
                sharing[node.output.0 as usize].push((input.0 as usize, how));
            }
        }
    }
    sharing
}

fn shape_and_type(value: &ValueInfo) -> Option<(Shape, crate::graph::DataType)> {
    Some((Shape::new(&value.shape)?, value.data_type))
}

fn scratch(graph: &Graph) -> usize {
    graph
        .nodes
        .iter()
        .map(|node| scratch_bytes(&node.op, &NodeOperands { graph, inputs: &node.inputs }))
        .max()
        .unwrap_or(0)
}

struct NodeOperands<'g> {
    graph: &'g Graph,
    inputs: &'g [ValueId],
}

impl Operands for NodeOperands<'_> {
    fn input_count(&self) -> usize {
        self.inputs.len()
    }

    fn input(&self, index: usize) -> Option<Operand> {
        let value = self.graph.value(*self.inputs.get(index)?);
        let shape = Shape::new(&value.shape)?;
        Some(Operand { shape, data_type: value.data_type, quantization: value.quantization })
    }

    fn weight(&self, id: WeightId) -> Option<WeightInfo> {
        let weight = self.graph.weights.get(id.0 as usize)?;
        let shape = Shape::new(&weight.shape)?;
        let (data_type, requantized_channels) = (weight.data.data_type(), weight.data.requantized_channels());
        Some(WeightInfo { shape, data_type, requantized_channels })
    }
}

fn value_bytes(value: &ValueInfo) -> Option<usize> {
    value.shape.iter().try_fold(value.data_type.bytes(), |bytes: usize, extent| bytes.checked_mul(*extent))
}
