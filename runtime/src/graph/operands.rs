use super::{Graph, Node, ValueId, WeightId};
use crate::operators::{Operand, Operands, WeightInfo};
use crate::tensor::Shape;

/// What a node of a graph reads, whether it is in the graph already or not.
pub(crate) struct GraphOperands<'g> {
    pub graph: &'g Graph,
    pub inputs: &'g [ValueId],
}

impl<'g> GraphOperands<'g> {
    /// Of a node that is in the graph.
    pub fn of(graph: &'g Graph, node: &'g Node) -> Self {
        Self { graph, inputs: &node.inputs }
    }
}

impl Operands for GraphOperands<'_> {
    fn input_count(&self) -> usize {
        self.inputs.len()
    }

    fn input(&self, index: usize) -> Option<Operand> {
        let value = self.graph.values.get(self.inputs.get(index)?.0 as usize)?;
        let shape = Shape::new(&value.shape)?;
        Some(Operand { shape, data_type: value.data_type, quantization: value.quantization })
    }

    fn weight(&self, id: WeightId) -> Option<WeightInfo> {
        let weight = self.graph.weights.get(id.0 as usize)?;
        let stored = Shape::new(&weight.shape)?;
        let (data_type, requantized_channels) = (weight.data.data_type(), weight.data.requantized_channels());
        WeightInfo::new(stored, data_type, requantized_channels, weight.expansion)
    }
}
