use std::collections::BTreeMap;
use std::path::Path;

use sextant_runtime::graph::{DataType, Graph, Node, ValueId, Weight};
use sextant_runtime::model::VERSION;

use super::{BaseFilters, Extent, GraphSummary, Inspection, OperatorSummary, Port};
use crate::{Error, model_file};

pub(super) fn inspect(path: &Path, bytes: &[u8]) -> Result<Inspection, Error> {
    let model = model_file::parse(path, bytes)?;
    let graphs = model.graphs().map(|view| summary(&view.to_graph(), view.arena_bytes()));
    Ok(Inspection {
        path: path.to_path_buf(),
        format: "sxt",
        versions: BTreeMap::from([("format".to_string(), i64::from(VERSION))]),
        size_bytes: bytes.len(),
        graphs: graphs.collect(),
        metadata: model_file::metadata(&model).into_iter().collect(),
    })
}

fn summary(graph: &Graph, arena_bytes: usize) -> GraphSummary {
    GraphSummary {
        name: graph.name.clone(),
        inputs: graph.inputs.iter().map(|id| port(graph, &graph.value(*id).name, *id)).collect(),
        outputs: graph.outputs.iter().map(|(name, id)| port(graph, name, *id)).collect(),
        operators: graph.nodes.iter().map(|node| operator(graph, node)).collect(),
        parameters: 0,
        macs: None,
        base_filters: base_filters(graph),
        arena_bytes: Some(arena_bytes),
    }
    .with_totals()
}

fn base_filters(graph: &Graph) -> Option<BaseFilters> {
    let bytes = |weight: &Weight| Some((weight.stored_bytes(), weight.expansion?.group.order() as u64));
    graph.weights.iter().filter_map(bytes).fold(None, |sum: Option<BaseFilters>, (bytes, order)| {
        let BaseFilters { stored_bytes, expanded_bytes } = sum.unwrap_or_default();
        Some(BaseFilters { stored_bytes: stored_bytes + bytes, expanded_bytes: expanded_bytes + order * bytes })
    })
}

fn port(graph: &Graph, name: &str, id: ValueId) -> Port {
    let data_type = match graph.value(id).data_type {
        DataType::U8 => "u8",
        DataType::I8 => "i8",
        _ => "f32",
    };
    Port { name: name.to_string(), data_type: data_type.to_string(), shape: shape(graph, id) }
}

fn operator(graph: &Graph, node: &Node) -> OperatorSummary {
    let text = format!("{:?}", node.op);
    let name = text.split([' ', '(', '{']).next().unwrap_or_default();
    OperatorSummary {
        name: node.name.clone(),
        operator: name.to_string(),
        shape: shape(graph, node.output),
        parameters: node.op.weights().iter().map(|(_, id)| elements(&graph.weight(*id).shape)).sum(),
        macs: Some(graph.macs(node)),
    }
}

fn shape(graph: &Graph, id: ValueId) -> Option<Vec<Extent>> {
    Some(graph.value(id).shape.iter().map(|extent| Extent::Known(*extent as u64)).collect())
}

fn elements(shape: &[usize]) -> u64 {
    shape.iter().fold(1u64, |product, extent| product.saturating_mul(*extent as u64))
}
