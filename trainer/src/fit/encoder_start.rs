//! Weights of an encoder that was trained before, to begin with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use candle_core::{Tensor, Var};

use super::base_run::BaseRun;
use crate::config::Config;
use crate::registry::Registry;
use crate::run::{read_tensors, words_of_tensors, write_half_tensors};

/// What the tensors of an encoder are called in a checkpoint.
const ENCODER: &str = "encoder.";
/// Names of tensors that a warning lists.
const MOST_NAMES: usize = 3;

/// The encoder's tensors of the finished run in a folder, those that it deploys, or of a safetensors file.
///
/// # Errors
/// When there is neither, the run is not finished or starts from itself, or the file holds no encoder.
pub(super) fn encoder_tensors(config: &Config, out: &Path) -> anyhow::Result<(BTreeMap<String, Tensor>, PathBuf)> {
    let from = PathBuf::from(&config.fit.encoder_from);
    let (tensors, file) = match from.is_dir() {
        true => BaseRun::open(config.registry(), &from, out)?.deployed_tensors(),
        false => (read_tensors(&from)?, from),
    };
    let encoder = of_encoder(tensors);
    anyhow::ensure!(
        !encoder.is_empty(),
        "{}: holds no tensor that is called {ENCODER}…: name a run of `trainer fit`, or a file with the weights of one",
        file.display()
    );
    Ok((encoder, file))
}

fn of_encoder(mut tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    tensors.retain(|name, _| name.starts_with(ENCODER));
    tensors
}

/// Writes the encoder of a finished run as float16 into one file that other runs begin with, and gives back its bytes. The file tells
/// what encoder it is, and on what size of images it was trained; nothing of the data.
///
/// # Errors
/// When there is no finished run, or the file cannot be written.
pub fn write_encoder(registry: &Registry, run: &Path, file: &Path) -> anyhow::Result<usize> {
    let base = BaseRun::open(registry, run, file)?;
    let model = &base.config.model;
    let option = |key: &str| Some((format!("model.{key}"), model.options.get(key)?.to_string()));
    let words = [
        ("model.encoder".into(), model.encoder.clone()),
        ("model.invariant_head".into(), model.invariant_head.to_string()),
        ("data.image_size".into(), base.config.data.image_size.to_string()),
    ];
    let words = words.into_iter().chain(model.options.keys().filter_map(option)).collect();
    Ok(write_half_tensors(file, &of_encoder(base.deployed_tensors().0), words)?)
}

/// Sets what an encoder has in common with others of its kind; the rest stays as it was drawn, and is told in a sentence.
///
/// # Errors
/// When most of the encoder's numbers would stay as they were drawn.
pub(super) fn set_encoder(
    parameters: &[(String, Var)],
    tensors: &BTreeMap<String, Tensor>,
    file: &Path,
) -> anyhow::Result<Option<String>> {
    let own = || parameters.iter().filter(|(name, _)| name.starts_with(ENCODER));
    let fits = |(name, var): &&(String, Var)| tensors.get(name).is_some_and(|tensor| tensor.shape() == var.shape());
    let numbers: usize = own().map(|(_, var)| var.elem_count()).sum();
    let set: usize = own().filter(fits).map(|(_, var)| var.elem_count()).sum();
    let fresh: Vec<&str> = own().filter(|own| !fits(own)).map(|(name, _)| name.as_str()).collect();
    let listed = || {
        let more = fresh.len().saturating_sub(MOST_NAMES);
        let first = fresh.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{first} and {more} more") } else { first }
    };
    let remedy = || {
        let made_with = words_of_tensors(file).into_iter().map(|(key, value)| format!("{key}={value}"));
        match made_with.collect::<Vec<_>>().join(" ") {
            unknown if unknown.is_empty() => "set model.encoder and its options as they were there".into(),
            keys => format!("it was made with {keys}"),
        }
    };
    anyhow::ensure!(
        2 * set > numbers,
        "{}: is of another encoder: {} of {numbers} numbers would stay as they were drawn, of {}: {}",
        file.display(),
        numbers - set,
        listed(),
        remedy()
    );
    for (name, var) in own().filter(fits) {
        var.set(&tensors[name].to_device(var.device())?).with_context(|| format!("{}: {name}", file.display()))?;
    }
    let share = 100.0 * set as f64 / numbers as f64;
    Ok((!fresh.is_empty()).then(|| {
        format!("{}: {share:.0} % of the encoder begin there, {} stay as they were drawn", file.display(), listed())
    }))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn of_shapes(shapes: &[(&str, &[usize])]) -> Vec<(String, Var)> {
        let var = |shape: &[usize]| Var::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        shapes.iter().map(|(name, shape)| ((*name).to_string(), var(shape))).collect()
    }

    fn ones(shapes: &[(&str, &[usize])]) -> BTreeMap<String, Tensor> {
        let one = |shape: &[usize]| Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
        shapes.iter().map(|(name, shape)| ((*name).to_string(), one(shape))).collect()
    }

    fn sum(parameters: &[(String, Var)], at: usize) -> f32 {
        parameters[at].1.sum_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn what_fits_is_set_and_the_rest_is_named() {
        let network: [(&str, &[usize]); 3] = [("encoder.stem", &[20]), ("encoder.features", &[2, 3]), ("head", &[4])];
        let parameters = of_shapes(&network);
        let file = Path::new("base.safetensors");
        assert_eq!(set_encoder(&parameters, &ones(&network), file).unwrap(), None);
        assert_eq!([0, 1, 2].map(|at| sum(&parameters, at)), [20.0, 6.0, 0.0], "heads are not the encoder's");

        let parameters = of_shapes(&network);
        let others = ones(&[("encoder.stem", &[20]), ("encoder.features", &[2, 5])]);
        let told = set_encoder(&parameters, &others, file).unwrap().unwrap();
        assert_eq!(told, "base.safetensors: 77 % of the encoder begin there, encoder.features stay as they were drawn");
        assert_eq!([0, 1].map(|at| sum(&parameters, at)), [20.0, 0.0]);

        let error = set_encoder(&parameters, &ones(&[("encoder.features", &[2, 3])]), file).unwrap_err().to_string();
        assert!(error.contains("20 of 26 numbers") && error.contains("model.encoder"), "{error}");
    }
}
