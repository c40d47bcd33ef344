//! Pooling: relevance goes to the numbers of each window, in shares or to its maximum.

pub(super) mod average_pool;
pub(super) mod extremum;
pub(super) mod extremum_of_tensors;
pub(super) mod lp_pool;
pub(super) mod max_pool;
mod maxima;
mod pooled;
mod positions;
pub(super) mod sum_pool;
pub(super) mod top;
pub(super) mod unpool;
mod windows;

pub use average_pool::AveragePool;
pub use extremum::{End, Extremum};
pub use extremum_of_tensors::ExtremumOfTensors;
pub use lp_pool::LpPool;
pub use max_pool::MaxPool;
pub use positions::MaxPositions;
pub use sum_pool::SumPool;
pub use top::{Top, TopPositions};
pub use unpool::MaxUnpool;
