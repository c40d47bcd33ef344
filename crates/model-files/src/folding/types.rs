//! Numbers of one type as those of another.

use rten_onnx::onnx::DataType;

use super::*;

/// Cast between integers, Booleans and floating-point numbers, which are all of one type here.
pub(super) fn cast<F: Real>(inputs: &Inputs<'_, F>) -> Result<Constant<F>, String> {
    converted(inputs.value(0)?, data_type(inputs.integer_attribute("to", 0)?))
}

/// Numbers as those of another type.
pub(super) fn converted<F: Real>(value: &Constant<F>, to: DataType) -> Result<Constant<F>, String> {
    match (to, value) {
        (DataType::FLOAT | DataType::DOUBLE | DataType::FLOAT16 | DataType::BFLOAT16, Constant::Integer(values)) => {
            Ok(Constant::Real(Arc::new(values.mapv(|value| F::of(value as f64)))))
        }
        (DataType::FLOAT | DataType::DOUBLE | DataType::FLOAT16 | DataType::BFLOAT16, Constant::Real(_)) => {
            Ok(value.clone())
        }
        (DataType::BOOL, Constant::Integer(values)) => {
            Ok(Constant::Integer(values.mapv(|value| i64::from(value != 0))))
        }
        (DataType::BOOL, Constant::Real(values)) => {
            Ok(Constant::Integer(values.mapv(|value| i64::from(!value.is_zero()))))
        }
        (to, Constant::Integer(values)) => {
            let range = Range::of(to)?;
            Ok(Constant::Integer(values.mapv(|value| range.wrapped(value))))
        }
        (to, Constant::Real(values)) => {
            let range = Range::of(to)?;
            let refuse = || "a number that no integer is near to".to_owned();
            whole(values.mapv(|value| value.to_i64().map(|value| range.wrapped(value))), refuse).map(Constant::Integer)
        }
    }
}

/// The type that an attribute says.
pub(super) fn data_type(number: i64) -> DataType {
    DataType(i32::try_from(number).unwrap_or_default())
}

/// The integers that a type has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    least: i64,
    bits: u32,
}

impl Range {
    /// # Errors
    /// Names a type that is none of integers.
    pub(super) fn of(data_type: DataType) -> Result<Self, String> {
        let (is_signed, bits) = match data_type {
            DataType::INT4 => (true, 4),
            DataType::INT8 => (true, 8),
            DataType::INT16 => (true, 16),
            DataType::INT32 => (true, 32),
            DataType::INT64 | DataType::UINT64 => (true, 64),
            DataType::UINT4 => (false, 4),
            DataType::UINT8 => (false, 8),
            DataType::UINT16 => (false, 16),
            DataType::UINT32 => (false, 32),
            other => return Err(format!("numbers of type {} can't be used", other.name().unwrap_or("UNDEFINED"))),
        };
        Ok(Self { least: if is_signed { i64::MIN >> (64 - bits) } else { 0 }, bits })
    }

    /// The last bits of an integer, as machines keep them.
    fn wrapped(self, value: i64) -> i64 {
        if self.bits == 64 {
            return value;
        }
        self.least + value.wrapping_sub(self.least).rem_euclid(1 << self.bits)
    }

    /// The nearest integer that the type has.
    pub(super) fn saturated(self, value: i64) -> i64 {
        let largest = if self.bits == 64 { i64::MAX } else { self.least + ((1 << self.bits) - 1) };
        value.clamp(self.least, largest)
    }
}
