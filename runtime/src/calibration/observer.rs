use super::range::{Calibration, Histogram};
use super::{CalibrationError, Images};
use crate::graph::{DataType, Graph, Op, Quantization, ValueId};
use crate::memory::AlignedVec;
use crate::model::{self, MAX_GRAPH_OUTPUTS, Model};
use crate::session::{Input, Prepared, Session};

/// What the values of a float32 graph look like on some images.
#[derive(Clone, Debug)]
pub struct Observer {
    quantizations: Vec<Option<Quantization>>,
    /// Mean of each channel, in the order of values.
    channel_means: Vec<Vec<f64>>,
}

impl Observer {
    /// Runs the images twice: for the ranges, then for the distributions within them.
    ///
    /// # Errors
    /// When the engine refuses the graph, or the images are not what it takes.
    pub fn watch(graph: &Graph, images: Images<'_>, calibration: Calibration) -> Result<Self, CalibrationError> {
        let mut ranges = vec![(0.0f32, 0.0f32); graph.values.len()];
        let mut sums: Vec<Vec<f64>> = graph.values.iter().map(|value| vec![0.0; channels(&value.shape)]).collect();
        let mut counts = vec![0usize; graph.values.len()];
        for_each_value(graph, images, |id, values| {
            let (low, high) = &mut ranges[id];
            let sums = &mut sums[id];
            for pixel in values.chunks_exact(sums.len()) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += f64::from(*value);
                    *low = low.min(*value);
                    *high = high.max(*value);
                }
            }
            counts[id] += values.len() / sums.len();
        })?;
        let mut histograms: Vec<Histogram> = ranges.iter().map(|(low, high)| Histogram::new(*low, *high)).collect();
        for_each_value(graph, images, |id, values| values.iter().for_each(|value| histograms[id].add(*value)))?;
        let quantization = |(id, histogram): (usize, &Histogram)| {
            let normalized = graph.nodes.iter().any(|node| node.output.0 as usize == id && is_image(&node.op));
            // Every shade of an image counts.
            let calibration = if normalized { Calibration::MinMax } else { calibration };
            (counts[id] > 0).then(|| histogram.quantization(calibration))
        };
        let means = |(id, sums): (usize, &Vec<f64>)| sums.iter().map(|sum| sum / counts[id].max(1) as f64).collect();
        Ok(Self {
            quantizations: histograms.iter().enumerate().map(quantization).collect(),
            channel_means: sums.iter().enumerate().map(means).collect(),
        })
    }

    /// Scale and zero point that suit a value.
    pub fn quantization(&self, id: ValueId) -> Quantization {
        let unused = Quantization { scale: 1.0, zero_point: 0 };
        self.quantizations.get(id.0 as usize).copied().flatten().unwrap_or(unused)
    }

    /// Mean of each channel of a value.
    pub fn channel_means(&self, id: ValueId) -> &[f64] {
        &self.channel_means[id.0 as usize]
    }
}

fn is_image(op: &Op) -> bool {
    matches!(op, Op::Normalize { .. })
}

fn channels(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1).max(1)
}

/// Gives every float32 value of every image to `see`, by its index.
///
/// # Errors
/// As [`Observer::watch`].
pub fn for_each_value(
    graph: &Graph,
    images: Images<'_>,
    mut see: impl FnMut(usize, &[f32]),
) -> Result<(), CalibrationError> {
    let real = |id: &usize| graph.values[*id].data_type == DataType::F32;
    let made: Vec<usize> = graph.nodes.iter().map(|node| node.output.0 as usize).filter(real).collect();
    // A graph has a limited number of outputs: large ones are run in parts.
    for part in made.chunks(MAX_GRAPH_OUTPUTS) {
        let mut watched = graph.clone();
        watched.outputs = part.iter().map(|id| (format!("value{id}"), ValueId(*id as u32))).collect();
        for_each_output(&watched, images, |position, values| see(part[position], values))?;
    }
    Ok(())
}

/// Gives every output of every image to `see`, by its position.
///
/// # Errors
/// As [`Observer::watch`].
pub fn for_each_output(
    graph: &Graph,
    images: Images<'_>,
    mut see: impl FnMut(usize, &[f32]),
) -> Result<(), CalibrationError> {
    let bytes = model::write(&Default::default(), std::slice::from_ref(graph)).map_err(CalibrationError::Write)?;
    let bytes = AlignedVec::copy_of(&bytes);
    let model = Model::parse(&bytes).map_err(CalibrationError::Model)?;
    let arena_bytes = model.graph(&graph.name).map_or(0, |view| view.arena_bytes());
    let mut arena = AlignedVec::zeroed(arena_bytes);
    let mut prepared = Prepared::new(&model, &graph.name).map_err(CalibrationError::Session)?;
    let session = Session::with_prepared(&model, &graph.name, &mut arena, &mut prepared);
    let mut session = session.map_err(CalibrationError::Session)?;
    let elements = |(_, id): &(String, ValueId)| graph.value(*id).shape.iter().product();
    let mut outputs: Vec<Vec<f32>> = graph.outputs.iter().map(|output| vec![0.0; elements(output)]).collect();
    for image in images.iter() {
        let mut places: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        session.run(&[Input::U8(image)], &mut places).map_err(CalibrationError::Run)?;
        outputs.iter().enumerate().for_each(|(position, values)| see(position, values));
    }
    Ok(())
}
