//! Operations that take the largest of several numbers, or the smallest.

use ndarray::ArrayViewD;
use relevance::Stabilizer;
use serde::{Deserialize, Serialize};

use crate::Real;
use crate::operation::{Redistribution, Step};

/// The largest of each window, or the largest or smallest along axes.
pub trait MaxSelection<F: Real> {
    /// Hands relevance down to the numbers of each window.
    fn redistribute(&self, step: &Step<'_, F>, upper: ArrayViewD<'_, F>, sharing: Sharing) -> Redistribution<F>;
}

/// Who gets the relevance of a window's maximum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sharing {
    /// The first of the largest, in row-major order.
    First,
    /// All of the largest, in equal shares: the limit p → ∞ of the p-mean.
    Ties,
    /// Each of the window, in proportion to its value.
    Proportional(Stabilizer),
}
