//! What goes out: lines and tables to standard output, arrays into files.

use std::io::{self, Write};
use std::path::Path;

use evaluation::Estimate;
use ndarray::ArrayViewD;
use ndarray_npy::{WritableElement, WriteNpyExt};

use crate::explain::files::Folder;
use crate::failure::{Context, Failure};
use crate::inputs::content::is_standard;

/// Writes to standard output, with nothing in it that steers a terminal. A reader who has seen enough and closes it is no
/// failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(wording::printable(text).as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("can't write to standard output"),
        _ => Ok(()),
    }
}

/// Prints JSON as a person can read it.
pub fn print_json(value: &serde_json::Value) -> Result<(), Failure> {
    print(&format!("{value:#}\n"))
}

/// Writes an array as an .npy file, whole or not at all, or to standard output.
pub fn write_npy<F: WritableElement>(path: &Path, array: ArrayViewD<'_, F>) -> Result<(), Failure> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).context(format!("can't write {}", path.display()))?;
    write(path, &bytes)
}

/// Writes a file whole or not at all, or to standard output.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    match is_standard(path) {
        true => io::stdout().write_all(bytes).context("can't write to standard output"),
        false => whole_file::write(path, bytes).context(format!("can't write {}", path.display())),
    }
}

/// Makes the place of a file before the work begins: its folder, or standard output, where a JSON document would be in its
/// way.
pub fn prepare(path: &Path, json: bool) -> Result<(), Failure> {
    match (is_standard(path), json) {
        (true, true) => Err("standard output takes the file or the JSON document: give --output a name".into()),
        (true, false) => Ok(()),
        (false, _) => Folder::prepare(path),
    }
}

/// Rows of cells, as a table with aligned columns; numbers stand at the right.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with titles above its columns.
    pub fn new<'a>(titles: impl IntoIterator<Item = &'a str>) -> Self {
        Self { rows: vec![titles.into_iter().map(str::to_owned).collect()] }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table, a line for each row.
    pub fn text(&self) -> String {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cells = |column: usize| self.rows.iter().filter_map(move |row| row.get(column));
        let width = |column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let numeric = |column| cells(column).skip(1).all(|cell| is_number(cell));
        let columns: Vec<(usize, bool)> = (0..count).map(|column| (width(column), numeric(column))).collect();
        let mut text = String::new();
        for row in &self.rows {
            let padded = row.iter().zip(&columns).map(|(cell, &(width, numeric))| match numeric {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            text += padded.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }
}

fn is_number(cell: &str) -> bool {
    let digits = cell.starts_with(|first: char| first.is_ascii_digit() || first == '-');
    cell.is_empty() || digits && !cell.contains('×')
}

/// Six significant digits, as short as they can be.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() {
        value.to_string()
    } else if (1e-4..1e7).contains(&magnitude) {
        let decimals = (5.0 - magnitude.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.5e}")
    }
}

/// A share in percent, in scientific form where it is very large or very small.
pub fn percent(share: f64) -> String {
    match 100.0 * share {
        percent if !percent.is_finite() => "undefined".to_owned(),
        percent if percent == 0.0 || (0.1..1e6).contains(&percent.abs()) => format!("{percent:.1} %"),
        percent if (1e-3..0.1).contains(&percent.abs()) => format!("{percent:.3} %"),
        percent => format!("{percent:.1e} %"),
    }
}

/// `0.42 ± 0.03`
pub fn interval(estimate: Option<Estimate>) -> String {
    match estimate {
        None => "undefined".to_owned(),
        Some(Estimate { mean, interval: None, .. }) => format!("{mean:.4}"),
        Some(Estimate { mean, interval: Some((_, high)), .. }) => format!("{mean:.4} ± {:.4}", high - mean),
    }
}

/// Cells of a CSV file: a mean, and the ends of its interval.
pub fn numbers(estimate: &Estimate) -> [String; 3] {
    let (low, high) = estimate.interval.unzip();
    [Some(estimate.mean), low, high].map(written)
}

/// A cell of a CSV file, empty where there is no value.
pub fn written(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A cell of a CSV file.
pub fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

/// A shape as people write it: `1 × 3 × 224 × 224`.
pub fn shape(lengths: &[usize]) -> String {
    match lengths {
        [] => "a number".to_owned(),
        lengths => lengths.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_numbers_at_the_right() {
        let mut table = Table::new(["name", "size"]);
        table.row(["a".to_owned(), "7".to_owned()]);
        table.row(["longer".to_owned(), "1234".to_owned()]);
        assert_eq!(table.text(), "name    size\na          7\nlonger  1234\n");
    }

    #[test]
    fn numbers_have_six_digits() {
        let written =
            [(1.25, "1.25000"), (-0.03125, "-0.0312500"), (0.0, "0"), (1e-9, "1.00000e-9"), (123.0, "123.000")];
        for (value, text) in written {
            assert_eq!(number(value), text);
        }
    }
}
