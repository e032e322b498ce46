use alloc::vec::Vec;

use crate::graph::{Graph, GraphBuilder, ValueId};

/// The graph with all shapes inferred anew from its inputs; `None` where an operator does not take what it gets.
pub(super) fn rebuilt(graph: &Graph) -> Option<Graph> {
    let mut builder = GraphBuilder::new(&graph.name);
    let mut ids: Vec<Option<ValueId>> = graph.values.iter().map(|_| None).collect();
    for input in &graph.inputs {
        let value = graph.value(*input);
        ids[input.0 as usize] = Some(builder.input(&value.name, &value.shape, value.data_type));
    }
    for weight in &graph.weights {
        builder.copied_constant(weight).ok()?;
    }
    for node in &graph.nodes {
        let inputs: Option<Vec<ValueId>> = node.inputs.iter().map(|input| ids[input.0 as usize]).collect();
        let made = builder.node_like(&node.name, node.op, &inputs?, graph.value(node.output));
        ids[node.output.0 as usize] = Some(made.ok()?);
    }
    for (name, id) in &graph.outputs {
        builder.output(name, ids[id.0 as usize]?);
    }
    Some(builder.finish())
}
