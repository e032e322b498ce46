//! Turns a trained run into deployable files, and checks each against the trainer's own answers.
//!
//! ```
//! use sextant_export::onnx::{self, Batch};
//! use sextant_runtime::graph::{DataType, GraphBuilder, Op};
//!
//! let mut builder = GraphBuilder::new("encode");
//! let numbers = builder.input("numbers", &[9], DataType::F32);
//! let rotation = builder.node("rotation", Op::NearestRotation, &[numbers])?;
//! builder.output("rotation_wxyz", rotation);
//!
//! let model = onnx::from_graph(&builder.finish(), &[], Batch::Dynamic)?;
//! assert_eq!(model.opset_import[0].version, onnx::OPSET_VERSION);
//! let file = onnx::to_bytes(&model)?;
//! assert!(file.len() < 10_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`OnnxExport`] does this for a run folder and writes the file only when it repeats the trainer's answers.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod budget;
mod destination;
mod error;
mod firmware_export;
mod firmware_project;
pub mod golden;
mod graph_name;
pub mod inspect;
mod int8_export;
mod json_path;
mod model_file;
pub mod onnx;
mod onnx_export;
pub mod operators;
mod pending_files;
pub mod quantize;
mod run_folder;
mod stripes;
mod sxt_export;
mod tolerance;
pub mod verify;

pub use budget::{Budget, BudgetReport, LayerMemory, Size, Stripes};
pub use error::Error;
pub use firmware_export::{FirmwareExport, FirmwareFiles, FirmwareReport};
pub use graph_name::GraphName;
pub use int8_export::{Int8Export, Int8Report};
pub use onnx_export::{OnnxExport, OnnxReport};
pub use pending_files::PendingFiles;
pub use run_folder::RunFolder;
pub use sxt_export::{QuantizationReport, SxtExport, SxtReport};
pub use tolerance::Tolerance;
