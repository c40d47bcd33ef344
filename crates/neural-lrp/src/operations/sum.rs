//! Sums without weights: shares in proportion to the contributions.

pub(super) mod addition;
pub(super) mod blocks;
pub(super) mod cumulative;
pub(super) mod fake_quantization;
pub(super) mod reduce;

pub use addition::Sum;
pub use blocks::Col2Im;
pub use cumulative::CumulativeSum;
pub use fake_quantization::FakeQuantization;
pub use reduce::{Reduce, Statistic};
