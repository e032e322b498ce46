use std::boxed::Box;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use tract_onnx::pb::tensor_shape_proto::dimension;
use tract_onnx::pb::{GraphProto, ModelProto, type_proto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::Factoid;

use super::caught::caught;
use super::{
    BackendKind, Cost, Description, Fault, ImageEngine, Limits, Loaded, Output, check_name, image_size, one_line,
    onnx_constants, onnx_windows, own_metadata, tract_cost,
};
use crate::model::MAX_NAME_BYTES;

/// tract does not tell it; a test compares it with what is built.
pub(super) const VERSION: &str = "0.23";

struct TractEngine {
    plan: Arc<TypedRunnableModel>,
    image_size: [usize; 2],
    output_names: Vec<String>,
}

impl std::fmt::Debug for TractEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TractEngine({:?})", self.output_names)
    }
}

/// Bytes of the largest element that a constant may have.
const MOST_ELEMENT_BYTES: u64 = 8;

pub(super) fn load(bytes: &[u8], limits: &Limits) -> Result<Loaded, Fault> {
    // A damaged graph must be an error here even where tract asserts.
    caught(|| load_uncaught(bytes, limits))
        .unwrap_or_else(|| refused_because("the graph contradicts itself".to_string()))
}

fn load_uncaught(bytes: &[u8], limits: &Limits) -> Result<Loaded, Fault> {
    let proto = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).map_err(refused)?;
    let metadata = proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
    let metadata = own_metadata(metadata);
    let output_names = output_names(&proto)?;
    output_names.iter().chain(metadata.keys()).try_for_each(|name| check_name(BackendKind::Tract, name))?;
    let (plan, image_size, mut cost) = prepare(&proto, limits)?;
    cost.memory_bytes = cost.memory_bytes.saturating_add(bytes.len() as u64);
    limits.check(&cost).map_err(Fault::TooCostly)?;
    let engine = Box::new(TractEngine { plan, image_size, output_names: output_names.clone() });
    Ok(Loaded { description: Description { image_size, metadata }, output_names, cost: Some(cost), engine })
}

fn output_names(proto: &ModelProto) -> Result<Vec<String>, Fault> {
    let Some(graph) = &proto.graph else {
        return refused_because("the file contains no graph: it is empty, cut off or no ONNX file".to_string());
    };
    Ok(graph.output.iter().map(|output| output.name.clone()).collect())
}

/// The optimised model for one image, the image's height and width, and what running it costs.
fn prepare(proto: &ModelProto, limits: &Limits) -> Result<(Arc<TypedRunnableModel>, [usize; 2], Cost), Fault> {
    if let Some(graph) = &proto.graph {
        check_dimensions(graph).or_else(refused_because)?;
        onnx_windows::check(graph).or_else(refused_because)?;
        onnx_constants::check(graph, limits.memory_bytes / MOST_ELEMENT_BYTES).or_else(refused_because)?;
    }
    let model = tract_onnx::onnx().with_ignore_value_info(true).model_for_proto_model(proto).map_err(refused)?;
    let inputs = model.input_outlets().map_err(refused)?.len();
    if inputs != 1 {
        return Err(Fault::Signature { found: std::format!("{inputs} inputs") });
    }
    let fact = model.input_fact(0).map_err(refused)?;
    if fact.datum_type.concretize() != Some(u8::datum_type()) {
        return Err(Fault::Signature { found: std::format!("an input of type {:?}", fact.datum_type) });
    }
    let extent = |axis: usize| fact.shape.dim(axis).and_then(|dim| dim.concretize()).and_then(|d| d.to_usize().ok());
    let extents: Vec<Option<usize>> = (0..fact.shape.rank().concretize().unwrap_or(0) as usize).map(extent).collect();
    let [height, width] = image_size(&extents, limits)?;
    let one_image = InferenceFact::dt_shape(u8::datum_type(), [1, height, width, 3]);
    let typed = model.with_input_fact(0, one_image).and_then(|model| model.into_typed()).map_err(refused)?;
    // Before anything is computed from the shapes that the file asks for.
    let cost = tract_cost::of(&typed).map_err(refused)?;
    limits.check(&cost).map_err(Fault::TooCostly)?;
    let optimized = typed.into_decluttered().and_then(|model| model.into_optimized());
    let plan = optimized.and_then(|model| model.into_runnable()).map_err(refused)?;
    Ok((plan, [height, width], cost))
}

/// A name of a dimension may be an expression, which is read recursively: a long one takes more stack than there is.
fn check_dimensions(graph: &GraphProto) -> Result<(), String> {
    for value in graph.input.iter().chain(&graph.output) {
        let Some(type_proto::Value::TensorType(tensor)) = value.r#type.as_ref().and_then(|kind| kind.value.as_ref())
        else {
            continue;
        };
        for dimension in tensor.shape.iter().flat_map(|shape| &shape.dim) {
            if let Some(dimension::Value::DimParam(name)) = &dimension.value
                && name.len() > MAX_NAME_BYTES
            {
                return Err(std::format!("a dimension of {:?} has a name of {} bytes", value.name, name.len()));
            }
        }
    }
    Ok(())
}

/// tract's chain of causes, one after the other, without a backtrace.
fn refused(error: TractError) -> Fault {
    Fault::Onnx { backend: BackendKind::Tract, reason: one_line(&std::format!("{error:#}")) }
}

fn refused_because<T>(reason: String) -> Result<T, Fault> {
    Err(Fault::Onnx { backend: BackendKind::Tract, reason: one_line(&reason) })
}

impl ImageEngine for TractEngine {
    fn run(&mut self, image: &[u8], outputs: &mut Vec<Output>) -> Result<(), Fault> {
        let ran = caught(|| self.outputs(image));
        let panicked = || Fault::Run {
            backend: BackendKind::Tract,
            reason: "the graph contradicts itself; a file written by `export onnx` runs".to_string(),
        };
        *outputs = ran.ok_or_else(panicked)?.map_err(failed)?;
        Ok(())
    }
}

impl TractEngine {
    fn outputs(&self, image: &[u8]) -> TractResult<Vec<Output>> {
        let [height, width] = self.image_size;
        let input = Tensor::from_shape(&[1, height, width, 3], image)?;
        let results = self.plan.run(tvec!(input.into()))?;
        self.output_names.iter().zip(results.iter()).map(|(name, result)| output(name, result)).collect()
    }
}

fn output(name: &str, result: &Tensor) -> TractResult<Output> {
    let result = result.cast_to::<f32>()?;
    let values = result.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
    Ok(Output { name: name.to_string(), width: values.len(), values })
}

fn failed(error: TractError) -> Fault {
    Fault::Run { backend: BackendKind::Tract, reason: one_line(&std::format!("{error:#}")) }
}
