use std::collections::HashMap;

use sextant_runtime::graph::{DataType, Graph, GraphBuilder, GraphError, Op, ValueId};

/// A graph in which every int8 operator reads inputs of the graph instead of what others make: it, the values of `graph`
/// that it takes as float32 after the inputs of `graph`, and the values that its outputs are.
///
/// Operators that read float32 values of `graph` are left out.
pub(super) fn one_by_one(graph: &Graph) -> Result<(Graph, Vec<ValueId>, Vec<ValueId>), GraphError> {
    let mut builder = GraphBuilder::new(&graph.name);
    let mut known: HashMap<ValueId, ValueId> = HashMap::new();
    for id in &graph.inputs {
        let value = graph.value(*id);
        known.insert(*id, builder.input(&value.name, &value.shape, value.data_type));
    }
    for weight in &graph.weights {
        builder.copied_constant(weight)?;
    }
    let (mut fed, mut made) = (vec![], vec![]);
    for node in &graph.nodes {
        let Some(to) = graph.value(node.output).quantization else { continue };
        let readable = |id: &ValueId| graph.inputs.contains(id) || graph.value(*id).data_type == DataType::I8;
        if !node.inputs.iter().all(readable) {
            continue;
        }
        let mut inputs = vec![];
        for id in &node.inputs {
            if !known.contains_key(id) {
                let value = graph.value(*id);
                let real = builder.input(&format!("input{}", id.0), &value.shape, DataType::F32);
                let from = value.quantization.unwrap_or(to);
                let name = format!("input{}/quantized", id.0);
                known.insert(*id, builder.quantized_node(&name, Op::Quantize, &[real], from)?);
                fed.push(*id);
            }
            inputs.extend(known.get(id));
        }
        let result = builder.quantized_node(&node.name, node.op, &inputs, to)?;
        let real = builder.node(&format!("{}/revealed", node.name), Op::Dequantize, &[result])?;
        builder.output(&format!("value{}", node.output.0), real);
        made.push(node.output);
    }
    Ok((builder.finish(), fed, made))
}
