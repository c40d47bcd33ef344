//! Points as the inner loops see them: rows of numbers, one after the other in memory.

use std::borrow::Cow;

use ndarray::{ArrayView1, ArrayView2, Axis, CowArray, Ix2, aview1};

/// The rows of a matrix, each a slice. Borrows the matrix where the numbers of a row lie one after the other, whatever
/// lies between two rows, and copies it otherwise.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    points: CowArray<'a, f64, Ix2>,
}

impl<'a> Rows<'a> {
    /// The rows of `points`, which must have at least one column.
    pub(crate) fn of(points: ArrayView2<'a, f64>) -> Self {
        let points =
            if has_slices_for_rows(points) { points.into() } else { points.as_standard_layout().into_owned().into() };
        Self { points }
    }

    /// One point, which must have at least one number.
    pub(crate) fn single(point: &'a [f64]) -> Self {
        Self { points: aview1(point).insert_axis(Axis(0)).into() }
    }

    /// How many numbers each row has.
    pub fn dimensions(&self) -> usize {
        self.points.ncols()
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.points.nrows()
    }

    /// One row.
    pub fn row(&self, index: usize) -> &[f64] {
        slice_of(self.points.row(index))
    }

    /// The rows, first to last.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.points.rows().into_iter().map(slice_of)
    }
}

/// Whether the numbers of each row lie one after the other.
pub(crate) fn has_slices_for_rows(points: ArrayView2<'_, f64>) -> bool {
    points.strides()[1] == 1 || points.ncols() == 1
}

/// A row of a matrix that [has slices for rows](has_slices_for_rows).
fn slice_of(row: ArrayView1<'_, f64>) -> &[f64] {
    row.to_slice().unwrap_or_else(|| unreachable!("rows are slices, or were made such"))
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
