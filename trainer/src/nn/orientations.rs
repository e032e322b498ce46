//! Views of maps over a group, whose channels stand orientation by orientation.

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, Op, Padding, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use crate::ops;

/// A map with its orientations side by side, `[n, h, w, G fields]` as `[n, h, w G, fields]`: what is done to each channel of
/// this view is done to each field, whatever its orientation. No number moves.
///
/// # Errors
/// When it is no map, or its channels are no whole fields.
pub(super) fn by_field(map: &Tensor, group: PlaneGroup) -> Result<Tensor> {
    let (n, height, width, channels) = map.dims4()?;
    ops::reshape(map, (n, height, width * group.order(), channels / group.order()))
}

/// What [`by_field`] makes, as a map again.
///
/// # Errors
/// When it is no such view.
pub(super) fn by_orientation(view: &Tensor, group: PlaneGroup) -> Result<Tensor> {
    let (n, height, width, fields) = view.dims4()?;
    ops::reshape(view, (n, height, width / group.order(), fields * group.order()))
}

/// The largest of the orientations of each field: `[n, h, w, G fields]` to `[n, h, w, fields]`, whose channels no motion
/// changes.
///
/// # Errors
/// As [`by_field`].
pub(super) fn largest_orientation(map: &Tensor, group: PlaneGroup) -> Result<Tensor> {
    let window = [1, group.order()];
    ops::max_pool2d(&by_field(map, group)?, window, window, [0, 0])
}

/// Appends what [`largest_orientation`] does.
///
/// # Errors
/// When the value is no map of whole fields.
pub(super) fn lower_largest_orientation(
    graph: &mut GraphBuilder,
    name: &str,
    map: ValueId,
    group: PlaneGroup,
) -> anyhow::Result<ValueId> {
    let &[height, width, channels] = graph.shape(map) else { anyhow::bail!("{name}: a map has three axes") };
    let shape = [height, width * group.order(), channels / group.order(), 0].map(|extent| extent as u32);
    let view = graph.node(&format!("{name}.by_field"), Op::Reshape { shape }, &[map])?;
    let window = [1, group.order() as u16];
    Ok(graph.node(name, Op::MaxPool2d { kernel: window, stride: window, padding: Padding::default() }, &[view])?)
}
