//! Which operands an operator takes, and what it makes of them.

use super::{
    Blend, DataType, Op, OperatorKind as Kind, Padding, Quantization, Ratio, Shape, ShapeError, WeightId, is_known,
    is_linked, rescale,
};

/// A value that a node reads.
#[derive(Clone, Copy)]
pub(crate) struct Operand {
    pub shape: Shape,
    pub data_type: DataType,
    pub quantization: Option<Quantization>,
}

/// A constant that a node reads.
#[derive(Clone, Copy)]
pub(crate) struct WeightInfo {
    pub shape: Shape,
    pub data_type: DataType,
    /// Output channels that it has multipliers for; 0 when it is not of eight bits.
    pub requantized_channels: usize,
}

/// What a node reads, wherever it is stored: in a [`super::GraphBuilder`] or in a model file.
pub(crate) trait Operands {
    fn input_count(&self) -> usize;
    fn input(&self, index: usize) -> Option<Operand>;
    fn weight(&self, id: WeightId) -> Option<WeightInfo>;
}

/// The shape and type of what `op`, which is one of the `OPERATORS`, makes of its operands.
pub(crate) fn infer<const OPERATORS: u64>(op: &Op, operands: &impl Operands) -> Result<(Shape, DataType), ShapeError> {
    let arity = match op {
        Op::Concat | Op::ConcatRows => operands.input_count().max(2),
        _ => op.input_count(),
    };
    if operands.input_count() != arity {
        return Err(ShapeError::Inputs);
    }
    let Operand { shape: first, data_type: reads, .. } = operands.input(0).ok_or(ShapeError::Inputs)?;
    let makes = result_type(op, reads).ok_or(ShapeError::InputType)?;
    for index in 1..operands.input_count() {
        if operands.input(index).ok_or(ShapeError::Inputs)?.data_type != reads {
            return Err(ShapeError::InputType);
        }
    }
    check_activation(op)?;
    let second = operands.input(1).map(|operand| operand.shape);
    let known = |kind| is_known(OPERATORS, kind);
    let shape = match op {
        Op::QuantizeImage { mean, std, rows: Some([start, end]) } if known(Kind::QuantizeRows) => {
            sliced_rows(normalized(first, mean, std)?, usize::from(*start), usize::from(*end))
        }
        Op::Normalize { mean, std } | Op::QuantizeImage { mean, std, rows: _ } => normalized(first, mean, std),
        Op::Conv2d { .. } if known(Kind::Conv2d) => convolved(op, first, reads, operands),
        Op::Linear { weight, bias, .. } if known(Kind::Linear) => {
            linear(first, reads, operands.weight(*weight), operands.weight(*bias))
        }
        Op::Add { .. } | Op::Mul { .. } if second != Some(first) => Err(ShapeError::Inputs),
        Op::Add { .. } | Op::Mul { .. } | Op::Relu | Op::Clamp { .. } | Op::Sigmoid | Op::Softmax => Ok(first),
        Op::Quantize | Op::Dequantize => Ok(first),
        Op::MaxPool2d { kernel, stride, padding } | Op::AveragePool2d { kernel, stride, padding }
            if known(Kind::MaxPool2d) || known(Kind::AveragePool2d) =>
        {
            pooled(first, kernel.map(usize::from), *stride, *padding)
        }
        Op::GlobalAveragePool if known(Kind::GlobalAveragePool) => {
            let &[_, _, channels] = first.extents() else { return Err(ShapeError::Inputs) };
            Shape::new(&[channels]).ok_or(ShapeError::Size)
        }
        Op::Slice { start, end } if known(Kind::Slice) => sliced(first, *start as usize, *end as usize),
        Op::Concat if known(Kind::Concat) => joined(first, operands),
        Op::SliceRows { start, end } if known(Kind::SliceRows) => sliced_rows(first, *start as usize, *end as usize),
        Op::ConcatRows if known(Kind::ConcatRows) => stacked(first, operands),
        Op::ApplyPredictor { weight } if known(Kind::ApplyPredictor) => {
            predicted(first, second, operands.weight(*weight))
        }
        Op::NearestRotation if first.extents() == [9] => Shape::new(&[4]).ok_or(ShapeError::Size),
        Op::NearestRotation => Err(ShapeError::Inputs),
        Op::Reshape { shape } if known(Kind::Reshape) => reshaped(first, shape.map(|extent| extent as usize)),
        Op::Transpose { axes } if known(Kind::Transpose) => transposed(first, axes.map(usize::from)),
        Op::ReduceMean { axis } | Op::ReduceMax { axis } if known(Kind::ReduceMean) || known(Kind::ReduceMax) => {
            reduced(first, usize::from(*axis))
        }
        Op::Conv2d { .. }
        | Op::Linear { .. }
        | Op::MaxPool2d { .. }
        | Op::AveragePool2d { .. }
        | Op::GlobalAveragePool
        | Op::Slice { .. }
        | Op::Concat
        | Op::SliceRows { .. }
        | Op::ConcatRows
        | Op::ApplyPredictor { .. }
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::ReduceMean { .. }
        | Op::ReduceMax { .. } => Err(ShapeError::Inputs),
    }?;
    Ok((shape, makes))
}

/// What an operator makes of inputs of one type; `None` when it does not take them.
fn result_type(op: &Op, reads: DataType) -> Option<DataType> {
    match (op, reads) {
        (Op::Normalize { .. }, DataType::U8) => Some(DataType::F32),
        (Op::QuantizeImage { .. }, DataType::U8) => Some(DataType::I8),
        (Op::Normalize { .. } | Op::QuantizeImage { .. }, _) => None,
        (Op::Quantize, DataType::F32) => Some(DataType::I8),
        (Op::Dequantize, DataType::I8) => Some(DataType::F32),
        (Op::Quantize | Op::Dequantize, _) => None,
        (Op::Sigmoid | Op::Softmax | Op::ApplyPredictor { .. } | Op::NearestRotation, DataType::I8) => None,
        (_, DataType::F32 | DataType::I8) => Some(reads),
        _ => None,
    }
}

/// Whether the scales of an int8 operator are such that its fixed-point arithmetic holds.
pub(crate) fn check_scales<const OPERATORS: u64>(
    op: &Op,
    operands: &impl Operands,
    makes: DataType,
    output: Option<Quantization>,
) -> Result<(), ShapeError> {
    if makes != DataType::I8 {
        return if output.is_none() { Ok(()) } else { Err(ShapeError::Scales) };
    }
    let output = output.filter(Quantization::is_valid).ok_or(ShapeError::Scales)?;
    let input = |index| operands.input(index).and_then(|operand| operand.quantization).ok_or(ShapeError::Scales);
    let ratio = |factor| Ratio::of(factor).map(|_| ()).ok_or(ShapeError::Scales);
    let linked = |kind| is_linked(OPERATORS, kind, DataType::I8);
    match op {
        op if op.keeps_quantization() => {
            // Of these only that one has several.
            let inputs = if is_known(OPERATORS, Kind::ConcatRows) { operands.input_count() } else { 1 };
            for index in 0..inputs {
                if input(index)? != output {
                    return Err(ShapeError::Scales);
                }
            }
            Ok(())
        }
        Op::Add { .. } if linked(Kind::Add) => {
            Blend::of([input(0)?, input(1)?], output).map(|_| ()).ok_or(ShapeError::Scales)
        }
        Op::Mul { .. } if linked(Kind::Mul) => ratio(input(0)?.scale * input(1)?.scale / output.scale),
        Op::Concat if linked(Kind::Concat) => {
            for index in 0..operands.input_count() {
                rescale(input(index)?, output).ok_or(ShapeError::Scales)?;
            }
            Ok(())
        }
        Op::AveragePool2d { kernel: [height, width], .. } if linked(Kind::AveragePool2d) => {
            let quotient = input(0)?.scale / output.scale;
            ratio(quotient)?;
            ratio(quotient / (f32::from(*height) * f32::from(*width)))
        }
        Op::GlobalAveragePool | Op::ReduceMean { .. } => {
            let averaged = operands.input(0).map_or(1, |operand| operand.shape.elements());
            let quotient = input(0)?.scale / output.scale;
            ratio(quotient)?;
            ratio(quotient / averaged as f32)
        }
        _ => Ok(()),
    }
}

/// Bytes that an operator needs beside its inputs and its result: four windows of an int8 convolution, or one input of a
/// linear operator, as 16-bit numbers.
pub(crate) fn scratch_bytes(op: &Op, operands: &impl Operands) -> usize {
    let (Op::Conv2d { weight, .. } | Op::Linear { weight, .. }) = op else { return 0 };
    let Some(WeightInfo { shape, data_type: DataType::I8, .. }) = operands.weight(*weight) else { return 0 };
    if is_depthwise(op, shape) {
        return 0;
    }
    let filter = shape.extents().get(1..).unwrap_or_default();
    filter_row_bytes(filter.iter().product()).saturating_mul(8)
}

/// Bytes from one int8 filter to the next: a multiple of 16, filled up with zeros.
pub(crate) fn filter_row_bytes(taps: usize) -> usize {
    taps.div_ceil(16).saturating_mul(16)
}

/// Whether an int8 convolution's weight is `[1, kh, kw, c]`: one filter per channel, channels last.
pub(crate) fn is_depthwise(op: &Op, weight: Shape) -> bool {
    match (op, weight.extents()) {
        (Op::Conv2d { groups, .. }, &[1, _, _, channels]) => *groups > 1 && *groups as usize == channels,
        _ => false,
    }
}

fn check_activation(op: &Op) -> Result<(), ShapeError> {
    let fits = match op {
        Op::Conv2d { activation, .. }
        | Op::Linear { activation, .. }
        | Op::Add { activation }
        | Op::Mul { activation } => activation.is_valid(),
        Op::Clamp { low, high } => super::Activation::Clamp { low: *low, high: *high }.is_valid(),
        _ => true,
    };
    if fits { Ok(()) } else { Err(ShapeError::Activation) }
}

fn normalized(image: Shape, mean: &[f32; 3], std: &[f32; 3]) -> Result<Shape, ShapeError> {
    let &[_, _, 3] = image.extents() else { return Err(ShapeError::Inputs) };
    if mean.iter().chain(std).any(|v| !v.is_finite()) || std.iter().any(|v| *v <= 0.0) {
        return Err(ShapeError::Normalization);
    }
    Ok(image)
}

fn convolved(op: &Op, input: Shape, reads: DataType, operands: &impl Operands) -> Result<Shape, ShapeError> {
    let Op::Conv2d { weight, bias, stride, padding, groups, .. } = op else { return Err(ShapeError::Inputs) };
    let &[height, width, cin] = input.extents() else { return Err(ShapeError::Inputs) };
    let weight = operands.weight(*weight).ok_or(ShapeError::Weight)?;
    let &[rows, kernel_height, kernel_width, group_cin] = weight.shape.extents() else {
        return Err(ShapeError::Weight);
    };
    let groups = *groups as usize;
    let depthwise = weight.data_type == DataType::I8 && is_depthwise(op, weight.shape);
    let cout = if depthwise { groups } else { rows };
    if groups == 0 || !cout.is_multiple_of(groups) || !cin.is_multiple_of(groups) {
        return Err(ShapeError::Groups);
    }
    if if depthwise { cin != groups } else { cin / groups != group_cin } {
        return Err(ShapeError::Weight);
    }
    check_types(reads, weight, operands.weight(*bias), cout)?;
    let [out_height, out_width] = window_output([height, width], [kernel_height, kernel_width], *stride, *padding)?;
    Shape::new(&[out_height, out_width, cout]).ok_or(ShapeError::Size)
}

/// float32 operators take float32 constants; int8 ones an int8 weight and an int32 bias.
fn check_types(
    reads: DataType,
    weight: WeightInfo,
    bias: Option<WeightInfo>,
    output_channels: usize,
) -> Result<(), ShapeError> {
    if weight.data_type != reads || (reads == DataType::I8 && weight.requantized_channels != output_channels) {
        return Err(ShapeError::Weight);
    }
    let bias_type = if reads == DataType::I8 { DataType::I32 } else { DataType::F32 };
    match bias {
        Some(bias) if bias.shape.extents() == [output_channels] && bias.data_type == bias_type => Ok(()),
        _ => Err(ShapeError::Bias),
    }
}

fn linear(
    input: Shape,
    reads: DataType,
    weight: Option<WeightInfo>,
    bias: Option<WeightInfo>,
) -> Result<Shape, ShapeError> {
    let &[cin] = input.extents() else { return Err(ShapeError::Inputs) };
    let weight = weight.ok_or(ShapeError::Weight)?;
    let &[cout, inner] = weight.shape.extents() else { return Err(ShapeError::Weight) };
    if inner != cin {
        return Err(ShapeError::Weight);
    }
    check_types(reads, weight, bias, cout)?;
    Shape::new(&[cout]).ok_or(ShapeError::Size)
}

fn pooled(input: Shape, kernel: [usize; 2], stride: [u16; 2], padding: Padding) -> Result<Shape, ShapeError> {
    let &[height, width, channels] = input.extents() else { return Err(ShapeError::Inputs) };
    // A window of nothing but padding would have no largest value.
    let inside = usize::from(padding.top.max(padding.bottom)) < kernel[0]
        && usize::from(padding.left.max(padding.right)) < kernel[1];
    if !inside {
        return Err(ShapeError::Window);
    }
    let [out_height, out_width] = window_output([height, width], kernel, stride, padding)?;
    Shape::new(&[out_height, out_width, channels]).ok_or(ShapeError::Size)
}

fn sliced(input: Shape, start: usize, end: usize) -> Result<Shape, ShapeError> {
    if start >= end || end > input.split_channels().1 {
        return Err(ShapeError::Channels);
    }
    input.with_channels(end - start)
}

fn joined(first: Shape, operands: &impl Operands) -> Result<Shape, ShapeError> {
    let (outer, mut channels) = first.split_channels();
    for index in 1..operands.input_count() {
        let other = operands.input(index).ok_or(ShapeError::Inputs)?.shape;
        let (other_outer, other_channels) = other.split_channels();
        if outer != other_outer {
            return Err(ShapeError::Inputs);
        }
        channels = channels.checked_add(other_channels).ok_or(ShapeError::Size)?;
    }
    first.with_channels(channels)
}

fn sliced_rows(map: Shape, start: usize, end: usize) -> Result<Shape, ShapeError> {
    let &[height, width, channels] = map.extents() else { return Err(ShapeError::Inputs) };
    if start >= end || end > height {
        return Err(ShapeError::Rows);
    }
    Shape::new(&[end - start, width, channels]).ok_or(ShapeError::Size)
}

fn stacked(first: Shape, operands: &impl Operands) -> Result<Shape, ShapeError> {
    let &[mut height, width, channels] = first.extents() else { return Err(ShapeError::Inputs) };
    for index in 1..operands.input_count() {
        match operands.input(index).ok_or(ShapeError::Inputs)?.shape.extents() {
            &[rows, w, c] if [w, c] == [width, channels] => {
                height = height.checked_add(rows).ok_or(ShapeError::Size)?;
            }
            _ => return Err(ShapeError::Inputs),
        }
    }
    Shape::new(&[height, width, channels]).ok_or(ShapeError::Size)
}

fn predicted(latent: Shape, condition: Option<Shape>, weight: Option<WeightInfo>) -> Result<Shape, ShapeError> {
    let condition = condition.ok_or(ShapeError::Inputs)?;
    let (&[d], &[k]) = (latent.extents(), condition.extents()) else { return Err(ShapeError::Inputs) };
    match weight {
        Some(weight) if weight.shape.extents() == [k, d, d] && weight.data_type == DataType::F32 => Ok(latent),
        _ => Err(ShapeError::Weight),
    }
}

fn reshaped(input: Shape, extents: [usize; 4]) -> Result<Shape, ShapeError> {
    let rank = extents.iter().position(|extent| *extent == 0).unwrap_or(extents.len());
    let (used, unused) = extents.split_at_checked(rank).ok_or(ShapeError::Size)?;
    let shape = Shape::new(used).ok_or(ShapeError::Size)?;
    let fits = unused.iter().all(|extent| *extent == 0) && shape.elements() == input.elements();
    if fits { Ok(shape) } else { Err(ShapeError::Size) }
}

fn transposed(input: Shape, axes: [usize; 4]) -> Result<Shape, ShapeError> {
    let extents = input.extents();
    let mut moved = [1; 4];
    for (position, axis) in axes.iter().enumerate() {
        let twice = axes.iter().take(position).any(|other| other == axis);
        let past_rank = position >= extents.len() && *axis != position;
        if twice || past_rank || *axis >= axes.len() {
            return Err(ShapeError::Axes);
        }
        if let (Some(to), Some(extent)) = (moved.get_mut(position), extents.get(*axis)) {
            *to = *extent;
        }
    }
    Shape::new(moved.get(..extents.len()).unwrap_or(&[])).ok_or(ShapeError::Axes)
}

fn reduced(input: Shape, axis: usize) -> Result<Shape, ShapeError> {
    let extents = input.extents();
    let (before, rest) = extents.split_at_checked(axis).ok_or(ShapeError::Axes)?;
    let [_, after @ ..] = rest else { return Err(ShapeError::Axes) };
    let mut kept = [1; 4];
    for (to, extent) in kept.iter_mut().zip(before.iter().chain(after)) {
        *to = *extent;
    }
    let rank = extents.len().saturating_sub(1).max(1);
    Shape::new(kept.get(..rank).unwrap_or(&[])).ok_or(ShapeError::Size)
}

/// Height and width of what a sliding window makes of a map.
fn window_output(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [u16; 2],
    padding: Padding,
) -> Result<[usize; 2], ShapeError> {
    let vertical = window_positions(size[0], kernel[0], stride[0], [padding.top, padding.bottom]);
    let horizontal = window_positions(size[1], kernel[1], stride[1], [padding.left, padding.right]);
    vertical.zip(horizontal).map(|(height, width)| [height, width]).ok_or(ShapeError::Window)
}

fn window_positions(size: usize, kernel: usize, stride: u16, padding: [u16; 2]) -> Option<usize> {
    let padded = size.checked_add(usize::from(padding[0]))?.checked_add(usize::from(padding[1]))?;
    if kernel == 0 {
        return None;
    }
    padded.checked_sub(kernel)?.checked_div(usize::from(stride))?.checked_add(1)
}
