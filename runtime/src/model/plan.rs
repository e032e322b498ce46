//! Where each activation stands in the arena: values that are not needed at the same time share bytes, a value may overlap
//! the one that it is made from where the operator allows it, and rows that are joined are made where they will lie.

use alloc::vec;
use alloc::vec::Vec;

use super::layout::{SECTION_ALIGNMENT_BYTES, aligned};
use super::parse::{Place, arena_size};
use crate::graph::{ALL_OPERATORS, Graph, GraphOperands, Node, Shape, ValueInfo};
use crate::operators::{Operands, Overlap, bytes_before, joins, overlap, scratch_bytes};

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
/// inference", 2020, section 5.2; and greedy by time). Then it puts what reaches highest to the front of the order, again
/// and again (Joslin and Clements, "Squeaky wheel optimization", 1999).
///
/// `None` when sizes are beyond the address space.
pub(crate) fn plan_memory(graph: &Graph) -> Option<Plan> {
    let planner = Planner { ranges: live_ranges(graph)?, sharing: sharing(graph) };
    let blocks = blocks(graph, &planner);
    let mut best: Option<Layout> = None;
    for order in orders(&blocks, &planner) {
        keep_smaller(&mut best, planner.place_all(&blocks, order)?);
    }
    let mut layout = best?;
    let mut best = Some(layout.clone());
    for _ in 0..rounds(planner.ranges.len()) {
        layout = planner.place_all(&blocks, layout.highest_first())?;
        keep_smaller(&mut best, layout.clone());
    }
    let Layout { end, places, .. } = best?;
    let (arena_bytes, scratch_bytes) = arena_size(end, scratch(graph))?;
    Some(Plan { places, arena_bytes, scratch_bytes })
}

/// How often the order is changed: large graphs take time with the square of their size.
fn rounds(values: usize) -> usize {
    (1 << 20) / (values * values).max(1 << 14)
}

fn keep_smaller(best: &mut Option<Layout>, layout: Layout) {
    if best.as_ref().is_none_or(|best| layout.end < best.end) {
        *best = Some(layout);
    }
}

/// The orders to begin with, of indices of blocks.
fn orders(blocks: &[Block], planner: &Planner) -> [Vec<usize>; 4] {
    let bytes = |index: &usize| core::cmp::Reverse(blocks[*index].bytes);
    let maker = |index: &usize| planner.ranges[blocks[*index].first()].as_ref().map(|place| place.made_by);
    let mut by_size: Vec<usize> = (0..blocks.len()).collect();
    let mut latest_first_by_size = by_size.clone();
    let mut by_time = by_size.clone();
    by_size.sort_by_key(bytes);
    latest_first_by_size.sort_by_key(|index| (bytes(index), core::cmp::Reverse(maker(index))));
    by_time.sort_by_key(maker);
    let mut backwards = by_time.clone();
    backwards.reverse();
    [by_size, latest_first_by_size, by_time, backwards]
}

/// Values that are placed together: one alone, or joined rows and the parts that are made in their places.
struct Block {
    /// Value and distance from the block's start.
    members: Vec<(usize, usize)>,
    bytes: usize,
}

impl Block {
    fn first(&self) -> usize {
        self.members[0].0
    }
}

fn blocks(graph: &Graph, planner: &Planner) -> Vec<Block> {
    let mut member_of_another = vec![false; graph.values.len()];
    let mut parts = vec![vec![]; graph.values.len()];
    for node in graph.nodes.iter().filter(|node| joins::<ALL_OPERATORS>(&node.op)) {
        let joined = node.output.0 as usize;
        for (part, how) in &planner.sharing[joined] {
            let Overlap::Holds(distance) = how else { continue };
            let has_place = planner.ranges[*part].is_some() && distance.is_multiple_of(SECTION_ALIGNMENT_BYTES);
            // What is joined itself stays the start of its block.
            if has_place && !member_of_another[*part] && parts[*part].is_empty() {
                member_of_another[*part] = true;
                parts[joined].push((*part, *distance));
            }
        }
    }
    let alone = |(index, place): (usize, &Option<Place>)| {
        let bytes = place.as_ref().filter(|_| !member_of_another[index])?.end;
        let members = core::iter::once((index, 0)).chain(parts[index].iter().copied()).collect();
        Some(Block { members, bytes })
    };
    planner.ranges.iter().enumerate().filter_map(alone).collect()
}

/// For each value the values that it may overlap, and how.
type Sharing = Vec<Vec<(usize, Overlap)>>;

struct Planner {
    /// Every activation at the arena's start.
    ranges: Vec<Option<Place>>,
    sharing: Sharing,
}

/// Places that came of an order of blocks.
#[derive(Clone)]
struct Layout {
    places: Vec<Option<Place>>,
    end: usize,
    order: Vec<usize>,
    /// Where in the order the block stands that reaches the end.
    highest: usize,
}

impl Layout {
    fn highest_first(&self) -> Vec<usize> {
        let mut order = self.order.clone();
        if let Some(moved) = order.get_mut(..=self.highest) {
            moved.rotate_right(1);
        }
        order
    }
}

impl Planner {
    fn place_all(&self, blocks: &[Block], order: Vec<usize>) -> Option<Layout> {
        let mut places: Vec<Option<Place>> = self.ranges.iter().map(|_| None).collect();
        let mut placed: Vec<usize> = vec![];
        let (mut end, mut highest) = (0, 0);
        for (position, block) in order.iter().map(|index| &blocks[*index]).enumerate() {
            let start = lowest_start(&self.neighbours(block, &places, &placed)?)?;
            for (index, distance) in &block.members {
                let value = self.ranges[*index].as_ref()?;
                let start = start.checked_add(*distance)?;
                let place = Place { start, end: start.checked_add(value.end)?, ..*value };
                if place.end > end {
                    (end, highest) = (place.end, position);
                }
                places[*index] = Some(place);
                placed.push(*index);
            }
        }
        Some(Layout { places, end, order, highest })
    }

    /// What has its place and is needed at the same time as a member of the block.
    fn neighbours(&self, block: &Block, places: &[Option<Place>], placed: &[usize]) -> Option<Vec<Neighbour>> {
        let mut neighbours = vec![];
        for (index, distance) in &block.members {
            let value = self.ranges[*index].as_ref()?;
            for other in placed {
                let place = places[*other].as_ref()?;
                if value.lives_with(place) {
                    let relation = self.relation(*index, *other);
                    let (start, end) = (place.start, place.end);
                    neighbours.push(Neighbour { start, end, relation, distance: *distance, bytes: value.end });
                }
            }
        }
        Some(neighbours)
    }

    fn relation(&self, index: usize, other: usize) -> Relation {
        let over = |result: usize, input: usize| self.sharing[result].iter().find(|(read, _)| *read == input);
        match (over(index, other), over(other, index)) {
            (Some((_, how)), _) => Relation::Result(*how),
            (_, Some((_, how))) => Relation::Input(*how),
            (None, None) => Relation::Apart,
        }
    }
}

/// How a value that is being placed may overlap one that has its place.
#[derive(Clone, Copy)]
enum Relation {
    Apart,
    /// The new value is made from the other.
    Result(Overlap),
    /// The other is made from the new value.
    Input(Overlap),
}

/// A placed value, and the member of a block that is needed at the same time.
struct Neighbour {
    start: usize,
    end: usize,
    relation: Relation,
    /// Of the member from the block's start.
    distance: usize,
    /// Of the member.
    bytes: usize,
}

impl Neighbour {
    /// Starts of the block that can be the lowest: the member right behind the neighbour, or over it.
    fn candidates(&self) -> [Option<usize>; 2] {
        let over = match self.relation {
            Relation::Apart => None,
            Relation::Result(Overlap::Same) | Relation::Input(Overlap::Same) => Some(self.start),
            Relation::Result(Overlap::Before(bytes)) => {
                self.start.checked_sub(bytes).map(|start| start - start % SECTION_ALIGNMENT_BYTES)
            }
            Relation::Input(Overlap::Before(bytes)) => self.start.checked_add(bytes).and_then(aligned),
            Relation::Result(Overlap::Within(bytes)) | Relation::Input(Overlap::Holds(bytes)) => {
                self.start.checked_add(bytes)
            }
            Relation::Input(Overlap::Within(bytes)) | Relation::Result(Overlap::Holds(bytes)) => {
                self.start.checked_sub(bytes)
            }
        };
        let behind = aligned(self.end);
        [behind, over].map(|start| start?.checked_sub(self.distance))
    }

    fn allows(&self, block_start: usize) -> bool {
        let start = block_start.saturating_add(self.distance);
        let apart = start.checked_add(self.bytes).is_some_and(|end| end <= self.start) || self.end <= start;
        apart
            || match self.relation {
                Relation::Apart => false,
                Relation::Result(how) => how.allows(start, self.start),
                Relation::Input(how) => how.allows(self.start, start),
            }
    }
}

/// The lowest place for a block.
fn lowest_start(neighbours: &[Neighbour]) -> Option<usize> {
    let mut candidates: Vec<usize> = neighbours.iter().flat_map(Neighbour::candidates).flatten().collect();
    candidates.push(0);
    candidates.retain(|start| start.is_multiple_of(SECTION_ALIGNMENT_BYTES));
    candidates.sort_unstable();
    candidates.dedup();
    candidates.into_iter().find(|start| neighbours.iter().all(|neighbour| neighbour.allows(*start)))
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

/// Which inputs each value may overlap: those whose last reader makes it, and those that stay whole.
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
        for (position, input) in node.inputs.iter().enumerate() {
            let Some(how) = overlap_of(graph, node, position) else { continue };
            if how.keeps_input() || last_reader[input.0 as usize] == Some(index) {
                sharing[node.output.0 as usize].push((input.0 as usize, how));
            }
        }
    }
    sharing
}

fn overlap_of(graph: &Graph, node: &Node, position: usize) -> Option<Overlap> {
    let operands = GraphOperands::of(graph, node);
    let (read, made) = (operands.input(position)?, graph.value(node.output));
    let (read, made) = ((read.shape, read.data_type), (Shape::new(&made.shape)?, made.data_type));
    overlap::<ALL_OPERATORS>(&node.op, read, made, || bytes_before(&operands, position))
}

fn scratch(graph: &Graph) -> usize {
    graph
        .nodes
        .iter()
        .map(|node| scratch_bytes::<ALL_OPERATORS>(&node.op, &GraphOperands::of(graph, node)))
        .max()
        .unwrap_or(0)
}

fn value_bytes(value: &ValueInfo) -> Option<usize> {
    value.shape.iter().try_fold(value.data_type.bytes(), |bytes: usize, extent| bytes.checked_mul(*extent))
}
