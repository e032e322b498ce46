//! One step's inputs, weights, losses and gradients in a file, for a peer that computes the same.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::UnitQuaternion;

use super::StepBench;
use crate::config::Config;
use crate::nn::HeadGradient;
use crate::run::write_tensors;
use crate::transformation::Condition;

/// Writes one float32 safetensors file: `weight/NAME` before the step, `gradient/NAME`, `input/…` (bytes of the images
/// as numbers, labels, conditions of the predictor, target matrices of both views, relative rotations), `setting/…`
/// (weights of the losses, learning rate, decay), `loss/total` and `loss/TERM`.
///
/// The scales, shifts and biases are moved away from their initial values first, so that no gradient is zero by design.
///
/// # Errors
/// When the step fails or the file cannot be written.
pub fn write_exchange(bench: &mut StepBench, path: &Path) -> anyhow::Result<()> {
    let mut tensors = BTreeMap::new();
    for (name, var) in weights(bench) {
        spread(&name, &var)?;
        tensors.insert(format!("weight/{name}"), var.as_detached_tensor().copy()?);
    }
    add_inputs(bench, &mut tensors)?;
    add_settings(bench, &mut tensors)?;
    let report = bench.training.train_step(&bench.batch, &bench.symmetries)?;
    tensors.insert("loss/total".into(), Tensor::new(&[report.loss], &Device::Cpu)?);
    for (name, value) in report.terms {
        tensors.insert(format!("loss/{name}"), Tensor::new(&[value], &Device::Cpu)?);
    }
    add_gradients(bench, &mut tensors)?;
    Ok(write_tensors(path, &tensors)?)
}

/// Everything that is trained: the network and the online probes.
fn weights(bench: &StepBench) -> Vec<(String, Var)> {
    let training = &bench.training;
    let both = training.model.parameters().trained().iter().chain(training.probes.parameters().trained());
    both.map(|(name, var)| (name.clone(), var.clone())).collect()
}

/// Vectors become their initial values plus a random part.
fn spread(name: &str, var: &Var) -> anyhow::Result<()> {
    if var.rank() > 1 {
        return Ok(());
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    rng.set_stream(u64::from(crc32fast::hash(name.as_bytes())));
    let moved = var.to_vec1::<f32>()?.into_iter().map(|x| x + rng.random_range(0.1..0.5f32)).collect();
    Ok(var.set(&Tensor::from_vec(moved, var.shape(), var.device())?)?)
}

fn add_inputs(bench: &StepBench, tensors: &mut BTreeMap<String, Tensor>) -> anyhow::Result<()> {
    let (batch, labels) = (&bench.batch, &bench.batch.labels);
    let (pairs, size) = (labels.len(), bench.config.data.image_size);
    let mut add = |name: &str, values: Vec<f32>, dims: &[usize]| -> candle_core::Result<()> {
        tensors.insert(format!("input/{name}"), Tensor::from_vec(values, dims, &Device::Cpu)?);
        Ok(())
    };
    for view in 0..batch.view_count() {
        add(
            &format!("images{view}"),
            batch.images_of(view).iter().map(|&byte| f32::from(byte)).collect(),
            &[pairs, size, size, 3],
        )?;
    }
    add("labels", labels.iter().map(|&label| label as f32).collect(), &[pairs])?;
    let in_camera = [0, 1].map(|view| batch.camera_from_object(view).collect::<Vec<UnitQuaternion>>());
    let condition = Condition::of(&bench.config.method)?;
    let actions = bench.training.views(batch, None, 0..batch.len())?.actions(0, 1);
    let conditions = actions.into_iter().flat_map(|action| condition.numbers(&action)).collect();
    add("conditions", conditions, &[pairs, condition.width()])?;
    let matrices = in_camera.iter().flatten().flat_map(|rotation| rotation.to_matrix().concat()).collect();
    add("rotation_targets", matrices, &[2 * pairs, 9])?;
    let relative = in_camera[0].iter().zip(&in_camera[1]).flat_map(|(a, b)| a.relative_rotation(*b).wxyz()).collect();
    Ok(add("relative_rotations", relative, &[pairs, 4])?)
}

/// What the step's losses and optimiser are set to, one number each.
fn add_settings(bench: &StepBench, tensors: &mut BTreeMap<String, Tensor>) -> anyhow::Result<()> {
    let Config { method, heads, optimiser, .. } = &bench.config;
    let mut settings = vec![
        ("head_rotation_weight".to_string(), heads.rotation_weight),
        ("head_class_weight".to_string(), heads.class_weight),
        ("heads_are_detached".to_string(), f64::from(heads.gradient == HeadGradient::Detached)),
        ("lr".to_string(), optimiser.lr),
        ("weight_decay".to_string(), optimiser.weight_decay),
    ];
    for term in ["invariance", "equivariance", "variance", "predictor_variance", "covariance"] {
        let key = format!("{term}_weight");
        settings.push((key.clone(), method.number(&key)?));
    }
    for (name, value) in settings {
        tensors.insert(format!("setting/{name}"), Tensor::new(&[value as f32], &Device::Cpu)?);
    }
    Ok(())
}

/// After the first step, AdamW's first moment is `(1 - beta1)` times the gradient.
fn add_gradients(bench: &StepBench, tensors: &mut BTreeMap<String, Tensor>) -> anyhow::Result<()> {
    let rest = 1.0 - bench.config.optimiser.betas[0];
    let checkpoint = bench.training.checkpoint(0, None)?;
    for (name, moment) in &checkpoint.optimiser {
        let name = name.strip_prefix("online/").unwrap_or(name);
        if let Some(parameter) = name.strip_prefix("first_moment.") {
            tensors.insert(format!("gradient/{parameter}"), (moment / rest)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::run::read_tensors;

    #[test]
    fn every_weight_has_a_gradient_that_is_not_zero() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exchange.safetensors");
        let mut bench = StepBench::new(&Registry::default(), "tiny", &[], 16, 8).unwrap();
        write_exchange(&mut bench, &path).unwrap();
        let tensors = read_tensors(&path).unwrap();
        let weights: Vec<_> = tensors.iter().filter_map(|(name, w)| Some((name.strip_prefix("weight/")?, w))).collect();
        assert!(weights.len() > 50, "{}", weights.len());
        for (name, weight) in weights {
            let gradient = &tensors[&format!("gradient/{name}")];
            assert_eq!(gradient.shape(), weight.shape(), "{name}");
            let largest = gradient.abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
            assert!(largest > 0.0, "{name}");
        }
        assert_eq!(tensors["input/images0"].dims(), [4, 16, 16, 3]);
        assert!(tensors["loss/total"].to_vec1::<f32>().unwrap()[0] > 0.0);
    }
}
