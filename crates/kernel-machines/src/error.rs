//! What can be wrong with training data and parameters.

use ndarray::ArrayView2;

/// Errors of training on Gram matrices.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// Vectors that a kernel does not take.
    #[error(transparent)]
    Kernels(#[from] kernels::Error),
    /// Scores that can't be measured.
    #[error(transparent)]
    Evaluation(#[from] evaluation::Error),
    /// A parameter outside of its range.
    #[error("{name} = {value}: it has to be {expected}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// The value that was given.
        value: f64,
        /// What would be right.
        expected: &'static str,
    },
    /// No training points.
    #[error("no training points: a classifier needs at least one of each class")]
    Empty,
    /// Training points of one class only.
    #[error("all {points} training points are {class}: a classifier needs points of both classes")]
    OneClass {
        /// How many points.
        points: usize,
        /// The class that they all have.
        class: &'static str,
    },
    /// A Gram matrix that is not square.
    #[error("a Gram matrix of shape {rows} × {columns}: it has to be square, one row and one column for each point")]
    NotSquare {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
    /// A Gram matrix that is not symmetric.
    #[error(
        "the Gram matrix is not symmetric: k({row}, {column}) = {value}, but k({column}, {row}) = {mirrored}; \
         give the kernel of all training points with themselves"
    )]
    NotSymmetric {
        /// Row of the first entry that differs.
        row: usize,
        /// Its column.
        column: usize,
        /// The entry.
        value: f64,
        /// The entry on the other side of the diagonal.
        mirrored: f64,
    },
    /// A value that is infinite or NaN.
    #[error("{what} holds {value} at {position:?}: all values have to be finite")]
    NonFinite {
        /// Which array.
        what: &'static str,
        /// Where in it.
        position: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// Two arrays that belong together do not fit.
    #[error("{what}: {found} where {expected} are needed")]
    Length {
        /// Which array.
        what: &'static str,
        /// Entries that it has.
        found: usize,
        /// Entries that it should have.
        expected: usize,
    },
    /// More folds than a class has points.
    #[error("{folds} folds, but only {points} points are {class}: each fold needs a point of both classes")]
    Folds {
        /// How many folds.
        folds: usize,
        /// How many points the smaller class has.
        points: usize,
        /// The smaller class.
        class: &'static str,
    },
    /// No costs to compare.
    #[error("no costs to compare: give at least one value of C")]
    NoCosts,
    /// An optimization that did not come to its end.
    #[error(
        "{what} did not converge: after {iterations} iterations {remaining:.1e} is left, {tolerance:.1e} is allowed"
    )]
    NotConverged {
        /// What was optimized.
        what: &'static str,
        /// After how many iterations.
        iterations: usize,
        /// The violation, or the last change.
        remaining: f64,
        /// What would have been small enough.
        tolerance: f64,
    },
    /// An error of linfa's data sets.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}

/// Fails when an array does not have the length that belongs to it.
pub(super) fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), TrainingError> {
    if found == expected { Ok(()) } else { Err(TrainingError::Length { what, found, expected }) }
}

/// Fails when there are no points, or points of one class only.
///
/// # Errors
/// [`TrainingError::Empty`], [`TrainingError::OneClass`].
pub fn check_both_classes(positive: &[bool]) -> Result<(), TrainingError> {
    if positive.is_empty() {
        return Err(TrainingError::Empty);
    }
    for (label, class) in [(true, "positive"), (false, "negative")] {
        if positive.iter().all(|&is_positive| is_positive == label) {
            return Err(TrainingError::OneClass { points: positive.len(), class });
        }
    }
    Ok(())
}

/// Fails when a parameter is not a positive finite number.
pub(super) fn check_positive(name: &'static str, value: f64) -> Result<(), TrainingError> {
    if value.is_finite() && value > 0.0 {
        Ok(())
    } else {
        Err(TrainingError::Parameter { name, value, expected: "a finite number above 0" })
    }
}

/// Differences across the diagonal up to this fraction of the largest entry are rounding.
const ASYMMETRY: f64 = 1e-10;

/// Fails when a matrix is no Gram matrix: not square, not finite, or not symmetric.
pub(super) fn check_gram(gram: ArrayView2<'_, f64>) -> Result<(), TrainingError> {
    let (rows, columns) = gram.dim();
    if rows != columns {
        return Err(TrainingError::NotSquare { rows, columns });
    }
    let largest = gram.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if let Some(((row, column), &value)) = gram.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(TrainingError::NonFinite { what: "the Gram matrix", position: vec![row, column], value });
    }
    // Block by block, so that what is read across the diagonal is read from the cache.
    const BLOCK: usize = 64;
    for first_row in (0..rows).step_by(BLOCK) {
        for first_column in (0..=first_row).step_by(BLOCK) {
            for row in first_row..rows.min(first_row + BLOCK) {
                for column in first_column..row.min(first_column + BLOCK) {
                    let (value, mirrored) = (gram[[row, column]], gram[[column, row]]);
                    if (value - mirrored).abs() > ASYMMETRY * largest {
                        return Err(TrainingError::NotSymmetric { row, column, value, mirrored });
                    }
                }
            }
        }
    }
    Ok(())
}
