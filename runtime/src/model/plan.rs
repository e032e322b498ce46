//! Where each activation stands in the arena: values that are not needed at the same time share bytes.

use alloc::vec;
use alloc::vec::Vec;

use super::layout::aligned;
use super::parse::Place;
use crate::graph::{Graph, ValueInfo};

/// The memory plan of a graph.
pub(crate) struct Plan {
    /// Of each value; `None` for inputs.
    pub places: Vec<Option<Place>>,
    /// End of the last activation.
    pub arena_bytes: usize,
}

/// Places the largest values first, each in the smallest gap that it fits (greedy by size: Pisarchyk and Lee,
/// "Efficient memory management for deep neural net inference", 2020, section 5.2).
///
/// `None` when sizes are beyond the address space.
pub(crate) fn plan_memory(graph: &Graph) -> Option<Plan> {
    let mut places = live_ranges(graph)?;
    let mut order: Vec<usize> = (0..places.len()).filter(|index| places[*index].is_some()).collect();
    order.sort_by_key(|index| core::cmp::Reverse(places[*index].as_ref().map(|place| place.end)));
    let mut placed: Vec<usize> = vec![];
    for index in order {
        let Some(value) = &places[index] else { continue };
        let mut occupied: Vec<(usize, usize)> = placed
            .iter()
            .filter_map(|other| places[*other].as_ref())
            .filter(|other| value.lives_with(other))
            .map(|other| (other.start, other.end))
            .collect();
        occupied.sort_unstable();
        let bytes = value.end;
        let start = smallest_gap(&occupied, bytes)?;
        if let Some(value) = &mut places[index] {
            (value.start, value.end) = (start, start.checked_add(bytes)?);
        }
        placed.push(index);
    }
    let arena_bytes = places.iter().flatten().map(|place| place.end).max().unwrap_or(0);
    Some(Plan { places, arena_bytes })
}

/// Start of the smallest gap that takes the bytes; after everything else when none does.
fn smallest_gap(occupied: &[(usize, usize)], bytes: usize) -> Option<usize> {
    let mut best: Option<(usize, usize)> = None;
    let mut position = 0;
    for (start, end) in occupied {
        let gap = start.saturating_sub(position);
        if gap >= bytes && best.is_none_or(|(smallest, _)| gap < smallest) {
            best = Some((gap, position));
        }
        position = position.max(aligned(*end)?);
    }
    Some(best.map_or(position, |(_, start)| start))
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

fn value_bytes(value: &ValueInfo) -> Option<usize> {
    value.shape.iter().try_fold(value.data_type.bytes(), |bytes: usize, extent| bytes.checked_mul(*extent))
}
