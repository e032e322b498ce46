//! What the ONNX files compute, and how they are made.

#[allow(dead_code)]
#[path = "../random/networks.rs"]
mod networks;
mod operators;
#[path = "../random/reference.rs"]
mod reference;
mod rotation;
mod structure;
mod tract;
