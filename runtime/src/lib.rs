//! Picture in, pose out: rotation, class and features of the object in a camera's frame, on hosts and microcontrollers.
//!
#![cfg_attr(feature = "std", doc = "```")]
#![cfg_attr(not(feature = "std"), doc = "```ignore")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = std::env::temp_dir().join(format!("sextant-front-page-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # let (path, frame) = (folder.join("model.sxt"), [0, 128, 255].repeat(640 * 480));
//! # use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op};
//! # let mut builder = GraphBuilder::new("encode");
//! # let image = builder.input("image", &[8, 8, 3], DataType::U8);
//! # let normalize = Op::Normalize { mean: [0.0, 0.1, 0.3], std: [1.0; 3] };
//! # let map = builder.node("normalize", normalize, &[image])?;
//! # let colour = builder.node("colour", Op::GlobalAveragePool, &[map])?;
//! # let weight = builder.weight("weight", &[9, 3], (0..27).map(|i| (i * i % 7) as f32).collect())?;
//! # let bias = builder.weight("bias", &[9], vec![0.0; 9])?;
//! # let linear = Op::Linear { weight, bias, activation: Activation::Identity };
//! # let nine = builder.node("nine", linear, &[colour])?;
//! # let rotation = builder.node("rotation", Op::NearestRotation, &[nine])?;
//! # builder.output("rotation_wxyz", rotation);
//! # std::fs::write(&path, sextant_runtime::model::write(&Default::default(), &[builder.finish()])?)?;
//! use sextant_runtime::pose::{PictureView, PixelFormat, Predictor};
//! let mut predictor = Predictor::open(&path)?; // a `.sxt` file of `trainer fit`, or an `.onnx` file of `export onnx`
//! let picture = PictureView::new(&frame, PixelFormat::Bgr8, 640, 480)?; // a camera's buffer; nothing is copied
//! let prediction = predictor.predict(&picture)?;
//! let rotation = prediction.rotation().ok_or("the model has no rotation head")?;
//! println!("camera_from_object, wxyz: {:?}", rotation.wxyz());
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok(())
//! # }
//! ```
//!
//! [`pose`] is the front door. Beneath it lie [`backend`], which runs a model file on this crate's kernels, tract or ONNX
//! Runtime, and [`session`], which runs graphs of a model in memory that the caller gives:
//!
#![cfg_attr(feature = "alloc", doc = "```")]
#![cfg_attr(not(feature = "alloc"), doc = "```ignore")]
//! use sextant_runtime::graph::{DataType, GraphBuilder, Op};
//! use sextant_runtime::{memory::AlignedVec, model, session::{Input, Session}};
//! # fn main() -> Result<(), Box<dyn core::error::Error>> {
//! let mut builder = GraphBuilder::new("encode"); // a network that a trainer lowered, here of one operator
//! let matrix = builder.input("matrix", &[9], DataType::F32);
//! let rotation = builder.node("head", Op::NearestRotation, &[matrix])?;
//! builder.output("rotation_wxyz", rotation);
//! let file = AlignedVec::copy_of(&model::write(&Default::default(), &[builder.finish()])?);
//!
//! let model = model::Model::parse(&file)?; // checks everything once; nothing is copied
//! let mut arena = AlignedVec::zeroed(model.graph("encode").unwrap().arena_bytes());
//! let mut rotation_wxyz = [0.0; 4];
//! let inputs = [Input::F32(&[2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0])];
//! Session::new(&model, "encode", &mut arena)?.run(&inputs, &mut [&mut rotation_wxyz])?;
//! assert_eq!(rotation_wxyz, [1.0, 0.0, 0.0, 0.0]);
//! # Ok(())
//! # }
//! ```
//!
//! Without default features the crate is `no_std` and does not allocate. The feature `std`, the default, brings
//! [`pose::Predictor`]; `images` decodes PNG and JPEG files and
//! searches folders of them; `tract` and `ort` run ONNX files; `cli` builds the command.
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![deny(missing_docs, unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(all(test, feature = "std"))]
mod allocated;
#[cfg(feature = "std")]
pub mod backend;
#[cfg(feature = "std")]
pub mod calibration;
#[cfg(feature = "command-line")]
pub mod command_line;
pub mod contract;
#[cfg(feature = "std")]
pub mod durable;
#[cfg(feature = "engine-source")]
pub mod engine_source;
#[cfg(feature = "alloc")]
pub mod firmware;
#[cfg(feature = "alloc")]
mod flat_json;
pub mod graph;
mod kernels;
pub mod memory;
pub mod model;
mod operators;
#[cfg(feature = "alloc")]
pub mod patchwise;
#[cfg(feature = "images")]
pub mod picture;
pub mod plane_group;
pub mod pose;
pub mod preprocess;
pub mod rotation;
#[cfg(feature = "images")]
pub mod search;
pub mod session;
mod tensor;
#[cfg(feature = "std")]
pub mod typed_command;
