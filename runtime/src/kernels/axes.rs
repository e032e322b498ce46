//! Moving and reducing axes, whatever the elements are.

use crate::tensor::Shape;

/// Axis `i` of the output is axis `axes[i]` of the input.
pub(crate) fn transpose<T: Copy>(input_shape: Shape, axes: [u8; 4], input: &[T], output: &mut [T]) {
    let mut extents = [1; 4];
    for (to, from) in extents.iter_mut().zip(input_shape.extents()) {
        *to = *from;
    }
    let mut strides = [1usize; 4];
    for axis in (0..3).rev() {
        strides[axis] = strides[axis + 1].saturating_mul(extents[axis + 1]);
    }
    let at = |of: &[usize; 4], position: usize| {
        axes.get(position).and_then(|axis| of.get(usize::from(*axis))).copied().unwrap_or(1)
    };
    // Axes past the rank have extent 1 and may stand anywhere: four loops do for every rank.
    let mut results = output.iter_mut();
    for a in 0..at(&extents, 0) {
        for b in 0..at(&extents, 1) {
            for c in 0..at(&extents, 2) {
                let start = a * at(&strides, 0) + b * at(&strides, 1) + c * at(&strides, 2);
                for d in 0..at(&extents, 3) {
                    if let (Some(to), Some(from)) = (results.next(), input.get(start + d * at(&strides, 3))) {
                        *to = *from;
                    }
                }
            }
        }
    }
}

/// A shape around one axis: `[outer, length, inner]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AroundAxis {
    pub length: usize,
    pub inner: usize,
}

impl AroundAxis {
    pub fn of(shape: Shape, axis: u8) -> Option<Self> {
        let (_, [length, inner @ ..]) = shape.extents().split_at_checked(axis.into())? else { return None };
        Some(Self { length: *length, inner: inner.iter().product() })
    }

    /// Folds the elements along the axis into one, then finishes it.
    pub fn reduce<T: Copy, A>(
        &self,
        input: &[T],
        output: &mut [T],
        fold: impl Fn(Option<A>, T) -> A,
        finish: impl Fn(A) -> T,
    ) {
        let (inner, length) = (self.inner.max(1), self.length.max(1));
        for (to, block) in output.chunks_exact_mut(inner).zip(input.chunks_exact((inner * length).max(1))) {
            for (index, to) in to.iter_mut().enumerate() {
                let along = block.iter().skip(index).step_by(inner);
                if let Some(folded) = along.fold(None, |folded, value| Some(fold(folded, *value))) {
                    *to = finish(folded);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn axes_are_moved() {
        let shape = Shape::new(&[2, 3, 2]).unwrap();
        let input: Vec<i8> = (0..12).collect();
        let mut output = [0; 12];
        transpose(shape, [0, 1, 2, 3], &input, &mut output);
        assert_eq!(output[..], input);
        transpose(shape, [2, 0, 1, 3], &input, &mut output);
        assert_eq!(output, [0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]);
        let mut matrix = [0; 6];
        transpose(Shape::new(&[2, 3]).unwrap(), [1, 0, 2, 3], &[1, 2, 3, 4, 5, 6], &mut matrix);
        assert_eq!(matrix, [1, 4, 2, 5, 3, 6]);
    }

    #[test]
    fn any_axis_is_reduced() {
        let shape = Shape::new(&[2, 3, 2]).unwrap();
        let input: Vec<i32> = (0..12).collect();
        let largest = |axis, output: &mut [i32]| {
            let around = AroundAxis::of(shape, axis).unwrap();
            around.reduce(&input, output, |most: Option<i32>, v| most.map_or(v, |m| m.max(v)), |most| most);
        };
        let (mut first, mut second, mut third) = ([0; 6], [0; 4], [0; 6]);
        largest(0, &mut first);
        largest(1, &mut second);
        largest(2, &mut third);
        assert_eq!((first, second, third), ([6, 7, 8, 9, 10, 11], [4, 5, 10, 11], [1, 3, 5, 7, 9, 11]));
    }
}
