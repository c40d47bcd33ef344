//! A gray image in one contiguous piece, rows after one another.

use ndarray::Array2;

use crate::Error;

/// A gray image, or anything else that has one number for each pixel.
pub(crate) struct Plane {
    values: Vec<f64>,
    width: usize,
}

impl Plane {
    /// A gray image, all pixels of which have to be numbers that single precision can square.
    pub(crate) fn of_image(gray: Array2<f64>) -> Result<Self, Error> {
        /// Far beyond any gray value, and squares of it are still far from the largest single-precision number.
        const LIMIT: f64 = 1e12;
        let width = gray.ncols();
        let values = gray.into_iter().collect::<Vec<f64>>();
        match values.iter().position(|value| !(-LIMIT..=LIMIT).contains(value)) {
            Some(pixel) => {
                let (row, column, value) = (pixel / width, pixel % width, values[pixel]);
                Err(Error::Pixel { row, column, value, limit: LIMIT })
            }
            None => Ok(Self { values, width }),
        }
    }

    /// Room for `height` rows that are pushed with [`push_row`](Self::push_row).
    pub(crate) fn with_capacity(height: usize, width: usize) -> Self {
        Self { values: Vec::with_capacity(height * width), width }
    }

    pub(crate) fn height(&self) -> usize {
        self.values.len() / self.width
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..][..self.width]
    }

    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f64] {
        &mut self.values[row * self.width..][..self.width]
    }

    /// Appends a row, and gives it to be worked on.
    pub(crate) fn push_row(&mut self, row: impl Iterator<Item = f64>) -> &mut [f64] {
        let start = self.values.len();
        self.values.extend(row);
        &mut self.values[start..]
    }
}
