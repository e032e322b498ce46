//! What a model in tract will take, from the shapes of its values.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{TypedOp, format_err};
use tract_onnx::tract_core::ops::cnn::Conv;

use super::Cost;

/// Memory of the values that are needed at the same time, at its largest, and products and elements that are computed.
pub(super) fn of(model: &TypedModel) -> TractResult<Cost> {
    let order = model.eval_order()?;
    let mut step_of = std::vec![0; model.nodes().len()];
    order.iter().enumerate().for_each(|(step, node)| step_of[*node] = step);
    // Values that are dropped after each step.
    let mut dropped: Vec<Vec<u64>> = std::vec![Vec::new(); order.len()];
    let (mut live, mut peak, mut operations) = (0u64, 0u64, 0u64);
    let results = model.output_outlets()?.to_vec();
    for (step, id) in order.iter().enumerate() {
        let node = model.node(*id);
        for (slot, output) in node.outputs.iter().enumerate() {
            let count = elements(&output.fact)?;
            let bytes = count.saturating_mul(output.fact.datum_type.size_of() as u64);
            live = live.saturating_add(bytes);
            operations = operations.saturating_add(count);
            let is_result = results.contains(&OutletId::new(*id, slot));
            let last = output.successors.iter().map(|inlet| step_of[inlet.node]).max().unwrap_or(step);
            if !is_result {
                dropped[last.max(step)].push(bytes);
            }
        }
        let inputs = model.node_input_facts(*id)?;
        peak = peak.max(live.saturating_add(windows_bytes(node.op.as_ref(), &inputs, &node.outputs[0].fact)?));
        let products = node.op.cost(&inputs)?;
        for (_, count) in products.iter().filter(|(cost, _)| cost.is_compute()) {
            operations = operations.saturating_add(number(count)?);
        }
        live = dropped[step].iter().fold(live, |live, bytes| live.saturating_sub(*bytes));
    }
    Ok(Cost { memory_bytes: peak, arena_bytes: 0, operations })
}

/// A convolution gathers its windows before it multiplies.
fn windows_bytes(op: &dyn TypedOp, inputs: &[&TypedFact], output: &TypedFact) -> TractResult<u64> {
    let Some(convolution) = op.downcast_ref::<Conv>() else { return Ok(0) };
    let filters = elements(inputs[1])?;
    let places = elements(output)? / (convolution.output_channels().max(1) as u64);
    let groups = convolution.group.max(1) as u64;
    let taps = filters / (convolution.output_channels().max(1) as u64) * groups;
    Ok(places.saturating_mul(taps).saturating_mul(inputs[0].datum_type.size_of() as u64))
}

/// tract's own product of extents wraps.
fn elements(fact: &TypedFact) -> TractResult<u64> {
    fact.shape.iter().try_fold(1u64, |count, extent| Ok(count.saturating_mul(number(extent)?)))
}

/// A size, which must not depend on what an image shows. One beyond 64 bits is beyond all limits.
fn number(size: &TDim) -> TractResult<u64> {
    let size =
        size.to_i64().map_err(|_| format_err!("the size {size} of a value is not known before it is computed"))?;
    Ok(u64::try_from(size).unwrap_or(u64::MAX))
}
