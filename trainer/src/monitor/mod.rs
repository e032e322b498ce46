//! Watches embeddings and loss while a run goes on, and warns in words.

mod memory;
mod statistics;
mod symmetric;
mod warnings;

pub use memory::peak_memory_bytes;
pub use statistics::EmbeddingStatistics;
pub use warnings::{CollapseMonitor, loss_problem};
