use std::boxed::Box;
use std::fmt;
use std::path::PathBuf;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{NodesByProvider, Provider};

/// Why an execution provider does not compute what it was asked to.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProviderFault {
    /// The library of ONNX Runtime was built without it.
    NotCompiledIn {
        /// The library.
        library: PathBuf,
        /// Its version, such as `1.24`.
        version: Box<str>,
        /// Those that it has, beside the CPU.
        has: Vec<Provider>,
    },
    /// It is in the library and does not start: a library, a driver or a device is missing.
    NotUsable {
        /// What ONNX Runtime said.
        reason: String,
    },
    /// It does not run this model.
    RefusesModel {
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The model ran, and not one of its nodes did on this provider.
    RanNothing {
        /// Where they ran instead.
        nodes: NodesByProvider,
    },
    /// Whether it computed cannot be told: ONNX Runtime's profile of a run was not written, or is not as expected.
    NoProof {
        /// What happened to the profile.
        reason: String,
    },
}

impl ProviderFault {
    /// With a further reason behind the one that ONNX Runtime gave.
    #[cfg(feature = "ort")]
    pub(super) fn because(mut self, further: &str) -> Self {
        if let Self::NotUsable { reason } | Self::RefusesModel { reason } = &mut self
            && !reason.contains(further)
        {
            *reason = std::format!("{reason}: {further}");
        }
        self
    }

    /// What to try, for people.
    pub(super) fn hint(&self, provider: Provider) -> &'static str {
        match self {
            Self::NotCompiledIn { .. } | Self::NotUsable { .. } => provider.needs(),
            Self::RefusesModel { .. } | Self::RanNothing { .. } => {
                "run the model without --provider, on the CPU; `runtime backends` tells which providers run here"
            }
            Self::NoProof { .. } => "give room for a file in the folder for temporary files, TMPDIR",
        }
    }
}

impl fmt::Display for ProviderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotCompiledIn { library, version, has } => {
                let mut names: Vec<&str> = has.iter().map(|provider| provider.name()).collect();
                names.push("the CPU");
                let (library, names) = (library.display(), names.join(", "));
                write!(f, "it is not in ONNX Runtime {version}, {library}, which has {names}")
            }
            Self::NotUsable { reason } => write!(f, "it does not start: {reason}"),
            Self::RefusesModel { reason } => write!(f, "it does not run this model: {reason}"),
            Self::RanNothing { nodes } => write!(f, "it ran no node of this model: {}", nodes_text(nodes)),
            Self::NoProof { reason } => write!(f, "whether it computed is not known: {reason}"),
        }
    }
}

/// Nodes of each provider, for people: `OpenVINOExecutionProvider 1 node, CPUExecutionProvider 2 nodes`; the most first.
pub fn nodes_text(nodes: &NodesByProvider) -> String {
    let mut sorted: Vec<(&String, usize)> = nodes.iter().map(|(name, count)| (name, *count)).collect();
    sorted.sort_by_key(|(_, count)| core::cmp::Reverse(*count));
    let count = |count: usize| if count == 1 { "1 node".to_string() } else { std::format!("{count} nodes") };
    let parts: Vec<String> = sorted.into_iter().map(|(name, nodes)| std::format!("{name} {}", count(nodes))).collect();
    if parts.is_empty() { "no node ran".to_string() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn nodes(counts: &[(&str, usize)]) -> NodesByProvider {
        counts.iter().map(|(name, count)| (name.to_string(), *count)).collect()
    }

    #[test]
    fn nodes_are_told_with_the_most_first() {
        let cases = [
            (nodes(&[]), "no node ran"),
            (nodes(&[("B", 1)]), "B 1 node"),
            (nodes(&[("A", 1), ("B", 7), ("C", 0)]), "B 7 nodes, A 1 node, C 0 nodes"),
        ];
        for (nodes, expected) in cases {
            assert_eq!(nodes_text(&nodes), expected);
        }
    }

    #[test]
    fn a_provider_that_is_not_there_is_named_with_those_that_are() {
        let has = std::vec![Provider::OpenVino];
        let library = Path::new("lib.so").to_path_buf();
        let fault = ProviderFault::NotCompiledIn { library, version: "1.24".into(), has };
        assert_eq!(fault.to_string(), "it is not in ONNX Runtime 1.24, lib.so, which has openvino, the CPU");
        assert!(fault.hint(Provider::Cuda).contains("pip install onnxruntime-gpu"));
        let fault = ProviderFault::RanNothing { nodes: nodes(&[("CPUExecutionProvider", 3)]) };
        assert_eq!(fault.to_string(), "it ran no node of this model: CPUExecutionProvider 3 nodes");
    }
}
