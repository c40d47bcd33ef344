//! The contact sheet.

use std::num::NonZeroU32;

use heatmap::{ContactSheet, RgbImage, Tile, normalize, photo_picture, render};

use super::explained::{ExplainedSample, Explanation};
use crate::failure::Failure;
use crate::output::{number, percent};
use crate::pictures::{SIGN_COLORS, sign_bar};
use crate::rules::ReadyWay;

/// Pictures smaller than that are enlarged.
const SIDE: u32 = 224;

/// A row for each sample: as people see it, then its heatmaps, each scaled by its own largest relevance.
pub fn draw(samples: &[ExplainedSample], ways: &[ReadyWay]) -> Result<RgbImage, Failure> {
    let titles = std::iter::once("input".to_owned()).chain(ways.iter().map(ToString::to_string));
    let longest = samples.iter().map(|sample| sample.shown.dim().0.max(sample.shown.dim().1)).max().unwrap_or(1);
    let mut sheet = ContactSheet::new()
        .columns(titles)
        .color_bar(sign_bar())
        .magnification(NonZeroU32::new(SIDE / longest as u32).unwrap_or(NonZeroU32::MIN));
    for sample in samples {
        let photo = Tile::from((photo_picture(sample.shown.view())?, photo_caption(sample)));
        let maps = sample.explanations.iter().map(|explanation| {
            let picture = render(normalize(explanation.pixels.view())?.view(), SIGN_COLORS)?;
            Ok(Tile::from((picture, caption(explanation))))
        });
        let maps = maps.collect::<Result<Vec<_>, heatmap::Error>>()?;
        sheet = sheet.row(std::iter::once(photo).chain(maps));
    }
    Ok(sheet.draw()?)
}

fn photo_caption(sample: &ExplainedSample) -> String {
    let over = sample.positions.as_ref().map_or_else(String::new, |positions| format!("\n{positions}"));
    format!("{}\nclass {}{over}\nscore {}", sample.name, sample.class, number(sample.score))
}

/// What became of the score.
fn caption(explanation: &Explanation) -> String {
    let Some(reached) = explanation.reached() else { return "no relevance: a gradient".to_owned() };
    let sink = explanation.main_sink().map(|(sink, share)| format!("\n{sink} {}", percent(share)));
    format!("input {}{}", percent(reached), sink.unwrap_or_default())
}
