//! The pictures of an explanation.

use heatmap::{ColorBar, ColorMap, ContactSheet, RgbImage, Superposition, encode_png, photo_picture, render};

use crate::Failure;
use crate::options::ExplanationSettings;
use crate::subjects::Explained;

/// What the colors of the heatmaps mean.
pub fn color_bar(color_map: ColorMap) -> ColorBar {
    ColorBar::of(color_map).captions("against a polygon", "for a polygon")
}

/// All subjects on one sheet, laid out like Fig. 6; none where there are no subjects.
pub fn contact_sheet(explained: &[Explained], settings: &ExplanationSettings) -> Result<Option<RgbImage>, Failure> {
    if explained.is_empty() {
        return Ok(None);
    }
    let mut sheet = ContactSheet::new()
        .columns(["original", "pixel-wise prediction", "superposition"])
        .color_bar(color_bar(settings.color_map));
    for explained in explained {
        let triplet = Triplet::of(explained, settings)?;
        sheet = sheet.row([
            (triplet.original, explained.title.as_str()),
            (triplet.heatmap, ""),
            (triplet.superposition, ""),
        ]);
    }
    Ok(Some(sheet.draw()?))
}

/// The three pictures of Fig. 6.
pub struct Triplet {
    pub original: RgbImage,
    pub heatmap: RgbImage,
    pub superposition: RgbImage,
}

impl Triplet {
    pub fn of(explained: &Explained, settings: &ExplanationSettings) -> Result<Self, Failure> {
        let relevance = explained.normalized.view();
        let superposition = Superposition { color_map: settings.color_map, ..Superposition::default() };
        Ok(Self {
            original: photo_picture(explained.image.view())?,
            heatmap: render(relevance, settings.color_map)?,
            superposition: superposition.draw(explained.image.view(), relevance)?,
        })
    }

    /// The three, each with its caption, as PNG files.
    pub fn png(&self) -> Result<[(&'static str, Vec<u8>); 3], Failure> {
        Ok([
            ("original", encode_png(&self.original)?),
            ("pixel-wise prediction", encode_png(&self.heatmap)?),
            ("superposition", encode_png(&self.superposition)?),
        ])
    }
}
