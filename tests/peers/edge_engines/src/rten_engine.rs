use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, Value};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::{Engine, Failure, floats};

struct Rten {
    model: Model,
    options: RunOptions,
    input: NdTensor<f32, 4>,
    outputs: Vec<Value>,
}

/// Runs on a thread of rten's own, so that no run has to pass from one thread to another.
pub fn serve(file: Vec<u8>, input: &[u8]) -> Result<(), Failure> {
    let pool = Arc::new(ThreadPool::with_num_threads(1));
    let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
    pool.run(|| crate::serve(&mut Rten::load(file, input, options)?))
}

impl Rten {
    fn load(file: Vec<u8>, input: &[u8], options: RunOptions) -> Result<Self, Failure> {
        let model = ModelOptions::with_all_ops().prepack_weights(true).load(file)?;
        let shape = model.input_shape(0).ok_or("the model has no input")?;
        let extents: Vec<usize> = shape
            .iter()
            .map(|extent| match extent {
                rten::Dimension::Fixed(extent) => *extent,
                rten::Dimension::Symbolic(_) => 1,
            })
            .collect();
        let extents: [usize; 4] = extents.try_into().map_err(|_| "the input is no map")?;
        Ok(Self { model, options, input: NdTensor::from_data(extents, floats(input)), outputs: vec![] })
    }

    fn input_id(&self) -> NodeId {
        self.model.input_ids()[0]
    }
}

impl Engine for Rten {
    fn run(&mut self) -> Result<(), Failure> {
        let inputs = vec![(self.input_id(), self.input.view().into())];
        self.outputs = self.model.run(inputs, self.model.output_ids(), Some(self.options.clone()))?;
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Vec<f32>>, Failure> {
        self.outputs.iter().map(|output| Ok(output.as_tensor_view::<f32>().ok_or("no floats")?.to_vec())).collect()
    }
}
