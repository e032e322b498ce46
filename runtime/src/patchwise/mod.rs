//! First layers in stripes of rows, so that no whole large map of theirs ever stands in memory (MCUNetV2's patch-based
//! inference: Lin et al., NeurIPS 2021).
//!
//! The layers up to a small map are computed for its first rows, then for the next ones, down from the rows of the image
//! that these see; the stripes are joined, and the other layers follow as before. Rows at the edge of two stripes are
//! computed for both: memory is paid for with multiplications. It is a change of the graph alone, and of an int8 graph
//! every number stays the same.

mod rewrite;
mod rows;

#[cfg(test)]
mod tests;

use alloc::vec;
use alloc::vec::Vec;

use crate::graph::{DataType, Graph, GraphOperands, Node, ValueId};
use crate::operators::Rows;

/// The first layers of an int8 graph, up to one map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Indices of the nodes, in the order in which they run.
    nodes: Vec<usize>,
    /// The map that they make of the image, and the only value of theirs that other nodes read.
    map: ValueId,
}

/// Every stage that a graph can begin with, the shortest first: from its image on, operators that make each row of an int8
/// map of a few rows.
///
/// # Example
/// ```
/// use sextant_runtime::graph::{DataType, GraphBuilder, Op, Quantization};
/// use sextant_runtime::{model::planned_arena_bytes, patchwise::stages};
///
/// let mut builder = GraphBuilder::new("encode");
/// let image = builder.input("image", &[32, 32, 3], DataType::U8);
/// let op = Op::QuantizeImage { mean: [0.5; 3], std: [0.25; 3], rows: None };
/// let map = builder.quantized_node("image8", op, &[image], Quantization { scale: 0.02, zero_point: 0 })?;
/// let op = Op::MaxPool2d { kernel: [2, 2], stride: [2, 2], padding: Default::default() };
/// let map = builder.node("pool", op, &[map])?;
/// let mean = builder.node("mean", Op::GlobalAveragePool, &[map])?;
/// let mean = builder.node("real", Op::Dequantize, &[mean])?;
/// builder.output("mean", mean);
/// let graph = builder.finish();
///
/// let stage = stages(&graph).pop().unwrap();
/// assert_eq!((stage.layers(), stage.last_layer(&graph)), (2, "pool"));
/// let quarters = stage.in_stripes(&graph, 4).unwrap();
/// assert_eq!((planned_arena_bytes(&graph)?, planned_arena_bytes(&quarters)?), (3120, 1392));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub fn stages(graph: &Graph) -> Vec<Stage> {
    let stages = graph.nodes.iter().filter(|node| makes_map_of_rows(graph, node));
    stages.filter_map(|node| Stage::up_to(graph, node.output)).filter(|stage| stage.nodes.len() > 1).collect()
}

impl Stage {
    /// All nodes that the map comes of; `None` when one of them cannot be in a stage, or others read what they make.
    fn up_to(graph: &Graph, map: ValueId) -> Option<Self> {
        let mut needed = vec![false; graph.values.len()];
        needed[map.0 as usize] = true;
        let (mut nodes, mut read_by_others) = (vec![], vec![false; graph.values.len()]);
        graph.outputs.iter().for_each(|(_, id)| read_by_others[id.0 as usize] = true);
        // Readers come after what they read, so that all are known when it is reached.
        for (index, node) in graph.nodes.iter().enumerate().rev() {
            let value = node.output.0 as usize;
            if !needed[value] {
                node.inputs.iter().for_each(|input| read_by_others[input.0 as usize] = true);
                continue;
            }
            if !makes_map_of_rows(graph, node) || (read_by_others[value] && node.output != map) {
                return None;
            }
            node.inputs.iter().for_each(|input| needed[input.0 as usize] = true);
            nodes.push(index);
        }
        nodes.reverse();
        Some(Self { nodes, map })
    }

    /// How many operators it has.
    pub fn layers(&self) -> usize {
        self.nodes.len()
    }

    /// The name of its last operator.
    ///
    /// # Panics
    /// When the stage is of another graph.
    pub fn last_layer<'g>(&self, graph: &'g Graph) -> &'g str {
        self.nodes.last().map_or("", |index| &graph.nodes[*index].name)
    }

    /// The graph with this stage in that many stripes; `None` when its map has too few rows, or a stripe would see nothing
    /// but padding.
    ///
    /// # Panics
    /// When the stage is of another graph.
    pub fn in_stripes(&self, graph: &Graph, stripes: usize) -> Option<Graph> {
        let stripes = rows::split(&graph.value(self.map).shape, stripes)?;
        rewrite::rewrite(graph, self, &stripes)
    }
}

/// Whether each row of what the node makes comes of some rows of each int8 map that it reads, or of the image.
fn makes_map_of_rows(graph: &Graph, node: &Node) -> bool {
    let is_map = |id: &ValueId| {
        let value = graph.value(*id);
        value.data_type == DataType::I8 && value.shape.len() == 3
    };
    let is_image = |id: &ValueId| graph.value(*id).data_type == DataType::U8;
    let has_rows = node.op.rows(&GraphOperands::of(graph, node)) != Rows::All;
    has_rows && is_map(&node.output) && node.inputs.iter().all(|id| is_map(id) || is_image(id))
}
