use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use super::{Fault, LibraryFault, NodesByProvider, RequestedProvider};
use crate::kernels::chosen;

/// A small network, for trying providers: an image of 8x8 pixels, a convolution, its mean.
#[cfg(feature = "ort")]
pub(super) const TRIAL: &[u8] = include_bytes!("trial.onnx");

/// What this program and this machine have for running models.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inventory {
    /// Of [`super::BackendKind::Native`].
    pub native: NativeKernels,
    /// Of [`super::BackendKind::Tract`]: the version, such as `0.23`; `None` when this was compiled without.
    pub tract: Option<&'static str>,
    /// Of [`super::BackendKind::Ort`]; `None` when this was compiled without.
    pub ort: Option<Result<OrtInventory, LibraryFault>>,
}

/// The instructions that this crate's own kernels use on this processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NativeKernels {
    /// For float32.
    pub float32: &'static str,
    /// For int8.
    pub int8: &'static str,
}

/// What a library of ONNX Runtime has.
#[derive(Debug)]
#[non_exhaustive]
pub struct OrtInventory {
    /// The library.
    pub library: PathBuf,
    /// Its version, such as `1.24`.
    pub version: String,
    /// Every provider, and what came of running a small network on it.
    pub trials: Vec<Trial>,
}

/// What came of running a small network on a provider.
#[derive(Debug)]
#[non_exhaustive]
pub struct Trial {
    /// Which provider, and on which of its devices.
    pub provider: RequestedProvider,
    /// The nodes that ran, at least one of them on this provider.
    pub outcome: Result<NodesByProvider, Fault>,
}

impl Inventory {
    /// Looks at the processor, loads ONNX Runtime from that path or from the environment's `ORT_DYLIB_PATH`, and tries
    /// every provider.
    pub fn take(ort_library: Option<&Path>) -> Self {
        let native = NativeKernels { float32: chosen::float32(), int8: chosen::int8() };
        Self { native, tract: tract_version(), ort: of_ort(ort_library) }
    }
}

#[cfg(feature = "tract")]
fn tract_version() -> Option<&'static str> {
    Some(super::tract::VERSION)
}

#[cfg(not(feature = "tract"))]
fn tract_version() -> Option<&'static str> {
    None
}

#[cfg(feature = "ort")]
fn of_ort(library: Option<&Path>) -> Option<Result<OrtInventory, LibraryFault>> {
    let of_loaded = |loaded: super::ort::Library| {
        let requested = super::Provider::all().flat_map(super::Provider::trials);
        let trials = requested.filter_map(|provider| try_out(provider, &loaded)).collect();
        OrtInventory { library: loaded.path, version: loaded.version, trials }
    };
    Some(super::ort::load_library(library).map(of_loaded))
}

#[cfg(not(feature = "ort"))]
fn of_ort(_: Option<&Path>) -> Option<Result<OrtInventory, LibraryFault>> {
    None
}

/// `None` for a further device of a provider that is not in the library.
#[cfg(feature = "ort")]
fn try_out(provider: RequestedProvider, library: &super::ort::Library) -> Option<Trial> {
    let options = super::BackendOptions {
        provider: Some(provider.clone()),
        ort_library: Some(library.path.clone()),
        ..super::BackendOptions::default()
    };
    let outcome = super::ort::load(TRIAL, &options);
    let is_missing = matches!(outcome, Err(Fault::Provider { fault: super::ProviderFault::NotCompiledIn { .. }, .. }));
    let nodes = |loaded: super::Loaded| loaded.engine.nodes_by_provider().cloned().unwrap_or_default();
    (!is_missing || provider.device().is_none()).then(|| Trial { provider, outcome: outcome.map(nodes) })
}

#[cfg(all(test, feature = "tract", feature = "ort"))]
mod tests {
    use std::boxed::Box;
    use std::string::ToString;
    use std::vec;

    use prost::Message;
    use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
    use tract_onnx::pb::{
        AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
        TypeProto, ValueInfoProto, attribute_proto, type_proto,
    };

    use super::*;
    use crate::backend::ONNX_BATCH_SYMBOL;

    fn numbers(name: &str, ints: &[i64]) -> AttributeProto {
        let r#type = attribute_proto::AttributeType::Ints.into();
        AttributeProto { name: name.to_string(), ints: ints.to_vec(), r#type, ..AttributeProto::default() }
    }

    fn number(name: &str, i: i64) -> AttributeProto {
        let r#type = attribute_proto::AttributeType::Int.into();
        AttributeProto { name: name.to_string(), i, r#type, ..AttributeProto::default() }
    }

    fn node(op_type: &str, input: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
        let input = input.iter().map(ToString::to_string).collect();
        let (op_type, name, output) = (op_type.to_string(), output.to_string(), vec![output.to_string()]);
        NodeProto { op_type, name, input, output, attribute, ..NodeProto::default() }
    }

    fn value(name: &str, elem_type: i32, extents: &[i64]) -> ValueInfoProto {
        let batch = dimension::Value::DimParam(ONNX_BATCH_SYMBOL.to_string());
        let values = core::iter::once(batch).chain(extents.iter().map(|extent| dimension::Value::DimValue(*extent)));
        let dim = values.map(|value| Dimension { value: Some(value), ..Dimension::default() }).collect();
        let tensor = type_proto::Tensor { elem_type, shape: Some(TensorShapeProto { dim }) };
        let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
        ValueInfoProto { name: name.to_string(), r#type: Some(r#type), ..ValueInfoProto::default() }
    }

    /// Four filters of 3x3 that tell colours and edges apart.
    fn trial() -> Vec<u8> {
        let (f32_type, u8_type) = (1, 2);
        let weights = TensorProto {
            name: "weights".to_string(),
            dims: vec![4, 3, 3, 3],
            data_type: f32_type,
            float_data: (0..108).map(|index| (index * 7 % 11 - 5) as f32 / 16.0).collect(),
            ..TensorProto::default()
        };
        let nodes = vec![
            node("Cast", &["image"], "floats", vec![number("to", f32_type.into())]),
            node("Transpose", &["floats"], "channels_first", vec![numbers("perm", &[0, 3, 1, 2])]),
            node("Conv", &["channels_first", "weights"], "filtered", vec![numbers("pads", &[1; 4])]),
            node("Relu", &["filtered"], "positive", vec![]),
            node("ReduceMean", &["positive"], "invariant", vec![numbers("axes", &[2, 3]), number("keepdims", 0)]),
        ];
        let graph = GraphProto {
            name: "trial".to_string(),
            node: nodes,
            initializer: vec![weights],
            input: vec![value("image", u8_type, &[8, 8, 3])],
            output: vec![value("invariant", f32_type, &[4])],
            ..GraphProto::default()
        };
        let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
        ModelProto { ir_version: 8, opset_import, graph: Some(graph), ..ModelProto::default() }.encode_to_vec()
    }

    /// `SEXTANT_WRITE_TRIAL=1` writes the file anew.
    #[test]
    fn the_network_that_providers_are_tried_with_is_the_one_above() {
        if std::env::var_os("SEXTANT_WRITE_TRIAL").is_some() {
            std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/backend/trial.onnx"), trial()).unwrap();
        }
        assert_eq!(TRIAL, trial());
        let loaded = crate::backend::tract::load(TRIAL, &crate::backend::Limits::default()).unwrap();
        let mut engine: Box<dyn crate::backend::ImageEngine> = loaded.engine;
        let mut outputs = std::vec![];
        engine.run(&[9; 192], &mut outputs).unwrap();
        assert_eq!(outputs[0].width, 4);
    }

    #[test]
    fn kernels_and_versions_have_names() {
        let Inventory { native, tract, .. } = Inventory::take(Some(Path::new("nowhere.so")));
        assert!(!native.float32.is_empty() && !native.int8.is_empty());
        assert!(tract.is_some_and(|version| version.split('.').count() == 2), "{tract:?}");
    }
}
