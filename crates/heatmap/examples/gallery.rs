//! Draws one synthetic relevance map in every color map, and one photo with every kind of superposition:
//! `cargo run -p heatmap --example gallery [FOLDER]`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use heatmap::{
    Binarization, ColorBar, ColorMap, ContactSheet, EdgeSuperposition, Error, Superposition, Tile, normalize,
    photo_picture, render, write_png,
};
use ndarray::{Array2, Array3};

const SIDE: usize = 102;

fn main() -> Result<(), Error> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let relevance = normalize(blobs().view())?;
    for (name, sheet) in
        [("color-maps.png", color_maps(&relevance)?), ("superpositions.png", superpositions(&relevance)?)]
    {
        let path = folder.join(name);
        write_png(&path, &sheet.draw()?)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// The map in all colors, each with its bar.
fn color_maps(relevance: &Array2<f64>) -> Result<ContactSheet, Error> {
    let mut sheet = ContactSheet::new().title("One relevance map, every color map").magnification(magnification());
    for maps in ColorMap::ALL.chunks(4) {
        let tiles = maps.iter().map(|&map| {
            let picture = render(relevance.view(), map)?;
            Ok(Tile { picture, caption: map.to_string(), color_bar: Some(ColorBar::of(map)) })
        });
        sheet = sheet.row(tiles.collect::<Result<Vec<_>, Error>>()?);
    }
    Ok(sheet)
}

/// Photo and map, and what can be made of both.
fn superpositions(relevance: &Array2<f64>) -> Result<ContactSheet, Error> {
    let photo = photo();
    let mut sheet = ContactSheet::new()
        .title("Photo and relevance in one picture")
        .columns(["photo", "pixel-wise prediction", "superposition", "over prominent edges", "binarized"])
        .color_bar(ColorBar { length: 408, ..ColorBar::default() }.captions("evidence against", "evidence for"))
        .magnification(magnification());
    for color_map in [ColorMap::Jet, ColorMap::BlackFireRed, ColorMap::BlueOrange] {
        let superposition = Superposition { color_map, ..Superposition::default() };
        let over_edges = EdgeSuperposition { color_map, ..EdgeSuperposition::default() };
        sheet = sheet.row([
            (photo_picture(photo.view())?, String::new()),
            (render(relevance.view(), color_map)?, color_map.to_string()),
            (superposition.draw(photo.view(), relevance.view())?, format!("opacity {}", superposition.opacity)),
            (over_edges.draw(photo.view(), relevance.view())?, String::new()),
            (Binarization::default().draw(photo.view(), relevance.view())?, "above 0.2".to_owned()),
        ]);
    }
    Ok(sheet)
}

fn magnification() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(1)
}

/// Centers (row, column), widths and heights of Gaussian blobs.
const BLOBS: [(f64, f64, f64, f64); 6] = [
    (28.0, 30.0, 9.0, 1.0),
    (36.0, 40.0, 14.0, 0.5),
    (72.0, 66.0, 11.0, -0.75),
    (64.0, 80.0, 7.0, -0.4),
    (20.0, 80.0, 6.0, 0.35),
    (82.0, 22.0, 8.0, 0.6),
];

fn blobs() -> Array2<f64> {
    Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
        let at = |(center_row, center_column, width, height): (f64, f64, f64, f64)| {
            let squared = (row as f64 - center_row).powi(2) + (column as f64 - center_column).powi(2);
            height * (-squared / (2.0 * width * width)).exp()
        };
        BLOBS.into_iter().map(at).sum()
    })
}

/// A disc, a square and a triangle on a sky that grows darker to the ground.
fn photo() -> Array3<u8> {
    Array3::from_shape_fn((SIDE, SIDE, 3), |(row, column, channel)| {
        let (y, x) = (row as f64, column as f64);
        let grain = ((row * 37 + column * 101 + row * column) % 17) as f64 - 8.0;
        let color: [f64; 3] = if (y - 72.0).hypot(x - 68.0) < 20.0 {
            [190.0, 70.0, 60.0]
        } else if (14.0..48.0).contains(&y) && (16.0..50.0).contains(&x) {
            [60.0, 120.0, 80.0]
        } else if y > 66.0 && y < 96.0 && (x - 22.0).abs() < (y - 66.0) * 0.55 {
            [225.0, 190.0, 70.0]
        } else {
            [150.0 - 0.5 * y, 175.0 - 0.4 * y, 205.0 - 0.3 * y]
        };
        (color[channel] + grain) as u8
    })
}
