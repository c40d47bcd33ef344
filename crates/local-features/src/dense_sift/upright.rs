//! All descriptors of an image in one pass, where none of them is turned.
//!
//! The samples of upright descriptors lie at the crossings of some rows and columns, and a crossing serves all
//! descriptors that have a sample there: with the paper's scale of 3 and a step of 6 pixels, each serves four. So the
//! gradient of each crossing votes once. A sample's weight in a cell is a product of one for its row and one for its
//! column, so that votes are gathered along the rows first, for all cells of all grid columns, and then along the
//! columns, whole rows of histograms at a time. Of the gradient itself, no more than two rows are ever there.
//!
//! The loops over whole rows are compiled a second time for processors with wide registers (AVX2), and the one that fits
//! is chosen at run time. Both do the same operations in the same order, none of them fused, so that descriptors are the
//! same bytes on either.

use multiversion::multiversion;
use ndarray::{ArrayViewMut2, aview1};

use super::descriptor::{normalized, offsets, weights};
use super::gradient::components;
use super::votes::votes as votes_of;
use super::{CELLS, LENGTH, ORIENTATIONS, SAMPLES};
use crate::grid::Grid;
use crate::plane::Plane;

/// Where samples lie, the same for all channels of an image, and the memory that channels use one after the other.
pub(super) struct Upright {
    rows: Lines,
    /// What each row of crossings gives to rows of cells.
    given_by_rows: Vec<Vec<Share>>,
    columns: Lines,
    /// What each column of cells gets from columns of crossings.
    got_by_cells: Vec<Vec<Share>>,
    /// The cells of all grid points: for each row of cells, those of all grid columns.
    histograms: Vec<Histogram>,
}

/// The positions of samples along one axis.
struct Lines {
    /// All that are inside of the image, ascending, each of them once.
    positions: Vec<Position>,
    /// What they give to cells, by ascending positions.
    shares: Vec<Share>,
    /// How many cells the points of the grid have along this axis.
    cells: usize,
}

/// What a line of samples gives to a line of cells.
#[derive(Clone, Copy)]
struct Share {
    /// Which of the positions.
    position: usize,
    /// Counted along the axis, from the first cell of the first grid point.
    cell: usize,
    weight: f32,
}

/// A position between the pixel `before` and the next.
#[derive(Clone, Copy)]
struct Position {
    before: usize,
    /// 1 at the image's far border, and otherwise less.
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
        let (mut positions, mut shares) = (Vec::new(), Vec::new());
        let weights = weights();
        for at_one_position in samples.chunk_by(|one, other| one.0 == other.0) {
            for &(_, point, sample) in at_one_position {
                let of_cells = weights[sample].into_iter().enumerate().filter(|&(_, weight)| weight > 0.0);
                let position = positions.len();
                shares.extend(of_cells.map(|(cell, weight)| Share { position, cell: point * CELLS + cell, weight }));
            }
            let value = at_one_position[0].0;
            let before = (value as usize).min(last - 1);
            positions.push(Position { before, fraction: (value - before as f64) as f32 });
        }
        Self { positions, shares, cells: points.len() * CELLS }
    }

    /// The shares that each position gives.
    fn by_position(&self) -> Vec<Vec<Share>> {
        let mut groups = vec![Vec::new(); self.positions.len()];
        self.shares.iter().for_each(|share| groups[share.position].push(*share));
        groups
    }

    /// The shares that each cell gets.
    fn by_cell(&self) -> Vec<Vec<Share>> {
        let mut groups = vec![Vec::new(); self.cells];
        self.shares.iter().for_each(|share| groups[share.cell].push(*share));
        groups
    }
}

/// The orientations of one cell.
type Histogram = [f32; ORIENTATIONS];

impl Upright {
    /// * `side` — the descriptors' side in pixels
    pub(super) fn new(grid: &Grid, (height, width): (usize, usize), side: f64) -> Self {
        let (rows, columns) = (Lines::new(&grid.rows, height, side), Lines::new(&grid.columns, width, side));
        let histograms = vec![[0.0; ORIENTATIONS]; rows.cells * columns.cells];
        Self { given_by_rows: rows.by_position(), got_by_cells: columns.by_cell(), rows, columns, histograms }
    }

    /// Writes the descriptors of all grid points, one a row; a norm up to `contrast` makes a zero vector.
    pub(super) fn describe(&mut self, smooth: &Plane, contrast: f64, mut descriptors: ArrayViewMut2<'_, f32>) {
        self.count(smooth);
        let columns = self.columns.cells / CELLS;
        for (point, mut descriptor) in descriptors.rows_mut().into_iter().enumerate() {
            let (row, column) = (point / columns * CELLS, point % columns * CELLS);
            let mut values = [0.0; LENGTH];
            for (cells, values) in values.chunks_exact_mut(CELLS * ORIENTATIONS).enumerate() {
                let start = (row + cells) * self.columns.cells + column;
                values.copy_from_slice(self.histograms[start..start + CELLS].as_flattened());
            }
            descriptor.assign(&aview1(&normalized(values, contrast)));
        }
    }

    /// Counts all votes, row of crossings by row.
    fn count(&mut self, smooth: &Plane) {
        self.histograms.fill([0.0; ORIENTATIONS]);
        let columns = &self.columns.positions;
        let (mut above, mut below) = (Line::new(columns.len()), Line::new(columns.len()));
        let mut votes = vec![[0.0; ORIENTATIONS]; columns.len().next_multiple_of(SAMPLES)];
        let mut gathered = vec![[0.0; ORIENTATIONS]; self.columns.cells];
        let mut next = 0;
        for (position, shares) in self.rows.positions.iter().zip(&self.given_by_rows) {
            next = position.before.max(next);
            while next <= position.before + 1 {
                std::mem::swap(&mut above, &mut below);
                below.sample(smooth, next, columns);
                next += 1;
            }
            vote(&above, &below, position.fraction, &mut votes);
            gather(&votes, &self.got_by_cells, &mut gathered);
            for share in shares {
                let row = &mut self.histograms[share.cell * self.columns.cells..][..self.columns.cells];
                add(row, share.weight, &gathered);
            }
        }
    }
}

/// The gradient of one row of pixels at the columns of crossings. These come in groups of [`SAMPLES`], which votes are
/// counted in; the last is filled up with gradients of zero.
struct Line {
    x: Vec<[f32; SAMPLES]>,
    y: Vec<[f32; SAMPLES]>,
    /// One of the components at the pixels themselves.
    pixels: Vec<f32>,
}

impl Line {
    fn new(crossings: usize) -> Self {
        let groups = vec![[0.0; SAMPLES]; crossings.div_ceil(SAMPLES)];
        Self { x: groups.clone(), y: groups, pixels: Vec::new() }
    }

    /// Interpolates the gradient of a `row` of the smooth image.
    fn sample(&mut self, smooth: &Plane, row: usize, columns: &[Position]) {
        let (x, y) = components(smooth, row);
        interpolate(x, columns, &mut self.pixels, self.x.as_flattened_mut());
        interpolate(y, columns, &mut self.pixels, self.y.as_flattened_mut());
    }
}

fn interpolate(component: impl Iterator<Item = f64>, at: &[Position], pixels: &mut Vec<f32>, values: &mut [f32]) {
    pixels.clear();
    pixels.extend(component.map(|value| value as f32));
    for (value, &Position { before, fraction }) in values.iter_mut().zip(at) {
        *value = between(pixels[before], pixels[before + 1], fraction);
    }
}

#[inline]
fn between(one: f32, other: f32, fraction: f32) -> f32 {
    one + fraction * (other - one)
}

/// Writes what each crossing of a row between two rows of pixels gives to each orientation.
#[multiversion(targets("x86_64+avx2"))]
fn vote(above: &Line, below: &Line, fraction: f32, votes: &mut [Histogram]) {
    let gradients = above.x.iter().zip(&below.x).zip(above.y.iter().zip(&below.y));
    for (((x_above, x_below), (y_above, y_below)), votes) in gradients.zip(votes.chunks_exact_mut(SAMPLES)) {
        let x = std::array::from_fn(|sample| between(x_above[sample], x_below[sample], fraction));
        let y = std::array::from_fn(|sample| between(y_above[sample], y_below[sample], fraction));
        let cast = votes_of(&x, &y, 1.0, 0.0);
        for (sample, votes) in votes.iter_mut().enumerate() {
            let bin = cast.bins[sample] as usize % ORIENTATIONS;
            *votes = [0.0; ORIENTATIONS];
            votes[bin] = cast.lower[sample];
            votes[(bin + 1) % ORIENTATIONS] = cast.upper[sample];
        }
    }
}

/// Gathers the votes of a row of crossings into the cells of all grid columns.
#[multiversion(targets("x86_64+avx2"))]
fn gather(votes: &[Histogram], got_by_cells: &[Vec<Share>], gathered: &mut [Histogram]) {
    for (cell, shares) in gathered.iter_mut().zip(got_by_cells) {
        let none = [0.0; ORIENTATIONS];
        *cell = shares.iter().fold(none, |sums, share| plus(&sums, share.weight, &votes[share.position]));
    }
}

/// `sums ← sums + weight · votes`, for a row of histograms.
#[multiversion(targets("x86_64+avx2"))]
fn add(sums: &mut [Histogram], weight: f32, votes: &[Histogram]) {
    for (sums, votes) in sums.iter_mut().zip(votes) {
        *sums = plus(sums, weight, votes);
    }
}

/// `sums + weight · votes`
#[inline]
fn plus(sums: &Histogram, weight: f32, votes: &Histogram) -> Histogram {
    std::array::from_fn(|orientation| sums[orientation] + weight * votes[orientation])
}
