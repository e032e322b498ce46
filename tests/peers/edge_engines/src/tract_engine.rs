use std::sync::Arc;

use tract_onnx::prelude::*;

use crate::{Engine, Failure, floats};

pub struct Tract {
    plan: Arc<TypedRunnableModel>,
    input: TValue,
    outputs: TVec<TValue>,
}

impl Tract {
    pub fn load(mut file: &[u8], input: &[u8]) -> Result<Self, Failure> {
        let model = tract_onnx::onnx().model_for_read(&mut file)?.into_optimized()?;
        let fact = model.input_fact(0)?.shape.as_concrete().ok_or("the input's shape is open")?.to_vec();
        let input = Tensor::from_shape(&fact, &floats(input))?.into();
        Ok(Self { plan: model.into_runnable()?, input, outputs: tvec![] })
    }
}

impl Engine for Tract {
    fn run(&mut self) -> Result<(), Failure> {
        self.outputs = self.plan.run(tvec![self.input.clone()])?;
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Vec<f32>>, Failure> {
        self.outputs.iter().map(|output| Ok(output.view().as_slice::<f32>()?.to_vec())).collect()
    }
}
