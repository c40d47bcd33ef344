//! What is explained: composites of the data set, or one's own pictures.

use std::collections::HashSet;
use std::path::PathBuf;

use bow_classifier::{BowClassifier, TiledDecomposition, Tiling, decompose_tiles};
use datasets::polygons::{Scene, composite};
use heatmap::normalize;
use images::to_unit_range;
use ndarray::{Array2, Array3};
use relevance::Ledger;

use crate::Failure;
use crate::measures::Localization;
use crate::options::ExplanationSettings;

/// Characters of a picture's name that the names of its results keep: with four bytes each, they stay below the 255
/// that file systems take.
const LONGEST_NAME: usize = 50;

/// A picture to explain.
pub struct Subject {
    /// Names its files.
    pub name: String,
    /// What the captions call it.
    pub title: String,
    pub image: Array3<u8>,
    /// Where its shapes are, if that is known.
    pub scene: Option<Scene>,
}

/// A picture, explained.
pub struct Explained {
    pub name: String,
    pub title: String,
    pub image: Array3<u8>,
    pub decomposition: TiledDecomposition,
    /// The relevance after Eq. 35.
    pub normalized: Array2<f64>,
    /// Where its relevance lies, if it is known where it should.
    pub localization: Option<Localization>,
}

/// Composites 0, 1, … of a seed.
pub fn composites(seed: u64, count: usize) -> Vec<Subject> {
    (0..count as u64)
        .map(|index| {
            let scene = composite(seed, index);
            Subject {
                name: format!("composite-{index}"),
                title: format!("composite {index}"),
                image: scene.image.clone(),
                scene: Some(scene),
            }
        })
        .collect()
}

/// Pictures from files, each with a name of its own for its results.
pub fn read_pictures(paths: &[PathBuf]) -> Result<Vec<Subject>, Failure> {
    let mut subjects: Vec<Subject> = Vec::with_capacity(paths.len());
    for path in paths {
        let image = images::read(path)?;
        let title = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let name = unused_name(&title, &subjects);
        subjects.push(Subject { name, title, image, scene: None });
    }
    Ok(subjects)
}

/// A name for the results of a picture: without the dots that part names from endings, no longer than file systems
/// take, and unlike the names in use even where capitals don't count.
fn unused_name(title: &str, subjects: &[Subject]) -> String {
    let stem: String = title.replace('.', "-").chars().take(LONGEST_NAME).collect();
    let in_use: HashSet<String> = subjects.iter().map(|subject| subject.name.to_lowercase()).collect();
    let mut name = format!("image-{stem}");
    let mut copy = 1;
    while in_use.contains(&name.to_lowercase()) {
        copy += 1;
        name = format!("image-{stem}-{copy}");
    }
    name
}

/// Fails for the first picture that has fewer rows or columns than the classifier's local features need.
pub fn check_sizes(subjects: &[Subject], needed: usize) -> Result<(), Failure> {
    for subject in subjects {
        let (height, width, _) = subject.image.dim();
        if height.min(width) < needed {
            return Err(format!(
                "{}: the picture is {width}×{height} pixels; the local features need {needed} along either side",
                subject.title
            )
            .into());
        }
    }
    Ok(())
}

impl Subject {
    /// Explains the picture tile by tile.
    pub fn explain(self, classifier: &BowClassifier, settings: &ExplanationSettings) -> Result<Explained, Failure> {
        let tiling = Tiling { side: settings.tile, step: settings.step };
        let decomposition = decompose_tiles(classifier, to_unit_range(self.image.view()).view(), 0, tiling)
            .map_err(|error| format!("{}: {error}", self.title))?;
        let normalized = normalize(decomposition.pixels.view())?;
        let localization = match &self.scene {
            Some(scene) => Some(Localization::of(scene, &decomposition.pixels, &normalized)?),
            None => None,
        };
        Ok(Explained { name: self.name, title: self.title, image: self.image, decomposition, normalized, localization })
    }
}

/// The ledgers of all explanations, added up.
pub fn total_ledger(explained: &[Explained]) -> Ledger {
    let mut total = Ledger::default();
    for explained in explained {
        total.accumulate(&explained.decomposition.ledger);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_takes_anothers_files() {
        let mut subjects = Vec::new();
        let long = "ä".repeat(300);
        for title in ["a", "a.heatmap", "A", "a-heatmap", "a", "", &long, &long] {
            let name = unused_name(title, &subjects);
            subjects.push(Subject { name, title: title.to_owned(), image: Array3::zeros((1, 1, 1)), scene: None });
        }
        let names: Vec<&str> = subjects.iter().map(|subject| subject.name.as_str()).collect();
        assert_eq!(names[..6], ["image-a", "image-a-heatmap", "image-A-2", "image-a-heatmap-2", "image-a-3", "image-"]);
        assert!(names.iter().all(|name| name.len() <= 255 - ".relevance.npy".len() && !name.contains('.')));
        let different: HashSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(different.len(), names.len());
    }
}
