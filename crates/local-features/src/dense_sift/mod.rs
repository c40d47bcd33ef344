//! Dense SIFT: histograms of gradient orientations on a regular grid, turned to the dominant gradient.

mod descriptor;
mod gradient;
mod smoothing;
#[cfg(test)]
mod tests;
mod upright;
mod votes;

use ndarray::{Array2, ArrayView2, ArrayView3, ArrayViewMut2, Axis, aview1};
use serde::{Deserialize, Serialize};

use crate::grid::Grid;
use crate::plane::Plane;
use crate::{Area, Channel, Error, FeatureExtractor, LocalFeatures};
use descriptor::Describer;
use gradient::{Field, Gradient};
use smoothing::Gaussian;
use upright::Upright;

/// Samples along either axis of a descriptor.
const SAMPLES: usize = 16;
/// Histograms along either axis of a descriptor.
const CELLS: usize = 4;
/// Orientations of each histogram.
const ORIENTATIONS: usize = 8;
/// Numbers of a descriptor.
const LENGTH: usize = CELLS * CELLS * ORIENTATIONS;

/// How descriptors are turned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotation {
    /// To the direction of the gradient around the descriptor's center, smoothed with σ = 1.5 scale; not at all where
    /// that gradient is at most 1e-6. What is described then looks the same however the object is turned.
    #[default]
    DominantGradient,
    /// All by the same angle.
    Fixed {
        /// Radians, from the direction of growing columns to that of growing rows.
        angle: f64,
    },
}

/// Dense SIFT descriptors: 4×4 histograms of 8 gradient orientations each, 128 numbers for each channel.
///
/// The gray image is smoothed with a Gaussian of σ = scale/2. Around each point of the grid, its gradient is sampled
/// 16×16 times within a square of side 12 · scale, turned by the [`Rotation`]; samples outside of the image count as
/// zero. Under a Gaussian window of σ = side/2, each sample votes for its 8 orientations and 4×4 cells with trilinear
/// weights. The histograms, row of cells by row of cells, are scaled to norm 1, clipped at 0.2 and scaled to norm 1
/// again; a patch whose norm is no more than `contrast` is flat, and has a zero descriptor.
///
/// ```
/// use local_features::{Area, DenseSift};
/// use ndarray::Array2;
/// let edge = Array2::from_shape_fn((48, 48), |(_, column)| if column < 24 { 0.0 } else { 1.0 });
/// let features = DenseSift::default().describe(edge.view())?;
/// assert_eq!(features.descriptors.dim(), (64, 128));
/// assert_eq!(features.areas[0], Area::RotatedSquare { row: 3.0, column: 3.0, side: 24.0, angle: 0.0 });
/// assert!(features.descriptors.rows().into_iter().all(|row| row.sum() == 0.0 || (row.dot(&row) - 1.0).abs() < 1e-5));
/// # Ok::<(), local_features::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenseSift {
    /// Size of a descriptor: its side is 12 · scale pixels (the paper's 4 · 3 · scale). Default 2.0, the smaller of the
    /// two scales of the paper's experiment on polygons and circles; the other is 3.0.
    pub scale: f64,
    /// Distance of grid points in pixels, the first half a step from the border. Default 6, so that 17×17 points cover
    /// a tile of 102×102; the paper does not give it.
    pub step: usize,
    /// How descriptors are turned. Default: to the dominant gradient, as in the paper.
    pub rotation: Rotation,
    /// The norm up to which a descriptor counts as flat, for images in [0, 1]. Default 1e-3, well below what a single
    /// step of 8-bit gray makes; the paper does not give it.
    pub contrast: f64,
    /// The gray images whose descriptors are concatenated; the first of them decides on the rotation. Default: gray.
    pub channels: Vec<Channel>,
}

impl Default for DenseSift {
    fn default() -> Self {
        Self {
            scale: 2.0,
            step: 6,
            rotation: Rotation::DominantGradient,
            contrast: 1e-3,
            channels: vec![Channel::Gray],
        }
    }
}

impl DenseSift {
    /// Side of a descriptor in pixels: 12 · scale.
    pub fn side(&self) -> f64 {
        12.0 * self.scale
    }

    /// The descriptors of one gray image with values in [0, 1], whatever the [`channels`](Self::channels): D = 128.
    ///
    /// # Errors
    /// [`Error::ImageTooSmall`] when a descriptor's side does not fit, or the image has fewer than 2×2 pixels;
    /// [`Error::Pixel`] for values that are not finite; [`Error::Parameter`] and [`Error::NoGridPoint`] for parameters
    /// that make no sense.
    pub fn describe(&self, gray: ArrayView2<'_, f64>) -> Result<LocalFeatures, Error> {
        self.check(gray.dim())?;
        self.describe_planes(&[Plane::of_image(gray.to_owned())?])
    }

    /// The descriptors of several planes of the same size, concatenated.
    fn describe_planes(&self, planes: &[Plane]) -> Result<LocalFeatures, Error> {
        let Some(first) = planes.first() else { return Err(Error::NoChannel) };
        let shape = (first.height(), first.width());
        let grid = Grid::new(shape, self.step);
        let mut descriptors = Array2::zeros((grid.len(), planes.len() * LENGTH));
        let smooth = planes.iter().map(|plane| Gaussian::new(self.scale / 2.0).smooth(plane));
        let channels = smooth.zip(descriptors.axis_chunks_iter_mut(Axis(1), LENGTH));
        let angles = if let Rotation::Fixed { angle: 0.0 } = self.rotation {
            let mut upright = Upright::new(&grid, shape, self.side());
            for (smooth, rows) in channels {
                upright.describe(&smooth, self.contrast, rows);
            }
            vec![0.0; grid.len()]
        } else {
            self.describe_turned(&grid, channels)
        };
        let side = self.side();
        let areas = grid
            .points()
            .zip(angles)
            .map(|((row, column), angle)| Area::RotatedSquare { row: row as f64, column: column as f64, side, angle })
            .collect();
        Ok(LocalFeatures { descriptors, areas })
    }

    /// Descriptors that are turned, each for itself; gives their angles, which the first of the channels decides on.
    fn describe_turned<'a>(
        &self,
        grid: &Grid,
        channels: impl Iterator<Item = (Plane, ArrayViewMut2<'a, f32>)>,
    ) -> Vec<f64> {
        let mut angles = Vec::new();
        for (channel, (smooth, mut rows)) in channels.enumerate() {
            let gradient = Gradient::of(&smooth);
            if channel == 0 {
                angles = match self.rotation {
                    Rotation::DominantGradient => gradient.directions(grid, 1.5 * self.scale),
                    Rotation::Fixed { angle } => vec![angle; grid.len()],
                };
            }
            let field = Field::new(&gradient);
            let describer = Describer::new(&field, self.side(), self.contrast);
            for ((point, &angle), mut row) in grid.points().zip(&angles).zip(rows.rows_mut()) {
                row.assign(&aview1(&describer.describe(point, angle)));
            }
        }
        angles
    }

    /// Fails when parameters make no sense, or do not fit the image.
    fn check(&self, (height, width): (usize, usize)) -> Result<(), Error> {
        let parameter = |name, value, expected, right| {
            if right { Ok(()) } else { Err(Error::Parameter { name, value, expected }) }
        };
        parameter("scale", self.scale, "a finite number above 0", self.scale.is_finite() && self.scale > 0.0)?;
        parameter(
            "contrast",
            self.contrast,
            "a finite number, 0 or larger",
            self.contrast.is_finite() && self.contrast >= 0.0,
        )?;
        if let Rotation::Fixed { angle } = self.rotation {
            parameter("the angle of the rotation", angle, "a finite number of radians", angle.is_finite())?;
        }
        let (smaller, side) = (height.min(width), self.side());
        if smaller < 2 || (smaller as f64) < side {
            return Err(Error::ImageTooSmall { height, width, scale: self.scale, side });
        }
        Grid::check_step((height, width), self.step)
    }
}

impl FeatureExtractor for DenseSift {
    fn dimensions(&self) -> usize {
        LENGTH * self.channels.len()
    }

    /// A descriptor has to fit, and the grid begins half a step from the border.
    fn smallest_image(&self) -> usize {
        (self.side().ceil() as usize).max(self.step / 2 + 1).max(2)
    }

    /// # Errors
    /// As for [`describe`](DenseSift::describe); [`Error::NoChannel`] when the list of channels is empty, and
    /// [`Error::ImageChannels`] when the image has neither 1 nor 3.
    fn extract(&self, image: ArrayView3<'_, f64>) -> Result<LocalFeatures, Error> {
        let (height, width, _) = image.dim();
        self.check((height, width))?;
        let planes: Vec<Plane> = self
            .channels
            .iter()
            .map(|channel| channel.of(image).and_then(Plane::of_image))
            .collect::<Result<_, _>>()?;
        self.describe_planes(&planes)
    }
}
