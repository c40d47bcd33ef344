//! Quantiles of color intensities over the two halves of a circle.

mod histogram;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView3, ArrayViewMut2, Axis, s};
use serde::{Deserialize, Serialize};

use crate::grid::Grid;
use crate::plane::Plane;
use crate::{Area, Channel, Error, FeatureExtractor, LocalFeatures};
use histogram::{Histogram, Levels};

/// How many quantiles there are: 0.1, 0.2, …, 0.9.
const QUANTILES: usize = 9;
/// The upper half of the circle, and the lower.
const HALVES: usize = 2;

/// Color intensities around the points of a grid: the quantiles 0.1, 0.2, …, 0.9 of each channel over the upper and the
/// lower half of a circle, 18 numbers for each channel (Bach et al. 2015, "Bag of Words features for the Pascal VOC2009
/// data set").
///
/// The circle is as wide as a [`DenseSift`](crate::DenseSift) descriptor of the same scale: its radius is 6 · scale. The
/// diameter between the halves belongs to both, so that neither is ever empty; what sticks out of the image does not
/// count. Between two intensities, quantiles are interpolated: quantile `q` of `n` of them, ascending and counted from
/// 0, lies at `q (n − 1)`. The paper leaves all of this open.
///
/// ```
/// use local_features::{Area, ColorQuantiles, FeatureExtractor};
/// use ndarray::Array3;
/// // From black on the left to white on the right.
/// let ramp = Array3::from_shape_fn((48, 101, 1), |(_, column, _)| column as f64 / 100.0);
/// let features = ColorQuantiles::default().extract(ramp.view())?;
/// assert_eq!(features.descriptors.dim(), (8 * 17, 54));
/// let middle = 4 * 17 + 8; // at row 27, column 51
/// assert_eq!(features.areas[middle], Area::Circle { row: 27.0, column: 51.0, radius: 18.0 });
/// assert_eq!(features.descriptors[[middle, 4]], 0.51); // the median of the upper half
/// # Ok::<(), local_features::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ColorQuantiles {
    /// Size of the circle: its radius is 6 · scale pixels. Default 3.0, the paper's.
    pub scale: f64,
    /// Distance of grid points in pixels, the first half a step from the border. Default 6, that of
    /// [`DenseSift`](crate::DenseSift); the paper does not give it.
    pub step: usize,
    /// The gray images whose quantiles are concatenated. Default: red, green and blue, the paper's.
    pub channels: Vec<Channel>,
}

impl Default for ColorQuantiles {
    fn default() -> Self {
        Self { scale: 3.0, step: 6, channels: vec![Channel::Red, Channel::Green, Channel::Blue] }
    }
}

impl ColorQuantiles {
    /// Radius of the circle in pixels: 6 · scale.
    pub fn radius(&self) -> f64 {
        6.0 * self.scale
    }

    /// Fails when parameters make no sense, or do not fit the image.
    fn check(&self, shape: (usize, usize)) -> Result<(), Error> {
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(Error::Parameter { name: "scale", value: self.scale, expected: "a finite number above 0" });
        }
        if self.channels.is_empty() {
            return Err(Error::NoChannel);
        }
        Grid::check_step(shape, self.step)
    }
}

impl FeatureExtractor for ColorQuantiles {
    fn dimensions(&self) -> usize {
        HALVES * QUANTILES * self.channels.len()
    }

    /// The grid begins half a step from the border.
    fn smallest_image(&self) -> usize {
        self.step / 2 + 1
    }

    /// # Errors
    /// [`Error::NoGridPoint`] when the image is smaller than half a step; [`Error::Pixel`] for values that are not
    /// finite; [`Error::Parameter`] and [`Error::NoChannel`] for parameters that make no sense; [`Error::ImageChannels`]
    /// when the image has neither 1 nor 3 channels.
    fn extract(&self, image: ArrayView3<'_, f64>) -> Result<LocalFeatures, Error> {
        let (height, width, _) = image.dim();
        self.check((height, width))?;
        let grid = Grid::new((height, width), self.step);
        let half = HalfCircle::new(self.radius(), height.max(width));
        let mut descriptors = Array2::zeros((grid.len(), self.dimensions()));
        for (channel, rows) in self.channels.iter().zip(descriptors.axis_chunks_iter_mut(Axis(1), HALVES * QUANTILES)) {
            let plane = Plane::of_image(channel.of(image)?)?;
            measure(&plane, &grid, &half, rows);
        }
        let area = |(row, column)| Area::Circle { row: row as f64, column: column as f64, radius: self.radius() };
        Ok(LocalFeatures { descriptors, areas: grid.points().map(area).collect() })
    }
}

/// Writes the quantiles of one channel, one row for each point of the grid.
fn measure(plane: &Plane, grid: &Grid, half: &HalfCircle, mut descriptors: ArrayViewMut2<'_, f32>) {
    let levels = Levels::of(plane);
    let mut histogram = Histogram::new(&levels);
    for (index, &row) in grid.rows.iter().enumerate() {
        let start = index * grid.columns.len();
        let mut of_row = descriptors.slice_mut(s![start..start + grid.columns.len(), ..]);
        for (direction, mut of_half) in
            [Vertical::Up, Vertical::Down].into_iter().zip(of_row.axis_chunks_iter_mut(Axis(1), QUANTILES))
        {
            histogram.clear();
            let lines: Vec<(usize, usize)> = half.lines(row, plane.height(), direction).collect();
            let mut previous = None;
            for (&column, mut quantiles) in grid.columns.iter().zip(of_half.rows_mut()) {
                for &(line, reach) in &lines {
                    histogram.slide(line, previous, column, reach);
                }
                previous = Some(column);
                for (value, quantile) in quantiles.iter_mut().zip(histogram.quantiles()) {
                    *value = quantile as f32;
                }
            }
        }
    }
}

/// Which half of the circle.
#[derive(Clone, Copy)]
enum Vertical {
    Up,
    Down,
}

/// Half of a circle around a pixel: how far it reaches to either side in its center's row, the row after it, and so on.
struct HalfCircle {
    reaches: Vec<usize>,
}

impl HalfCircle {
    /// No farther than an image of that `extent` needs.
    fn new(radius: f64, extent: usize) -> Self {
        let is_inside = |down: usize, right: usize| {
            let (down, right) = (down as f64, right as f64);
            down * down + right * right <= radius * radius
        };
        let mut reach = (radius.min(extent as f64)) as usize + 1;
        let rows = (0..=extent).take_while(|&down| is_inside(down, 0));
        let reaches = rows
            .map(|down| {
                while reach > 0 && !is_inside(down, reach) {
                    reach -= 1;
                }
                reach
            })
            .collect();
        Self { reaches }
    }

    /// The rows of an image that it covers around a center in `row`, and how far it reaches in each.
    fn lines(&self, row: usize, height: usize, direction: Vertical) -> impl Iterator<Item = (usize, usize)> {
        let reaches = self.reaches.iter().copied().enumerate();
        reaches.map_while(move |(distance, reach)| {
            let line = match direction {
                Vertical::Up => row.checked_sub(distance)?,
                Vertical::Down => row + distance,
            };
            (line < height).then_some((line, reach))
        })
    }
}
