use serde::Serialize;
use sextant_runtime::graph::{DataType, Graph, GraphBuilder, Op, ValueId};
use sextant_runtime::rotation::UnitQuaternion;

use super::observer::{run_all, run_outputs};
use super::{Images, QuantizeError};

const ROTATION: &str = "rotation_wxyz";
const CLASSES: &str = "class_logits";

/// How far the outputs of one graph are from another's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// Of all outputs together, in decibels.
    pub signal_to_noise_db: f64,
    /// Median angle between the rotations, if the graph gives one.
    pub rotation_median_deg: Option<f64>,
    /// Largest angle.
    pub rotation_largest_deg: Option<f64>,
    /// Images whose likeliest class is another, in percent, if the graph names classes.
    pub class_changes_percent: Option<f64>,
}

/// What one layer costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerReport {
    /// The node.
    pub name: String,
    /// Of its result in the int8 graph, with the noise of all layers before it; `None` when nothing is lost.
    pub signal_to_noise_db: Option<f64>,
    /// Median angle of the rotation when only this layer is int8.
    pub rotation_drift_deg: Option<f64>,
}

/// How far `other`'s outputs are from `graph`'s.
pub(super) fn drift(graph: &Graph, other: &Graph, images: Images<'_>) -> Result<Drift, QuantizeError> {
    let (expected, found) = (outputs(graph, images)?, outputs(other, images)?);
    let mut noise = Noise::default();
    expected.iter().zip(&found).for_each(|(a, b)| noise.add(a, b));
    let position = |name: &str| graph.outputs.iter().position(|(output, _)| output == name);
    let angles = position(ROTATION).map(|index| rotation_angles_deg(&expected[index], &found[index]));
    let changes = position(CLASSES).map(|index| {
        let width = graph.value(graph.outputs[index].1).shape.iter().product::<usize>().max(1);
        let rows = expected[index].chunks_exact(width).zip(found[index].chunks_exact(width));
        let changed = rows.filter(|(a, b)| likeliest(a) != likeliest(b)).count();
        100.0 * changed as f64 / images.count as f64
    });
    Ok(Drift {
        signal_to_noise_db: noise.decibels().unwrap_or(f64::MAX),
        rotation_median_deg: angles.as_ref().map(|angles| angles[angles.len() / 2]),
        rotation_largest_deg: angles.as_ref().and_then(|angles| angles.last().copied()),
        class_changes_percent: changes,
    })
}

/// All images' values of each output.
fn outputs(graph: &Graph, images: Images<'_>) -> Result<Vec<Vec<f32>>, QuantizeError> {
    let mut collected = vec![vec![]; graph.outputs.len()];
    run_outputs(graph, images, |position, values| collected[position].extend_from_slice(values))?;
    Ok(collected)
}

/// In ascending order.
fn rotation_angles_deg(expected: &[f32], found: &[f32]) -> Vec<f64> {
    let (expected, found) = (expected.as_chunks::<4>().0, found.as_chunks::<4>().0);
    let angle = |(a, b): (&[f32; 4], &[f32; 4])| match (UnitQuaternion::from_wxyz(*a), UnitQuaternion::from_wxyz(*b)) {
        (Some(a), Some(b)) => f64::from(a.geodesic_angle_rad(b).to_degrees()),
        _ => 180.0,
    };
    let mut angles: Vec<f64> = expected.iter().zip(found).map(angle).collect();
    angles.sort_by(f64::total_cmp);
    angles
}

fn likeliest(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]))
}

/// Signal-to-noise ratio of each int8 value that stands for a value of the float32 graph, by name.
pub(super) fn noise_by_value(
    float: &Graph,
    quantized: &Graph,
    images: Images<'_>,
) -> Result<Vec<(String, f64)>, QuantizeError> {
    let (revealed, numbers) = reveal(quantized)?;
    let expected = all_values(float, images)?;
    let found = all_values(&revealed, images)?;
    let mut ratios = vec![];
    for (name, real) in numbers {
        let Some(id) = float.values.iter().position(|value| value.name == name) else { continue };
        let mut noise = Noise::default();
        noise.add(&expected[id], &found[real]);
        if let Some(decibels) = noise.decibels() {
            ratios.push((name, decibels));
        }
    }
    Ok(ratios)
}

/// The graph with every int8 value also as float32: names of the int8 values, and indices of the float32 ones.
fn reveal(graph: &Graph) -> Result<(Graph, Vec<(String, usize)>), QuantizeError> {
    let mut builder = GraphBuilder::new(&graph.name);
    let mut values: Vec<Option<ValueId>> = vec![None; graph.values.len()];
    for id in &graph.inputs {
        let value = graph.value(*id);
        values[id.0 as usize] = Some(builder.input(&value.name, &value.shape, value.data_type));
    }
    for weight in &graph.weights {
        builder.constant(&weight.name, &weight.shape, weight.data.clone())?;
    }
    let mut revealed = vec![];
    for node in &graph.nodes {
        let inputs: Vec<ValueId> = node.inputs.iter().filter_map(|id| values[id.0 as usize]).collect();
        let value = graph.value(node.output);
        let made = match value.quantization {
            Some(to) => builder.quantized_node(&node.name, node.op, &inputs, to)?,
            None => builder.node(&node.name, node.op, &inputs)?,
        };
        values[node.output.0 as usize] = Some(made);
        if value.data_type == DataType::I8 {
            let real = builder.node(&format!("{}/revealed", value.name), Op::Dequantize, &[made])?;
            revealed.push((value.name.clone(), real.0 as usize));
        }
    }
    Ok((builder.finish(), revealed))
}

fn all_values(graph: &Graph, images: Images<'_>) -> Result<Vec<Vec<f32>>, QuantizeError> {
    let mut collected = vec![vec![]; graph.values.len()];
    run_all(graph, images, |id, values| collected[id].extend_from_slice(values))?;
    Ok(collected)
}

#[derive(Default)]
struct Noise {
    signal: f64,
    noise: f64,
}

impl Noise {
    fn add(&mut self, expected: &[f32], found: &[f32]) {
        for (expected, found) in expected.iter().zip(found) {
            let (expected, found) = (f64::from(*expected), f64::from(*found));
            self.signal += expected * expected;
            self.noise += (expected - found) * (expected - found);
        }
    }

    /// `None` when there is no noise.
    fn decibels(&self) -> Option<f64> {
        (self.noise > 0.0).then(|| 10.0 * (self.signal.max(f64::MIN_POSITIVE) / self.noise).log10())
    }
}
