//! Arrays in IDX files, the format of MNIST: two zeros, the type of the numbers, how many axes, their lengths, the numbers,
//! all of them with the highest byte first.

use ndarray::{Array3, ArrayD, Ix3};
use neural_lrp::Real;

/// Whether a file begins as an IDX file does.
pub fn is_idx(start: &[u8]) -> bool {
    matches!(start, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=8, ..])
}

/// Whether it holds pictures: bytes along three axes, those of pictures, rows and columns.
pub fn is_pictures(start: &[u8]) -> bool {
    matches!(start, [0, 0, 0x08, 3, ..])
}

/// How many pictures it holds.
pub fn count(start: &[u8]) -> Option<usize> {
    start.get(4..).and_then(<[u8]>::first_chunk).map(|length| u32::from_be_bytes(*length) as usize)
}

/// Reads the array of a file.
pub fn decode<F: Real>(bytes: &[u8]) -> Result<ArrayD<F>, String> {
    let whole = || "it is no whole IDX file: it ends within its header".to_owned();
    let (&[0, 0, kind, axes], rest) = bytes.split_first_chunk().ok_or_else(whole)? else {
        return Err("it is no IDX file: it should begin with two zeros".to_owned());
    };
    let (lengths, data) = rest.split_at_checked(4 * usize::from(axes)).ok_or_else(whole)?;
    let lengths = lengths.as_chunks().0.iter().map(|length| u32::from_be_bytes(*length) as usize);
    let shape: Vec<usize> = lengths.collect();
    macro_rules! numbers {
        ($number:ty) => {
            values(data, &shape, |bytes| F::of(<$number>::from_be_bytes(*bytes) as f64))
        };
    }
    match kind {
        0x08 => numbers!(u8),
        0x09 => numbers!(i8),
        0x0b => numbers!(i16),
        0x0c => numbers!(i32),
        0x0d => numbers!(f32),
        0x0e => numbers!(f64),
        kind => Err(format!("its numbers are of type {kind:#04x}, which is none of IDX's: 0x08, 0x09, 0x0b to 0x0e")),
    }
}

/// Reads pictures.
pub fn decode_pictures(bytes: &[u8]) -> Result<Array3<u8>, String> {
    let array = decode::<f32>(bytes)?.into_dimensionality::<Ix3>();
    Ok(array.map_err(|_| "it holds no pictures, which have rows and columns")?.mapv(|value| value as u8))
}

fn values<F: Real, const SIZE: usize>(
    data: &[u8],
    shape: &[usize],
    number: impl Fn(&[u8; SIZE]) -> F,
) -> Result<ArrayD<F>, String> {
    let count = shape.iter().try_fold(SIZE, |count, &length| count.checked_mul(length));
    if count != Some(data.len()) {
        return Err(format!(
            "its header promises an array of shape {shape:?}, and {} bytes follow, not {}; it was cut short",
            data.len(),
            count.map_or("so many".to_owned(), |count| count.to_string())
        ));
    }
    ArrayD::from_shape_vec(shape, data.as_chunks().0.iter().map(number).collect()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn file(kind: u8, shape: &[u32], data: &[u8]) -> Vec<u8> {
        let lengths = shape.iter().flat_map(|length| length.to_be_bytes());
        [0, 0, kind, shape.len() as u8].into_iter().chain(lengths).chain(data.iter().copied()).collect()
    }

    #[test]
    fn every_type_is_read() {
        let expected = array![[1.0, -2.0]].into_dyn();
        let bytes = |numbers: [Vec<u8>; 2]| numbers.concat();
        let cases = [
            (0x09, bytes([1i8, -2].map(|x| x.to_be_bytes().to_vec()))),
            (0x0b, bytes([1i16, -2].map(|x| x.to_be_bytes().to_vec()))),
            (0x0c, bytes([1i32, -2].map(|x| x.to_be_bytes().to_vec()))),
            (0x0d, bytes([1f32, -2.0].map(|x| x.to_be_bytes().to_vec()))),
            (0x0e, bytes([1f64, -2.0].map(|x| x.to_be_bytes().to_vec()))),
        ];
        for (kind, data) in cases {
            assert_eq!(decode::<f64>(&file(kind, &[1, 2], &data)).unwrap(), expected, "{kind}");
        }
        let bytes = file(0x08, &[2, 1, 2], &[0, 128, 255, 7]);
        assert!(is_idx(&bytes) && is_pictures(&bytes));
        assert_eq!((count(&bytes), decode_pictures(&bytes).unwrap()), (Some(2), array![[[0, 128]], [[255, 7]]]));
        assert!(!is_pictures(&file(0x08, &[2], &[0, 1])) && !is_idx(b"\x93NUMPY"));
    }

    #[test]
    fn what_is_no_whole_file_is_an_error() {
        let bytes = file(0x08, &[2, 1, 2], &[0, 128, 255, 7]);
        for length in 0..bytes.len() {
            assert!(decode::<f32>(&bytes[..length]).is_err(), "{length}");
        }
        assert!(decode::<f32>(&file(0x08, &[u32::MAX; 8], &[])).unwrap_err().contains("so many"));
        assert!(decode::<f32>(&file(0x07, &[1], &[0])).unwrap_err().contains("0x07"));
    }
}
