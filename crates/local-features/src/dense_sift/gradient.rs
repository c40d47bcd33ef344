//! The gradient of a smoothed image, the direction it has at the points of the grid, and its samples in between.

use super::plane::Plane;
use super::smoothing::Gaussian;

/// The gradient of an image: central differences, one-sided at the border.
pub(super) struct Gradient {
    /// Towards growing columns.
    x: Plane,
    /// Towards growing rows.
    y: Plane,
}

impl Gradient {
    /// The gradient of an image that has at least 2×2 pixels.
    pub(super) fn of(image: &Plane) -> Self {
        let (height, width) = (image.height(), image.width());
        let (mut x, mut y) = (Plane::with_capacity(height, width), Plane::with_capacity(height, width));
        for row in 0..height {
            let line = image.row(row);
            let inner = line.windows(3).map(|three| (three[2] - three[0]) * 0.5);
            x.push_row(std::iter::once(line[1] - line[0]).chain(inner).chain([line[width - 1] - line[width - 2]]));
            let (above, below) = (row.saturating_sub(1), (row + 1).min(height - 1));
            let per_row = 1.0 / (below - above) as f64;
            y.push_row(image.row(above).iter().zip(image.row(below)).map(|(above, below)| (below - above) * per_row));
        }
        Self { x, y }
    }

    /// The angle of the gradient, smoothed over `sigma` pixels, at each point of the grid; 0 where it is too small to
    /// have a direction.
    pub(super) fn directions(&self, grid: &Grid, sigma: f64) -> Vec<f64> {
        /// Magnitudes up to this are the rounding of a flat patch.
        const FLAT: f64 = 1e-6;
        let gaussian = Gaussian::new(sigma);
        let x = gaussian.vertically(&self.x, grid.rows.iter().copied());
        let y = gaussian.vertically(&self.y, grid.rows.iter().copied());
        let mut directions = Vec::with_capacity(grid.len());
        for row in 0..grid.rows.len() {
            for &column in &grid.columns {
                let (x, y) = (gaussian.at(x.row(row), column), gaussian.at(y.row(row), column));
                directions.push(if x.hypot(y) > FLAT { y.atan2(x) } else { 0.0 });
            }
        }
        directions
    }
}

/// The points that descriptors are centered on.
pub(super) struct Grid {
    pub(super) rows: Vec<usize>,
    pub(super) columns: Vec<usize>,
}

impl Grid {
    /// Points at a distance of `step`, the first of them half a step from the border.
    pub(super) fn new((height, width): (usize, usize), step: usize) -> Self {
        Self { rows: (step / 2..height).step_by(step).collect(), columns: (step / 2..width).step_by(step).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// All points, row by row.
    pub(super) fn points(&self) -> impl Iterator<Item = (usize, usize)> {
        self.rows.iter().flat_map(|&row| self.columns.iter().map(move |&column| (row, column)))
    }
}

/// The gradient, laid out for sampling it in between pixels: x and y side by side, with a border of one pixel into
/// which the rounding of a sample's position may reach.
pub(super) struct Field {
    vectors: Vec<[f32; 2]>,
    stride: usize,
}

impl Field {
    pub(super) fn new(gradient: &Gradient) -> Self {
        let (height, width) = (gradient.x.height(), gradient.x.width());
        let stride = width + 2;
        let mut vectors = Vec::with_capacity((height + 2) * stride);
        for row in std::iter::once(0).chain(0..height).chain([height - 1]) {
            let pairs = gradient.x.row(row).iter().zip(gradient.y.row(row)).map(|(&x, &y)| [x as f32, y as f32]);
            let start = vectors.len();
            vectors.push([0.0; 2]);
            vectors.extend(pairs);
            vectors[start] = vectors[start + 1];
            vectors.push(vectors[start + width]);
        }
        Self { vectors, stride }
    }

    pub(super) fn height(&self) -> usize {
        self.vectors.len() / self.stride - 2
    }

    pub(super) fn width(&self) -> usize {
        self.stride - 2
    }

    /// Where the vector of a pixel stands; row and column −1 are the border.
    #[inline]
    pub(super) fn position(&self, row: isize, column: isize) -> usize {
        ((row + 1) * self.stride as isize + column + 1) as usize
    }

    /// Bilinear interpolation between the four pixels from `position` on; `right` and `down` are in [0, 1].
    #[inline]
    pub(super) fn sample(&self, position: usize, right: f32, down: f32) -> [f32; 2] {
        let above = &self.vectors[position..position + 2];
        let below = &self.vectors[position + self.stride..position + self.stride + 2];
        let left = mix(above[0], below[0], down);
        let right_side = mix(above[1], below[1], down);
        mix(left, right_side, right)
    }
}

#[inline]
fn mix(from: [f32; 2], to: [f32; 2], share: f32) -> [f32; 2] {
    [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])]
}
