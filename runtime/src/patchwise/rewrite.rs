use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::Stage;
use super::rows::{Reading, needed};
use crate::graph::{DataType, Graph, GraphBuilder, Node, Op, ValueId};

/// The graph with the stage's map made of those stripes; `None` when it cannot be. Weights keep their ids: all stripes read
/// the same.
pub(super) fn rewrite(graph: &Graph, stage: &Stage, stripes: &[Range<usize>]) -> Option<Graph> {
    let mut rewriting =
        Rewriting { graph, builder: GraphBuilder::new(&graph.name), whole: vec![None; graph.values.len()] };
    for id in &graph.inputs {
        let value = graph.value(*id);
        rewriting.whole[id.0 as usize] = Some(rewriting.builder.input(&value.name, &value.shape, value.data_type));
    }
    for weight in &graph.weights {
        rewriting.builder.copied_constant(weight).ok()?;
    }
    let mut parts = vec![];
    for (number, stripe) in stripes.iter().enumerate() {
        parts.push(rewriting.stripe(stage, number, stripe)?);
    }
    let map = graph.value(stage.map);
    let joined = rewriting.builder.quantized_node(&map.name, Op::ConcatRows, &parts, map.quantization?).ok()?;
    rewriting.whole[stage.map.0 as usize] = Some(joined);
    for (index, node) in graph.nodes.iter().enumerate() {
        if !stage.nodes.contains(&index) {
            rewriting.copy(node)?;
        }
    }
    for (name, id) in &graph.outputs {
        let value = rewriting.whole[id.0 as usize]?;
        rewriting.builder.output(name, value);
    }
    Some(rewriting.builder.finish())
}

struct Rewriting<'g> {
    graph: &'g Graph,
    builder: GraphBuilder,
    /// The new value of each old one that is there as a whole.
    whole: Vec<Option<ValueId>>,
}

impl Rewriting<'_> {
    fn copy(&mut self, node: &Node) -> Option<()> {
        let inputs: Option<Vec<ValueId>> = node.inputs.iter().map(|id| self.whole[id.0 as usize]).collect();
        let made = self.node(&node.name, node.op, &inputs?, node.output)?;
        self.whole[node.output.0 as usize] = Some(made);
        Some(())
    }

    /// Adds a node with the scale of an old value.
    fn node(&mut self, name: &str, op: Op, inputs: &[ValueId], like: ValueId) -> Option<ValueId> {
        self.builder.node_like(name, op, inputs, self.graph.value(like)).ok()
    }

    /// Those rows of the stage's map.
    fn stripe(&mut self, stage: &Stage, number: usize, stripe: &Range<usize>) -> Option<ValueId> {
        let graph = self.graph;
        let needed = needed(graph, stage, stripe)?;
        let mut made = Made { number, values: BTreeMap::new() };
        for node in stage.nodes.iter().map(|index| &graph.nodes[*index]) {
            let rows = &needed[node.output.0 as usize];
            let reading = Reading::of(graph, node, rows)?;
            let mut inputs = vec![];
            for id in &node.inputs {
                inputs.push(match graph.value(*id).data_type {
                    DataType::U8 => self.whole[id.0 as usize]?,
                    _ => self.rows(&mut made, *id, &needed[id.0 as usize], &reading.rows)?,
                });
            }
            let name = format!("{}/{number}", node.name);
            let value = self.node(&name, node.op.of_rows(rows, reading.padding)?, &inputs, node.output)?;
            made.values.insert((node.output, rows.start, rows.end), value);
        }
        made.values.get(&(stage.map, stripe.start, stripe.end)).copied()
    }

    /// Rows of a value of which a stripe has at least these.
    fn rows(&mut self, made: &mut Made, id: ValueId, has: &Range<usize>, rows: &Range<usize>) -> Option<ValueId> {
        let key = |rows: &Range<usize>| (id, rows.start, rows.end);
        if let Some(value) = made.values.get(&key(rows)) {
            return Some(*value);
        }
        let from = *made.values.get(&key(has))?;
        let [start, end] = [rows.start, rows.end].map(|row| u32::try_from(row - has.start).ok());
        let op = Op::SliceRows { start: start?, end: end? };
        let name = format!("{}/{}/rows{}", self.graph.value(id).name, made.number, rows.start);
        let value = self.node(&name, op, &[from], id)?;
        made.values.insert(key(rows), value);
        Some(value)
    }
}

/// What a stripe has so far.
struct Made {
    number: usize,
    /// By the value that they are a part of, first row and end.
    values: BTreeMap<(ValueId, usize, usize), ValueId>,
}
