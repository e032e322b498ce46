//! The `runtime` command on model files that ask for much or mean nothing: an answer soon, and in little memory.
#![cfg(feature = "cli")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{ImageFormat, Rgb, RgbImage};
use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding};
use sextant_runtime::model;

/// A folder of one test, with a picture `p.png` in it.
struct Bench {
    folder: PathBuf,
}

impl Bench {
    fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("untrusted-{test}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let red = RgbImage::from_pixel(4, 4, Rgb([255, 0, 0]));
        red.save_with_format(folder.join("p.png"), ImageFormat::Png).unwrap();
        Self { folder }
    }

    fn model(&self, name: &str, graph: Graph) {
        fs::write(self.folder.join(name), model::write(&Default::default(), &[graph]).unwrap()).unwrap();
    }

    /// Exit status and what is on stderr.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-runtime"));
        let output = command.args(arguments).current_dir(&self.folder).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    fn refuses(&self, arguments: &[&str], parts: &[&str]) {
        let (code, stderr) = self.run(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {stderr}");
        for part in parts {
            assert!(stderr.contains(part), "{arguments:?}: {part} is not in {stderr}");
        }
        assert!(stderr.lines().count() <= 2, "{arguments:?}: {stderr}");
    }
}

/// One pixel, padded on all sides, through a convolution of 1x1 to `channels` channels, and their means.
fn padded(padding: u16, channels: usize) -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[1, 1, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let weight = builder.weight("w", &[channels, 1, 1, 3], vec![1.0; 3 * channels]).unwrap();
    let bias = builder.weight("b", &[channels], vec![0.0; channels]).unwrap();
    let padding = Padding { top: padding, left: padding, bottom: padding, right: padding };
    let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation: Activation::Identity };
    let made = builder.node("conv", op, &[map]).unwrap();
    let mean = builder.node("mean", Op::GlobalAveragePool, &[made]).unwrap();
    builder.output("invariant", mean);
    builder.finish()
}

/// The nearest rotation of a linear function of the image's mean.
fn rotation_of(weight: [f32; 27]) -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[1, 1, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1e-30; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let mean = builder.node("mean", Op::GlobalAveragePool, &[map]).unwrap();
    let weight = builder.weight("w", &[9, 3], weight.to_vec()).unwrap();
    let bias = builder.weight("b", &[9], vec![0.0; 9]).unwrap();
    let linear = Op::Linear { weight, bias, activation: Activation::Identity };
    let matrix = builder.node("matrix", linear, &[mean]).unwrap();
    let rotation = builder.node("rotation", Op::NearestRotation, &[matrix]).unwrap();
    builder.output("rotation_wxyz", rotation);
    builder.finish()
}

#[test]
fn a_rotation_that_means_nothing_is_an_error() {
    let bench = Bench::new("rotation");
    // Beyond the largest number, nothing at all, and rank 1.
    for (name, weight) in [("infinite.sxt", [3e38; 27]), ("zero.sxt", [0.0; 27]), ("rank-one.sxt", [1.0; 27])] {
        bench.model(name, rotation_of(weight));
        bench.refuses(&["predict", name, "p.png"], &[name, "not finite"]);
    }
    let mut turned = [0.0; 27];
    [(1, -1.0), (3, 1.0), (8, 1.0)].iter().for_each(|(entry, number)| turned[3 * entry] = *number);
    bench.model("turned.sxt", rotation_of(turned));
    assert_eq!(bench.run(&["predict", "turned.sxt", "p.png"]), (Some(0), String::new()));
}

#[test]
fn work_and_memory_have_limits_that_can_be_raised() {
    let bench = Bench::new("limits");
    bench.model("work.sxt", padded(1000, 40));
    let work = ["predict", "work.sxt", "p.png", "--max-operations", "1000000"];
    bench.refuses(
        &work,
        &["work.sxt: the model takes ", " operations for one image, and the limit is 1000000", "--max-operations"],
    );
    bench.model("memory.sxt", padded(8000, 4));
    bench.refuses(
        &["predict", "memory.sxt", "p.png"],
        &["memory.sxt: the model needs ", " GiB of memory", "--max-model-memory"],
    );
    bench.refuses(&["bench", "memory.sxt"], &["memory.sxt: the model needs "]);
    bench.model("small.sxt", padded(20, 40));
    let small = ["predict", "small.sxt", "p.png", "--max-model-memory"];
    assert_eq!(bench.run(&[&small[..], &["2"]].concat()), (Some(0), String::new()));
    let large = ["predict", "work.sxt", "p.png", "--max-model-memory", "1"];
    bench.refuses(&large, &["and the limit is 1.0 MiB"]);
}

#[cfg(unix)]
#[test]
fn what_has_no_end_is_no_model() {
    let bench = Bench::new("no-end");
    for backend in ["native", "tract"] {
        let arguments = ["predict", "/dev/zero", "p.png", "--backend", backend];
        bench.refuses(&arguments, &["/dev/zero: a pipe or a device, not a model file", ".sxt or .onnx"]);
        bench.refuses(&["predict", ".", "p.png", "--backend", backend], &[".: a folder, not a model file"]);
    }
    if Command::new("mkfifo").arg(bench.folder.join("pipe.sxt")).status().is_ok_and(|status| status.success()) {
        bench.refuses(&["bench", "pipe.sxt"], &["pipe.sxt: a pipe or a device, not a model file"]);
    }
    let sparse = fs::File::create(bench.folder.join("sparse.onnx")).unwrap();
    if sparse.set_len(1 << 36).is_ok() {
        bench
            .refuses(&["bench", "sparse.onnx"], &["sparse.onnx: the file has 68719476736 bytes", "--max-model-memory"]);
    }
}
