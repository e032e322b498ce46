//! Execution providers, as ort's crate makes them.

use std::vec::Vec;

use ::ort::ep::{
    ACL, CANN, CUDA, CoreML, ExecutionProvider, ExecutionProviderDispatch, NNAPI, OpenVINO, QNN, TensorRT, XNNPACK,
};

use super::super::{Provider, RequestedProvider};

/// Whether the library that is loaded was built with it, which does not mean that its devices are there.
pub(in crate::backend) fn is_compiled_in(provider: Provider) -> bool {
    let found = match provider {
        Provider::OpenVino => OpenVINO::is_available(),
        Provider::Cuda => CUDA::is_available(),
        Provider::TensorRt => TensorRT::is_available(),
        Provider::CoreMl => CoreML::is_available(),
        Provider::Qnn => QNN::is_available(),
        Provider::Nnapi => NNAPI::is_available(),
        Provider::Xnnpack => XNNPACK::is_available(),
        Provider::Acl => ACL::is_available(),
        Provider::Cann => CANN::is_available(),
    };
    found.unwrap_or(false)
}

/// Those of ours that the library which is loaded was built with.
pub(in crate::backend) fn compiled_in() -> Vec<Provider> {
    Provider::all().filter(|provider| is_compiled_in(*provider)).collect()
}

/// One that is an error where it does not start, and that computes on one thread where it computes on a processor.
pub(super) fn dispatch(requested: &RequestedProvider) -> ExecutionProviderDispatch {
    let number = requested.device().and_then(|device| device.parse::<i32>().ok());
    let made: ExecutionProviderDispatch = match requested.provider() {
        Provider::OpenVino => {
            let one_thread = OpenVINO::default().with_num_threads(1);
            requested.device().map_or(one_thread.clone(), |device| one_thread.with_device_type(device)).build()
        }
        Provider::Cuda => {
            let first = CUDA::default();
            number.map_or(first.clone(), |number| first.with_device_id(number)).build()
        }
        Provider::TensorRt => {
            let first = TensorRT::default();
            number.map_or(first.clone(), |number| first.with_device_id(number)).build()
        }
        Provider::CoreMl => CoreML::default().build(),
        Provider::Qnn => QNN::default().build(),
        Provider::Nnapi => NNAPI::default().build(),
        Provider::Xnnpack => XNNPACK::default().with_intra_op_num_threads(std::num::NonZeroUsize::MIN).build(),
        Provider::Acl => ACL::default().build(),
        Provider::Cann => {
            let first = CANN::default();
            number.map_or(first.clone(), |number| first.with_device_id(number)).build()
        }
    };
    made.error_on_failure()
}

/// Whether nodes on the CPU must be an error. OpenVINO computes on the CPU what it cannot compile for an NPU, and says
/// so nowhere, unless that is forbidden together with all other nodes on the CPU.
pub(super) fn forbids_the_cpu(requested: &RequestedProvider) -> bool {
    requested.provider() == Provider::OpenVino && requested.device().is_some_and(|device| device.contains("NPU"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ort_and_the_table_call_providers_by_the_same_names() {
        for provider in Provider::all() {
            assert_eq!(dispatch(&provider.into()).name(), provider.onnx_runtime_name());
        }
    }

    #[test]
    fn npus_are_not_replaced_in_silence() {
        let cases = [("openvino:NPU", true), ("openvino:HETERO:NPU,GPU", true), ("openvino", false), ("qnn", false)];
        for (requested, forbids) in cases {
            assert_eq!(forbids_the_cpu(&requested.parse().unwrap()), forbids, "{requested}");
        }
    }
}
