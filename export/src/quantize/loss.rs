use std::collections::BTreeMap;

use serde::Serialize;
use sextant_runtime::calibration::{for_each_output, for_each_value};
use sextant_runtime::contract::output::{CLASS_LOGITS, ROTATION_WXYZ, transformation};
use sextant_runtime::graph::Graph;
use sextant_runtime::rotation::UnitQuaternion;

use super::reveal::{Revealed, reveal};
use super::{Images, QuantizeError};

/// How far the outputs of one graph are from another's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// Of all outputs together, in decibels.
    pub signal_to_noise_db: f64,
    /// Median angle between the rotations, if the graph gives one.
    pub rotation_median_deg: Option<f64>,
    /// Largest angle.
    pub rotation_largest_deg: Option<f64>,
    /// Images whose likeliest class is another, in percent, if the graph names classes.
    pub class_changes_percent: Option<f64>,
    /// The same of the classes of each transformation that the graph tells of.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub transformation_changes_percent: BTreeMap<String, f64>,
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
    let names = graph.outputs.iter().map(|(name, _)| name.as_str());
    let rows = names.zip(expected.iter().zip(&found)).map(|(name, (a, b))| (name, a.as_slice(), b.as_slice()));
    Ok(Drift::between(&rows.collect::<Vec<_>>(), images.count))
}

impl Drift {
    /// How far outputs are from those expected: name, expected and found values of `samples` images.
    pub(crate) fn between(outputs: &[(&str, &[f32], &[f32])], samples: usize) -> Self {
        let mut noise = Noise::default();
        outputs.iter().for_each(|(_, expected, found)| noise.add(expected, found));
        let of = |wanted: &str| outputs.iter().find(|(name, ..)| *name == wanted);
        let angles = of(ROTATION_WXYZ).map(|(_, expected, found)| rotation_angles_deg(expected, found));
        let changes = |expected: &[f32], found: &[f32]| {
            let width = (expected.len() / samples.max(1)).max(1);
            let rows = expected.chunks_exact(width).zip(found.chunks_exact(width));
            let changed = rows.filter(|(a, b)| likeliest(a) != likeliest(b)).count();
            100.0 * changed as f64 / samples.max(1) as f64
        };
        let of_transformations = outputs.iter().filter_map(|(name, expected, found)| {
            transformation(name).map(|name| (name.to_string(), changes(expected, found)))
        });
        Self {
            signal_to_noise_db: noise.decibels().unwrap_or(f64::MAX),
            rotation_median_deg: angles.as_ref().and_then(|angles| angles.get(angles.len() / 2).copied()),
            rotation_largest_deg: angles.as_ref().and_then(|angles| angles.last().copied()),
            class_changes_percent: of(CLASS_LOGITS).map(|(_, expected, found)| changes(expected, found)),
            transformation_changes_percent: of_transformations.collect(),
        }
    }
}

/// All images' values of each output.
fn outputs(graph: &Graph, images: Images<'_>) -> Result<Vec<Vec<f32>>, QuantizeError> {
    let mut collected = vec![vec![]; graph.outputs.len()];
    for_each_output(graph, images, |position, values| collected[position].extend_from_slice(values))?;
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
    for Revealed { int8, real } in numbers {
        let name = quantized.value(int8).name.clone();
        let Some(id) = float.values.iter().position(|value| value.name == name) else { continue };
        let mut noise = Noise::default();
        noise.add(&expected[id], &found[real.0 as usize]);
        if let Some(decibels) = noise.decibels() {
            ratios.push((name, decibels));
        }
    }
    Ok(ratios)
}

fn all_values(graph: &Graph, images: Images<'_>) -> Result<Vec<Vec<f32>>, QuantizeError> {
    let mut collected = vec![vec![]; graph.values.len()];
    for_each_value(graph, images, |id, values| collected[id].extend_from_slice(values))?;
    Ok(collected)
}

/// Power of a signal and of what was added to it.
#[derive(Default)]
pub(crate) struct Noise {
    signal: f64,
    noise: f64,
}

impl Noise {
    pub fn add(&mut self, expected: &[f32], found: &[f32]) {
        for (expected, found) in expected.iter().zip(found) {
            let (expected, found) = (f64::from(*expected), f64::from(*found));
            self.signal += expected * expected;
            self.noise += (expected - found) * (expected - found);
        }
    }

    /// `None` when there is no noise.
    pub fn decibels(&self) -> Option<f64> {
        (self.noise > 0.0).then(|| 10.0 * (self.signal.max(f64::MIN_POSITIVE) / self.noise).log10())
    }
}
