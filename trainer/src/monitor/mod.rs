//! Watches embeddings and loss while a run goes on, and warns in words.

mod statistics;
mod symmetric;
mod warnings;

pub use statistics::EmbeddingStatistics;
pub use warnings::{CollapseMonitor, loss_problem};
