//! The tensors that each method keeps in a checkpoint: a run that has begun is resumed by their names.

use std::fmt::Write;

use candle_core::Device;

use super::METHODS;
use crate::config::{Config, Origin};
use crate::data::GroundTruth;
use crate::model::Model;
use crate::registry::Registry;

/// A line for each tensor of each method, but for those of the encoder and the heads.
fn tensors() -> String {
    let mut text = String::new();
    for entry in METHODS {
        let toml = format!("[data]\nimage_size = 32\n[method]\nname = \"{}\"\n", entry.name);
        let mut config = Config::from_toml(&Registry::default(), &toml, Origin::File("test.toml".into())).unwrap();
        (config.model.projector_hidden, config.model.embedding) = (16, 16);
        let model = Model::new(&config, GroundTruth::posed(4), &Device::Cpu).unwrap();
        let own = model.parameters().tensors().into_iter().filter(|(name, _)| name.starts_with("method."));
        // Copies of the encoder have the encoder's names.
        for (name, tensor) in own.filter(|(name, _)| !name.starts_with("method.target_encoder.")) {
            writeln!(text, "{} {name} {:?}", entry.name, tensor.dims()).unwrap();
        }
    }
    text
}

#[test]
fn checkpoints_keep_the_names_and_shapes_of_their_tensors() {
    let golden = include_str!("tensors_golden.txt");
    let found = tensors();
    for (found, golden) in found.lines().zip(golden.lines()) {
        assert_eq!(found, golden);
    }
    assert_eq!(found.lines().count(), golden.lines().count());
}
