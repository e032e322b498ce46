//! Constants of an ONNX file: tract computes whatever depends on constants alone while it loads a file, and looks at the size
//! of a result when it has it. A kilobyte can ask for terabytes so: here sizes are bounded before.

use std::collections::HashMap;
use std::format;
use std::string::String;

use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};

/// Their results have no more elements than their largest input, whatever the attributes are.
const KEEP: [&str; 42] = [
    "Abs",
    "ArgMax",
    "ArgMin",
    "Cast",
    "CastLike",
    "Ceil",
    "Clip",
    "DequantizeLinear",
    "Erf",
    "Exp",
    "Flatten",
    "Floor",
    "Identity",
    "Log",
    "LogSoftmax",
    "Neg",
    "Not",
    "QuantizeLinear",
    "Reciprocal",
    "ReduceL2",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Round",
    "Shape",
    "Sigmoid",
    "Sign",
    "Size",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Tanh",
    "Transpose",
    "Unsqueeze",
    "Concat",
    "Sin",
];
/// Their results have at most as many elements as there are combinations of the inputs' elements.
const COMBINE: [&str; 19] = [
    "Add",
    "And",
    "Div",
    "Equal",
    "Gather",
    "Gemm",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "MatMul",
    "Max",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "Pow",
    "Sub",
    "Where",
];

/// Checks that what the graph computes from constants alone has no more elements than `most` in all.
///
/// # Errors
/// The reason, for people.
pub(super) fn check(graph: &GraphProto, most: u64) -> Result<(), String> {
    // Elements of what is known without an image; `None` for what is not.
    let mut known: HashMap<&str, Option<u64>> = HashMap::new();
    let mut total = 0u64;
    for tensor in &graph.initializer {
        known.insert(&tensor.name, Some(elements(tensor)?));
    }
    for input in &graph.input {
        known.entry(&input.name).or_insert(None);
    }
    if !graph.sparse_initializer.is_empty() {
        return Err("it has sparse constants, which are not supported".into());
    }
    for node in &graph.node {
        let made = made(node, &known)?;
        if let Some(count) = made {
            total = total.saturating_add(count);
            if total > most {
                return Err(format!("{} makes constants of more than {most} elements", title(node)));
            }
        }
        known.extend(node.output.iter().map(|name| (name.as_str(), made)));
    }
    Ok(())
}

/// Elements of a node's largest result if that is a constant.
fn made(node: &NodeProto, known: &HashMap<&str, Option<u64>>) -> Result<Option<u64>, String> {
    let tensors = node.attribute.iter().filter_map(|attribute| attribute.t.as_ref());
    let mut stored = 0u64;
    for tensor in tensors {
        stored = stored.max(elements(tensor)?);
    }
    if node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty()) {
        return Err(format!("{} has a graph within it, which is not supported", title(node)));
    }
    let inputs = node.input.iter().filter(|name| !name.is_empty());
    let mut counts = std::vec![];
    for name in inputs {
        match known.get(name.as_str()) {
            None => return Err(format!("{} reads {name:?}, which nothing before it makes", title(node))),
            Some(count) => counts.push(*count),
        }
    }
    // The shape of an image is known, too.
    if matches!(node.op_type.as_str(), "Shape" | "Size") {
        return Ok(Some(MOST_AXES));
    }
    let Some(counts) = counts.into_iter().collect::<Option<std::vec::Vec<u64>>>() else { return Ok(None) };
    match node.op_type.as_str() {
        "Constant" => {
            let numbers = |attribute: &tract_onnx::pb::AttributeProto| attribute.floats.len().max(attribute.ints.len());
            Ok(Some(stored.max(node.attribute.iter().map(numbers).max().unwrap_or(0) as u64)))
        }
        "Concat" => Ok(Some(counts.into_iter().fold(0, u64::saturating_add))),
        op if KEEP.contains(&op) => Ok(Some(counts.into_iter().max().unwrap_or(0))),
        op if COMBINE.contains(&op) => Ok(Some(counts.into_iter().fold(1, u64::saturating_mul))),
        op => Err(format!("{} computes {op} of constants alone, whose size is not known before", title(node))),
    }
}

/// More axes than a tensor has.
const MOST_AXES: u64 = 64;

/// The elements of a stored tensor, which has the data for them.
fn elements(tensor: &TensorProto) -> Result<u64, String> {
    let count = tensor.dims.iter().try_fold(1u64, |count, extent| count.checked_mul(u64::try_from(*extent).ok()?));
    let stored = [
        tensor.raw_data.len(),
        tensor.float_data.len(),
        tensor.int32_data.len(),
        tensor.int64_data.len(),
        tensor.double_data.len(),
        tensor.uint64_data.len(),
        tensor.string_data.len(),
    ];
    let stored = stored.into_iter().max().unwrap_or(0) as u64;
    match count {
        Some(count) if count <= stored => Ok(count),
        _ => Err(format!(
            "the constant {:?} of shape {:?} has data for {stored} elements only",
            tensor.name, tensor.dims
        )),
    }
}

/// A node as errors name it.
pub(super) fn title(node: &NodeProto) -> String {
    format!("the node {:?}", if node.name.is_empty() { &node.op_type } else { &node.name })
}
