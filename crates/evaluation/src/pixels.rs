//! Inputs of any layout, seen as rows × columns × channels.

use ndarray::{Array2, ArrayBase, ArrayViewD, Axis, Ix3, IxDyn, RawData};

use crate::Error;
use crate::error::check_finite;

/// The same numbers with the axes rows, columns, channels. A line of pixels is one row; without an axis of channels
/// each number is a pixel of one channel.
pub(crate) fn by_pixel<S: RawData>(
    input: ArrayBase<S, IxDyn>,
    channel_axis: Option<Axis>,
) -> Result<ArrayBase<S, Ix3>, Error> {
    let unfit = Error::Pixels { shape: input.shape().to_vec(), channel_axis: channel_axis.map(Axis::index) };
    let with_channels_last = match channel_axis {
        None => {
            let behind = Axis(input.ndim());
            input.insert_axis(behind)
        }
        Some(Axis(channels)) if channels < input.ndim() => {
            let mut axes: Vec<usize> = (0..input.ndim()).filter(|&axis| axis != channels).collect();
            axes.push(channels);
            input.permuted_axes(axes)
        }
        Some(_) => return Err(unfit),
    };
    let pixels =
        if with_channels_last.ndim() == 2 { with_channels_last.insert_axis(Axis(0)) } else { with_channels_last };
    match pixels.into_dimensionality::<Ix3>() {
        Ok(pixels) if !pixels.is_empty() => Ok(pixels),
        _ => Err(unfit),
    }
}

/// The relevance of each pixel of an input: summed over the channels where the relevance has them.
pub(crate) fn relevance_of_pixels(
    relevance: ArrayViewD<'_, f64>,
    input_shape: &[usize],
    channel_axis: Option<Axis>,
) -> Result<Array2<f64>, Error> {
    check_finite("the relevance", &relevance)?;
    let without_channels = input_shape.iter().enumerate().filter(|(axis, _)| Some(Axis(*axis)) != channel_axis);
    if relevance.shape() == input_shape {
        Ok(by_pixel(relevance, channel_axis)?.sum_axis(Axis(2)))
    } else if relevance.shape().iter().eq(without_channels.map(|(_, length)| length)) {
        Ok(by_pixel(relevance, None)?.sum_axis(Axis(2)))
    } else {
        Err(Error::RelevanceShape { found: relevance.shape().to_vec(), input: input_shape.to_vec() })
    }
}

/// `max|R|`, or 1 where that is 0.
pub(crate) fn largest_magnitude(relevance: ArrayViewD<'_, f64>) -> f64 {
    let largest = relevance.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest > 0.0 { largest } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array3, ArrayD};

    use super::*;

    fn counted(shape: &[usize]) -> ArrayD<f64> {
        Array::from_iter((0..shape.iter().product::<usize>()).map(|value| value as f64))
            .into_shape_with_order(shape)
            .expect("fits")
    }

    #[test]
    fn every_layout_becomes_rows_columns_channels() -> Result<(), Error> {
        let channels_last = counted(&[2, 3, 4]);
        let channels_first = channels_last.clone().permuted_axes(vec![2, 0, 1]);
        let expected: Array3<f64> = channels_last.clone().into_dimensionality().expect("three axes");
        assert_eq!(by_pixel(channels_last, Some(Axis(2)))?, expected);
        assert_eq!(by_pixel(channels_first, Some(Axis(0)))?, expected);
        assert_eq!(by_pixel(counted(&[5, 7]), None)?.dim(), (5, 7, 1));
        assert_eq!(by_pixel(counted(&[5]), None)?.dim(), (1, 5, 1));
        assert_eq!(by_pixel(counted(&[5, 3]), Some(Axis(1)))?.dim(), (1, 5, 3));
        Ok(())
    }

    #[test]
    fn relevance_has_channels_or_has_none() -> Result<(), Error> {
        let with_channels = counted(&[3, 2, 2]);
        let summed = with_channels.sum_axis(Axis(0));
        let expected = relevance_of_pixels(with_channels.view(), &[3, 2, 2], Some(Axis(0)))?;
        assert_eq!(expected.clone().into_dyn(), summed);
        assert_eq!(relevance_of_pixels(summed.view(), &[3, 2, 2], Some(Axis(0)))?, expected);
        Ok(())
    }

    #[test]
    fn what_has_no_pixels_or_does_not_fit_is_an_error() {
        for (shape, axis) in [
            (&[][..], None),
            (&[0, 3], None),
            (&[2, 2, 2], None),
            (&[2, 2, 2, 2], Some(Axis(0))),
            (&[2, 2], Some(Axis(2))),
        ] {
            assert!(matches!(by_pixel(counted(shape), axis), Err(Error::Pixels { .. })), "{shape:?} {axis:?}");
        }
        let error = relevance_of_pixels(counted(&[2, 3]).view(), &[2, 2, 3], Some(Axis(2))).expect_err("another shape");
        assert_eq!(
            error.to_string(),
            "the relevance has the shape [2, 3] for an input of the shape [2, 2, 3]: it needs the same shape, or that \
             without the axis of channels"
        );
        let mut broken = counted(&[2, 2]);
        broken[[1, 0]] = f64::NAN;
        let error = relevance_of_pixels(broken.view(), &[2, 2], None).expect_err("NaN");
        assert_eq!(error.to_string(), "the relevance: NaN at position 2; all values have to be finite");
    }
}
