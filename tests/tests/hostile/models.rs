//! Models that are damaged, or sound and absurd.

use std::collections::BTreeMap;
use std::fs;

use sextant_export::onnx::{self, Batch};
use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, ValueId};
use sextant_runtime::model;
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

use super::limits::{Ending, limited};
use super::pictures::png_of_zeros;
use super::random::Random;

/// Writes so many model files, runs `runtime predict` and `export inspect` on each, and counts how they end.
pub fn try_many(mut random: Random, count: usize, extension: &str, make: fn(&mut Random) -> Vec<u8>) {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("one-pixel.png"), png_of_zeros(1, 1)).unwrap();
    let (mut done, mut refused, mut wrong) = (0, 0, vec![]);
    for index in 0..count {
        let name = format!("m{index}.{extension}");
        let file = make(&mut random);
        fs::write(place.path().join(&name), &file).unwrap();
        let predict =
            ["predict", &name, "one-pixel.png", "--max-model-memory", "512", "--max-operations", "1000000000"];
        let commands: [(&str, &[&str]); 2] = [("runtime", &predict), ("export", &["inspect", &name])];
        for (program, arguments) in commands {
            let (ending, output) = limited(program, arguments, place.path());
            let stderr = String::from_utf8_lossy(&output.stderr);
            done += usize::from(ending == Ending::Done);
            refused += usize::from(ending == Ending::Refused);
            let told = ending != Ending::Refused || stderr.starts_with("error: ") || stderr.contains("\nerror: ");
            if !ending.is_orderly() || !told || stderr.contains("panicked") {
                wrong.push(format!("{program} {arguments:?}: {ending:?}: {stderr}"));
                keep(&name, &file);
            }
        }
        fs::remove_file(place.path().join(&name)).unwrap();
    }
    println!(
        "{count} .{extension} files, two commands each: {done} done, {refused} refused, {} otherwise",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(refused > 0, "no file was refused: these are not hostile");
}

/// Leaves a file that did harm where it can be looked at.
pub fn keep(name: &str, bytes: &[u8]) {
    let folder = std::env::temp_dir().join("sextant-hostile");
    let _ = fs::create_dir_all(&folder);
    let _ = fs::write(folder.join(name), bytes);
}

/// On 4x4 pictures: the mean colour decides between three classes and is the invariant feature.
pub fn colour_model() -> Vec<u8> {
    model::write(&metadata(), &[colour_graph()]).unwrap()
}

fn metadata() -> BTreeMap<String, String> {
    BTreeMap::from([("class_names".to_string(), r#"["red", "green", "blue"]"#.to_string())])
}

fn colour_graph() -> Graph {
    let (mut builder, colour) = mean_colour([4, 4], |_, value| value);
    builder.output("invariant", colour);
    builder.finish()
}

/// A network up to the mean of each channel, with something between the picture and the mean.
fn mean_colour(
    [height, width]: [usize; 2],
    between: impl FnOnce(&mut GraphBuilder, ValueId) -> ValueId,
) -> (GraphBuilder, ValueId) {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[height, width, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let normalized = builder.node("normalize", normalize, &[image]).unwrap();
    let inner = between(&mut builder, normalized);
    let mean = builder.node("mean", Op::GlobalAveragePool, &[inner]).unwrap();
    (builder, mean)
}

/// A damaged file whose checksum is right, or a sound one that asks for much of everything.
pub fn hostile_sxt(random: &mut Random) -> Vec<u8> {
    if random.below(2) == 0 {
        let mut file = sound_sxt(random, 8);
        random.damage(&mut file, 24);
        repair(&mut file);
        return file;
    }
    sound_sxt(random, 4096)
}

/// A chain of convolutions, with sides up to the given one.
fn sound_sxt(random: &mut Random, side: usize) -> Vec<u8> {
    let extents = [1 + random.below(side), 1 + random.below(side)];
    let layers = 1 + random.below(6);
    let (mut builder, mean) = mean_colour(extents, |builder, first| {
        let mut value = first;
        let mut channels = 3;
        for layer in 0..layers {
            let (wide, kernel) = (*random.pick(&[1, 3, 16, 64]), *random.pick(&[1usize, 3, 7]));
            let count = wide * kernel * kernel * channels;
            let expansion = expansion(random, wide, channels);
            let filters = [wide, kernel, kernel, channels];
            let weight = builder.expanded_weight(&format!("w{layer}"), &filters, vec![0.01; count], expansion);
            let bias = builder.weight(&format!("b{layer}"), &[wide], vec![0.0; wide]);
            let (Ok(weight), Ok(bias)) = (weight, bias) else { break };
            let stride = [1 + random.below(4) as u16, 1 + random.below(4) as u16];
            let [top, bottom, left, right] = [0; 4].map(|_: u16| random.below(kernel * 4) as u16);
            let padding = Padding { top, bottom, left, right };
            let op = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation: Activation::Relu };
            let Ok(made) = builder.node(&format!("c{layer}"), op, &[value]) else { break };
            (value, channels) = (made, wide * expansion.group.order());
        }
        value
    });
    builder.output("invariant", mean);
    model::write(&metadata(), &[builder.finish()]).unwrap_or_else(|_| colour_model())
}

/// Of few filters one in two is a base filter of several.
fn expansion(random: &mut Random, filters: usize, channels: usize) -> FilterExpansion {
    let group = match filters {
        1 | 3 if random.below(2) == 0 => *random.pick(&[PlaneGroup::QuarterTurns, PlaneGroup::TurnsAndMirrors]),
        _ => PlaneGroup::Identity,
    };
    let reads = if channels.is_multiple_of(group.order()) { Fibre::Regular } else { Fibre::Trivial };
    FilterExpansion { group, reads }
}

/// Makes length and checksum right again (`docs/model-format.md`), so that what lies behind them is reached.
fn repair(file: &mut [u8]) {
    if file.len() < 24 {
        return;
    }
    let length = (file.len() as u32).to_le_bytes();
    file[16..20].copy_from_slice(&length);
    let checksum = crc32fast::hash(&file[16..]).to_le_bytes();
    file[12..16].copy_from_slice(&checksum);
}

/// A damaged ONNX file; its numbers are varints, so that one byte may make a dimension enormous.
pub fn damaged_onnx(random: &mut Random) -> Vec<u8> {
    let sxt = sextant_runtime::memory::AlignedVec::copy_of(&sound_sxt(random, 8));
    let graph = model::Model::parse(&sxt).unwrap().graph("encode").unwrap().to_graph();
    let model = onnx::from_graph(&graph, &[], Batch::Dynamic).unwrap_or_else(|_| {
        onnx::from_graph(&colour_graph(), &[], Batch::Dynamic).expect("the smallest network has an ONNX form")
    });
    let mut file = onnx::to_bytes(&model).unwrap();
    if random.below(4) == 0 {
        // Several bytes of a varint at once.
        let at = random.below(file.len());
        let end = (at + 1 + random.below(9)).min(file.len());
        file[at..end].fill(0xff);
    } else {
        random.damage(&mut file, 0);
    }
    file
}
