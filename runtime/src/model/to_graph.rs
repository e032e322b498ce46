use alloc::string::ToString;

use super::view::TensorView;
use super::view::{GraphView, Model};
use crate::graph::{Graph, Node, ValueId, ValueInfo, Weight, WeightData, WeightId};
use crate::tensor::TensorData;

impl Graph {
    /// The graph of that name, copied out of a model; `None` when the model has none.
    pub fn from_model(model: &Model<'_>, name: &str) -> Option<Self> {
        model.graph(name).map(|graph| graph.to_graph())
    }
}

impl GraphView<'_> {
    /// A copy that can be changed and written again.
    pub fn to_graph(&self) -> Graph {
        Graph {
            name: self.name().to_string(),
            inputs: self.inputs().collect(),
            outputs: self.outputs().map(|(name, value)| (name.to_string(), value)).collect(),
            values: self.copied_values(),
            nodes: self.copied_nodes(),
            weights: self.copied_weights(),
        }
    }

    fn copied_values(&self) -> alloc::vec::Vec<ValueInfo> {
        let values = (0..self.value_count()).filter_map(|index| self.value(ValueId(index as u32)));
        values
            .map(|value| ValueInfo {
                name: value.name.to_string(),
                shape: value.shape.extents().to_vec(),
                data_type: value.data_type,
                quantization: value.quantization,
            })
            .collect()
    }

    fn copied_nodes(&self) -> alloc::vec::Vec<Node> {
        self.nodes()
            .map(|node| Node {
                name: node.name.to_string(),
                op: node.op,
                inputs: node.inputs().collect(),
                output: node.output,
            })
            .collect()
    }

    fn copied_weights(&self) -> alloc::vec::Vec<Weight> {
        let weights = (0..self.weight_count()).filter_map(|index| self.weight(WeightId(index as u32)));
        weights
            .map(|weight| Weight {
                name: weight.name.to_string(),
                shape: weight.shape.extents().to_vec(),
                data: copied_data(weight),
                expansion: weight.expansion,
            })
            .collect()
    }
}

fn copied_data(tensor: TensorView<'_>) -> WeightData {
    match tensor.data {
        TensorData::F32(values) => WeightData::F32(values.to_vec()),
        TensorData::I32(values) => WeightData::I32(values.to_vec()),
        TensorData::I8(filters) => {
            let taps = tensor.shape.extents().iter().skip(1).product();
            let rows = filters.rows.chunks_exact(filters.row_bytes.max(1));
            let values = rows.flat_map(|row| row.iter().take(taps).copied()).collect();
            WeightData::I8 { values, multipliers: filters.multipliers.to_vec(), shift: filters.shift }
        }
    }
}
