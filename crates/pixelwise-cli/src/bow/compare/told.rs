//! What is told of ways that were compared: sheet, table, numbers, page.

use std::time::Duration;

use heatmap::{ContactSheet, RgbImage, Tile, normalize, photo_picture, render};
use report::{Picture, Report, Section};
use serde_json::{Value, json};

use super::super::judging::Judged;
use super::Arguments;
use super::explained::{Explained, ShownPhoto};
use crate::failure::Failure;
use crate::output::{Table, number, quoted};
use crate::pictures::{SIGN_COLORS, sign_bar};

/// What became of a way.
pub struct Compared {
    pub name: String,
    pub dimensions: usize,
    /// In this run: what the cache already had took no time.
    pub learning: Duration,
    pub judged: Judged,
    /// Of the photos on the sheet.
    pub explanations: Vec<Explained>,
}

impl Compared {
    /// What a photo takes, from its pixels to their relevance, on average.
    fn milliseconds(&self) -> f64 {
        let all: Duration = self.explanations.iter().map(|explained| explained.duration).sum();
        1e3 * all.as_secs_f64() / self.explanations.len().max(1) as f64
    }

    /// Average precision and cost, below the name of a column.
    fn title(&self) -> String {
        let precision = self.judged.mean_average_precision();
        format!("{}\naverage precision {precision:.3}\n{:.0} ms a photo", self.name, self.milliseconds())
    }
}

/// A row for each photo: itself, then the heatmap of each way, scaled by its own largest relevance.
pub fn sheet(photos: &[ShownPhoto], compared: &[Compared]) -> Result<RgbImage, Failure> {
    let titles = std::iter::once("photo".to_owned()).chain(compared.iter().map(Compared::title));
    let mut sheet = ContactSheet::new().columns(titles).color_bar(sign_bar());
    for (row, photo) in photos.iter().enumerate() {
        let maps = compared.iter().map(|compared| {
            let Explained { score, pixels, .. } = &compared.explanations[row];
            let picture = render(normalize(pixels.view())?.view(), SIGN_COLORS)?;
            Ok(Tile::from((picture, format!("score {}", number(*score)))))
        });
        let maps = maps.collect::<Result<Vec<_>, heatmap::Error>>()?;
        let first = Tile::from((photo_picture(photo.picture.view())?, photo.caption()));
        sheet = sheet.row(std::iter::once(first).chain(maps));
    }
    Ok(sheet.draw()?)
}

const FIGURES: [&str; 5] = ["configuration", "dimensions", "learning s", "photo ms", "mean average precision"];

/// What stands above the figures: the classes that are judged are the same for all ways.
fn titles(compared: &[Compared]) -> Vec<&str> {
    let classes = compared.iter().take(1).flat_map(|compared| &compared.judged.found);
    FIGURES.into_iter().chain(classes.map(|found| found.class.as_str())).collect()
}

/// A row of figures for each way: those that have names, then the average precision of each class.
fn rows(compared: &[Compared]) -> impl Iterator<Item = Vec<String>> {
    compared.iter().map(|compared| {
        let precision = |value: f64| format!("{value:.4}");
        let of_classes = compared.judged.found.iter().map(|found| precision(found.curve.average_precision()));
        let figures = [
            compared.name.clone(),
            compared.dimensions.to_string(),
            format!("{:.1}", compared.learning.as_secs_f64()),
            format!("{:.1}", compared.milliseconds()),
            precision(compared.judged.mean_average_precision()),
        ];
        figures.into_iter().chain(of_classes).collect()
    })
}

/// For a person.
pub fn table(compared: &[Compared]) -> String {
    let mut table = Table::new(titles(compared));
    rows(compared).for_each(|row| table.row(row));
    table.text()
}

/// For a spreadsheet.
pub fn csv(compared: &[Compared]) -> String {
    let line = |cells: &mut dyn Iterator<Item = &str>| cells.map(quoted).collect::<Vec<_>>().join(",") + "\n";
    let rows = rows(compared).map(|row| line(&mut row.iter().map(String::as_str)));
    std::iter::once(line(&mut titles(compared).into_iter())).chain(rows).collect()
}

/// For a program.
pub fn json(compared: &[Compared], failed: &[String]) -> Value {
    let of_class = |compared: &Compared| -> Vec<Value> {
        let found = compared.judged.found.iter();
        found
            .map(|found| json!({ "class": found.class, "average_precision": found.curve.average_precision() }))
            .collect()
    };
    let ways = compared.iter().map(|compared| {
        json!({
            "configuration": compared.name,
            "dimensions": compared.dimensions,
            "learning_seconds": compared.learning.as_secs_f64(),
            "photo_milliseconds": compared.milliseconds(),
            "mean_average_precision": compared.judged.mean_average_precision(),
            "classes": of_class(compared),
        })
    });
    json!({ "configurations": ways.collect::<Vec<_>>(), "failed": failed })
}

/// Sheet and table on one page.
pub fn page(arguments: &Arguments, sheet: Vec<u8>, compared: &[Compared]) -> Report {
    let table = rows(compared).fold(report::Table::new(titles(compared)), report::Table::row);
    let section = Section::new("Average precision, time, and what is seen")
        .paragraph(
            "Each map is scaled by its own largest relevance: compare where it lies, not how strong it is. Time is that of \
             a photo on the sheet, from its pixels to their relevance.",
        )
        .table(table)
        .pictures([Picture::new(sheet, "Red speaks for the class, blue against it")]);
    Report::new("Ways to learn a classifier of photographs")
        .subtitle(format!(
            "learned from the list {}, judged by {}, in {}",
            arguments.split,
            arguments.judge_by,
            arguments.folder.voc().display()
        ))
        .section(section)
}
