use std::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_hir::infer::Factoid;

use super::{BackendKind, Description, Engine, Fault, ImageEngine, Output, image_size, own_metadata};

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

pub(super) fn load(bytes: &[u8]) -> Result<(Description, Engine), Fault> {
    let proto = tract_onnx::onnx().proto_model_for_read(&mut &bytes[..]).map_err(refused)?;
    let metadata = proto.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
    let metadata = own_metadata(metadata);
    let output_names = output_names(&proto)?;
    // A damaged graph must be an error here even where tract asserts.
    let (plan, image_size) = catch_unwind(AssertUnwindSafe(|| prepare(&proto))).map_err(|_| Fault::Onnx {
        backend: BackendKind::Tract,
        reason: "the graph contradicts itself".to_string(),
    })??;
    let engine = TractEngine { plan, image_size, output_names };
    Ok((Description { image_size, metadata }, Box::new(engine)))
}

fn output_names(proto: &ModelProto) -> Result<Vec<String>, Fault> {
    let graph = proto.graph.as_ref().ok_or(Fault::Onnx {
        backend: BackendKind::Tract,
        reason: "the file contains no graph: it is empty, cut off or no ONNX file".to_string(),
    })?;
    Ok(graph.output.iter().map(|output| output.name.clone()).collect())
}

/// The optimised model for one image, and the image's height and width.
fn prepare(proto: &ModelProto) -> Result<(Arc<TypedRunnableModel>, [usize; 2]), Fault> {
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
    let [height, width] = image_size(&extents)?;
    let one_image = InferenceFact::dt_shape(u8::datum_type(), [1, height, width, 3]);
    let plan = model
        .with_input_fact(0, one_image)
        .and_then(|model| model.into_optimized())
        .and_then(|model| model.into_runnable())
        .map_err(refused)?;
    Ok((plan, [height, width]))
}

fn refused(error: impl std::fmt::Debug) -> Fault {
    Fault::Onnx { backend: BackendKind::Tract, reason: one_line(&std::format!("{error:?}")) }
}

/// tract's chain of causes, one after the other.
fn one_line(reason: &str) -> String {
    let lines: Vec<&str> = reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

impl ImageEngine for TractEngine {
    fn run(&mut self, image: &[u8]) -> Result<Vec<Output>, Fault> {
        let [height, width] = self.image_size;
        let input = Tensor::from_shape(&[1, height, width, 3], image).map_err(failed)?;
        let results = self.plan.run(tvec!(input.into())).map_err(failed)?;
        let outputs = self.output_names.iter().zip(results.iter());
        outputs.map(|(name, result)| output(name, result).map_err(failed)).collect()
    }
}

fn output(name: &str, result: &Tensor) -> TractResult<Output> {
    let result = result.cast_to::<f32>()?;
    let values = result.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
    Ok(Output { name: name.to_string(), width: values.len(), values })
}

fn failed(error: impl std::fmt::Debug) -> Fault {
    Fault::Run { backend: BackendKind::Tract, reason: one_line(&std::format!("{error:?}")) }
}
