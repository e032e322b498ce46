use std::boxed::Box;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::{Cost, Description, Fault, ImageEngine, Limits, Loaded, Output};
use crate::contract::graph::ENCODE;
use crate::graph::DataType;
use crate::memory::AlignedVec;
use crate::model::{GraphView, Model};
use crate::session::{Input, Prepared, Session};

#[derive(Debug)]
struct NativeEngine {
    model: AlignedVec,
    arena: AlignedVec,
    prepared: Prepared,
    /// Name and width of each output.
    outputs: Vec<(String, usize)>,
}

/// Bytes beside its text that an entry of the metadata takes.
const ENTRY_BYTES: u64 = 128;

pub(super) fn load(bytes: AlignedVec, limits: &Limits) -> Result<Loaded, Fault> {
    let model = Model::parse(&bytes).map_err(Fault::Parse)?;
    let no_graph = || Fault::Signature { found: std::format!("no graph '{ENCODE}'") };
    let graph = model.graph(ENCODE).ok_or_else(no_graph)?;
    let cost = cost(&model, &graph);
    limits.check(&cost).map_err(Fault::TooCostly)?;
    let metadata = model.metadata_entries().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let description = Description { image_size: image_size(&graph)?, metadata };
    let outputs = graph.outputs().filter_map(|(name, id)| Some((name.to_string(), graph.value(id)?.shape.elements())));
    let (outputs, arena): (Vec<_>, _) = (outputs.collect(), AlignedVec::zeroed(graph.arena_bytes()));
    let prepared = Prepared::new(&model, ENCODE).map_err(|_| no_graph())?;
    let output_names = outputs.iter().map(|(name, _)| name.clone()).collect();
    let engine = Box::new(NativeEngine { model: bytes, arena, prepared, outputs });
    Ok(Loaded { description, output_names, cost: Some(cost), engine })
}

/// What loading and running the graph will take, before anything is allocated for it.
fn cost(model: &Model<'_>, graph: &GraphView<'_>) -> Cost {
    let elements = |id| graph.value(id).map_or(0, |value| value.shape.elements() as u64);
    let image = graph.inputs().map(elements).fold(0, u64::saturating_add);
    let outputs = graph.outputs().map(|(_, id)| elements(id).saturating_mul(4)).fold(0, u64::saturating_add);
    let entry = |(key, value): (&str, &str)| (key.len() + value.len()) as u64 + ENTRY_BYTES;
    let metadata = model.metadata_entries().map(entry).fold(0, u64::saturating_add);
    let parts =
        [model.file_bytes() as u64, graph.arena_bytes() as u64, graph.prepared_bytes(), image, outputs, metadata];
    Cost {
        memory_bytes: parts.into_iter().fold(0, u64::saturating_add),
        arena_bytes: graph.arena_bytes(),
        operations: graph.operations(),
    }
}

fn image_size(graph: &GraphView<'_>) -> Result<[usize; 2], Fault> {
    let inputs: Vec<_> = graph.inputs().filter_map(|id| graph.value(id)).collect();
    match inputs.as_slice() {
        [image] if image.data_type == DataType::U8 => match *image.shape.extents() {
            [height, width, 3] => Ok([height, width]),
            _ => Err(Fault::Signature { found: std::format!("an input of shape {:?}", image.shape) }),
        },
        _ => Err(Fault::Signature { found: std::format!("{} inputs", inputs.len()) }),
    }
}

impl ImageEngine for NativeEngine {
    fn run(&mut self, image: &[u8], outputs: &mut Vec<Output>) -> Result<(), Fault> {
        if outputs.len() != self.outputs.len() {
            let empty = |(name, width): &(String, usize)| Output {
                name: name.clone(),
                width: *width,
                values: vec![0.0; *width],
            };
            *outputs = self.outputs.iter().map(empty).collect();
        }
        let mut results: Vec<&mut [f32]> = outputs.iter_mut().map(|output| output.values.as_mut_slice()).collect();
        let changed = Fault::Session(crate::session::RunError::ModelChanged);
        let model = Model::from_checked(&self.model).map_err(Fault::Parse)?;
        let mut session =
            Session::with_prepared(&model, ENCODE, &mut self.arena, &mut self.prepared).map_err(|_| changed)?;
        session.run(&[Input::U8(image)], &mut results).map_err(Fault::Session)
    }
}
