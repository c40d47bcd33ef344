//! The points that local features are centered on.

use crate::Error;

/// The points that local features are centered on.
pub(crate) struct Grid {
    pub(crate) rows: Vec<usize>,
    pub(crate) columns: Vec<usize>,
}

impl Grid {
    /// Points at a distance of `step`, the first of them half a step from the border.
    pub(crate) fn new((height, width): (usize, usize), step: usize) -> Self {
        Self { rows: (step / 2..height).step_by(step).collect(), columns: (step / 2..width).step_by(step).collect() }
    }

    /// Fails when a grid of this step has no point in an image of that size.
    pub(crate) fn check_step((height, width): (usize, usize), step: usize) -> Result<(), Error> {
        if step == 0 {
            return Err(Error::Parameter { name: "step", value: 0.0, expected: "at least 1 pixel" });
        }
        if step / 2 >= height.min(width) {
            return Err(Error::NoGridPoint { height, width, step });
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len() * self.columns.len()
    }

    /// All points, row by row.
    pub(crate) fn points(&self) -> impl Iterator<Item = (usize, usize)> {
        self.rows.iter().flat_map(|&row| self.columns.iter().map(move |&column| (row, column)))
    }
}
