//! The output folder.

use std::fs;
use std::path::{Path, PathBuf};

use bow_classifier::BowClassifier;
use heatmap::{write_png, write_whole};
use ndarray_npy::WriteNpyExt;
use report::Report;

use crate::Failure;
use crate::measures::Metrics;
use crate::options::ExplanationSettings;
use crate::pictures::{Triplet, contact_sheet};
use crate::subjects::Explained;

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

    /// All subjects on one sheet.
    pub fn contact_sheet(&self, explained: &[Explained], settings: &ExplanationSettings) -> Result<(), Failure> {
        match contact_sheet(explained, settings)? {
            Some(sheet) => Ok(write_png(self.folder.join("contact-sheet.png"), &sheet)?),
            None => Ok(()),
        }
    }

    pub fn metrics(&self, metrics: &Metrics) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(metrics)?;
        text.push(b'\n');
        Ok(write_whole(self.folder.join("metrics.json"), &text)?)
    }

    pub fn report(&self, report: &Report) -> Result<(), Failure> {
        Ok(report.write(self.report_path())?)
    }
}
