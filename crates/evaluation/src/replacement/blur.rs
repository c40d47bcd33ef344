//! The mean over the square around each pixel.

use std::num::NonZeroUsize;
use std::ops::Range;

use ndarray::{Array1, Array3, ArrayView3, Axis, s};

/// Each value becomes the mean over a square of `side` pixels, channel by channel; outside of the image is 0.
///
/// ```text
/// y(r, c) = 1/side² Σ x(r', c'),   r − ⌊side/2⌋ ≤ r' < r − ⌊side/2⌋ + side,  c' alike
/// ```
pub(super) fn blurred(image: ArrayView3<'_, f64>, side: NonZeroUsize) -> Array3<f64> {
    // A square is a row of columns.
    along(Axis(1), along(Axis(0), image, side).view(), side)
}

fn along(axis: Axis, image: ArrayView3<'_, f64>, side: NonZeroUsize) -> Array3<f64> {
    let length = image.len_of(axis);
    let mut means = Array3::zeros(image.raw_dim());
    for (lane, mut of_lane) in image.lanes(axis).into_iter().zip(means.lanes_mut(axis)) {
        let lane: Array1<f64> = lane.to_owned();
        for (place, mean) in of_lane.iter_mut().enumerate() {
            *mean = lane.slice(s![window(place, side.get(), length)]).sum() / side.get() as f64;
        }
    }
    means
}

/// Which places are averaged for one.
fn window(place: usize, side: usize, length: usize) -> Range<usize> {
    let start = place.saturating_sub(side / 2);
    let end = place.saturating_add(side - side / 2).min(length);
    start..end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the formula has it.
    fn plain(image: &Array3<f64>, side: usize) -> Array3<f64> {
        let at = |row: i64, column: i64, channel: usize| {
            let inside = row >= 0 && column >= 0;
            if inside { image.get([row as usize, column as usize, channel]).copied().unwrap_or(0.0) } else { 0.0 }
        };
        Array3::from_shape_fn(image.dim(), |(row, column, channel)| {
            let mut sum = 0.0;
            for down in 0..side as i64 {
                for right in 0..side as i64 {
                    let half = side as i64 / 2;
                    sum += at(row as i64 - half + down, column as i64 - half + right, channel);
                }
            }
            sum / (side * side) as f64
        })
    }

    proptest! {
        #[test]
        fn the_blur_is_the_mean_of_squares(height in 1_usize..9, width in 1_usize..9, side in 1_usize..12) {
            let image = Array3::from_shape_fn((height, width, 2), |(row, column, channel)| {
                ((row * 7 + column * 3 + channel) as f64).sin()
            });
            let fast = blurred(image.view(), NonZeroUsize::new(side).expect("at least 1"));
            for (fast, slow) in fast.iter().zip(&plain(&image, side)) {
                prop_assert!((fast - slow).abs() < 1e-14, "{} {}", fast, slow);
            }
        }
    }
}
