//! What operators with a sliding window have in common.

#[cfg(feature = "alloc")]
use super::Rows;
use super::{Operand, Padding, ShapeError};
use crate::kernels::pooling::Pooling;
use crate::kernels::window::WindowAxis;
use crate::tensor::Shape;

/// Height and width of what a sliding window makes of a map.
pub(super) fn output_size(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [u16; 2],
    padding: Padding,
) -> Result<[usize; 2], ShapeError> {
    let vertical = positions(size[0], kernel[0], stride[0], [padding.top, padding.bottom]);
    let horizontal = positions(size[1], kernel[1], stride[1], [padding.left, padding.right]);
    vertical.zip(horizontal).map(|(height, width)| [height, width]).ok_or(ShapeError::Window)
}

fn positions(size: usize, kernel: usize, stride: u16, padding: [u16; 2]) -> Option<usize> {
    let padded = size.checked_add(usize::from(padding[0]))?.checked_add(usize::from(padding[1]))?;
    if kernel == 0 {
        return None;
    }
    padded.checked_sub(kernel)?.checked_div(usize::from(stride))?.checked_add(1)
}

/// Both axes of a window, for its kernel.
pub(super) fn axes(size: [usize; 2], kernel: [usize; 2], stride: [u16; 2], padding: Padding) -> [WindowAxis; 2] {
    let [height, width] = size;
    let [kernel_height, kernel_width] = kernel;
    let [stride_y, stride_x] = stride.map(usize::from);
    [
        WindowAxis { size: height, kernel: kernel_height, stride: stride_y, padding_before: padding.top.into() },
        WindowAxis { size: width, kernel: kernel_width, stride: stride_x, padding_before: padding.left.into() },
    ]
}

/// A window of one position on a map of one pixel.
pub(super) const POINT: WindowAxis = WindowAxis { size: 1, kernel: 1, stride: 1, padding_before: 0 };

/// Positions of a window, of which there are as many as places of the result.
pub(super) fn places(output: Shape) -> u64 {
    match output.extents() {
        [height, width, _] => product(&[*height, *width]),
        _ => 1,
    }
}

pub(super) fn product(factors: &[usize]) -> u64 {
    factors.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor as u64))
}

fn pooled(input: Shape, kernel: [u16; 2], stride: [u16; 2], padding: Padding) -> Result<Shape, ShapeError> {
    let &[height, width, channels] = input.extents() else { return Err(ShapeError::Inputs) };
    let kernel = kernel.map(usize::from);
    // A window of nothing but padding would have no largest value.
    let inside = usize::from(padding.top.max(padding.bottom)) < kernel[0]
        && usize::from(padding.left.max(padding.right)) < kernel[1];
    if !inside {
        return Err(ShapeError::Window);
    }
    let [out_height, out_width] = output_size([height, width], kernel, stride, padding)?;
    Shape::new(&[out_height, out_width, channels]).ok_or(ShapeError::Size)
}

/// The window of a pooling operator, which makes one number of those under it, in each channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolingWindow {
    /// Height and width.
    pub kernel: [u16; 2],
    /// Vertical and horizontal step.
    pub stride: [u16; 2],
    /// Positions outside the map that it may cover.
    pub padding: Padding,
}

impl PoolingWindow {
    /// The shape that it makes.
    #[inline(always)] // into those that know the operator: arguments cost a microcontroller less code than a struct
    pub fn pooled(self, input: Shape) -> Result<Shape, ShapeError> {
        pooled(input, self.kernel, self.stride, self.padding)
    }

    /// What pooling kernels get; `None` when a value is no map.
    pub fn options(self, input: Shape, output: Shape) -> Option<Pooling> {
        let (&[height, width, channels], &[_, output_width, _]) = (input.extents(), output.extents()) else {
            return None;
        };
        let [vertical, horizontal] = axes([height, width], self.kernel.map(usize::from), self.stride, self.padding);
        Some(Pooling { vertical, horizontal, channels, output_width })
    }

    /// Comparisons or sums.
    pub fn operations(self, input: Option<Operand>, output: Shape) -> u64 {
        let under_window = input.map_or(0, |input| {
            let &[height, width, channels] = input.shape.extents() else { return 0 };
            let [kernel_height, kernel_width] = self.kernel.map(usize::from);
            product(&[height.min(kernel_height), width.min(kernel_width), channels])
        });
        places(output).saturating_mul(under_window)
    }

    /// The rows that it reads.
    #[cfg(feature = "alloc")]
    pub fn rows(self) -> Rows {
        let [kernel, step] = [self.kernel, self.stride].map(|[vertical, _]| vertical.into());
        Rows::Window { kernel, step, padding_top: self.padding.top.into() }
    }

    /// The same with other padding above and below the map.
    #[cfg(feature = "alloc")]
    pub fn padded(self, [top, bottom]: [u16; 2]) -> Self {
        Self { padding: Padding { top, bottom, ..self.padding }, ..self }
    }

    /// One that fits a map.
    #[cfg(all(test, feature = "alloc"))]
    pub fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let &[height, width, _] = extents else { return None };
        let kernel = [choices.between(1, height), choices.between(1, width)];
        let padding = Padding { top: choices.below(kernel[0]) as u16, ..Padding::default() };
        let stride = [choices.between(1, 3) as u16, choices.between(1, 3) as u16];
        Some(Self { kernel: kernel.map(|extent| extent as u16), stride, padding })
    }
}
