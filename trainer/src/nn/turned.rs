//! Vectors of three numbers times a rotation's matrix, in the trainer and in the deployed graph.

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{Activation, GraphBuilder, Op, Padding, ValueId};

/// Each row as vectors of three numbers, each vector times the row's matrix.
///
/// # Shapes
/// `vectors` is `[n, 3 m]`, `matrices` is `[n, 9]`, rows first; the result is `[n, 3 m]`.
///
/// # Errors
/// When shapes differ.
pub fn turned(vectors: &Tensor, matrices: &Tensor) -> Result<Tensor> {
    let (n, width) = vectors.dims2()?;
    let product = vectors.reshape((n, width / 3, 3))?.matmul(&matrices.reshape((n, 3, 3))?)?;
    product.reshape((n, width))
}

/// Appends the same as constant copies and sums: of each vector the nine `v_i`, of the matrix the nine `R_ij` for each
/// vector, their products, and the sums over `i`.
///
/// # Errors
/// When a value does not fit.
pub fn lower_turned(
    graph: &mut GraphBuilder,
    name: &str,
    vectors: ValueId,
    matrix: ValueId,
) -> anyhow::Result<ValueId> {
    let width: usize = graph.shape(vectors).iter().product();
    let count = width / 3;
    let as_map = |channels: usize| Op::Reshape { shape: [count as u32, 1, channels as u32, 0] };
    let map = graph.node(&format!("{name}.vectors"), as_map(3), &[vectors])?;
    let numbers = lower_copies(graph, &format!("{name}.numbers"), map, [9, 3], |entry, number| entry / 3 == number)?;

    let copies = (0..9 * count * 9).map(|at| f32::from(u8::from(at / 9 % 9 == at % 9))).collect();
    let weight = graph.weight(&format!("{name}.matrices.weight"), &[9 * count, 9], copies)?;
    let bias = graph.weight(&format!("{name}.matrices.bias"), &[9 * count], vec![0.0; 9 * count])?;
    let copy = Op::Linear { weight, bias, activation: Activation::Identity };
    let matrices = graph.node(&format!("{name}.matrices"), copy, &[matrix])?;
    let matrices = graph.node(&format!("{name}.matrix_map"), as_map(9), &[matrices])?;

    let product = Op::Mul { activation: Activation::Identity };
    let products = graph.node(&format!("{name}.products"), product, &[numbers, matrices])?;
    let sums = lower_copies(graph, &format!("{name}.sums"), products, [3, 9], |number, entry| entry % 3 == number)?;
    Ok(graph.node(name, Op::Reshape { shape: [width as u32, 0, 0, 0] }, &[sums])?)
}

/// A convolution that makes each of `to` channels the sum of those of `from` that belong to it.
fn lower_copies(
    graph: &mut GraphBuilder,
    name: &str,
    x: ValueId,
    [to, from]: [usize; 2],
    belongs: impl Fn(usize, usize) -> bool,
) -> anyhow::Result<ValueId> {
    let ones = (0..to * from).map(|at| f32::from(u8::from(belongs(at / from, at % from)))).collect();
    let weight = graph.weight(&format!("{name}.weight"), &[to, 1, 1, from], ones)?;
    let bias = graph.weight(&format!("{name}.bias"), &[to], vec![0.0; to])?;
    let (padding, activation) = (Padding::default(), Activation::Identity);
    Ok(graph.node(name, Op::Conv2d { weight, bias, stride: [1; 2], padding, groups: 1, activation }, &[x])?)
}
