//! All descriptors of an image in one pass, where none of them is turned.
//!
//! The samples of upright descriptors lie at the crossings of some rows and columns, and a crossing serves all
//! descriptors that have a sample there: with the paper's scale of 3 and a step of 6 pixels, each serves four. So the
//! gradient of each crossing votes once. A sample's weight in a cell is a product of one for its row and one for its
//! column, so that votes are gathered along the rows first, for all cells of all grid columns, and then along the
//! columns, whole rows of histograms at a time.

use ndarray::{ArrayViewMut2, aview1};

use super::descriptor::{normalized, offsets, weights};
use super::gradient::Gradient;
use super::votes::votes;
use super::{CELLS, LENGTH, ORIENTATIONS, SAMPLES};
use crate::grid::Grid;

/// Where samples lie, the same for all channels of an image.
pub(super) struct Upright {
    rows: Lines,
    columns: Lines,
}

/// The positions of samples along one axis.
struct Lines {
    /// All that are inside of the image, ascending, each of them once.
    positions: Vec<Position>,
    /// What each of them gives to which cells.
    shares: Vec<Vec<Share>>,
    /// How many cells the points of the grid have along this axis.
    cells: usize,
}

/// What a line of samples gives to a line of cells.
struct Share {
    /// Counted along the axis, from the first cell of the first grid point.
    cell: usize,
    weight: f32,
}

/// A position between two pixels.
#[derive(Clone, Copy)]
struct Position {
    before: usize,
    /// The same pixel as `before` at the image's border.
    after: usize,
    fraction: f32,
}

impl Lines {
    /// * `points` — the grid's, along this axis; `length` — the image's
    fn new(points: &[usize], length: usize, side: f64) -> Self {
        let last = length - 1;
        let mut samples: Vec<(f64, usize, usize)> = Vec::with_capacity(points.len() * SAMPLES);
        for (point, &center) in points.iter().enumerate() {
            let positions = offsets(side).map(|offset| center as f64 + offset);
            let inside = (0..SAMPLES).filter(|&sample| (0.0..=last as f64).contains(&positions[sample]));
            samples.extend(inside.map(|sample| (positions[sample], point, sample)));
        }
        samples.sort_by(|one, other| one.0.total_cmp(&other.0));
        let at_one_position = || samples.chunk_by(|one, other| one.0 == other.0);
        let position = |value: f64| {
            let before = value as usize;
            Position { before, after: (before + 1).min(last), fraction: value.fract() as f32 }
        };
        let weights = weights();
        let shares = |&(_, point, sample): &(f64, usize, usize)| {
            let of_cells = weights[sample].into_iter().enumerate().filter(|&(_, weight)| weight > 0.0);
            of_cells.map(move |(cell, weight)| Share { cell: point * CELLS + cell, weight })
        };
        Self {
            positions: at_one_position().map(|samples| position(samples[0].0)).collect(),
            shares: at_one_position().map(|samples| samples.iter().flat_map(shares).collect()).collect(),
            cells: points.len() * CELLS,
        }
    }
}

/// The orientations of one cell.
type Histogram = [f32; ORIENTATIONS];

impl Upright {
    /// * `side` — the descriptors' side in pixels
    pub(super) fn new(grid: &Grid, (height, width): (usize, usize), side: f64) -> Self {
        Self { rows: Lines::new(&grid.rows, height, side), columns: Lines::new(&grid.columns, width, side) }
    }

    /// Writes the descriptors of all grid points, one a row; a norm up to `contrast` makes a zero vector.
    pub(super) fn describe(&self, gradient: &Gradient, contrast: f64, mut descriptors: ArrayViewMut2<'_, f32>) {
        let histograms = self.histograms(gradient);
        let columns = self.columns.cells / CELLS;
        for (point, mut descriptor) in descriptors.rows_mut().into_iter().enumerate() {
            let (row, column) = (point / columns * CELLS, point % columns * CELLS);
            let mut values = [0.0; LENGTH];
            for (cells, values) in values.chunks_exact_mut(CELLS * ORIENTATIONS).enumerate() {
                let start = (row + cells) * self.columns.cells + column;
                values.copy_from_slice(histograms[start..start + CELLS].as_flattened());
            }
            descriptor.assign(&aview1(&normalized(values, contrast)));
        }
    }

    /// The cells of all grid points: for each row of cells, those of all grid columns.
    fn histograms(&self, gradient: &Gradient) -> Vec<Histogram> {
        let mut histograms = vec![[0.0; ORIENTATIONS]; self.rows.cells * self.columns.cells];
        let mut line = Line::new(self.columns.positions.len());
        let mut gathered = vec![[0.0; ORIENTATIONS]; self.columns.cells];
        for (position, shares) in self.rows.positions.iter().zip(&self.rows.shares) {
            line.sample(gradient, *position, &self.columns.positions);
            line.vote();
            self.gather(&line, &mut gathered);
            for share in shares {
                let row = &mut histograms[share.cell * self.columns.cells..][..self.columns.cells];
                for (sums, votes) in row.iter_mut().zip(&gathered) {
                    add_scaled(sums, share.weight, votes);
                }
            }
        }
        histograms
    }

    /// Gathers the votes of one row of crossings into the cells of all grid columns.
    fn gather(&self, line: &Line, gathered: &mut [Histogram]) {
        gathered.fill([0.0; ORIENTATIONS]);
        for (votes, shares) in line.votes.iter().zip(&self.columns.shares) {
            for share in shares {
                add_scaled(&mut gathered[share.cell], share.weight, votes);
            }
        }
    }
}

#[inline]
fn add_scaled(sums: &mut Histogram, weight: f32, votes: &Histogram) {
    *sums = std::array::from_fn(|orientation| sums[orientation] + weight * votes[orientation]);
}

/// One row of crossings, and the memory for it. Crossings come in groups of [`SAMPLES`], which votes are counted in; the
/// last is filled up with gradients of zero.
struct Line {
    x: Vec<[f32; SAMPLES]>,
    y: Vec<[f32; SAMPLES]>,
    /// What each crossing gives to each orientation.
    votes: Vec<Histogram>,
    /// The gradient between two rows of pixels, one of its components.
    between: Vec<f32>,
}

impl Line {
    fn new(crossings: usize) -> Self {
        let groups = crossings.div_ceil(SAMPLES);
        Self {
            x: vec![[0.0; SAMPLES]; groups],
            y: vec![[0.0; SAMPLES]; groups],
            votes: vec![[0.0; ORIENTATIONS]; groups * SAMPLES],
            between: Vec::new(),
        }
    }

    /// Interpolates the gradient at the crossings of `row` with all `columns`.
    fn sample(&mut self, gradient: &Gradient, row: Position, columns: &[Position]) {
        for (plane, component) in [(&gradient.x, &mut self.x), (&gradient.y, &mut self.y)] {
            let pixels = plane.row(row.before).iter().zip(plane.row(row.after));
            self.between.clear();
            self.between.extend(pixels.map(|(&above, &below)| {
                let (above, below) = (above as f32, below as f32);
                above + row.fraction * (below - above)
            }));
            for (value, column) in component.as_flattened_mut().iter_mut().zip(columns) {
                let (left, right) = (self.between[column.before], self.between[column.after]);
                *value = left + column.fraction * (right - left);
            }
        }
    }

    fn vote(&mut self) {
        let groups = self.x.iter().zip(&self.y).zip(self.votes.chunks_exact_mut(SAMPLES));
        for ((x, y), cast) in groups {
            let votes = votes(x, y, 1.0, 0.0);
            for (sample, cast) in cast.iter_mut().enumerate() {
                let bin = votes.bins[sample] as usize % ORIENTATIONS;
                *cast = [0.0; ORIENTATIONS];
                cast[bin] = votes.lower[sample];
                cast[(bin + 1) % ORIENTATIONS] = votes.upper[sample];
            }
        }
    }
}
