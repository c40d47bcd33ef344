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

/// A row for each sample: as people see it, then its heatmaps, each scaled by its own largest relevance.
pub fn draw(columns: &[Column<'_>]) -> Result<RgbImage, Failure> {
    let Some(first) = columns.first() else { return Err("there is no model to compare".into()) };
    let is_one = columns.len() == 1;
    let titles = columns.iter().flat_map(|column| titles(column, is_one));
    let longest = first.samples.iter().map(|sample| sample.shown.dim().0.max(sample.shown.dim().1)).max().unwrap_or(1);
    let mut sheet = ContactSheet::new()
        .columns(std::iter::once("input".to_owned()).chain(titles))
        .color_bar(sign_bar())
        .magnification(NonZeroU32::new(SIDE / longest as u32).unwrap_or(NonZeroU32::MIN));
    for (row, sample) in first.samples.iter().enumerate() {
        let caption = if is_one { photo_caption(sample) } else { sample.name.clone() };
        let photo = Tile::from((photo_picture(sample.shown.view())?, caption));
        let of_models = columns.iter().filter_map(|column| column.samples.get(row));
        let maps = of_models.flat_map(|sample| sample.explanations.iter().map(move |one| (sample, one)));
        let maps = maps.map(|(sample, explanation)| {
            let picture = render(normalize(explanation.pixels.view())?.view(), SIGN_COLORS)?;
            let of_class = if is_one { String::new() } else { format!("{}\n", class_caption(sample)) };
            Ok(Tile::from((picture, of_class + &caption_of(explanation))))
        });
        let maps = maps.collect::<Result<Vec<_>, heatmap::Error>>()?;
        sheet = sheet.row(std::iter::once(photo).chain(maps));
    }
    Ok(sheet.draw()?)
}

/// How the explanations of a model are called; with its name, where there are others.
fn titles(column: &Column<'_>, is_one: bool) -> Vec<String> {
    let name = column.model.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ways = column.samples.first().into_iter().flat_map(|sample| &sample.explanations);
    ways.map(|explanation| match is_one {
        true => explanation.way.clone(),
        false => format!("{name}: {}", explanation.way),
    })
    .collect()
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
