//! Maxima of assignments and their ties (Eqs 29, 32 for p = ∞).

use crate::{Assignment, Error};

/// The maximum of one word's column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Maximum {
    /// `max_l m_(d)(l)`
    pub value: f64,
    /// How many features have it.
    pub ties: usize,
    /// Whether features that a sparse assignment does not store are among them.
    pub of_absent: bool,
}

/// What a column's stored values come to.
#[derive(Clone)]
struct Stored {
    value: f64,
    ties: usize,
    count: usize,
    finite: bool,
}

impl Stored {
    const NOTHING: Self = Self { value: f64::NEG_INFINITY, ties: 0, count: 0, finite: true };

    fn take(&mut self, value: f64) {
        self.count += 1;
        if value < self.value && value > f64::NEG_INFINITY {
            return;
        }
        if value > self.value {
            (self.value, self.ties) = (value, 1);
        } else if value == self.value {
            self.ties += 1;
        }
        self.finite &= value.is_finite();
    }

    /// With the zeros of all other features.
    fn among(&self, features: usize) -> Maximum {
        let (value, ties, absent) = (self.value, self.ties, features - self.count);
        if absent == 0 || value > 0.0 {
            Maximum { value, ties, of_absent: false }
        } else if value == 0.0 {
            Maximum { value, ties: ties + absent, of_absent: true }
        } else {
            Maximum { value: 0.0, ties: absent, of_absent: true }
        }
    }
}

/// The maximum of each column, signed; features that a sparse assignment does not store have `m_(d)(l) = 0`.
///
/// # Errors
/// [`Error::NonFinite`]
pub(crate) fn maxima(assignment: &Assignment) -> Result<Vec<Maximum>, Error> {
    let nothing = vec![(); assignment.words()];
    let stored = assignment.fold_columns(Stored::NOTHING, &nothing, |column, (), value| column.take(value));
    if stored.iter().any(|column| !column.finite) {
        assignment.check_finite()?;
    }
    Ok(stored.iter().map(|column| column.among(assignment.features())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SparseAssignment;

    #[test]
    fn maxima_are_signed_and_know_of_absent_features() {
        // Columns: stored by all, negative; stored by one, negative; positive; never stored; stored zero.
        let (indices, values) = (vec![0, 1, 2, 0, 4], vec![-2.0, -1.0, 3.0, -1.0, 0.0]);
        let rows = SparseAssignment::new(5, vec![0, 3, 5], indices, values).unwrap();
        let expected = [(-1.0, 1, false), (0.0, 1, true), (3.0, 1, false), (0.0, 2, true), (0.0, 2, true)];
        let of_dense = maxima(&Assignment::Dense(rows.to_dense())).unwrap();
        let of_sparse = maxima(&Assignment::Sparse(rows)).unwrap();
        for ((sparse, dense), (value, ties, of_absent)) in of_sparse.into_iter().zip(of_dense).zip(expected) {
            assert_eq!(sparse, Maximum { value, ties, of_absent });
            assert_eq!(dense, Maximum { value, ties, of_absent: false });
        }
    }
}
