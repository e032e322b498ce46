//! Rotation maths, the model format, the operator graph and its execution, for hosts and microcontrollers.
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
//! Without default features the crate is `no_std` and does not allocate.
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
pub mod graph;
mod kernels;
pub mod memory;
pub mod model;
mod operators;
#[cfg(feature = "alloc")]
pub mod patchwise;
#[cfg(feature = "images")]
pub mod picture;
pub mod pose;
pub mod preprocess;
pub mod rotation;
pub mod session;
mod tensor;
#[cfg(feature = "std")]
pub mod typed_command;
