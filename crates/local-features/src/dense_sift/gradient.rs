//! The gradient of a smoothed image, the direction it has at the points of the grid, and its samples in between.

use super::smoothing::Gaussian;
use crate::grid::Grid;
use crate::plane::Plane;

/// The gradient of an image: central differences, one-sided at the border.
pub(super) struct Gradient {
    /// Towards growing columns.
    pub(super) x: Plane,
    /// Towards growing rows.
    pub(super) y: Plane,
}

impl Gradient {
    /// The gradient of an image that has at least 2×2 pixels.
    pub(super) fn of(image: &Plane) -> Self {
        let (height, width) = (image.height(), image.width());
        let (mut x, mut y) = (Plane::with_capacity(height, width), Plane::with_capacity(height, width));
        for row in 0..height {
            let (along_row, along_columns) = components(image, row);
            x.push_row(along_row);
            y.push_row(along_columns);
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

/// The gradient of one row of an image: towards growing columns, and towards growing rows.
pub(super) fn components(image: &Plane, row: usize) -> (impl Iterator<Item = f64>, impl Iterator<Item = f64>) {
    let (line, width) = (image.row(row), image.width());
    let inner = line.windows(3).map(|three| (three[2] - three[0]) * 0.5);
    let x = std::iter::once(line[1] - line[0]).chain(inner).chain([line[width - 1] - line[width - 2]]);
    let (above, below) = (row.saturating_sub(1), (row + 1).min(image.height() - 1));
    let per_row = 1.0 / (below - above) as f64;
    let y = image.row(above).iter().zip(image.row(below)).map(move |(above, below)| (below - above) * per_row);
    (x, y)
}

/// The gradient, laid out for sampling it in between pixels: x and y side by side, with a border of one pixel into
/// which the rounding of a sample's position may reach.
pub(super) struct Field {
    components: Vec<f32>,
    /// Components of a row.
    stride: usize,
    /// How many pixels above and to the left of each corner between pixels have a gradient: a summed-area table.
    counts: Vec<u32>,
}

impl Field {
    pub(super) fn new(gradient: &Gradient) -> Self {
        let (height, width) = (gradient.x.height(), gradient.x.width());
        let stride = 2 * (width + 2);
        let mut components = Vec::with_capacity((height + 2) * stride);
        for row in std::iter::once(0).chain(0..height).chain([height - 1]) {
            let (x, y) = (gradient.x.row(row), gradient.y.row(row));
            components.extend([x[0] as f32, y[0] as f32]);
            components.extend(x.iter().zip(y).flat_map(|(&x, &y)| [x as f32, y as f32]));
            components.extend([x[width - 1] as f32, y[width - 1] as f32]);
        }
        Self { components, stride, counts: counts(gradient) }
    }

    /// Whether the gradient is exactly zero at all pixels of the image up to `reach` rows and columns away.
    pub(super) fn is_flat(&self, (row, column): (usize, usize), reach: usize) -> bool {
        let corners = self.width() + 1;
        let (top, bottom) = (row.saturating_sub(reach), (row + reach + 1).min(self.height()));
        let (left, right) = (column.saturating_sub(reach), (column + reach + 1).min(self.width()));
        let count = |row: usize, column: usize| self.counts[row * corners + column];
        count(bottom, right) + count(top, left) == count(bottom, left) + count(top, right)
    }

    pub(super) fn height(&self) -> usize {
        self.components.len() / self.stride - 2
    }

    pub(super) fn width(&self) -> usize {
        self.stride / 2 - 2
    }

    /// The gradient between the pixel (row, column) and the one below it, x and y, and then between the two to the
    /// right of these; `down` is in [0, 1]. Row and column −1 are the border.
    #[inline]
    pub(super) fn left_and_right(&self, (row, column): (isize, isize), down: f32) -> [f32; 4] {
        let start = ((row + 1) * self.stride as isize + 2 * (column + 1)) as usize;
        let (above, below) = (&self.components[start..start + 4], &self.components[start + self.stride..][..4]);
        std::array::from_fn(|component| above[component] + down * (below[component] - above[component]))
    }
}

fn counts(gradient: &Gradient) -> Vec<u32> {
    let (height, width) = (gradient.x.height(), gradient.x.width());
    let corners = width + 1;
    let mut counts = vec![0_u32; (height + 1) * corners];
    for row in 0..height {
        let mut in_row = 0;
        for (column, (&x, &y)) in gradient.x.row(row).iter().zip(gradient.y.row(row)).enumerate() {
            in_row += u32::from(x != 0.0 || y != 0.0);
            counts[(row + 1) * corners + column + 1] = counts[row * corners + column + 1] + in_row;
        }
    }
    counts
}
