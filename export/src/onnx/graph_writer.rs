//! Collects the nodes and constants of an ONNX graph under names that are unique.

use std::collections::{HashMap, HashSet};

use sextant_runtime::graph::{Graph, Node, ValueId, WeightId};

use super::Numbers;
use super::proto::{
    ATTRIBUTE_INT, ATTRIBUTE_INTS, TENSOR_FLOAT, TENSOR_INT8, TENSOR_INT32, TENSOR_INT64, TENSOR_UINT8,
};
use super::proto::{AttributeProto, NodeProto, TensorProto};
use super::weight_layout::WeightLayout;

/// ONNX nodes and constants that replace a [`Graph`]'s, in the making.
pub(super) struct GraphWriter<'g> {
    pub graph: &'g Graph,
    numbers: Numbers,
    pub nodes: Vec<NodeProto>,
    pub initializers: Vec<TensorProto>,
    node_names: UniqueNames,
    tensor_names: UniqueNames,
    tensor_of_value: HashMap<ValueId, String>,
    numbers_of_value: HashMap<ValueId, [String; 3]>,
    tensor_of_weight: HashMap<(WeightId, WeightLayout), String>,
}

impl<'g> GraphWriter<'g> {
    pub fn new(graph: &'g Graph, numbers: Numbers) -> Self {
        Self {
            graph,
            numbers,
            nodes: vec![],
            initializers: vec![],
            node_names: UniqueNames::default(),
            tensor_names: UniqueNames::default(),
            tensor_of_value: HashMap::new(),
            numbers_of_value: HashMap::new(),
            tensor_of_weight: HashMap::new(),
        }
    }

    /// Keeps a name for an input or output; false when it is taken.
    pub fn reserve_tensor_name(&mut self, name: &str) -> bool {
        self.tensor_names.reserve(name)
    }

    /// Makes `tensor` stand for `value` from here on.
    pub fn bind(&mut self, value: ValueId, tensor: String) {
        self.tensor_of_value.insert(value, tensor);
    }

    pub fn is_bound(&self, value: ValueId) -> bool {
        self.tensor_of_value.contains_key(&value)
    }

    /// The tensor that stands for `value`, NCHW when it is a map; named after the value unless it is bound already.
    pub fn tensor(&mut self, value: ValueId) -> String {
        if let Some(tensor) = self.tensor_of_value.get(&value) {
            return tensor.clone();
        }
        let tensor = self.tensor_names.unique(&self.graph.value(value).name);
        self.bind(value, tensor.clone());
        tensor
    }

    /// Appends the node that makes `output`, an existing tensor name.
    pub fn push(&mut self, name: &str, op_type: &str, inputs: &[&str], attributes: Vec<AttributeProto>, output: &str) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.to_string()],
            name: self.node_names.unique(name),
            op_type: op_type.to_string(),
            attribute: attributes,
            domain: String::new(),
        });
    }

    /// A tensor name that nothing else has, like `wanted`.
    pub fn inner_tensor(&mut self, wanted: &str) -> String {
        self.tensor_names.unique(wanted)
    }

    /// Appends a node `name/part` and returns the tensor it makes.
    pub fn step(
        &mut self,
        name: &str,
        part: &str,
        op_type: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let full_name = format!("{name}/{part}");
        let output = self.tensor_names.unique(&full_name);
        self.push(&full_name, op_type, inputs, attributes, &output);
        output
    }

    /// Appends the node that makes the value of `node`, under its name. An int8 value is rounded after it.
    pub fn finish(&mut self, node: &Node, op_type: &str, inputs: &[&str], attributes: Vec<AttributeProto>) {
        if self.graph.value(node.output).quantization.is_some() {
            let real = self.inner_tensor(&format!("{}/real", node.name));
            self.push(&node.name, op_type, inputs, attributes, &real);
            self.round(node.output, &real);
            return;
        }
        let output = self.tensor(node.output);
        self.push(&node.name, op_type, inputs, attributes, &output);
    }

    /// Makes the eight-bit value of the real numbers in `real`.
    pub fn round(&mut self, value: ValueId, real: &str) {
        let graph = self.graph;
        let Some(to) = graph.value(value).quantization else { return };
        let name = &graph.value(value).name;
        let scale = self.float_constant(&format!("{name}/scale"), &[], &[to.scale]);
        let (data_type, zero_point) = match self.numbers {
            Numbers::Int8 => (TENSOR_INT8, to.zero_point as u8),
            Numbers::Uint8 => (TENSOR_UINT8, (to.zero_point as u8).wrapping_add(128)),
        };
        let zero_point = self.constant(&format!("{name}/zero_point"), &[], data_type, vec![zero_point]);
        let numbers = self.step(name, "int8", "QuantizeLinear", &[real, &scale, &zero_point], vec![]);
        self.numbers_of_value.insert(value, [numbers, scale, zero_point]);
    }

    /// The eight-bit tensor of a value that [`Self::round`] has made, its scale and its zero point.
    pub fn numbers(&self, value: ValueId) -> Option<[String; 3]> {
        self.numbers_of_value.get(&value).cloned()
    }

    /// The value as float32, for a node that reads it. An int8 value is dequantised for each of its readers: ONNX Runtime
    /// computes with eight bits only where nobody else reads a `DequantizeLinear`.
    pub fn read(&mut self, value: ValueId) -> String {
        let Some([numbers, scale, zero_point]) = self.numbers(value) else { return self.tensor(value) };
        let name = &self.graph.value(value).name;
        self.step(name, "dequantized", "DequantizeLinear", &[&numbers, &scale, &zero_point], vec![])
    }

    /// A float constant and its tensor's name.
    pub fn float_constant(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, dims, TENSOR_FLOAT, raw_data)
    }

    /// A list of integers as a one-dimensional constant, and its tensor's name.
    pub fn int_constant(&mut self, name: &str, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, &[values.len()], TENSOR_INT64, raw_data)
    }

    /// An int8 constant and its tensor's name.
    pub fn int8_constant(&mut self, name: &str, dims: &[usize], values: &[i8]) -> String {
        self.constant(name, dims, TENSOR_INT8, values.iter().map(|v| *v as u8).collect())
    }

    /// A list of 32-bit integers as a constant, and its tensor's name.
    pub fn int32_constant(&mut self, name: &str, values: &[i32]) -> String {
        let raw_data = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, &[values.len()], TENSOR_INT32, raw_data)
    }

    /// The tensor of a float32 weight in that layout; written once however often it is used.
    pub fn weight(&mut self, id: WeightId, layout: WeightLayout) -> String {
        if let Some(tensor) = self.tensor_of_weight.get(&(id, layout)) {
            return tensor.clone();
        }
        let weight = self.graph.weight(id);
        let (dims, data) = layout.arrange(&weight.shape, weight.floats());
        let tensor = self.float_constant(&weight.name, &dims, &data);
        self.tensor_of_weight.insert((id, layout), tensor.clone());
        tensor
    }

    fn constant(&mut self, name: &str, dims: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let name = self.tensor_names.unique(name);
        let dims = dims.iter().map(|d| *d as i64).collect();
        self.initializers.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        name
    }
}

/// An integer attribute.
pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_string(), i: Some(value), r#type: ATTRIBUTE_INT, ..Default::default() }
}

/// An attribute that lists integers.
pub(super) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto { name: name.to_string(), ints: values.to_vec(), r#type: ATTRIBUTE_INTS, ..Default::default() }
}

#[derive(Default)]
struct UniqueNames {
    taken: HashSet<String>,
}

impl UniqueNames {
    fn reserve(&mut self, name: &str) -> bool {
        !name.is_empty() && self.taken.insert(name.to_string())
    }

    /// `wanted`, or `wanted_1`, `wanted_2`, … when it is taken.
    fn unique(&mut self, wanted: &str) -> String {
        let numbered = (1..).map(|n| format!("{wanted}_{n}"));
        let free = std::iter::once(wanted.to_string()).chain(numbered).find(|name| self.reserve(name));
        free.unwrap_or_default()
    }
}
