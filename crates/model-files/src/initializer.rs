//! The numbers of constant tensors, in every encoding.

use std::io;
use std::path::Path;
use std::sync::Arc;

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use neural_lrp::Real;
use neural_lrp::operation::Constant;
use rten_onnx::onnx::DataType;

use crate::messages::Tensor;
use crate::source::{Bytes, Source};
use crate::{Error, external};

/// Decodes a constant tensor: floating-point numbers to `F`, integers and Booleans to `i64`.
///
/// `folder` is the model's, in which external data have to lie.
pub(crate) fn decode<F: Real>(tensor: &Tensor<'_>, folder: &Path) -> Result<Constant<F>, Error> {
    let refuse = |reason: String| Error::Tensor { tensor: tensor.name.clone(), reason };
    let shape = shape_of(&tensor.dimensions).map_err(refuse)?;
    let count = count_of(&shape).map_err(refuse)?;
    let encoding = tensor.data_type.and_then(Encoding::of).ok_or_else(|| {
        let name = tensor.data_type.as_ref().and_then(DataType::name).unwrap_or("UNDEFINED");
        refuse(format!("numbers of type {name} can't be read; convert them to FLOAT or INT64"))
    })?;
    let length = encoding.bytes_of(count).ok_or_else(|| refuse(too_many(&shape)))?;
    if tensor.is_segment {
        return Err(refuse("it is stored in segments; save it whole".to_owned()));
    }
    let external = if tensor.is_external { Some(external::open(tensor, folder, length as u64)?) } else { None };
    // Each integer in the fields of a small type is a byte of two numbers.
    let packed: Vec<u8> = tensor.integers.iter().filter(|_| encoding.bits() < 8).map(|&byte| byte as u8).collect();
    let packed = Source::of(&packed);
    let bytes = match &external {
        Some(part) => part.source.part(part.offset, length as u64),
        None if encoding.bits() < 8 => tensor.raw.or(Some(packed.whole())),
        None => tensor.raw.or_else(|| encoding.packed(tensor)),
    };
    let (stored, wanted) = match &bytes {
        Some(bytes) => (bytes.length(), length as u64),
        None => (encoding.count_in_fields(tensor) as u64, count as u64),
    };
    if stored != wanted {
        let available = if bytes.is_some() { stored.saturating_mul(8) / encoding.bits() as u64 } else { stored };
        return Err(refuse(format!("its shape {shape:?} has {count} numbers, but {available} are there")));
    }
    let misshapen = |_| refuse(too_many(&shape));
    let values = match bytes {
        Some(bytes) => encoding.numbers_of_bytes::<F>(bytes),
        None => encoding.numbers_of_fields::<F>(tensor),
    };
    Ok(match values.map_err(refuse)? {
        Values::Real(values) => {
            Constant::Real(Arc::new(ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(misshapen)?))
        }
        Values::Integer(mut values) => {
            // The last byte may have place for one more number.
            values.truncate(count);
            Constant::Integer(ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(misshapen)?)
        }
    })
}

/// A shape, if all dimensions are possible.
pub(crate) fn shape_of(dimensions: &[i64]) -> Result<Vec<usize>, String> {
    let shape: Option<Vec<usize>> = dimensions.iter().map(|&dimension| usize::try_from(dimension).ok()).collect();
    shape.ok_or_else(|| format!("a shape of {dimensions:?}: no dimension can be negative"))
}

/// The number of elements of a shape, if they can be counted.
pub(crate) fn count_of(shape: &[usize]) -> Result<usize, String> {
    // Dimensions of 0 are left out of the check: [0, 2⁶², 2⁶²] is as absurd as without the 0.
    let nonzero = shape.iter().filter(|&&dimension| dimension > 0).try_fold(1usize, |count, &n| count.checked_mul(n));
    match nonzero {
        Some(count) if count <= isize::MAX as usize / 16 => Ok(if shape.contains(&0) { 0 } else { count }),
        _ => Err(too_many(shape)),
    }
}

fn too_many(shape: &[usize]) -> String {
    format!("its shape {shape:?} has more numbers than any computer's memory")
}

enum Values<F> {
    Real(Vec<F>),
    Integer(Vec<i64>),
}

/// The encoding of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Encoding {
    Float,
    Double,
    Float16,
    BFloat16,
    Bool,
    Int4,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint4,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
}

impl Encoding {
    fn of(data_type: DataType) -> Option<Self> {
        Some(match data_type {
            DataType::FLOAT => Self::Float,
            DataType::DOUBLE => Self::Double,
            DataType::FLOAT16 => Self::Float16,
            DataType::BFLOAT16 => Self::BFloat16,
            DataType::BOOL => Self::Bool,
            DataType::INT4 => Self::Int4,
            DataType::INT8 => Self::Int8,
            DataType::INT16 => Self::Int16,
            DataType::INT32 => Self::Int32,
            DataType::INT64 => Self::Int64,
            DataType::UINT4 => Self::Uint4,
            DataType::UINT8 => Self::Uint8,
            DataType::UINT16 => Self::Uint16,
            DataType::UINT32 => Self::Uint32,
            DataType::UINT64 => Self::Uint64,
            _ => return None,
        })
    }

    /// Bits of a number in `raw_data` and in external files.
    fn bits(self) -> usize {
        match self {
            Self::Int4 | Self::Uint4 => 4,
            Self::Bool | Self::Int8 | Self::Uint8 => 8,
            Self::Float16 | Self::BFloat16 | Self::Int16 | Self::Uint16 => 16,
            Self::Float | Self::Int32 | Self::Uint32 => 32,
            Self::Double | Self::Int64 | Self::Uint64 => 64,
        }
    }

    /// The bytes that so many numbers take in `raw_data` and in external files.
    fn bytes_of(self, count: usize) -> Option<usize> {
        count.checked_mul(self.bits()).map(|bits| bits.div_ceil(8))
    }

    /// The run of numbers in the typed field of floating-point numbers, where it is one: bytes as in `raw_data`.
    fn packed<'a>(self, tensor: &Tensor<'a>) -> Option<Bytes<'a>> {
        let is_own = |number: u64| matches!((self, number), (Self::Float, 4) | (Self::Double, 10));
        tensor.packed.filter(|field| is_own(field.number))?.bytes().ok()
    }

    /// The count of numbers in the tensor's typed fields.
    fn count_in_fields(self, tensor: &Tensor<'_>) -> usize {
        match self {
            Self::Float => tensor.floats.len(),
            Self::Double => tensor.doubles.len(),
            _ => tensor.integers.len(),
        }
    }

    /// Numbers in `raw_data`: fixed width, little-endian.
    fn numbers_of_bytes<F: Real>(self, bytes: Bytes<'_>) -> Result<Values<F>, String> {
        let values = match self {
            Self::Float => numbers(bytes, |bytes| F::of(f32::from_le_bytes(bytes).into())).map(Values::Real),
            Self::Double => numbers(bytes, |bytes| F::of(f64::from_le_bytes(bytes))).map(Values::Real),
            Self::Float16 => numbers(bytes, |bytes| F::of(f16::from_le_bytes(bytes).into())).map(Values::Real),
            Self::BFloat16 => numbers(bytes, |bytes| F::of(bf16::from_le_bytes(bytes).into())).map(Values::Real),
            Self::Bool => numbers(bytes, |[byte]| i64::from(byte != 0)).map(Values::Integer),
            Self::Int4 => halves(bytes, |half| i64::from(half ^ 8) - 8).map(Values::Integer),
            Self::Int8 => numbers(bytes, |bytes| i8::from_le_bytes(bytes).into()).map(Values::Integer),
            Self::Int16 => numbers(bytes, |bytes| i16::from_le_bytes(bytes).into()).map(Values::Integer),
            Self::Int32 => numbers(bytes, |bytes| i32::from_le_bytes(bytes).into()).map(Values::Integer),
            Self::Int64 => numbers(bytes, i64::from_le_bytes).map(Values::Integer),
            Self::Uint4 => halves(bytes, i64::from).map(Values::Integer),
            Self::Uint8 => numbers(bytes, |[byte]| byte.into()).map(Values::Integer),
            Self::Uint16 => numbers(bytes, |bytes| u16::from_le_bytes(bytes).into()).map(Values::Integer),
            Self::Uint32 => numbers(bytes, |bytes| u32::from_le_bytes(bytes).into()).map(Values::Integer),
            Self::Uint64 => numbers(bytes, i64::from_le_bytes).map(Values::Integer),
        };
        match values.map_err(|error| format!("its numbers can't be read: {error}"))? {
            Values::Integer(values) if self == Self::Uint64 => within_i64(values).map(Values::Integer),
            values => Ok(values),
        }
    }

    /// Numbers in the typed fields, where small types stand in `int32_data`, those of 16-bit floats as their bits.
    fn numbers_of_fields<F: Real>(self, tensor: &Tensor<'_>) -> Result<Values<F>, String> {
        let integers = || tensor.integers.iter();
        Ok(match self {
            Self::Float => Values::Real(tensor.floats.iter().map(|&value| F::of(value.into())).collect()),
            Self::Double => Values::Real(tensor.doubles.iter().map(|&value| F::of(value)).collect()),
            Self::Float16 => Values::Real(integers().map(|&bits| F::of(f16::from_bits(bits as u16).into())).collect()),
            Self::BFloat16 => {
                Values::Real(integers().map(|&bits| F::of(bf16::from_bits(bits as u16).into())).collect())
            }
            Self::Bool => Values::Integer(integers().map(|&value| i64::from(value != 0)).collect()),
            Self::Uint64 => Values::Integer(within_i64(tensor.integers.clone())?),
            _ => Values::Integer(tensor.integers.clone()),
        })
    }
}

/// Numbers of a width, which are read into their place piece by piece.
fn numbers<const WIDTH: usize, T>(bytes: Bytes<'_>, number: impl Fn([u8; WIDTH]) -> T) -> io::Result<Vec<T>> {
    // As many bytes are there; but a file with holes may be longer than any memory.
    let mut numbers = Vec::new();
    numbers.try_reserve_exact(usize::try_from(bytes.length()).map_or(usize::MAX, |length| length / WIDTH))?;
    // Weights are read from memory as a whole: that goes faster by large pages.
    channel_kernels::prefer_large_pages(numbers.spare_capacity_mut());
    bytes.in_pieces(|piece| numbers.extend(piece.as_chunks::<WIDTH>().0.iter().map(|&chunk| number(chunk))))?;
    Ok(numbers)
}

/// Numbers of 4 bits, two in each byte, the lower one first.
fn halves(bytes: Bytes<'_>, number: impl Fn(u8) -> i64) -> io::Result<Vec<i64>> {
    let pairs = numbers(bytes, |[byte]| [number(byte & 0xf), number(byte >> 4)])?;
    Ok(pairs.into_iter().flatten().collect())
}

/// Unsigned 64-bit numbers, read as if signed.
fn within_i64(values: Vec<i64>) -> Result<Vec<i64>, String> {
    if values.iter().all(|&value| value >= 0) {
        Ok(values)
    } else {
        Err("a UINT64 number above 2⁶³ − 1; no shape, axis or position is that large".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(tensor: &Tensor<'_>) -> Result<Constant<f64>, Error> {
        decode(tensor, Path::new("."))
    }

    fn raw(data_type: DataType, dimensions: &[i64], raw: &[u8]) -> Result<Constant<f64>, Error> {
        decoded(&Tensor {
            name: "w".to_owned(),
            dimensions: dimensions.to_vec(),
            data_type: Some(data_type),
            raw: Some(Source::of(raw).whole()),
            ..Tensor::default()
        })
    }

    fn typed(data_type: DataType, integers: &[i64]) -> Result<Constant<f64>, Error> {
        let dimensions = vec![integers.len() as i64];
        decoded(&Tensor { dimensions, data_type: Some(data_type), integers: integers.to_vec(), ..Tensor::default() })
    }

    fn reals(constant: Result<Constant<f64>, Error>) -> Vec<f64> {
        match constant.unwrap() {
            Constant::Real(values) => values.iter().copied().collect(),
            Constant::Integer(_) => panic!("integers"),
        }
    }

    fn integers(constant: Result<Constant<f64>, Error>) -> Vec<i64> {
        match constant.unwrap() {
            Constant::Integer(values) => values.iter().copied().collect(),
            Constant::Real(_) => panic!("reals"),
        }
    }

    #[test]
    fn floating_point_numbers_of_every_type_are_read() {
        let values = [1.5, -0.25];
        let bytes =
            |encode: &dyn Fn(f64) -> Vec<u8>| values.iter().flat_map(|&value| encode(value)).collect::<Vec<_>>();
        let float = bytes(&|value| (value as f32).to_le_bytes().to_vec());
        let double = bytes(&|value| value.to_le_bytes().to_vec());
        let half = bytes(&|value| f16::from_f64(value).to_le_bytes().to_vec());
        let brain = bytes(&|value| bf16::from_f64(value).to_le_bytes().to_vec());
        assert_eq!(reals(raw(DataType::FLOAT, &[2, 1], &float)), values);
        assert_eq!(reals(raw(DataType::DOUBLE, &[2], &double)), values);
        assert_eq!(reals(raw(DataType::FLOAT16, &[1, 2], &half)), values);
        assert_eq!(reals(raw(DataType::BFLOAT16, &[2], &brain)), values);
        let bits = |bits: [u16; 2]| bits.map(i64::from);
        assert_eq!(reals(typed(DataType::FLOAT16, &bits(values.map(|value| f16::from_f64(value).to_bits())))), values);
        assert_eq!(
            reals(typed(DataType::BFLOAT16, &bits(values.map(|value| bf16::from_f64(value).to_bits())))),
            values
        );
        let (floats, doubles) = (vec![1.5, -0.25], values.to_vec());
        let float = Tensor { dimensions: vec![2], data_type: Some(DataType::FLOAT), floats, ..Tensor::default() };
        let double = Tensor { dimensions: vec![2], data_type: Some(DataType::DOUBLE), doubles, ..Tensor::default() };
        assert_eq!(reals(decoded(&float)), values);
        assert_eq!(reals(decoded(&double)), values);
    }

    #[test]
    fn numbers_in_fields_are_read_in_runs_and_one_by_one() {
        let float = |value: f32| value.to_le_bytes();
        let run = [&[0x22, 8][..], &float(1.5), &float(-0.25)].concat();
        let single = [&[0x25][..], &float(4.0)].concat();
        let double = [&[0x52, 8][..], &2.5f64.to_le_bytes()].concat();
        let read = |count: u8, kind: u8, fields: &[&[u8]]| {
            let message = [&[0x08, count, 0x10, kind][..], &fields.concat()].concat();
            let source = Source::of(&message);
            decoded(&Tensor::decode(source.whole()).unwrap())
        };
        assert_eq!(reals(read(2, 1, &[&run])), [1.5, -0.25]);
        assert_eq!(reals(read(5, 1, &[&run, &single, &run])), [1.5, -0.25, 4.0, 1.5, -0.25]);
        assert_eq!(reals(read(4, 1, &[&run, &run])), [1.5, -0.25, 1.5, -0.25]);
        assert_eq!(reals(read(3, 1, &[&single, &run])), [4.0, 1.5, -0.25]);
        assert_eq!(reals(read(1, 11, &[&double])), [2.5]);
        // Numbers of another type than the tensor's are none of its.
        assert!(read(1, 1, &[&double]).is_err() && read(3, 1, &[&run]).is_err());
    }

    #[test]
    fn integers_of_every_type_are_read() {
        assert_eq!(integers(raw(DataType::BOOL, &[3], &[0, 1, 2])), [0, 1, 1]);
        assert_eq!(integers(raw(DataType::INT4, &[3], &[0x8f, 0x07])), [-1, -8, 7]);
        assert_eq!(integers(raw(DataType::UINT4, &[2, 1], &[0x8f])), [15, 8]);
        let packed = Tensor {
            dimensions: vec![3],
            data_type: Some(DataType::INT4),
            integers: vec![0x8f, 7],
            ..Tensor::default()
        };
        assert_eq!(integers(decoded(&packed)), [-1, -8, 7]);
        assert!(raw(DataType::INT4, &[3], &[0x8f]).is_err());
        assert_eq!(integers(raw(DataType::INT8, &[2], &[0xff, 5])), [-1, 5]);
        assert_eq!(integers(raw(DataType::UINT8, &[2], &[0xff, 5])), [255, 5]);
        assert_eq!(integers(raw(DataType::INT16, &[1], &(-300i16).to_le_bytes())), [-300]);
        assert_eq!(integers(raw(DataType::UINT16, &[1], &60000u16.to_le_bytes())), [60000]);
        assert_eq!(integers(raw(DataType::INT32, &[], &(-70000i32).to_le_bytes())), [-70000]);
        assert_eq!(integers(raw(DataType::UINT32, &[1], &u32::MAX.to_le_bytes())), [4294967295]);
        assert_eq!(integers(raw(DataType::INT64, &[1, 1], &i64::MIN.to_le_bytes())), [i64::MIN]);
        assert_eq!(integers(raw(DataType::UINT64, &[1], &7u64.to_le_bytes())), [7]);
        assert!(raw(DataType::UINT64, &[1], &u64::MAX.to_le_bytes()).is_err());
        for kind in [DataType::INT8, DataType::INT32, DataType::INT64, DataType::UINT16, DataType::UINT64] {
            assert_eq!(integers(typed(kind, &[3, 4])), [3, 4]);
        }
        assert_eq!(integers(typed(DataType::BOOL, &[0, 1])), [0, 1]);
    }

    #[test]
    fn absurd_shapes_are_refused_before_anything_is_allocated() {
        for dimensions in
            [vec![-1], vec![1 << 62], vec![1 << 40, 1 << 40], vec![i64::MAX, 0, i64::MAX], vec![2, 2], vec![2], vec![0]]
        {
            let error = raw(DataType::FLOAT, &dimensions, &[0; 4]).unwrap_err().to_string();
            assert!(error.starts_with("tensor \"w\": "), "{error}");
        }
        assert!(raw(DataType::FLOAT, &[1], &[0; 5]).is_err());
        assert!(raw(DataType::FLOAT, &[0, 3], &[]).is_ok());
        assert!(raw(DataType::STRING, &[1], &[]).unwrap_err().to_string().contains("STRING"));
    }
}
