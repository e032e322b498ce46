use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::{
    ALL_OPERATORS, DataType, Graph, GraphOperands, Node, Op, Quantization, ValueId, ValueInfo, Weight, WeightData,
    WeightId,
};
use crate::operators::{check_scales, infer};
use crate::plane_group::{FilterExpansion, PlaneGroup};

/// Why a node does not fit the graph it is added to.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphError {
    /// The node (or weight) that does not fit.
    pub node: String,
    /// What does not fit, for people.
    pub reason: String,
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node '{}': {}", self.node, self.reason)
    }
}

impl core::error::Error for GraphError {}

/// Builds a [`Graph`] node by node, with every shape inferred and checked.
#[derive(Debug)]
pub struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    /// An empty graph of that name.
    pub fn new(name: &str) -> Self {
        Self {
            graph: Graph {
                name: name.to_string(),
                inputs: vec![],
                outputs: vec![],
                values: vec![],
                nodes: vec![],
                weights: vec![],
            },
        }
    }

    /// Adds an input of that shape (without the batch axis).
    pub fn input(&mut self, name: &str, shape: &[usize], data_type: DataType) -> ValueId {
        let id = self.add_value(name, shape.to_vec(), data_type, None);
        self.graph.inputs.push(id);
        id
    }

    /// Adds a float32 constant.
    ///
    /// # Errors
    /// When the data does not fill the shape, or a value is not finite.
    pub fn weight(&mut self, name: &str, shape: &[usize], data: Vec<f32>) -> Result<WeightId, GraphError> {
        check_finite(name, &data)?;
        self.constant(name, shape, WeightData::F32(data))
    }

    /// Adds the float32 filters of an [`Op::Conv2d`] of which all but the base filters `[fields, side, side, channels]` are
    /// copies: only these are stored. The convolution makes `G * fields` channels, `G` being the group's order, and takes a
    /// bias `[fields]`, which all orientations share. Of the group that moves nothing it is as [`Self::weight`].
    ///
    /// # Errors
    /// When the data does not fill the shape, a value is not finite, or the filters cannot be expanded.
    ///
    /// # Example
    /// ```
    /// use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op, Padding};
    /// use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};
    /// let mut builder = GraphBuilder::new("encode");
    /// let map = builder.input("map", &[8, 8, 3], DataType::F32);
    /// let expansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Trivial };
    /// let weight = builder.expanded_weight("w", &[5, 3, 3, 3], vec![0.5; 5 * 27], expansion)?;
    /// let bias = builder.weight("b", &[5], vec![0.0; 5])?;
    /// let (stride, padding, activation) = ([1, 1], Padding::default(), Activation::Relu);
    /// let lifted = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation };
    /// let lifted = builder.node("lifted", lifted, &[map])?;
    /// assert_eq!(builder.shape(lifted), [6, 6, 4 * 5]);
    /// # Ok::<(), sextant_runtime::graph::GraphError>(())
    /// ```
    pub fn expanded_weight(
        &mut self,
        name: &str,
        base_shape: &[usize],
        base: Vec<f32>,
        expansion: FilterExpansion,
    ) -> Result<WeightId, GraphError> {
        check_finite(name, &base)?;
        self.expanded_constant(name, base_shape, WeightData::F32(base), expansion)
    }

    /// As [`Self::expanded_weight`], of float32 or int8; one multiplier for each base filter is enough for all orientations.
    ///
    /// # Errors
    /// When the data does not fill the shape or is int32, or the filters cannot be expanded.
    pub fn expanded_constant(
        &mut self,
        name: &str,
        base_shape: &[usize],
        base: WeightData,
        expansion: FilterExpansion,
    ) -> Result<WeightId, GraphError> {
        if expansion.group == PlaneGroup::Identity {
            return self.constant(name, base_shape, base);
        }
        let expanded = <[usize; 4]>::try_from(base_shape).ok().and_then(|base| expansion.expanded_shape(base));
        if expanded.is_none() || base.data_type() == DataType::I32 {
            let (kind, order) = (base.data_type(), expansion.group.order());
            return fail(
                name,
                alloc::format!(
                    "filters {base_shape:?} of {kind:?} cannot be expanded to {order} orientations, reading {:?}: they are \
                     square, of float32 or int8, and read whole fields",
                    expansion.reads
                ),
            );
        }
        let id = self.constant(name, base_shape, base)?;
        self.graph.weights[id.0 as usize].expansion = Some(expansion);
        Ok(id)
    }

    /// Adds a constant of another graph under its name.
    ///
    /// # Errors
    /// As [`Self::constant`] and [`Self::expanded_constant`].
    pub fn copied_constant(&mut self, weight: &Weight) -> Result<WeightId, GraphError> {
        match weight.expansion {
            Some(expansion) => self.expanded_constant(&weight.name, &weight.shape, weight.data.clone(), expansion),
            None => self.constant(&weight.name, &weight.shape, weight.data.clone()),
        }
    }

    /// Adds a constant of any element type.
    ///
    /// # Errors
    /// When the data does not fill the shape.
    pub fn constant(&mut self, name: &str, shape: &[usize], data: WeightData) -> Result<WeightId, GraphError> {
        let expected: usize = shape.iter().product();
        if data.elements() != expected {
            return fail(name, alloc::format!("{} values do not fill the shape {shape:?}", data.elements()));
        }
        self.graph.weights.push(Weight { name: name.to_string(), shape: shape.to_vec(), data, expansion: None });
        Ok(WeightId(self.graph.weights.len() as u32 - 1))
    }

    /// Adds an operator and returns the value it makes. An int8 result gets the first input's scale and zero point.
    ///
    /// # Errors
    /// When the inputs' shapes or the weights do not fit the operator.
    pub fn node(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        let quantization = inputs.first().and_then(|id| self.graph.value(*id).quantization);
        self.node_with(name, op, inputs, quantization)
    }

    /// Adds an operator whose int8 result has that scale and zero point, and returns the value it makes.
    ///
    /// # Errors
    /// When the inputs' shapes, scales or the weights do not fit the operator.
    pub fn quantized_node(
        &mut self,
        name: &str,
        op: Op,
        inputs: &[ValueId],
        quantization: Quantization,
    ) -> Result<ValueId, GraphError> {
        self.node_with(name, op, inputs, Some(quantization))
    }

    /// Adds an operator whose result, if it is int8, has scale and zero point of a value of another graph.
    ///
    /// # Errors
    /// As [`Self::quantized_node`].
    pub fn node_like(
        &mut self,
        name: &str,
        op: Op,
        inputs: &[ValueId],
        like: &ValueInfo,
    ) -> Result<ValueId, GraphError> {
        self.node_with(name, op, inputs, like.quantization)
    }

    fn node_with(
        &mut self,
        name: &str,
        op: Op,
        inputs: &[ValueId],
        quantization: Option<Quantization>,
    ) -> Result<ValueId, GraphError> {
        let (shape, data_type, quantization) =
            self.infer(&op, inputs, quantization).map_err(|reason| GraphError { node: name.to_string(), reason })?;
        let output = self.add_value(name, shape, data_type, quantization);
        self.graph.nodes.push(Node { name: name.to_string(), op, inputs: inputs.to_vec(), output });
        Ok(output)
    }

    /// Names a value as a result of the graph.
    pub fn output(&mut self, name: &str, value: ValueId) {
        self.graph.outputs.push((name.to_string(), value));
    }

    /// The shape of a value, without the batch axis.
    pub fn shape(&self, value: ValueId) -> &[usize] {
        &self.graph.value(value).shape
    }

    /// The element type of a value.
    pub fn data_type(&self, value: ValueId) -> DataType {
        self.graph.value(value).data_type
    }

    /// The finished graph.
    pub fn finish(self) -> Graph {
        self.graph
    }

    /// What an int8 value's numbers stand for.
    pub fn quantization(&self, value: ValueId) -> Option<Quantization> {
        self.graph.value(value).quantization
    }

    fn add_value(
        &mut self,
        name: &str,
        shape: Vec<usize>,
        data_type: DataType,
        quantization: Option<Quantization>,
    ) -> ValueId {
        self.graph.values.push(ValueInfo { name: name.to_string(), shape, data_type, quantization });
        ValueId(self.graph.values.len() as u32 - 1)
    }

    fn infer(
        &self,
        op: &Op,
        inputs: &[ValueId],
        quantization: Option<Quantization>,
    ) -> Result<(Vec<usize>, DataType, Option<Quantization>), String> {
        let operands = GraphOperands { graph: &self.graph, inputs };
        let describe = |error| {
            let shapes: Vec<&[usize]> = inputs.iter().map(|id| self.shape(*id)).collect();
            alloc::format!("{error}: {op:?}, inputs {shapes:?}{}", self.describe_weights(op))
        };
        let (shape, data_type) = infer::<ALL_OPERATORS>(op, &operands).map_err(describe)?;
        let quantization = quantization.filter(|_| data_type == DataType::I8);
        check_scales::<ALL_OPERATORS>(op, &operands, data_type, quantization).map_err(describe)?;
        Ok((shape.extents().to_vec(), data_type, quantization))
    }

    fn describe_weights(&self, op: &Op) -> String {
        let shape = |id: WeightId| self.graph.weights.get(id.0 as usize).map(|weight| weight.shape.as_slice());
        let describe = |(name, id)| alloc::format!(", {name} {:?}", shape(id).unwrap_or_default());
        op.weights().into_iter().map(describe).collect()
    }
}

fn check_finite(name: &str, data: &[f32]) -> Result<(), GraphError> {
    match data.iter().position(|value| !value.is_finite()) {
        Some(index) => fail(name, alloc::format!("weight {index} is {}, not a finite number", data[index])),
        None => Ok(()),
    }
}

fn fail<T>(node: &str, reason: String) -> Result<T, GraphError> {
    Err(GraphError { node: node.to_string(), reason })
}
