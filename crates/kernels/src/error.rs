//! What can be wrong with what a caller hands in.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel's parameter out of its range.
    #[error("the {kernel} kernel with {parameter} = {value}: it has to be a finite number larger than 0")]
    Parameter {
        /// The kernel's name.
        kernel: &'static str,
        /// The parameter.
        parameter: &'static str,
        /// The value that was given.
        value: f64,
    },
    /// A kernel's name that none has.
    #[error("no kernel is called {name:?}; there are {known}")]
    UnknownKernel {
        /// The name that was given.
        name: String,
        /// All names.
        known: String,
    },
    /// Points whose dimensions do not fit together.
    #[error("{what} has {found} dimensions where {expected} are needed")]
    Dimensions {
        /// Which points.
        what: String,
        /// Dimensions that they have.
        found: usize,
        /// Dimensions that they should have.
        expected: usize,
    },
    /// Two arrays that belong together do not have the same number of entries.
    #[error("{what}: {found} where {expected} are needed")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Something that must not be empty.
    #[error("{what} is empty: give at least one")]
    Empty {
        /// What is empty.
        what: &'static str,
    },
    /// A negative value where the kernel takes none.
    #[error(
        "{what}: row {row}, column {column} holds {value}, but the {kernel} kernel takes values of 0 or larger only"
    )]
    Negative {
        /// Which points.
        what: &'static str,
        /// The kernel's name.
        kernel: &'static str,
        /// Row of the value; 0 for a single point.
        row: usize,
        /// Column of the value.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A value that is NaN, infinite, or so large that products of it would be.
    #[error("{what}: row {row}, column {column} holds {value}, but values have to be numbers up to ±1e100")]
    NotFinite {
        /// Which array.
        what: &'static str,
        /// Row of the value; 0 for a single point.
        row: usize,
        /// Column of the value.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A bandwidth from the mean distance of points that have none.
    #[error("no bandwidth from {points} points with mean distance {mean}: give at least two points that differ")]
    NoBandwidth {
        /// How many points there were.
        points: usize,
        /// Their mean distance.
        mean: f64,
    },
    /// Eq. 24 for a kernel that is no sum over dimensions.
    #[error(
        "the {kernel} kernel is no sum over dimensions (Eq. 23): decompose it about a root point with taylor_relevance"
    )]
    NotSumDecomposable {
        /// The kernel's name.
        kernel: &'static str,
    },
    /// Eq. 25 for a kernel without derivative.
    #[error("the {kernel} kernel is not differentiable: decompose it exactly with sum_relevance (Eq. 24)")]
    NotDifferentiable {
        /// The kernel's name.
        kernel: &'static str,
    },
    /// The sorted form for another kernel than histogram intersection.
    #[error("the sorted form is that of the histogram-intersection kernel, and term {term} has the {kernel} kernel")]
    NotIntersection {
        /// Which term of the expansion.
        term: usize,
        /// The kernel's name.
        kernel: &'static str,
    },
    /// No root point, or one that can't be used.
    #[error(transparent)]
    Relevance(#[from] relevance::Error),
}

impl Error {
    /// The same error, with columns counted from `first`: the block in which it was found begins there.
    pub(crate) fn with_columns_from(mut self, first: usize) -> Self {
        if let Self::Negative { column, .. } | Self::NotFinite { column, .. } = &mut self {
            *column += first;
        }
        self
    }
}
