//! Learns image encoders whose features split into an invariant and an equivariant half.

// Unsafe are kernels, the allocator, and the handles of MPI and NCCL, each in a module that says so.
#![deny(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

pub mod bench;
pub mod cache_folder;
pub mod cli;
pub mod collective;
pub mod config;
pub mod data;
pub mod debian_package;
pub mod device;
mod durable;
pub mod evaluate;
pub mod fit;
pub mod memory;
pub mod method;
pub mod model;
pub mod monitor;
pub mod nn;
pub mod ops;
pub mod optimiser;
pub mod options;
mod progress_bar;
pub mod registry;
pub mod report;
pub mod run;
pub mod scene;
pub mod stop;
pub mod study;
pub mod transformation;
