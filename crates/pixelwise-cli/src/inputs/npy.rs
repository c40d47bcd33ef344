//! Arrays in numpy's files, of any numeric type, order and rank.

use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use neural_lrp::Real;

/// What every .npy file begins with.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// What the file says of its array.
#[derive(Debug, PartialEq)]
struct Header {
    /// The type of the numbers: `"<f4"`.
    descriptor: String,
    /// Whether the first axis is the fastest.
    fortran_order: bool,
    shape: Vec<usize>,
}

/// Reads the array of a file; its numbers become the numbers that the network computes in.
pub fn decode<F: Real>(bytes: &[u8]) -> Result<ArrayD<F>, String> {
    let (header, data) = split(bytes)?;
    let header = Header::parse(header)?;
    let (size, convert) = reader::<F>(&header.descriptor)?;
    let count = header.shape.iter().try_fold(1usize, |count, &length| count.checked_mul(length));
    let expected = count.and_then(|count| count.checked_mul(size));
    if expected != Some(data.len()) {
        return Err(format!(
            "its header promises an array of shape {:?} of type {}, and {} bytes follow, not {}; it was cut short, or \
             is no array: save it again with numpy.save",
            header.shape,
            header.descriptor,
            data.len(),
            expected.map_or("so many".to_owned(), |expected| expected.to_string()),
        ));
    }
    let values = data.chunks_exact(size).map(convert).collect();
    let shape = IxDyn(&header.shape).set_f(header.fortran_order);
    let array = ArrayD::from_shape_vec(shape, values).map_err(|error| error.to_string())?;
    Ok(if array.is_standard_layout() { array } else { array.as_standard_layout().into_owned() })
}

/// The header's text, and the numbers behind it.
fn split(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let whole = || "it is no whole .npy file: it ends within its header; save it again with numpy.save".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or("it is no .npy file: save the array with numpy.save")?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(whole)?;
    // Versions differ in how many bytes say the header's length.
    let (length, rest) = match version {
        [1, _] => rest.split_first_chunk().map(|(length, rest)| (u16::from_le_bytes(*length).into(), rest)),
        [2 | 3, _] => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length), rest)),
        _ => return Err(format!("it has version {}.{} of the format; 1.0 to 3.0 can be read", version[0], version[1])),
    }
    .ok_or_else(whole)?;
    let (header, data) = rest.split_at_checked(length as usize).ok_or_else(whole)?;
    Ok((std::str::from_utf8(header).map_err(|_| "its header is no text")?, data))
}

impl Header {
    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`
    fn parse(text: &str) -> Result<Self, String> {
        let value = |key: &str| {
            let start = text.find(&format!("'{key}'")).map(|start| &text[start + key.len() + 2..]);
            start.and_then(|rest| rest.trim_start().strip_prefix(':')).map(str::trim_start)
        };
        let parsed = || {
            let descriptor = value("descr")?.strip_prefix('\'')?.split_once('\'')?.0.to_owned();
            let order = value("fortran_order")?;
            let fortran_order = order.starts_with("True");
            let lengths = value("shape")?.strip_prefix('(')?.split_once(')')?.0;
            let lengths = lengths.split(',').map(str::trim).filter(|length| !length.is_empty());
            let shape = lengths.map(|length| length.parse().ok()).collect::<Option<_>>()?;
            (fortran_order || order.starts_with("False")).then_some(Self { descriptor, fortran_order, shape })
        };
        parsed().ok_or_else(|| {
            format!(
                "its header {:?} does not describe an array of plain numbers; save one with numpy.save",
                text.trim()
            )
        })
    }
}

/// How many bytes a number has, and how it is read.
type Reader<F> = (usize, fn(&[u8]) -> F);

/// How the numbers of a type are read.
fn reader<F: Real>(descriptor: &str) -> Result<Reader<F>, String> {
    macro_rules! numbers {
        ($($code:literal => $number:ty),+ $(,)?) => {
            match descriptor.split_at_checked(1) {
                $(
                    Some(("<" | "|" | "=", $code)) => Ok((size_of::<$number>(), |bytes: &[u8]| {
                        F::of(bytes.try_into().map(<$number>::from_le_bytes).unwrap_or_default().into_double())
                    })),
                    Some((">", $code)) => Ok((size_of::<$number>(), |bytes: &[u8]| {
                        F::of(bytes.try_into().map(<$number>::from_be_bytes).unwrap_or_default().into_double())
                    })),
                )+
                Some((_, "b1")) => Ok((1, |bytes: &[u8]| F::of(f64::from(u8::from(bytes != [0]))))),
                _ => Err(format!(
                    "its numbers are of type {descriptor:?}; real and whole numbers and booleans can be read: save it \
                     with array.astype('float32')"
                )),
            }
        };
    }
    numbers! {
        "f2" => Half, "f4" => f32, "f8" => f64,
        "i1" => i8, "i2" => i16, "i4" => i32, "i8" => i64,
        "u1" => u8, "u2" => u16, "u4" => u32, "u8" => u64,
    }
}

/// Any number as a double one.
trait IntoDouble {
    fn into_double(self) -> f64;
}

/// The bits of a number of half precision: a sign, 5 of the exponent, 10 of the fraction.
#[derive(Default)]
struct Half(u16);

impl Half {
    fn from_le_bytes(bytes: [u8; 2]) -> Self {
        Self(u16::from_le_bytes(bytes))
    }

    fn from_be_bytes(bytes: [u8; 2]) -> Self {
        Self(u16::from_be_bytes(bytes))
    }
}

impl IntoDouble for Half {
    fn into_double(self) -> f64 {
        let sign = if self.0 >> 15 == 0 { 1.0 } else { -1.0 };
        let (exponent, fraction) = (i32::from(self.0 >> 10 & 31), f64::from(self.0 & 1023));
        match exponent {
            0 => sign * fraction * 2f64.powi(-24),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            exponent => sign * (1024.0 + fraction) * 2f64.powi(exponent - 25),
        }
    }
}

macro_rules! into_double {
    ($($number:ty)+) => {
        $(impl IntoDouble for $number {
            fn into_double(self) -> f64 {
                self as f64
            }
        })+
    };
}

into_double! { f32 f64 i8 i16 i32 i64 u8 u16 u32 u64 }

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn header(descriptor: &str, order: &str, shape: &str) -> String {
        format!("{{'descr': '{descriptor}', 'fortran_order': {order}, 'shape': ({shape}), }}\n")
    }

    #[test]
    fn every_type_becomes_the_networks_numbers() {
        let expected = array![1.0, 2.0].into_dyn();
        let cases: [(&str, Vec<u8>); 8] = [
            ("<f2", vec![0x00, 0x3c, 0x00, 0x40]),
            ("<f4", [1.0f32, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
            (">f4", [1.0f32, 2.0].iter().flat_map(|x| x.to_be_bytes()).collect()),
            ("<f8", [1.0f64, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect()),
            ("|i1", vec![1, 2]),
            (">i8", [1i64, 2].iter().flat_map(|x| x.to_be_bytes()).collect()),
            ("|u1", vec![1, 2]),
            ("<u2", vec![1, 0, 2, 0]),
        ];
        for (descriptor, data) in cases {
            let bytes = file(&header(descriptor, "False", "2,"), &data);
            assert_eq!(decode::<f64>(&bytes).unwrap(), expected, "{descriptor}");
            assert_eq!(decode::<f32>(&bytes).unwrap(), expected.mapv(|x| x as f32), "{descriptor}");
        }
        let booleans = file(&header("|b1", "False", "3,"), &[1, 0, 1]);
        assert_eq!(decode::<f32>(&booleans).unwrap(), array![1.0, 0.0, 1.0].into_dyn());
    }

    #[test]
    fn half_precision_is_read_to_the_bit() {
        let cases =
            [(0x0000, 0.0), (0x3555, 0.333251953125), (0xc248, -3.140625), (0x0001, 2f64.powi(-24)), (0x7bff, 65504.0)];
        for (bits, value) in cases {
            assert_eq!(Half(bits).into_double(), value);
        }
        assert_eq!(Half(0xfc00).into_double(), f64::NEG_INFINITY);
        assert!(Half(0x7e00).into_double().is_nan());
    }

    #[test]
    fn fortran_order_and_any_rank_are_read() {
        let bytes = file(&header("|u1", "True", "2, 3"), &[1, 4, 2, 5, 3, 6]);
        let array = decode::<f64>(&bytes).unwrap();
        assert_eq!(array, array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into_dyn());
        assert!(array.is_standard_layout());
        let number = decode::<f64>(&file(&header("|u1", "False", ""), &[7])).unwrap();
        assert_eq!((number.ndim(), number.sum()), (0, 7.0));
        assert_eq!(decode::<f64>(&file(&header("<f4", "False", "0, 3"), &[])).unwrap().shape(), [0, 3]);
    }

    #[test]
    fn a_file_cut_short_anywhere_is_an_error() {
        let bytes = file(&header("<f4", "False", "2, 2"), &[0; 16]);
        assert!(decode::<f32>(&bytes).is_ok());
        for length in 0..bytes.len() {
            let reason = decode::<f32>(&bytes[..length]).unwrap_err();
            assert!(reason.contains("numpy.save"), "{length}: {reason}");
        }
    }

    #[test]
    fn what_can_not_be_read_says_what_can() {
        let absurd = file(&header("<f8", "False", "18446744073709551615, 9"), &[]);
        assert!(decode::<f32>(&absurd).unwrap_err().contains("not so many"));
        let complex = file(&header("<c8", "False", "1,"), &[0; 8]);
        assert!(decode::<f32>(&complex).unwrap_err().contains("astype"));
        let objects = file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", &[0; 4]);
        assert!(decode::<f32>(&objects).unwrap_err().contains("plain numbers"));
    }
}
