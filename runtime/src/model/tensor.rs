use super::error::Fault;
use super::layout::{self, Section, TENSOR_BYTES, aligned};
use super::record::Record;
use super::view::Model;
use crate::memory::{as_f32, as_i8, as_i32};
use crate::plane_group::FilterExpansion;
use crate::tensor::{DataType, MAX_SHIFT, QuantizedFilters, Shape, TensorData, filter_row_bytes};

/// A tensor's record, and where its bytes end.
pub(crate) struct Tensor<'m> {
    /// Of what is stored.
    pub shape: Shape,
    pub data: TensorData<'m>,
    /// Of filters whose base filters alone are stored.
    pub expansion: Option<FilterExpansion>,
    pub data_end: usize,
    /// After the multipliers, where there are any.
    pub end: usize,
}

impl<'m> Model<'m> {
    /// A tensor's shape and the place of its data.
    pub(crate) fn tensor_at(&self, index: usize) -> Result<Tensor<'m>, Fault> {
        let record = self.record::<TENSOR_BYTES>(Section::Tensors, index)?;
        record.require_zero(3..4, Fault::ReservedNotZero)?;
        let shape = record.shape(layout::tensor::RANK, layout::tensor::SHAPE)?;
        let start = record.u32(layout::tensor::DATA_OFFSET) as usize;
        let length = record.u32(layout::tensor::DATA_BYTES) as usize;
        let data_end = start.checked_add(length).ok_or(Fault::OutOfRange)?;
        let bytes = self.data.get(start..data_end).ok_or(Fault::OutOfRange)?;
        let data_type = record.data_type(layout::tensor::DATA_TYPE)?;
        let expansion = record.expansion()?;
        if expansion.is_some_and(|expansion| data_type == DataType::I32 || shape.expanded(expansion).is_none()) {
            return Err(Fault::Expansion);
        }
        if data_type == DataType::I8 {
            return Ok(Tensor { expansion, ..self.filters(record, shape, bytes, data_end)? });
        }
        if record.u8(layout::tensor::QUANTIZATION) != 0 {
            return Err(Fault::Quantization);
        }
        record.require_zero(layout::tensor::QUANTIZATION_FIELDS, Fault::Quantization)?;
        if shape.elements().checked_mul(4) != Some(length) {
            return Err(Fault::DataLength);
        }
        let data = match data_type {
            DataType::F32 => TensorData::F32(as_f32(bytes).ok_or(Fault::Alignment)?),
            DataType::I32 => TensorData::I32(as_i32(bytes).ok_or(Fault::Alignment)?),
            _ => return Err(Fault::DataType),
        };
        Ok(Tensor { shape, data, expansion, data_end, end: data_end })
    }

    fn filters(
        &self,
        record: Record<'m, TENSOR_BYTES>,
        shape: Shape,
        bytes: &'m [u8],
        data_end: usize,
    ) -> Result<Tensor<'m>, Fault> {
        if record.u8(layout::tensor::QUANTIZATION) != layout::tensor::PER_CHANNEL {
            return Err(Fault::Quantization);
        }
        record.require_zero(layout::tensor::RESERVED, Fault::ReservedNotZero)?;
        let &[filters, ref filter @ ..] = shape.extents() else { return Err(Fault::Shape) };
        let row_bytes = filter_row_bytes(filter.iter().product());
        if filters.checked_mul(row_bytes) != Some(bytes.len()) {
            return Err(Fault::DataLength);
        }
        let start = record.u32(layout::tensor::MULTIPLIERS_OFFSET) as usize;
        if aligned(data_end) != Some(start) {
            return Err(Fault::NotConsecutive);
        }
        let count = record.u32(layout::tensor::CHANNELS) as usize;
        let end = count.checked_mul(4).and_then(|length| start.checked_add(length)).ok_or(Fault::OutOfRange)?;
        let multipliers = self.data.get(start..end).ok_or(Fault::OutOfRange)?;
        let multipliers = as_i32(multipliers).ok_or(Fault::Alignment)?;
        let shift = record.u32(layout::tensor::SHIFT);
        if shift > MAX_SHIFT {
            return Err(Fault::Quantization);
        }
        let filters = QuantizedFilters { rows: as_i8(bytes), row_bytes, multipliers, shift };
        Ok(Tensor { shape, data: TensorData::I8(filters), expansion: None, data_end, end })
    }
}

impl Tensor<'_> {
    /// Checks every number of the tensor.
    pub fn check_numbers(&self) -> Result<(), Fault> {
        match self.data {
            TensorData::F32(values) => match values.iter().position(|value| !value.is_finite()) {
                Some(element) => Err(Fault::NotFinite { element }),
                None => Ok(()),
            },
            TensorData::I8(filters) => {
                let taps = self.shape.extents().iter().skip(1).product();
                let padded = |row: &[i8]| row.iter().skip(taps).all(|value| *value == 0);
                if !filters.rows.chunks_exact(filters.row_bytes.max(1)).all(padded) {
                    return Err(Fault::ReservedNotZero);
                }
                if filters.multipliers.iter().any(|multiplier| *multiplier < 0) {
                    return Err(Fault::Quantization);
                }
                Ok(())
            }
            TensorData::I32(_) => Ok(()),
        }
    }
}
