//! Writes a sample page, to look at: `cargo run -p report --example sample [FILE]`.
//!
//! Its pictures and numbers are made up.

use std::error::Error;
use std::path::PathBuf;

use heatmap::{
    ColorBar, ColorMap, ContactSheet, EdgeSuperposition, RgbImage, Superposition, Tile, encode_png, normalize,
    photo_picture, render,
};
use ndarray::{Array2, Array3};
use relevance::{Amount, Entry, Ledger, Sink};
use report::{Picture, Report, Section, Table};

const SIDE: usize = 306;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("sample-report.html"), PathBuf::from);
    let mut composites = Section::new("Composites").paragraph(
        "Each composite holds polygons, which the classifier was trained to find, and circles, which it was trained \
         to tell from them. Red pixels speak for a polygon, blue ones against it.",
    );
    for index in 0..2 {
        composites = composites.pictures(pictures(index)?);
    }
    Report::new("Polygons against circles")
        .subtitle("A Bag-of-Words classifier with a χ² kernel, explained pixel by pixel")
        .figure("test accuracy", "0.992", "500 tiles")
        .figure("test AUC", "0.9998", "")
        .figure("polygon-versus-circle AUC", "0.975", "mean of 6 composites")
        .figure("positive relevance near polygons", "61 %", "4 % near circles")
        .figure("largest conservation error", "3.1e−16", "of all steps")
        .section(composites)
        .section(
            Section::new("Where the score went")
                .paragraph("Every step hands down what it took in from above, or books it into a named sink.")
                .ledger("Composite 0, all tiles together", &ledger())
                .ledger("The same with a poor choice of root points", &leaky_ledger()),
        )
        .section(Section::new("Flipping regions").paragraph(flipping_text()).table(flipping_table()))
        .section(Section::new("Contact sheet").pictures([Picture::new(contact_sheet()?, "All color maps")]))
        .setting("kernel", "χ², σ = 1 / mean distance")
        .setting("scales", "2.0 and 3.0")
        .setting("words", "128 each (127 by k-means, one for flat patches)")
        .setting("mapping", "rank, p = 2, n = 4")
        .setting("pooling", "mean, then l1")
        .setting("C", 10)
        .setting("root candidates", "5 nearest of the opposite sign")
        .setting("tiles", "102 × 102 pixels at a step of 34, averaged")
        .setting("seed", 1)
        .timing("training tiles", 0.412)
        .timing("codebooks", 3.05)
        .timing("Gram matrices", 0.097)
        .timing("support vector machine", 0.061)
        .timing("explanations", 6.83)
        .note("Relevance is normalized for each image by its own largest magnitude (Eq. 35).")
        .note("Equation numbers are those of Bach et al. 2015, PLoS ONE 10(7): e0130140.")
        .write(&path)?;
    println!("{}", path.display());
    Ok(())
}

/// Photo, heatmap, superpositions of a made-up composite.
fn pictures(index: usize) -> Result<Vec<Picture>, heatmap::Error> {
    let (photo, relevance) = (photo(index), relevance(index)?);
    let superposition = Superposition::default().draw(photo.view(), relevance.view())?;
    let edges = EdgeSuperposition::default().draw(photo.view(), relevance.view())?;
    let picture = |drawn: &RgbImage, caption: String| Ok(Picture::new(encode_png(drawn)?, caption));
    [
        (photo_picture(photo.view())?, format!("composite {index}")),
        (render(relevance.view(), ColorMap::Jet)?, "pixel-wise prediction".to_owned()),
        (superposition, "superposition".to_owned()),
        (edges, "over prominent edges".to_owned()),
    ]
    .into_iter()
    .map(|(drawn, caption)| picture(&drawn, caption))
    .collect()
}

fn contact_sheet() -> Result<Vec<u8>, heatmap::Error> {
    let relevance = relevance(0)?;
    let mut sheet = ContactSheet::new();
    for maps in ColorMap::ALL.chunks(4) {
        let tiles = maps.iter().map(|&map| {
            let bar = ColorBar { length: SIDE as u32, ..ColorBar::of(map) };
            Ok(Tile { color_bar: Some(bar), ..(render(relevance.view(), map)?, map.name()).into() })
        });
        sheet = sheet.row(tiles.collect::<Result<Vec<Tile>, heatmap::Error>>()?);
    }
    encode_png(&sheet.draw()?)
}

fn ledger() -> Ledger {
    let amount = |total: f64, magnitude: f64| Amount { total, magnitude, non_finite: 0 };
    let mut ledger = Ledger::default();
    ledger.push(
        Entry::new("R³ visual words, Taylor (Eq. 25)", Amount::of(41.27), amount(38.02, 96.4))
            .with_sink(Sink::TaylorResidual, Amount::of(3.25))
            .with_sink(Sink::RootValue, Amount::of(2.1e-15)),
    );
    ledger.push(Entry::new("R² local features (Eq. 27)", amount(38.02, 96.4), amount(38.02, 71.9)));
    ledger.push(Entry::new("R¹ pixels (Eq. 34)", amount(38.02, 71.9), amount(38.02, 52.3)));
    ledger.push(
        Entry::new("average of overlapping tiles", amount(38.02, 52.3), amount(6.31, 9.7))
            .with_sink(Sink::Overlap, amount(31.71, 42.6)),
    );
    ledger
}

fn leaky_ledger() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.push(
        Entry::new("R³ visual words, Taylor (Eq. 25)", Amount::of(1.27), Amount::of(0.21))
            .with_sink(Sink::TaylorResidual, Amount::of(1.31))
            .with_sink(Sink::RootValue, Amount::of(-0.25)),
    );
    ledger.push(Entry::new("R² local features (Eq. 27)", Amount::of(0.21), Amount::of(0.21)));
    ledger
}

fn flipping_text() -> &'static str {
    "Mean drop of f(x) when blocks of 6 × 6 pixels are set to the median color: the most relevant first, in random \
     order, and the least relevant first."
}

fn flipping_table() -> Table {
    Table::new(["share of blocks", "most relevant", "random", "least relevant"])
        .row(["5 %", "0.41", "0.05", "−0.11"])
        .row(["10 %", "0.66", "0.11", "−0.18"])
        .row(["20 %", "0.93", "0.21", "−0.22"])
        .row(["30 %", "1.08", "0.33", "−0.19"])
}

/// Row, column and radius of a shape: polygons at even places, circles at odd ones.
fn shapes(index: usize) -> Vec<(f64, f64, f64)> {
    let place = |number: usize| {
        let (row, column) = (number / 3, number % 3);
        let shift = ((number * 7 + index * 5) % 9) as f64 * 3.0 - 12.0;
        (
            51.0 + 102.0 * row as f64 + shift,
            51.0 + 102.0 * column as f64 - shift,
            20.0 + ((number + index) % 4) as f64 * 4.0,
        )
    };
    (0..9).map(place).collect()
}

fn photo(index: usize) -> Array3<u8> {
    let shapes = shapes(index);
    Array3::from_shape_fn((SIDE, SIDE, 3), |(row, column, channel)| {
        let (y, x) = (row as f64, column as f64);
        let grain = ((row * 37 + column * 101 + row * column) % 17) as f64 - 8.0;
        let inside = shapes.iter().enumerate().position(|(number, &(center_row, center_column, radius))| {
            let (dy, dx) = (y - center_row, x - center_column);
            if number % 2 == 0 { dy.abs() + dx.abs() * 0.8 < radius } else { dy.hypot(dx) < radius }
        });
        let color = match inside {
            Some(number) => [[196, 86, 64], [70, 132, 92], [226, 190, 80], [88, 92, 160]][number % 4][channel],
            None => [168, 172, 164][channel],
        };
        (f64::from(color) + grain) as u8
    })
}

fn relevance(index: usize) -> Result<Array2<f64>, heatmap::Error> {
    let shapes = shapes(index);
    let map = Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let at = |(number, &(center_row, center_column, radius)): (usize, &(f64, f64, f64))| {
            let distance = (row as f64 - center_row).hypot(column as f64 - center_column);
            let ring = (-((distance - 0.8 * radius) / 9.0).powi(2)).exp();
            ring * if number % 2 == 0 { 0.6 + 0.05 * number as f64 } else { -0.35 }
        };
        shapes.iter().enumerate().map(at).sum::<f64>()
    });
    normalize(map.view())
}
