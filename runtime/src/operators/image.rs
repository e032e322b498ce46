//! From an image's bytes to the numbers that a network is trained on.

#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::Rows;
use super::operator::Types;
use super::overlap::row_bytes;
use super::{
    NodeInputs, Normalize, Operand, Operands, Operator, OperatorKind as Kind, QuantizeImage, ShapeError, is_linked,
    map_rows,
};
use crate::kernels::elementwise::normalize;
use crate::kernels::int8::quantize::quantize_image;
use crate::tensor::{DataType, Quantization, Shape};

impl Operator for Normalize {
    const TYPES: Types = Types::BytesToFloat;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        normalized(first.shape, &self.mean, &self.std)
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        normalize(&self.mean, &self.std, inputs.image(0)?, output);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], _: &mut super::Choices) -> Option<Self> {
        matches!(extents, [_, _, 3]).then_some(Self { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0] })
    }
}

impl Operator for QuantizeImage {
    const TYPES: Types = Types::BytesToInt8;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        let whole = normalized(first.shape, &self.mean, &self.std)?;
        match self.rows {
            Some([start, end]) => map_rows::sliced(whole, start.into(), end.into()),
            None => Ok(whole),
        }
    }

    #[cfg(feature = "alloc")]
    fn rows(&self, _: &impl Operands) -> Rows {
        if self.rows.is_none() { Rows::Same } else { Rows::All }
    }

    #[cfg(feature = "alloc")]
    fn of_rows(self, made: &Range<usize>, _: [u16; 2]) -> Option<Self> {
        Some(Self { rows: Some([made.start.try_into().ok()?, made.end.try_into().ok()?]), ..self })
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let takes_rows = is_linked(OPERATORS, Kind::QuantizeRows, DataType::I8);
        let first = if takes_rows { self.bytes_above(made.shape)? } else { 0 };
        quantize_image(&self.mean, &self.std, to, inputs.image(0)?.get(first..)?, output);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let &[height, _, 3] = extents else { return None };
        let first = choices.below(height + 1);
        let rows = (first < height).then_some([first, height].map(|row| row as u16));
        Some(Self { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0], rows })
    }
}

impl QuantizeImage {
    /// Bytes of an image above the rows that are taken of it.
    pub fn bytes_above(&self, made: Shape) -> Option<usize> {
        let [first, _] = self.rows.unwrap_or_default();
        row_bytes((made, DataType::U8))?.checked_mul(first.into())
    }
}

fn normalized(image: Shape, mean: &[f32; 3], std: &[f32; 3]) -> Result<Shape, ShapeError> {
    let &[_, _, 3] = image.extents() else { return Err(ShapeError::Inputs) };
    if mean.iter().chain(std).any(|v| !v.is_finite()) || std.iter().any(|v| *v <= 0.0) {
        return Err(ShapeError::Normalization);
    }
    Ok(image)
}
