//! What is explained: composites of the data set, or one's own pictures.

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

/// Pictures from files. Two files of the same name get different names for their results.
pub fn read_pictures(paths: &[PathBuf]) -> Result<Vec<Subject>, Failure> {
    let mut subjects: Vec<Subject> = Vec::with_capacity(paths.len());
    for path in paths {
        let image = images::read(path)?;
        let title = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let taken = |name: &str| subjects.iter().any(|subject| subject.name == name);
        let name = (1..)
            .map(|copy| if copy == 1 { format!("image-{title}") } else { format!("image-{title}-{copy}") })
            .find(|name| !taken(name))
            .unwrap_or_default();
        subjects.push(Subject { name, title, image, scene: None });
    }
    Ok(subjects)
}

impl Subject {
    /// Explains the picture tile by tile.
    pub fn explain(self, classifier: &BowClassifier, settings: &ExplanationSettings) -> Result<Explained, Failure> {
        let tiling = Tiling { side: settings.tile, step: settings.step };
        let decomposition = decompose_tiles(classifier, to_unit_range(self.image.view()).view(), tiling)
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
