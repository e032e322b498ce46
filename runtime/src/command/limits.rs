use clap::Args;
use sextant_runtime::backend::Limits;

/// What a model may cost: files from elsewhere can ask for more memory than there is, and for hours of work.
#[derive(Args)]
pub struct LimitArguments {
    /// Memory that the model may take for one image, in MiB; one that asks for more is refused before it runs.
    #[arg(long, value_name = "MIB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    max_model_memory: u32,
    /// Operations that the model may take for one image; one that asks for more is refused before it runs.
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().operations)]
    max_operations: u64,
}

impl LimitArguments {
    pub fn limits(&self) -> Limits {
        let memory_bytes = u64::from(self.max_model_memory) << 20;
        Limits::default().with_memory_bytes(memory_bytes).with_operations(self.max_operations)
    }
}
