use sextant_runtime::graph::{DataType, Graph, GraphBuilder, GraphError, Op, ValueId};

/// An int8 value of a graph, and the float32 value of the revealed graph that says what its numbers stand for.
pub(crate) struct Revealed {
    pub int8: ValueId,
    pub real: ValueId,
}

/// The graph with every int8 value also as float32. It has no outputs.
pub(crate) fn reveal(graph: &Graph) -> Result<(Graph, Vec<Revealed>), GraphError> {
    let mut builder = GraphBuilder::new(&graph.name);
    let mut values: Vec<Option<ValueId>> = vec![None; graph.values.len()];
    for id in &graph.inputs {
        let value = graph.value(*id);
        values[id.0 as usize] = Some(builder.input(&value.name, &value.shape, value.data_type));
    }
    for weight in &graph.weights {
        builder.copied_constant(weight)?;
    }
    let mut revealed = vec![];
    for node in &graph.nodes {
        let inputs: Vec<ValueId> = node.inputs.iter().filter_map(|id| values[id.0 as usize]).collect();
        let value = graph.value(node.output);
        let made = builder.node_like(&node.name, node.op, &inputs, value)?;
        values[node.output.0 as usize] = Some(made);
        if value.data_type == DataType::I8 {
            let real = builder.node(&format!("{}/revealed", value.name), Op::Dequantize, &[made])?;
            revealed.push(Revealed { int8: node.output, real });
        }
    }
    Ok((builder.finish(), revealed))
}
