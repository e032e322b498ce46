//! Where tensors live. The CUDA path compiles, and has not been run.

use candle_core::Device;

use crate::collective::local_rank;

/// The device that `auto`, `cpu` or `cuda:N` names; `auto` is a GPU where the program was built for one: the first, or
/// under `mpirun` the one with the process's number on its machine.
///
/// # Errors
/// When the name is unknown, or the device is not there.
pub fn select(name: &str) -> anyhow::Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" => Ok(Device::cuda_if_available(local_rank())?),
        _ => {
            let ordinal = name.strip_prefix("cuda:").and_then(|n| n.parse().ok());
            let Some(ordinal) = ordinal else { anyhow::bail!("no device is called '{name}': use auto, cpu or cuda:N") };
            if !candle_core::utils::cuda_is_available() {
                anyhow::bail!(
                    "this program was built without CUDA: build it with `cargo build --release --package \
                     sextant-trainer --features cuda` (compiled, not run), or use --device cpu"
                )
            }
            Ok(Device::new_cuda(ordinal)?)
        }
    }
}
