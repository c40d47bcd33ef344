//! Sums without weights: shares in proportion to the contributions.

pub(super) mod addition;
pub(super) mod reduce;

pub use addition::Sum;
pub use reduce::{Reduce, Statistic};
