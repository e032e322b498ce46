use sextant_runtime::backend::Limits;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::Model;
use sextant_runtime::session::{Input, Session};

use super::{InputValues, Samples};

/// The outputs of a graph in our own engine, each with all samples one after the other.
pub(crate) fn run_native(model: &Model<'_>, graph: &str, samples: &Samples) -> Result<Vec<Vec<f32>>, String> {
    let view = model.graph(graph).ok_or_else(|| format!("the model has no graph '{graph}'"))?;
    Limits::default().check_graph(&view).map_err(|excess| excess.to_string())?;
    let elements = |id| view.value(id).map_or(0, |value| value.shape.elements());
    let input_widths: Vec<usize> = view.inputs().map(elements).collect();
    let output_widths: Vec<usize> = view.outputs().map(|(_, id)| elements(id)).collect();
    let mut outputs: Vec<Vec<f32>> = output_widths.iter().map(|width| vec![0.0; width * samples.count]).collect();
    let mut arena = AlignedVec::zeroed(view.arena_bytes());
    let mut session = Session::new(model, graph, &mut arena).map_err(|error| error.to_string())?;
    for sample in 0..samples.count {
        let inputs: Vec<Input<'_>> =
            samples.inputs.iter().zip(&input_widths).map(|(values, width)| sample_of(values, sample, *width)).collect();
        let mut places: Vec<&mut [f32]> = outputs
            .iter_mut()
            .zip(&output_widths)
            .map(|(output, width)| &mut output[sample * width..(sample + 1) * width])
            .collect();
        session.run(&inputs, &mut places).map_err(|error| error.to_string())?;
    }
    Ok(outputs)
}

fn sample_of(values: &InputValues, sample: usize, width: usize) -> Input<'_> {
    let range = sample * width..(sample + 1) * width;
    match values {
        InputValues::Bytes(bytes) => Input::U8(&bytes[range]),
        InputValues::Floats(floats) => Input::F32(&floats[range]),
    }
}
