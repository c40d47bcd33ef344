//! Points as the inner loops see them: rows of numbers, one after the other in memory.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2};

/// The rows of a matrix, each a slice. Borrows the matrix where its memory is in that order, and copies it otherwise.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    values: Cow<'a, [f64]>,
    dimensions: usize,
}

impl<'a> Rows<'a> {
    /// The rows of `points`, which must have at least one column.
    pub(crate) fn of(points: ArrayView2<'a, f64>) -> Self {
        let dimensions = points.ncols();
        let values = match points.to_slice() {
            Some(values) => Cow::Borrowed(values),
            None => Cow::Owned(points.iter().copied().collect()),
        };
        Self { values, dimensions }
    }

    /// One point, which must have at least one number.
    pub(crate) fn single(point: &'a [f64]) -> Self {
        Self { values: Cow::Borrowed(point), dimensions: point.len() }
    }

    /// How many numbers each row has.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.values.len() / self.dimensions
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.values[index * self.dimensions..(index + 1) * self.dimensions]
    }

    /// The rows, first to last.
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.dimensions)
    }
}

/// One term of an expansion as its kernel sees it: `x_i(u)` and `α_{i,u}` of Eq. 21, the term's weight included.
#[derive(Clone, Debug)]
pub struct SupportVectors<'a> {
    /// `x_i(u)`
    pub points: Rows<'a>,
    /// `α_{i,u}`, one for each point
    pub coefficients: &'a [f64],
}

impl SupportVectors<'_> {
    /// The points that have a share in the sum, with their coefficients.
    pub fn iter(&self) -> impl Iterator<Item = (&[f64], f64)> {
        self.points.iter().zip(self.coefficients.iter().copied()).filter(|(_, coefficient)| *coefficient != 0.0)
    }
}

/// The point as a slice.
pub(crate) fn contiguous(point: ArrayView1<'_, f64>) -> Cow<'_, [f64]> {
    match point.to_slice() {
        Some(values) => Cow::Borrowed(values),
        None => Cow::Owned(point.to_vec()),
    }
}
