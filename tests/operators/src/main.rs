//! Answers the operator cases in a folder with candle-onnx: a further oracle in float32, which shares no code with our kernels.
//!
//! `sextant-operators FOLDER` reads `cases.json`, and of each float32 case `NNN.onnx` and its inputs in `NNN.safetensors`. It
//! writes `answers.safetensors` and `answers.json`, as `export operators --answers FOLDER` reads them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::Context;
use candle_core::{Device, Tensor};
use serde_json::{Value, json};

/// Name of the one output of every case.
const RESULT: &str = "result";

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).context("give the folder of `export operators --write-cases FOLDER`")?;
    answer_all(Path::new(&folder))
}

fn answer_all(folder: &Path) -> anyhow::Result<()> {
    let list = std::fs::read(folder.join("cases.json")).context("no folder of cases")?;
    let cases: Vec<Value> = serde_json::from_slice(&list)?;
    let (mut values, mut errors) = (HashMap::new(), BTreeMap::new());
    for case in &cases {
        let file = case["file"].as_str().context("a case without a file")?;
        match answer(&folder.join(file)) {
            Ok(result) => drop(values.insert(file.to_string(), result)),
            // Without candle's backtrace.
            Err(error) => drop(errors.insert(file, error.to_string().lines().next().unwrap_or_default().to_string())),
        }
    }
    candle_core::safetensors::save(&values, folder.join("answers.safetensors"))?;
    let head = json!({ "engine": "candle-onnx", "version": version()?, "errors": errors });
    std::fs::write(folder.join("answers.json"), format!("{head:#}\n"))?;
    println!("candle-onnx has answered {} of {} cases", values.len(), cases.len());
    Ok(())
}

fn answer(file: &Path) -> anyhow::Result<Tensor> {
    let model = candle_onnx::read_file(file.with_extension("onnx"))?;
    let mut inputs = candle_core::safetensors::load(file.with_extension("safetensors"), &Device::Cpu)?;
    inputs.remove(RESULT);
    let mut outputs = candle_onnx::simple_eval(&model, inputs)?;
    Ok(outputs.remove(RESULT).context("there is no result")?.contiguous()?)
}

/// The version of candle-onnx that this program is built with.
fn version() -> anyhow::Result<&'static str> {
    let (_, rest) =
        include_str!("../Cargo.lock").split_once("name = \"candle-onnx\"\nversion = \"").context("no version")?;
    Ok(rest.split('"').next().unwrap_or_default())
}
