//! The output folder.

use std::fs;
use std::path::{Path, PathBuf};

use bow_classifier::BowClassifier;
use heatmap::{
    ColorBar, ColorMap, ContactSheet, RgbImage, Superposition, encode_png, photo_picture, render, write_png,
    write_whole,
};
use ndarray_npy::WriteNpyExt;

use crate::measures::Metrics;
use crate::options::ExplanationSettings;
use crate::subjects::Explained;
use crate::{Failure, Run, page};

/// A folder that results are written to, each file whole or not at all.
pub struct Output {
    folder: PathBuf,
}

impl Output {
    /// Makes the folder where it is not there yet, and makes sure that files can be written to it.
    pub fn create(folder: &Path) -> Result<Self, Failure> {
        let unusable = |error| format!("can't write to the output folder {}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(unusable)?;
        tempfile::NamedTempFile::new_in(folder).map_err(unusable)?;
        Ok(Self { folder: folder.to_owned() })
    }

    pub fn report_path(&self) -> PathBuf {
        self.folder.join("report.html")
    }

    pub fn model(&self, classifier: &BowClassifier) -> Result<(), Failure> {
        Ok(classifier.save(self.folder.join("classifier.model"))?)
    }

    /// Original, heatmap, superposition and raw relevance of one subject.
    pub fn pictures(&self, explained: &Explained, settings: &ExplanationSettings) -> Result<(), Failure> {
        let triplet = Triplet::of(explained, settings)?;
        let file = |ending: &str| self.folder.join(format!("{}{ending}", explained.name));
        write_png(file(".png"), &triplet.original)?;
        write_png(file(".heatmap.png"), &triplet.heatmap)?;
        write_png(file(".overlay.png"), &triplet.superposition)?;
        let mut relevance = Vec::new();
        explained.decomposition.pixels.write_npy(&mut relevance)?;
        write_whole(file(".relevance.npy"), &relevance)?;
        Ok(())
    }

    /// All subjects on one sheet, laid out like Fig. 6.
    pub fn contact_sheet(&self, explained: &[Explained], settings: &ExplanationSettings) -> Result<(), Failure> {
        if explained.is_empty() {
            return Ok(());
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
        Ok(write_png(self.folder.join("contact-sheet.png"), &sheet.draw()?)?)
    }

    pub fn metrics(&self, metrics: &Metrics) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(metrics)?;
        text.push(b'\n');
        Ok(write_whole(self.folder.join("metrics.json"), &text)?)
    }

    pub fn report(&self, run: &Run) -> Result<(), Failure> {
        Ok(page::report(run)?.write(self.report_path())?)
    }
}

/// What the colors of the heatmaps mean.
pub fn color_bar(color_map: ColorMap) -> ColorBar {
    ColorBar::of(color_map).captions("against a polygon", "for a polygon")
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
