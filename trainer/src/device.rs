//! Where tensors live.

use candle_core::Device;

/// The device that `auto`, `cpu` or `cuda:N` names; `auto` is the first GPU where the program was built for one.
///
/// # Errors
/// When the name is unknown, or the device is not there.
pub fn select(name: &str) -> anyhow::Result<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "auto" => Ok(Device::cuda_if_available(0)?),
        _ => {
            let ordinal = name.strip_prefix("cuda:").and_then(|n| n.parse().ok());
            let Some(ordinal) = ordinal else { anyhow::bail!("no device is called '{name}': use auto, cpu or cuda:N") };
            if !candle_core::utils::cuda_is_available() {
                anyhow::bail!("this program was built without CUDA: build with --features cuda, or use --device cpu")
            }
            Ok(Device::new_cuda(ordinal)?)
        }
    }
}
