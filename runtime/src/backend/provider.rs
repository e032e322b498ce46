use std::boxed::Box;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::string::String;
use std::vec::Vec;

/// How many nodes of a network each execution provider ran, by ONNX Runtime's names, such as `CPUExecutionProvider`.
pub type NodesByProvider = BTreeMap<String, usize>;

/// What computes within ONNX Runtime: an execution provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Provider {
    /// Intel's OpenVINO.
    OpenVino,
    /// NVIDIA's CUDA.
    Cuda,
    /// NVIDIA's TensorRT.
    TensorRt,
    /// Apple's Core ML.
    CoreMl,
    /// Qualcomm's AI Engine Direct.
    Qnn,
    /// Android's neural networks API.
    Nnapi,
    /// XNNPACK's kernels.
    Xnnpack,
    /// Arm's Compute Library.
    Acl,
    /// Huawei's CANN.
    Cann,
}

/// How a provider's devices are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Devices {
    /// It has one, or chooses itself.
    Unnamed,
    /// By numbers from 0.
    Numbered,
    /// By OpenVINO's names: `CPU`, `GPU`, `GPU.1`, `NPU`, `AUTO`, `HETERO:NPU,CPU`.
    OfOpenVino,
}

struct Entry {
    provider: Provider,
    /// For the command line; also the name of ort's feature.
    name: &'static str,
    onnx_runtime_name: &'static str,
    runs_on: &'static str,
    needs: &'static str,
    devices: Devices,
}

const ENTRIES: [Entry; 9] = [
    Entry {
        provider: Provider::OpenVino,
        name: "openvino",
        onnx_runtime_name: "OpenVINOExecutionProvider",
        runs_on: "Intel's processors, graphics and NPUs",
        needs: "openvino needs the library of `pip install onnxruntime-openvino`, and for GPU and NPU Intel's drivers",
        devices: Devices::OfOpenVino,
    },
    Entry {
        provider: Provider::Cuda,
        name: "cuda",
        onnx_runtime_name: "CUDAExecutionProvider",
        runs_on: "NVIDIA's GPUs",
        needs: "cuda needs the library of `pip install onnxruntime-gpu`, with CUDA and cuDNN where the system finds them",
        devices: Devices::Numbered,
    },
    Entry {
        provider: Provider::TensorRt,
        name: "tensorrt",
        onnx_runtime_name: "TensorrtExecutionProvider",
        runs_on: "NVIDIA's GPUs and Jetson, compiled for the device",
        needs: "tensorrt needs the library of `pip install onnxruntime-gpu`, with CUDA and TensorRT where the system finds \
                them",
        devices: Devices::Numbered,
    },
    Entry {
        provider: Provider::CoreMl,
        name: "coreml",
        onnx_runtime_name: "CoreMLExecutionProvider",
        runs_on: "Apple's neural engine, GPU and processor",
        needs: "coreml needs macOS or iOS; there the library of `pip install onnxruntime` has it",
        devices: Devices::Unnamed,
    },
    Entry {
        provider: Provider::Qnn,
        name: "qnn",
        onnx_runtime_name: "QNNExecutionProvider",
        runs_on: "Qualcomm's NPUs",
        needs: "qnn needs a library of ONNX Runtime that was built with Qualcomm's AI Engine Direct (--use_qnn)",
        devices: Devices::Unnamed,
    },
    Entry {
        provider: Provider::Nnapi,
        name: "nnapi",
        onnx_runtime_name: "NnapiExecutionProvider",
        runs_on: "what Android's drivers offer",
        needs: "nnapi needs Android and the library of its package onnxruntime-android",
        devices: Devices::Unnamed,
    },
    Entry {
        provider: Provider::Xnnpack,
        name: "xnnpack",
        onnx_runtime_name: "XnnpackExecutionProvider",
        runs_on: "processors, by XNNPACK's kernels",
        needs: "xnnpack needs a library of ONNX Runtime that was built with it (--use_xnnpack), as Android's is",
        devices: Devices::Unnamed,
    },
    Entry {
        provider: Provider::Acl,
        name: "acl",
        onnx_runtime_name: "ACLExecutionProvider",
        runs_on: "Arm's processors, by the Compute Library's kernels",
        needs: "acl needs a library of ONNX Runtime that was built with the Arm Compute Library (--use_acl)",
        devices: Devices::Unnamed,
    },
    Entry {
        provider: Provider::Cann,
        name: "cann",
        onnx_runtime_name: "CANNExecutionProvider",
        runs_on: "Huawei's Ascend NPUs",
        needs: "cann needs a library of ONNX Runtime that was built with Huawei's CANN (--use_cann)",
        devices: Devices::Numbered,
    },
];

impl Provider {
    /// All that can be asked for.
    pub fn all() -> impl Iterator<Item = Self> {
        ENTRIES.iter().map(|entry| entry.provider)
    }

    fn entry(self) -> &'static Entry {
        // The table is in the order of the enum.
        &ENTRIES[self as usize]
    }

    /// Its name on the command line, such as `openvino`.
    pub fn name(self) -> &'static str {
        self.entry().name
    }

    /// Its name within ONNX Runtime, such as `OpenVINOExecutionProvider`.
    pub fn onnx_runtime_name(self) -> &'static str {
        self.entry().onnx_runtime_name
    }

    /// The processors that it is for.
    pub fn runs_on(self) -> &'static str {
        self.entry().runs_on
    }

    /// It, and those of its devices that are worth trying by name.
    #[cfg(feature = "ort")]
    pub(super) fn trials(self) -> impl Iterator<Item = RequestedProvider> {
        let devices: &[&str] = if self.entry().devices == Devices::OfOpenVino { &["GPU", "NPU"] } else { &[] };
        let on = move |device: &&str| RequestedProvider { provider: self, device: Some((*device).into()) };
        core::iter::once(RequestedProvider::from(self)).chain(devices.iter().map(on))
    }

    /// Where it comes from and what has to be installed, as a sentence.
    pub fn needs(self) -> &'static str {
        self.entry().needs
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names: Vec<&str> = Self::all().map(Self::name).collect();
        let found = Self::all().find(|provider| provider.name() == name);
        found.ok_or_else(|| std::format!("'{name}' is none of {}", names.join(", ")))
    }
}

/// A provider that has to compute, and on which of its devices: `openvino`, `openvino:NPU` or `cuda:1`.
///
/// # Example
/// ```
/// use sextant_runtime::backend::{Provider, RequestedProvider};
/// let requested: RequestedProvider = "openvino:GPU.1".parse()?;
/// assert_eq!((requested.provider(), requested.device()), (Provider::OpenVino, Some("GPU.1")));
/// assert_eq!(RequestedProvider::from(Provider::Qnn).to_string(), "qnn");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedProvider {
    provider: Provider,
    device: Option<Box<str>>,
}

impl RequestedProvider {
    /// Which provider.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// OpenVINO's name of a device, or its number elsewhere; `None`: the provider's first.
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }
}

impl From<Provider> for RequestedProvider {
    fn from(provider: Provider) -> Self {
        Self { provider, device: None }
    }
}

impl fmt::Display for RequestedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.device {
            Some(device) => write!(f, "{}:{device}", self.provider),
            None => self.provider.fmt(f),
        }
    }
}

impl FromStr for RequestedProvider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, device)) = text.split_once(':') else { return text.parse::<Provider>().map(Self::from) };
        let provider: Provider = name.parse()?;
        let is_of_openvino = |c: char| c.is_ascii_alphanumeric() || "._,:()-".contains(c);
        let expected = match provider.entry().devices {
            Devices::Unnamed => return Err(std::format!("{provider} has no devices to choose from: write {provider}")),
            Devices::Numbered if device.parse::<u16>().is_ok() => None,
            Devices::Numbered => Some("a number, as in"),
            Devices::OfOpenVino if !device.is_empty() && device.chars().all(is_of_openvino) => None,
            Devices::OfOpenVino => Some("one of OpenVINO's names, CPU, GPU, NPU, as in"),
        };
        match expected {
            Some(expected) => {
                Err(std::format!("a device of {provider} is {expected} {provider}:{}", provider.example()))
            }
            None => Ok(Self { provider, device: Some(device.into()) }),
        }
    }
}

impl Provider {
    fn example(self) -> &'static str {
        if self.entry().devices == Devices::OfOpenVino { "GPU" } else { "0" }
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn each_provider_has_its_own_line_of_the_table() {
        for (index, provider) in Provider::all().enumerate() {
            assert_eq!((provider as usize, provider.entry().provider), (index, provider));
            assert_eq!(provider.to_string().parse(), Ok(provider));
            assert!(provider.onnx_runtime_name().ends_with("ExecutionProvider"), "{provider}");
            assert!(provider.needs().starts_with(&std::format!("{provider} needs ")), "{provider}");
        }
        let names: Vec<&str> = Provider::all().map(Provider::name).collect();
        assert_eq!(names.join(" "), "openvino cuda tensorrt coreml qnn nnapi xnnpack acl cann");
    }

    #[test]
    fn devices_are_named_as_the_provider_names_them() {
        for text in ["openvino", "openvino:NPU", "openvino:HETERO:NPU,CPU", "cuda:1", "tensorrt:0", "cann:3", "xnnpack"]
        {
            let requested: RequestedProvider = text.parse().unwrap();
            assert_eq!(requested.to_string(), text);
        }
        let cases = [
            ("", "'' is none of openvino, cuda, "),
            ("CUDA", "'CUDA' is none of openvino, cuda, "),
            ("cpu", "'cpu' is none of openvino, cuda, "),
            ("directml:0", "'directml' is none of "),
            ("qnn:HTP", "qnn has no devices to choose from: write qnn"),
            ("cuda:", "a device of cuda is a number, as in cuda:0"),
            ("cuda:-1", "a device of cuda is a number, as in cuda:0"),
            ("openvino:", "a device of openvino is one of OpenVINO's names, CPU, GPU, NPU, as in openvino:GPU"),
            ("openvino:a b\u{1b}", "a device of openvino is one of OpenVINO's names"),
        ];
        for (text, expected) in cases {
            let error = text.parse::<RequestedProvider>().unwrap_err();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
