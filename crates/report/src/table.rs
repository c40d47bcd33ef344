//! Tables.

use std::fmt::Display;

use serde::Serialize;

use crate::Error;
use crate::numbers::is_numeric;

/// A table: headers, and rows of as many cells.
///
/// Columns of numbers are aligned at the right.
///
/// ```
/// use report::Table;
/// let table = Table::new(["kernel", "accuracy"]).row(["χ²", "0.992"]).row(["HI", "0.984"]).caption("Both kernels");
/// assert_eq!(table.rows.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What stands above it; nothing when empty.
    pub caption: String,
    /// The head of each column.
    pub headers: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
}

/// A table as the template wants it.
#[derive(Serialize)]
pub(crate) struct TableView {
    caption: String,
    headers: Vec<CellView>,
    rows: Vec<Vec<CellView>>,
}

#[derive(Serialize)]
struct CellView {
    text: String,
    numeric: bool,
}

impl Table {
    /// A table without rows.
    pub fn new<S: Into<String>>(headers: impl IntoIterator<Item = S>) -> Self {
        Self { headers: headers.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Adds a row.
    #[must_use]
    pub fn row<S: Display>(mut self, cells: impl IntoIterator<Item = S>) -> Self {
        self.rows.push(cells.into_iter().map(|cell| cell.to_string()).collect());
        self
    }

    /// What stands above it.
    #[must_use]
    pub fn caption(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }

    pub(crate) fn view(&self) -> Result<TableView, Error> {
        for (row, cells) in (1..).zip(&self.rows) {
            if cells.len() != self.headers.len() {
                return Err(Error::Row { row, headers: self.headers.clone(), found: cells.len() });
            }
        }
        let numeric: Vec<bool> = (0..self.headers.len()).map(|column| self.is_numeric(column)).collect();
        let view = |cells: &Vec<String>| {
            cells.iter().zip(&numeric).map(|(text, &numeric)| CellView { text: text.clone(), numeric }).collect()
        };
        Ok(TableView {
            caption: self.caption.clone(),
            headers: view(&self.headers),
            rows: self.rows.iter().map(view).collect(),
        })
    }

    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some() && cells.all(|cell| is_numeric(cell))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_numbers_are_numeric_whole() -> Result<(), Error> {
        let view = Table::new(["name", "value", "mixed", "empty"])
            .row(["a", "1", "1", ""])
            .row(["2", "−3", "b", ""])
            .view()?;
        let numeric: Vec<bool> = view.headers.iter().map(|header| header.numeric).collect();
        assert_eq!(numeric, [false, true, false, false]);
        Ok(())
    }

    #[test]
    fn a_row_that_does_not_fit_is_named() {
        let error = Table::new(["a", "b"]).row([1, 2]).row([3]).view().err().unwrap().to_string();
        assert!(error.contains("row 2") && error.contains("1 cells"), "{error}");
    }
}
