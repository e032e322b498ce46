use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::Model;
use sextant_runtime::session::{Input, Prepared, Session};

use crate::{Engine, Failure};

struct Ours<'m> {
    session: Session<'m, 'm>,
    image: &'m [u8],
    outputs: Vec<Vec<f32>>,
}

pub fn serve(file: &[u8], image: &[u8]) -> Result<(), Failure> {
    let file = AlignedVec::copy_of(file);
    let model = Model::parse(&file)?;
    let graph = model.graph("encode").ok_or("no graph 'encode'")?;
    let mut arena = AlignedVec::zeroed(graph.arena_bytes());
    let length = |id| graph.value(id).map_or(0, |value| value.shape.elements());
    let outputs = graph.outputs().map(|(_, id)| vec![0.0; length(id)]).collect();
    let mut prepared = Prepared::new(&model, "encode")?;
    let session = Session::with_prepared(&model, "encode", &mut arena, &mut prepared)?;
    crate::serve(&mut Ours { session, image, outputs })
}

impl Engine for Ours<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        let mut outputs: Vec<&mut [f32]> = self.outputs.iter_mut().map(Vec::as_mut_slice).collect();
        Ok(self.session.run(&[Input::U8(self.image)], &mut outputs)?)
    }

    fn outputs(&self) -> Result<Vec<Vec<f32>>, Failure> {
        Ok(self.outputs.clone())
    }
}
