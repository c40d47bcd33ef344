//! What a mapping makes of the local features: `m_(d)(l)`.

use std::ops::Range;

use multiversion::multiversion;
use ndarray::{Array1, Array2};

use crate::distance::contiguous;
use crate::lanes::sum_in_lanes;
use crate::{Error, FisherAssignment};

/// What errors call a row.
const ASSIGNMENT_OF: &str = "the assignment of local feature";

/// Memory for a dense assignment: the largest array of an explanation.
pub(crate) fn zeros(features: usize, words: usize) -> Array2<f64> {
    let mut values = Array2::zeros((features, words));
    if let Some(values) = values.as_slice_mut() {
        channel_kernels::prefer_large_pages(values);
    }
    values
}

/// `m_(d)(l)` for all local features `l` of an image and all visual words `d`, L×V.
///
/// Mappings that give a feature only a few words keep their assignment sparse, through pooling and relevance to the
/// end: no L×V matrix is made.
///
/// ```
/// use bow_mapping::{Assignment, SparseAssignment};
/// use ndarray::array;
/// let sparse = Assignment::Sparse(SparseAssignment::new(3, vec![0, 1, 2], vec![2, 0], vec![0.5, 1.0])?);
/// let dense = Assignment::Dense(array![[0.0, 0.0, 0.5], [1.0, 0.0, 0.0]]);
/// assert_eq!((sparse.features(), sparse.words()), (2, 3));
/// assert_eq!(sparse.to_dense(), dense.to_dense());
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Assignment {
    /// Compressed rows.
    Sparse(SparseAssignment),
    /// All values, (L, V).
    Dense(Array2<f64>),
    /// Values that are computed when they are looked at.
    Fisher(FisherAssignment),
}

impl Assignment {
    /// L
    pub fn features(&self) -> usize {
        match self {
            Self::Sparse(rows) => rows.features(),
            Self::Dense(values) => values.nrows(),
            Self::Fisher(vectors) => vectors.features(),
        }
    }

    /// V
    pub fn words(&self) -> usize {
        match self {
            Self::Sparse(rows) => rows.words(),
            Self::Dense(values) => values.ncols(),
            Self::Fisher(vectors) => vectors.words(),
        }
    }

    /// All values written out, (L, V).
    pub fn to_dense(&self) -> Array2<f64> {
        match self {
            Self::Sparse(rows) => rows.to_dense(),
            Self::Dense(values) => values.clone(),
            Self::Fisher(vectors) => vectors.to_dense(),
        }
    }

    /// All values one row after the other, where they lie so in memory.
    pub(crate) fn dense_rows(&self) -> Option<&[f64]> {
        match self {
            Self::Sparse(_) | Self::Fisher(_) => None,
            Self::Dense(values) => values.as_slice(),
        }
    }

    /// Folds each column over its stored values, feature by feature. (What a sparse form does not store is zero.)
    ///
    /// `step` gets the accumulator of the column, the column's entry of `context`, and the value.
    pub(crate) fn fold_columns<A: Clone + Send, C: Copy + Sync>(
        &self,
        start: A,
        context: &[C],
        step: impl Fn(&mut A, C, f64) + Sync,
    ) -> Vec<A> {
        let mut columns = vec![start.clone(); self.words()];
        match self {
            Self::Sparse(rows) => {
                for (&word, &value) in rows.indices.iter().zip(&rows.values) {
                    step(&mut columns[word], context[word], value);
                }
            }
            Self::Dense(values) => {
                for row in values.rows() {
                    for ((column, &context), &value) in columns.iter_mut().zip(context).zip(row) {
                        step(column, context, value);
                    }
                }
            }
            Self::Fisher(vectors) => columns = vectors.fold_columns(start, context, step),
        }
        columns
    }

    /// `Σ_d term(context_d, m_(d)(l))` over the stored values of each feature `l`.
    pub(crate) fn sum_rows<C: Copy + Sync>(&self, context: &[C], term: impl Fn(C, f64) -> f64 + Sync) -> Array1<f64> {
        match self {
            Self::Sparse(rows) => (0..rows.features())
                .map(|feature| rows.row(feature).map(|(word, value)| term(context[word], value)).sum())
                .collect(),
            Self::Dense(values) => match values.as_slice() {
                Some(rows) if !context.is_empty() => sum_each(rows, context, term).into(),
                _ => values.rows().into_iter().map(|row| sum_in_lanes(context, &contiguous(row), &term)).collect(),
            },
            Self::Fisher(vectors) => vectors.sum_rows(context, term),
        }
    }

    /// Fails when a value is infinite or NaN.
    pub(crate) fn check_finite(&self) -> Result<(), Error> {
        match self.find(|value| !value.is_finite()) {
            Some((row, column, value)) => Err(Error::NonFinite { what: ASSIGNMENT_OF, row, column, value }),
            None => Ok(()),
        }
    }

    /// The first stored value, by feature and then by word, for which `is_wrong`.
    pub(crate) fn find(&self, is_wrong: impl Fn(f64) -> bool) -> Option<(usize, usize, f64)> {
        match self {
            Self::Sparse(rows) => (0..rows.features())
                .flat_map(|feature| rows.row(feature).map(move |(word, value)| (feature, word, value)))
                .find(|&(_, _, value)| is_wrong(value)),
            Self::Dense(values) => values
                .indexed_iter()
                .find(|&(_, &value)| is_wrong(value))
                .map(|((feature, word), &value)| (feature, word, value)),
            Self::Fisher(vectors) => vectors.find(is_wrong),
        }
    }
}

/// `Σ_d term(context_d, value_d)` of each row; there is at least one `d`.
#[multiversion(targets("x86_64+avx2"))]
fn sum_each<C: Copy, T: Fn(C, f64) -> f64>(rows: &[f64], context: &[C], term: T) -> Vec<f64> {
    rows.chunks_exact(context.len()).map(|row| sum_in_lanes(context, row, &term)).collect()
}

/// An [`Assignment`] that stores only what may differ from zero, in compressed rows.
///
/// Within a feature, words ascend; all values are finite.
///
/// ```
/// use bow_mapping::SparseAssignment;
/// use ndarray::array;
/// // Two features; the first reaches words 0 and 2, the second word 1.
/// let rows = SparseAssignment::new(3, vec![0, 2, 3], vec![0, 2, 1], vec![0.5, 0.25, 1.0])?;
/// assert_eq!(rows.row(0).collect::<Vec<_>>(), [(0, 0.5), (2, 0.25)]);
/// assert_eq!(rows.to_dense(), array![[0.5, 0.0, 0.25], [0.0, 1.0, 0.0]]);
/// # Ok::<(), bow_mapping::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SparseAssignment {
    words: usize,
    offsets: Vec<usize>,
    indices: Vec<usize>,
    values: Vec<f64>,
}

impl SparseAssignment {
    /// From compressed rows.
    ///
    /// * `words` — V
    /// * `offsets` — L + 1 of them: feature `l` has the entries `offsets[l]..offsets[l + 1]`
    /// * `indices`, `values` — the words of the entries, ascending within a feature, and `m_(d)(l)`
    ///
    /// # Errors
    /// [`Error::Malformed`] when they contradict each other; [`Error::NonFinite`] when a value is infinite or NaN.
    pub fn new(words: usize, offsets: Vec<usize>, indices: Vec<usize>, values: Vec<f64>) -> Result<Self, Error> {
        check_rows(words, &offsets, &indices, &values)?;
        for (feature, bounds) in offsets.windows(2).enumerate() {
            if let Some(entry) = (bounds[0]..bounds[1]).find(|&entry| !values[entry].is_finite()) {
                let (column, value) = (indices[entry], values[entry]);
                return Err(Error::NonFinite { what: ASSIGNMENT_OF, row: feature, column, value });
            }
        }
        Ok(Self { words, offsets, indices, values })
    }

    /// From rows that are known to be right: words ascend, and values are finite.
    pub(crate) fn from_rows(words: usize, rows: impl Iterator<Item = impl IntoIterator<Item = (usize, f64)>>) -> Self {
        let mut built = Self { words, offsets: vec![0], indices: Vec::new(), values: Vec::new() };
        for row in rows {
            for (word, value) in row {
                built.indices.push(word);
                built.values.push(value);
            }
            built.offsets.push(built.indices.len());
        }
        built
    }

    /// L
    pub fn features(&self) -> usize {
        self.offsets.len() - 1
    }

    /// V
    pub fn words(&self) -> usize {
        self.words
    }

    /// How many values are stored.
    pub fn stored(&self) -> usize {
        self.values.len()
    }

    /// The words that feature `l` reaches, ascending, with its `m_(d)(l)`.
    ///
    /// # Panics
    /// When there is no such feature, as indexing does.
    pub fn row(&self, feature: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let entries: Range<usize> = self.offsets[feature]..self.offsets[feature + 1];
        self.indices[entries.clone()].iter().copied().zip(self.values[entries].iter().copied())
    }

    /// All values written out, (L, V).
    pub fn to_dense(&self) -> Array2<f64> {
        let mut dense = zeros(self.features(), self.words);
        for (feature, mut row) in dense.rows_mut().into_iter().enumerate() {
            for (word, value) in self.row(feature) {
                row[word] = value;
            }
        }
        dense
    }
}

fn check_rows(words: usize, offsets: &[usize], indices: &[usize], values: &[f64]) -> Result<(), Error> {
    let malformed = |problem: String| Err(Error::Malformed { problem });
    if indices.len() != values.len() {
        return malformed(format!("{} indices for {} values", indices.len(), values.len()));
    }
    if offsets.first() != Some(&0) || offsets.last() != Some(&values.len()) {
        return malformed(format!("offsets have to begin with 0 and end with {}", values.len()));
    }
    for (feature, bounds) in offsets.windows(2).enumerate() {
        let row = match indices.get(bounds[0]..bounds[1]) {
            Some(row) => row,
            None => return malformed(format!("offsets {} and {} of feature {feature}", bounds[0], bounds[1])),
        };
        if let Some(&word) = row.iter().find(|&&word| word >= words) {
            return malformed(format!("feature {feature} reaches word {word} of {words}"));
        }
        if !row.is_sorted_by(|one, next| one < next) {
            return malformed(format!("the words of feature {feature} do not ascend"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_contradict_themselves_are_refused() {
        let build = SparseAssignment::new;
        let malformed = |found: Result<SparseAssignment, Error>| matches!(found, Err(Error::Malformed { .. }));
        assert!(malformed(build(2, vec![], vec![], vec![])));
        assert!(malformed(build(2, vec![1], vec![], vec![])));
        assert!(malformed(build(2, vec![0, 1], vec![0], vec![])));
        assert!(malformed(build(2, vec![0, 2, 1], vec![0], vec![1.0])));
        assert!(malformed(build(2, vec![0, 2, 1, 2], vec![0, 1], vec![1.0, 1.0])));
        assert!(malformed(build(2, vec![0, 1], vec![2], vec![1.0])));
        assert!(malformed(build(2, vec![0, 2], vec![1, 0], vec![1.0, 1.0])));
        assert!(malformed(build(2, vec![0, 2], vec![1, 1], vec![1.0, 1.0])));
        let error = build(2, vec![0, 1, 2], vec![0, 1], vec![1.0, f64::NAN]).unwrap_err();
        assert!(matches!(error, Error::NonFinite { row: 1, column: 1, .. }));
        let empty_row = build(2, vec![0, 0, 1], vec![1], vec![3.0]).unwrap();
        assert_eq!(empty_row.to_dense(), ndarray::array![[0.0, 0.0], [0.0, 3.0]]);
    }

    #[test]
    fn sums_of_rows_are_those_of_plain_loops() {
        for words in [1, 3, 8, 19, 100] {
            let dense = crate::test_data::random(5, words, 1);
            let context: Vec<f64> = (0..words).map(|word| word as f64).collect();
            for assignment in [Assignment::Dense(dense.clone()), Assignment::Dense(dense.clone().reversed_axes())] {
                let context = &context[..assignment.words().min(words)];
                if context.len() != assignment.words() {
                    continue;
                }
                let found = assignment.sum_rows(context, |context, value| context * value);
                for (found, row) in found.iter().zip(assignment.to_dense().rows()) {
                    let plain: f64 = row.iter().zip(context).map(|(value, context)| value * context).sum();
                    assert!((found - plain).abs() <= 1e-12, "{found}, {plain}");
                }
            }
        }
    }
}
