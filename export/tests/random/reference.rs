//! Every operator as its definition says, one sample at a time, in double precision.

use sextant_runtime::graph::{Activation, Graph, Node, Op, Padding, ValueId, WeightId};
use sextant_runtime::rotation::unique_nearest_rotation;

/// The graph's outputs, in its order, for one sample of each input.
pub fn evaluate(graph: &Graph, inputs: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let graph = &graph.with_expanded_filters();
    let mut values: Vec<Vec<f64>> = vec![vec![]; graph.values.len()];
    for (id, input) in graph.inputs.iter().zip(inputs) {
        values[id.0 as usize] = input.iter().map(|v| f64::from(*v)).collect();
    }
    for node in &graph.nodes {
        values[node.output.0 as usize] = compute(graph, node, &values);
    }
    let narrowed = |id: &ValueId| values[id.0 as usize].iter().map(|v| *v as f32).collect();
    graph.outputs.iter().map(|(_, id)| narrowed(id)).collect()
}

fn compute(graph: &Graph, node: &Node, values: &[Vec<f64>]) -> Vec<f64> {
    let input = |i: usize| values[node.inputs[i].0 as usize].as_slice();
    let shape = |i: usize| graph.value(node.inputs[i]).shape.as_slice();
    match &node.op {
        Op::Normalize { mean, std } => {
            let normalized = |(i, v): (usize, &f64)| (v / 255.0 - f64::from(mean[i % 3])) / f64::from(std[i % 3]);
            input(0).iter().enumerate().map(normalized).collect()
        }
        Op::Conv2d { activation, .. } => activated(convolution(graph, node, input(0)), *activation),
        Op::Linear { weight, bias, activation } => {
            let rows = weight_of(graph, *weight).chunks(shape(0)[0]).map(<[f64]>::to_vec).collect::<Vec<_>>();
            let biases = weight_of(graph, *bias);
            activated(rows.iter().zip(&biases).map(|(row, b)| dot(row, input(0)) + b).collect(), *activation)
        }
        Op::Add { activation } => activated(input(0).iter().zip(input(1)).map(|(a, b)| a + b).collect(), *activation),
        Op::Relu => activated(input(0).to_vec(), Activation::Relu),
        Op::Reshape { .. } => input(0).to_vec(),
        Op::MaxPool2d { .. } => max_pool(graph, node, input(0)),
        Op::GlobalAveragePool => {
            let &[h, w, c] = shape(0) else { panic!("not a map") };
            (0..c).map(|k| input(0).iter().skip(k).step_by(c).sum::<f64>() / (h * w) as f64).collect()
        }
        Op::Slice { start, end } => {
            let channels = *shape(0).last().unwrap();
            input(0).chunks(channels).flat_map(|row| row[*start as usize..*end as usize].to_vec()).collect()
        }
        Op::Concat => {
            let channels: Vec<usize> = (0..node.inputs.len()).map(|i| *shape(i).last().unwrap()).collect();
            let rows = input(0).len() / channels[0];
            let row = |r| channels.iter().enumerate().flat_map(move |(i, c)| input(i)[r * c..(r + 1) * c].to_vec());
            (0..rows).flat_map(row).collect()
        }
        Op::SliceRows { start, end } => {
            let row = shape(0)[1..].iter().product::<usize>();
            input(0)[*start as usize * row..*end as usize * row].to_vec()
        }
        Op::ConcatRows => (0..node.inputs.len()).flat_map(|i| input(i).to_vec()).collect(),
        Op::ApplyPredictor { weight } => {
            let d = input(0).len();
            let products: Vec<f64> = weight_of(graph, *weight).chunks(d).map(|row| dot(row, input(0))).collect();
            (0..d).map(|i| input(1).iter().enumerate().map(|(k, c)| c * products[k * d + i]).sum()).collect()
        }
        Op::NearestRotation => {
            let nine: [f32; 9] = std::array::from_fn(|i| input(0)[i] as f32);
            let wxyz = unique_nearest_rotation(&nine).map_or([f32::NAN; 4], |rotation| rotation.wxyz());
            wxyz.iter().map(|v| f64::from(*v)).collect()
        }
        other => panic!("no reference for {other:?}"),
    }
}

fn convolution(graph: &Graph, node: &Node, input: &[f64]) -> Vec<f64> {
    let Op::Conv2d { weight, bias, stride, padding, groups, .. } = &node.op else { panic!() };
    let &[_, _, cin] = graph.value(node.inputs[0]).shape.as_slice() else { panic!() };
    let &[cout, kh, kw, group_cin] = graph.weight(*weight).shape.as_slice() else { panic!() };
    let (weights, biases) = (weight_of(graph, *weight), weight_of(graph, *bias));
    let cout_per_group = cout / *groups as usize;
    let windows = windows(graph, node, [kh, kw], *stride, *padding);
    let mut output = vec![];
    for window in windows {
        for o in 0..cout {
            let first = o / cout_per_group * group_cin;
            let at = |(place, tap): &(usize, usize)| {
                let pixel = &input[place * cin + first..][..group_cin];
                dot(pixel, &weights[(o * kh * kw + tap) * group_cin..][..group_cin])
            };
            output.push(biases[o] + window.iter().map(at).sum::<f64>());
        }
    }
    output
}

fn max_pool(graph: &Graph, node: &Node, input: &[f64]) -> Vec<f64> {
    let Op::MaxPool2d { kernel, stride, padding } = &node.op else { panic!() };
    let channels = *graph.value(node.inputs[0]).shape.last().unwrap();
    let windows = windows(graph, node, kernel.map(usize::from), *stride, *padding);
    let largest = |window: &Vec<(usize, usize)>, c: usize| {
        window.iter().map(|(place, _)| input[place * channels + c]).fold(f64::NEG_INFINITY, f64::max)
    };
    windows.iter().flat_map(|window| (0..channels).map(|c| largest(window, c)).collect::<Vec<_>>()).collect()
}

/// For each output position, the (pixel, tap) pairs of its window that lie on the map.
fn windows(
    graph: &Graph,
    node: &Node,
    kernel: [usize; 2],
    stride: [u16; 2],
    padding: Padding,
) -> Vec<Vec<(usize, usize)>> {
    let &[h, w, _] = graph.value(node.inputs[0]).shape.as_slice() else { panic!() };
    let &[oh, ow, _] = graph.value(node.output).shape.as_slice() else { panic!() };
    let [sy, sx] = stride.map(i64::from);
    let window = |oy: usize, ox: usize| {
        let mut places = vec![];
        for tap in 0..kernel[0] * kernel[1] {
            let y = oy as i64 * sy + (tap / kernel[1]) as i64 - i64::from(padding.top);
            let x = ox as i64 * sx + (tap % kernel[1]) as i64 - i64::from(padding.left);
            if (0..h as i64).contains(&y) && (0..w as i64).contains(&x) {
                places.push((y as usize * w + x as usize, tap));
            }
        }
        places
    };
    (0..oh * ow).map(|i| window(i / ow, i % ow)).collect()
}

fn weight_of(graph: &Graph, id: WeightId) -> Vec<f64> {
    graph.weight(id).floats().iter().map(|v| f64::from(*v)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn activated(values: Vec<f64>, activation: Activation) -> Vec<f64> {
    match activation {
        Activation::Relu => values.into_iter().map(|v| v.max(0.0)).collect(),
        _ => values,
    }
}
