use sextant_runtime::backend::Limits;
use sextant_runtime::graph::Graph;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{self, MAX_GRAPH_OUTPUTS, Model};
use sextant_runtime::session::{Input, Prepared, Session};

use super::{InputValues, Samples};

/// Which of our own kernels run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernels {
    /// Those that every target has.
    Plain,
    /// Those of this processor, with packed filters.
    Prepared,
}

/// The outputs of a graph in our own engine, each with all samples one after the other.
pub(crate) fn run_native(model: &Model<'_>, graph: &str, samples: &Samples) -> Result<Vec<Vec<f32>>, String> {
    run_native_with(Kernels::Plain, model, graph, samples)
}

/// As [`run_native`], with these kernels.
pub(crate) fn run_native_with(
    kernels: Kernels,
    model: &Model<'_>,
    graph: &str,
    samples: &Samples,
) -> Result<Vec<Vec<f32>>, String> {
    let view = model.graph(graph).ok_or_else(|| format!("the model has no graph '{graph}'"))?;
    Limits::default().check_graph(&view).map_err(|excess| excess.to_string())?;
    let elements = |id| view.value(id).map_or(0, |value| value.shape.elements());
    let input_widths: Vec<usize> = view.inputs().map(elements).collect();
    let output_widths: Vec<usize> = view.outputs().map(|(_, id)| elements(id)).collect();
    let mut outputs: Vec<Vec<f32>> = output_widths.iter().map(|width| vec![0.0; width * samples.count]).collect();
    let mut arena = AlignedVec::zeroed(view.arena_bytes());
    let mut prepared = match kernels {
        Kernels::Plain => None,
        Kernels::Prepared => Some(Prepared::new(model, graph).map_err(|error| error.to_string())?),
    };
    let mut session = match &mut prepared {
        None => Session::new(model, graph, &mut arena),
        Some(prepared) => Session::with_prepared(model, graph, &mut arena, prepared),
    }
    .map_err(|error| error.to_string())?;
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

/// The outputs of a graph that may have more of them than a model file holds, each with all samples one after the other.
pub(crate) fn run_graph(graph: &Graph, samples: &Samples) -> Result<Vec<Vec<f32>>, String> {
    let mut outputs = vec![];
    for part in graph.outputs.chunks(MAX_GRAPH_OUTPUTS) {
        let watched = Graph { outputs: part.to_vec(), ..graph.clone() };
        let bytes = model::write(&Default::default(), &[watched]).map_err(|error| error.to_string())?;
        let bytes = AlignedVec::copy_of(&bytes);
        let model = Model::parse(&bytes).map_err(|error| error.to_string())?;
        outputs.extend(run_native(&model, &graph.name, samples)?);
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
