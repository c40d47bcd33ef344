//! The contact sheet.

use std::num::NonZeroU32;
use std::path::Path;

use heatmap::{ContactSheet, RgbImage, Tile, normalize, photo_picture, render};

use super::explained::{ExplainedSample, Explanation};
use crate::failure::Failure;
use crate::output::{number, percent};
use crate::pictures::{SIGN_COLORS, sign_bar};

/// Pictures smaller than that are enlarged.
const SIDE: u32 = 224;

/// What a model says of all samples.
pub struct Column<'a> {
    pub model: &'a Path,
    pub samples: &'a [ExplainedSample],
}

/// A row for each sample: as people see it, then its heatmaps, each scaled by its own largest relevance. A model that sees
/// other pixels than the one before it, as a network does that takes the middle of a photo, has its input before its heatmaps.
pub fn draw(columns: &[Column<'_>]) -> Result<RgbImage, Failure> {
    let Some(first) = columns.first() else { return Err("there is no model to compare".into()) };
    let is_one = columns.len() == 1;
    let before = std::iter::once(None).chain(columns.iter().map(Some));
    let shows: Vec<bool> = columns.iter().zip(before).map(|(column, before)| !column.sees_what(before)).collect();
    let titles = columns.iter().zip(&shows).flat_map(|(column, shows)| titles(column, is_one, *shows));
    let longest = first.samples.iter().map(|sample| sample.shown.dim().0.max(sample.shown.dim().1)).max().unwrap_or(1);
    let mut sheet = ContactSheet::new()
        .columns(titles)
        .color_bar(sign_bar())
        .magnification(NonZeroU32::new(SIDE / longest as u32).unwrap_or(NonZeroU32::MIN));
    for row in 0..first.samples.len() {
        let mut tiles = Vec::new();
        for (column, shows) in columns.iter().zip(&shows) {
            let Some(sample) = column.samples.get(row) else { continue };
            if *shows {
                let caption = if is_one { photo_caption(sample) } else { sample.name.clone() };
                tiles.push(Tile::from((photo_picture(sample.shown.view())?, caption)));
            }
            for explanation in &sample.explanations {
                let picture = render(normalize(explanation.pixels.view())?.view(), SIGN_COLORS)?;
                let of_class = if is_one { String::new() } else { format!("{}\n", class_caption(sample)) };
                tiles.push(Tile::from((picture, of_class + &caption_of(explanation))));
            }
        }
        sheet = sheet.row(tiles);
    }
    Ok(sheet.draw()?)
}

impl Column<'_> {
    /// Whether all samples have the pixels that they have for another model.
    fn sees_what(&self, other: Option<&Self>) -> bool {
        other.is_some_and(|other| {
            let pairs = self.samples.iter().zip(other.samples);
            pairs.into_iter().all(|(own, other)| own.shown == other.shown)
        })
    }
}

/// How the explanations of a model are called, and its input where that is shown; with its name, where there are others.
fn titles(column: &Column<'_>, is_one: bool, shows: bool) -> Vec<String> {
    let name = column.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ways = column.samples.first().into_iter().flat_map(|sample| &sample.explanations);
    let ways = ways.map(|explanation| match is_one {
        true => explanation.way.clone(),
        false => format!("{name}: {}", explanation.way),
    });
    shows.then(|| "input".to_owned()).into_iter().chain(ways).collect()
}

fn photo_caption(sample: &ExplainedSample) -> String {
    format!("{}\n{}", sample.name, class_caption(sample))
}

fn class_caption(sample: &ExplainedSample) -> String {
    let over = sample.positions.as_ref().map_or_else(String::new, |positions| format!("\n{positions}"));
    format!("class {}{over}\nscore {}", sample.class, number(sample.score))
}

/// What became of the score.
fn caption_of(explanation: &Explanation) -> String {
    let Some(reached) = explanation.reached() else { return "no relevance: a gradient".to_owned() };
    let sink = explanation.main_sink().map(|(sink, share)| format!("\n{sink} {}", percent(share)));
    format!("input {}{}", percent(reached), sink.unwrap_or_default())
}
