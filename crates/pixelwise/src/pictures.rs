//! Arrays as pictures: one relevance for each pixel, and inputs as people see them.

use images::Layout;
use ndarray::{Array1, Array2, Array3, ArrayD, ArrayViewD, Axis, Ix2, concatenate};
use neural_lrp::Real;

use crate::failure::Failure;

/// The order of the axes of one sample: channels first, unless only the last axis has 1 or 3.
pub fn layout(sample: &[usize]) -> Layout {
    match sample {
        [first, _, 1 | 3] if !matches!(first, 1 | 3) => Layout::Nhwc,
        _ => Layout::Nchw,
    }
}

/// The relevance of each pixel of one sample: that of its channels together (the paper's heatmaps).
///
/// Axes before the channels are summed too. A matrix is shown as it is, a vector as a row, or as a square where its
/// length is one (digits as vectors).
pub fn pixel_relevance<F: Real>(sample: ArrayViewD<'_, F>) -> Result<Array2<f64>, Failure> {
    let mut map = sample.mapv(|value| value.as_());
    if layout(sample.shape()) == Layout::Nhwc {
        map = map.sum_axis(Axis(2));
    }
    while map.ndim() > 2 {
        map = map.sum_axis(Axis(0));
    }
    if map.ndim() < 2 {
        let length = map.len();
        let side = length.isqrt();
        let shape = if side * side == length { (side, side) } else { (1, length) };
        return Ok(Array1::from_iter(map).into_shape_with_order(shape)?);
    }
    Ok(map.into_dimensionality::<Ix2>()?)
}

/// An input that came as an array, as a picture: its smallest number black, its largest white; colors where it has
/// three channels.
pub fn shown<F: Real>(sample: ArrayViewD<'_, F>) -> Result<Array3<u8>, Failure> {
    let channels_axis = if layout(sample.shape()) == Layout::Nhwc { Axis(2) } else { Axis(0) };
    let planes: Vec<Array2<f64>> = match sample.ndim() {
        3 if sample.len_of(channels_axis) == 3 => {
            sample.axis_iter(channels_axis).map(pixel_relevance).collect::<Result<_, _>>()?
        }
        _ => vec![pixel_relevance(sample)?],
    };
    let planes: Vec<ArrayD<f64>> = planes.into_iter().map(|plane| plane.insert_axis(Axis(2)).into_dyn()).collect();
    let views: Vec<_> = planes.iter().map(ArrayD::view).collect();
    let values = concatenate(Axis(2), &views)?;
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
    let byte = |value: f64| if high > low { (255.0 * (value - low) / (high - low)).round() as u8 } else { 127 };
    Ok(values.mapv(byte).into_dimensionality()?)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, array, s};

    use super::*;

    #[test]
    fn channels_are_summed_wherever_they_stand() {
        let first = Array::from_shape_fn((3, 4, 5), |(c, y, x)| (100 * c + 10 * y + x) as f32).into_dyn();
        let last = first.view().permuted_axes(vec![1, 2, 0]);
        let map = pixel_relevance(first.view()).unwrap();
        assert_eq!((map.dim(), map[[2, 3]]), ((4, 5), 300.0 + 3.0 * 23.0));
        assert_eq!(pixel_relevance(last).unwrap(), map);
    }

    #[test]
    fn vectors_are_rows_or_squares() {
        let dim = |length: usize| pixel_relevance(Array::<f32, _>::zeros(vec![length]).view()).unwrap().dim();
        assert_eq!((dim(784), dim(10)), ((28, 28), (1, 10)));
    }

    #[test]
    fn arrays_are_shown_from_black_to_white() {
        let gray = shown(array![[[-1.0f32, 1.0]]].into_dyn().view()).unwrap();
        assert_eq!(gray, array![[[0], [255]]]);
        let color = Array::from_shape_fn((3, 2, 2), |(c, ..)| c as f32).into_dyn();
        assert_eq!(shown(color.view()).unwrap().slice(s![1, 0, ..]), array![0, 128, 255]);
    }
}
