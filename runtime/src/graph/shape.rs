use core::fmt;

use super::{DataType, Op, Padding, WeightId};

/// The most axes a value or a weight can have.
pub const MAX_RANK: usize = 4;

/// One to four extents, each at least one; their product fits `u32`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    // Axes past `rank` are 1, so that equal shapes are equal structs.
    extents: [usize; MAX_RANK],
    rank: usize,
}

impl Shape {
    /// The shape of those extents; `None` when there are none or more than four, or one is zero, or their
    /// product is beyond `u32`.
    pub fn new(extents: &[usize]) -> Option<Self> {
        let elements = extents.iter().try_fold(1usize, |product, extent| product.checked_mul(*extent))?;
        if extents.is_empty() || elements == 0 || u32::try_from(elements).is_err() {
            return None;
        }
        let mut all = [1; MAX_RANK];
        all.get_mut(..extents.len())?.copy_from_slice(extents);
        Some(Self { extents: all, rank: extents.len() })
    }

    /// The extents, outermost first.
    pub fn extents(&self) -> &[usize] {
        self.extents.get(..self.rank).unwrap_or(&[])
    }

    /// The product of the extents.
    pub fn elements(&self) -> usize {
        self.extents.iter().product()
    }

    /// All but the last extent, and the last: the channels.
    pub(crate) fn split_channels(&self) -> (&[usize], usize) {
        match self.extents() {
            [outer @ .., channels] => (outer, *channels),
            [] => (&[], 1),
        }
    }

    fn with_channels(&self, channels: usize) -> Result<Self, ShapeError> {
        let mut extents = self.extents;
        if let Some(last) = extents.get_mut(self.rank.saturating_sub(1)) {
            *last = channels;
        }
        Self::new(extents.get(..self.rank).unwrap_or(&[])).ok_or(ShapeError::Size)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.extents().fmt(f)
    }
}

/// Why an operator does not take its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShapeError {
    /// The number of inputs, their ranks or their extents.
    Inputs,
    /// An input has another element type than the operator reads.
    InputType,
    /// The weight's shape.
    Weight,
    /// The bias's shape.
    Bias,
    /// The number of channel groups.
    Groups,
    /// The window, its stride or its padding.
    Window,
    /// The range of channels.
    Channels,
    /// A mean or standard deviation is not finite, or a standard deviation is not positive.
    Normalization,
    /// The result is empty or too large.
    Size,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inputs => "the operator does not take inputs of this number or these shapes",
            Self::InputType => "the operator does not take inputs of this element type",
            Self::Weight => "the weight's shape does not fit the inputs",
            Self::Bias => "the bias's shape does not fit the weight",
            Self::Groups => "the channels do not divide into the groups",
            Self::Window => "the window, its stride or its padding does not fit the map",
            Self::Channels => "the range of channels is empty or outside the input",
            Self::Normalization => "mean and standard deviation must be finite, and the latter positive",
            Self::Size => "the result is empty or too large",
        })
    }
}

impl core::error::Error for ShapeError {}

/// What a node reads, wherever it is stored: in a [`super::GraphBuilder`] or in a model file.
pub(crate) trait Operands {
    fn input_count(&self) -> usize;
    fn input(&self, index: usize) -> Option<(Shape, DataType)>;
    fn weight(&self, id: WeightId) -> Option<Shape>;
}

/// The shape and type of what `op` makes of its operands.
pub(crate) fn infer(op: &Op, operands: &impl Operands) -> Result<(Shape, DataType), ShapeError> {
    let reads = if matches!(op, Op::Normalize { .. }) { DataType::U8 } else { DataType::F32 };
    let mut first = None;
    for index in 0..operands.input_count() {
        let (shape, data_type) = operands.input(index).ok_or(ShapeError::Inputs)?;
        if data_type != reads {
            return Err(ShapeError::InputType);
        }
        first = first.or(Some(shape));
    }
    let first = first.ok_or(ShapeError::Inputs)?;
    let second = operands.input(1).map(|(shape, _)| shape);
    let arity = if matches!(op, Op::Concat) { operands.input_count().max(2) } else { op.input_count() };
    if operands.input_count() != arity {
        return Err(ShapeError::Inputs);
    }
    let shape = match op {
        Op::Normalize { mean, std } => normalized(first, mean, std),
        Op::Conv2d { .. } => convolved(op, first, operands),
        Op::Linear { weight, bias, .. } => linear(first, operands.weight(*weight), operands.weight(*bias)),
        Op::Add { .. } if second != Some(first) => Err(ShapeError::Inputs),
        Op::Add { .. } | Op::Relu => Ok(first),
        Op::MaxPool2d { kernel, stride, padding } => pooled(first, kernel.map(usize::from), *stride, *padding),
        Op::GlobalAveragePool => {
            let &[_, _, channels] = first.extents() else { return Err(ShapeError::Inputs) };
            Shape::new(&[channels]).ok_or(ShapeError::Size)
        }
        Op::Slice { start, end } => sliced(first, *start as usize, *end as usize),
        Op::Concat => joined(first, operands),
        Op::ApplyPredictor { weight } => predicted(first, second, operands.weight(*weight)),
        Op::NearestRotation if first.extents() == [9] => Shape::new(&[4]).ok_or(ShapeError::Size),
        Op::NearestRotation => Err(ShapeError::Inputs),
    }?;
    Ok((shape, DataType::F32))
}

fn normalized(image: Shape, mean: &[f32; 3], std: &[f32; 3]) -> Result<Shape, ShapeError> {
    let &[_, _, 3] = image.extents() else { return Err(ShapeError::Inputs) };
    if mean.iter().chain(std).any(|v| !v.is_finite()) || std.iter().any(|v| *v <= 0.0) {
        return Err(ShapeError::Normalization);
    }
    Ok(image)
}

fn convolved(op: &Op, input: Shape, operands: &impl Operands) -> Result<Shape, ShapeError> {
    let Op::Conv2d { weight, bias, stride, padding, groups, .. } = op else { return Err(ShapeError::Inputs) };
    let &[height, width, cin] = input.extents() else { return Err(ShapeError::Inputs) };
    let weight = operands.weight(*weight).ok_or(ShapeError::Weight)?;
    let &[cout, kernel_height, kernel_width, group_cin] = weight.extents() else { return Err(ShapeError::Weight) };
    let groups = *groups as usize;
    if groups == 0 || cout % groups != 0 || cin % groups != 0 {
        return Err(ShapeError::Groups);
    }
    if cin / groups != group_cin {
        return Err(ShapeError::Weight);
    }
    if operands.weight(*bias).is_none_or(|bias| bias.extents() != [cout]) {
        return Err(ShapeError::Bias);
    }
    let [out_height, out_width] = window_output([height, width], [kernel_height, kernel_width], *stride, *padding)?;
    Shape::new(&[out_height, out_width, cout]).ok_or(ShapeError::Size)
}

fn linear(input: Shape, weight: Option<Shape>, bias: Option<Shape>) -> Result<Shape, ShapeError> {
    let &[cin] = input.extents() else { return Err(ShapeError::Inputs) };
    let weight = weight.ok_or(ShapeError::Weight)?;
    let &[cout, inner] = weight.extents() else { return Err(ShapeError::Weight) };
    if inner != cin {
        return Err(ShapeError::Weight);
    }
    if bias.is_none_or(|bias| bias.extents() != [cout]) {
        return Err(ShapeError::Bias);
    }
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
        let (shape, _) = operands.input(index).ok_or(ShapeError::Inputs)?;
        let (other_outer, other_channels) = shape.split_channels();
        if outer != other_outer {
            return Err(ShapeError::Inputs);
        }
        channels = channels.checked_add(other_channels).ok_or(ShapeError::Size)?;
    }
    first.with_channels(channels)
}

fn predicted(latent: Shape, condition: Option<Shape>, weight: Option<Shape>) -> Result<Shape, ShapeError> {
    let condition = condition.ok_or(ShapeError::Inputs)?;
    let (&[d], &[k]) = (latent.extents(), condition.extents()) else { return Err(ShapeError::Inputs) };
    match weight {
        Some(weight) if weight.extents() == [k, d, d] => Ok(latent),
        _ => Err(ShapeError::Weight),
    }
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
