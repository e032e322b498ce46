//! First layers in stripes, where a whole network needs more memory than there is.

use std::path::Path;

use sextant_runtime::graph::Graph;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model;
use sextant_runtime::patchwise::{Stage, stages};

use crate::budget::{Budget, BudgetReport, Stripes};
use crate::{Error, model_file};

/// Each stripe adds its nodes to the file, and rows that are computed twice.
const MOST_STRIPES: usize = 8;

/// One way to compute the first layers.
struct Candidate {
    stage: Stage,
    ram_bytes: usize,
    stripes: Stripes,
}

/// The file of a network whose graph `encode` fits the budget, in stripes if memory asks for them, and what it takes; of
/// the ways that fit, the one with the fewest extra multiplications. Where none fits, the whole network's.
///
/// # Errors
/// When `write`, which makes a file with that graph `encode`, refuses the graph as it is.
pub(crate) fn fit(
    path: &Path,
    encode: &Graph,
    budget: Budget,
    write: &dyn Fn(&Graph) -> Result<Vec<u8>, Error>,
) -> Result<(Vec<u8>, BudgetReport), Error> {
    let report = |file: &[u8]| {
        let aligned = AlignedVec::copy_of(file);
        let view = model_file::parse(path, &aligned)?.graph(&encode.name);
        let missing = || Error::invalid(path, format!("has no graph '{}'", encode.name), "write it again");
        Ok::<_, Error>(BudgetReport::of(budget, &view.ok_or_else(missing)?, file.len()))
    };
    let file = write(encode)?;
    let whole = report(&file)?;
    let Some(ram) = budget.ram.filter(|ram| whole.size.ram_bytes > *ram) else { return Ok((file, whole)) };
    let candidates = candidates(encode, whole.size.ram_bytes);
    // A name that is as long as a name can be has no room for a stripe's number: such a graph is no candidate.
    let in_stripes = |candidate: &Candidate| {
        let graph = candidate.stage.in_stripes(encode, candidate.stripes.stripes)?;
        let file = write(&graph).ok()?;
        let report = report(&file).ok()?;
        Some((file, BudgetReport { stripes: Some(candidate.stripes.clone()), ..report }))
    };
    let fitting = candidates.iter().filter(|candidate| candidate.ram_bytes <= ram).filter_map(in_stripes);
    if let Some(found) = fitting.into_iter().find(|(_, report)| report.failure_message().is_none()) {
        return Ok(found);
    }
    let smallest = candidates.iter().min_by_key(|candidate| candidate.ram_bytes).and_then(in_stripes);
    let smallest_in_stripes = smallest.map(|(_, report)| report.size);
    Ok((file, BudgetReport { smallest_in_stripes, ..whole }))
}

/// Every stage in every number of stripes that takes less memory than the whole graph, the fewest multiplications first.
fn candidates(graph: &Graph, whole_ram_bytes: usize) -> Vec<Candidate> {
    let macs = |graph: &Graph| graph.nodes.iter().map(|node| graph.macs(node)).sum::<u64>();
    let whole_macs = macs(graph);
    let mut candidates = vec![];
    for stage in stages(graph) {
        for stripes in 2..=MOST_STRIPES {
            let Some(striped) = stage.in_stripes(graph, stripes) else { continue };
            let Ok(ram_bytes) = model::planned_arena_bytes(&striped) else { continue };
            let extra_macs = macs(&striped).saturating_sub(whole_macs);
            let stripes = Stripes {
                stripes,
                operators: stage.layers(),
                last_operator: stage.last_layer(graph).to_string(),
                whole_ram_bytes,
                extra_macs,
                extra_macs_percent: 100.0 * extra_macs as f64 / whole_macs.max(1) as f64,
            };
            candidates.push(Candidate { stage: stage.clone(), ram_bytes, stripes });
        }
    }
    candidates.retain(|candidate| candidate.ram_bytes < whole_ram_bytes);
    candidates.sort_by_key(|candidate| (candidate.stripes.extra_macs, candidate.ram_bytes));
    candidates
}

#[cfg(test)]
mod tests {
    use sextant_runtime::graph::{Activation, DataType, GraphBuilder, Op, Padding, Quantization, WeightData};

    use super::*;

    /// Three convolutions of 3x3 with 8, 16 and 8 channels, the first with stride 2, and the mean of the last.
    fn encode() -> Graph {
        let mut b = GraphBuilder::new("encode");
        let image = b.input("image", &[64, 64, 3], DataType::U8);
        let scale = Quantization { scale: 0.02, zero_point: -128 };
        let op = Op::QuantizeImage { mean: [0.5; 3], std: [0.25; 3], rows: None };
        let mut map = b.quantized_node("image8", op, &[image], scale).unwrap();
        for (name, channels, stride) in [("first", 8, 2), ("second", 16, 1), ("third", 8, 2)] {
            let shape = [channels, 3, 3, b.shape(map)[2]];
            let values = (0..shape.iter().product::<usize>()).map(|i| (i * 89 % 251) as u8 as i8).collect();
            let data = WeightData::I8 { values, multipliers: vec![1 << 29; channels], shift: 5 };
            let weight = b.constant(&format!("{name}.weight"), &shape, data).unwrap();
            let bias = WeightData::I32(vec![9; channels]);
            let bias = b.constant(&format!("{name}.bias"), &[channels], bias).unwrap();
            let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
            let activation = Activation::Relu;
            let op = Op::Conv2d { weight, bias, stride: [stride; 2], padding, groups: 1, activation };
            map = b.quantized_node(name, op, &[map], scale).unwrap();
        }
        let mean = b.node("mean", Op::GlobalAveragePool, &[map]).unwrap();
        let real = b.node("real", Op::Dequantize, &[mean]).unwrap();
        b.output("mean", real);
        b.finish()
    }

    fn fitted(ram: usize, flash: Option<usize>) -> (Vec<u8>, BudgetReport) {
        let write = |graph: &Graph| Ok(model::write(&Default::default(), std::slice::from_ref(graph)).unwrap());
        fit(Path::new("model.sxt"), &encode(), Budget { ram: Some(ram), flash }, &write).unwrap()
    }

    #[test]
    fn stripes_are_taken_only_where_memory_asks_and_the_cheapest_that_fit() {
        let whole = model::planned_arena_bytes(&encode()).unwrap();
        assert_eq!(fitted(whole, None).1.stripes, None);
        let mut before = 0;
        for share in [10, 7, 5, 4] {
            let (file, report) = fitted(whole * share / 10 - 1, None);
            assert_eq!(report.failure_message(), None, "{share}");
            let stripes = report.stripes.unwrap();
            assert!(report.size.ram_bytes < whole * share / 10 && file.len() == report.size.flash_bytes);
            assert!(stripes.extra_macs >= before && stripes.whole_ram_bytes == whole, "{stripes:?}");
            before = stripes.extra_macs;
        }
        assert!(before > 0);
    }

    #[test]
    fn what_cannot_fit_says_how_far_stripes_go() {
        let (file, report) = fitted(1000, None);
        let smallest = report.smallest_in_stripes.unwrap();
        assert_eq!((report.stripes.as_ref(), file.len()), (None, report.size.flash_bytes));
        let message = report.failure_message().unwrap();
        let end = format!(
            "; in stripes at least {} bytes of memory, with {} of flash",
            smallest.ram_bytes, smallest.flash_bytes
        );
        assert!(message.ends_with(&end), "{message}");
        // What has room for the memory of stripes has none for their nodes in the file.
        let (_, report) = fitted(smallest.ram_bytes, Some(file.len()));
        assert_eq!((report.stripes.as_ref(), report.smallest_in_stripes), (None, Some(smallest)));
        assert_eq!(fitted(smallest.ram_bytes, Some(smallest.flash_bytes)).1.size, smallest);
    }
}
