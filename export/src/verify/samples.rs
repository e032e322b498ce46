use sextant_runtime::graph::{DataType, Graph};

use crate::golden::{Golden, GoldenOutput};

/// What a network is given: one entry per input, all samples one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples {
    pub count: usize,
    pub inputs: Vec<InputValues>,
}

/// All samples of one input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InputValues {
    Bytes(Vec<u8>),
    Floats(Vec<f32>),
}

/// What a network must answer.
pub(crate) type Expected = Vec<GoldenOutput>;

impl Samples {
    /// The golden images.
    pub fn from_golden(golden: &Golden) -> Self {
        Self { count: golden.samples, inputs: vec![InputValues::Bytes(golden.images.clone())] }
    }

    /// The first `count` samples of a graph's inputs, or all when there are fewer.
    pub fn first(&self, count: usize, graph: &Graph) -> Self {
        self.range(0, count.min(self.count), graph)
    }

    /// One sample of a graph's inputs.
    pub fn only(&self, sample: usize, graph: &Graph) -> Self {
        self.range(sample, 1, graph)
    }

    fn range(&self, start: usize, count: usize, graph: &Graph) -> Self {
        let widths = graph.inputs.iter().map(|id| graph.value(*id).shape.iter().product::<usize>());
        let inputs = self.inputs.iter().zip(widths).map(|(values, width)| values.batch(start, count, width));
        Self { count, inputs: inputs.collect() }
    }

    /// Evenly spread values for a graph that has no golden vectors: floats in [-1, 1), bytes in [0, 255].
    pub fn spread(graph: &Graph, count: usize) -> Self {
        // Multiples of the golden ratio modulo 1 fill the interval evenly.
        let fraction = |i: usize| (i as f64 * 0.618_033_988_749_895).fract();
        let input = |value: &sextant_runtime::graph::ValueInfo| {
            let indices = 1..=count * value.shape.iter().product::<usize>();
            match value.data_type {
                DataType::U8 => InputValues::Bytes(indices.map(|i| (256.0 * fraction(i)) as u8).collect()),
                _ => InputValues::Floats(indices.map(|i| (2.0 * fraction(i) - 1.0) as f32).collect()),
            }
        };
        Self { count, inputs: graph.inputs.iter().map(|id| input(graph.value(*id))).collect() }
    }
}

impl InputValues {
    /// Samples `start..start + count`; beyond the last one, sample 0 fills up. `width` values make a sample.
    pub fn batch(&self, start: usize, count: usize, width: usize) -> Self {
        match self {
            Self::Bytes(values) => Self::Bytes(filled_batch(values, start, count, width)),
            Self::Floats(values) => Self::Floats(filled_batch(values, start, count, width)),
        }
    }
}

fn filled_batch<T: Copy>(values: &[T], start: usize, count: usize, width: usize) -> Vec<T> {
    let sample = |i: usize| values.get(i * width..(i + 1) * width).unwrap_or(&values[..width]);
    (start..start + count).flat_map(sample).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_batch_is_filled_up() {
        let values = InputValues::Bytes(vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(values.batch(1, 1, 2), InputValues::Bytes(vec![3, 4]));
        assert_eq!(values.batch(2, 3, 2), InputValues::Bytes(vec![5, 6, 1, 2, 1, 2]));
    }
}
