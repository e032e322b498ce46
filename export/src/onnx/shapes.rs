//! Shapes of the values of an ONNX graph, as far as they follow from the file.

use std::collections::HashMap;

use super::proto::{Dimension, GraphProto, NodeProto, TENSOR_INT64, TensorProto, ValueInfoProto};

/// Extents, outermost first.
pub type OnnxShape = Vec<Dimension>;

/// The shape of every tensor that can be told, by name; operators that this crate never writes end the chain.
///
/// Nothing in the file is trusted: what contradicts itself stays unknown.
pub fn infer_shapes(graph: &GraphProto) -> HashMap<String, OnnxShape> {
    let mut known = Known { shapes: HashMap::new(), constants: HashMap::new() };
    for tensor in &graph.initializer {
        known.shapes.insert(tensor.name.clone(), tensor.dims.iter().map(|d| Dimension::Value(*d)).collect());
        known.constants.insert(&tensor.name, tensor);
    }
    for (input, shape) in graph.input.iter().filter_map(|input| Some((input, declared_shape(input)?))) {
        known.shapes.insert(input.name.clone(), shape);
    }
    for node in &graph.node {
        if let ([output], Some(shape)) = (node.output.as_slice(), known.output_shape(node)) {
            known.shapes.insert(output.clone(), shape);
        }
    }
    known.shapes
}

/// The shape that an input or output declares.
pub fn declared_shape(value: &ValueInfoProto) -> Option<OnnxShape> {
    let shape = value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?;
    shape.dim.iter().map(|dim| dim.value.clone()).collect()
}

struct Known<'g> {
    shapes: HashMap<String, OnnxShape>,
    constants: HashMap<&'g str, &'g TensorProto>,
}

impl Known<'_> {
    fn output_shape(&self, node: &NodeProto) -> Option<OnnxShape> {
        match node.op_type.as_str() {
            "Cast" | "Relu" | "Abs" | "Sign" | "Sqrt" | "Clip" | "Identity" | "Sigmoid" | "Softmax"
            | "QuantizeLinear" | "DequantizeLinear" => self.input(node, 0).cloned(),
            "Add" | "Sub" | "Mul" | "Div" | "Where" | "Equal" | "Greater" | "LessOrEqual" => self.broadcast(node),
            "Transpose" => self.transposed(node),
            "Conv" => self.convolved(node),
            "MaxPool" | "AveragePool" => {
                let map = self.input(node, 0)?;
                sliding_window(node, map, map.get(1)?.clone(), ints(node, "kernel_shape")?)
            }
            "Gemm" => self.gemm(node),
            "MatMul" => self.product(node),
            "ReduceMean" | "ReduceMax" | "ReduceMin" => self.reduced(node, ints(node, "axes")?),
            "ReduceSum" => self.reduced(node, &self.constant(node, 1)?),
            "ArgMax" => self.reduced(node, &[int(node, "axis").unwrap_or(0)]),
            "Slice" => self.sliced(node),
            "Concat" => self.joined(node),
            "Reshape" => self.reshaped(node),
            "Unsqueeze" => self.unsqueezed(node),
            "Squeeze" => self.squeezed(node),
            _ => None,
        }
    }

    fn input(&self, node: &NodeProto, index: usize) -> Option<&OnnxShape> {
        self.shapes.get(node.input.get(index)?)
    }

    /// A list of integers that the file stores.
    fn constant(&self, node: &NodeProto, index: usize) -> Option<Vec<i64>> {
        let tensor = self.constants.get(node.input.get(index)?.as_str())?;
        let bytes = (tensor.data_type == TENSOR_INT64).then_some(&tensor.raw_data)?;
        Some(bytes.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }

    fn broadcast(&self, node: &NodeProto) -> Option<OnnxShape> {
        let mut result: OnnxShape = vec![];
        for index in 0..node.input.len() {
            let shape = self.input(node, index)?;
            let rank = result.len().max(shape.len());
            result = (0..rank)
                .map(|axis| wider(from_end(&result, rank - axis), from_end(shape, rank - axis)))
                .collect::<Option<_>>()?;
        }
        Some(result)
    }

    fn transposed(&self, node: &NodeProto) -> Option<OnnxShape> {
        let shape = self.input(node, 0)?;
        ints(node, "perm")?.iter().map(|axis| shape.get(usize::try_from(*axis).ok()?).cloned()).collect()
    }

    fn convolved(&self, node: &NodeProto) -> Option<OnnxShape> {
        let weight = self.input(node, 1)?;
        let kernel: Vec<i64> = weight.get(2..)?.iter().map(number).collect::<Option<_>>()?;
        sliding_window(node, self.input(node, 0)?, weight.first()?.clone(), &kernel)
    }

    fn gemm(&self, node: &NodeProto) -> Option<OnnxShape> {
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        let columns = if int(node, "transB") == Some(1) { b.first()? } else { b.get(1)? };
        Some(vec![a.first()?.clone(), columns.clone()])
    }

    fn product(&self, node: &NodeProto) -> Option<OnnxShape> {
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        let (_, rows) = a.split_last()?;
        let columns = (b.len() >= 2).then(|| b.last())??;
        Some(rows.iter().chain([columns]).cloned().collect())
    }

    fn reduced(&self, node: &NodeProto, axes: &[i64]) -> Option<OnnxShape> {
        let shape = self.input(node, 0)?;
        let keep = int(node, "keepdims") != Some(0);
        let extents =
            shape.iter().enumerate().filter_map(|(axis, extent)| match (axes.contains(&(axis as i64)), keep) {
                (true, true) => Some(Dimension::Value(1)),
                (true, false) => None,
                (false, _) => Some(extent.clone()),
            });
        Some(extents.collect())
    }

    fn sliced(&self, node: &NodeProto) -> Option<OnnxShape> {
        let mut shape = self.input(node, 0)?.clone();
        let [start, end, axis] = [1, 2, 3].map(|index| match self.constant(node, index)?.as_slice() {
            [value] => Some(*value),
            _ => None,
        });
        let extent = shape.get_mut(usize::try_from(axis?).ok()?)?;
        let length = end?.min(number(extent)?).checked_sub(start?).filter(|length| *length > 0)?;
        *extent = Dimension::Value(length);
        Some(shape)
    }

    fn joined(&self, node: &NodeProto) -> Option<OnnxShape> {
        let axis = usize::try_from(int(node, "axis")?).ok()?;
        let mut shape = self.input(node, 0)?.clone();
        let mut total = 0i64;
        for index in 0..node.input.len() {
            total = total.checked_add(number(self.input(node, index)?.get(axis)?)?)?;
        }
        *shape.get_mut(axis)? = Dimension::Value(total);
        Some(shape)
    }

    fn reshaped(&self, node: &NodeProto) -> Option<OnnxShape> {
        let shape = self.input(node, 0)?;
        let extent = |(axis, extent): (usize, i64)| match extent {
            0 => shape.get(axis).cloned(),
            1.. => Some(Dimension::Value(extent)),
            _ => None,
        };
        self.constant(node, 1)?.into_iter().enumerate().map(extent).collect()
    }

    fn unsqueezed(&self, node: &NodeProto) -> Option<OnnxShape> {
        let mut shape = self.input(node, 0)?.clone();
        for axis in self.constant(node, 1)? {
            let axis = usize::try_from(axis).ok().filter(|axis| *axis <= shape.len())?;
            shape.insert(axis, Dimension::Value(1));
        }
        Some(shape)
    }

    fn squeezed(&self, node: &NodeProto) -> Option<OnnxShape> {
        let axes = self.constant(node, 1)?;
        let kept = self.input(node, 0)?.iter().enumerate().filter(|(axis, _)| !axes.contains(&(*axis as i64)));
        Some(kept.map(|(_, extent)| extent.clone()).collect())
    }
}

/// `[batch, channels, (extent + pads - kernel) / stride + 1 …]`.
fn sliding_window(node: &NodeProto, map: &[Dimension], channels: Dimension, kernel: &[i64]) -> Option<OnnxShape> {
    let (batch, extents) = (map.first()?, map.get(2..)?);
    let (strides, pads) = (ints(node, "strides"), ints(node, "pads"));
    let mut shape = vec![batch.clone(), channels];
    for (axis, extent) in extents.iter().enumerate() {
        let pad = |index: usize| pads.map_or(Some(0), |pads| pads.get(index).copied());
        let padded = number(extent)?.checked_add(pad(axis)?)?.checked_add(pad(axis + extents.len())?)?;
        let stride = strides.map_or(Some(1), |strides| strides.get(axis).copied()).filter(|stride| *stride > 0)?;
        let free = padded.checked_sub(*kernel.get(axis)?).filter(|free| *free >= 0)?;
        shape.push(Dimension::Value(free / stride + 1));
    }
    Some(shape)
}

/// The extent at a distance from the end; missing leading axes count as 1.
fn from_end(shape: &[Dimension], distance: usize) -> Dimension {
    shape.len().checked_sub(distance).and_then(|axis| shape.get(axis).cloned()).unwrap_or(Dimension::Value(1))
}

fn wider(a: Dimension, b: Dimension) -> Option<Dimension> {
    match (&a, &b) {
        _ if a == b => Some(a),
        (Dimension::Value(1), _) => Some(b),
        (_, Dimension::Value(1)) => Some(a),
        _ => None,
    }
}

fn number(extent: &Dimension) -> Option<i64> {
    match extent {
        Dimension::Value(value) => Some(*value),
        Dimension::Symbol(_) => None,
    }
}

fn int(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute.iter().find(|attribute| attribute.name == name)?.i
}

fn ints<'n>(node: &'n NodeProto, name: &str) -> Option<&'n [i64]> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.ints.as_slice())
}
