//! A figure of triplets, and the numbers behind it.

use std::path::Path;

use heatmap::{
    Binarization, ColorBar, ColorMap, ContactSheet, EdgeSuperposition, RgbImage, Tile, encode_png, normalize_all,
    photo_picture, write_whole,
};
use images::to_unit_range;
use ndarray::{Array2, Array3, ArrayView2, ArrayView3};
use rayon::prelude::*;
use report::{Picture, Section, Table};

use crate::Outcome;
use crate::choice::Choice;
use crate::photos::Photo;

/// Green at zero, as in the paper.
const COLORS: ColorMap = ColorMap::Jet;

/// What is shown of a class.
pub struct Figure<'a> {
    class: &'a str,
    rows: Vec<Row<'a>>,
}

/// A photo, explained.
struct Row<'a> {
    choice: Choice,
    photo: &'a Photo,
    picture: Array3<u8>,
    relevance: Array2<f64>,
}

impl<'a> Figure<'a> {
    /// Explains the photos of a figure.
    ///
    /// * `explain` — R¹ of an image in [0, 1]
    pub fn explain(
        class: &'a str,
        choices: Vec<Choice>,
        photos: &'a [Photo],
        explain: impl Fn(ArrayView3<'_, f64>) -> Outcome<Array2<f64>> + Sync,
    ) -> Outcome<Self> {
        let rows = choices.into_par_iter().map(|choice| {
            let photo = &photos[choice.photo];
            let picture = images::read(&photo.path)?;
            let relevance = explain(to_unit_range(picture.view()).view())?;
            Ok(Row { choice, photo, picture, relevance })
        });
        Ok(Self { class, rows: rows.collect::<Outcome<_>>()? })
    }

    /// Writes picture and numbers; the section of the page that shows them.
    ///
    /// * `tally` — how many photos there are of each kind
    pub fn write(&self, tally: String, folder: &Path) -> Outcome<Section> {
        let section = Section::new(self.class).paragraph(tally);
        if self.rows.is_empty() {
            return Ok(section);
        }
        let name = self.class.replace(['/', '\\'], "-");
        let (picture, numbers) = (format!("{name}.png"), format!("{name}.csv"));
        let png = encode_png(&self.sheet()?)?;
        write_whole(folder.join(&picture), &png)?;
        write_whole(folder.join(&numbers), self.numbers().as_bytes())?;
        Ok(section
            .pictures([Picture::new(png, self.caption()).linked(&picture)])
            .table(self.table())
            .links([(format!("The numbers: {numbers}"), &numbers)]))
    }

    fn sheet(&self) -> Outcome<RgbImage> {
        let views: Vec<ArrayView2<'_, f64>> = self.rows.iter().map(|row| row.relevance.view()).collect();
        let bar = ColorBar { length: 480, maximum: self.largest(), ..ColorBar::of(COLORS) };
        let class = self.class;
        let mut sheet = ContactSheet::new()
            .title(class)
            .columns(["photo", "pixel-wise prediction", "where it is high"])
            .color_bar(bar.captions(format!("against {class}"), format!("for {class}")));
        for (row, normalized) in self.rows.iter().zip(normalize_all(&views)?) {
            sheet = sheet.row(row.triplet(class, &normalized)?);
        }
        Ok(sheet.draw()?)
    }

    /// `max |R|` over all photos of the figure.
    fn largest(&self) -> f64 {
        self.rows.iter().map(Row::largest).fold(0.0, f64::max)
    }

    fn caption(&self) -> String {
        format!(
            "From left to right: the photo; the pixel-wise prediction with the photo's prominent edges over it; the photo \
             where the prediction exceeds {} of the largest. All rows have one scale: the largest relevance of any pixel \
             of the figure, {:.2e}, is 1 (Eq. 35 with global normalization).",
            Binarization::default().threshold,
            self.largest()
        )
    }

    fn table(&self) -> Table {
        let table = Table::new(["photo", "", "f", "truth", "largest relevance of a pixel"]);
        self.rows.iter().fold(table, |table, row| {
            let truth = row.truth(self.class);
            let (kind, score) = (row.choice.kind.to_string(), format!("{:.4}", row.choice.score));
            table.row([row.photo.name.clone(), kind, score, truth, format!("{:.2e}", row.largest())])
        })
    }

    fn numbers(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let Choice { kind, score, shows, .. } = row.choice;
            let name = row.photo.name.replace('"', "\"\"");
            let shows = shows.map_or_else(String::new, |shows| shows.to_string());
            format!("{kind},\"{name}\",{score},{shows},{},{}\n", row.relevance.sum(), row.largest())
        });
        let titles = "kind,photo,score,shows,sum of relevance,largest relevance\n".to_owned();
        rows.fold(titles, |text, row| text + &row)
    }
}

impl Row<'_> {
    fn triplet(&self, class: &str, normalized: &Array2<f64>) -> Outcome<[Tile; 3]> {
        let photo = self.picture.view();
        let edges = EdgeSuperposition { color_map: COLORS, ..EdgeSuperposition::default() };
        Ok([
            Tile::from((photo_picture(photo)?, self.photo.name.as_str())),
            Tile::from((edges.draw(photo, normalized.view())?, format!("f = {:.3}", self.choice.score))),
            Tile::from((
                Binarization::default().draw(photo, normalized.view())?,
                format!("{}\n{}", self.choice.kind, self.truth(class)),
            )),
        ])
    }

    fn truth(&self, class: &str) -> String {
        match self.choice.shows {
            Some(true) => format!("shows {class}"),
            Some(false) => format!("no {class}"),
            None => String::new(),
        }
    }

    fn largest(&self) -> f64 {
        self.relevance.iter().fold(0.0, |largest: f64, relevance| largest.max(relevance.abs()))
    }
}
