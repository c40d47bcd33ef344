//! The regions of a map that are flipped as one.

use std::ops::Range;

use ndarray::{Array1, ArrayView2, s};

use crate::Error;
use crate::error::check_shape;

/// A map of pixels, cut into squares: row by row, from the upper left. What is left over at the borders makes smaller
/// regions.
///
/// ```
/// use evaluation::Regions;
/// let regions = Regions::new(6, (102, 102))?; // a tile of the paper's Fig 6
/// assert_eq!(regions.count(), 289);
/// assert_eq!(regions.area(18), (6..12, 6..12));
/// # Ok::<(), evaluation::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regions {
    side: usize,
    rows: Cut,
    columns: Cut,
}

/// One axis of a map, cut into parts of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    length: usize,
    /// How much of the first part is outside of the map.
    outside: usize,
}

impl Cut {
    fn parts(&self, side: usize) -> usize {
        (self.outside + self.length).div_ceil(side)
    }

    fn part(&self, number: usize, side: usize) -> Range<usize> {
        let start = number * side;
        let end = start.saturating_add(side) - self.outside;
        start.saturating_sub(self.outside)..end.min(self.length)
    }
}

impl Regions {
    /// Squares of `side` pixels over a map of `shape`, (rows, columns); a side of 1 makes each pixel a region. The
    /// first square is in the upper left corner, what is left over at the right and at the bottom.
    ///
    /// # Errors
    /// [`Error::RegionSide`] when `side` is 0.
    pub fn new(side: usize, shape: (usize, usize)) -> Result<Self, Error> {
        Self::cut(side, shape, |_| 0)
    }

    /// The same, with what is left over on all four sides; an odd pixel is left over at the right and at the bottom
    /// (Quantus's patches).
    ///
    /// ```
    /// use evaluation::Regions;
    /// let regions = Regions::centered(8, (28, 28))?; // 4 pixels are missing to 32: 2 on either side
    /// assert_eq!((regions.area(0), regions.area(5)), ((0..6, 0..6), (6..14, 6..14)));
    /// # Ok::<(), evaluation::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn centered(side: usize, shape: (usize, usize)) -> Result<Self, Error> {
        Self::cut(side, shape, |length| match length % side {
            0 => 0,
            rest => (side - rest) / 2,
        })
    }

    fn cut(side: usize, shape: (usize, usize), outside: impl Fn(usize) -> usize) -> Result<Self, Error> {
        if side == 0 {
            return Err(Error::RegionSide);
        }
        let cut = |length| Cut { length, outside: outside(length) };
        Ok(Self { side, rows: cut(shape.0), columns: cut(shape.1) })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.parts(self.side) * self.a_row()
    }

    /// The rows and columns of region `index`; empty for an index that does not exist.
    pub fn area(&self, index: usize) -> (Range<usize>, Range<usize>) {
        if index >= self.count() {
            return (0..0, 0..0);
        }
        (self.rows.part(index / self.a_row(), self.side), self.columns.part(index % self.a_row(), self.side))
    }

    /// The mean of `map` over each region.
    ///
    /// # Errors
    /// [`Error::Shape`] when the map is not of the shape that the regions were made for.
    pub fn means(&self, map: ArrayView2<'_, f64>) -> Result<Array1<f64>, Error> {
        let mut means = self.sums(map)?;
        for (index, mean) in means.iter_mut().enumerate() {
            let (rows, columns) = self.area(index);
            *mean /= (rows.len() * columns.len()) as f64;
        }
        Ok(means)
    }

    /// The sum of `map` over each region.
    ///
    /// # Errors
    /// As for [`means`](Self::means).
    pub fn sums(&self, map: ArrayView2<'_, f64>) -> Result<Array1<f64>, Error> {
        check_shape("the map", map.shape(), &[self.rows.length, self.columns.length])?;
        Ok((0..self.count())
            .map(|index| {
                let (rows, columns) = self.area(index);
                map.slice(s![rows, columns]).sum()
            })
            .collect())
    }

    fn a_row(&self) -> usize {
        self.columns.parts(self.side)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn means_are_over_the_pixels_of_each_region() -> Result<(), Error> {
        let map = array![[1.0, 3.0, 10.0], [5.0, 7.0, 20.0], [2.0, 4.0, -6.0]];
        let regions = Regions::new(2, (3, 3))?;
        assert_eq!(regions.means(map.view())?, array![4.0, 15.0, 3.0, -6.0]);
        assert_eq!(Regions::new(1, (3, 3))?.means(map.view())?.to_vec(), map.into_iter().collect::<Vec<_>>());
        Ok(())
    }

    #[test]
    fn a_side_beyond_the_map_makes_one_region() -> Result<(), Error> {
        let regions = Regions::new(usize::MAX, (3, 5))?;
        assert_eq!((regions.count(), regions.area(0)), (1, (0..3, 0..5)));
        assert_eq!(regions.area(1), (0..0, 0..0));
        let regions = Regions::centered(usize::MAX, (3, 5))?;
        assert_eq!((regions.count(), regions.area(0)), (1, (0..3, 0..5)));
        Ok(())
    }

    #[test]
    fn a_side_of_nothing_or_another_map_is_an_error() -> Result<(), Error> {
        assert!(matches!(Regions::new(0, (3, 3)), Err(Error::RegionSide)));
        let error = Regions::new(1, (2, 2))?.means(Array2::zeros((2, 3)).view()).expect_err("another map");
        assert_eq!(error.to_string(), "the map has the shape [2, 3] where [2, 2] is needed");
        Ok(())
    }

    proptest! {
        #[test]
        fn each_pixel_is_in_exactly_one_region(side in 1_usize..8, height in 1_usize..20, width in 1_usize..20) {
            for cut in [Regions::new, Regions::centered] {
                let regions = cut(side, (height, width)).expect("a side");
                let mut visits = Array2::<usize>::zeros((height, width));
                for index in 0..regions.count() {
                    let (rows, columns) = regions.area(index);
                    prop_assert!(!rows.is_empty() && !columns.is_empty());
                    visits.slice_mut(s![rows, columns]).mapv_inplace(|count| count + 1);
                }
                prop_assert!(visits.iter().all(|&count| count == 1));
            }
        }
    }
}
