//! How much work a graph is, before it runs.

use super::operands::FileOperands;
use super::view::{GraphView, NodeView};
use crate::graph::ValueId;

impl GraphView<'_> {
    /// At least as many as the multiply-adds, comparisons and moves of one run, and as the numbers that the caller gives.
    ///
    /// A small file can ask for very much work: a model from a source that is not trusted should be held against a limit.
    ///
    /// # Example
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// # use sextant_runtime::{graph::{DataType, GraphBuilder, Op}, memory::AlignedVec, model::{self, Model}};
    /// # let mut builder = GraphBuilder::new("encode");
    /// # let numbers = builder.input("numbers", &[9], DataType::F32);
    /// # let rotation = builder.node("rotation", Op::NearestRotation, &[numbers]).unwrap();
    /// # builder.output("rotation_wxyz", rotation);
    /// # let bytes = AlignedVec::copy_of(&model::write(&Default::default(), &[builder.finish()]).unwrap());
    /// let model = Model::parse(&bytes).unwrap();
    /// assert!(model.graphs().all(|graph| graph.operations() < 1_000_000_000 && graph.arena_bytes() < 1 << 20));
    /// # }
    /// ```
    pub fn operations(&self) -> u64 {
        let given = self.inputs().map(|id| self.elements(id));
        given.chain(self.nodes().map(|node| self.operations_of(&node))).fold(0, u64::saturating_add)
    }

    fn elements(&self, id: ValueId) -> u64 {
        self.value(id).map_or(0, |value| value.shape.elements() as u64)
    }

    fn operations_of(&self, node: &NodeView<'_>) -> u64 {
        let moved = node.inputs().map(|id| self.elements(id)).fold(self.elements(node.output), u64::saturating_add);
        let made = self.value(node.output);
        let computed = made.map_or(0, |made| node.op.operations(&FileOperands::of(self, node), made.shape));
        computed.saturating_add(moved)
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use crate::graph::arbitrary::{Choices, arbitrary_graph};
    use crate::graph::{Activation, DataType, GraphBuilder, Op, Padding};
    use crate::memory::AlignedVec;
    use crate::model::{Model, write};

    #[test]
    fn a_convolution_counts_its_products_and_what_it_moves() {
        let mut builder = GraphBuilder::new("encode");
        let map = builder.input("map", &[5, 4, 2], DataType::F32);
        let weight = builder.weight("w", &[7, 3, 3, 2], alloc::vec![1.0; 126]).unwrap();
        let bias = builder.weight("b", &[7], alloc::vec![0.0; 7]).unwrap();
        let (stride, padding, activation) = ([1, 1], Padding::default(), Activation::Identity);
        let op = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation };
        let made = builder.node("conv", op, &[map]).unwrap();
        builder.output("y", made);
        let bytes = AlignedVec::copy_of(&write(&Default::default(), &[builder.finish()]).unwrap());
        // Seven filters of 18 numbers, stored in 32, at 3x2 places; 40 numbers given, 40 read and 42 made.
        assert_eq!(Model::parse(&bytes).unwrap().graph("encode").unwrap().operations(), 6 * 7 * 32 + 40 + 40 + 42);
    }

    #[test]
    fn no_graph_has_fewer_operations_than_products() {
        for seed in 0..200u32 {
            let choices = (0..200).map(|index: u32| (index + seed).wrapping_mul(2_654_435_761) >> 7).collect();
            let graph = arbitrary_graph("encode", 12, &mut Choices(choices));
            let bytes = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(&graph)).unwrap());
            let operations = Model::parse(&bytes).unwrap().graph("encode").unwrap().operations();
            assert!(operations > graph.nodes.iter().map(|node| graph.macs(node)).sum(), "{seed}");
        }
    }
}
