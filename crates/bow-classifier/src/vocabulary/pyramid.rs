//! Spatial pyramids: parts of an image with a bag of words each.

use bow_mapping::{Assignment, SparseAssignment};
use local_features::Area;
use ndarray::Axis;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How an image is divided: for each level, rows and columns of parts. A local feature belongs to the part in which its
/// center lies.
///
/// ```
/// use bow_classifier::Pyramid;
/// assert_eq!(Pyramid::default().cells(), 1);
/// assert_eq!(Pyramid::voc().cells(), 1 + 4 + 3);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pyramid {
    /// Rows and columns of each level.
    pub levels: Vec<(usize, usize)>,
}

/// The image as a whole.
impl Default for Pyramid {
    fn default() -> Self {
        Self { levels: vec![(1, 1)] }
    }
}

impl Pyramid {
    /// The whole, 2×2 quarters and three horizontal bars: what is usual on PASCAL VOC.
    pub fn voc() -> Self {
        Self { levels: vec![(1, 1), (2, 2), (3, 1)] }
    }

    /// How many parts there are.
    pub fn cells(&self) -> usize {
        self.levels.iter().map(|(rows, columns)| rows * columns).sum()
    }

    /// Fails when a level, or all of them, have no parts, or more than anyone could mean.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.levels.is_empty() {
            return Err("the pyramid has no levels".to_owned());
        }
        let range = 1..=64;
        match self.levels.iter().find(|(rows, columns)| !range.contains(rows) || !range.contains(columns)) {
            Some((rows, columns)) => {
                Err(format!("the pyramid has a level of {rows}×{columns}: both have to be from 1 to 64"))
            }
            None => Ok(()),
        }
    }

    /// The local features of each part, level by level, row by row.
    pub(crate) fn divide(&self, areas: &[Area], (height, width): (usize, usize)) -> Result<Vec<Vec<usize>>, Error> {
        let mut cells = Vec::with_capacity(self.cells());
        for &(rows, columns) in &self.levels {
            let mut level = vec![Vec::new(); rows * columns];
            for (feature, area) in areas.iter().enumerate() {
                let (row, column) = center(area);
                level[part(row, height, rows) * columns + part(column, width, columns)].push(feature);
            }
            if let Some(part) = level.iter().position(Vec::is_empty) {
                return Err(Error::EmptyCell { height, width, rows, columns, part });
            }
            cells.append(&mut level);
        }
        Ok(cells)
    }
}

/// In which of `parts` equal parts of `length` pixels a position lies.
fn part(position: f64, length: usize, parts: usize) -> usize {
    let part = (position + 0.5) * parts as f64 / length as f64;
    (part.max(0.0) as usize).min(parts - 1)
}

fn center(area: &Area) -> (f64, f64) {
    match *area {
        Area::Rectangle { top, left, bottom, right } => {
            ((top + bottom - 1) as f64 / 2.0, (left + right - 1) as f64 / 2.0)
        }
        Area::Circle { row, column, .. } | Area::RotatedSquare { row, column, .. } => (row, column),
    }
}

/// The assignment of some of the local features.
pub(crate) fn select(assignment: &Assignment, features: &[usize]) -> Result<Assignment, bow_mapping::Error> {
    let sparse = match assignment {
        Assignment::Dense(values) => return Ok(Assignment::Dense(values.select(Axis(0), features))),
        Assignment::Fisher(vectors) => return Ok(Assignment::Fisher(vectors.select(features))),
        Assignment::Sparse(sparse) => sparse,
    };
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for &feature in features {
        for (word, value) in sparse.row(feature) {
            indices.push(word);
            values.push(value);
        }
        offsets.push(indices.len());
    }
    SparseAssignment::new(sparse.words(), offsets, indices, values).map(Assignment::Sparse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_in_one_part_of_each_level() {
        let at = |row: u32, column: u32| Area::Circle { row: row.into(), column: column.into(), radius: 1.0 };
        let areas: Vec<Area> = (0..6).flat_map(|row| (0..4).map(move |column| at(row, column))).collect();
        let cells = Pyramid::voc().divide(&areas, (6, 4)).unwrap();
        assert_eq!(cells.iter().map(Vec::len).collect::<Vec<_>>(), [24, 6, 6, 6, 6, 8, 8, 8]);
        assert_eq!(cells[2], [2, 3, 6, 7, 10, 11]); // upper right
        assert_eq!(cells[7], (16..24).collect::<Vec<_>>()); // lowest bar
        let error = Pyramid { levels: vec![(9, 1)] }.divide(&areas, (6, 4)).unwrap_err();
        assert!(matches!(error, Error::EmptyCell { rows: 9, .. }), "{error}");
    }

    #[test]
    fn assignments_are_selected_alike() {
        let sparse = SparseAssignment::new(3, vec![0, 2, 2, 3], vec![0, 2, 1], vec![0.5, 0.25, 1.0]).unwrap();
        let (dense, sparse) = (Assignment::Dense(sparse.to_dense()), Assignment::Sparse(sparse));
        for features in [vec![], vec![2, 0], vec![1]] {
            assert_eq!(select(&sparse, &features).unwrap().to_dense(), select(&dense, &features).unwrap().to_dense());
        }
    }
}
