//! What can go wrong with a report.

/// Errors of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that should be a PNG file and are not.
    #[error("the picture \"{caption}\" is no PNG file: encode it with heatmap::encode_png")]
    Picture {
        /// The caption of the picture.
        caption: String,
    },
    /// A table's row that does not fit its headers.
    #[error(
        "row {row} of the table with the headers {headers:?} has {found} cells: it has to have one for each header"
    )]
    Row {
        /// Which row, from 1.
        row: usize,
        /// The table's headers.
        headers: Vec<String>,
        /// How many cells the row has.
        found: usize,
    },
    /// The template could not be filled.
    #[error("the page can't be made: {0}")]
    Template(#[from] minijinja::Error),
    /// The page could not be written.
    #[error(transparent)]
    Write(#[from] heatmap::Error),
}
