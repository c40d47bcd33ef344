//! What can be wrong with what a caller asks for.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A picture without pixels, or one that is too large to be made.
    #[error("a tile of {height}×{width} pixels: each side has to be between 1 and {largest} pixels")]
    Size {
        /// Rows asked for.
        height: usize,
        /// Columns asked for.
        width: usize,
        /// The longest side that is possible.
        largest: usize,
    },
}
