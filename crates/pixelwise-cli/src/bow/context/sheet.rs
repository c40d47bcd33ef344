//! The photos of a class with the most relevance on the context, side by side.

use bow_classifier::BowClassifier;
use heatmap::{ColorBar, ContactSheet, RgbImage, Tile, magnitude_at};
use rayon::prelude::*;

use super::located::{Class, Located, bag};
use crate::bow::boxes::boxes_for;
use crate::explain::drawing::Drawing;
use crate::failure::Failure;
use crate::output::number;
use crate::pictures::SIGN_COLORS;

/// As long as its captions need.
const BAR: u32 = 360;

/// A row for each photo, explained once more: its relevance was not kept.
pub fn draw(classifier: &BowClassifier, class: &Class, photos: &[&Located<'_>]) -> Result<RgbImage, Failure> {
    let rows: Vec<[Tile; 3]> =
        photos.par_iter().map(|located| row(classifier, class, located)).collect::<Result<_, Failure>>()?;
    let bar = ColorBar { length: BAR, ..ColorBar::of(SIGN_COLORS) };
    let sheet = ContactSheet::new()
        .title(format!("{}: most relevance on the context", class.name))
        .columns(["photo", "pixel-wise prediction", "over the photo"])
        .color_bar(bar.captions(format!("against {}", class.name), format!("for {}", class.name)));
    Ok(rows.into_iter().fold(sheet, ContactSheet::row).draw()?)
}

/// Photo, map, and both, with the boxes.
fn row(classifier: &BowClassifier, class: &Class, located: &Located<'_>) -> Result<[Tile; 3], Failure> {
    let Located { photo, score, share, .. } = located;
    let pixels = images::read(&photo.photo.path)?;
    let map = class.explain(classifier, &bag(classifier, &pixels)?)?.pixels;
    let boxes = boxes_for(&class.name, &photo.annotation);
    let drawing = Drawing { map: &map, maximum: magnitude_at(map.view(), 1.0), color_map: SIGN_COLORS, boxes: &boxes };
    Ok([
        (drawing.photo(&pixels)?, format!("{}, score {}", photo.photo.id, number(*score))).into(),
        (drawing.map()?, format!("on the context {:.2}", share.context)).into(),
        (drawing.overlay(&pixels)?, format!("by chance {:.2}", 1.0 - share.area)).into(),
    ])
}
