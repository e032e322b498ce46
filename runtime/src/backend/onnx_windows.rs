//! Windows that lie in padding alone: tract gathers them from beyond its memory (0.23.9, `im2col`).

use std::format;
use std::string::String;
use std::vec::Vec;

use tract_onnx::pb::{GraphProto, NodeProto};

use super::onnx_constants::title;

/// Checks that no convolution or pooling is padded by as much as its window is wide.
///
/// # Errors
/// The reason, for people.
pub(super) fn check(graph: &GraphProto) -> Result<(), String> {
    let is_windowed = |node: &&NodeProto| matches!(node.op_type.as_str(), "Conv" | "MaxPool" | "AveragePool");
    match graph.node.iter().filter(is_windowed).find(|node| is_all_padding(graph, node)) {
        None => Ok(()),
        Some(node) => {
            Err(format!("{} is padded by as much as its window is wide, which is not supported", title(node)))
        }
    }
}

fn is_all_padding(graph: &GraphProto, node: &NodeProto) -> bool {
    let kernel = numbers(node, "kernel_shape").unwrap_or_else(|| filter_extents(graph, node));
    let (pads, dilations) = (numbers(node, "pads").unwrap_or_default(), numbers(node, "dilations").unwrap_or_default());
    let axes = kernel.len().max(1);
    pads.iter().enumerate().any(|(place, pad)| {
        let axis = place % axes;
        let (extent, dilation) = (kernel.get(axis).unwrap_or(&1), dilations.get(axis).unwrap_or(&1));
        *pad > extent.saturating_sub(1).saturating_mul(*dilation)
    })
}

fn numbers(node: &NodeProto, name: &str) -> Option<Vec<i64>> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.ints.clone())
}

/// The extents of a convolution's filters, which say the window where no attribute does.
fn filter_extents(graph: &GraphProto, node: &NodeProto) -> Vec<i64> {
    let filter = graph.initializer.iter().find(|tensor| node.input.get(1) == Some(&tensor.name));
    filter.map_or_else(Vec::new, |tensor| tensor.dims.iter().skip(2).copied().collect())
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::AttributeProto;

    use super::*;

    #[test]
    fn windows_of_padding_alone_are_refused() {
        struct Case<'a> {
            op: &'a str,
            kernel: &'a [i64],
            pads: &'a [i64],
            dilations: &'a [i64],
            fits: bool,
        }
        let cases = [
            Case { op: "Conv", kernel: &[3, 3], pads: &[1, 1, 1, 1], dilations: &[1, 1], fits: true },
            Case { op: "Conv", kernel: &[3, 3], pads: &[2, 2, 2, 2], dilations: &[1, 1], fits: true },
            Case { op: "Conv", kernel: &[3, 3], pads: &[4, 4, 4, 4], dilations: &[2, 2], fits: true },
            Case { op: "Conv", kernel: &[3, 3], pads: &[1, 1, 1, 3], dilations: &[1, 1], fits: false },
            Case { op: "MaxPool", kernel: &[1, 1], pads: &[1, 0, 0, 0], dilations: &[], fits: false },
            Case { op: "Relu", kernel: &[1, 1], pads: &[9, 9, 9, 9], dilations: &[], fits: true },
        ];
        for Case { op, kernel, pads, dilations, fits } in cases {
            let attribute = |name: &str, ints: &[i64]| AttributeProto {
                name: name.into(),
                ints: ints.to_vec(),
                ..AttributeProto::default()
            };
            let node = NodeProto {
                op_type: op.into(),
                attribute: std::vec![
                    attribute("kernel_shape", kernel),
                    attribute("pads", pads),
                    attribute("dilations", dilations)
                ],
                ..NodeProto::default()
            };
            let graph = GraphProto { node: std::vec![node], ..GraphProto::default() };
            assert_eq!(check(&graph).is_ok(), fits, "{op} {kernel:?} {pads:?} {dilations:?}");
        }
    }
}
