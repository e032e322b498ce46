//! Runs ONNX bytes in tract.

use sextant_export::onnx::{Batch, from_graph, to_bytes};
use sextant_runtime::graph::{DataType, Graph};
use tract_onnx::prelude::*;

/// The graph's outputs in its order for a batch: `inputs[i][sample]`, `result[output][sample]`.
pub fn run(graph: &Graph, batch: Batch, inputs: &[Vec<Vec<f32>>]) -> Vec<Vec<Vec<f32>>> {
    let bytes = to_bytes(&from_graph(graph, &[], batch).unwrap()).unwrap();
    let model = tract_onnx::onnx().model_for_read(&mut bytes.as_slice()).unwrap();
    let runnable = model.into_optimized().unwrap().into_runnable().unwrap();
    let samples = inputs[0].len();
    let tensors = graph.inputs.iter().zip(inputs).map(|(id, input)| {
        let value = graph.value(*id);
        let shape = [&[samples], value.shape.as_slice()].concat();
        let flat = input.concat();
        match value.data_type {
            DataType::U8 => Tensor::from_shape(&shape, &flat.iter().map(|v| *v as u8).collect::<Vec<_>>()),
            _ => Tensor::from_shape(&shape, &flat),
        }
        .unwrap()
        .into()
    });
    let outputs = runnable.run(tensors.collect()).unwrap();
    let rows = |tensor: &TValue| {
        let flat = tensor.view().as_slice::<f32>().unwrap();
        flat.chunks(flat.len() / samples).map(<[f32]>::to_vec).collect::<Vec<_>>()
    };
    outputs.iter().map(rows).collect()
}
