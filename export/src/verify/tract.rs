use std::panic::{AssertUnwindSafe, catch_unwind};

use sextant_runtime::graph::Graph;
use tract_onnx::prelude::*;

use super::{InputValues, Samples};
use crate::onnx::Batch;

/// Samples at a time where the file leaves it open: more than one, so that a batch is tried too.
const BATCH_OF_A_DYNAMIC_FILE: usize = 4;

/// The outputs of an ONNX file that came from `graph`, each with all samples one after the other.
pub(crate) fn run_tract(onnx: &[u8], graph: &Graph, batch: Batch, samples: &Samples) -> Result<Vec<Vec<f32>>, String> {
    // A damaged file must be an error here even where tract asserts.
    let outputs = catch_unwind(AssertUnwindSafe(|| run(onnx, graph, batch, samples)));
    let outputs = outputs.map_err(|_| "the network contradicts itself".to_string())?;
    outputs.map_err(|error| format!("{error:#}").lines().map(str::trim).collect::<Vec<_>>().join(" "))
}

fn run(mut onnx: &[u8], graph: &Graph, batch: Batch, samples: &Samples) -> TractResult<Vec<Vec<f32>>> {
    let model = tract_onnx::onnx().model_for_read(&mut onnx)?.into_optimized()?.into_runnable()?;
    let size = match batch {
        Batch::Fixed(size) => size as usize,
        Batch::Dynamic => BATCH_OF_A_DYNAMIC_FILE,
    };
    let mut outputs = vec![vec![]; graph.outputs.len()];
    for start in (0..samples.count).step_by(size) {
        let inputs = samples.inputs.iter().zip(&graph.inputs).map(|(values, id)| {
            let shape = graph.value(*id).shape.as_slice();
            tensor(&values.batch(start, size, shape.iter().product()), &[&[size], shape].concat())
        });
        let computed = model.run(inputs.collect::<TractResult<_>>()?)?;
        let kept = size.min(samples.count - start);
        for (output, tensor) in outputs.iter_mut().zip(&computed) {
            let values = tensor.view().as_slice::<f32>()?;
            output.extend_from_slice(&values[..values.len() / size * kept]);
        }
    }
    Ok(outputs)
}

fn tensor(values: &InputValues, shape: &[usize]) -> TractResult<TValue> {
    let tensor = match values {
        InputValues::Bytes(bytes) => Tensor::from_shape(shape, bytes)?,
        InputValues::Floats(floats) => Tensor::from_shape(shape, floats)?,
    };
    Ok(tensor.into())
}
