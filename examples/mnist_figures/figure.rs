//! A figure: what goes on the page, and the files beside it.

use std::fmt::Display;
use std::path::Path;

use heatmap::{RgbImage, encode_png, write_whole};
use ndarray::ArrayView2;
use report::{Picture, Plot, Section, Table};

use crate::Outcome;

/// A number that a reader should see first.
pub struct Finding {
    pub label: String,
    pub value: String,
    pub remark: String,
}

/// A figure of the paper, made again.
pub struct Figure {
    name: String,
    section: Section,
    files: Vec<(String, Vec<u8>)>,
    findings: Vec<Finding>,
}

impl Figure {
    pub fn new(number: u8, title: &str) -> Self {
        Self {
            name: format!("figure-{number}"),
            section: Section::new(format!("Fig. {number}: {title}")),
            files: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// What is to be seen.
    pub fn text(self, text: impl Into<String>) -> Self {
        Self { section: self.section.paragraph(text), ..self }
    }

    /// Adds a picture, as a PNG file and on the page.
    ///
    /// * `part` — what of the figure it shows, for the name of its file; empty if all
    pub fn picture(mut self, part: &str, picture: &RgbImage, caption: impl Into<String>) -> Outcome<Self> {
        let png = encode_png(picture)?;
        self.files.push((self.file(part, "png"), png.clone()));
        Ok(Self { section: self.section.pictures([Picture::new(png, caption)]), ..self })
    }

    /// Adds plots side by side, as SVG files and on the page.
    pub fn plots<'a>(mut self, plots: impl IntoIterator<Item = (&'a str, Plot, String)>) -> Outcome<Self> {
        let mut pictures = Vec::new();
        for (part, plot, caption) in plots {
            self.files.push((self.file(part, "svg"), plot.svg()?.into_bytes()));
            pictures.push(Picture::plot(&plot, caption)?);
        }
        Ok(Self { section: self.section.pictures(pictures), ..self })
    }

    pub fn table(self, table: Table) -> Self {
        Self { section: self.section.table(table), ..self }
    }

    /// Adds the numbers behind a picture, as a CSV file that the page has a link to.
    pub fn numbers(mut self, part: &str, numbers: Numbers) -> Self {
        let file = self.file(part, "csv");
        self.section = self.section.links([(format!("The numbers: {file}"), &file)]);
        self.files.push((file, numbers.text.into_bytes()));
        self
    }

    /// Adds a number to those on top of the page.
    pub fn finding(mut self, label: &str, value: impl Display, remark: impl Into<String>) -> Self {
        self.findings.push(Finding { label: label.into(), value: value.to_string(), remark: remark.into() });
        self
    }

    /// Writes the files.
    pub fn write(self, folder: &Path) -> Outcome<(Section, Vec<Finding>)> {
        for (name, bytes) in &self.files {
            write_whole(folder.join(name), bytes)?;
        }
        Ok((self.section, self.findings))
    }

    fn file(&self, part: &str, kind: &str) -> String {
        let dash = if part.is_empty() { "" } else { "-" };
        format!("{}{dash}{part}.{kind}", self.name)
    }
}

/// A table in a CSV file.
pub struct Numbers {
    text: String,
}

impl Numbers {
    /// A table with these columns.
    pub fn new(columns: &str) -> Self {
        Self { text: format!("{columns}\n") }
    }

    /// A table of maps: these columns, and one for each pixel, row by row.
    pub fn of_maps(columns: &str) -> Self {
        let pixels = (0..28 * 28).map(|pixel| format!(",{}.{}", pixel / 28, pixel % 28));
        Self::new(&format!("{columns}{}", pixels.collect::<String>()))
    }

    /// Adds a row.
    pub fn row<T: Display>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| cell.to_string()).collect();
        self.text.push_str(&cells.join(","));
        self.text.push('\n');
    }

    /// Adds a map, with six digits of each number.
    pub fn map<T: Display>(&mut self, cells: impl IntoIterator<Item = T>, map: ArrayView2<'_, f64>) {
        let cells = cells.into_iter().map(|cell| cell.to_string());
        self.row(cells.chain(map.iter().map(|value| format!("{value:.5e}"))));
    }
}
