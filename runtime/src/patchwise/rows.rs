//! Which rows a stripe is made of.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::Stage;
use crate::graph::{Graph, GraphOperands, Node};
use crate::model::SECTION_ALIGNMENT_BYTES;
use crate::operators::Rows;

/// Rows `0..h` of an int8 map `[h, w, c]` in that many parts of about one size, each of which begins where the memory plan
/// can place a value of its own: otherwise it would have to be copied there.
pub(super) fn split(shape: &[usize], parts: usize) -> Option<Vec<Range<usize>>> {
    let &[height, width, channels] = shape else { return None };
    let step = (1..=SECTION_ALIGNMENT_BYTES).find(|rows| (rows * width * channels) % SECTION_ALIGNMENT_BYTES == 0)?;
    let steps = height.div_ceil(step);
    let start = |part: usize| (part * steps / parts * step).min(height);
    (2..=steps).contains(&parts).then(|| (0..parts).map(|part| start(part)..start(part + 1)).collect())
}

/// The rows of each value of a stage that one stripe needs; `None` when it would have to need none.
pub(super) fn needed(graph: &Graph, stage: &Stage, stripe: &Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut needed: Vec<Range<usize>> = vec![0..0; graph.values.len()];
    needed[stage.map.0 as usize] = stripe.clone();
    for node in stage.nodes.iter().rev().map(|index| &graph.nodes[*index]) {
        let made = needed[node.output.0 as usize].clone();
        for input in &node.inputs {
            let read = Reading::of(graph, node, &made)?.rows;
            let other = needed[input.0 as usize].clone();
            needed[input.0 as usize] = match other.is_empty() {
                true => read,
                false => other.start.min(read.start)..other.end.max(read.end),
            };
        }
    }
    Some(needed)
}

/// What a node reads to make some rows of its result.
pub(super) struct Reading {
    /// Of each map that it reads.
    pub rows: Range<usize>,
    /// Of its window above and below them.
    pub padding: [u16; 2],
}

impl Reading {
    /// `None` when the window lies beside the map.
    pub fn of(graph: &Graph, node: &Node, made: &Range<usize>) -> Option<Self> {
        let (kernel, step, top) = match node.op.rows(&GraphOperands::of(graph, node)) {
            Rows::Window { kernel, step, padding_top } => (kernel, step, padding_top),
            Rows::Same => return Some(Self { rows: made.clone(), padding: [0, 0] }),
            Rows::All => return None,
        };
        let height = *graph.value(*node.inputs.first()?).shape.first()?;
        // Counted from the top of the padding.
        let (first, end) = (made.start * step, made.end.checked_sub(1)? * step + kernel);
        let rows = first.saturating_sub(top)..end.saturating_sub(top).min(height);
        let above = u16::try_from(top.saturating_sub(first)).ok()?;
        let below = u16::try_from(end.saturating_sub(top + height)).ok()?;
        (!rows.is_empty()).then_some(Self { rows, padding: [above, below] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_begin_where_values_can_stand() {
        assert_eq!(split(&[24, 24, 16], 3), Some(vec![0..8, 8..16, 16..24]));
        assert_eq!(split(&[7, 4, 4], 3), Some(vec![0..2, 2..4, 4..7]));
        // Two rows of 24 bytes are three times 16.
        assert_eq!(split(&[7, 3, 8], 3), Some(vec![0..2, 2..4, 4..7]));
        assert_eq!(split(&[7, 3, 8], 4), Some(vec![0..2, 2..4, 4..6, 6..7]));
        for (shape, parts) in [(&[7, 3, 8][..], 5), (&[7, 3, 8], 1), (&[7, 3, 8], 0), (&[40, 1, 1], 4), (&[64], 2)] {
            assert_eq!(split(shape, parts), None, "{shape:?}");
        }
    }
}
