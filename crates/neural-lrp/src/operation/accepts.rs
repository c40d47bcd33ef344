//! The orders of memory in which operations and rules take their arrays.

/// The orders of memory in which an operation or a rule takes its arrays; the axes mean the same in each.
///
/// A network may keep a tensor with the numbers of a channel together, or with those of a position together, channel by
/// channel: there images go through convolutions fastest. Who accepts only the first is given copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accepts {
    /// The standard layout alone.
    StandardOrder,
    /// Either, the same for all arrays of more than two axes.
    AnyOrder,
    /// Either, with the axes moved into the order of memory: each number is taken with those at its own place only, so
    /// that it doesn't matter which axis is which, as long as they are the same in all arrays.
    MovedAxes,
}
