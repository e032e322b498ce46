use super::record::Span;
use super::view::{GraphView, NodeView, TensorView};
use crate::graph::WeightId;
use crate::operators::{Operand, Operands, WeightInfo};
use crate::tensor::Constant;

/// What a node of a model file reads.
pub(super) struct FileOperands<'a, 'm> {
    graph: &'a GraphView<'m>,
    inputs: Span,
}

impl<'a, 'm> FileOperands<'a, 'm> {
    pub fn of(graph: &'a GraphView<'m>, node: &NodeView<'m>) -> Self {
        Self { graph, inputs: node.inputs }
    }
}

impl Operands for FileOperands<'_, '_> {
    fn input_count(&self) -> usize {
        self.inputs.count
    }

    fn input(&self, index: usize) -> Option<Operand> {
        Some(self.graph.value(self.graph.model.link(self.inputs.at(index)?)?)?.operand())
    }

    fn weight(&self, id: WeightId) -> Option<WeightInfo> {
        let TensorView { shape, data, expansion, .. } = self.graph.weight(id)?;
        Constant { shape, data, expansion }.info()
    }
}
